"""Whether a stream still moves. Pure: times are given."""

from __future__ import annotations

from collections import deque
from typing import Final

_SAMPLES: Final = 16  # in one window: the answer is late by a sixteenth of it at most


class Pace:
    """Fewer than `rate` × `seconds` bytes in the last `seconds` of waiting mean a stall; none at all always do.

    Only time spent waiting for the network counts: a slow disk of ours is no stall of the hub's.
    """

    def __init__(self, rate: int, seconds: float) -> None:
        self._least = max(1.0, rate * seconds)
        self._seconds = seconds
        self._waited = 0.0
        self._bytes = 0
        self._past: deque[tuple[float, int]] = deque([(0.0, 0)])

    def stalls(self, waited: float, count: int) -> bool:
        """`count` bytes came after `waited` seconds."""
        self._waited += waited
        self._bytes += count
        if self._waited - self._past[-1][0] >= self._seconds / _SAMPLES:
            self._past.append((self._waited, self._bytes))
        while len(self._past) > 1 and self._past[1][0] <= self._waited - self._seconds:
            self._past.popleft()
        began, before = self._past[0]
        return self._waited - began >= self._seconds and self._bytes - before < self._least
