"""What a user may change, and what is refused by name."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.settings import Settings, SettingsError, changed

NUMBERS = [name for name, value in msgspec.structs.asdict(Settings()).items() if isinstance(value, int | float)]


def refusal(changes: dict[str, int | float | str]) -> str | None:
    """The setting that is refused; None where all are taken."""
    try:
        changed(Settings(), changes)
    except SettingsError as error:
        return error.name
    return None


def test_nothing_changed_is_the_same() -> None:
    assert changed(Settings(parallel=7), {}) == Settings(parallel=7)


def test_several_settings_change_at_once_and_the_others_stay() -> None:
    before = Settings(stall_rate=1)
    after = changed(before, {"parallel": 8, "spread": 0.5, "folder": "/받은 것"})
    assert after == Settings(parallel=8, spread=0.5, folder="/받은 것", stall_rate=1)
    assert before == Settings(stall_rate=1)


def test_a_whole_number_serves_for_a_fraction() -> None:
    assert changed(Settings(), {"spread": 3}).spread == 3.0


@pytest.mark.parametrize(("name", "value"), [("parallel", 1), ("parallel", 32), ("spread", 0), ("bundle_files", 50)])
def test_the_ends_of_a_range_belong_to_it(name: str, value: int) -> None:
    assert getattr(changed(Settings(), {name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parallel", 0),
        ("parallel", 33),
        ("parallel", -1),
        ("parallel", 2.5),
        ("parallel", "4"),
        ("parallel", True),
        ("parallel", 1 << 80),
        ("spread", -0.1),
        ("spread", 61),
        ("spread", math.nan),
        ("spread", math.inf),
        ("connect_timeout", 0),
        ("stall_seconds", 0),
        ("mark_bytes", 0),
        ("bundle_files", 0),
        ("bundle_files", 51),
        ("folder", 5),
        ("nonsense", 1),
        ("", 1),
        ("__class__", 1),
    ],
)
def test_the_setting_that_is_refused_is_the_one_that_is_named(name: str, value: int | float | str) -> None:
    for changes in ({name: value}, {"stall_rate": 7, name: value, "mark_seconds": 1.0}):
        assert refusal(changes) == name


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_range_and_its_default_lies_in_it(name: str) -> None:
    default = getattr(Settings(), name)
    assert getattr(changed(Settings(), {name: default}), name) == default
    for outside in (-1, 1 << 60):
        assert refusal({name: outside}) == name


@given(
    st.dictionaries(st.sampled_from([*NUMBERS, "folder", "nonsense"]), st.one_of(st.integers(), st.floats(), st.text()))
)
def test_any_change_is_made_or_refused_by_a_name_of_its_own(changes: dict[str, int | float | str]) -> None:
    refused = {name for name, value in changes.items() if refusal({name: value}) is not None}
    assert refusal(changes) == next((name for name in changes if name in refused), None)
    if not refused:
        after = changed(Settings(), changes)
        assert {name: getattr(after, name) for name in changes} == changes
        assert msgspec.convert(msgspec.structs.asdict(after), Settings) == after
