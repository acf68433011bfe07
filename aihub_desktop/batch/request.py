"""NAME.aihubrequest: what a machine holds, by hash, and what it is to hold. A list of JSON lines.

{"aihubrequest": 1, "id": …, "machine": {"id", "name"}, "batch": {…}, "files": 2, …}
{"place": …, "sha256": …, "size": …, "dataset": …, "key": …}     one for each file that it holds
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.documents import Paper, encoded, write_document
from aihub_desktop.batch.machine import Machine, is_id, new_id
from aihub_desktop.batch.values import SHA256, Held, is_moment
from aihub_desktop.disk.target import Target, must_not_be_away
from aihub_desktop.disk.volume import nearest, volume_of
from aihub_desktop.domain import batchtext
from aihub_desktop.domain.batchfile import BatchFile
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Count
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp, moment

SUFFIX: Final = ".aihubrequest"
VERSION: Final = 1
_KIND: Final = "aihubrequest"


class RequestHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`at`: ISO 8601 in UTC. `free` bytes are left for files, and one may have `largest` bytes at most (None: any)."""

    aihubrequest: int
    id: str
    at: str
    machine: Machine
    folder: str
    batch: BatchFile
    files: Count
    free: Count = 0
    largest: Count | None = None
    file_system: str = ""

    @property
    def is_right(self) -> bool:
        """Whether this program may have written it; what comes from outside may say anything.

        Raises `ProblemError` BATCH_NEWER.
        """
        try:
            batchtext.parse(batchtext.written(self.batch))
        except ProblemError as error:
            if error.problem.code is Code.BATCH_NEWER:
                raise
            return False
        return is_id(self.id) and self.machine.is_right and is_moment(self.at) and self.file_system.isprintable()


@dataclass(frozen=True, slots=True)
class Request:
    head: RequestHead
    held: list[Held]


@dataclass(slots=True)
class Stock:
    """What a folder holds that can be relied on. `doubtful` files are not as they were when they were proved."""

    held: list[Held]
    doubtful: int = 0


def stock(folder: Path) -> Stock:
    """By the ledger, and by size and time of each file; nothing is read. Raises `ProblemError`, DRIVE_GONE too."""
    must_not_be_away(folder, Code.DRIVE_GONE)
    ledger, target = Ledger(folder), Target(folder)
    found = Stock([])
    for entry in ledger.entries().values():
        if stands(target, entry):
            found.held.append(Held.of(entry))
        else:
            found.doubtful += 1
    # Deleted once everything in them stood unpacked: nobody needs them again.
    found.held += [msgspec.structs.replace(Held.of(entry), gone=True) for entry in ledger.departed().values()]
    return found


def stands(target: Target, entry: Entry) -> bool:
    """Whether the file is there as it was when it was proved, as far as that shows without reading it."""
    if entry.broken is not None:
        return False
    try:
        spot = target.spot(entry.place)
        if not target.check_parents(spot):
            return False
        state = os.lstat(spot.final)
    except (ProblemError, OSError):
        return False
    if not stat.S_ISREG(state.st_mode):
        return False
    if entry.modified:
        return entry.stamp.fits(Stamp.of(state))
    return entry.size in (None, state.st_size)  # older logs and foreign lists have no time


def must_be_there(folder: Path) -> None:
    """Raises `ProblemError` DRIVE_GONE, IN_THE_WAY."""
    if not folder.exists():
        raise ProblemError(Code.DRIVE_GONE, path=str(folder))
    Target(folder).find()


def room_of(folder: Path) -> tuple[int, int | None, str]:
    """(free bytes, the largest file, the file system) of where the folder is or will be; zeros where that is away."""
    try:
        place = nearest(folder)
        volume = None if place is None else volume_of(place)
    except OSError:
        volume = None
    return (0, None, "") if volume is None else (volume.free, volume.largest, volume.file_system)


def head_of(machine: Machine, folder: Path, batch: BatchFile, files: int) -> RequestHead:
    """Of a new request, made now."""
    free, largest, file_system = room_of(folder)
    return RequestHead(
        VERSION, new_id(), moment(), machine, str(folder), batch, files, free, largest, file_system
    )  # fmt: skip


def write_request(path: Path, head: RequestHead, held: Iterable[Held]) -> None:
    """Raises `ProblemError`."""
    write_document(path, encoded(head, held))


def read_request(path: Path) -> Request:
    """Raises `ProblemError` as `Paper` does."""
    with Paper(path, _KIND, VERSION) as paper:
        head = paper.head(RequestHead)
        if not head.is_right:
            raise paper.refusal("document-head")
        return Request(head, list(_checked(paper, head.files)))


def _checked(paper: Paper, count: int) -> Iterator[Held]:
    for held in paper.lines(Held, count):
        if SHA256.fullmatch(held.sha256) is None:
            raise paper.refusal("document-line")
        yield held
