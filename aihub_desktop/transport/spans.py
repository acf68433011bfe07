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
from statistics import median
from typing import Final

# Less is not worth a request of its own: it is read in the time that one takes.
SMALLEST: Final = 64 << 10
_WORTH_SECONDS: Final = 0.1  # of another's work: what ends sooner is left to it
_HANGS_SECONDS: Final = 2.0  # for that little: such a connection will not be waited for
_SETTLED_SECONDS: Final = 1.0  # after its start a connection has its speed
_LAGS: Final = 0.1  # of the others' speed
_STILL_SECONDS: Final = 1.0  # without a byte: what a connection brought before says nothing any more
_UNKNOWN_SPEED: Final = 1_000_000.0  # bytes a second, of a connection that has brought nothing yet

Span = tuple[int, int | None]


def _nothing() -> None:
    pass


class Claim:
    """Bytes start ≤ i < stop that one connection is to fetch; `at` of them it is. Its fields are read by anybody,
    and written under the lock of `Spans` alone.

    `held`: bytes behind `at` that its connection has read and not counted yet; `drawn`: an answer to it has come. Its
    connection alone writes these, at any time.
    `speed`: bytes a second of its connection lately, as that says itself. `stop` None: to the end, wherever that is.
    `shut`: ends what its connection waits for; called where all of the claim was taken away.
    """

    __slots__ = ("at", "begun_at", "drawn", "held", "inherited", "moved_at", "shut", "speed", "start", "stop")

    def __init__(self, start: int, stop: int | None, speed: float, now: float) -> None:
        self.start = self.at = start
        self.stop = stop
        self.held = 0
        self.drawn = False
        self.speed = speed
        self.begun_at = self.moved_at = now
        self.inherited = False  # from a connection that hung; until it moves it is not handed on once more
        self.shut: Callable[[], None] = _nothing

    @property
    def is_empty(self) -> bool:
        """Nothing of it is left to do."""
        return self.at == self.stop


