"""Which bytes of one file are whose: cut when they are asked for, cut again while they come. Pure but for its lock.

    there ──────┐  claim of a connection        nobody's
    [##########][=====>.............][=====>....][......................]
                 start  at          stop

A connection claims the first bytes that are nobody's. Where none are left it takes the later part of what another
one still has to do, so that both end at the same moment: the slowest connection never decides the end. Whoever holds
a claim writes only below its `stop`, which may come nearer at any time.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final

# Less is not worth a request of its own: it is read in the time that one takes.
SMALLEST: Final = 64 << 10
_WORTH_SECONDS: Final = 0.1  # of another's work: what ends sooner is left to it
_HANGS_SECONDS: Final = 2.0  # for that little: such a connection will not be waited for


def _nothing() -> None:
    pass


class Claim:
    """Bytes start ≤ i < stop that one connection is to fetch; `at` of them it is. Its fields are read by anybody,
    and written under the lock of `Spans` alone.

    `speed`: bytes a second of its connection lately, as that says itself. `stop` None: to the end, wherever that is.
    `shut`: ends what its connection waits for; called where all of the claim was taken away.
    """

    __slots__ = ("at", "shut", "speed", "start", "stop")

    def __init__(self, start: int, stop: int | None, speed: float) -> None:
        self.start = self.at = start
        self.stop = stop
        self.speed = speed
        self.shut: Callable[[], None] = _nothing

    @property
    def is_empty(self) -> bool:
        """Nothing of it is left to do."""
        return self.at == self.stop


class Spans:
    """Of one file. Safe from any thread."""

    def __init__(self, size: int | None, have: Iterable[tuple[int, int]] = ()) -> None:
        """`size` in bytes, None while it is not known; `have`: disjoint spans that are there already, in order."""
        self.size = size
        self._lock = threading.Lock()
        self._claims: list[Claim] = []
        self._free: list[tuple[int, int | None]] = []
        at = 0
        for start, stop in have:
            if start > at:
                self._free.append((at, start))
            at = stop
        if size is None or at < size:
            self._free.append((at, size))

    @property
    def is_over(self) -> bool:
        """Nobody has anything to do any more."""
        with self._lock:
            return not self._free and all(claim.is_empty for claim in self._claims)

    def take(self, most: int, speed: float) -> Claim | None:
        """The first bytes that are nobody's, `most` at the most; None where all have somebody.

        `speed`: bytes a second that the asking connection may hope for.
        """
        with self._lock:
            if not self._free:
                return None
            start, stop = self._free[0]
            cut = start + most
            if stop is not None and stop - cut < SMALLEST:
                cut = stop
            if stop is None and self.size is None:
                del self._free[0]
                return self._claimed(start, None, speed)
            if cut == stop:
                del self._free[0]
            else:
                self._free[0] = (cut, stop)
            return self._claimed(start, cut, speed)

    def steal(self, speed: float) -> Claim | None:
        """The later part of what another connection has to do; None where that is soon done by itself."""
        with self._lock:
            victim = max(self._claims, key=_seconds, default=None)
            if victim is None or victim.stop is None or _seconds(victim) < _WORTH_SECONDS:
                return None
            left, stop = victim.stop - victim.at, victim.stop
            if left > SMALLEST:
                share = min(0.99, speed / (speed + victim.speed)) if speed > 0 else 0.5
                cut = min(stop - SMALLEST, stop - int(left * share))
            elif left and _seconds(victim) > _HANGS_SECONDS:
                cut = victim.at
            else:
                return None
            victim.stop = cut
            claim = self._claimed(cut, stop, speed)
        if victim.is_empty:
            victim.shut()
        return claim

    def go_on(self, claim: Claim, most: int) -> bool:
        """More for a connection that has come to its end, where what follows is nobody's: no new request for it."""
        with self._lock:
            for number, (start, stop) in enumerate(self._free):
                if start == claim.stop and stop is not None:
                    cut = min(stop, start + most)
                    claim.stop = cut
                    self._free[number : number + 1] = [(cut, stop)] if cut < stop else []
                    return True
            return False

    def advance(self, claim: Claim, count: int) -> int:
        """`count` more bytes came: how many of them are still this connection's. Called before they are written."""
        with self._lock:
            kept = count if claim.stop is None else max(0, min(count, claim.stop - claim.at))
            claim.at += kept
            return kept

    def learn(self, size: int, claim: Claim, most: int) -> None:
        """The size is known now, by an answer to an open claim: that keeps `most` bytes, the rest is anybody's."""
        with self._lock:
            self.size = size
            if claim.stop is None:
                claim.stop = max(claim.at, min(size, claim.start + most))
                if claim.stop < size:
                    insort(self._free, (claim.stop, size), key=lambda one: one[0])

    def end(self, claim: Claim) -> None:
        """The connection lets go: what it did not fetch is nobody's again."""
        with self._lock:
            self._claims.remove(claim)
            if claim.stop is None:
                # Its end came: that is where the file ends, or nobody could tell and it is asked for again.
                insort(self._free, (claim.at, self.size), key=lambda one: one[0])
            elif claim.at < claim.stop:
                self._give(claim.at, claim.stop)

    def close(self, claim: Claim) -> None:
        """The clean end of a file of unknown size was seen: it ends where the claim is."""
        with self._lock:
            self.size = claim.stop = claim.at

    def give_back(self, start: int, stop: int) -> None:
        """These bytes turned out to be worthless: they are nobody's."""
        with self._lock:
            self._give(start, stop)

    def cut_off(self) -> None:
        """Nothing more is wanted: every claim ends where it is."""
        with self._lock:
            self._free.clear()
            for claim in self._claims:
                claim.stop = claim.at

    def _claimed(self, start: int, stop: int | None, speed: float) -> Claim:
        claim = Claim(start, stop, speed)
        self._claims.append(claim)
        return claim

    def _give(self, start: int, stop: int) -> None:
        insort(self._free, (start, stop), key=lambda one: one[0])
        merged: list[tuple[int, int | None]] = []
        for span in self._free:
            if merged and merged[-1][1] == span[0]:
                merged[-1] = (merged[-1][0], span[1])
            else:
                merged.append(span)
        self._free = merged


def _seconds(claim: Claim) -> float:
    """Until this connection is through, at its own pace; one that does not move is through last."""
    left = (claim.stop or claim.at) - claim.at
    return left / claim.speed if claim.speed > 1 else left * 1e3
