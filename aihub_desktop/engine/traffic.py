"""Which streams may begin, which must end early, and how fast each may be. Pure: it decides, the core acts.

Streams end early for three reasons only, for all that they brought has to be received again: the limit feeds fewer
(those that lose least end first), the drive is so slow that the hub would cut its readers, or the hours are over.
A stream that is nearly through when the hours end may finish: people set hours because others need the line, and
a few minutes more cost them less than hours of receiving the same again.
"""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Reached
from aihub_desktop.domain.line import Line
from aihub_desktop.domain.messages import Brake
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.streams import Streams
from aihub_desktop.engine.records import Book, LeaseKind, LeaseRecord, Moment
from aihub_desktop.engine.shares import allowed_streams, divided
from aihub_desktop.engine.spread import Spread
from aihub_desktop.engine.timetable import LocalHour, Timetable, utc_hour

_REFUSALS: Final = frozenset({Code.HUB_BUSY, Code.HUB_ERROR})  # before any byte: this start was not welcome
_DIVIDE_SECONDS: Final = 1.0
_DRIVE_SECONDS: Final = 10.0
_DRIVE_HELD: Final = 0.3  # of the streams' time: then the drive is slower than the hub
_MET: Final = 0.9  # of the limit
_LIMIT_SECONDS: Final = 3.0
_USES: Final = 0.8  # of its share: such a stream takes what it gets
_ROOM: Final = 1.3  # of what it used lately, for one that needs less
_SETTLED: Final = 2.0  # seconds after its opening a stream has its speed
_NEARLY: Final = 300.0  # seconds to its end when the hours are over
_LATEST: Final = 600.0  # seconds after the hours in which it has to be through


