"""What target folders hold, as the library shows it. Sizes in bytes, moments in seconds since 1970.

The truth lies in each folder, in its ledger. These are summaries of it, kept so that a folder whose drive is away
can still be shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.findings import BROKEN, HARMLESS, Finding
from aihub_desktop.domain.model import Count, Dataset

# After these a file is not what was received.
DAMAGE: Final = BROKEN | {Finding.UNSAFE}
# What a person can look through; beyond it the number alone is kept.
MOST_MISFITS: Final = 10_000


class HoldingState(StrEnum):
    """What a person should know of a folder first. The later ones hide the earlier."""

    RIGHT = "right"  # nothing is known to be wrong
    NEWER = "newer"  # the dataset was released anew since
    DAMAGED = "damaged"  # the last verification found files that are not as they were received
    UNREADABLE = "unreadable"  # the disk says why, in `problem`
    GONE = "gone"  # the drive is there, the folder or its ledger is not
    AWAY = "away"  # the drive is not there


def is_archive(place: str) -> bool:
    """Whether a file can be unpacked, by its name. Of a split set its NAME.zip stands for all of it."""
    return place.casefold().endswith((".zip", ".tar", ".tar.gz", ".tgz"))


class Misfit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file that a verification did not find as it should be.

    `size`, `modified`: of what lay there, -1 and 0 for nothing; by them the very file is known again.
    """

    place: str
    finding: Finding
    size: int = -1
    modified: int = 0  # nanoseconds since 1970


class Verdict(msgspec.Struct, frozen=True):
    """The last verification that came to its end. `counts` by finding; `misfits` the first of them, damage first."""

    at: float
    deep: bool
    counts: dict[str, int]
    misfits: list[Misfit] = []

    @property
    def damaged(self) -> int:
        return sum(count for finding, count in self.counts.items() if finding in DAMAGE)

    @property
    def is_known_whole(self) -> bool:
        """Whether every file that was not found as it should be is among `misfits`."""
        told = sum(misfit.finding not in HARMLESS for misfit in self.misfits)
        return told == sum(count for finding, count in self.counts.items() if finding not in HARMLESS)


class Summary(msgspec.Struct, frozen=True):
    """What a ledger told. `dataset` is the one that most of the files are of, of `datasets` in all.

    `proofs`: files by their `Proof`, "" where nothing is known. `unsized`: files of which the ledger has no size and
    the disk neither. `archives`: those that can be unpacked, a split set being one. `newer`: files that the tree of
    `tree_at` has under another key, or no more. `volume`: the mark of the volume. `seen` tells whether the ledger was
    written since.
    """

    dataset: Dataset
    datasets: int = 1
    files: Count = 0
    bytes: Count = 0
    unsized: Count = 0
    archives: Count = 0
    proofs: dict[str, int] = {}
    first_at: float | None = None
    last_at: float | None = None
    newer: Count = 0
    tree_at: float = 0.0
    volume: str = ""
    seen: str = ""


class HoldingRow(msgspec.Struct, frozen=True):
    """One folder of the library. `summary` None: it has not been read yet. `verdict` without its misfits."""

    id: int
    folder: str
    state: HoldingState
    added_at: float
    title: str = ""  # of the dataset, "" where nobody knows it
    summary: Summary | None = None
    verdict: Verdict | None = None
    problem: Problem | None = None


class HeldFile(msgspec.Struct, frozen=True, gc=False):
    """One line of a ledger. `finding`: of the last verification, "" where it had nothing to say against the file.

    `at` is ISO 8601 in UTC, "" for unknown, as are `proof`, `note`, `key`.
    """

    place: str
    sha256: str
    size: int | None = None
    proof: str = ""
    note: str = ""
    at: str = ""
    finding: str = ""
