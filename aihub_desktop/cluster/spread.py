"""A batch spread over the workers of a cluster: what is out, what comes home, who is asked.

roster ─→ looked at ─→ crew ─→ task out ─→ proved in staging ─→ final name, ledger (here, and only here)
              └─ cannot                └─ worker dead, told to stop: out again, on the bytes that are there
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aihub_desktop.cluster.crew import Crew, Ended, Gone, Joined, Left, Looked, Lost, News
from aihub_desktop.cluster.flow import Flow
from aihub_desktop.cluster.orders import Question, Reach, Result, Task
from aihub_desktop.cluster.task import reach_of
from aihub_desktop.disk.files import disk_error, make_folders, remove
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile
from aihub_desktop.domain.storage import Storage
from aihub_desktop.holdings.baton import Baton
from aihub_desktop.holdings.staging import Homecoming, Staging, name_of, staging_folder

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What holds for all tasks. `limit`: bytes a second of all together, 0 for none; `settings` of each engine."""

    folder: Path
    hub: str
    settings: dict[str, int | float | str]
    storages: list[Storage]
    patience: float
    limit: int


@dataclass(slots=True, eq=False)
class Group:
    """One task to be. `tries`: how often it came back unfinished for a reason of its own."""

    number: int
    dataset: Dataset
    files: list[RemoteFile]
    tries: int = 0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = name_of(self.files)


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
    name: str  # of its folder
    run: str
    workers: frozenset[str]
    reach: Reach = field(default_factory=Reach)


class Spread:
    """Carries out `groups`. Whoever calls it has the turn of the folder. `open_`: whether anything may run now."""

    def __init__(
        self, crew: Crew, errand: Errand, groups: Sequence[Group], flow: Flow, *, tell: Callable[[Told], None],
        open_: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._crew, self._errand, self._flow, self._tell, self._open = crew, errand, flow, tell, open_
        self._waiting = deque(groups)
        self._needs_key = any(group.dataset.source == HUB for group in groups)
        self._staging = Staging(errand.folder)
        self._below = staging_folder(errand.folder)
        self._baton: Baton | None = None
        self._locks_reach = True
        self._threads: dict[str, int] = {}  # of those that were asked
        self._fit: set[str] = set()
        self._unfit: dict[str, Problem] = {}
        self._out: dict[int, _Flight] = {}
        self._numbers = 0
        self._none_since = self._heard_at = time.monotonic()  # of workers
        self._had_any = False
        self._looked_at = 0.0
        # Somebody who answers nobody has these, and may go on at any moment.
        self._held = set(self._staging.names)

    def run(self) -> None:
        """Until every group has had its last word. Raises `ProblemError`: NO_WORKERS and what kept them all from
        receiving, NO_CLUSTER, what the disk says.
        """
        try:
            with self._probe() as question:
                while self._waiting or self._out:
                    self._hear(self._crew.news(_SLICE_SECONDS), question)
                    self._start()
                    self._look()
        finally:
            self._stop()

    # ---- who receives ----

    @contextlib.contextmanager
    def _probe(self) -> Iterator[Question]:
        """What every worker has to find in the folder before it is trusted with it."""
        value = secrets.token_hex(16)
        path = self._below / f"probe-{value[:8]}"
        try:
            make_folders(self._below)
            path.write_text(value, encoding="ascii")
        except OSError as error:
            raise disk_error(error, path) from error
        errand = self._errand
        probe = path.relative_to(self._below.parent.parent).as_posix()
        try:
            yield Question(str(errand.folder), probe, value, errand.hub, self._needs_key)
        finally:
            with contextlib.suppress(OSError):
                remove(path)

    def _hear(self, news: News | None, question: Question) -> None:
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
            # One that does not see the locks of others is kept out by their beats alone, and they by its.
            self._locks_reach = self._locks_reach and locks_reach
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
                self._held.add(flight.name)
                if self._baton is not None and self._baton.name == flight.run:
                    self._baton.give_up(flight.name)
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
        if now - self._none_since > (self._errand.patience if self._had_any else _FIRST_SECONDS):
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
        if self._baton is not None:
            self._baton.hold(self._share(len(self._out)), locks_reach=self._locks_reach)

    def _begin(self, group: Group, now: float) -> None:
        self._baton = self._baton or Baton(self._below)
        errand = self._errand
        self._numbers += 1
        # The others slow down first.
        self._baton.hold(self._share(len(self._out) + 1), locks_reach=self._locks_reach)
        name = self._free_name(group)
        self._staging.lend(name, group.files)
        task = Task(
            str(errand.folder), name, self._baton.name, self._locks_reach, errand.hub, group.dataset, group.files,
            errand.settings, errand.storages, errand.patience,
        )  # fmt: skip
        self._out[self._numbers] = _Flight(group, name, task.run, frozenset(self._fit))
        self._flow.started(self._numbers, now)
        self._tell(Out(group))
        self._crew.submit(self._numbers, task, self._fit)

    def _free_name(self, group: Group) -> str:
        names = itertools.chain([group.name], (f"{group.name}~{number}" for number in itertools.count(2)))
        return next(name for name in names if name not in self._held)

    def _share(self, out: int) -> int:
        return self._errand.limit // max(1, out)

    def _look(self) -> None:
        """How far everything is, from what lies beside it."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        for number, flight in self._out.items():
            reach = reach_of(self._below / flight.name)
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
        came = self._staging.bring(flight.name, proved)
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
            self._staging.drop(flight.name)
        self._tell(Home(group, came, failed, result))

    def _goes_again(self, flight: _Flight, result: Result) -> bool:
        problem = result.problem
        if problem is None and (self._baton is None or flight.run != self._baton.name):
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
        if self._out and self._baton is not None:
            self._baton.drop()
            self._baton = None

    def _stop(self) -> None:
        """However it ended: workers make durable what they have, and what is whole by now comes home."""
        if self._baton is not None:
            self._baton.drop()
        deadline = time.monotonic() + _STOP_SECONDS
        for number in [number for number, flight in self._out.items() if flight.workers.isdisjoint(self._threads)]:
            del self._out[number]
        if self._out:
            self._tell(Ending(len(self._out)))
        while self._out and time.monotonic() < deadline and self._hears_last():
            pass
        for number in list(self._out):
            self._crew.cancel(number)
        self._staging.clear()

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
