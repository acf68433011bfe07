"""What is said of pace and room, and sizes as a person types them."""

from __future__ import annotations

import random
import time

import pytest

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Brake, DiskSpace, Progress
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.system import pace, room
from aihub_desktop.system.amounts import amount, shortest
from aihub_desktop.system.words import LANGUAGES, Words

EN = Words("en")
GB = 1 << 30


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("none", 0), ("없음", 0), ("50000", 50_000), ("500K", 500 << 10), ("2M", 2 << 20),
        ("2 MB/s", 2 << 20),
        ("1.5g", 3 << 29), ("1.5GiB", 3 << 29), (" 2m ", 2 << 20), ("1T", 1 << 40), ("7B", 7),
    ],
)  # fmt: skip
def test_amounts_are_read(text: str, value: int) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["", "M", "2X", "-1", "1e3", "1..5M", "2M2", "two", "٢M", "9" * 40, "nan", "inf"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        amount(text)


def test_the_shortest_text_is_read_as_the_same_value() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(500):
        value = chance.randrange(1 << 20) << chance.choice((0, 10, 20))
        assert amount(shortest(value)) == value
    assert [shortest(value) for value in (0, 1024, 2 * GB, 50_000)] == ["0", "1K", "2G", "50000"]


def progress(brake: Brake, streams: int = 3, starts_at: float | None = None) -> Progress:
    return Progress(1, 1.0, [], [], brake, streams, 4, starts_at)


def test_the_line_names_the_brake_and_the_streams() -> None:
    limited = Settings(limit=2 << 20, hours=pace.NIGHTS)
    assert pace.line(EN, progress(Brake.NONE), limited) == "3 of 4 streams"
    assert pace.line(EN, progress(Brake.LIMIT), limited) == "Limit 2 MB/s · 3 of 4 streams"
    assert pace.line(EN, progress(Brake.DRIVE), limited).startswith("Limited by the drive")
    assert pace.line(EN, progress(Brake.NONE, 0), limited) == ""


def test_hours_that_are_waited_for_are_named() -> None:
    now = time.localtime()
    tonight = time.mktime((*now[:3], 19, 0, 0, 0, 0, -1))
    limited = Settings(hours=pace.NIGHTS)
    assert pace.line(EN, progress(Brake.HOURS, 0, tonight), limited) == "Waiting for its hours: starts at 19:00"
    later = pace.line(EN, progress(Brake.HOURS, 0, tonight + 3 * 86400), limited)
    weekday = pace.day(EN, time.localtime(tonight + 3 * 86400).tm_wday)
    assert f" on {weekday}" in later
    assert pace.line(EN, progress(Brake.HOURS, 0), limited) == "Waiting for its hours"


def test_a_brake_that_was_let_go_is_not_named() -> None:
    for brake in (Brake.LIMIT, Brake.HOURS):
        assert pace.brake(EN, progress(brake), Settings()) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_to_repeat_has_words(language: str) -> None:
    words = Words(language)
    for code in Code:
        assert pace.reason(words, Problem(code))
    assert pace.reason(words, None)
    text = pace.again(words, 3 * GB, round(7.5 * GB), Problem(Code.CUT))
    assert "7.50 GB" in text
    assert "3.00" in text
    assert "GB" in pace.again(words, 300 << 20, 7 * GB, None)
    assert "MB" in pace.again(words, 300 << 20, 7 * GB, None)


def test_reasons_are_named_once() -> None:
    assert pace.reasons(EN, [Problem(Code.CUT), Problem(Code.CUT), None]) == "after a cut, after a stop"


def test_known_weeks_have_names() -> None:
    assert pace.week(EN, "") == "Always"
    assert pace.week(EN, "sat-sun, mon-fri 19-7") == pace.week(EN, pace.NIGHTS) == "Nights and weekends"
    assert pace.week(EN, "mon 3-4") == "Chosen hours (1 h a week)"


@pytest.mark.parametrize(
    ("space", "warns", "fails"),
    [
        (DiskSpace(100 * GB, 200 * GB, True, usable=98 * GB), False, False),
        (DiskSpace(12 * GB, 200 * GB, True, usable=10 * GB), False, False),
        (DiskSpace(12 * GB, 200 * GB, True, usable=10 * GB - 1), True, False),
        (DiskSpace(12 * GB, 200 * GB, True, usable=9 * GB - 1), True, True),
        (DiskSpace(0, 200 * GB, True), True, True),
        (DiskSpace(100 * GB, 200 * GB, False), True, True),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_room_is_what_can_be_used(language: str, space: DiskSpace, warns: bool, fails: bool) -> None:
    found = room.verdict(Words(language), space, SizeRange(9 * GB, 10 * GB, ""))
    assert (found.warns, found.fails) == (warns, fails)
    assert found.text


def test_files_that_a_file_system_cannot_hold_are_counted() -> None:
    space = DiskSpace(100 * GB, 200 * GB, True, 4 * GB - 1, "FAT32")
    files = [RemoteFile("aihub", "1", str(size), "a", SizeRange(size, size, "")) for size in (GB, 4 * GB - 1, 4 * GB)]
    assert room.too_large(space, files) == 1
    assert room.too_large(DiskSpace(1, 2, True), files) == 0
    text = room.verdict(EN, space, SizeRange(GB, GB, ""), 2).text
    assert "FAT32" in text
    assert "4.00 GB" in text
    assert "2 of those" in text


def test_sizes_in_a_problem_are_sizes() -> None:
    for words in map(Words, LANGUAGES):
        title = words.problem(Problem(Code.NO_ROOM, {"need": 40 * GB, "free": 12 * GB})).title
        assert "40.0 GB" in title
        assert "12.0 GB" in title