class Traffic:
    """Kept by the core's loop. `use` the settings before anything else in a turn."""

    def __init__(self, book: Book, settings: Settings, local: LocalHour = utc_hour) -> None:
        self._book = book
        self._settings = settings
        self._streams = Streams()
        self._spread = Spread()
        self._line = Line()
        self._hours = Timetable(local)
        self._hours.use(settings.hours)
        self._divided_at = float("-inf")
        self._divided: tuple[int, frozenset[int]] = (0, frozenset())
        self._thinned_at = float("-inf")
        self._empty_since = 0.0

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
        self._hours.use(settings.hours)

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
        if self.slots() <= 0 or self._hours.opens_at(now.wall) is not None:
            return False
        return now.steady >= self._spread.next_start(self._settings.spread)

    def started(self, lease: LeaseRecord, now: Moment) -> None:
        self._spread.started(lease.id, now.steady)

    def next_moment(self, now: Moment) -> float | None:
        """When (steady clock) something changes here without any news; None for never."""
        opens = self._hours.opens_at(now.wall)
        if opens is not None:
            return now.steady + opens - now.wall
        waits = []
        if self.slots() > 0 and (start := self._spread.next_start(self._settings.spread)) > now.steady:
            waits.append(start)
        if self._settings.limit and self._running():
            waits.append(self._divided_at + _DIVIDE_SECONDS)
        return min(waits, default=None)

    # ---- news ----

    def reached(self, lease: LeaseRecord, news: Reached, now: Moment) -> None:
        """Before the lease itself takes the news in."""
        received, held = max(0, news.received - lease.received), max(0.0, news.held - lease.disk_held)
        lease.disk_held = max(lease.disk_held, news.held)
        if not lease.opened and (news.opened or news.received > 0):
            lease.opened, lease.opened_at = True, now.steady
            self._spread.accepted(lease.id, self._settings.spread, now.steady)
            count = self._count_open(now)
            self._streams.opened(count)
        self._line.note(now.steady, received=received, held=held)

    def ended(self, lease: LeaseRecord, problem: Problem | None, now: Moment) -> None:
        """The lease is over: with a problem of its own, or because it was asked back."""
        self._spread.ended(lease.id)
        lease_was_open, lease.opened = lease.opened, False
        count = self._count_open(now)
        if lease_was_open or problem is None or problem.code not in _REFUSALS:
            return
        # Too close together is the likelier reason, and where nothing else is open it cannot be the number.
        if not self._spread.refused(self._settings.spread, now.steady) and count > 0:
            self._streams.refused(count, now.steady)

    def line_changed(self) -> None:
        """Nothing that was measured holds any more."""
        self._line.forget()
        self._streams.anew()
        self._spread.anew()

    def _count_open(self, now: Moment) -> int:
        count = sum(lease.opened for lease in self._running())
        if count:
            # Gaps between small requests are part of the speed; a pause is not.
            if self._empty_since and now.steady - self._empty_since > _DRIVE_SECONDS:
                self._line.forget()
            self._empty_since = 0.0
        elif not self._empty_since:
            self._empty_since = now.steady
        self._line.streams(count, now.steady)
        return count

    # ---- under way ----

    def too_many(self, now: Moment) -> list[LeaseRecord]:
        """The streams to be stopped now. Also the turn at which the number wanted is thought over."""
        running = self._running()
        self._line.note(now.steady)
        late = self._late(running, now)
        if late:
            return late
        allowed = allowed_streams(self._settings.limit, self._settings.slowest_stream)
        over = 0 if allowed is None else max(0, len(running) - allowed)
        if self._drive_is_slow(now):
            self._streams.slow_drive(len(running), now.steady)
            over = max(over, self._thinned(running, now))
        elif not self._limit_is_met(now):
            self._streams.judge(self._line, self.most, now.steady)
        return sorted(running, key=self._at_stake)[:over]

    def _late(self, running: list[LeaseRecord], now: Moment) -> list[LeaseRecord]:
        if self._hours.opens_at(now.wall) is None:
            for lease in running:
                lease.last_call = None
            return []
        late = []
        for lease in running:
            if lease.last_call is None and self._seconds_left(lease) < _NEARLY:
                lease.last_call = now.steady + _LATEST
            if lease.last_call is None or now.steady >= lease.last_call:
                late.append(lease)
        return late

    def _seconds_left(self, lease: LeaseRecord) -> float:
        files = (self._book.files.get(key) for key in lease.held)
        high = sum(file.remote.size.high for file in files if file is not None)
        return max(0, high - lease.received) / lease.speed if lease.opened and lease.speed > 1 else float("inf")

    def _thinned(self, running: list[LeaseRecord], now: Moment) -> int:
        """1 where the drive feeds each stream so little that the hub would cut them all."""
        rate = self._line.rate(_DRIVE_SECONDS, now.steady)
        slow = len(running) > 1 and rate < self._settings.slowest_stream * len(running)
        if not slow or now.steady - self._thinned_at < _DRIVE_SECONDS:
            return 0
        self._thinned_at = now.steady
        return 1

    def _at_stake(self, lease: LeaseRecord) -> int:
        """What would have to be received again."""
        through = (self._book.files.get(key) for key in lease.held if key not in lease.files)
        return lease.received - sum(file.size or 0 for file in through if file is not None)

    # ---- the limit ----

    def shares(self, now: Moment) -> list[LeaseRecord]:
        """The streams whose share of the limit changed just now, those that get less first."""
        running = self._running()
        passed = now.steady - self._divided_at
        if passed >= _DIVIDE_SECONDS:
            _measure(running, passed)
            self._divided_at = now.steady
        ground = (self._settings.limit, frozenset(lease.id for lease in running))
        if ground == self._divided and (passed < _DIVIDE_SECONDS or not self._settings.limit):
            return []
        self._divided = ground
        needs = {lease.id: _need(lease, now.steady) for lease in running}
        shares = divided(self._settings.limit, needs) if self._settings.limit else dict.fromkeys(needs, 0)
        changed = [lease for lease in running if shares[lease.id] != lease.share]
        changed.sort(key=lambda lease: shares[lease.id] - (lease.share or float("inf")))
        for lease in changed:
            lease.share = shares[lease.id]
        return changed

    # ---- for the eye ----

    def brake(self, now: Moment) -> tuple[Brake, float | None]:
        """What keeps everything from being faster, and with HOURS when it goes on (seconds since 1970)."""
        opens = self._hours.opens_at(now.wall)
        if opens is not None:
            return Brake.HOURS, opens
        if self._drive_is_slow(now):
            return Brake.DRIVE, None
        return (Brake.LIMIT if self._limit_is_met(now) else Brake.NONE), None

    def _drive_is_slow(self, now: Moment) -> bool:
        return self._moving(now) and self._line.held(_DRIVE_SECONDS, now.steady) > _DRIVE_HELD

    def _limit_is_met(self, now: Moment) -> bool:
        limit = self._settings.limit
        return bool(limit) and self._moving(now) and self._line.rate(_LIMIT_SECONDS, now.steady) >= _MET * limit

    def _moving(self, now: Moment) -> bool:
        return self._line.known(now.steady) >= _SETTLED and any(lease.opened for lease in self._running())

    def _running(self) -> list[LeaseRecord]:
        return [one for one in self._book.leases.values() if one.kind is LeaseKind.FETCH and not one.halting]


def _measure(running: list[LeaseRecord], passed: float) -> None:
    for lease in running:
        speed = (lease.received - lease.measured) / passed
        lease.speed = speed if not lease.speed else (lease.speed + speed) / 2
        lease.measured = lease.received


def _need(lease: LeaseRecord, steady: float) -> float:
    fresh = not lease.opened or steady - lease.opened_at < _SETTLED
    if fresh or not lease.share or lease.speed >= _USES * lease.share:
        return float("inf")
    return lease.speed * _ROOM
