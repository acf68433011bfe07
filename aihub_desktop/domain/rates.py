"""How fast something moves, smoothed for the eye."""

from __future__ import annotations

import math
from typing import Final

_MEMORY: Final = 5.0  # seconds after which an old speed weighs 1/e


class Rate:
    """Bytes a second from counts at times: an exponential mean over about five seconds."""

    __slots__ = ("_at", "_began", "_value")

    def __init__(self, now: float) -> None:
        self._at = self._began = now
        self._value = 0.0

    def add(self, amount: int, now: float) -> None:
        """`amount` bytes came since the last call."""
        passed = now - self._at
        if passed < 1e-6:
            # Two reports of one moment: an impulse, spread over the memory.
            self._value += amount / _MEMORY
            return
        keep = math.exp(-passed / _MEMORY)
        self._value = self._value * keep + amount / passed * (1 - keep)
        self._at = now

    def value(self, now: float) -> float:
        """Bytes a second; falls by itself while nothing comes."""
        # The mean began at nothing: what that still weighs is taken out, or the first minutes of a download
        # would promise an end many times too far away.
        known = 1 - math.exp(-max(self._at - self._began, 1.0) / _MEMORY)
        return self._value / known * math.exp(-max(0.0, now - self._at - 1.0) / _MEMORY)


def seconds_left(low: int, high: int, done: int, rate: float) -> float | None:
    """Time to the end at this rate, for a total known as a range; None where nothing moves."""
    left = max(0.0, (low + high) / 2 - done)
    return left / rate if rate > 1 else None
