"""The speeds of the last minutes, second by second, and the scale that they are drawn on."""

from __future__ import annotations

import pytest

from aihub_desktop.gui.models.speed_history import SECONDS, SpeedHistory, nice_top


def test_a_second_is_the_mean_of_its_words() -> None:
    history = SpeedHistory()
    for rate in (1.0, 2.0, 6.0):
        history.note(100.2, rate)
    assert history.samples(100.9)[-1] == pytest.approx(3.0)
    assert history.begins(100.9) == SECONDS - 1


def test_silence_stands_for_a_moment_and_then_for_rest() -> None:
    history = SpeedHistory()
    history.note(100.0, 5.0)
    assert history.samples(110.0)[-11:] == [5.0] * 4 + [None] * 7
    history.note(110.0, 7.0)
    assert history.samples(110.0)[-1] == 7.0
    assert not history.is_quiet


def test_rest_is_no_speed_of_zero() -> None:
    history = SpeedHistory()
    history.note(100.0, 5.0)
    history.note(101.0, None)
    history.note(102.0, 0.0)
    assert history.samples(102.0)[-3:] == [5.0, None, 0.0]


def test_what_is_older_than_the_axis_is_forgotten() -> None:
    history = SpeedHistory()
    assert history.is_quiet
    history.note(100.0, 5.0)
    history.note(100.0 + 10 * SECONDS, None)
    samples = history.samples(100.0 + 10 * SECONDS)
    assert len(samples) == SECONDS
    assert set(samples) == {None}
    assert history.is_quiet


@pytest.mark.parametrize(
    ("value", "top"),
    [(1, 1 << 10), (70 << 10, 100 << 10), (5.5 * (1 << 20), 10 << 20), (2 << 20, 2 << 20), (900 << 20, 1000 << 20)],
)
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert nice_top(value) == top
