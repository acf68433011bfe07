"""The hub's streams: how many begin, how far apart, and which are too many. Pure, like the traffic it is part of.

A stream that ends early costs all that it brought, so it is stopped for two reasons only: the limit feeds fewer
(those that lose least end first), or the drive is so slow that the hub would cut its readers.
"""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.line import Line
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.streams import Streams
from aihub_desktop.engine.records import Book, LeaseKind, LeaseRecord, Moment
from aihub_desktop.engine.shares import allowed_streams
from aihub_desktop.engine.spread import Spread

DRIVE_SECONDS: Final = 10.0
DRIVE_HELD: Final = 0.3  # of the connections' time: then the drive is slower than what comes
SETTLED: Final = 2.0  # seconds after its opening a stream has its speed
_REFUSALS: Final = frozenset({Code.HUB_BUSY, Code.HUB_ERROR})  # before any byte: this start was not welcome


class Streaming:
    """`use` the settings before anything else in a turn. `line` knows of the hub's streams only."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._streams = Streams()
        self._spread = Spread()
        self.line = Line()
        self._thinned_at = float("-inf")

    def use(self, settings: Settings) -> None:
        old, self._settings = self._settings, settings
        if (old.limit, old.slowest_stream, old.parallel) != (
            settings.limit,
            settings.slowest_stream,
            settings.parallel,
        ):
            self._streams.anew()
        if old.spread != settings.spread:
            self._spread.anew()

    def running(self) -> list[LeaseRecord]:
        return [one for one in self._book.leases.values() if one.kind is LeaseKind.FETCH and not one.halting]

    # ---- beginning ----

    @property
    def most(self) -> int:
        """The ceiling that the person set, by number or by limit."""
        allowed = allowed_streams(self._settings.limit, self._settings.slowest_stream)
        return self._settings.parallel if allowed is None else min(self._settings.parallel, allowed)

    @property
    def wanted(self) -> int:
        return min(self._streams.wanted, self.most)

    def slots(self) -> int:
        """How many streams more are wanted."""
        return self.wanted - sum(lease.kind is LeaseKind.FETCH for lease in self._book.leases.values())

    def may_start(self, now: Moment) -> bool:
        return self.slots() > 0 and now.steady >= self._spread.next_start(self._settings.spread)

    def started(self, lease: LeaseRecord, now: Moment) -> None:
        self._spread.started(lease.id, now.steady)

    def next_start(self, now: Moment) -> float | None:
        """When (steady clock) another stream may begin; None where that is no question of time."""
        start = self._spread.next_start(self._settings.spread)
        return start if self.slots() > 0 and start > now.steady else None

    # ---- news ----

    def opened(self, lease: LeaseRecord, now: Moment) -> None:
        self._spread.accepted(lease.id, self._settings.spread, now.steady)
        self._streams.opened(self._count_open(now))

    def ended(self, lease: LeaseRecord, problem: Problem | None, now: Moment, *, was_open: bool) -> None:
        """The lease is over: with a problem of its own, or because it was asked back."""
        self._spread.ended(lease.id)
        count = self._count_open(now)
        if was_open or problem is None or problem.code not in _REFUSALS:
            return
        # Too close together is the likelier reason, and where nothing else is open it cannot be the number.
        if not self._spread.refused(self._settings.spread, now.steady) and count > 0:
            self._streams.refused(count, now.steady)

    def line_changed(self) -> None:
        """Nothing that was measured holds any more."""
        self.line.forget()
        self._streams.anew()
        self._spread.anew()

    def _count_open(self, now: Moment) -> int:
        count = sum(lease.opened for lease in self.running())
        self.line.streams(count, now.steady)
        return count

    # ---- under way ----

    def too_many(self, now: Moment, *, is_limited: bool) -> list[LeaseRecord]:
        """The streams to be stopped now. Also the turn at which the number wanted is thought over.

        `is_limited`: the limit is met, so that what comes says nothing about more streams.
        """
        running = self.running()
        allowed = allowed_streams(self._settings.limit, self._settings.slowest_stream)
        over = 0 if allowed is None else max(0, len(running) - allowed)
        if self.drive_is_slow(now):
            self._streams.slow_drive(len(running), now.steady)
            over = max(over, self._thinned(running, now))
        elif not is_limited:
            self._streams.judge(self.line, self.most, now.steady)
        return sorted(running, key=self._at_stake)[:over]

    def drive_is_slow(self, now: Moment) -> bool:
        moving = self.line.known(now.steady) >= SETTLED and any(lease.opened for lease in self.running())
        return moving and self.line.held(DRIVE_SECONDS, now.steady) > DRIVE_HELD

    def seconds_left(self, lease: LeaseRecord) -> float:
        files = (self._book.files.get(key) for key in lease.held)
        high = sum(file.remote.size.high for file in files if file is not None)
        return max(0, high - lease.received) / lease.speed if lease.opened and lease.speed > 1 else float("inf")

    def _thinned(self, running: list[LeaseRecord], now: Moment) -> int:
        """1 where the drive feeds each stream so little that the hub would cut them all."""
        rate = self.line.rate(DRIVE_SECONDS, now.steady)
        slow = len(running) > 1 and rate < self._settings.slowest_stream * len(running)
        if not slow or now.steady - self._thinned_at < DRIVE_SECONDS:
            return 0
        self._thinned_at = now.steady
        return 1

    def _at_stake(self, lease: LeaseRecord) -> int:
        """What would have to be received again."""
        through = (self._book.files.get(key) for key in lease.held if key not in lease.files)
        return lease.received - sum(file.size or 0 for file in through if file is not None)
