"""The thread that only reads: from the body into the buffer, no faster than allowed, and watchful for stalls."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.buffer import Buffer
from aihub_desktop.transport.pace import Pace

_TRAIL: Final = 1 << 20  # what follows the tar's end is read so far, to leave the connection in peace
_log = logging.getLogger(__name__)


class Inflow:
    """Owns the body and closes it. What came before a failure is given out before the failure is."""

    def __init__(self, body: Body, buffer: Buffer, brake: Brake, pace: Pace) -> None:
        self.received = 0  # bytes from the network
        self._body = body
        self._buffer = buffer
        self._brake = brake
        self._pace = pace
        self.is_finished = False
        self._shut = False
        self._thread = threading.Thread(target=self._run, name="inflow", daemon=True)
        self._thread.start()

    @property
    def held(self) -> float:
        """Seconds so far in which the network had to wait for the disk."""
        return self._buffer.held

    def take(self, seconds: float) -> memoryview:
        """As `Buffer.take`. Problems of the network: CUT, STALLED."""
        return self._buffer.take(seconds)

    def give_back(self, count: int) -> None:
        """As `Buffer.give_back`."""
        self._buffer.give_back(count)

    def shut(self) -> None:
        """Nothing more is read; what came can still be taken. From any thread."""
        self._shut = True
        self._body.shut()
        self._brake.release()

    def finish(self) -> None:
        """Nothing more is wanted, since the end was seen: a little that follows is read in peace."""
        self.is_finished = True
        self._buffer.close()
        self._brake.release()

    def join(self) -> None:
        """Waits for the thread, after `finish`. Forgets what was not taken."""
        self._thread.join()
        self._buffer.forget()

    def _run(self) -> None:
        problem = None
        try:
            self._read()
        except ProblemError as error:
            problem = error.problem
        except Exception as error:
            _log.exception("reading")
            problem = Problem(Code.BUG, {"why": type(error).__name__})
        self._body.close()
        self._buffer.end(problem)

    def _read(self) -> None:
        while (room := self._buffer.room()) is not None:
            allowed = self._brake.allow(len(room))
            if not allowed and self._shut:
                raise ProblemError(Code.CUT, why="shut")
            count = self._once(room[:allowed]) if allowed else None
            if count == 0:
                return
            if count:
                self._brake.spend(count)
                self._buffer.fill(count)
        if not self._shut:
            self._drain()

    def _once(self, view: memoryview) -> int | None:
        """Bytes that came, 0 at the end, None if time ran out."""
        count = None
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            count = self._body.readinto(view)
        self.received += count or 0
        if count != 0 and self._pace.stalls(time.monotonic() - began, count or 0):
            raise ProblemError(Code.STALLED)
        return count

    def _drain(self) -> None:
        """Nothing behind the tar's end can make what came before it better or worse."""
        view = memoryview(bytearray(64 << 10))
        left = _TRAIL
        with contextlib.suppress(TimeoutError, ProblemError):
            while left > 0 and (count := self._body.readinto(view)):
                self.received += count
                left -= count
