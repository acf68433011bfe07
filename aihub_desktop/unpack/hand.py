"""Writes entries into the stage and proves them: a thread, a reader of its own, one entry after the other."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from isal import isal_zlib

from aihub_desktop.archives.entry import Item
from aihub_desktop.archives.zipreader import ZipReader
from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.disk.folder import OpenFolder, give_time
from aihub_desktop.disk.reserve import Reserve
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.unpacking import Refusal, Refused
from aihub_desktop.unpack.landing import Landed, time_of_same
from aihub_desktop.unpack.record import Standing
from aihub_desktop.unpack.site import Floor

_RESERVED: Final = 16 << 20  # a smaller file is written before the call would have paid
_NOTED: Final = 16 << 20  # of a large entry this much is told at once


class Job(NamedTuple):
    """An entry and its place, relative to the home."""

    item: Item
    place: str


@dataclass(frozen=True, slots=True)
class Bench:
    """What hands share. `drop` and `note` may be called from any thread; `note`: entries and bytes that are done;
    `drop`: an entry that was noted, and its size."""

    home: Path
    stage: OpenFolder
    floor: Floor
    drop: Callable[[Refused, int], None]
    note: Callable[[int, int], None]
    stopped: Callable[[], bool]
    with_sha256: bool


class Hand:
    """Not safe for two threads."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._noted = 0
        self._folder = ""
        self._is_fresh = False

    def from_zip(self, reader: ZipReader, job: Job) -> Landed | None:
        """None for what was refused, which has been told. Raises `ProblemError`: the disk's, STOPPED."""
        for way in range(reader.ways(job.item)):
            try:
                # All of a small entry, if nothing is wrong with it; what is wrong is for the long way to say.
                data = None if way else reader.at_once(job.item)
                return self.take(job, reader.portions(job.item, way) if data is None else (data,), data)
            except ProblemError as error:
                if error.problem.code is not Code.BAD_ARCHIVE:
                    raise
        self._bench.note(1, job.item.size)
        self._refuse(job, Refusal.DAMAGED)
        return None

    def take(self, job: Job, portions: Iterable[bytes], whole: bytes | None = None) -> Landed | None:
        """One entry from its bytes. None where something else is in the way, which has been told.

        `whole`: all of them, proved. Raises `ProblemError`: BAD_ARCHIVE of `portions`, and then nothing of it is left;
        the disk's; STOPPED.
        """
        try:
            taken = self._is_taken(job)
        except ProblemError as error:
            if error.problem.code is not Code.IN_THE_WAY:
                raise
            self._bench.note(1, job.item.size)
            self._refuse(job, Refusal.IN_THE_WAY)
            return None
        if taken:
            return self._compared(job, portions)
        standing = self._small(job, whole) if whole is not None else self._large(job, portions)
        self._bench.note(1, job.item.size - self._noted)
        self._noted = 0
        return Landed(standing, str(job.item.number), job.item.name)

    def _is_taken(self, job: Job) -> bool:
        """Whether something lies at its place. What comes there later is seen when the name is given."""
        folder = job.place.rpartition("/")[0]
        if folder != self._folder or not folder:
            self._is_fresh = self._bench.floor.folder(folder)
            self._folder = folder
        return not self._is_fresh and os.path.lexists(self._bench.home / job.place)

    def _compared(self, job: Job, portions: Iterable[bytes]) -> Landed | None:
        """What lies there is this very entry, of an earlier run or another program; or it is left alone."""
        size, crc = job.item.size, job.item.crc
        if crc < 0:
            crc = 0
            for portion in portions:
                crc = isal_zlib.crc32(portion, crc)
        path = self._bench.home / job.place
        self._bench.note(1, size)
        modified = time_of_same(path, size, crc)
        if modified is None:
            self._refuse(job, Refusal.IN_THE_WAY)
            return None
        return Landed(Standing(job.item.number, job.place, size, crc, "", modified), "", job.item.name)

    def _small(self, job: Job, data: bytes) -> Standing:
        item = job.item
        try:
            modified = self._bench.stage.write(str(item.number), data, item.modified)
        except OSError as error:
            raise disk_error(error, self._bench.home) from error
        sha256 = hashlib.sha256(data).hexdigest() if self._bench.with_sha256 else ""
        return Standing(item.number, job.place, item.size, item.crc, sha256, modified)

    def _large(self, job: Job, portions: Iterable[bytes]) -> Standing:
        name = str(job.item.number)
        path = self._bench.stage.path / name
        try:
            crc, sha256 = self._write(path, job.item, portions)
            modified = give_time(path, job.item.modified)
        except OSError as error:
            raise disk_error(error, path) from error
        except BaseException:
            self._take_back()
            with contextlib.suppress(OSError):
                self._bench.stage.remove(name)
            raise
        return Standing(job.item.number, job.place, job.item.size, crc, sha256, modified)

    def _write(self, path: Path, item: Item, portions: Iterable[bytes]) -> tuple[int, str]:
        digest = hashlib.sha256() if self._bench.with_sha256 else None
        reserve = _room_for(item.size)
        crc = at = 0
        try:
            file = OpenFile(path, fresh=True)
        except OSError as error:
            raise disk_error(error, path) from error
        try:
            for portion in portions:
                if reserve is not None:
                    reserve.make_room(file, at)
                file.write_at(at, memoryview(portion))
                at += len(portion)
                if item.crc < 0:
                    crc = isal_zlib.crc32(portion, crc)
                if digest is not None:
                    digest.update(portion)
                self._pass(at)
        except OSError as error:
            raise disk_error(error, self._bench.home) from error
        finally:
            file.close()
        return item.crc if item.crc >= 0 else crc, "" if digest is None else digest.hexdigest()

    def _pass(self, at: int) -> None:
        if at - self._noted >= _NOTED:
            self._bench.note(0, at - self._noted)
            self._noted = at
            if self._bench.stopped():
                raise ProblemError(Code.STOPPED)

    def _take_back(self) -> None:
        self._bench.note(0, -self._noted)
        self._noted = 0

    def _refuse(self, job: Job, why: Refusal) -> None:
        self._bench.drop(Refused(job.item.name[:300], why), job.item.size)


def _room_for(size: int) -> Reserve | None:
    if size < _RESERVED:
        return None
    reserve = Reserve()
    reserve.expect(size)
    return reserve
