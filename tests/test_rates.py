"""Speeds: they find the truth, forget it, and never lie below zero."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.rates import Rate, Swing, seconds_between, seconds_left

AMOUNTS = st.lists(st.tuples(st.integers(0, 1 << 40), st.floats(0, 100)), max_size=20)


def fed(speed: float, seconds: float, step: float) -> Rate:
    rate = Rate(100.0)
    for number in range(1, round(seconds / step) + 1):
        rate.add(round(speed * step), 100.0 + number * step)
    return rate


def test_nothing_is_nothing() -> None:
    assert Rate(5.0).value(5.0) == Rate(5.0).value(500.0) == 0


@pytest.mark.parametrize("step", [0.01, 0.1, 0.25, 1.0, 5.0])
def test_a_steady_speed_is_found_whatever_the_steps(step: float) -> None:
    assert fed(10e6, 60, step).value(160.0) == pytest.approx(10e6, rel=0.01)


def test_how_fast_it_is_found_does_not_hang_on_the_steps() -> None:
    assert fed(10e6, 5, 0.01).value(105.0) == pytest.approx(fed(10e6, 5, 1.0).value(105.0), rel=0.01)


@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_the_first_seconds_tell_the_true_speed(seconds: int) -> None:
    assert fed(10e6, seconds, 0.2).value(100.0 + seconds) == pytest.approx(10e6, rel=0.02)


def test_a_change_is_seen_within_some_seconds_and_not_at_once() -> None:
    rate = fed(1e6, 60, 0.1)
    rate.add(1_000_000, 160.1)
    assert rate.value(160.1) < 2e6
    for number in range(1, 200):
        rate.add(1_000_000, 160.1 + number * 0.1)
    assert rate.value(180.0) == pytest.approx(10e6, rel=0.05)


def test_silence_lets_the_speed_fall_by_itself() -> None:
    rate = fed(10e6, 60, 0.1)
    values = [rate.value(160.0 + seconds) for seconds in (0, 1, 2, 5, 10, 60)]
    assert values[0] == values[1]  # less than a second between two reports is no silence
    assert all(later < earlier for earlier, later in pairwise(values[1:]))
    assert values[-1] < 1000


def test_two_reports_of_one_moment_count_both() -> None:
    one, two = fed(1e6, 10, 0.1), fed(1e6, 10, 0.1)
    two.add(5_000_000, 110.0)
    assert two.value(110.0) == pytest.approx(one.value(110.0) + 1e6, rel=0.1)


@given(AMOUNTS)
def test_any_reports_give_a_speed_that_can_be_shown(reports: list[tuple[int, float]]) -> None:
    rate, now = Rate(0.0), 0.0
    for amount, passed in reports:
        now += passed
        rate.add(amount, now)
    assert 0 <= rate.value(now) < math.inf
    assert rate.value(now + 10) <= rate.value(now)


def test_the_time_left_is_that_of_the_middle_of_the_range() -> None:
    assert seconds_left(900, 1100, 500, 100.0) == 5.0
    assert seconds_left(1000, 1000, 0, 10.0) == 100.0


def test_nothing_left_is_no_time() -> None:
    assert seconds_left(900, 1100, 1050, 100.0) == 0


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_where_nothing_moves_there_is_no_end_in_sight(rate: float) -> None:
    assert seconds_left(1000, 1000, 0, rate) is None


# ---- how steady it is


def swung(speeds: list[float], step: float = 0.2) -> Swing:
    """Each speed for two seconds."""
    swing, now = Swing(50.0), 50.0
    for speed in speeds:
        for _ in range(round(2 / step)):
            now += step
            swing.add(round(speed * step), now)
    return swing


@pytest.mark.parametrize("step", [0.1, 0.2, 1.0, 2.0])
def test_a_steady_speed_has_no_swing(step: float) -> None:
    assert swung([5e6] * 30, step).speeds() == pytest.approx((5e6, 5e6), rel=0.01)


def test_what_is_too_little_known_is_not_told() -> None:
    assert Swing(0.0).speeds() is None
    assert swung([5e6] * 4).speeds() is None
    assert swung([5e6] * 6).speeds() is not None


def test_a_speed_that_varies_is_told_as_a_range() -> None:
    found = swung(([2e6] * 10 + [8e6] * 10) * 3).speeds()
    assert found == pytest.approx((2e6, 8e6), rel=0.05)


def test_a_short_hitch_is_no_reason_to_promise_less() -> None:
    found = swung([5e6] * 25 + [0.0] + [5e6] * 25).speeds()
    assert found == pytest.approx((5e6, 5e6), rel=0.25)


def test_what_stands_still_has_no_end_in_sight() -> None:
    assert swung([5e6] * 30 + [0.0] * 5).speeds() is None


def test_what_was_more_than_two_minutes_ago_is_forgotten() -> None:
    assert swung([1e6] * 60 + [9e6] * 64).speeds() == pytest.approx((9e6, 9e6), rel=0.01)


def test_a_late_report_counts_for_all_the_time_it_covers() -> None:
    swing = Swing(0.0)
    swing.add(0, 0.0)
    swing.add(60_000_000, 20.0)
    assert swing.speeds() == pytest.approx((3e6, 3e6))


@given(AMOUNTS)
def test_any_reports_give_a_range_or_none(reports: list[tuple[int, float]]) -> None:
    swing, now = Swing(0.0), 0.0
    for amount, passed in reports:
        now += passed
        swing.add(amount, now)
    found = swing.speeds()
    assert found is None or 0 < found[0] <= found[1] < math.inf


def test_the_time_between_is_that_of_both_ranges() -> None:
    assert seconds_between(900, 1200, 300, (10.0, 30.0)) == (20.0, 90.0)
    assert seconds_between(900, 1200, 1000, (10.0, 10.0)) == (0.0, 20.0)
    assert seconds_between(900, 1200, 0, None) is None
