"""What the core asks the shell to do, and what the shell tells the core. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from aihub_desktop.disk.volume import Volume
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.leases import Proved, WorkFile
from aihub_desktop.transport.reconcile import Standing


class Word(IntEnum):
    """How far a person has spoken for a folder."""

    NONE = 0  # the program goes on by itself
    ASKED = 1  # a person wants the files there
    ACCEPTED = 2  # a person was told that it is not the place of before, and goes on


@dataclass(frozen=True, slots=True)
class Fetch:
    """Begin a lease: one request for these files."""

    lease: int
    folder: str
    files: list[WorkFile]


@dataclass(frozen=True, slots=True)
class Collect:
    """Begin a lease: files of one place that serves ranges, in this order, over so many connections at most."""

    lease: int
    folder: str
    files: list[WorkFile]
    connections: int


@dataclass(frozen=True, slots=True)
class Prove:
    """Begin a lease: check these whole files and give them their names."""

    lease: int
    folder: str
    files: list[WorkFile]


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop a lease; its `Ended` is still to come."""

    lease: int


@dataclass(frozen=True, slots=True)
class Allot:
    """From now on this lease may read `rate` bytes a second; 0 for no limit."""

    lease: int
    rate: int


@dataclass(frozen=True, slots=True)
class LookAt:
    """See what of these files is on disk; the answer is `Looked`."""

    transfer: int
    folder: str
    files: list[WorkFile]
    volume: str = ""  # the `Mark` of the volume it began on, "" where it has not begun
    word: Word = Word.NONE


@dataclass(frozen=True, slots=True)
class Survey:
    """See whether the folder is where it was, and how much room its volume has; the answer is `Surveyed`.

    `parts`: files that are received now, of which the allocation is asked. `traces`: what shows that the
    folder is ours, wherever it lies now. `probe`: something is written and removed.
    """

    transfer: int
    folder: str
    volume: str
    parts: dict[int, str]
    traces: list[str]
    probe: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Enter a proved file into the target folder's manifest; the answer is `Recorded` or `NotRecorded`."""

    folder: str
    file: WorkFile
    proof: Proved
    device: int = 0  # on which the folder must be, 0 for any: a manifest in an empty mount point would mislead


Deed = Fetch | Collect | Prove | Halt | Allot | LookAt | Survey | Record


@dataclass(frozen=True, slots=True)
class Looked:
    """What the disk holds, by file; or why it cannot be told."""

    transfer: int
    standings: dict[int, Standing]
    problem: Problem | None = None
    volume: Volume | None = None


@dataclass(frozen=True, slots=True)
class Surveyed:
    """`allocated` by file; a problem where the folder is not as it should be."""

    transfer: int
    volume: Volume | None
    allocated: dict[int, int]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The manifest names this file, durably."""

    proof: Proved


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """The file stands under its name, but the manifest could not be written."""

    proof: Proved
    problem: Problem


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """There is another key now: who waited for one goes on."""


@dataclass(frozen=True, slots=True)
class StorageChanged:
    """Another way to be let in at this object storage is known now: who waited for one goes on."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The machine slept, or reaches the hub by another way: connections from before are dead, whatever they say."""
