"""What is said, in the window and at the command line alike, of the pace: brakes, streams, hours, bytes again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.hours import DAYS, Week
from aihub_desktop.domain.messages import Brake, Progress
from aihub_desktop.domain.settings import Settings
from aihub_desktop.system.words import Words

ALWAYS: Final = ""
NIGHTS: Final = "mon-fri 19-7, sat-sun"
NAMED_WEEKS: Final = {"always": ALWAYS, "nights": NIGHTS}


def brake(words: Words, progress: Progress, settings: Settings) -> str:
    """What keeps everything from being faster, "" where it is the hub or the line to it."""
    match progress.brake:
        case Brake.DRIVE:
            return words.say("pace.drive")
        case Brake.LIMIT if settings.limit:
            return words.say("pace.limit", rate=rate(words, settings.limit))
        case Brake.HOURS if settings.hours:
            at = progress.starts_at
            return words.say("pace.hours", at="" if at is None else clock(words, at))
    return ""


def streams(words: Words, progress: Progress) -> str:
    """ "3 of 4 streams": under way, of how many at once seem best; "" where none is."""
    most = max(progress.streams, progress.wanted_streams)
    return words.say("pace.streams", n=progress.streams, most=most) if progress.streams else ""


def connections(words: Words, progress: Progress) -> str:
    """How many are open to places that serve ranges, and whether one of these asked for fewer."""
    text = words.say("pace.connections", n=progress.connections) if progress.connections else ""
    return " · ".join(filter(None, (text, words.say("pace.eased") if progress.eased else "")))


def line(words: Words, progress: Progress, settings: Settings) -> str:
    """All of it, in a few words; "" where there is nothing to say."""
    said = (brake(words, progress, settings), streams(words, progress), connections(words, progress))
    return " · ".join(filter(None, said))


def again(words: Words, passed: int, repeat: int, problem: Problem | None) -> str:
    """How far a stream has come with what it repeats, and why it does."""
    part, whole = words.size(passed), words.size(repeat)
    number, _, unit = part.rpartition(" ")
    if whole.endswith(f" {unit}"):
        part = number  # one unit is enough for both
    return words.say("pace.again", passed=part, repeat=whole, why=reason(words, problem))


def reason(words: Words, problem: Problem | None) -> str:
    """Why bytes come again: the file's last problem; without one, somebody stopped the file."""
    code = "stopped" if problem is None else str(problem.code)
    key = f"pace.why.{code}"
    if problem is not None and not words.has(key):
        return words.say("pace.why.other", title=words.problem(Problem(problem.code)).title)
    return words.say(key)


def reasons(words: Words, problems: Iterable[Problem | None]) -> str:
    """Several, each once."""
    return ", ".join(dict.fromkeys(reason(words, problem) for problem in problems))


def clock(words: Words, at: float) -> str:
    """ "19:00", with the day's name where it is not today. `at` in seconds since 1970."""
    then = time.localtime(at)
    shown = time.strftime("%H:%M", then)
    if then[:3] == time.localtime()[:3]:
        return shown
    return words.say("pace.day-time", day=day(words, then.tm_wday), time=shown)


def day(words: Words, weekday: int) -> str:
    """The name of a day; 0 is Monday."""
    return words.say(f"pace.day.{DAYS[weekday]}")


def rate(words: Words, value: float) -> str:
    """A rate that somebody chose, without the digits of one that was measured: "2 MB/s"."""
    power = 2 if value >= 1 << 20 else 1
    return words.say("value.speed", size=f"{round(value / 1024**power, 2):g} {'KB' if power == 1 else 'MB'}")


def week(words: Words, text: str, *, long: bool = False) -> str:
    """The hours in which to run, in words. `text` is a setting, which can be read. `long`: with the hours."""
    meant = Week.parse(text)
    for name, known in NAMED_WEEKS.items():
        if meant.allowed == Week.parse(known).allowed:
            return words.say(f"pace.week-long.{name}" if long else f"pace.week.{name}")
    return words.say("pace.week.own", n=len(meant.allowed))
