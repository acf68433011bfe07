"""The hours of a week in which to run. Pure; local time is given.

"mon-fri 19-7, sat, sun 0-24"      days and hours; a span past midnight runs into the next day
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS: Final = 24 * len(DAYS)

_PART: Final = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?(?: (?P<start>\d{1,2})-(?P<stop>\d{1,2}))?")


class Week:
    """Which of the 168 hours are allowed: hour 0 begins on Monday at midnight, local time. None at all is no week."""

    def __init__(self, allowed: Iterable[int]) -> None:
        """Raises `ValueError` for an hour beyond the week, and where none is allowed."""
        self.allowed = frozenset(allowed)
        if not self.allowed or not self.allowed <= frozenset(range(HOURS)):
            raise ValueError("no hour to run in")

    @classmethod
    def parse(cls, text: str) -> Week:
        """An empty text is always. Raises `ValueError` for what cannot be read."""
        if not text.strip():
            return cls(range(HOURS))
        return cls(hour for part in text.lower().split(",") for hour in _hours(" ".join(part.split())))

    @property
    def is_always(self) -> bool:
        return len(self.allowed) == HOURS

    def text(self) -> str:
        """The shortest text that `parse` reads as this week; days of the same hours are named together."""
        if self.is_always:
            return ""
        days = [tuple(hour % 24 for hour in sorted(self.allowed) if hour // 24 == day) for day in range(len(DAYS))]
        parts: list[str] = []
        day = 0
        while day < len(DAYS):
            last = day
            while last + 1 < len(DAYS) and days[last + 1] == days[day]:
                last += 1
            name = DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}"
            parts += [f"{name} {start}-{stop}" for start, stop in _spans(days[day])]
            day = last + 1
        return ", ".join(parts)

    def allows(self, weekday: int, hour: int) -> bool:
        """`weekday` 0 is Monday."""
        return weekday * 24 + hour in self.allowed

    def hours_until(self, weekday: int, hour: int, *, allowed: bool) -> int | None:
        """Full hours from the start of this one to the first that is `allowed` or not; None if there is none."""
        now = weekday * 24 + hour
        return next((count for count in range(HOURS) if ((now + count) % HOURS in self.allowed) is allowed), None)


def _hours(part: str) -> Iterable[int]:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(part)
    first, last = DAYS.index(found["first"]), DAYS.index(found["last"] or found["first"])
    start, stop = int(found["start"] or 0), int(found["stop"] or 24)
    if start > 23 or stop > 24 or start == stop:
        raise ValueError(part)
    length = (stop - start) % 24 or 24
    for day in range(first, first + (last - first) % len(DAYS) + 1):
        for hour in range(length):
            yield (day * 24 + start + hour) % HOURS


def _spans(hours: tuple[int, ...]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour:
            spans[-1] = (spans[-1][0], hour + 1)
        else:
            spans.append((hour, hour + 1))
    return spans
