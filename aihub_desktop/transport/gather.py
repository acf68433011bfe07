"""Files of one place that serves ranges, in their order, over several connections at once.

    Hand (a thread, a lane) ─┐ asks        ┌─ Spans ─▶ Canvas ─▶ NAME.part          Follower reads behind,
    Hand ────────────────────┼──▶ Desk ────┤                                        and says what the file is
    Hand ────────────────────┘  a piece    ├─ small: whole in memory ─▶ Batch
                                           └─ a place without ranges: one hand ─▶ Sink, as a stream of the hub

A hand that finds nothing to do helps another one. How many hands work is thought over as the number of streams is;
a place that asks for fewer, or for later, gets that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Ended, FileReach, Gather, Reached
from aihub_desktop.sources.place import RangePlace
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.desk import Desk
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.hand import Hand

REPORT_SECONDS: Final = 0.2
_LEAVE_SECONDS: Final = 0.05
_log = logging.getLogger(__name__)


class Gathering:
    """Carries one `Gather` out. `report` may be called by several threads, never by two at once; `Ended` comes last."""

    def __init__(self, order: Gather, place: RangePlace, report: Callable[[AnyNews], None]) -> None:
        self._order = order
        self._place = place
        self._report = report
        self._telling = threading.Lock()
        self._brake = Brake(order.rate)
        self._dropped = threading.Event()
        self._hands: list[Hand] = []
        self._desk: Desk | None = None
        self._lock = threading.Lock()
        self._reported_at = 0.0
        self.is_idle = False  # nothing is in hand that could be lost

    def run(self) -> None:
        """Never raises: whatever happens is told."""
        problem = None
        durability = Durability()
        try:
            target = Target(self._order.folder)
            target.find(self._order.device)
            problem = self._gather(Desk(self._order, target, durability, self._tell))
        except ProblemError as error:
            problem = error.problem
        except Exception as error:
            _log.exception("gathering")
            problem = Problem(Code.BUG, {"why": type(error).__name__})
        durability.stop()
        if problem and self._dropped.is_set() and problem.fault not in (Fault.LOCAL, Fault.BUG):
            problem = None
        self._tell(Ended(self._order.lease, problem))

    def drop(self) -> None:
        """Ends everything soon; what came is made durable first. From any thread, any number of times."""
        self._dropped.set()
        self._brake.release()
        with self._lock:
            desk, hands = self._desk, list(self._hands)
        if desk is not None:
            desk.stop(None)
        for hand in hands:
            hand.shut()

    def limit(self, rate: int) -> None:
        """From now on at most `rate` bytes a second are read, 0 for no limit. From any thread."""
        self._brake.limit(rate)

    def chart(self, file: int) -> None:
        """Tells where the bytes of this file are. From any thread."""
        with self._lock:
            desk = self._desk
        jobs = desk.open_jobs() if desk is not None else []
        for found in (job.chart(self._order.lease) for job in jobs if job.work.id == file):
            if found is not None:
                self._tell(found)

    def _gather(self, desk: Desk) -> Problem | None:
        with self._lock:
            self._desk = desk
            if self._dropped.is_set():
                desk.stop(None)
        try:
            self._staff(desk)
            while not desk.wait(REPORT_SECONDS, len(self._hands)):
                self._staff(desk)
                self._tell_now_and_then(desk)
        finally:
            desk.stop(None)
            self._dismiss()
            desk.settle()
            self._tell_reached(desk)
        return desk.problem

    def _staff(self, desk: Desk) -> None:
        """As many hands as are wanted now; those beyond stay, and rest."""
        desk.crew.judge(time.monotonic())
        while len(self._hands) < desk.crew.wanted and not self._dropped.is_set():
            hand = Hand(len(self._hands), desk, self._place, self._brake, self._order)
            with self._lock:
                self._hands.append(hand)
            hand.start()

    def _dismiss(self) -> None:
        """Waits for the hands, but for those that wait for an answer and hold nothing."""
        for hand in self._hands:
            hand.shut()
        for hand in self._hands:
            while hand.is_alive() and not hand.is_waiting:
                hand.join(_LEAVE_SECONDS)

    def _tell_now_and_then(self, desk: Desk) -> None:
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._tell_reached(desk)

    def _tell_reached(self, desk: Desk) -> None:
        self._reported_at = time.monotonic()
        reach = [FileReach(job.work.id, job.reached, job.again) for job in desk.open_jobs()]
        received = sum(hand.received for hand in self._hands)
        crew = desk.crew
        eased = crew.is_eased(time.monotonic())
        self._tell(
            Reached(
                self._order.lease, received, reach,
                opened=crew.has_opened, connections=crew.busy, eased=eased, held=desk.held,
            )
        )  # fmt: skip

    def _tell(self, news: AnyNews) -> None:
        with self._telling:
            self._report(news)
