"""The values everything else speaks of."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

HUB: Final = "aihub"


# Counts that come from outside: neither SQLite nor Qt holds more than 63 bits.
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class SizeRange(msgspec.Struct, frozen=True):
    """A size known only as rounded text: the true size, in bytes, lies in `low` ≤ size ≤ `high`.

    `shown` is the text of the source ("47 GB"); an exactly known size has low == high.
    """

    low: Count
    high: Count
    shown: str

    def allows(self, size: int) -> bool:
        return self.low <= size <= self.high


class Dataset(msgspec.Struct, frozen=True):
    """One entry of a source's list. `package` tells a data package from a dataset: keys may coincide."""

    source: str
    key: str
    title: str
    package: bool = False


class RemoteFile(msgspec.Struct, frozen=True):
    """A file as the source lists it. `path` is the source's own spelling, parts joined by "/": text, not a path."""

    source: str
    dataset: str
    key: str
    path: str
    size: SizeRange
    package: bool = False


class Piece(msgspec.Struct, frozen=True, order=True):
    """Bytes start ≤ i < stop of a file, durable on disk; `digest` is their XXH3-128 in hex.

    The digest tells a changed source or a decayed disk, not an attacker: SHA-256 of the file does that.
    """

    start: int
    stop: int
    digest: str = ""


class Secret:
    """Text that shows itself nowhere by accident. `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def masked(self) -> str:
        """Enough for its owner to recognise it: "1a2b…9f", or dots alone for a short one."""
        return f"{self._text[:4]}…{self._text[-2:]}" if len(self._text) >= 16 else "…"

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


_KEY: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def looks_like_key(text: str) -> bool:
    """The hub's keys are UUIDs of 36 signs."""
    return _KEY.fullmatch(text) is not None
