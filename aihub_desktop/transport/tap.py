"""Reads the answers that one hand gets: no faster than allowed, and watchful for stalls."""

from __future__ import annotations

import contextlib
import time

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Gather
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.pace import Pace


class Tap:
    """`received`: bytes from the network."""

    def __init__(self, order: Gather, brake: Brake) -> None:
        self.received = 0
        self.brake = brake
        self._order = order

    def pace(self) -> Pace:
        """Of one answer."""
        return Pace(self._order.stall_rate, self._order.stall_seconds)

    def read(self, body: Body, view: memoryview, pace: Pace) -> int | None:
        """Bytes that came, 0 at the end, None where none came for a while. Raises CUT, STALLED."""
        allowed = self.brake.allow(len(view))
        if not allowed:
            raise ProblemError(Code.CUT, why="shut")
        began, count = time.monotonic(), None
        with contextlib.suppress(TimeoutError):
            count = body.readinto(view[:allowed])
        if count:
            self.brake.spend(count)
            self.received += count
        if count != 0 and pace.stalls(time.monotonic() - began, count or 0):
            raise ProblemError(Code.STALLED)
        return count
