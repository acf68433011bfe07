"""A batch spread over the workers of a cluster: what is out, what comes home, who is asked.

roster ─→ looked at ─→ crew ─→ task out ─→ proved on its ground ─→ told of (here, and only here)
              └─ cannot                └─ worker dead, told to stop: out again, on the bytes that are there
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aihub_desktop.cluster.crew import Crew, Ended, Gone, Joined, Left, Looked, Lost, News
from aihub_desktop.cluster.flow import Flow
from aihub_desktop.cluster.ground import Call, Ground, Group
from aihub_desktop.cluster.orders import Reach, Result
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.holdings.staging import Homecoming

_SLICE_SECONDS: Final = 0.2  # on Windows, Ctrl-C is not heard while a wait lasts
_LOOK_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 4.0  # workers that were started together come one after the other
_FIRST_SECONDS: Final = 60.0  # for the first worker to be there, and to have answered
_STOP_SECONDS: Final = 30.0  # for workers to make durable what they have
_TRIES: Final = 3
# These are the worker's own: its key, its line, its view of the disk. Others may do better.
_OF_THE_WORKER: Final = frozenset(
    {
        *(Code.NO_KEY, Code.KEY_REJECTED, Code.ABROAD, Code.KEYCHAIN_LOCKED, Code.KEYCHAIN_NONE, Code.NO_CREDENTIALS),
        *(Code.TLS_UNTRUSTED, Code.CLOCK_WRONG, Code.UNREACHABLE, Code.NOT_SHARED, Code.NOT_WRITABLE),
        *(Code.TARGET_MISSING, Code.DRIVE_MISSING, Code.DISK_ERROR, Code.STORE_BROKEN),
    }
)


# What is told.


@dataclass(frozen=True, slots=True)
class Ready:
    worker: str
    threads: int


@dataclass(frozen=True, slots=True)
class Unfit:
    """`worker` receives nothing, or nothing more."""

    worker: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Away:
    worker: str


@dataclass(frozen=True, slots=True)
class Out:
    group: Group


@dataclass(frozen=True, slots=True)
class Moved:
    group: Group
    reach: Reach


@dataclass(frozen=True, slots=True)
class Home:
    """The last word of a group: what stands under its final names, and why the others do not, by (key, path)."""

    group: Group
    came: Homecoming
    failed: dict[tuple[str, str], Problem]
    result: Result


@dataclass(frozen=True, slots=True)
class Back:
    """It goes out once more; `result` is what became of this try."""

    group: Group
    result: Result


@dataclass(frozen=True, slots=True)
class Ending:
    """So many tasks are told to stop, and waited for."""

    tasks: int


Told = Ready | Unfit | Away | Out | Moved | Home | Back | Ending


@dataclass(slots=True, eq=False)
class _Flight:
    group: Group
    name: str
    run: str
    workers: frozenset[str]
    reach: Reach = field(default_factory=Reach)


class Spread:
    """Carries out `groups`, whose files come to `ground`. `open_`: whether anything may run now; `patience`: seconds
    without a worker.
    """

    def __init__(
        self, crew: Crew, ground: Ground, groups: Sequence[Group], flow: Flow, *, tell: Callable[[Told], None],
        patience: float, open_: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._crew, self._ground, self._flow, self._tell, self._open = crew, ground, flow, tell, open_
        self._patience = patience
        self._waiting = deque(groups)
        self._threads: dict[str, int] = {}  # of those that were asked
        self._fit: set[str] = set()
        self._unfit: dict[str, Problem] = {}
        self._out: dict[int, _Flight] = {}
        self._numbers = 0
        self._none_since = self._heard_at = time.monotonic()  # of workers
        self._had_any = False
        self._looked_at = 0.0

    def run(self) -> None:
        """Until every group has had its last word. Raises `ProblemError`: NO_WORKERS and what kept them all from
        receiving, NO_CLUSTER, what the disk says.
        """
        try:
            with self._ground.asking() as question:
                while self._waiting or self._out:
                    self._hear(self._crew.news(_SLICE_SECONDS), question)
                    self._start()
                    self._look()
        finally:
            self._stop()

    # ---- who receives ----

    def _hear(self, news: News | None, question: Call) -> None:
        if isinstance(news, Joined | Looked | Left):
            self._heard_at = time.monotonic()
        match news:
            case Joined(worker=worker, threads=threads):
                self._threads[worker] = threads
                self._unfit.pop(worker, None)
                self._crew.look(worker, question)
            case Looked(worker=worker, answer=answer):
                self._answered(worker, answer.problem, answer.locks_reach)
            case Left(worker=worker, tasks=tasks):
                self._left(worker)
                self._give_up(tasks)
            case Ended(number=number, result=result) if number in self._out:
                self._ended(self._out.pop(number), number, result)
            case Lost(number=number, problem=problem) if number in self._out:
                self._lost(self._out.pop(number), number, problem)
            case Gone(problem=problem):
                raise ProblemError.of(problem)

    def _answered(self, worker: str, problem: Problem | None, locks_reach: bool) -> None:
        if problem is not None:
            self._dismiss(worker, problem)
        elif worker in self._threads:
            self._fit.add(worker)
            self._had_any = True
            self._ground.sees(locks_reach=locks_reach)
            self._flow.meets([self._threads[one] for one in self._fit])
            self._tell(Ready(worker, self._threads[worker]))

    def _dismiss(self, worker: str, problem: Problem) -> None:
        self._fit.discard(worker)
        if worker not in self._unfit:
            self._unfit[worker] = problem
            self._tell(Unfit(worker, problem))

    def _left(self, worker: str) -> None:
        if self._threads.pop(worker, None) is not None and worker in self._fit:
            self._fit.discard(worker)
            self._flow.meets([self._threads[one] for one in self._fit])
            self._tell(Away(worker))
        self._unfit.pop(worker, None)
        for number, flight in list(self._out.items()):
            if flight.workers.isdisjoint(self._threads):
                self._crew.cancel(number)  # else it waits for one of these to come back

    def _give_up(self, tasks: Iterable[int]) -> None:
        """Their worker is frozen, with the lock on what it has: they come anew, in another place."""
        for number in tasks:
            if (flight := self._out.get(number)) is not None:
                self._ground.give_up(flight.name, flight.run)
                self._crew.cancel(number)

    def _check_workers(self, now: float) -> None:
        """Raises `ProblemError` where nobody can receive."""
        if self._fit or not self._open():
            self._none_since = now
            return
        asked = self._threads.keys() - self._unfit.keys()
        if self._unfit and not asked and now - self._heard_at > _SETTLE_SECONDS:
            problem = next(iter(self._unfit.values()))
            raise ProblemError.of(problem)
        if now - self._none_since > (self._patience if self._had_any else _FIRST_SECONDS):
            raise ProblemError(Code.NO_WORKERS)

    # ---- tasks ----

    def _start(self) -> None:
        now = time.monotonic()
        self._check_workers(now)
        if not self._open():
            self._pause()
            return
        while self._waiting and self._fit and self._flow.may_start(len(self._out), now):
            self._begin(self._waiting.popleft(), now)
        self._ground.hold(len(self._out))

    def _begin(self, group: Group, now: float) -> None:
        self._numbers += 1
        call = self._ground.order(group, len(self._out) + 1)
        self._out[self._numbers] = _Flight(group, call.name, call.run, frozenset(self._fit))
        self._flow.started(self._numbers, now)
        self._tell(Out(group))
        self._crew.submit(self._numbers, call, self._fit)

    def _look(self) -> None:
        """How far everything is, from what lies beside it."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        for number, flight in self._out.items():
            reach = self._ground.reach(flight.name)
            if reach is None or reach == flight.reach:
                continue
            if reach.received and not flight.reach.received:
                self._flow.opened(number, now)
            if reach.refusals > flight.reach.refusals:
                self._flow.refused(now)
            flight.reach = reach
            self._tell(Moved(flight.group, reach))

    def _ended(self, flight: _Flight, number: int, result: Result) -> None:
        self._crew.forget(number)
        group = flight.group
        if result.received and not flight.reach.received:
            self._flow.opened(number, time.monotonic())
        self._flow.ended(number)
        wanted = {(file.key, file.path) for file in group.files}
        failed = {(one.key, one.path): one.problem for one in result.failed if (one.key, one.path) in wanted}
        proved = [entry for entry in result.proved if (entry.key, entry.path) in wanted]
        came = self._ground.bring(flight.name, proved, result)
        for entry in proved:
            if (problem := came.problems.get(entry.place)) is not None:
                failed[entry.key, entry.path] = problem
        there = {(one.key, one.path) for one in came.entries} | failed.keys()
        left = [file for file in group.files if (file.key, file.path) not in there]
        if left and self._goes_again(flight, result):
            self._again(group, result)
            return
        failed |= {(file.key, file.path): result.problem or Problem(Code.WORKER_LOST) for file in left}
        if not failed:
            self._ground.drop(flight.name)
        self._tell(Home(group, came, failed, result))

    def _goes_again(self, flight: _Flight, result: Result) -> bool:
        problem = result.problem
        if problem is None and not self._ground.holds(flight.run):
            return True  # we told it to stop
        if problem is not None and problem.code in _OF_THE_WORKER:
            self._dismiss(result.worker, problem)
            return True
        # Without a problem its worker was told to end, by somebody else.
        flight.group.tries += 1
        return flight.group.tries < _TRIES and (problem is None or problem.code is Code.IN_USE)

    def _lost(self, flight: _Flight, number: int, problem: Problem | None) -> None:
        self._crew.forget(number)
        self._flow.ended(number)
        group = flight.group
        if problem is None:
            self._again(group, Result())
            return
        failed = {(file.key, file.path): problem for file in group.files}
        self._tell(Home(group, Homecoming(), failed, Result()))

    def _again(self, group: Group, result: Result) -> None:
        self._waiting.appendleft(group)
        self._tell(Back(group, result))

    # ---- its end ----

    def _pause(self) -> None:
        """The hours are over: what runs ends in good order, and goes out again when they have come."""
        if self._out and not self._ground.pause():
            self._cancel()

    def _stop(self) -> None:
        """However it ended: workers make durable what they have, and what is whole by now comes home."""
        if not self._ground.pause():
            self._cancel()
        deadline = time.monotonic() + _STOP_SECONDS
        for number in [number for number, flight in self._out.items() if flight.workers.isdisjoint(self._threads)]:
            del self._out[number]
        if self._out:
            self._tell(Ending(len(self._out)))
        while self._out and time.monotonic() < deadline and self._hears_last():
            pass
        self._cancel()
        self._ground.close()

    def _cancel(self) -> None:
        for number in list(self._out):
            self._crew.cancel(number)

    def _hears_last(self) -> bool:
        """False where nothing more will be heard."""
        match self._crew.news(_SLICE_SECONDS):
            case Ended(number=number, result=result) if number in self._out:
                self._ended(self._out.pop(number), number, result)
            case Lost(number=number):
                self._out.pop(number, None)
            case Left(worker=worker):
                self._left(worker)
            case Gone():
                return False
        return True
