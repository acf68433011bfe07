"""Tasks in a worker process, as leases: a verification, an unpacking. Progress a few times a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import HARMLESS, Depth, Finding
from aihub_desktop.domain.holdings import DAMAGE, MOST_MISFITS, Misfit
from aihub_desktop.domain.leases import AnyNews, Emptied, Ended, Found, Unpack, Unpacking, Verify
from aihub_desktop.domain.leases import Seen as SeenNews
from aihub_desktop.domain.unpacking import UnpackNews, UnpackProgress
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.verify import verify

if TYPE_CHECKING:
    from aihub_desktop.unpack.job import Unpacking as Job

_EVERY_SECONDS: Final = 0.2
# Of what lies beside the files and does no harm a few are enough to look at.
_MOST_HARMLESS: Final = 1000


class Verifying:
    """One verification. `run` in a thread of its own."""

    def __init__(self, work: Verify, report: Callable[[AnyNews], None]) -> None:
        self._work = work
        self._report = report
        self._stop = threading.Event()
        self._counts: Counter[str] = Counter()
        self._damaged: list[Misfit] = []
        self._doubtful: list[Misfit] = []
        self._harmless: list[Misfit] = []
        self._files = self._bytes = 0
        self._told_at = float("-inf")

    def run(self) -> None:
        """`Found` where all was looked at, then `Ended`."""
        problem = None
        try:
            verify(
                self._work.folder, depth=Depth.DEEP if self._work.deep else Depth.QUICK, threads=self._work.threads,
                report=self._see, progress=self._read, stopped=self._stop.is_set,
            )  # fmt: skip
        except ProblemError as error:
            problem = error.problem
        else:
            self._tell()
            if not self._stop.is_set():
                misfits = self._damaged + self._doubtful + self._harmless
                self._report(Found(self._work.lease, dict(self._counts), misfits))
        self._report(Ended(self._work.lease, problem))

    def drop(self) -> None:
        self._stop.set()

    def _see(self, seen: Sequence[Seen]) -> None:
        others = [one for one in seen if one.finding is not Finding.OK]
        self._counts[Finding.OK.value] += len(seen) - len(others)
        self._files += len(seen) - len(others)
        for one in others:
            self._see_other(one)
        if time.monotonic() - self._told_at >= _EVERY_SECONDS:
            self._tell()

    def _see_other(self, seen: Seen) -> None:
        self._counts[seen.finding.value] += 1
        self._files += seen.finding not in HARMLESS
        if seen.finding in DAMAGE:
            _keep(self._damaged, seen, MOST_MISFITS)
        elif seen.finding not in HARMLESS:
            _keep(self._doubtful, seen, MOST_MISFITS)
        else:
            _keep(self._harmless, seen, _MOST_HARMLESS)

    def _read(self, count: int) -> None:
        self._bytes = count
        self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._report(SeenNews(self._work.lease, self._files, self._bytes))


def _keep(misfits: list[Misfit], seen: Seen, most: int) -> None:
    if len(misfits) < most:
        stamp = (seen.stamp.size, seen.stamp.modified) if seen.stamp else ()
        misfits.append(Misfit(seen.path, seen.finding, *stamp))


class Emptying:
    """One unpacking. `run` in a thread of its own."""

    def __init__(self, work: Unpack, report: Callable[[AnyNews], None]) -> None:
        self._work = work
        self._report = report
        self._job: Job | None = None
        self._dropped = threading.Event()
        self._told_at = float("-inf")

    def run(self) -> None:
        """`Emptied` for each archive, then `Ended`."""
        problem = None
        try:
            # A worker that only receives is there sooner without it.
            from aihub_desktop.unpack.job import Unpacking as Job  # noqa: PLC0415

            self._job = Job(self._work.wish, self._hear, threads=self._work.threads)
            if not self._dropped.is_set():
                self._job.run()
        except ProblemError as error:
            problem = error.problem
        self._report(Ended(self._work.lease, problem))

    def drop(self) -> None:
        self._dropped.set()
        if self._job is not None:
            self._job.stop()

    def _hear(self, news: UnpackNews) -> None:
        if not isinstance(news, UnpackProgress):
            self._report(Emptied(self._work.lease, news))
        elif time.monotonic() - self._told_at >= _EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._report(Unpacking(self._work.lease, news))
