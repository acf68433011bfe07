"""How many requests a storage is asked at once: fewer where it says that it is busy, and none before it wants one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

_GROWS_AFTER: Final = 32  # requests that went well, of all hands, before one more is tried again


class Ease:
    """Used by all hands. Times in seconds of the steady clock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._running = 0
        self._well = 0
        self._not_before = 0.0
        self._eased_at = 0.0
        self._over = False
        self._change = threading.Condition(threading.Lock())

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for it. What is raised within ends the turn as well."""
        with self._change:
            while not self._over and (wait := self._wait()) != 0:
                self._change.wait(wait)
            self._running += 1
        try:
            yield
        finally:
            with self._change:
                self._running -= 1
                self._change.notify()

    def _wait(self) -> float | None:
        """Seconds until a turn may begin; None where another's end is waited for."""
        left = self._not_before - time.monotonic()
        if left > 0:
            return left
        return 0 if self._running < self._allowed else None

    def busy(self, seconds: float) -> None:
        """The storage wants fewer, and none for so long."""
        with self._change:
            now = time.monotonic()
            if now >= self._eased_at:  # what several hands are told at the same moment is one word
                self._allowed = max(1, self._allowed // 2)
                self._eased_at = now + max(seconds, 1.0)
            self._not_before = max(self._not_before, now + seconds)
            self._well = 0

    def well(self) -> None:
        with self._change:
            self._well += 1
            if self._well >= _GROWS_AFTER and self._allowed < self._most:
                self._allowed, self._well = self._allowed + 1, 0
                self._change.notify()

    def end(self) -> None:
        """Nobody waits here any more."""
        with self._change:
            self._over = True
            self._change.notify_all()
