"""Verified files onto their names, many at a time, and into the record.

    bytes in the stage → synced together → final names → names synced → one line of the record

Each step is done for the whole lot before the next begins. A thread of its own does it, while others unpack on.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from isal import isal_zlib
from msgspec.structs import replace

from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.disk.folder import OpenFolder
from aihub_desktop.disk.publish import give_name
from aihub_desktop.disk.syncing import SYNCING, sync_all
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.unpacking import Refusal, Refused
from aihub_desktop.unpack.record import Done, Record, Standing
from aihub_desktop.unpack.site import Floor, sync_folders

MOST_FILES: Final = 4096
MOST_BYTES: Final = 256 << 20
_FEW: Final = 8  # of so few each is synced for itself: the whole file system may have much else to write
_AT_ONCE: Final = 64  # descriptors
_BLOCK: Final = 1 << 20


class Landed(NamedTuple):
    """A whole, verified file. `stage`: its name where it waits, "" if it stands already, by its bytes."""

    standing: Standing
    stage: str
    name: str  # the entry's own, to be told

    @property
    def folder(self) -> str:
        return self.standing.place.rpartition("/")[0]


class Landing:
    """`drop` hears of what may not land, and its size, in the landing's thread. A context manager.

    Raises `ProblemError` at `put` and `finish`, once something went wrong: nothing lands after that.
    """

    def __init__(
        self, home: Path, stage: OpenFolder, floor: Floor, record: Record, drop: Callable[[Refused, int], None]
    ) -> None:
        self._home = home
        self._stage = stage
        self._floor = floor
        self._record = record
        self._drop = drop
        self._waiting: list[Landed] = []
        self._bytes = 0
        self._busy = False
        self._closing = False
        self._problem: Problem | None = None
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="landing", daemon=True)
        self._thread.start()

    def put(self, files: list[Landed]) -> None:
        """Waits where too much has gathered."""
        with self._change:
            self._change.wait_for(lambda: self._problem is not None or not self._is_full(2))
            self._check()
            self._waiting += files
            self._bytes += sum(one.standing.size for one in files)
            if self._is_full(1):
                self._change.notify_all()

    def finish(self) -> None:
        """All that was put stands, and the record says so, when this returns."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join()
        self._check()

    def _is_full(self, times: int) -> bool:
        return len(self._waiting) >= times * MOST_FILES or self._bytes >= times * MOST_BYTES

    def _check(self) -> None:
        if self._problem is not None:
            raise ProblemError.of(self._problem)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closing or self._is_full(1))
                files, self._waiting, self._bytes = self._waiting, [], 0
                self._change.notify_all()
            if not files:
                return
            try:
                self._land(files)
            except ProblemError as error:
                self._end(error.problem)
                return
            except Exception as error:
                self._end(Problem(Code.BUG, {"why": type(error).__name__}))
                raise

    def _end(self, problem: Problem) -> None:
        with self._change:
            self._problem = problem
            self._change.notify_all()

    def _land(self, files: list[Landed]) -> None:
        new = [one for one in files if one.stage]
        try:
            together = len(new) > _FEW and sync_all(self._home)
            if not together:
                _sync_each(self._stage.path / one.stage for one in new)
            self._floor.forget()
            stand: list[Standing] = []
            for folder, group in groupby(files, attrgetter("folder")):
                stand += self._name_all(folder, list(group))
            if not (together and sync_all(self._home)):
                sync_folders(self._floor.new_names() | {(self._home / one.place).parent for one in stand})
            if stand:
                self._record.append(Done(stand))
        except OSError as error:
            raise disk_error(error) from error

    def _name_all(self, folder: str, files: list[Landed]) -> list[Standing]:
        """Of the files of one folder those that stand under their final names now."""
        try:
            with self._floor.open(folder) as other:
                found = [one.standing if not one.stage else self._name(one, other) for one in files]
        except ProblemError as error:
            if error.problem.code is not Code.IN_THE_WAY:
                raise
            found = [one.standing if not one.stage else self._refused(one) for one in files]
        return [standing for standing in found if standing is not None]

    def _name(self, one: Landed, other: OpenFolder) -> Standing | None:
        place = one.standing.place
        try:
            give_name(self._stage, one.stage, other, place.rpartition("/")[2])
        except FileExistsError:
            modified = time_of_same(self._home / place, one.standing.size, one.standing.crc)
            if modified is None:
                return self._refused(one)
            self._stage.remove(one.stage)
            return replace(one.standing, modified=modified)
        return one.standing

    def _refused(self, one: Landed) -> Standing | None:
        """What is already there keeps the name."""
        self._stage.remove(one.stage)
        self._drop(Refused(one.name, Refusal.IN_THE_WAY, one.standing.place), one.standing.size)
        return None


def _sync_each(paths: Iterable[Path]) -> None:
    """A few at a time: each holds a descriptor."""
    waiting = iter(paths)
    while opened := [OpenFile(path) for path in islice(waiting, _AT_ONCE)]:
        try:
            errors = SYNCING.sync(opened)
        finally:
            for file in opened:
                file.close()
        for error in errors:
            if error is not None:
                raise error


def time_of_same(path: Path, size: int, crc: int) -> int | None:
    """When the regular file with these very bytes that lies there was last written to; None if there is none.

    Raises `ProblemError`.
    """
    try:
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode) or state.st_size != size:
            return None
        file = OpenFile(path, write=False)
        try:
            return state.st_mtime_ns if _crc(file) == crc else None
        finally:
            file.close()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error


def _crc(file: OpenFile) -> int:
    view = memoryview(bytearray(_BLOCK))
    crc = at = 0
    while count := file.read_at(at, view):
        crc = isal_zlib.crc32(view[:count], crc)
        at += count
    return crc
