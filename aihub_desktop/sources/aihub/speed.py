"""How fast one stream is, and how much more come with two, three and four at once.

stream 1 ├──────────────────────────────────
stream 2          ├─────────────────────────     each joins those before it, which go on meanwhile:
stream 3                   ├────────────────     a stream that is not read is cut off by the hub
windows  ├ 1 ─────┤├ 2 ────┤├ 3 ───┤
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Final

from aihub_desktop.domain.checkup import Finding, Topic, found
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.sources.aihub.sample import TAR_BYTES, Tap

MOST_STREAMS: Final = 4
WINDOW_BYTES: Final = 64 << 20
WINDOW_SECONDS: Final = 5.0
_OPENING_SECONDS: Final = 90.0
_STOPPING_SECONDS: Final = 3.0  # beyond a tick of the body; whoever still waits for an answer is left to it
_TICK: Final = 0.02


def speed(tap: Tap, dataset: Dataset, file: RemoteFile, *, with_key: bool, seconds: float = WINDOW_SECONDS) -> Finding:
    """Rates in bytes a second: facts "one" to "four", as far as the file and the hub allowed."""
    lanes: list[_Lane] = []
    rates: list[int] = []
    problem: Problem | None = None
    try:
        while len(lanes) < MOST_STREAMS and problem is None:
            lane = _Lane(tap, dataset, file, with_key=with_key)
            lanes.append(lane)
            problem = lane.opened()
            rate = _window(lanes, seconds) if problem is None else 0
            if not rate:
                break
            rates.append(rate)
    finally:
        for lane in lanes:
            lane.stop()
    facts = dict(zip(("one", "two", "three", "four"), rates, strict=False))
    if not rates:
        return found(Topic.SPEED, "unknown", problem)
    if problem is not None and problem.code not in (Code.UNREACHABLE, Code.CUT):
        return found(Topic.SPEED, "refused", problem, streams=len(rates), **facts)
    return found(Topic.SPEED, "measured", **facts)


def share_of(file: RemoteFile) -> int:
    """The most bytes that one stream receives. Of all streams together, hence, four times as many."""
    return min(WINDOW_BYTES, file.size.high + TAR_BYTES)


def _window(lanes: list[_Lane], seconds: float) -> int:
    """Bytes a second of all lanes together; 0 where one had ended before enough could be seen."""
    began, before = time.monotonic(), sum(lane.received for lane in lanes)
    wake = threading.Event()
    while True:
        wake.wait(_TICK)
        passed, count = time.monotonic() - began, sum(lane.received for lane in lanes) - before
        if any(lane.is_over for lane in lanes):
            # A file too short for the window: alone it still has a speed of its own, beside others it shows little.
            return lanes[0].rate if len(lanes) == 1 else round(count / passed) if passed >= seconds / 2 else 0
        if passed >= seconds or count >= WINDOW_BYTES:
            return round(count / passed)


class _Lane:
    """One stream that is read until it is stopped, or has had its share of bytes."""

    def __init__(self, tap: Tap, dataset: Dataset, file: RemoteFile, *, with_key: bool) -> None:
        self._tap, self._dataset, self._file, self._with_key = tap, dataset, file, with_key
        self._share = share_of(file)
        self._problem: Problem | None = None
        self._open = threading.Event()
        self._stopping = threading.Event()
        self.received = 0
        self.is_over = False
        self._began = self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="speed", daemon=True)
        self._thread.start()

    def opened(self) -> Problem | None:
        """Waits for the first bytes; the problem that came instead."""
        if not self._open.wait(_OPENING_SECONDS):
            return Problem(Code.STALLED)
        return self._problem

    @property
    def rate(self) -> int:
        """Bytes a second from the request to the last byte so far."""
        return round(self.received / max(self._last - self._began, 0.001))

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(_STOPPING_SECONDS)

    def _run(self) -> None:
        try:
            ticket = self._tap.ticket(self._dataset, [self._file.key])
            opened = self._tap.stream(ticket.address, with_key=self._with_key)
            with contextlib.closing(opened.body):
                self._tap.read(opened, self._take, self._wants)
        except ProblemError as error:
            self._problem = error.problem
        except Exception as error:
            self._problem = Problem(Code.BUG, {"why": type(error).__name__})
        finally:
            self.is_over = True
            self._open.set()

    def _take(self, view: memoryview) -> None:
        self.received += len(view)
        self._last = time.monotonic()
        self._open.set()

    def _wants(self) -> int:
        return 0 if self._stopping.is_set() else self._share - self.received
