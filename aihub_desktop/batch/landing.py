"""Files on their way to their names below one folder, whether that is a bag or what a machine holds.

    ROOT/STAGING/SHA256.part, .journal   a large file, which goes on after a kill where it stopped
    ROOT/STAGING/small-N                 a small one, whole in memory before; many are made durable together

The order is that of every other file: bytes, their sync, the name, the folder's sync, and then whoever records it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.disk.files import OpenFile, disk_error, hashed, in_the_way, plain_file, sync_folder
from aihub_desktop.disk.folder import give_time
from aihub_desktop.disk.patience import patiently_replace, remove
from aihub_desktop.disk.publish import publish, rename_new
from aihub_desktop.disk.syncing import SYNCING
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.holdings.copying import Copy, Hearer, Steps
from aihub_desktop.transport.coverage import merged
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Stamp

SMALL: Final = 4 << 20
_TOGETHER: Final = 256
_TOGETHER_BYTES: Final = 128 << 20
_SMALL_NAME: Final = "small-"


class WrongBytesError(Exception):
    """What was read is not what it should be. `path`: of the file that was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


class Digest:
    """SHA-256 of what it hears; `also` hears the same."""

    def __init__(self, also: Hearer | None = None) -> None:
        self._sha256 = hashlib.sha256()
        self._also = also

    def feed(self, data: memoryview) -> None:
        self._sha256.update(data)
        if self._also is not None:
            self._also.feed(data)

    @property
    def hex(self) -> str:
        return self._sha256.hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of a file to be, from `start` on. `sha256`: of them, "" where nobody knows it yet."""

    extent: Extent
    start: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file to be. `label` names it to whoever asked, `sha256` "": not known. `replace`: what has its name goes, if it
    has this stamp still, where one is given.
    """

    label: str
    spot: Spot
    size: int
    sha256: str = ""
    modified: int = 0
    replace: bool = False
    stamp: Stamp | None = None

    def must_be_as_it_was(self) -> None:
        """A copy takes a while, in which somebody may write to what it is to replace. Raises `ProblemError`."""
        state = plain_file(self.spot.final) if self.stamp is not None else None
        if state is not None and Stamp.of(state) != self.stamp:
            raise in_the_way(self.spot.final, "exists")


@dataclass(frozen=True, slots=True)
class Landed:
    """It has its name, durably. `modified` is the file's time, in nanoseconds since 1970."""

    label: str
    sha256: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    path: Path
    file: OpenFile
    sha256: str


