"""A run in lines, for logs and pipes."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.listing import total_text
from aihub_desktop.cli.tally import Tally
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

_SHORTEST: Final = 10.0  # seconds between two lines of a log
_LONGEST: Final = 600.0
_LINES_AGAIN: Final = 60  # for as long again as the run has taken, at most so many lines


class Lines:
    """A line every ten seconds, after ten hours every ten minutes; none that says what the last one did."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = clock()
        self._next = self._began + _SHORTEST
        self._last = ""

    def show(self, tally: Tally) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + min(max(_SHORTEST, (now - self._began) / _LINES_AGAIN), _LONGEST)
        line = summary(self._console.words, tally)
        if line != self._last:
            self._last = line
            self._console.tell(line)

    def tell(self, text: str) -> None:
        self._console.tell(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def summary(words: Words, tally: Tally) -> str:
    """The whole run in a line."""
    return words.say(
        "cli.get.progress",
        done=len(tally.done),
        n=tally.wanted,
        bytes=words.size(tally.bytes),
        size=total_text(words, tally.total),
        rate=words.speed(tally.rate),
        left=words.time_left(tally.left),
        pace="" if tally.pace is None else pace.line(words, tally.pace, tally.settings),
    )
