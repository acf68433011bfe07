"""What follows from a problem, for every code and any number of tries."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import FAULT_OF, Code, Fault, Problem
from aihub_desktop.domain.retry import ENDLESS, FEW_TRIES, TRIES, Verdict, rule
from aihub_desktop.domain.settings import Settings

SETTINGS: Final = Settings()
ASKING: Final = {
    *(code for code in Code if FAULT_OF[code] is Fault.DENIED),
    *(Code.DISK_FULL, Code.NO_ROOM, Code.NOT_WRITABLE, Code.DISK_ERROR, Code.TARGET_MISSING, Code.DRIVE_MISSING),
    *(Code.KEYCHAIN_LOCKED, Code.KEYCHAIN_NONE),
}
HEALING: Final = {code for code in Code if FAULT_OF[code] in (Fault.TRANSIENT, Fault.BUSY, Fault.CHANGED)}
FINAL: Final = set(Code) - ASKING - HEALING

CODES: Final = st.sampled_from(list(Code))
TRIED: Final = st.integers(1, 10**6)
DICE: Final = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("code", sorted(ASKING))
def test_what_the_user_must_settle_is_asked_at_once(code: Code) -> None:
    assert rule(Problem(code), 1, SETTINGS, 0).verdict is Verdict.ASK


@pytest.mark.parametrize("code", sorted(FINAL))
def test_what_no_try_can_heal_fails_at_once(code: Code) -> None:
    assert rule(Problem(code), 1, SETTINGS, 0).verdict is Verdict.FAIL


@pytest.mark.parametrize("code", sorted(HEALING - ENDLESS))
def test_what_may_heal_is_tried_a_few_times(code: Code) -> None:
    tries = FEW_TRIES.get(code, TRIES)
    assert tries > 1
    verdicts = [rule(Problem(code), number, SETTINGS, 0.5).verdict for number in range(1, tries + 2)]
    assert verdicts == [Verdict.AGAIN] * (tries - 1) + [Verdict.FAIL] * 2


@pytest.mark.parametrize("code", sorted(ENDLESS))
def test_a_line_that_is_away_is_waited_for_without_end(code: Code) -> None:
    assert code in HEALING
    assert rule(Problem(code), 10**9, SETTINGS, 0).verdict is Verdict.AGAIN


def test_a_file_released_anew_is_fetched_without_delay() -> None:
    assert rule(Problem(Code.CHANGED), 1, SETTINGS, 0).delay == 0


def test_delays_double_up_to_the_longest() -> None:
    settings = Settings(backoff_first=1.0, backoff_longest=10.0)
    delays = [rule(Problem(Code.CUT), number, settings, 0).delay for number in range(1, 7)]
    assert delays == [1, 2, 4, 8, 10, 10]


@given(CODES, TRIED, DICE, st.floats(0, 60), st.floats(0, 3600))
def test_any_ruling_is_within_bounds(code: Code, attempts: int, dice: float, first: float, longest: float) -> None:
    settings = Settings(backoff_first=first, backoff_longest=longest)
    ruling = rule(Problem(code), attempts, settings, dice)
    assert 0 <= ruling.delay <= longest
    if ruling.verdict is not Verdict.AGAIN:
        assert ruling.delay == 0


@given(TRIED, DICE, DICE)
def test_the_dice_spread_delays_without_shortening_them_to_nothing(attempts: int, one: float, other: float) -> None:
    short, long = (
        rule(Problem(Code.CUT), attempts, SETTINGS, dice).delay for dice in (max(one, other), min(one, other))
    )
    assert 0.5 * long < short <= long


def test_two_clients_do_not_come_back_together() -> None:
    assert rule(Problem(Code.CUT), 9, SETTINGS, 0.1).delay != rule(Problem(Code.CUT), 9, SETTINGS, 0.9).delay


@given(st.one_of(st.integers(0, 3600), st.integers(0, 3600).map(str), st.integers(0, 3600).map(" {} ".format)), DICE)
def test_what_the_hub_asks_for_is_waited_for_in_full(asked: str | int, dice: float) -> None:
    delay = rule(Problem(Code.HUB_BUSY, {"retry_after": asked}), 1, SETTINGS, dice).delay
    assert int(asked) <= delay <= max(1.3 * int(asked), SETTINGS.backoff_first)


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "", "-5", -5, "1e9", "٣", "²"])
def test_what_cannot_be_read_as_seconds_changes_nothing(asked: str | int) -> None:
    plain = rule(Problem(Code.HUB_BUSY), 3, SETTINGS, 0.5)
    assert rule(Problem(Code.HUB_BUSY, {"retry_after": asked}), 3, SETTINGS, 0.5) == plain


@pytest.mark.parametrize("asked", [10**9, "9" * 400])
def test_nobody_waits_for_years(asked: str | int) -> None:
    assert rule(Problem(Code.HUB_BUSY, {"retry_after": asked}), 1, SETTINGS, 0).delay == 3600
