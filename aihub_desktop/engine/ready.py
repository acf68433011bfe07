"""Files that wait for a request, in their order; those of places that serve ranges sorted into lots."""

from __future__ import annotations

import heapq
from enum import StrEnum
from typing import Final, NamedTuple

from aihub_desktop.domain.model import RemoteFile

FileTurn = tuple[int, int]  # rank and number of a file: the smaller comes first

# From here on a file is worth several connections of its own; below it what counts is the cost of each file.
LARGE_BYTES: Final = 8 << 20


class Ready:
    """Numbers by their turns, each at most once: how many there are decides how they are spread over streams.

    What stopped waiting, or got another turn, stays in the heap until it comes up, for looking for it would cost more
    than passing over it.
    """

    def __init__(self) -> None:
        self._heap: list[FileTurn] = []
        self._turns: dict[int, FileTurn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def first(self) -> FileTurn:
        """Raises IndexError where none waits."""
        self._drop_outdated()
        return self._heap[0]

    def put(self, turn: FileTurn) -> None:
        """In the place of what it had before."""
        key = turn[1]
        if self._turns.get(key) != turn:
            self._turns[key] = turn
            heapq.heappush(self._heap, turn)

    def take(self) -> int:
        """Raises IndexError where none waits."""
        self._drop_outdated()
        _, key = heapq.heappop(self._heap)
        del self._turns[key]
        return key

    def _drop_outdated(self) -> None:
        while self._heap and self._turns.get(self._heap[0][1]) != self._heap[0]:
            heapq.heappop(self._heap)


class Size(StrEnum):
    """What a file is worth: several connections of its own, or a place among many. Of some nobody knows."""

    SMALL = "small"
    LARGE = "large"
    UNKNOWN = "unknown"


class Lot(NamedTuple):
    """Which files may share one gather lease: those of one place, the large ones apart from the small."""

    source: str
    dataset: str
    size: Size


def lot_of(file: RemoteFile) -> Lot | None:
    """None for a file of the hub that comes in streams."""
    if file.origin is None:
        return None
    if file.lab:
        return Lot("lab", file.lab, Size.LARGE if file.size.high >= LARGE_BYTES else Size.SMALL)
    if file.size.is_unknown:
        return Lot(file.source, file.dataset, Size.UNKNOWN)
    return Lot(file.source, file.dataset, Size.LARGE if file.size.high >= LARGE_BYTES else Size.SMALL)
