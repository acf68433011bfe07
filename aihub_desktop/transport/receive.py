"""One reception: one request, one pass from the socket to the files at their offsets.

body ──readinto──▶ one buffer ──▶ TarReader ──▶ Intake ──▶ Sink of each file ──▶ NAME.part
                                                                └──▶ Durability ──▶ NAME.part.journal
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Ended, Reached, Receive
from aihub_desktop.sources.aihub.tarstream import Chunk, End, Member, TarReader
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.intake import Intake
from aihub_desktop.transport.opening import Opening
from aihub_desktop.transport.pace import Pace

BUFFER: Final = 512 << 10  # 256 KiB to 1 MiB is what disks like best
REPORT_SECONDS: Final = 0.2
_TRAIL: Final = 1 << 20  # what follows the tar's end is read so far, to leave the connection in peace
_log = logging.getLogger(__name__)


class Reception:
    """Carries one `Receive` out. `report` may be called by two threads, never by both at once; `Ended` comes last."""

    def __init__(self, order: Receive, open_stream: Callable[[], Body], report: Callable[[AnyNews], None]) -> None:
        self._order = order
        self._open_stream = open_stream
        self._report = report
        self._telling = threading.Lock()
        self._dropped = threading.Event()
        self._body: Body | None = None
        self._body_lock = threading.Lock()
        self._received = 0
        self._reported_at = 0.0
        self.is_idle = False  # waits for the hub's answer, with nothing in hand that could be lost

    def run(self) -> None:
        """Never raises: whatever happens is told."""
        durability = Durability()
        intake = Intake(self._order, durability, self._tell, self._dropped.is_set)
        problem = self._outcome(lambda: self._receive(intake))
        disk = self._outcome(intake.settle)
        durability.stop()
        self._tell(Reached(self._order.lease, self._received, intake.reach()))
        problem = disk or problem
        if problem and self._dropped.is_set() and problem.fault not in (Fault.LOCAL, Fault.BUG):
            problem = None
        self._tell(Ended(self._order.lease, problem))

    def drop(self) -> None:
        """Ends the reception soon; what came is made durable first. From any thread, any number of times."""
        self._dropped.set()
        with self._body_lock:
            if self._body is not None:
                self._body.shut()

    def _outcome(self, act: Callable[[], None]) -> Problem | None:
        try:
            act()
        except ProblemError as error:
            return error.problem
        except Exception as error:
            _log.exception("receiving")
            return Problem(Code.BUG, {"why": type(error).__name__})
        return None

    def _receive(self, intake: Intake) -> None:
        intake.prepare()
        if not intake.wants_more or self._dropped.is_set():
            return
        self.is_idle = True
        body = Opening(self._open_stream).wait(self._dropped)
        self.is_idle = False
        with self._body_lock:
            self._body = body
        try:
            at_end = self._stream(body, intake)
        finally:
            with self._body_lock:
                self._body = None
            body.close()
        if at_end:
            intake.end()

    def _stream(self, body: Body, intake: Intake) -> bool:
        """True once the tar's end was seen; False if nobody waits for it any more."""
        reader = TarReader()
        pace = Pace(self._order.stall_rate, self._order.stall_seconds)
        view = memoryview(bytearray(BUFFER))
        while intake.wants_more and not self._dropped.is_set():
            count = self._read(body, view, pace)
            if count is None:
                intake.tick()
            elif count == 0:
                reader.finish()
                return True
            elif self._feed(reader, view[:count], intake):
                self._drain(body, view)
                return True
            self._tell_reached(intake)
        return False

    def _read(self, body: Body, view: memoryview, pace: Pace) -> int | None:
        began = time.monotonic()
        count = None
        with contextlib.suppress(TimeoutError):
            count = body.readinto(view)
        self._received += count or 0
        if count != 0 and pace.stalls(time.monotonic() - began, count or 0):
            raise ProblemError(Code.STALLED)
        return count

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

    def _drain(self, body: Body, view: memoryview) -> None:
        """Nothing behind the tar's end can make what came before it better or worse."""
        left = _TRAIL
        with contextlib.suppress(TimeoutError, ProblemError):
            while left > 0 and (count := body.readinto(view)):
                self._received += count
                left -= count

    def _tell_reached(self, intake: Intake) -> None:
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            self._tell(Reached(self._order.lease, self._received, intake.reach()))

    def _tell(self, news: AnyNews) -> None:
        with self._telling:
            self._report(news)
