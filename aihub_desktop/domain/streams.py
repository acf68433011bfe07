"""How many streams at once seem best. Pure: it is told what came of it, and says a number.

    growing ──the total stays where it was, twice──▶ holding ◀──────────────┐
       ▲  ▲     a refusal, a slow drive ───────────▶    │                   │ the total stays where it was,
       │  └──────── the total rose ──────── probing ◀───┘ after 1 … 10 min  │ a refusal
       └── another line, another limit         └────────────────────────────┘

Growing is slow start, as TCP has it: each start that the hub accepted earns one more, so that the spread of the
starts is all that holds eight streams back. The hub throttles each connection, so that more streams bring
more until something else is full. A stream under way is never stopped to be fewer: only fewer are begun.
"""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.line import Line

_FIRST: Final = 4  # accepted by the hub as far as anyone has told, and the default ceiling
_UNPROVED: Final = 8  # so many may be reached before anything was measured; from there on each reading may double
_WINDOW: Final = 1.5  # seconds: reports come five times a second, so that a shorter mean would be noise
_PROBE_WINDOW: Final = 4.0
_PROBE_BASE: Final = 10.0
_FIRST_PROBE: Final = 60.0
_LONGEST_PROBE: Final = 600.0
# A stream more has to bring this much of what the others have on average, or it is not worth the hub's trouble.
_GAIN: Final = 0.3
_STRIKES: Final = 2  # the line is never still: one bad reading proves nothing
_HELD: Final = 10.0  # seconds of a slow drive before one stream less is begun
_NEVER: Final = float("inf")


class Streams:
    """`wanted` is at least 1; the ceiling is the asker's business."""

    def __init__(self) -> None:
        self.wanted = _FIRST
        self._growing = True
        self._base: tuple[float, float] | None = None  # (streams, bytes a second) that others are measured by
        self._strikes = 0
        self._judged_at = 0.0
        self._before_probe = _FIRST
        self._probe_after = _FIRST_PROBE
        self._probe_at = _NEVER
        self._shrunk_at = -_NEVER

    def opened(self, count: int) -> None:
        """The hub accepted a start; now `count` streams are open."""
        self._earn(count)

    def refused(self, count: int, now: float) -> None:
        """The hub refused one more than `count` streams."""
        self._hold(count, now)

    def slow_drive(self, count: int, now: float) -> None:
        """What comes with `count` streams is more than the drive takes."""
        if now - self._shrunk_at >= _HELD:
            self._shrunk_at = now
            self._hold(min(self.wanted, count) - 1, now)

    def anew(self) -> None:
        """Another line or another limit: what was learnt is where to begin, not where to stay."""
        self._growing, self._base, self._strikes = True, None, 0
        self._probe_after, self._probe_at = _FIRST_PROBE, _NEVER

    def judge(self, line: Line, most: int, now: float) -> None:
        """Looks at what came. `most` is the ceiling. Call it often; it does something every few seconds."""
        window = _WINDOW if self._growing else _PROBE_WINDOW
        if now - self._judged_at < window or line.known(now) < window:
            return
        self._judged_at = now
        count, rate = line.open(window, now), line.rate(window, now)
        if self._base is not None and count >= self._base[0] + 0.75:
            self._compare(self._base, count, rate, now)
        elif count >= 0.75:
            self._base, self._strikes = (count, rate), 0
        if count >= self.wanted - 0.5:
            self._earn(round(count))
            if now >= self._probe_at and self.wanted < most:
                self._probe(line, round(count), now)

    def _earn(self, count: int) -> None:
        if self._growing and not self._strikes:
            proved = 0 if self._base is None else round(2 * self._base[0])
            self.wanted = max(self.wanted, min(2 * count, max(_UNPROVED, proved)))

    def _compare(self, base: tuple[float, float], count: float, rate: float, now: float) -> None:
        if rate >= base[1] * (1 + _GAIN * (count / base[0] - 1)):
            if not self._growing:
                self.anew()
            self._base, self._strikes = (count, rate), 0
            return
        self._strikes += 1
        if self._strikes >= _STRIKES:
            self._hold(round(base[0]) if self._growing else self._before_probe, now)

    def _probe(self, line: Line, count: int, now: float) -> None:
        """One more than are open, which may be more than are wanted: none is stopped for that."""
        self._before_probe, self.wanted = self.wanted, max(self.wanted, count) + 1
        self._base, self._strikes = (line.open(_PROBE_BASE, now), line.rate(_PROBE_BASE, now)), 0
        self._probe_at = _NEVER

    def _hold(self, count: int, now: float) -> None:
        if not self._growing:
            self._probe_after = min(2 * self._probe_after, _LONGEST_PROBE)
        self.wanted = max(1, count)
        self._growing, self._base, self._strikes = False, None, 0
        self._probe_at = now + self._probe_after
