"""How late the window's event loop comes, and how long it works at a stretch."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import Qt, QTimer

_EVERY: Final = 0.010


class Lateness:
    """Measures until `stop`. Late by the wall clock is also a machine with other work; busy is the window alone."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._busy: list[float] = []
        self._at, self._worked = time.monotonic(), time.thread_time()
        self._timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=int(_EVERY * 1000))
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now, worked = time.monotonic(), time.thread_time()
        self._late.append(max(0.0, now - self._at - _EVERY))
        self._busy.append(worked - self._worked)
        self._at, self._worked = now, worked

    def stop(self) -> None:
        self._timer.stop()

    @property
    def p99(self) -> float:
        """Seconds."""
        return sorted(self._late)[int(len(self._late) * 0.99)]

    @property
    def busiest(self) -> float:
        """Seconds of the window's thread between two turns, at worst."""
        return max(self._busy)

    def __str__(self) -> str:
        worst = max(self._late)
        return (
            f"event loop, {len(self._late)} turns: p99 {1000 * self.p99:.0f} ms late, at worst {1000 * worst:.0f} ms;"
            f" at most {1000 * self.busiest:.0f} ms of work at a stretch"
        )
