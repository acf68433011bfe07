"""How fast something moves, smoothed for the eye."""

from __future__ import annotations

import math
from collections import deque
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


_BLOCK: Final = 2.0  # seconds of one count
_RUN: Final = 5  # blocks in a row make a speed: what lasts for less than ten seconds says nothing of the next hours
_KEPT: Final = 60  # blocks: two minutes
_OUTLIERS: Final = 0.1  # of the speeds at either end


class Swing:
    """How fast something was in the last two minutes, at its slower and at its faster."""

    __slots__ = ("_at", "_counts", "_sums")

    def __init__(self, now: float) -> None:
        self._at = now
        self._counts = 0
        self._sums: deque[float] = deque(maxlen=_KEPT)

    def add(self, amount: int, now: float) -> None:
        """`amount` bytes came since the last call."""
        passed = now - self._at
        self._counts += amount
        if passed >= _BLOCK:
            # A report that comes late stands for all the blocks that it covers.
            blocks = min(_KEPT, int(passed // _BLOCK))
            self._sums.extend([self._counts / passed] * blocks)
            self._at, self._counts = now, 0

    def speeds(self) -> tuple[float, float] | None:
        """Bytes a second, from slow to fast; None while too little is known, or where it stood still of late."""
        sums = list(self._sums)
        if len(sums) < _RUN:
            return None
        speeds = sorted(sum(sums[at : at + _RUN]) / _RUN for at in range(len(sums) - _RUN + 1))
        cut = int(len(speeds) * _OUTLIERS)
        slow, fast = speeds[cut], speeds[-1 - cut]
        return (slow, fast) if slow > 1 and sum(sums[-_RUN:]) > 0 else None


def seconds_between(low: int, high: int, done: int, speeds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Least and most time to the end, for a total and a speed that are known as ranges; None: nobody can tell."""
    if speeds is None:
        return None
    slow, fast = speeds
    return max(0, low - done) / fast, max(0, high - done) / slow
