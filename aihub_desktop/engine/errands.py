"""Work that blocks, off the engine's loop: lists, key checks, looks at the disk; and the keychain, apart.

The threads are daemons: a keychain that waits for a dialog, or a share that hangs, must not keep the program
from ending.
"""

from __future__ import annotations

import collections
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError

_log = logging.getLogger(__name__)
_THREADS: Final = 2
_Task = tuple[Callable[[], Any], Callable[[Any, Problem | None], None]]


@dataclass(frozen=True, slots=True)
class Back:
    """An errand is done: `then` is called on the engine's loop with the value or the problem."""

    then: Callable[[Any, Problem | None], None]
    value: Any
    problem: Problem | None


class Errands:
    """A few threads with one list of things to do. `post` takes each `Back`, from those threads."""

    def __init__(self, name: str, post: Callable[[Back], None], threads: int = _THREADS) -> None:
        self._post = post
        self._jobs: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()
        self._lock = threading.Lock()
        self._lanes: dict[str, collections.deque[_Task]] = {}
        self._apart: list[threading.Thread] = []

    def run(self, job: Callable[[], Any], then: Callable[[Any, Problem | None], None]) -> None:
        """Does `job` in a thread. `then(value, None)` or `then(None, problem)` follows on the loop."""
        self._jobs.put((job, then))

    def run_apart(self, lane: str, job: Callable[[], Any], then: Callable[[Any, Problem | None], None]) -> None:
        """As `run`, one after another with what has the same lane alone: a drive that hangs holds up nobody else."""
        with self._lock:
            if lane in self._lanes:
                self._lanes[lane].append((job, then))
                return
            self._lanes[lane] = collections.deque([(job, then)])
            thread = threading.Thread(target=self._walk, args=(lane,), name="errand-apart", daemon=True)
            self._apart = [one for one in self._apart if one.is_alive()] + [thread]
            # Within the lock, so that the next call finds it alive.
            thread.start()

    def close(self, seconds: float) -> None:
        """Lets what is under way end, for so long at most."""
        for _ in self._threads:
            self._jobs.put(None)
        with self._lock:
            for lane in self._lanes.values():
                lane.clear()
        deadline = time.monotonic() + seconds
        for thread in (*self._threads, *self._apart):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (task := self._jobs.get()) is not None:
            self._do(task)

    def _walk(self, lane: str) -> None:
        while True:
            with self._lock:
                if not self._lanes[lane]:
                    del self._lanes[lane]
                    return
                task = self._lanes[lane].popleft()
            self._do(task)

    def _do(self, task: _Task) -> None:
        job, then = task
        value, problem = None, None
        try:
            value = job()
        except ProblemError as error:
            problem = error.problem
        except Exception as error:
            _log.exception("an errand failed")
            problem = Problem(Code.BUG, {"why": type(error).__name__})
        self._post(Back(then, value, problem))


def awaited(name: str, job: Callable[[], Any], seconds: float) -> Back | None:
    """What came of `job`, done in a thread of its own; None where it took longer than `seconds`. Not for the loop."""
    answers: queue.SimpleQueue[Back] = queue.SimpleQueue()
    errands = Errands(name, answers.put, threads=1)
    errands.run(job, lambda value, problem: None)
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return None
    finally:
        errands.close(0.0)
