"""One archive onto disk: survey, preflight, entries, names, record."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aihub_desktop.archives.entry import Item
from aihub_desktop.archives.opening import AnyArchive
from aihub_desktop.archives.zipreader import ZipArchive
from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.folder import OpenFolder
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.unpacking import UnpackProgress
from aihub_desktop.unpack import preflight
from aihub_desktop.unpack.crew import Crew, done
from aihub_desktop.unpack.hand import Bench, Hand, Job
from aihub_desktop.unpack.landing import Landing
from aihub_desktop.unpack.places import Places
from aihub_desktop.unpack.preflight import Need
from aihub_desktop.unpack.record import Over, Record
from aihub_desktop.unpack.site import Floor, Site
from aihub_desktop.unpack.tally import Tally

_TOGETHER: Final = 128  # entries for a hand at once; the way through the queue costs as much as a small file
_SMALL: Final = (
    16 << 10
)  # on average; of such entries several hands take longer than one, for the interpreter is the limit
_TOGETHER_BYTES: Final = 4 << 20
_TELL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Manner:
    """How. `tell` hears in the thread that runs the extraction."""

    patterns: list[str]
    any_size: bool
    with_sha256: bool
    threads: int
    floor: int
    stopped: Callable[[], bool]
    tell: Callable[[UnpackProgress], None]


class Extraction:
    """Of one archive, whose record it holds. Raises `ProblemError` from `run`, with `tally` telling how far it got."""

    def __init__(self, site: Site, archive: AnyArchive, record: Record, manner: Manner) -> None:
        self._archive = archive
        self._record = record
        self._manner = manner
        self._site = site
        self._places = Places(manner.patterns, any_size=manner.any_size)
        self._floor = Floor(site.home)
        self._problem: Problem | None = None
        self._next = 0.0
        self.tally = Tally(site.shown)
        self._into = site.into

    @property
    def is_complete(self) -> bool:
        """Everything in the archive stands, and not just what was wanted of it."""
        return not (self.tally.lost or self._places.left_out)

    def run(self) -> None:
        self._record.recall(self._archive.fingerprint)
        any_size = self._manner.any_size
        places = Places(self._manner.patterns, any_size=any_size)
        need = preflight.survey(self._archive, places, self._record.has, any_size=any_size)
        preflight.check(need, preflight.room_at(self._site.home), self._manner.floor)
        self._into = into_of(self._site, need)
        self.tally.entries_total, self.tally.bytes_total = need.entries, need.bytes
        with self._empty_stage() as stage:
            self._through(stage)
        self._stage_goes()
        self._end()

    def _through(self, stage: OpenFolder) -> None:
        landing = Landing(self._site.home, stage, self._floor, self._record, self.tally.drop)
        bench = Bench(
            self._site.home, stage, self._floor, self.tally.drop, self.tally.note, self._is_over,
            self._manner.with_sha256,
        )  # fmt: skip
        try:
            self._unpack(bench, landing)
        finally:
            # What is whole stands, whatever ended the run.
            with contextlib.suppress(ProblemError):
                landing.finish()
        landing.finish()

    def _end(self) -> None:
        if self._problem is not None:
            raise ProblemError.of(self._problem)
        if self._manner.stopped():
            raise ProblemError(Code.STOPPED)
        over = Over(self.tally.entries, self.tally.bytes, self.tally.lost)
        if self._record.over != over:
            try:
                self._record.append(over)
            except OSError as error:
                raise disk_error(error, self._record.path) from error
        self._manner.tell(self.tally.progress())

    # ---- the entries ----

    def _unpack(self, bench: Bench, landing: Landing) -> None:
        if not isinstance(self._archive, ZipArchive):
            self._from_tar(self._archive.contents(), Hand(bench), landing)
        elif self._manner.threads == 1 or self._are_small():
            self._alone(self._archive, Hand(bench), landing)
        else:
            crew = Crew(self._archive, bench, landing, self._manner.threads, self._show, self._give_up)
            crew.run(self._lots(self._archive))

    def _are_small(self) -> bool:
        return self.tally.bytes_total < _SMALL * self.tally.entries_total

    def _from_tar(self, contents: Iterator[tuple[Item, Iterator[bytes]]], hand: Hand, landing: Landing) -> None:
        for item, portions in contents:
            if (job := self._job(item)) is not None and (landed := hand.take(job, self._shown(portions))):
                landing.put([landed])
            if self._has_to_stop():
                return

    def _alone(self, archive: ZipArchive, hand: Hand, landing: Landing) -> None:
        with archive.reader() as reader:
            for jobs in self._lots(archive):
                landing.put(done(hand, reader, jobs, self._has_to_stop))

    def _has_to_stop(self) -> bool:
        self._show()
        return self._is_over()

    def _lots(self, archive: ZipArchive) -> Iterator[list[Job]]:
        jobs: list[Job] = []
        size = 0
        for item in archive.items():
            if self._is_over():
                return
            if (job := self._job(item)) is None:
                continue
            jobs.append(job)
            size += item.size
            if len(jobs) >= _TOGETHER or size >= _TOGETHER_BYTES:
                yield jobs
                jobs, size = [], 0
        if jobs:
            yield jobs

    def _job(self, item: Item) -> Job | None:
        """None for what is not to be done, or done already."""
        fate = self._places.fate(item)
        if fate.refused is not None:
            self.tally.refuse(fate.refused)
        if not fate.place:
            self._make_folder(item)
            return None
        place = self._placed(fate.place)
        if self._record.has(item.number) and self._stands(place, item.size):
            self.tally.note(1, item.size)
            return None
        return Job(item, place)

    def _make_folder(self, item: Item) -> None:
        if folder := self._places.folder(item):
            # A folder that cannot be made is told with the first file for it.
            with contextlib.suppress(ProblemError):
                self._floor.folder(self._placed(folder))

    def _placed(self, path: str) -> str:
        return f"{self._into}/{path}" if self._into else path

    def _stands(self, place: str, size: int) -> bool:
        try:
            state = os.lstat(self._site.home / place)
        except OSError:
            return False
        return stat.S_ISREG(state.st_mode) and state.st_size == size

    # ---- the end of it, and news ----

    def _is_over(self) -> bool:
        return self._problem is not None or self._manner.stopped()

    def _give_up(self, problem: Problem) -> None:
        if self._problem is None and problem.code is not Code.STOPPED:
            self._problem = problem

    def _show(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TELL_SECONDS
            self._manner.tell(self.tally.progress())

    def _shown(self, portions: Iterator[bytes]) -> Iterator[bytes]:
        for portion in portions:
            yield portion
            if self._has_to_stop():
                raise ProblemError(Code.STOPPED)

    # ---- the stage ----

    def _empty_stage(self) -> OpenFolder:
        """What an earlier run left there was never promised to anybody."""
        stage = self._record.stage
        try:
            stage.mkdir(exist_ok=True)
            if not stat.S_ISDIR(os.lstat(stage).st_mode):
                raise ProblemError(Code.IN_THE_WAY, path=str(stage), why="not a folder")
            for name in os.listdir(stage):
                remove(stage / name)
            return OpenFolder(stage)
        except OSError as error:
            raise disk_error(error, stage) from error

    def _stage_goes(self) -> None:
        with contextlib.suppress(OSError):
            self._record.stage.rmdir()


def into_of(site: Site, need: Need) -> str:
    """Not doubled: an archive whose only folder has its own name needs none around it."""
    above, _, name = site.into.rpartition("/")
    return above if site.is_free and need.top and need.top == name else site.into
