"""A survey, or an adoption, in a worker process: one lease. Progress a few times a second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.domain.adoption import Fate
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.holdings import MOST_MISFITS
from aihub_desktop.domain.leases import Adopt, AnyNews, Ended, Seen, Taken, Taking

if TYPE_CHECKING:
    from aihub_desktop.holdings.fates import Told
    from aihub_desktop.holdings.finds import Survey

_EVERY_SECONDS: Final = 0.2


class Adopting:
    """`run` in a thread of its own. An adoption looks anew: what a survey found may have changed since, and a worker
    that has died is followed by one that knows nothing.
    """

    def __init__(self, work: Adopt, report: Callable[[AnyNews], None]) -> None:
        self._work = work
        self._report = report
        self._stop = threading.Event()
        self._told: list[Told] = []
        self._seen = self._read = self._files_total = self._bytes_total = 0
        self._told_at = float("-inf")

    def run(self) -> None:
        """`Taken` where it came to its end, then `Ended`."""
        self._report(Ended(self._work.lease, self._outcome()))

    def drop(self) -> None:
        self._stop.set()

    def _outcome(self) -> Problem | None:
        try:
            self._act()
        except ProblemError as error:
            return error.problem
        except StoppedError:
            pass  # a survey
        return None

    def _act(self) -> None:
        # A worker that only receives is there sooner without them.
        from aihub_desktop.holdings.stock import inventory  # noqa: PLC0415
        from aihub_desktop.holdings.survey import survey  # noqa: PLC0415

        wish = self._work.wish
        found = survey(wish.folder, self._work.files, wish.target, stopped=self._stop.is_set, progress=self._look)
        if self._stop.is_set():
            return
        if not wish.only_look:
            self._adopt(found)
        counted = inventory(self._work.dataset, found, None if wish.only_look else self._told)
        adopted = [one for one in self._told if one.fate is Fate.ADOPTED]
        self._report(
            Taken(
                self._work.lease, counted.stock, counted.lines[:MOST_MISFITS], counted.missing, len(adopted),
                sum(one.size for one in adopted), len(self._told) - len(adopted),
            )
        )  # fmt: skip

    def _adopt(self, found: Survey) -> None:
        from aihub_desktop.holdings.adopt import Adoption  # noqa: PLC0415
        from aihub_desktop.holdings.copying import Steps  # noqa: PLC0415
        from aihub_desktop.holdings.fates import Ways  # noqa: PLC0415

        best = [finds[0] for finds in found.by_work().values()]
        self._files_total, self._bytes_total = len(best), sum(find.size for find in best)
        wish = self._work.wish
        ways = Ways(move=wish.move, set_aside=wish.set_aside)
        # What was adopted until it was stopped stays, and is told.
        with contextlib.suppress(StoppedError):
            Adoption(found, self._hear, Steps(self._count, self._stop.is_set), ways).run()

    def _look(self) -> None:
        self._seen += 1
        if self._is_time():
            self._report(Seen(self._work.lease, self._seen, 0))

    def _hear(self, told: Told) -> None:
        self._told.append(told)
        self._tell()

    def _count(self, count: int) -> None:
        self._read += count
        self._tell()

    def _tell(self) -> None:
        if self._is_time():
            read = min(self._read, self._bytes_total)  # what is read a second time is no more of it
            self._report(Taking(self._work.lease, len(self._told), read, self._files_total, self._bytes_total))

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._told_at < _EVERY_SECONDS:
            return False
        self._told_at = now
        return True
