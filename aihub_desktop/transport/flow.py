"""A file of a place that knows no ranges of it: one answer, read from its start to its end, as a stream of the hub."""

from __future__ import annotations

import time
from typing import Final

from aihub_desktop.archives.companion import Companion
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.sources.place import Opened
from aihub_desktop.transport.brake import LentBrake
from aihub_desktop.transport.buffer import Buffer, lag_of
from aihub_desktop.transport.desk import Desk
from aihub_desktop.transport.inflow import Inflow
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.journal import JournalState
from aihub_desktop.transport.sink import Sink
from aihub_desktop.transport.tap import Tap

_BUFFER: Final = 16 << 20
_LOOK_SECONDS: Final = 0.5


class Flow:
    """Used once, by one hand."""

    def __init__(self, desk: Desk, tap: Tap, job: Job) -> None:
        self._desk = desk
        self._tap = tap
        self._job = job
        self._came = 0

    def run(self, state: JournalState | None, answer: Opened) -> None:
        """Until the file is whole, or nobody wants it. Raises whatever comes between; the caller closes the answer."""
        job, companion = self._job, Companion(lag_of(_BUFFER))
        assert job.spot is not None
        self._desk.target.make_parents(job.spot)
        job.heard = answer.checksums
        job.sink = sink = self._desk.easel.sink(job, state, companion)
        buffer = Buffer(_BUFFER, lag_of(_BUFFER), lambda: sink.on_disk)
        inflow = Inflow(answer.body, buffer, LentBrake(self._tap.brake), self._tap.pace())
        try:
            sink.begin(0, answer.size or 0)
            if self._flow(sink, inflow, companion):
                self._conclude(sink)
        except ProblemError as error:
            if error.problem.code in DROPPING:
                sink.drop()
            raise
        finally:
            inflow.shut()
            inflow.finish()
            inflow.join()
            companion.stop()
            sink.let_go()
            # Whoever tries next reads the journal, and needs the file.
            self._desk.durability.flush()

    def _flow(self, sink: Sink, inflow: Inflow, companion: Companion) -> bool:
        """True at the clean end."""
        before = 0
        while not self._desk.stopped:
            try:
                view = inflow.take(_LOOK_SECONDS)
            except TimeoutError:
                sink.tick()
            else:
                if not view:
                    return True
                self._take(sink, view)
                inflow.give_back(companion.turn(len(view)))
            finally:
                count, before = inflow.received - before, inflow.received
                self._tap.received += count
                self._desk.crew.received(count, time.monotonic())
                self._job.again = sink.again
        return False

    def _take(self, sink: Sink, view: memoryview) -> None:
        size = self._job.file.size
        if not size.is_unknown and self._came + len(view) > size.high:
            # An answer without an end would fill the disk.
            raise ProblemError(Code.WRONG_SIZE, size=self._came + len(view), shown=size.shown, why="endless")
        sink.take(view)
        self._came += len(view)
        if sink.reached > self._job.furthest:
            # What comes once more is no progress: an answer that always ends at the same place would be asked for ever.
            self._job.furthest = sink.reached
            self._job.moved()

    def _conclude(self, sink: Sink) -> None:
        found = sink.conclude(lambda: self._desk.stopped)
        if found is not None:
            self._desk.whole(self._job, found)