class Landing:
    """One thread's. `landed` hears what has its name, many at a time; `failed` what could not get it."""

    def __init__(
        self,
        root: Path,
        staging: str,
        landed: Callable[[Sequence[Landed]], None],
        failed: Callable[[str, Problem], None],
        steps: Steps,
    ) -> None:
        self._target = Target(root)
        self._staging = Target(self._target.folder.joinpath(*staging.split("/")))
        self._landed, self._failed, self._steps = landed, failed, steps
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._count = 0

    def open(self) -> None:
        """Takes away what an earlier run was at with small files. Raises `ProblemError`."""
        folder = self._staging.folder
        try:
            self._target.make_parents(Spot("", folder / _SMALL_NAME, folder, folder))
            for name in os.listdir(folder):
                if name.startswith(_SMALL_NAME):
                    remove(folder / name)
        except OSError as error:
            raise disk_error(error, folder) from error

    def close(self) -> None:
        """What is not done stays for the next run, but for small files."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.file.close()
            with contextlib.suppress(OSError):
                remove(one.path)
        with contextlib.suppress(OSError):
            self._staging.folder.rmdir()  # if it is empty

    def bring(self, arrival: Arrival, sources: Sequence[Source], hearer: Hearer | None = None) -> str:
        """SHA-256 of the file that comes of `sources`; "" where bytes of it are still missing.

        A small one has its name at the latest when `flush` returns. `hearer` hears the bytes of all sources, in order.
        Raises `WrongBytesError`, `UnreadableError` for what is read, `ProblemError` for what is written, StoppedError.
        """
        is_all = sum(source.extent.length for source in sources) == arrival.size
        if is_all and arrival.size <= SMALL:
            return self._bring_small(arrival, sources, hearer)
        return self._bring_large(arrival, sources, hearer)

    def lacking(self, arrival: Arrival, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those of `spans` of which bytes are still to come. Raises `ProblemError`."""
        journal = read_journal(self._staging.spot(_name(arrival)).journal)
        there = merged(journal.pieces) if journal is not None else []
        return [span for span in spans if not any(start <= span[0] and span[1] <= stop for start, stop in there)]

    def flush(self) -> None:
        """All small files have their names, and `landed` was told. Raises `ProblemError`."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        errors = SYNCING.sync([one.file for one in waiting])
        for one in waiting:
            one.file.close()
        folders: set[Path] = set()
        named = []
        try:
            for one, error in zip(waiting, errors, strict=True):
                if error is not None:
                    raise error
                if (found := self._named(one, folders)) is not None:
                    named.append(found)
            for folder in folders:
                sync_folder(folder)
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        self._landed(named)

    # ---- small ----

    def _bring_small(self, arrival: Arrival, sources: Sequence[Source], hearer: Hearer | None) -> str:
        self._steps.go_on()
        data = bytearray(arrival.size)
        whole = Digest(hearer)
        for source in sources:
            view = memoryview(data)[source.start : source.start + source.extent.length]
            with Volumes([[source.extent]]) as volume:
                volume.read_into(0, view)
            if source.sha256 and hashlib.sha256(view).hexdigest() != source.sha256:
                raise WrongBytesError(source.extent.path)
            whole.feed(view)
        if arrival.sha256 and whole.hex != arrival.sha256:
            raise WrongBytesError(sources[0].extent.path if sources else arrival.spot.final)
        self._steps.progress(arrival.size)
        self._keep(arrival, data, whole.hex)
        return whole.hex

    def _keep(self, arrival: Arrival, data: bytearray, sha256: str) -> None:
        self._count += 1
        path = self._staging.folder / f"{_SMALL_NAME}{self._count}"
        try:
            file = OpenFile(path, fresh=True)
            self._waiting.append(_Waiting(arrival, path, file, sha256))
            file.write_at(0, memoryview(data))
        except OSError as error:
            raise disk_error(error, path) from error
        self._bytes += len(data)
        if len(self._waiting) >= _TOGETHER or self._bytes >= _TOGETHER_BYTES:
            self.flush()

    def _named(self, one: _Waiting, folders: set[Path]) -> Landed | None:
        spot = Spot(one.arrival.spot.place, one.arrival.spot.final, one.path, one.path)
        try:
            self._target.make_parents(spot)
            modified = give_time(one.path, one.arrival.modified)
            one.arrival.must_be_as_it_was()
            if one.arrival.replace:
                patiently_replace(spot.part, spot.final)
            else:
                rename_new(spot)
        except ProblemError as error:
            self._failed(one.arrival.label, error.problem)
        except FileExistsError:
            self._failed(one.arrival.label, Problem(Code.IN_THE_WAY, {"path": str(spot.final)}))
        else:
            folders.add(spot.final.parent)
            return Landed(one.arrival.label, one.sha256, one.arrival.size, modified)
        with contextlib.suppress(OSError):
            remove(one.path)
        return None

    # ---- large ----

    def _bring_large(self, arrival: Arrival, sources: Sequence[Source], hearer: Hearer | None) -> str:
        copy = self._copy(arrival)
        spot = copy.spot
        try:
            sha256 = self._fill(copy, arrival, sources, hearer)
            if not sha256:
                return ""
            copy.claim(arrival.size, sha256)
        finally:
            copy.close()
        try:
            modified = give_time(spot.part, arrival.modified)
            self._target.make_parents(arrival.spot)
            arrival.must_be_as_it_was()
            publish(Spot(arrival.spot.place, arrival.spot.final, spot.part, spot.journal), replace=arrival.replace)
            remove(spot.journal)
        except OSError as error:
            raise disk_error(error, arrival.spot.final) from error
        self._landed([Landed(arrival.label, sha256, arrival.size, modified)])
        return sha256

    def _copy(self, arrival: Arrival) -> Copy:
        name = _name(arrival)
        size = SizeRange.exactly(arrival.size)
        work = WorkFile(0, RemoteFile("carried", "", name, name, size), name)
        return Copy(self._staging, work, self._staging.spot(name), self._steps)

    def _fill(self, copy: Copy, arrival: Arrival, sources: Sequence[Source], hearer: Hearer | None) -> str:
        """SHA-256 of the whole, "" while bytes are missing. Of a wrong portion no other has to come again."""
        whole = Digest(hearer)
        try:
            wrong = [source for source in sources if not _filled(copy, arrival, source, whole)]
        except ProblemError as error:
            if error.problem.code is Code.CHANGED:
                copy.discard()
            raise
        if wrong:
            if copy.is_empty:
                copy.discard()
            raise WrongBytesError(wrong[0].extent.path)
        if not copy.covers(0, arrival.size):
            return ""
        came = sum(source.extent.length for source in sources)
        sha256 = whole.hex if came == arrival.size else hashed(copy.spot.part)
        if arrival.sha256 and sha256 != arrival.sha256:
            copy.discard()
            raise WrongBytesError(sources[0].extent.path if sources else copy.spot.part)
        return sha256


def _filled(copy: Copy, arrival: Arrival, source: Source, whole: Digest) -> bool:
    """Whether its bytes are there, and right."""
    own = Digest(whole)
    copy.fill((source.extent,), own, start=source.start, size=arrival.size)
    if not source.sha256 or own.hex == source.sha256:
        return True
    copy.drop(source.start, source.start + source.extent.length)
    return False


def _name(arrival: Arrival) -> str:
    """In the staging folder. What is known by its hash goes on from whichever bundle its bytes come."""
    return arrival.sha256 or hashlib.sha256(arrival.label.encode()).hexdigest()
