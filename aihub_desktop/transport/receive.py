"""One reception: one request, one pass from the socket to the files at their offsets.

body ──Inflow──▶ Buffer ──▶ TarReader ──▶ Intake ──▶ Sink of each file ──▶ NAME.part
 (its own thread)                                        └──▶ Durability ──▶ NAME.part.journal (its own thread)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from aihub_desktop.archives.companion import Companion
from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Ended, Reached, Receive
from aihub_desktop.sources.aihub.tarstream import Chunk, End, Member, TarReader
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.buffer import Buffer, lag_of
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.inflow import Inflow
from aihub_desktop.transport.intake import Intake
from aihub_desktop.transport.opening import Opening
from aihub_desktop.transport.pace import Pace

REPORT_SECONDS: Final = 0.2
# After `drop` so much time is given to what was received and not written yet; a drive that is slower loses it.
FAREWELL_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


class Reception:
    """Carries one `Receive` out. `report` may be called by two threads, never by both at once; `Ended` comes last."""

    def __init__(self, order: Receive, open_stream: Callable[[], Body], report: Callable[[AnyNews], None]) -> None:
        self._order = order
        self._open_stream = open_stream
        self._report = report
        self._telling = threading.Lock()
        self._dropped = threading.Event()
        self._brake = Brake(order.rate)
        self._inflow: Inflow | None = None
        self._intake: Intake | None = None
        self._inflow_lock = threading.Lock()
        self._farewell: float | None = None
        self._reported_at = 0.0
        self.is_idle = False  # waits for the hub's answer, with nothing in hand that could be lost

    def run(self) -> None:
        """Never raises: whatever happens is told."""
        durability, companion = Durability(), Companion(lag_of(self._order.buffer_bytes))
        intake = self._intake = Intake(self._order, durability, companion, self._tell, self._dropped.is_set)
        problem = self._outcome(lambda: self._receive(intake, companion))
        disk = self._outcome(intake.settle)
        companion.stop()
        durability.stop()
        self._tell_reached(intake)
        problem = disk or problem
        if problem and self._dropped.is_set() and problem.fault not in (Fault.LOCAL, Fault.BUG):
            problem = None
        self._tell(Ended(self._order.lease, problem))

    def drop(self) -> None:
        """Ends the reception soon; what came is made durable first. From any thread, any number of times."""
        self._dropped.set()
        with self._inflow_lock:
            if self._inflow is not None:
                self._inflow.shut()

    def limit(self, rate: int) -> None:
        """From now on at most `rate` bytes a second are read, 0 for no limit. From any thread."""
        self._brake.limit(rate)

    def chart(self, file: int) -> None:
        """Tells where the bytes of this file are. From any thread."""
        found = self._intake.chart(file) if self._intake is not None else None
        if found is not None:
            self._tell(found)

    def _outcome(self, act: Callable[[], None]) -> Problem | None:
        try:
            act()
        except ProblemError as error:
            return error.problem
        except Exception as error:
            _log.exception("receiving")
            return Problem(Code.BUG, {"why": type(error).__name__})
        return None

    def _receive(self, intake: Intake, companion: Companion) -> None:
        intake.prepare()
        if not intake.wants_more or self._dropped.is_set():
            return
        self.is_idle = True
        body = Opening(self._open_stream).wait(self._dropped)
        self.is_idle = False
        inflow = self._begin(body, intake)
        if inflow is None:
            return
        try:
            self._tell_reached(intake)
            if self._stream(inflow, intake, companion):
                inflow.finish()
                # News of a file that was told to be whole is not heard any more.
                self._tell_reached(intake)
                intake.end()
        finally:
            if not inflow.is_finished:
                inflow.shut()
                inflow.finish()
            inflow.join()

    def _begin(self, body: Body, intake: Intake) -> Inflow | None:
        limit = self._order.buffer_bytes
        buffer = Buffer(limit, lag_of(limit), lambda: intake.on_disk)
        pace = Pace(self._order.stall_rate, self._order.stall_seconds)
        with self._inflow_lock:
            if self._dropped.is_set():
                body.close()
                return None
            self._inflow = Inflow(body, buffer, self._brake, pace)
            return self._inflow

    def _stream(self, inflow: Inflow, intake: Intake, companion: Companion) -> bool:
        """True once the tar's end was seen; False if nobody waits for it any more."""
        reader = TarReader()
        while intake.wants_more and not self._has_said_farewell():
            try:
                view = inflow.take(REPORT_SECONDS)
            except TimeoutError:
                intake.tick()
            else:
                if not view:
                    reader.finish()
                    return True
                if self._feed(reader, view, intake):
                    return True
                inflow.give_back(companion.turn(len(view)))
            self._tell_now_and_then(intake)
        return False

    def _has_said_farewell(self) -> bool:
        """Whether the time after `drop` is over in which what had come before is still written."""
        if not self._dropped.is_set():
            return False
        now = time.monotonic()
        self._farewell = self._farewell or now + FAREWELL_SECONDS
        return now > self._farewell

    def _feed(self, reader: TarReader, view: memoryview, intake: Intake) -> bool:
        for event in reader.feed(view):
            match event:
                case Chunk(data=data):
                    intake.data(data)
                case Member():
                    intake.member(event)
                case End():
                    return True
        return False

    def _tell_now_and_then(self, intake: Intake) -> None:
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._tell_reached(intake)

    def _tell_reached(self, intake: Intake) -> None:
        self._reported_at = time.monotonic()
        inflow = self._inflow
        received, held = (inflow.received, inflow.held) if inflow else (0, 0.0)
        self._tell(Reached(self._order.lease, received, intake.reach(), opened=inflow is not None, held=held))

    def _tell(self, news: AnyNews) -> None:
        with self._telling:
            self._report(news)
