"""How fast everything was in the last minutes, second by second: the structure, which knows nothing of Qt."""

from __future__ import annotations

from typing import Final

SECONDS: Final = 300
_SILENT: Final = 3  # seconds without a word while something is under way: the line still stands for the last one


class SpeedHistory:
    """A speed in bytes a second, or None where nothing was under way. `now` of a steady clock, in seconds."""

    def __init__(self) -> None:
        self._values: dict[int, float | None] = {}  # by second; where there was no word, there is none
        self._last: int | None = None
        self._count = 0  # words in the last second

    def note(self, now: float, rate: float | None) -> None:
        second = int(now)
        self._fill(second)
        old = self._values.get(second)
        if second == self._last and old is not None and rate is not None:
            self._count += 1
            self._values[second] = old + (rate - old) / self._count
        else:
            self._values[second], self._count = rate, 1
        self._last = second
        for old_second in [one for one in self._values if one <= second - SECONDS]:
            del self._values[old_second]

    def samples(self, now: float) -> list[float | None]:
        """One value for each of the last seconds, the newest at the end. Before the first word: None."""
        self._fill(int(now))
        return [self._values.get(second) for second in range(int(now) - SECONDS + 1, int(now) + 1)]

    def begins(self, now: float) -> int:
        """Where in `samples` something is known for the first time; its length where nothing is."""
        first = min(self._values, default=None)
        return SECONDS if first is None else max(0, first - (int(now) - SECONDS + 1))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was under way in all that is known."""
        return not any(value is not None for value in self._values.values())

    def _fill(self, second: int) -> None:
        """The seconds without a word since the last one: as it was, for a moment; then nothing is known to move."""
        if self._last is None:
            return
        value = self._values.get(self._last)
        for late, between in enumerate(range(self._last + 1, second + 1), 1):
            if late <= SECONDS:
                self._values[between] = value if late <= _SILENT else None
        self._last, self._count = max(self._last, second), 0 if second > self._last else self._count


def nice_top(value: float) -> float:
    """The end of a scale that is easy to read: the next of 1, 2, 5, 10, 20 … of a unit at or above `value`."""
    unit = 1024.0
    while value > 1000 * unit:
        unit *= 1024
    step = 1.0
    for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        step = factor * unit
        if value <= step:
            break
    return step