class Spans:
    """Of one file. Safe from any thread. `now` is the time of a steady clock, in seconds."""

    def __init__(self, size: int | None, have: Iterable[tuple[int, int]] = ()) -> None:
        """`size` in bytes, None while it is not known; `have`: disjoint spans that are there already, in order."""
        self.size = size
        self._lock = threading.Lock()
        self._claims: list[Claim] = []
        self._free: list[Span] = []
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

    @property
    def is_quiet(self) -> bool:
        """No connection will write any more: each has let go, or still waits for an answer, all of which was taken."""
        with self._lock:
            return all(claim.is_empty and not claim.drawn for claim in self._claims)

    def under_way(self) -> list[tuple[int, int]]:
        """What each connection still has to fetch, in order; of an open end its beginning alone."""
        with self._lock:
            claims = [(claim.at, claim.stop) for claim in self._claims if not claim.is_empty]
        return sorted((at, at if stop is None else stop) for at, stop in claims)

    def take(self, most: int, speed: float, now: float) -> Claim | None:
        """The first bytes that are nobody's, `most` at the most; None where all have somebody.

        `speed`: bytes a second that the asking connection may hope for, 0 if it has brought nothing yet.
        Where the first claim has fallen behind by more than what all connections ask for at once, its later part is
        taken: whoever reads the file in order waits for it, and would find what came after it no more in memory.
        """
        with self._lock:
            if not self._free:
                return None
            first = min(self._claims, key=_place, default=None)
            holds_back = first is not None and self._free[0][0] - first.at > (len(self._claims) + 1) * most
            claim = self._part_of(first, speed, now) if first is not None and holds_back else None
            if claim is None:
                return self._first_free(most, speed, now)
        return _took_over(claim, first)

    def steal(self, speed: float, now: float) -> Claim | None:
        """The later part of what another connection has to do; None where that is soon done by itself."""
        with self._lock:
            victim = max(self._claims, key=lambda claim: _seconds(claim, now), default=None)
            claim = None if victim is None else self._part_of(victim, speed, now)
        return _took_over(claim, victim)

    def _first_free(self, most: int, speed: float, now: float) -> Claim:
        start, stop = self._free.pop(0)
        # Without a size nobody can say where another one would begin.
        if stop is not None and stop - start - most >= SMALLEST:
            self._free.insert(0, (start + most, stop))
            stop = start + most
        return self._claimed(start, stop, speed, now)

    def _part_of(self, victim: Claim, speed: float, now: float) -> Claim | None:
        """Under the lock: the later part of a claim, as large as the two connections are fast."""
        if victim.stop is None or (seconds := _seconds(victim, now)) < _WORTH_SECONDS:
            return None
        left, stop = victim.stop - victim.at - victim.held, victim.stop
        if left > SMALLEST:
            speed = speed or _UNKNOWN_SPEED
            share = min(0.99, speed / (speed + left / seconds))
            cut = min(stop - SMALLEST, stop - int(left * share))
        elif seconds > _HANGS_SECONDS and not victim.inherited:
            cut = victim.at
        else:
            return None
        victim.stop = cut
        claim = self._claimed(cut, stop, speed, now)
        claim.inherited = victim.is_empty
        return claim

    def lags(self, claim: Claim, now: float) -> bool:
        """Whether its connection is so much slower than the others that a new one is worth its request."""
        with self._lock:
            others = [one.speed for one in self._claims if one is not claim and one.speed > 0 and not one.is_empty]
            left = (claim.stop or claim.at) - claim.at
            is_settled = now - claim.begun_at >= _SETTLED_SECONDS and len(others) > 1
            return is_settled and left > SMALLEST and claim.speed < _LAGS * median(others)

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

    def advance(self, claim: Claim, count: int, now: float) -> int:
        """`count` more bytes came: how many of them are still this connection's. Called before they are written."""
        with self._lock:
            kept = count if claim.stop is None else max(0, min(count, claim.stop - claim.at))
            claim.at += kept
            claim.held = 0
            claim.moved_at, claim.inherited = now, False
            return kept

    def learn(self, size: int, claim: Claim, most: int) -> None:
        """The size is known now, by an answer to a claim: if it is an open one, it keeps `most` bytes, and the rest
        is anybody's."""
        with self._lock:
            if self.size is not None:
                return
            self.size = size
            self._free = [_within(span, size) for span in self._free if span[0] < size]
            for one in self._claims:
                if one.stop is None:
                    one.stop = max(one.at, min(size, one.start + most) if one is claim else size)
                    if one.stop < size:
                        self._give(one.stop, size)

    def end(self, claim: Claim) -> None:
        """The connection lets go: what it did not fetch is nobody's again."""
        with self._lock:
            self._claims.remove(claim)
            if claim.stop is None:
                # Nobody could tell where the file ends: it is asked for again.
                insort(self._free, (claim.at, None), key=_start)
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
            claims = list(self._claims)
            for claim in claims:
                claim.stop = claim.at
        for claim in claims:
            claim.shut()

    def _claimed(self, start: int, stop: int | None, speed: float, now: float) -> Claim:
        claim = Claim(start, stop, speed or _UNKNOWN_SPEED, now)
        self._claims.append(claim)
        return claim

    def _give(self, start: int, stop: int) -> None:
        insort(self._free, (start, stop), key=_start)
        merged: list[Span] = []
        for span in self._free:
            if merged and merged[-1][1] == span[0]:
                merged[-1] = (merged[-1][0], span[1])
            else:
                merged.append(span)
        self._free = merged


def _took_over(claim: Claim | None, victim: Claim | None) -> Claim | None:
    """Of a claim that was taken whole the connection need not wait any more. Not under the lock: it has its own."""
    # Not whether it is empty by now: it may have come to the new end by itself, and go on behind it.
    if claim is not None and victim is not None and claim.inherited:
        victim.shut()
    return claim


def _place(claim: Claim) -> int:
    return claim.at


def _start(span: Span) -> int:
    return span[0]


def _within(span: Span, size: int) -> Span:
    start, stop = span
    return start, size if stop is None else min(stop, size)


def _seconds(claim: Claim, now: float) -> float:
    """Until this connection is through, at its own pace; one that does not move takes as long again at least."""
    left = (claim.stop or claim.at) - claim.at - claim.held
    if left <= 0:
        return 0.0
    still = now - claim.moved_at
    seconds = left / claim.speed if claim.speed > 1 else left * 1e3
    return max(seconds, still) if still > _STILL_SECONDS else seconds
