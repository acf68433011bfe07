"""The hub's streams of one run: which files each asks for, how many at once, and what follows when one breaks."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.retry import Verdict, rule
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.engine.pushing.arrival import SMALL
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.ease import Ease
from aihub_desktop.engine.pushing.request import Deliver, Request, Wanted
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.opening import Opening

_GROUP_BYTES: Final = 64 << 20  # of small files in one request: they are in memory until the tar's end
_SET_BYTES: Final = 32 << 30  # of a split set in one request, which a break begins anew
_MOST_KEYS: Final = 50
_log = logging.getLogger(__name__)


class Group:
    """Files that are asked for together. `attempts` in a row that brought nothing."""

    def __init__(self, files: Sequence[Wanted]) -> None:
        self.files = tuple(files)
        self.attempts = 0


class Streams:
    """`ask` makes a request ready, `open_stream` gives the hub's answer to it; `deliver` makes objects of what came
    whole, `fail` hears of files that are given up. All three by several threads.
    """

    def __init__(
        self,
        depot: Depot,
        *,
        ask: Callable[[Sequence[Wanted], Callable[[], bool]], Request],
        open_stream: Callable[[Sequence[Wanted]], Body],
        deliver: Deliver,
        fail: Callable[[Iterable[Wanted], Problem], None],
    ) -> None:
        self.received = 0
        self.passed = 0
        self.fatal: Problem | None = None
        self._depot = depot
        self._ask = ask
        self._open_stream = open_stream
        self._deliver = deliver
        self._fail = fail
        self._starts = Starts(depot)
        self._ease = Ease(depot.settings.parallel)
        self._waiting: deque[Group] = deque()
        self._busy = 0
        self._change = threading.Condition(threading.Lock())
        self._requests: set[Request] = set()
        self._damaged: dict[str, str] = {}  # SHA-256 of what was damaged when it came last, by file key
        self._own_attempts: dict[str, int] = {}
        self._moved_at = time.monotonic()

    def run(self, wanted: Sequence[Wanted]) -> None:
        """Until every file was delivered or failed, or `fatal` says why not."""
        self._waiting.extend(Group(files) for files in groups(wanted))
        count = min(self._depot.settings.parallel, len(self._waiting))
        streams = [threading.Thread(target=self._stream, name=f"stream-{number}") for number in range(count)]
        for stream in streams:
            stream.start()
        for stream in streams:
            stream.join()

    def stop(self) -> None:
        """Ends what comes, soon. From any thread."""
        self._ease.end()
        with self._change:
            for request in self._requests:
                request.shut()
            self._change.notify_all()

    def _stream(self) -> None:
        while (group := self._next()) is not None:
            problem: Problem | None = None
            try:
                problem = self._attempt(group)
            except Exception as error:
                _log.exception("a stream")
                problem = Problem(Code.BUG, {"why": type(error).__name__})
            self._judge(group, problem)

    def _next(self) -> Group | None:
        with self._change:
            while not self._waiting and self._busy and not self._is_over:
                self._change.wait(0.2)
            if self._is_over or not self._waiting:
                return None
            self._busy += 1
            return self._waiting.popleft()

    @property
    def _is_over(self) -> bool:
        return self.fatal is not None or self._depot.is_stopped

    def _attempt(self, group: Group) -> Problem | None:
        """What ended the whole group; each file that ended by itself is settled here."""
        try:
            request = self._ask(group.files, lambda: self._is_over)
        except ProblemError as error:
            return error.problem
        try:
            with self._ease.turn(), self._holding(request):
                self._starts.wait()
                request.run(self._open(group.files), self._deliver)
            self._ease.well()
            return None
        except ProblemError as error:
            return error.problem
        finally:
            request.close()
            self.passed += request.passed
            if request.moved:
                group.attempts = 0
                self._moved_at = time.monotonic()
            self._settle(group, request)

    def _open(self, files: Sequence[Wanted]) -> Body:
        return Opening(lambda: self._open_stream(files)).wait(self._depot.stopped)

    @contextlib.contextmanager
    def _holding(self, request: Request) -> Iterator[None]:
        with self._change:
            self._requests.add(request)
        try:
            yield
        finally:
            with self._change:
                self._requests.discard(request)
                self.received += request.received

    def _settle(self, group: Group, request: Request) -> None:
        """Files that ended by themselves leave the group; those that are worth another try come apart from it."""
        whole = request.whole
        failed = [(one, problem) for one in group.files if (problem := whole.failed.get(one.file.key)) is not None]
        again = [one for one, problem in failed if self._is_worth(one, problem)]
        with self._change:
            self._waiting.extend(Group(files) for files in groups(again))
            self._change.notify_all()
        over = whole.done | whole.failed.keys()
        group.files = tuple(one for one in group.files if one.file.key not in over)

    def _is_worth(self, one: Wanted, problem: Problem) -> bool:
        """Whether a file that ended by itself is to come once more; else it has failed."""
        key = one.file.key
        attempts = self._own_attempts[key] = self._own_attempts.get(key, 0) + 1
        if problem.code is Code.BAD_ARCHIVE:
            sha256 = str(problem.facts.get("sha256", ""))
            if self._damaged.get(key) == sha256:
                problem = Problem(Code.SOURCE_BROKEN, problem.facts)
            self._damaged[key] = sha256
        ruling = rule(problem, attempts, self._depot.settings, 0.5)
        if ruling.verdict is not Verdict.AGAIN:
            self._fail([one], problem)
        return ruling.verdict is Verdict.AGAIN

    def _judge(self, group: Group, problem: Problem | None) -> None:
        try:
            if problem is not None and group.files and not self._is_over:
                self._again(group, problem)
        except ProblemError:
            pass  # stopped while it waited
        finally:
            with self._change:
                self._busy -= 1
                self._change.notify_all()

    def _again(self, group: Group, problem: Problem) -> None:
        group.attempts += 1
        ruling = rule(problem, group.attempts, self._depot.settings, 0.5)
        impatient = time.monotonic() - self._moved_at > self._depot.patience
        if ruling.verdict is Verdict.ASK:
            self.fatal = self.fatal or problem
        elif impatient or (ruling.verdict is Verdict.FAIL and len(group.files) == 1):
            self._fail(group.files, problem)
        else:
            if problem.fault is Fault.BUSY:
                self._ease.busy(ruling.delay)
            self._depot.pause(ruling.delay)
            with self._change:
                self._waiting.extend(halved(group, ruling.verdict))


class Starts:
    """The hub refuses streams that begin at the same moment; outside the hours none begins."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._week = Week.parse(depot.settings.hours)
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Raises STOPPED."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._depot.settings.spread
        self._depot.pause(max(0.0, at - time.monotonic()))
        while not self._is_open():
            self._depot.pause(30.0)

    def _is_open(self) -> bool:
        local = time.localtime()
        return self._week.allows(local.tm_wday, local.tm_hour)


