"""The hours of a week: text to hours and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.hours import HOURS, Week


def test_always() -> None:
    assert Week.parse("").is_always
    assert Week.parse("mon-sun").text() == ""


def test_a_span_past_midnight_runs_into_the_next_day() -> None:
    week = Week.parse("mon-fri 19-7, sat, sun 0-24")
    assert week.allows(0, 19)
    assert week.allows(1, 6)
    assert not week.allows(1, 7)
    assert week.allows(5, 12)
    assert not week.allows(0, 6)  # the night from Sunday ends with Sunday


def test_days_wrap_around_the_week() -> None:
    assert Week.parse("sat-mon 1-2").allowed == {5 * 24 + 1, 6 * 24 + 1, 1}
    assert Week.parse("sun 23-1").allowed == {6 * 24 + 23, 0}


def test_hours_until() -> None:
    week = Week.parse("mon 9-17")
    assert week.hours_until(0, 10, allowed=True) == 0
    assert week.hours_until(0, 10, allowed=False) == 7
    assert week.hours_until(0, 17, allowed=True) == 7 * 24 - 8
    assert Week.parse("").hours_until(3, 3, allowed=False) is None


@pytest.mark.parametrize("text", ["mo 1-2", "mon 24-3", "mon 1-25", "mon 3-3", "mon 1", "1-2", "mon;tue", "mon,,tue"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Week.parse(text)


@given(st.frozensets(st.integers(0, HOURS - 1), min_size=1))
def test_text_and_back(hours: frozenset[int]) -> None:
    assert Week.parse(Week(hours).text()).allowed == hours
