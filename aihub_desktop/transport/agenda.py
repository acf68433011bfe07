"""Which file, and which piece of it, is to be done next. Used under the desk's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from aihub_desktop.transport.job import Job, Phase
from aihub_desktop.transport.spans import Claim, Spans

_MOST_OPEN: Final = 3  # large files at once: the one that ends, the next, and one that waits for its disk


class Agenda:
    """The files in their order; `open` are those that a hand has had since they were last put back."""

    def __init__(self, jobs: Iterable[Job], *, one_writer: bool) -> None:
        self.open: list[Job] = []
        self._waiting = deque(jobs)
        self.left = len(self._waiting)  # files that have not come to their end
        self._most_open = 1 if one_writer else _MOST_OPEN

    def task(self, speed: float, most: int, now: float) -> tuple[Job, Claim | None] | None:
        """A piece of at most `most` bytes, or a file that nobody has begun (no claim), or part of another's piece."""
        ranged = [(job, job.spans) for job in self.open if _is_open_to_all(job, now) and job.spans is not None]
        for job, spans in ranged:
            if (claim := spans.take(most, speed, now)) is not None:
                return job, claim
        if (first := self._first_waiting(now)) is not None:
            first.phase = Phase.OPENING
            self.open.append(first)
            return first, None
        return _stolen(ranged, speed, now)

    def put_back(self, job: Job) -> None:
        """It is begun anew, before the others."""
        job.phase, job.sink = Phase.WAITING, None
        self.open.remove(job)
        self._waiting.appendleft(job)

    def goes_on(self, job: Job) -> None:
        """It is whole, and no hand has to do with it any more."""
        job.phase = Phase.WRITING
        self.open.remove(job)

    def end(self, job: Job) -> None:
        if job.phase is not Phase.OVER:
            job.phase = Phase.OVER
            self.left -= 1
        if job in self.open:
            self.open.remove(job)

    def _first_waiting(self, now: float) -> Job | None:
        if sum(job.canvas is not None for job in self.open) >= self._most_open:
            return None
        for _ in range(len(self._waiting)):
            job = self._waiting.popleft()
            if job.phase is not Phase.OVER and now >= job.not_before:
                return job
            if job.phase is not Phase.OVER:
                self._waiting.append(job)
        return None


def _is_open_to_all(job: Job, now: float) -> bool:
    return job.phase is Phase.RANGED and not job.is_ending and now >= job.not_before


def _stolen(ranged: list[tuple[Job, Spans]], speed: float, now: float) -> tuple[Job, Claim] | None:
    for job, spans in ranged:
        if (claim := spans.steal(speed, now)) is not None:
            return job, claim
    return None
