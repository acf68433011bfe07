"""When it is time to run: a week's hours on the clock of the wall, summer time and all. Pure; local time is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aihub_desktop.domain.hours import HOURS, Week

LocalHour = Callable[[float], tuple[int, int]]

# Every time zone of this century is a whole number of quarters away from UTC, so hours begin at quarters.
_QUARTER: Final = 900
_QUARTERS: Final = HOURS * 4 + 8  # a week, and the hour that a change of the clocks may add


def utc_hour(wall: float) -> tuple[int, int]:
    """(weekday, hour) in UTC; weekday 0 is Monday."""
    moment = datetime.fromtimestamp(wall, UTC)
    return moment.weekday(), moment.hour


class Timetable:
    """Asked at each turn; what it worked out is kept until it is over. All times in seconds since 1970."""

    def __init__(self, local: LocalHour = utc_hour) -> None:
        self._local = local
        self._text = ""
        self._week = Week.parse("")
        self._opens: tuple[float, float] | None = None  # (worked out at, opens at)
        self._closed_at: float | None = None

    def use(self, text: str) -> None:
        """`text` as `domain.hours.Week` reads it."""
        if text != self._text:
            self._text, self._week, self._opens = text, Week.parse(text), None

    def opens_at(self, wall: float) -> float | None:
        """When the next hours begin; None while it is time to run."""
        if self._week.is_always or self._week.allows(*self._local(wall)):
            self._opens = self._closed_at = None
            return None
        if self._closed_at is None or wall < self._closed_at:
            self._closed_at = wall
        # A clock that was set anew makes what was worked out worthless.
        if self._opens is None or not self._opens[0] <= wall < self._opens[1]:
            self._opens = (wall, self._next(wall))
        return self._opens[1]

    def closed_for(self, wall: float) -> float:
        """Seconds since it was first seen that the hours are over; 0 while it is time to run."""
        return 0.0 if self._closed_at is None else max(0.0, wall - self._closed_at)

    def _next(self, wall: float) -> float:
        quarter = wall // _QUARTER * _QUARTER
        for step in range(1, _QUARTERS):
            if self._week.allows(*self._local(quarter + step * _QUARTER)):
                return quarter + step * _QUARTER
        # An hour that the clocks skip this week, and no other: it comes again next week.
        return quarter + _QUARTERS * _QUARTER