def groups(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """What is asked for together: small files by the dozen, a split set as far as it may begin anew, else one file."""
    by_key = {one.file.key: one for one in wanted}
    sets = whole_sets((key, one.place) for key, one in by_key.items())
    units = dict.fromkeys(sets.get(key, (key,)) for key in by_key)
    found: list[list[Wanted]] = []
    small: list[Wanted] = []
    for unit in units:
        files = [by_key[key] for key in unit]
        size = sum(one.file.size.high for one in files)
        if len(files) > 1 and size <= _SET_BYTES and len(files) <= _MOST_KEYS:
            found.append(files)
        else:
            found += [[one] for one in files if one.file.size.high > SMALL]
            small += [one for one in files if one.file.size.high <= SMALL]
    return found + bundles(small)


def bundles(small: Sequence[Wanted]) -> list[list[Wanted]]:
    """Small files, as many to a request as may be in memory together."""
    found: list[list[Wanted]] = []
    room = 0
    for one in small:
        if not found or room < one.file.size.high or len(found[-1]) == _MOST_KEYS:
            found.append([])
            room = _GROUP_BYTES
        found[-1].append(one)
        room -= one.file.size.high
    return found


def halved(group: Group, verdict: Verdict) -> list[Group]:
    """What is tried next: the same, or halves of what cannot be had together."""
    if verdict is not Verdict.FAIL or len(group.files) == 1:
        return [group]
    middle = len(group.files) // 2
    return [Group(group.files[:middle]), Group(group.files[middle:])]
