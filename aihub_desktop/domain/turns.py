"""Whose turn it is in the queue: what a person ranked higher first, and within that by the places in the list. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

# Between two neighbours lie so many places, so that a move changes no row but the moved ones.
GAP: Final = 1 << 32

# What a queue can hold is twice as far away.
_FARTHEST: Final = 1 << 62

Turn = tuple[int, int, int]
Units = Mapping[int, Sequence[int]]  # what belongs together, by each of its members
_NO_UNITS: Final[Units] = {}


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


_WEIGHT: Final = {priority: weight for weight, priority in enumerate(Priority)}


def turn(priority: Priority, rank: int, key: int) -> Turn:
    """Smaller comes sooner."""
    return _WEIGHT[priority], rank, key


def moved(
    ranks: Mapping[int, int], keys: Sequence[int], before: int | None, units: Units = _NO_UNITS
) -> dict[int, int]:
    """New ranks that put `keys`, in this order, directly before `before`; at the end for None.

    `ranks`: of all, by key. Where no room is left between two neighbours, everything gets a new rank. A `before` that
    is moved itself stands for the first behind it that is not. Of a unit, one takes all others along, and what would
    come to stand within one passes it, in the direction in which it was moved.
    """
    order = sorted(sorted(ranks), key=ranks.__getitem__)
    place = {key: number for number, key in enumerate(order)}
    together = (sorted(units.get(key, (key,)), key=place.__getitem__) for key in keys)
    moving = list(dict.fromkeys(key for unit in together for key in unit))
    gone = set(moving)
    others = [key for key in order if key not in gone]
    at = len(others)
    if before is not None:
        at = place[before] - sum(place[key] < place[before] for key in moving)
        step = 1 if moving and place[moving[0]] < place[before] else -1
        while 0 < at < len(others) and others[at] in units.get(others[at - 1], ()):
            at += step
    if (fitting := _between(ranks, others, at, len(moving))) is not None:
        return dict(zip(moving, fitting, strict=True))
    return {key: place * GAP for place, key in enumerate([*others[:at], *moving, *others[at:]], 1)}


def _between(ranks: Mapping[int, int], others: Sequence[int], at: int, count: int) -> list[int] | None:
    """So many ranks, evenly spread over the room before the place `at`; None where that is too little."""
    low = ranks[others[at - 1]] if at else None
    high = ranks[others[at]] if at < len(others) else None
    if low is None:
        low = (high or 0) - GAP * (count + 1)
    if high is None:
        high = low + GAP * (count + 1)
    step = (high - low) // (count + 1)
    found = [low + step * place for place in range(1, count + 1)] if step else None
    return found if found is None or max(map(abs, found), default=0) < _FARTHEST else None
