"""Work that blocks, off the engine's loop: lists, key checks, looks at the disk; and the keychain, apart.

The threads are daemons: a keychain that waits for a dialog, or a share that hangs, must not keep the program
from ending.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError

_log = logging.getLogger(__name__)
_THREADS: Final = 2


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
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any, Problem | None], None]] | None] = (
            queue.SimpleQueue()
        )
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, job: Callable[[], Any], then: Callable[[Any, Problem | None], None]) -> None:
        """Does `job` in a thread. `then(value, None)` or `then(None, problem)` follows on the loop."""
        self._jobs.put((job, then))

    def close(self, seconds: float) -> None:
        """Lets what is under way end, for so long at most."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while (task := self._jobs.get()) is not None:
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
