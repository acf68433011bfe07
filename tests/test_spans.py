"""No byte ever belongs to two connections, none is lost, and in the end all of them are there."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aihub_desktop.transport.spans import SMALLEST, Claim, Spans

KIB: Final = 1 << 10
MIB: Final = 1 << 20
FAST: Final = 10_000_000.0


def taken(spans: Spans, most: int = MIB, speed: float = FAST, now: float = 0.0) -> Claim:
    claim = spans.take(most, speed, now)
    assert claim is not None
    return claim


def bounds(claim: Claim) -> tuple[int, int | None]:
    return claim.at, claim.stop


def test_pieces_are_cut_when_they_are_asked_for() -> None:
    spans = Spans(3 * MIB + 5, [(MIB, 2 * MIB)])
    claims = [taken(spans) for _ in range(2)]
    # The little that would be left is not worth a request of its own.
    assert [bounds(one) for one in claims] == [(0, MIB), (2 * MIB, 3 * MIB + 5)]
    assert spans.take(MIB, FAST, 0.0) is None
    assert not spans.is_over


@pytest.mark.parametrize("size", [0, 1, SMALLEST, MIB])
def test_everything_there_already(size: int) -> None:
    spans = Spans(size, [(0, size)] if size else [])
    assert spans.is_over
    assert spans.take(MIB, FAST, 0.0) is None


def test_half_of_anothers_work_is_taken_by_speed() -> None:
    spans = Spans(8 * MIB)
    slow = taken(spans, 8 * MIB, FAST / 4)
    helper = spans.steal(FAST, 0.0)
    assert helper is not None
    assert slow.stop == helper.start
    assert helper.stop == 8 * MIB
    assert 0.19 < helper.start / (8 * MIB) < 0.21


def test_what_ends_soon_is_left_to_it() -> None:
    spans = Spans(MIB)
    taken(spans, MIB, 100e6)
    assert spans.steal(FAST, 0.0) is None


def test_a_connection_that_hangs_loses_all_but_only_once() -> None:
    spans = Spans(SMALLEST)
    shut: list[str] = []
    hanging = taken(spans)
    hanging.shut = lambda: shut.append("first")
    assert spans.steal(FAST, 1.9) is None
    second = spans.steal(FAST, 2.1)
    assert second is not None
    assert (hanging.is_empty, shut) == (True, ["first"])
    # Where the second one hangs too, it may be the way that is long: no third one.
    assert spans.steal(FAST, 60.0) is None
    spans.advance(second, 10, 60.0)
    third = spans.steal(FAST, 63.0)
    assert third is not None
    assert bounds(third) == (10, SMALLEST)


def test_a_connection_that_stands_still_is_judged_by_that() -> None:
    """However fast it was: what it has to do is taken at the pace of one that does not move."""
    spans = Spans(8 * MIB)
    claim = taken(spans, 8 * MIB, 1e9)
    assert spans.steal(FAST, 0.5) is None
    helper = spans.steal(FAST, 10.0)
    assert helper is not None
    assert claim.stop == helper.start
    assert helper.start < 2 * MIB


def test_an_answer_to_the_whole_goes_on_where_nobody_is() -> None:
    spans = Spans(3 * MIB)
    first = taken(spans)
    assert spans.go_on(first, MIB)
    assert first.stop == 2 * MIB
    other = taken(spans)
    assert bounds(other) == (2 * MIB, 3 * MIB)
    assert not spans.go_on(first, MIB)


def test_a_size_that_is_learned_late() -> None:
    spans = Spans(None, [(10, 20)])
    gap, rest = taken(spans), taken(spans)
    assert (bounds(gap), bounds(rest)) == ((0, 10), (20, None))
    # By the answer to either of them.
    spans.learn(50, gap, MIB)
    assert bounds(rest) == (20, 50)
    spans.learn(60, rest, MIB)
    assert spans.size == 50
    assert spans.take(MIB, FAST, 0.0) is None


def test_a_size_that_is_learned_while_the_rest_is_nobodys() -> None:
    spans = Spans(None, [(10, 20)])
    gap = taken(spans)
    spans.learn(50, gap, MIB)
    assert bounds(taken(spans)) == (20, 50)
    small = Spans(None, [(10, 20)])
    spans.learn(50, gap, MIB)
    small.learn(20, taken(small), MIB)
    assert small.take(MIB, FAST, 0.0) is None


def test_cut_off_ends_every_claim_and_what_it_waits_for() -> None:
    spans = Spans(4 * MIB)
    shut: list[int] = []
    for number in range(2):
        taken(spans).shut = lambda number=number: shut.append(number)  # type: ignore[misc]
    spans.cut_off()
    assert shut == [0, 1]
    assert spans.is_over
    assert spans.take(MIB, FAST, 0.0) is None


class Sharing(RuleBasedStateMachine):
    """What `Hand` and `Follower` do, in any order, with a model of who has which byte."""

    @initialize(
        size=st.integers(0, 1_000_000), known=st.booleans(), edges=st.lists(st.integers(0, 1_000_000), max_size=6)
    )
    def begin(self, size: int, known: bool, edges: list[int]) -> None:
        inside = sorted({min(edge, size) for edge in edges})
        have = [(a, b) for a, b in zip(inside[::2], inside[1::2], strict=False) if a < b]
        self.size = size
        self.spans = Spans(size if known else None, have)
        self.there = set(have)
        self.claims: list[Claim] = []
        self.now = 0.0
        self.over = False

    def add(self, claim: Claim | None) -> None:
        if claim is not None:
            self.claims.append(claim)

    @rule(most=st.integers(1, 400_000), speed=st.sampled_from((0.0, 10.0, 1e5, 1e7)))
    def take(self, most: int, speed: float) -> None:
        self.add(self.spans.take(most, speed, self.now))

    @rule(speed=st.sampled_from((0.0, 10.0, 1e5, 1e7)), passed=st.sampled_from((0.0, 0.5, 3.0, 60.0)))
    def steal(self, speed: float, passed: float) -> None:
        self.now += passed
        self.add(self.spans.steal(speed, self.now))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), count=st.integers(0, 300_000), speed=st.sampled_from((0.0, 1.0, 1e4, 1e8)))
    def advance(self, data: st.DataObject, count: int, speed: float) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        # A server sends nothing beyond the end of the file.
        count = min(count, self.size - claim.at)
        at = claim.at
        kept = self.spans.advance(claim, count, self.now)
        assert 0 <= kept <= count
        if kept:
            self.there.add((at, at + kept))
        claim.speed = speed

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), most=st.integers(1, 400_000))
    def go_on(self, data: st.DataObject, most: int) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        if claim.is_empty:
            self.spans.go_on(claim, most)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), most=st.integers(1, 400_000))
    def learn(self, data: st.DataObject, most: int) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self.spans.learn(self.size, claim, most)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self.claims.remove(claim)
        self.spans.end(claim)

    @precondition(lambda self: any(claim.stop is None and claim.at == self.size for claim in self.claims))
    @rule()
    def close(self) -> None:
        self.spans.close(next(claim for claim in self.claims if claim.stop is None))

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        start, stop = data.draw(st.sampled_from(sorted(self.there)))
        self.there.remove((start, stop))
        self.spans.give_back(start, stop)

    @invariant()
    def nobody_has_what_another_has(self) -> None:
        if not hasattr(self, "spans"):
            return
        held = [(one.at, self.size if one.stop is None else one.stop) for one in self.claims]
        spans = sorted([*self.there, *((start, stop) for start, stop in held if start < stop)])
        for (_, stop), (start, _) in pairwise(spans):
            assert stop <= start, spans

    def teardown(self) -> None:
        """Whatever happened: hands that go on bring every byte, each once."""
        if not hasattr(self, "spans"):
            return
        for claim in self.claims:
            self.spans.end(claim)
        while (more := self.spans.take(100_000, 1e6, self.now)) is not None:
            stop = self.size if more.stop is None else more.stop
            assert self.spans.advance(more, stop - more.at, self.now) == stop - more.start
            if stop > more.start:
                self.there.add((more.start, stop))
            if more.stop is None:
                self.spans.close(more)
            self.spans.end(more)
        assert self.spans.is_over
        at = 0
        for start, stop in sorted(self.there):
            assert start == at, "a byte is missing, or twice there"
            at = stop
        assert at == self.size


Sharing.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSharing = Sharing.TestCase


def test_a_connection_that_lags_is_told() -> None:
    spans = Spans(100 << 20)
    claims = [spans.take(10 << 20, 0.0, 0.0) for _ in range(4)]
    lagging, *others = [claim for claim in claims if claim is not None]
    for claim in others:
        claim.speed = 20e6
    lagging.speed = 0.2e6
    assert not spans.lags(lagging, 0.5)  # it has only begun
    assert spans.lags(lagging, 2.0)
    assert not any(spans.lags(claim, 2.0) for claim in others)
    lagging.speed = 5e6
    assert not spans.lags(lagging, 2.0)
    lagging.speed = 0.2e6
    for claim in others[1:]:
        spans.end(claim)
    assert not spans.lags(lagging, 2.0)  # one other may be the odd one


def test_who_waits_for_nothing_writes_no_more() -> None:
    """A connection all of whose work was taken is not waited for, unless its answer has come: it may be writing yet."""
    spans = Spans(2 * SMALLEST)
    first, waiting = taken(spans, SMALLEST), taken(spans, SMALLEST)
    first.drawn = True
    assert spans.advance(first, SMALLEST, 1.0) == SMALLEST
    assert not spans.is_quiet
    spans.end(first)
    assert not spans.is_quiet  # something is left to do
    helper = spans.steal(FAST, 10.0)
    assert helper is not None
    assert waiting.is_empty
    helper.drawn = True
    assert spans.advance(helper, SMALLEST, 11.0) == SMALLEST
    assert not spans.is_quiet
    spans.end(helper)
    assert spans.is_quiet
    waiting.drawn = True
    assert not spans.is_quiet


def test_the_first_piece_holds_nobody_back_for_long() -> None:
    spans = Spans(100 * MIB)
    first = taken(spans, 10 * MIB, FAST)
    ahead = 0
    while ahead < 30 * MIB:  # another connection goes on and on, while the first one crawls
        other = taken(spans, MIB, FAST)
        if other.stop == first.stop or other.start < 10 * MIB:
            break
        spans.advance(other, MIB, 1.0)
        spans.end(other)
        ahead += MIB
    # Whoever reads behind never has much more in front of a gap than what is asked for at once.
    assert ahead <= 2 * MIB
    assert other.start == first.stop
    assert other.stop == 10 * MIB
