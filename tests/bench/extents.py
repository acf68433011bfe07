"""Which bytes of a file were there already: extents, joined where they touch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Extents:
    """A set of bytes. Not for several threads at once."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self.count = 0

    def add(self, start: int, stop: int) -> int:
        """Adds start ≤ i < stop; how many of them are new."""
        first, behind = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        known = zip(self._starts[first:behind], self._stops[first:behind], strict=True)
        new = stop - start - sum(max(0, min(stop, their_stop) - max(start, their)) for their, their_stop in known)
        if first < behind:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[behind - 1])
        self._starts[first:behind], self._stops[first:behind] = [start], [stop]
        self.count += new
        return new

    def __repr__(self) -> str:
        return f"Extents({list(zip(self._starts, self._stops, strict=True))})"
