"""What becomes of a file that was found, and the values on the way there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.archives.volumes import UnreadableError
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.adoption import Fate
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.holdings.copying import Copy
from aihub_desktop.holdings.evidence import Evidence
from aihub_desktop.holdings.finds import Find

# These concern the whole disk; every other problem is one of a single file.
_OF_ALL: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.TARGET_MISSING})


class Told(msgspec.Struct, frozen=True):
    """What became of `work`, of which `path` was found. `proof` and `note` of what was adopted."""

    work: WorkFile
    fate: Fate
    path: str
    size: int = 0
    proof: str = ""
    note: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """What a person allows.

    `move`: whole files of another place on the same drive are renamed. `set_aside`: a damaged or foreign file that
    has the name of a file of the dataset becomes NAME.bad, whether the right one is here or has yet to be fetched.
    `drop_broken`: a mis-merged file is removed once its right copy has its name.
    """

    move: bool = False
    set_aside: bool = False
    drop_broken: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A file whose bytes were read: they lie at `path`, which is their place where the find was in it."""

    work: WorkFile
    find: Find
    spot: Spot
    path: Path
    evidence: Evidence
    copy: Copy | None = None
    guard: Guard | None = None

    def let_go(self) -> None:
        """More than once does no harm."""
        if self.copy is not None:
            self.copy.close()
        if self.guard is not None:
            self.guard.release()

    def give_up(self) -> None:
        """What was copied is not wanted; what was found stays. Raises `ProblemError`."""
        if self.copy is not None:
            self.copy.discard()
        self.let_go()


class RefusedError(Exception):
    """A file is not taken."""

    def __init__(self, fate: Fate, problem: Problem | None = None) -> None:
        super().__init__(fate)
        self.fate = fate
        self.problem = problem

    @classmethod
    def of(cls, error: ProblemError) -> RefusedError:
        return cls(_FATES.get(error.problem.code, Fate.FAILED), error.problem)


_FATES: Final = {
    Code.BAD_ARCHIVE: Fate.DAMAGED,
    Code.CHANGED: Fate.CHANGED,
    Code.IN_THE_WAY: Fate.BLOCKED,
    Code.NO_ROOM: Fate.NO_ROOM,
    Code.DISK_FULL: Fate.NO_ROOM,
}


def is_of_all(error: ProblemError) -> bool:
    """The disk that is written to, not what was found."""
    return error.problem.code in _OF_ALL and not isinstance(error, UnreadableError)
