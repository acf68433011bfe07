"""Files that wait for a request, the first of the tree first."""

from __future__ import annotations

import heapq


class Ready:
    """Numbers in order, each at most once: how many there are decides how they are spread over streams.

    What stopped waiting stays until it is taken, for looking for it would cost more than passing over it.
    """

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._in: set[int] = set()

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, key: int) -> None:
        if key not in self._in:
            self._in.add(key)
            heapq.heappush(self._heap, key)

    def take(self) -> int:
        """Raises IndexError where none waits."""
        key = heapq.heappop(self._heap)
        self._in.discard(key)
        return key
