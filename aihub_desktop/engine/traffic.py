"""What may begin, what must end early, and how fast each may be. Pure: it decides, the core acts.

    Streaming   the hub's streams: how many, how far apart, which are too many
    Places      places that serve ranges: how many connections each has
    here        what holds for both: the hours, and the limit that is divided over all of them

When the hours end, gathers stop at once, for nothing that they brought is lost. A stream would have to receive all of
it again: one that is nearly through may finish. People set hours because others need the line, and a few minutes
more cost them less than hours of receiving the same again.
"""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.leases import Reached
from aihub_desktop.domain.line import Line
from aihub_desktop.domain.messages import Brake
from aihub_desktop.domain.settings import Settings
from aihub_desktop.engine.gathering import Places
from aihub_desktop.engine.records import RECEIVING, Book, LeaseKind, LeaseRecord, Moment
from aihub_desktop.engine.shares import shared
from aihub_desktop.engine.streaming import DRIVE_HELD, DRIVE_SECONDS, SETTLED, Streaming
from aihub_desktop.engine.timetable import LocalHour, Timetable, utc_hour

_DIVIDE_SECONDS: Final = 1.0
_MET: Final = 0.9  # of the limit
_LIMIT_SECONDS: Final = 3.0
_USES: Final = 0.8  # of its share: such a lease takes what it gets
_ROOM: Final = 1.3  # of what it used lately, for one that needs less
_NEARLY: Final = 300.0  # seconds to its end when the hours are over
_LATEST: Final = 600.0  # seconds after the hours in which it has to be through


