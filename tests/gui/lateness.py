"""How late the window's event loop comes, and how much of that is its own doing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest
from PySide6.QtCore import Qt, QTimer

_EVERY: Final = 0.010
_SCHEDULE: Final = Path("/proc/thread-self/schedstat")  # nanoseconds on a core, and ready but without a core

# Elsewhere a busy machine's lateness counts as the window's.
TOLD: Final = pytest.mark.skipif(not _SCHEDULE.exists(), reason="only Linux tells how long a thread waited for a core")


def _without_core() -> float:
    """Seconds that this thread was ready to run while others had the cores; 0 where the system does not tell."""
    return int(_SCHEDULE.read_text().split()[1]) / 1e9 if _SCHEDULE.exists() else 0.0


class Lateness:
    """Measures until `stop`. What the thread waited for a core is the machine's, the rest is the window's: its own
    work, and any waiting for disk, network or another process.
    """

    def __init__(self) -> None:
        self._late: list[float] = []
        self._own: list[float] = []
        self._at, self._waited = time.monotonic(), _without_core()
        self._timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=int(_EVERY * 1000))
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now, waited = time.monotonic(), _without_core()
        late = max(0.0, now - self._at - _EVERY)
        self._late.append(late)
        self._own.append(max(0.0, late - (waited - self._waited)))
        self._at, self._waited = now, waited

    def stop(self) -> None:
        self._timer.stop()

    @property
    def late(self) -> list[float]:
        """Seconds, turn by turn, whoever's doing it was."""
        return list(self._late)

    @property
    def own(self) -> list[float]:
        """Seconds, turn by turn, by the window's own doing."""
        return list(self._own)

    @property
    def own_worst(self) -> float:
        """Seconds: the longest that the window itself held its loop."""
        return max(self._own)

    def __str__(self) -> str:
        p99, own = (1000 * sorted(times)[int(len(times) * 0.99)] for times in (self._late, self._own))
        return (
            f"event loop, {len(self._late)} turns, ms late: p99 {p99:.0f}, worst {1000 * max(self._late):.0f};"
            f" by its own doing: p99 {own:.0f}, worst {1000 * self.own_worst:.0f}"
        )
