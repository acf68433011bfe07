"""Files that other tools left, taken over: what is wished, what was found, what became of it. Sizes in bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import Count, Dataset


class Origin(StrEnum):
    """How the bytes of a find lie there."""

    FILE = "file"  # under one name
    PIECES = "pieces"  # NAME.part0, NAME.part1073741824 …, as the official script leaves them
    TAR = "tar"  # in a tar of pieces, as it came from the hub
    PART = "part"  # in a NAME.part with a journal: this program's own


class State(StrEnum):
    """What is known of a find before its bytes are read."""

    RECORDED = "recorded"  # in its place and in the ledger
    WHOLE = "whole"  # every byte seems to be there
    PARTIAL = "partial"  # bytes are missing; the hub cannot resume inside a file
    MISJOINED = "mis-merged"  # every byte is there, the pieces in the wrong order
    DAMAGED = "damaged"  # a zip that does not read
    FOREIGN = "foreign"  # the name of a file of the tree, with a size which that cannot have
    AMBIGUOUS = "ambiguous"  # could be one of several files of the tree
    OLDER = "older"  # the ledger has it, of another release of the dataset
    UNREADABLE = "unreadable"
    LINK = "link"  # never followed


class Fate(StrEnum):
    """What became of a file of the tree."""

    ADOPTED = "adopted"
    DAMAGED = "damaged"  # its archive is not sound
    UNPROVED = "unproved"  # neither the bytes nor where they lay tell that they are all
    UNCLEAR = "unclear"  # several different files could be it
    CHANGED = "changed"  # not what a manifest, or a download that was begun, says of it
    BLOCKED = "blocked"  # another file has its name
    NO_ROOM = "no-room"
    FAILED = "failed"  # it could not be read or written; see the problem


class Lot(StrEnum):
    """What is to become of a find, and so in which order a person wants to hear of it."""

    WRONG = "wrong"  # it stays as it is; the right one has to be fetched
    PARTIAL = "partial"  # cut off: to be fetched anew
    MISJOINED = "mis-merged"  # put right
    JOINED = "joined"  # pieces, or a member of a tar, become a file
    ELSEWHERE = "elsewhere"  # whole, but not in its place: copied or moved
    IN_PLACE = "in-place"  # recorded where it lies
    SPARE = "spare"  # of its file another find is better
    RECORDED = "recorded"  # nothing is left to do


# Those that an adoption takes over.
TAKEN: Final = (Lot.IN_PLACE, Lot.ELSEWHERE, Lot.JOINED, Lot.MISJOINED)


class AdoptWish(msgspec.Struct, frozen=True):
    """Files of `dataset` in `folder` are proved and taken over into `to`, "" for the folder itself.

    `only_look`: nothing is written. `move`: whole files of the same drive are renamed instead of copied. `set_aside`:
    a wrong file that has the name of a right one becomes NAME.bad. `rest`: what is missing then is downloaded.
    """

    folder: str
    dataset: str
    package: bool = False
    to: str = ""
    only_look: bool = False
    move: bool = False
    set_aside: bool = False
    rest: bool = False

    @property
    def target(self) -> str:
        return self.to or self.folder


class FoundFile(msgspec.Struct, frozen=True, gc=False):
    """Something that was found. `place`: of the file of the dataset, "" where it cannot be told which; `path`: where
    it lies, below the folder that was looked through. `is_movable`: on the drive where it is to go. `bars`: it is
    wrong, and has the name of a right one. `fate`, "" before an adoption; `problem` of one that went wrong.
    """

    place: str
    path: str
    origin: Origin
    state: State
    lot: Lot
    size: Count
    is_movable: bool = False
    bars: bool = False
    fate: Fate | None = None
    problem: Problem | None = None


class Sum(msgspec.Struct, frozen=True, array_like=True):
    files: Count
    bytes: Count


NOTHING: Final = Sum(0, 0)


class Stock(msgspec.Struct, frozen=True):
    """What of a dataset is there. `lots` by `Lot`. `movable`: of ELSEWHERE, what need not be copied. `bars`: how many
    wrong files have the name of a right one. `missing` files have between `low` and `high` bytes. `unreadable`:
    folders. `transfer`: the download of the missing ones, 0 for none.
    """

    dataset: Dataset
    files: Count
    lots: dict[str, Sum]
    movable: Sum = NOTHING
    bars: Count = 0
    missing: Count = 0
    low: Count = 0
    high: Count = 0
    unreadable: Count = 0
    transfer: Count = 0

    def of(self, *lots: Lot) -> Sum:
        sums = [self.lots.get(lot, NOTHING) for lot in lots]
        return Sum(sum(one.files for one in sums), sum(one.bytes for one in sums))
