"""Figures of a benchmark: runs of several peers in turn, their medians and ratios, as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """What the program promises. At most `bound`, or with `at_least` at least."""

    what: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = "at least" if self.at_least else "at most"
        return f"{'met   ' if self.met else 'MISSED'}  {self.what}: {_short(self.value)} ({sign} {_short(self.bound)})"


@dataclass(slots=True)
class Report:
    """`rounds`: for each round the figures of every peer that ran in it."""

    title: str
    about: list[str] = field(default_factory=list)
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def values(self, peer: str, figure: str) -> list[float]:
        return [run[peer][figure] for run in self.rounds if figure in run.get(peer, {})]

    def median(self, peer: str, figure: str) -> float:
        return statistics.median(self.values(peer, figure))

    def ratios(self, peer: str, other: str, figure: str = "seconds") -> list[float]:
        """Pair by pair, of the same round, so that what changes on the machine between rounds cancels out."""
        return [run[peer][figure] / run[other][figure] for run in self.rounds if peer in run and other in run]

    def promise(self, peer: str, other: str, bound: float, figure: str = "seconds", *, at_least: bool = False) -> None:
        """A target for the median of the ratios; none where one of the two did not run."""
        if ratios := self.ratios(peer, other, figure):
            self.targets.append(Target(f"{figure}, {peer} / {other}", statistics.median(ratios), bound, at_least))

    def promise_at_most(self, peer: str, figure: str, bound: float) -> None:
        """A target for the median of a figure by itself."""
        if self.values(peer, figure):
            self.targets.append(Target(f"{figure}, {peer}", self.median(peer, figure), bound))

    @property
    def peers(self) -> list[str]:
        """In the order in which they were named."""
        return list(dict.fromkeys(peer for run in self.rounds for peer in run))

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        targets = [
            {"what": each.what, "value": each.value, "bound": each.bound, "at_least": each.at_least, "met": each.met}
            for each in self.targets
        ]
        medians = {
            peer: {figure: self.median(peer, figure) for figure in self._columns() if self.values(peer, figure)}
            for peer in self.peers
        }
        return {
            "title": self.title,
            "about": self.about,
            "rounds": self.rounds,
            "medians": medians,
            "targets": targets,
        }

    def text(self, *, judged: bool = True) -> str:
        """Medians; behind those of the first column the least and the most; what was promised, if `judged`."""
        columns = self._columns()
        rows = [["", *columns]]
        for peer in self.peers:
            rows.append([peer, *(self._cell(peer, figure, place == 0) for place, figure in enumerate(columns))])
        widths = [max(len(row[place]) for row in rows) for place in range(len(columns) + 1)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        return "\n".join(
            [f"## {self.title}", *self.about, "", *lines, "", *(map(str, self.targets) if judged else ())]
        ).rstrip()

    def _cell(self, peer: str, figure: str, spread: bool) -> str:
        values = self.values(peer, figure)
        if not values:
            return "–"
        middle = _short(statistics.median(values))
        return f"{middle} [{_short(min(values))}–{_short(max(values))}]" if spread and len(values) > 1 else middle

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(figure for run in self.rounds for figures in run.values() for figure in figures))


def in_turn(report: Report, peers: dict[str, Callable[[], Figures]], pairs: int) -> None:
    """Runs every peer once a round, there and back, beginning with another one every two rounds: none always comes
    first, or behind the same other.
    """
    names = list(peers)
    for number in range(pairs):
        first = number // 2 % len(names)
        order = (names[first:] + names[:first])[:: -1 if number % 2 else 1]
        report.rounds.append({name: peers[name]() for name in order})


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