class Traffic:
    """Kept by the core's loop. `use` the settings before anything else in a turn. `processes`: of workers."""

    def __init__(self, book: Book, settings: Settings, local: LocalHour = utc_hour, processes: int = 1) -> None:
        self._book = book
        self._settings = settings
        self._streaming = Streaming(book, settings)
        self.places = Places(book, settings.connections, processes)
        self._line = Line()  # of everything together
        self._hours = Timetable(local)
        self._hours.use(settings.hours)
        self._divided_at = float("-inf")
        self._divided: tuple[int, frozenset[int]] = (0, frozenset())

    def use(self, settings: Settings) -> None:
        self._settings = settings
        self._streaming.use(settings)
        self.places.use(settings.connections)
        self._hours.use(settings.hours)

    # ---- beginning ----

    @property
    def most(self) -> int:
        """The ceiling of streams that the person set, by number or by limit."""
        return self._streaming.most

    @property
    def wanted(self) -> int:
        """Of streams."""
        return self._streaming.wanted

    def slots(self) -> int:
        """How many streams more are wanted."""
        return self._streaming.slots()

    def is_open(self, now: Moment) -> bool:
        """It is time to run."""
        return self._hours.opens_at(now.wall) is None

    def may_start(self, now: Moment) -> bool:
        """Whether a stream may begin."""
        return self._streaming.slots() > 0 and self.is_open(now) and self._streaming.may_start(now)

    def started(self, lease: LeaseRecord, now: Moment) -> None:
        self._streaming.started(lease, now)

    def next_moment(self, now: Moment) -> float | None:
        """When (steady clock) something changes here without any news; None for never."""
        opens = self._hours.opens_at(now.wall)
        if opens is not None:
            return now.steady + opens - now.wall
        waits = []
        if (start := self._streaming.next_start(now)) is not None:
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
            if lease.kind is LeaseKind.FETCH:
                self._streaming.opened(lease, now)
            self._count_open(now)
        if lease.kind is LeaseKind.FETCH:
            self._streaming.line.note(now.steady, received=received, held=held)
        elif news.eased:
            self.places.eased(lease, now.steady)
        self._line.note(now.steady, received=received, held=held)

    def ended(self, lease: LeaseRecord, problem: Problem | None, now: Moment) -> None:
        """The lease is over: with a problem of its own, or because it was asked back."""
        was_open, lease.opened = lease.opened, False
        if lease.kind is LeaseKind.FETCH:
            self._streaming.ended(lease, problem, now, was_open=was_open)
        else:
            self.places.ended(lease, well=was_open and problem is None)
        self._count_open(now)

    def line_changed(self) -> None:
        """Nothing that was measured holds any more."""
        self._line.forget()
        self._streaming.line_changed()
        self.places.anew()

    def _count_open(self, now: Moment) -> None:
        self._line.streams(sum(lease.opened for lease in self._running()), now.steady)

    # ---- under way ----

    def too_many(self, now: Moment) -> list[LeaseRecord]:
        """What is to be stopped now. Also the turn at which the number of streams wanted is thought over."""
        self._line.note(now.steady)
        self._streaming.line.note(now.steady)
        late = self._late(now)
        return late or self._streaming.too_many(now, is_limited=self._limit_is_met(now))

    def _late(self, now: Moment) -> list[LeaseRecord]:
        if self.is_open(now):
            for lease in self._running():
                lease.last_call = None
            return []
        return [lease for lease in self._running() if lease.kind is LeaseKind.GATHER or self._is_late(lease, now)]

    def _is_late(self, stream: LeaseRecord, now: Moment) -> bool:
        if stream.last_call is None and self._streaming.seconds_left(stream) < _NEARLY:
            stream.last_call = now.steady + _LATEST
        return stream.last_call is None or now.steady >= stream.last_call

    # ---- the limit ----

    def shares(self, now: Moment) -> list[LeaseRecord]:
        """The leases whose share of the limit changed just now, those that get less first."""
        running = self._running()
        passed = now.steady - self._divided_at
        if passed >= _DIVIDE_SECONDS:
            _measure(running, passed)
            self._divided_at = now.steady
        ground = (self._settings.limit, frozenset(lease.id for lease in running))
        if ground == self._divided and (passed < _DIVIDE_SECONDS or not self._settings.limit):
            return []
        self._divided = ground
        shares = self._divide(running, now)
        changed = [lease for lease in running if shares[lease.id] != lease.share]
        changed.sort(key=lambda lease: shares[lease.id] - (lease.share or float("inf")))
        for lease in changed:
            lease.share = shares[lease.id]
        return changed

    def _divide(self, running: list[LeaseRecord], now: Moment) -> dict[int, int]:
        needs = {lease.id: _need(lease, now.steady) for lease in running}
        if not self._settings.limit:
            return dict.fromkeys(needs, 0)
        streams = frozenset(lease.id for lease in running if lease.kind is LeaseKind.FETCH)
        return shared(self._settings.limit, needs, streams, self._settings.slowest_stream)

    # ---- for the eye ----

    def brake(self, now: Moment) -> tuple[Brake, float | None]:
        """What keeps everything from being faster, and with HOURS when it goes on (seconds since 1970)."""
        opens = self._hours.opens_at(now.wall)
        if opens is not None:
            return Brake.HOURS, opens
        if self._moving(now) and self._line.held(DRIVE_SECONDS, now.steady) > DRIVE_HELD:
            return Brake.DRIVE, None
        return (Brake.LIMIT if self._limit_is_met(now) else Brake.NONE), None

    def _limit_is_met(self, now: Moment) -> bool:
        limit = self._settings.limit
        return bool(limit) and self._moving(now) and self._line.rate(_LIMIT_SECONDS, now.steady) >= _MET * limit

    def _moving(self, now: Moment) -> bool:
        return self._line.known(now.steady) >= SETTLED and any(lease.opened for lease in self._running())

    def _running(self) -> list[LeaseRecord]:
        return [one for one in self._book.leases.values() if one.kind in RECEIVING and not one.halting]


def _measure(running: list[LeaseRecord], passed: float) -> None:
    for lease in running:
        speed = (lease.received - lease.measured) / passed
        lease.speed = speed if not lease.speed else (lease.speed + speed) / 2
        lease.measured = lease.received


def _need(lease: LeaseRecord, steady: float) -> float:
    fresh = not lease.opened or steady - lease.opened_at < SETTLED
    if fresh or not lease.share or lease.speed >= _USES * lease.share:
        return float("inf")
    return lease.speed * _ROOM
