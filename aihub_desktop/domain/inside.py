"""What lies in an archive, as a look into it tells. Sizes in bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import Count
from aihub_desktop.domain.unpacking import Refusal, Refused

LARGEST_PART: Final = 512 << 10  # of an entry in one message
LONGEST_PAGE: Final = 1000
MOST_TAKEN: Final = 1000  # more is for unpacking


class Order(StrEnum):
    ARCHIVE = "archive"
    NAME = "name"
    SIZE = "size"
    PACKED = "packed"
    KIND = "kind"  # by the end of the name


class EntryRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`number` names it in this look. `closed`: why its bytes cannot be had, None if they can."""

    number: int
    name: str
    size: int
    packed: int
    closed: Refusal | None = None


class Inside(msgspec.Struct, frozen=True):
    """`files` of `bytes` unpacked, in an archive that is `packed` long. `encoding`: what names seem to be in."""

    files: Count
    bytes: Count
    packed: Count
    encoding: str


class Entries(msgspec.Struct, frozen=True):
    """A page of the `total` entries that fit."""

    rows: list[EntryRow]
    total: Count


class EntryPart(msgspec.Struct, frozen=True):
    """`is_last`: nothing follows, and all of it was proved."""

    data: bytes
    is_last: bool


class Taken(msgspec.Struct, frozen=True):
    """One entry lies at `path` now."""

    entry: int
    path: str


class TakenOut(msgspec.Struct, frozen=True):
    """`problem`: what ended it early."""

    files: list[Taken]
    refused: list[Refused] = []
    problem: Problem | None = None


class LookState(msgspec.Struct, frozen=True):
    """Entries listed so far."""

    entries: Count
