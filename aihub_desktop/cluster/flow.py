"""How many tasks are out at once, and when the next may begin. Pure; moments are of a steady clock."""

from __future__ import annotations

from collections.abc import Collection

from aihub_desktop.engine.spread import Spread


class Flow:
    """Begins with one for each worker and grows with each stream that the hub opens. A refusal halves it.

    `total`: the most in all, 0 for `each` a worker; never more than they have threads. `cap`: the most that a limit
    leaves, 0 for no limit. The engines of the workers know nothing of each other, so the starts of all of them are
    spread here, by `setting`.
    """

    def __init__(self, setting: float, *, total: int = 0, each: int = 4, cap: int = 0) -> None:
        self._setting, self._total, self._each, self._cap = setting, total, each, cap
        self._most = self._wanted = 1
        self._is_small = True
        self._spread = Spread()

    def meets(self, threads: Collection[int]) -> None:
        """The workers that can receive now. Until something has been refused, each gets its first task at once."""
        room = sum(threads) if self._total else sum(min(self._each, count) for count in threads)
        self._most = max(1, min(room, self._total or room, self._cap or room))
        if self._is_small:
            self._wanted = max(self._wanted, len(threads))

    def may_start(self, out: int, now: float) -> bool:
        return out < min(self._wanted, self._most) and now >= self._spread.next_start(self._setting)

    def started(self, number: int, now: float) -> None:
        self._spread.started(number, now)

    def opened(self, number: int, now: float) -> None:
        """Bytes came of this task, for the first time."""
        self._spread.accepted(number, self._setting, now)
        self._wanted = min(max(self._wanted, self._most), self._wanted + 1)

    def ended(self, number: int) -> None:
        self._spread.ended(number)

    def refused(self, now: float) -> None:
        self._is_small = False
        self._spread.refused(self._setting, now)
        self._wanted = max(1, min(self._wanted, self._most) // 2)


def cap(limit: int, slowest: int) -> int:
    """How many a limit (bytes a second) leaves, 0 for no limit: the hub cuts its slow readers."""
    return max(1, limit // slowest) if limit and slowest else 0
