"""The text of a batch file: read strictly, with line and column of what is wrong, and written. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, get_args, get_origin

import msgspec

from aihub_desktop.domain import addresses
from aihub_desktop.domain.addresses import AddressError
from aihub_desktop.domain.batchfile import VERSION, BatchFile
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.jsontext import JsonError, Node, position, read
from aihub_desktop.domain.names import UnsafeNameError, safe_path

LARGEST: Final = 32 << 20  # bytes: 300,000 addresses
_BOM: Final = b"\xef\xbb\xbf"
_KEY: Final = re.compile(r"[0-9A-Za-z_-]{1,40}")
_NAME: Final = 200  # signs of a name that an error repeats
_TYPE_WORDS: Final = {str: "batch-text-wanted", int: "batch-number-wanted", bool: "batch-flag-wanted"}

_Check = Callable[[str], bool]


def parse(raw: bytes) -> BatchFile:
    """Raises `ProblemError`: BAD_BATCH with facts line and column, BATCH_NEWER for a later version's."""
    text = _decoded(raw)
    try:
        return _Batch(read(text)).batch()
    except JsonError as error:
        line, column = position(text, error.at)
        facts = {"name": error.name[:_NAME]} if error.name else {}
        raise ProblemError(Code.BAD_BATCH, why=error.why, line=line, column=column, **facts) from None


def written(batch: BatchFile) -> bytes:
    """As `parse` reads it: UTF-8, a line for each value, what is not said left out."""
    return msgspec.json.format(msgspec.json.encode(batch), indent=2) + b"\n"


def _decoded(raw: bytes) -> str:
    if len(raw) > LARGEST:
        raise ProblemError(Code.BAD_BATCH, why="batch-too-large")
    if raw.startswith(_BOM):
        raise ProblemError(Code.BAD_BATCH, why="batch-bom", line=1, column=1)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line, column = position(before := raw[: error.start].decode(), len(before))
        raise ProblemError(Code.BAD_BATCH, why="batch-no-utf8", line=line, column=column) from None


class _Batch:
    """The value of a whole text, judged against `BatchFile`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def batch(self) -> BatchFile:
        """Raises `JsonError`, and `ProblemError` BATCH_NEWER before anything that a newer version may have."""
        version = self._node.member("aihubbatch")
        if version is None:
            raise JsonError("batch-none", self._node.at)
        number = _value(version, int)
        if number > VERSION:
            raise ProblemError(Code.BATCH_NEWER, version=number)
        if number < 1:
            raise JsonError("batch-version", version.at)
        batch: BatchFile = _value(self._node, BatchFile)
        self._check(batch)
        return batch

    def _check(self, batch: BatchFile) -> None:
        if not (batch.datasets or batch.addresses):
            raise JsonError("batch-empty", self._node.at)
        if batch.delete_archives and not batch.unpack:
            _fail("batch-delete-needs-unpack", self._node.member("delete_archives") or self._node)
        seen: set[tuple[object, object]] = set()
        for node in _items(self._node, "datasets"):
            _check_dataset(node)
            _once(seen, (_text(node, "key"), bool(_plain(node, "package"))), "batch-dataset-twice", node)
        for node in _items(self._node, "addresses"):
            _check_address(node)
            _once(seen, ("", _as_asked(_text(node, "address"))), "batch-address-twice", node)


def _check_dataset(node: Node) -> None:
    _each(_items(node, "key"), "batch-dataset-key", _is_key)
    _each(_items(node, "files"), "batch-file-key", _is_key)
    for name in ("include", "exclude"):
        _each(_items(node, name), "batch-pattern", bool)


def _check_address(node: Node) -> None:
    _each(_items(node, "address"), "batch-address", _is_address)
    _each(_items(node, "mirrors"), "batch-mirror", lambda text: _is_address(text) and not addresses.is_object(text))
    _each(_items(node, "out"), "batch-out", _is_name)
    _each(_items(node, "checksum"), "batch-checksum", _is_checksum)
    told = next((below for name in ("mirrors", "out", "checksum") if (below := node.member(name)) is not None), None)
    text = _text(node, "address")
    if told is not None and (_is_prefix(text) or (addresses.is_object(text) and node.member("mirrors"))):
        _fail("batch-for-one", told)


def _once(seen: set[tuple[object, object]], key: tuple[object, object], why: str, node: Node) -> None:
    if key in seen:
        raise JsonError(why, node.at, str(key[0] or addresses.shown(str(key[1]))))
    seen.add(key)


def _each(nodes: Iterator[Node], why: str, fits: _Check) -> None:
    for node in nodes:
        if not fits(str(node.value)):
            raise JsonError(why, node.at)


def _fail(why: str, node: Node) -> NoReturn:
    raise JsonError(why, node.at)


# ---- values by the types of the structs ----


def _value(node: Node, kind: Any) -> Any:
    """Raises `JsonError` for anything but a value of `kind`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(node, kind)
    if get_origin(kind) is tuple:
        if node.items is None:
            raise JsonError("batch-list-wanted", node.at)
        return tuple(_value(one, get_args(kind)[0]) for one in node.items)
    if type(node.value) is not kind:  # a list or an object has no value
        raise JsonError(_TYPE_WORDS[kind], node.at)
    return node.value


def _struct(node: Node, kind: type[msgspec.Struct]) -> msgspec.Struct:
    if node.members is None:
        raise JsonError("batch-object-wanted", node.at)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    given: dict[str, Any] = {}
    for name, at, below in node.members:
        if name not in fields:
            raise JsonError("batch-unknown-name", at, name)
        given[name] = _value(below, fields[name].type)
    for name, field in fields.items():
        if field.required and name not in given:
            raise JsonError("batch-missing", node.at, name)
    return kind(**given)


def _items(node: Node, name: str) -> Iterator[Node]:
    """The items of a list, the one of a text, none of what is not there."""
    below = node.member(name)
    if below is not None:
        yield from [below] if below.items is None else below.items


def _plain(node: Node, name: str) -> object:
    below = node.member(name)
    return None if below is None else below.value


def _text(node: Node, name: str) -> str:
    return str(_plain(node, name) or "")


# ---- what texts may say ----


def _is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def _is_prefix(text: str) -> bool:
    return addresses.is_object(text) and addresses.object_address(text).is_prefix


def _as_asked(text: str) -> str:
    """An address in the form in which it is asked for. Raises `AddressError`."""
    return str(addresses.object_address(text)) if addresses.is_object(text) else addresses.web_address(text)


def _is_address(text: str) -> bool:
    try:
        _as_asked(text)
    except AddressError:
        return False
    return True


def _is_name(text: str) -> bool:
    try:
        safe_path(text)
    except UnsafeNameError:
        return False
    return True


def _is_checksum(text: str) -> bool:
    try:
        addresses.checksum(text)
    except ValueError:
        return False
    return True
