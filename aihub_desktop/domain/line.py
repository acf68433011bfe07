"""What came over the line in the last minute: of all streams together, however short each of them was."""

from __future__ import annotations

import collections
from typing import Final, NamedTuple

_KEPT: Final = 60.0  # seconds
_PAUSE: Final = 10.0  # seconds without anything open
_APART: Final = 0.1  # seconds between two samples: news of many streams come in bursts


class _Sample(NamedTuple):
    at: float
    received: int  # bytes since the beginning
    held: float  # stream-seconds in which the disk was waited for
    open: float  # stream-seconds in which a stream was open


class Line:
    """Fed with what streams report and how many are open; tells means over any of the last seconds."""

    def __init__(self) -> None:
        self._samples: collections.deque[_Sample] = collections.deque()
        self._received = 0
        self._held = self._open = 0.0
        self._count = 0
        self._at: float | None = None
        self._empty_since: float | None = None

    def note(self, now: float, *, received: int = 0, held: float = 0.0) -> None:
        """So many more bytes came, and so many seconds more were waited for the disk."""
        self._pass(now)
        self._received += received
        self._held += held
        self._sample(now)

    def streams(self, count: int, now: float) -> None:
        """From now on `count` streams are open."""
        if count:
            # Gaps between small requests are part of the speed; a pause is not.
            if self._empty_since is not None and now - self._empty_since > _PAUSE:
                self.forget()
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        self._pass(now)
        self._count = count
        self._sample(now)

    def forget(self) -> None:
        """What came before says nothing about what is to come."""
        self._samples.clear()

    def rate(self, seconds: float, now: float) -> float:
        """Bytes a second, of everything, over the last `seconds`; over what is known of them if that is less."""
        past, length = self._since(seconds, now)
        return (self._received - past.received) / length

    def open(self, seconds: float, now: float) -> float:
        """How many streams were open, on average."""
        past, length = self._since(seconds, now)
        return (self._open - past.open) / length

    def held(self, seconds: float, now: float) -> float:
        """The share of the streams' time in which they had to wait for the disk: 0 to 1."""
        past, _ = self._since(seconds, now)
        spent = self._open - past.open
        return min(1.0, (self._held - past.held) / spent) if spent > 0 else 0.0

    def known(self, now: float) -> float:
        """Over how many seconds means can be told."""
        return now - self._samples[0].at if self._samples else 0.0

    def _pass(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._open += self._count * (now - self._at)
        self._at = now if self._at is None else max(self._at, now)

    def _sample(self, now: float) -> None:
        samples = self._samples
        if samples and now - samples[-1].at < _APART:
            return
        samples.append(_Sample(now, self._received, self._held, self._open))
        while now - samples[0].at > _KEPT:
            samples.popleft()

    def _since(self, seconds: float, now: float) -> tuple[_Sample, float]:
        self._pass(now)
        found = _Sample(now, self._received, self._held, self._open)
        for sample in reversed(self._samples):
            found = sample
            if now - sample.at >= seconds:
                break
        return found, max(now - found.at, 1e-3)
