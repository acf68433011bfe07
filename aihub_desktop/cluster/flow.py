"""How many tasks are out at once, and when the next may begin. Pure; moments are of a steady clock."""

from __future__ import annotations

from aihub_desktop.engine.spread import Spread


class Flow:
    """Begins with one for each worker and grows with each stream that the hub opens, to `most`. A refusal halves it.

    The engines of the workers know nothing of each other, so the starts of all of them are spread here, by `setting`.
    """

    def __init__(self, most: int, setting: float) -> None:
        self._most, self._setting = most, setting
        self._wanted = 1
        self._is_small = True
        self._spread = Spread()

    @property
    def most(self) -> int:
        return self._most

    def meets(self, workers: int) -> None:
        """So many can work now. Until something has been refused, each gets its first task at once."""
        if self._is_small:
            self._wanted = min(self._most, max(self._wanted, workers))

    def may_start(self, out: int, now: float) -> bool:
        return out < self._wanted and now >= self._spread.next_start(self._setting)

    def started(self, number: int, now: float) -> None:
        self._spread.started(number, now)

    def opened(self, number: int, now: float) -> None:
        """Bytes came of this task, for the first time."""
        self._spread.accepted(number, self._setting, now)
        self._wanted = min(self._most, self._wanted + 1)

    def ended(self, number: int) -> None:
        self._spread.ended(number)

    def refused(self, now: float) -> None:
        self._is_small = False
        self._spread.refused(self._setting, now)
        self._wanted = max(1, self._wanted // 2)


def most(parallel: int, limit: int, slowest: int) -> int:
    """How many may be out: `limit` (bytes a second, 0 for none) is met by fewer, as the hub cuts slow readers."""
    return max(1, min(parallel, limit // slowest)) if limit and slowest else parallel
