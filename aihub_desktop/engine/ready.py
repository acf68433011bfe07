"""Files that wait for a request, the first of the tree first; those of places that serve ranges sorted into lots."""

from __future__ import annotations

import heapq
from enum import StrEnum
from typing import Final, NamedTuple

from aihub_desktop.domain.model import RemoteFile

# From here on a file is worth several connections of its own; below it what counts is the cost of each file.
LARGE_BYTES: Final = 8 << 20


class Ready:
    """Numbers in order, each at most once: how many there are decides how they are spread over streams.

    What stopped waiting stays until it is taken, for looking for it would cost more than passing over it.
    """

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._in: set[int] = set()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def first(self) -> int:
        """Raises IndexError where none waits."""
        return self._heap[0]

    def put(self, key: int) -> None:
        if key not in self._in:
            self._in.add(key)
            heapq.heappush(self._heap, key)

    def take(self) -> int:
        """Raises IndexError where none waits."""
        key = heapq.heappop(self._heap)
        self._in.discard(key)
        return key


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
