"""How many streams at once, how far apart, and how a limit is divided: against lines and hubs of many kinds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.line import Line
from aihub_desktop.domain.streams import Streams
from aihub_desktop.engine.shares import allowed_streams, divided
from aihub_desktop.engine.spread import Spread

MB = 1_000_000
TICK = 0.05


@dataclass
class World:
    """A line of `capacity`, a hub that gives each connection `each` and `most` connections, all in bytes a second.

    `length`: bytes of one stream, after which another begins at once; `opening`: seconds until a start is accepted.
    """

    each: float
    capacity: float = float("inf")
    most: int = 99
    ceiling: int = 16
    setting: float = 2.0
    length: float = float("inf")
    opening: float = 0.1
    noise: float = 0.0
    streams: Streams = field(default_factory=Streams)
    spread: Spread = field(default_factory=Spread)
    line: Line = field(default_factory=Line)
    now: float = 100.0
    received: float = 0.0
    refusals: int = 0
    ran: int = 0
    opens: dict[int, float] = field(default_factory=dict)  # lease → when it will be open
    done: dict[int, float] = field(default_factory=dict)  # open lease → its bytes so far
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def run(self, seconds: float) -> float:
        """Bytes a second over that time."""
        before, end = self.received, self.now + seconds
        while self.now < end - TICK / 2:
            self._tick()
        return (self.received - before) / seconds

    def _tick(self) -> None:
        self.now += TICK
        self._flow()
        for lease in [one for one, at in self.opens.items() if at <= self.now]:
            self._open(lease)
        self.streams.judge(self.line, self.ceiling, self.now)
        wanted = min(self.streams.wanted, self.ceiling)
        while len(self.opens) + len(self.done) < wanted and self.now >= self.spread.next_start(self.setting):
            self.ran += 1
            self.opens[self.ran] = self.now + self.opening
            self.spread.started(self.ran, self.now)

    def _open(self, lease: int) -> None:
        del self.opens[lease]
        if len(self.done) >= self.most:
            self.refusals += 1
            self.spread.ended(lease)
            if not self.spread.refused(self.setting, self.now):
                self.streams.refused(len(self.done), self.now)
            return
        self.done[lease] = 0.0
        self.spread.accepted(lease, self.setting, self.now)
        self.streams.opened(len(self.done))
        self.line.streams(len(self.done), self.now)

    def _flow(self) -> None:
        count = len(self.done)
        if not count:
            return
        each = min(self.each, self.capacity / count) * self.dice.uniform(1 - self.noise, 1 + self.noise)
        self.received += each * count * TICK
        self.line.note(self.now, received=int(each * count * TICK))
        self.done = {lease: got + each * TICK for lease, got in self.done.items()}
        self.done = {lease: got for lease, got in self.done.items() if got < self.length}
        self.line.streams(len(self.done), self.now)


def test_eight_throttled_streams_are_reached_within_seconds() -> None:
    world = World(20 * MB, ceiling=8)
    assert world.run(10) >= 0.6 * 160 * MB
    assert world.run(15) >= 0.99 * 160 * MB
    assert world.streams.wanted >= 8


def test_with_starts_close_together_nearly_nothing_is_lost() -> None:
    assert World(20 * MB, ceiling=8, setting=0.1, noise=0.1).run(25) >= 0.96 * 160 * MB


@pytest.mark.parametrize("noise", [0.0, 0.15])
def test_a_line_that_is_full_is_not_crowded(noise: float) -> None:
    world = World(12 * MB, capacity=25 * MB, noise=noise)
    world.run(30)
    assert 2 <= world.streams.wanted <= 5
    assert world.ran <= 8
    assert world.run(50) >= 0.95 * 25 * MB


def test_a_line_that_grew_is_found_by_trying_again() -> None:
    world = World(10 * MB, capacity=20 * MB)
    world.run(40)
    held = world.streams.wanted
    assert held <= 6
    # The streams that ran when it was full are still open: that was never their fault.
    world.capacity = 200 * MB
    world.run(200)
    assert world.streams.wanted == 16 or world.run(10) >= 150 * MB


def test_a_hub_that_gives_three_streams_is_asked_for_a_fourth_ever_more_seldom() -> None:
    world = World(5 * MB, most=3, ceiling=8)
    world.run(60)
    assert world.streams.wanted == 3
    assert world.refusals <= 3
    world.run(3600)
    assert 6 <= world.refusals <= 14, "after 1, 2, 4, 8 and then every 10 minutes"
    assert world.run(100) >= 0.99 * 15 * MB


def test_many_small_requests_are_judged_by_time_and_not_by_stream() -> None:
    world = World(10 * MB, ceiling=8, length=4 * MB, setting=0.05, opening=0.3)
    world.run(30)
    assert world.streams.wanted >= 8


def test_another_line_begins_to_grow_from_where_it_was() -> None:
    world = World(10 * MB, capacity=20 * MB)
    world.run(40)
    held = world.streams.wanted
    world.streams.anew()
    world.line.forget()
    world.capacity = 1000 * MB
    assert world.streams.wanted == held
    world.run(20)
    assert world.streams.wanted >= 16


def test_a_slow_drive_takes_one_stream_at_a_time_down_to_one() -> None:
    streams = Streams()
    counts = []
    for second in range(60):
        streams.slow_drive(4, float(second))
        counts.append(streams.wanted)
    assert counts[0] == 3
    assert counts[9] == 3
    assert counts[10] == 2
    assert counts[-1] == 1


@given(st.data())
def test_whatever_happens_at_least_one_stream_is_wanted(data: st.DataObject) -> None:
    streams, line, now, most = Streams(), Line(), 0.0, 0
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from([0.0, 0.2, 5.0, 100.0, 1000.0]))
        count = data.draw(st.integers(0, 40))
        most = max(most, count)
        line.streams(count, now)
        line.note(now, received=data.draw(st.integers(0, 1 << 40)), held=data.draw(st.floats(0, 100)))
        match data.draw(st.sampled_from(["opened", "refused", "drive", "anew", "judge", "judge"])):
            case "opened":
                streams.opened(count)
            case "refused":
                streams.refused(count, now)
            case "drive":
                streams.slow_drive(count, now)
            case "anew":
                streams.anew()
            case _:
                before = streams.wanted
                streams.judge(line, 32, now)
                assert streams.wanted <= max(2 * before, 2 * most + 1, 8)
        assert streams.wanted >= 1
        assert 0 <= line.held(10, now) <= 1


# ---- the spread ----


def test_accepted_starts_move_together_and_one_refusal_moves_them_apart() -> None:
    spread, now = Spread(), 100.0
    gaps = []
    for lease in range(12):
        spread.started(lease, now)
        spread.accepted(lease, 2.0, now)
        gaps.append(spread.next_start(2.0) - now)
        now += 5
    assert gaps[0] == pytest.approx(1.5)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == pytest.approx(0.25)
    spread.started(12, now)
    spread.ended(12)
    assert spread.refused(2.0, now), "they were too close together"
    assert spread.next_start(2.0) - now == pytest.approx(4.0)
    assert not spread.refused(2.0, now)
    assert spread.next_start(2.0) - now == pytest.approx(8.0)
    assert not spread.refused(2.0, now)
    assert spread.next_start(2.0) - now == pytest.approx(8.0)
    for lease in range(20, 40):
        spread.started(lease, now)
        spread.accepted(lease, 2.0, now)
    assert spread.next_start(2.0) - now == pytest.approx(2.0), "for ten minutes no closer than the setting"
    now += 601
    for lease in range(40, 60):
        spread.started(lease, now)
        spread.accepted(lease, 2.0, now)
    assert spread.next_start(2.0) - now == pytest.approx(0.25)


def test_the_next_start_waits_for_the_answer_to_the_last_but_not_for_ever() -> None:
    spread = Spread()
    for lease in range(9):
        spread.started(lease, 100.0)
        spread.accepted(lease, 2.0, 100.0)
    spread.started(9, 200.0)
    assert spread.next_start(2.0) == pytest.approx(202.0)
    spread.accepted(8, 2.0, 200.1)
    assert spread.next_start(2.0) == pytest.approx(202.0), "another one's answer"
    spread.ended(9)
    assert spread.next_start(2.0) == pytest.approx(200.25)


def test_where_no_spread_is_set_a_refusal_makes_one() -> None:
    spread = Spread()
    spread.started(1, 10.0)
    assert spread.next_start(0.0) == 10.0
    spread.ended(1)
    assert spread.refused(0.0, 10.0)
    assert spread.next_start(0.0) == pytest.approx(10.5)


# ---- the limit ----


def test_who_needs_less_leaves_the_rest() -> None:
    infinite = float("inf")
    assert divided(900, {1: infinite, 2: infinite, 3: infinite}) == {1: 300, 2: 300, 3: 300}
    assert divided(900, {1: 100, 2: infinite, 3: infinite}) == {1: 100, 2: 400, 3: 400}
    assert divided(900, {1: 100, 2: 200}) == {1: 400, 2: 500}
    assert divided(900, {}) == {}


@given(
    limit=st.integers(100, 1 << 40),
    needs=st.dictionaries(st.integers(), st.floats(0, 1e13) | st.just(float("inf")), min_size=1, max_size=32),
)
def test_shares_are_the_limit_never_more(limit: int, needs: dict[int, float]) -> None:
    shares = divided(limit, needs)
    assert shares.keys() == needs.keys()
    assert all(share >= 1 for share in shares.values())
    assert sum(shares.values()) <= limit + len(needs)
    assert sum(shares.values()) >= limit * 0.999 - len(needs)
    fair = limit / len(needs)
    assert all(shares[key] >= int(min(need, fair) * 0.999) for key, need in needs.items()), "no one gets less than fair"


def test_a_limit_feeds_no_more_streams_than_the_hub_keeps() -> None:
    assert allowed_streams(0, 600_000) is None
    assert allowed_streams(5 * MB, 0) is None
    assert allowed_streams(5 * MB, 600_000) == 8
    assert allowed_streams(100_000, 600_000) == 1
