"""JSON that people write: every value with its place in the text, so that what is wrong can be pointed at.

Stricter than most readers: no name twice, no control signs in texts, nothing nested deeper than anybody needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

DEEPEST: Final = 12
_MOST: Final = 2_000_000  # values: each takes a hundred bytes while it is read
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_TOKEN: Final = re.compile(
    r'(?P<text>"(?:[^"\\\x00-\x1f]++|\\.)*+")'
    r"|(?P<number>-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?(?![0-9.eE]))"
    r"|(?P<word>true|false|null)(?![A-Za-z0-9_])"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

Scalar = str | int | float | bool | None


class JsonError(ValueError):
    """`why` is a word for what is wrong, `at` its place in the text, `name` whose it is, "" for nobody's."""

    def __init__(self, why: str, at: int, name: str = "") -> None:
        super().__init__(why)
        self.why, self.at, self.name = why, at, name


class Node(NamedTuple):
    """A value and where it begins: the `items` of a list, the `members` of an object, else a `value` alone."""

    at: int
    value: Scalar = None
    items: tuple[Node, ...] | None = None
    members: tuple[Member, ...] | None = None

    def member(self, name: str) -> Node | None:
        return next((one.node for one in self.members or () if one.name == name), None)


class Member(NamedTuple):
    """A name of an object, where it stands, and what it has."""

    name: str
    at: int
    node: Node


class Position(NamedTuple):
    """Both count from 1."""

    line: int
    column: int


def position(text: str, at: int) -> Position:
    """Where a person finds the sign `at`: lines and columns of signs."""
    return Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def read(text: str) -> Node:
    """The one value of `text`. Raises `JsonError`."""
    reader = _Reader(text)
    node = reader.value(DEEPEST)
    if reader.next_sign():
        raise JsonError("batch-after-end", reader.at)
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._count = 0
        self.at = 0

    def next_sign(self) -> str:
        """The next sign that is no blank, "" at the end; it stays the next."""
        found = _BLANK.match(self._text, self.at)
        self.at = found.end() if found else self.at
        return self._text[self.at : self.at + 1]

    def value(self, depth: int) -> Node:
        sign, at = self.next_sign(), self.at
        if not sign:
            raise JsonError("batch-unfinished", at)
        if sign in "{[" and depth == 0:
            raise JsonError("batch-too-deep", at)
        self._count += 1
        if self._count > _MOST:
            raise JsonError("batch-too-large", at)
        if sign == "{":
            return Node(at, members=tuple(self._members(depth)))
        if sign == "[":
            return Node(at, items=tuple(self.value(depth - 1) for _ in self._parts("]")))
        return Node(at, self._scalar())

    def _members(self, depth: int) -> Iterator[Member]:
        names: set[str] = set()
        for _ in self._parts("}"):
            sign, at = self.next_sign(), self.at
            name = self._scalar() if sign == '"' else None
            if not isinstance(name, str):
                raise JsonError("batch-name-wanted" if sign else "batch-unfinished", at)
            if name in names:
                raise JsonError("batch-twice", at, name)
            names.add(name)
            self._take(":", "batch-colon-wanted")
            yield Member(name, at, self.value(depth - 1))

    def _parts(self, end: str) -> Iterator[None]:
        """Stands before each part of a list or an object in turn, and behind its end at last."""
        self.at += 1
        if self.next_sign() != end:
            yield
            while self.next_sign() == ",":
                self.at += 1
                yield
        self._take(end, "batch-comma-wanted")

    def _take(self, sign: str, why: str) -> None:
        found = self.next_sign()
        if found != sign:
            raise JsonError(why if found else "batch-unfinished", self.at)
        self.at += 1

    def _scalar(self) -> Scalar:
        found, at = _TOKEN.match(self._text, self.at), self.at
        if found is None:
            raise JsonError("batch-text" if self._text[at] == '"' else "batch-no-value", at)
        self.at = found.end()
        try:
            value: Scalar = msgspec.json.decode(found[0].encode())
        except (msgspec.DecodeError, UnicodeError):
            raise JsonError("batch-text" if found["text"] else "batch-no-value", at) from None
        if isinstance(value, str) and not _is_plain(value):
            raise JsonError("batch-text", at)
        return value


def _is_plain(text: str) -> bool:
    try:
        text.encode()  # half of a surrogate pair can neither be shown nor be stored
    except UnicodeEncodeError:
        return False
    return _CONTROL.search(text) is None
