"""A limit of speed that may change at any moment, also while somebody waits for it."""

from __future__ import annotations

import threading
import time
from typing import Final

_BURST: Final = 0.25  # seconds' worth of bytes that may gather while nothing is read
_STEP: Final = 0.05  # seconds' worth of bytes to wait for: smaller reads would only cost calls


class Brake:
    """A bucket of bytes, filled at `rate` a second. One thread asks; `limit` and `release` may come from any."""

    def __init__(self, rate: int) -> None:
        """`rate` 0: no limit."""
        self._rate = rate
        self._level = 0.0
        self._at = time.monotonic()
        self._released = False
        self._change = threading.Condition(threading.Lock())

    def allow(self, most: int) -> int:
        """How many bytes may be read now, between 1 and `most`. Waits for them; 0 once released."""
        with self._change:
            while not self._released and self._rate:
                self._rise()
                wanted = min(most, max(1, int(self._rate * _STEP)))
                if self._level >= wanted:
                    return min(most, int(self._level))
                self._change.wait((wanted - self._level) / self._rate)
            return 0 if self._released else most

    def spend(self, count: int) -> None:
        """So many bytes were read."""
        with self._change:
            if self._rate:
                self._level -= count

    def limit(self, rate: int) -> None:
        with self._change:
            self._rise()
            self._rate = rate
            self._level = min(self._level, rate * _BURST)
            self._change.notify_all()

    def release(self) -> None:
        """Nobody is to wait here any more."""
        with self._change:
            self._released = True
            self._change.notify_all()

    def _rise(self) -> None:
        now = time.monotonic()
        self._level = min(self._level + (now - self._at) * self._rate, self._rate * _BURST)
        self._at = now


class LentBrake(Brake):
    """The brake of many, lent to one that is released for itself."""

    def __init__(self, brake: Brake) -> None:
        super().__init__(0)
        self._brake = brake

    def allow(self, most: int) -> int:
        return 0 if self._released else self._brake.allow(most)

    def spend(self, count: int) -> None:
        self._brake.spend(count)

    def limit(self, rate: int) -> None:
        self._brake.limit(rate)
