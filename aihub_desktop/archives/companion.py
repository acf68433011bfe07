"""More pairs of hands: threads that do what their owner need not wait for yet.

Writing and hashing each take half a second for a GiB; beside each other, half of the time of both. What is packed takes
three seconds for a GiB to be unpacked, so its entries are spread over as many cores as there are.

    owner ── begin ──▶ [ job │ job │ job … ] ──▶ hands, the oldest job first; those of one `order` one after the other
          ◀── turn ──  how many turns are over: what they looked at may be used anew
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

_MOST_HANDS: Final = 8  # two GB of packed data a second, which no line brings


class Job(NamedTuple):
    """`act` should let go of the interpreter, else nothing is won. It may tell of more to do, in the same turn.

    Of the jobs with one `order` each begins when the one before has ended; None: nothing has to be waited for.
    """

    act: Callable[[], Iterable[Job] | None]
    order: Hashable = None


@dataclass(slots=True)
class _Turn:
    left: int = 0  # jobs that have not ended
    size: int = 0


class _Begun(NamedTuple):
    turn: _Turn
    job: Job


class Companion:
    """Used by one thread. `lag`: so much, in the owner's measure of a turn, may lie between it and the hands.

    `hands`: threads at most, made when there is something to do; 0: as many as there are cores.
    """

    def __init__(self, lag: int, hands: int = 0) -> None:
        self._lag = lag
        self._most = hands or min(cores(), _MOST_HANDS)
        self._threads: list[threading.Thread] = []
        self._busy = 0  # threads with a job
        self._ready: deque[_Begun] = deque()
        self._lines: dict[Hashable, deque[_Begun]] = {}  # behind one that is ready or under way
        self._left = 0  # jobs that have not ended
        self._now = _Turn()
        self._turns: deque[_Turn] = deque()
        self._behind = 0  # the sizes of these together
        self._error: Exception | None = None
        self._stopping = False
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._news = threading.Condition(lock)

    @property
    def is_behind(self) -> bool:
        """Something that was begun has not ended."""
        return bool(self._left)

    def begin(self, job: Job) -> None:
        """It will be done soon."""
        with self._work:
            self._enter(self._now, job)

    def turn(self, size: int) -> int:
        """All that was begun since the last turn is one turn, of that size. Waits while more than `lag` is not over.

        Returns how many turns are over that were not the last time, the oldest first. Raises what a job raised.
        """
        with self._work:
            self._now.size = size
            self._behind += size
            self._turns.append(self._now)
            self._now = _Turn()
            over = 0
            while True:
                over += self._end_turns()
                if self._error is not None:
                    raise self._error
                if self._behind <= self._lag:
                    return over
                self._news.wait()

    def join(self) -> None:
        """All that was begun is done when this returns. Raises what a job raised."""
        with self._work:
            self._news.wait_for(lambda: not self._left)
            if self._error is not None:
                raise self._error

    def stop(self) -> None:
        """The threads end once all is done."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def _end_turns(self) -> int:
        count = 0
        while self._turns and not self._turns[0].left:
            self._behind -= self._turns.popleft().size
            count += 1
        return count

    def _enter(self, turn: _Turn, job: Job) -> None:
        turn.left += 1
        self._left += 1
        if job.order is not None:
            if (line := self._lines.get(job.order)) is not None:
                line.append(_Begun(turn, job))
                return
            self._lines[job.order] = deque()
        self._make_ready(_Begun(turn, job))

    def _make_ready(self, begun: _Begun) -> None:
        self._ready.append(begun)
        if len(self._threads) - self._busy < len(self._ready) and len(self._threads) < self._most:
            thread = threading.Thread(target=self._run, name="companion", daemon=True)
            self._threads.append(thread)
            thread.start()
        else:
            self._work.notify()

    def _run(self) -> None:
        while (begun := self._next()) is not None:
            more: list[Job] = []
            error = None
            try:
                more += begun.job.act() or ()
            except Exception as raised:
                error = raised
            self._end(begun, more, error)
            del begun, more  # what it looked at is not held while nothing is to do

    def _next(self) -> _Begun | None:
        with self._work:
            self._work.wait_for(lambda: self._ready or self._stopping)
            if not self._ready:
                return None
            self._busy += 1
            return self._ready.popleft()

    def _end(self, begun: _Begun, more: list[Job], error: Exception | None) -> None:
        turn, order = begun.turn, begun.job.order
        with self._work:
            self._busy -= 1
            for job in more:
                self._enter(turn, job)
            if order is not None:
                if line := self._lines[order]:
                    self._make_ready(line.popleft())
                else:
                    del self._lines[order]
            turn.left -= 1
            self._left -= 1
            self._error = self._error or error
            if error is not None or not turn.left:
                self._news.notify_all()


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
