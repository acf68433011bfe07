"""How many hands work on one lease, and until when its place is left in peace."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from aihub_desktop.domain.line import Line
from aihub_desktop.domain.streams import Streams

_SENT_AWAY: Final = 3  # files in a row: then there is no use in asking for the others
_EASED_SECONDS: Final = 30.0  # so long people are told of it
# Where no hand ever waits for the network, this machine is what is slow: more hands than it has cores, and one that
# computes beside them, only take turns.
ENOUGH: Final = max(2, os.cpu_count() or 2)


class Crew:
    """Safe from any thread. Times are of a steady clock. `changed` is called, unlocked, when more may be wanted."""

    def __init__(self, most: int, changed: Callable[[], None]) -> None:
        self.has_opened = False
        self._most = most
        self._changed = changed
        self._lock = threading.Lock()
        self._streams = Streams()
        self._line = Line()
        self._busy: set[int] = set()  # hands to which the place gave an answer since they last had nothing to do
        self._closed_until = float("-inf")
        self._eased_at = float("-inf")
        self._sent_away = 0
        self._flooded: set[int] = set()  # hands that never had to wait for the network

    @property
    def wanted(self) -> int:
        """How many hands are to work."""
        most = min(self._most, ENOUGH) if len(self._flooded) > ENOUGH else self._most
        return max(1, min(self._streams.wanted, most))

    @property
    def busy(self) -> int:
        return len(self._busy)

    def judge(self, now: float) -> None:
        with self._lock:
            self._line.note(now)
            self._streams.judge(self._line, self._most, now)
        self._changed()

    def opened(self, number: int, now: float) -> None:
        """The place's answer to a hand has begun."""
        with self._lock:
            self._sent_away = 0
            if number in self._busy:
                return
            self.has_opened = True
            self._busy.add(number)
            self._streams.opened(len(self._busy))
            self._line.streams(len(self._busy), now)
        self._changed()

    def rests(self, number: int, now: float) -> None:
        """A hand has nothing to do."""
        with self._lock:
            if number in self._busy:
                self._busy.discard(number)
                self._line.streams(len(self._busy), now)

    def drew(self, number: int, *, is_flooded: bool) -> None:
        """A hand is through with a piece: whether there was always more to read than it took."""
        with self._lock:
            if is_flooded:
                self._flooded.add(number)
            else:
                self._flooded.clear()  # of all: those that rest may find more, too

    def received(self, count: int, now: float) -> None:
        with self._lock:
            self._line.note(now, received=count)

    def refused(self, seconds: float, now: float) -> None:
        """The place asks for fewer, and for nothing within so many seconds."""
        with self._lock:
            self._eased_at = now
            self._streams.refused(max(1, len(self._busy) // 2), now)
            self._closed_until = max(self._closed_until, now + seconds)

    def is_sent_away(self) -> bool:
        """One more file is not to be had for now: whether that holds for all, as it seems."""
        with self._lock:
            self._sent_away += 1
            return self._sent_away >= _SENT_AWAY

    def is_closed(self, now: float) -> bool:
        """Nothing is to be asked for now."""
        return now < self._closed_until

    def is_eased(self, now: float) -> bool:
        return now - self._eased_at < _EASED_SECONDS
