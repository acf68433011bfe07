"""Notices that the machine slept or reaches the hub by another way: no connection from before lives on then."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from aihub_desktop.domain.faults import Problem
from aihub_desktop.engine.errands import Errands
from aihub_desktop.sources.route import Route

_SLEPT: Final = 30.0  # seconds that are missing
_LOOK_SECONDS: Final = 5.0


def local_hour(wall: float) -> tuple[int, int]:
    """(weekday, hour) on the clock of the wall; weekday 0 is Monday."""
    local = time.localtime(wall)
    return local.tm_wday, local.tm_hour


def unsleeping() -> float:
    """Seconds of a clock that goes on while the machine sleeps, and that nobody sets."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # time.monotonic() stands still in sleep here
    return time.monotonic()


class Watch:
    """Lives on the engine's loop: `waits` before each wait, `changed` after it.

    The way that is watched leads to the hub, or to `towards` while nothing comes from the hub.
    """

    def __init__(self, hub: str, errands: Errands) -> None:
        self._towards = hub
        self._route = Route(hub)
        self._errands = errands
        self._awake = (time.monotonic(), unsleeping())
        self._wait = 0.0
        self._looked_at = float("-inf")
        self._looking = False
        self._way: str | None = None
        self._known = False
        self._changed = ""

    def waits(self, seconds: float) -> None:
        """The loop is about to wait so long."""
        self._wait = seconds
        self._awake = (time.monotonic(), unsleeping())

    def towards(self, url: str) -> None:
        """From now on this is where connections lead."""
        if url != self._towards:
            self._towards, self._route = url, Route(url)
            self._known = False

    def changed(self, moving: bool) -> str:
        """Why connections from before are dead, "" where they are not. `moving`: there are any, or will be soon."""
        why = self._slept() or self._changed
        self._changed = ""
        self._look(moving)
        return why

    def _slept(self) -> str:
        before, self._awake = self._awake, (time.monotonic(), unsleeping())
        passed, wait = self._awake[1] - before[1], self._wait
        self._wait = 0.0
        # Where the steady clock stands still in sleep, its lag tells; elsewhere that the wait took far too long.
        # A turn that took long is none of both: a slow disk is no sleep.
        asleep = passed - (self._awake[0] - before[0])
        if asleep > _SLEPT or (wait and passed > wait + _SLEPT):
            return f"the machine slept for {max(asleep, passed - wait):.0f} s"
        return ""

    def _look(self, moving: bool) -> None:
        if not moving:
            self._known = False  # what is begun later takes the way that there is then
        elif not self._looking and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._looking, self._looked_at = True, time.monotonic()
            route = self._route
            self._errands.run(route.way, lambda value, problem: self._found(route, value, problem))

    def _found(self, route: Route, value: Any, problem: Problem | None) -> None:
        self._looking = False
        if problem is not None or route is not self._route:
            return
        if self._known and value != self._way:
            self._changed = f"the way out is another: {self._way or 'none'}, now {value or 'none'}"
        self._way, self._known = value, True
