"""Between the network and the disk: bytes received and not written yet, in a bounded chain of blocks.

    reader ──room, fill──▶ [ block │ block │ block… ] ──take──▶ taker

The hub cuts readers that are slow, and disks hold everybody up now and then: so one thread only reads, and another
only writes. Blocks are made when they are needed and used again, the warmest first; a taker that keeps up is given
the block that is being filled, and a few blocks are all there ever is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from aihub_desktop.domain.faults import Problem, ProblemError

BLOCK: Final = 512 << 10  # 256 KiB to 1 MiB is what disks like best


def lag_of(limit: int) -> int:
    """What may be in other hands of a buffer of that many bytes: half of it is left to the network."""
    return max(2 * BLOCK, limit // 2)


class Buffer:
    """One reading and one taking thread. `on_disk`: seconds so far that the taker has spent in calls of the disk."""

    def __init__(
        self, limit: int, lag: int = 0, on_disk: Callable[[], float] = lambda: 0.0, block: int = BLOCK
    ) -> None:
        """`limit`: bytes of all blocks together, though two blocks more than hold `lag` may always be made.

        `lag`: so many bytes of what was taken may not have been given back when more is taken.
        """
        self.held = 0.0  # seconds that the reader has waited for the disk
        self._on_disk = on_disk
        self._size = block
        self._spare = max(-(-lag // block) + 2, limit // block)  # blocks that may still be made
        self._free: list[memoryview] = []
        self._chain: deque[memoryview] = deque()  # taken from at the left, filled at the right
        self._taken = 0  # bytes of the chain that were taken, from its start on
        self._done = 0  # bytes of it that nobody looks at any more
        self._portions: deque[int] = deque()  # the sizes of those that may still be looked at
        self._filled = block  # of the rightmost block
        self._ended = False
        self._closed = False
        self._problem: Problem | None = None
        self._change = threading.Condition(threading.Lock())

    # The reader's side.

    def room(self) -> memoryview | None:
        """Where the next bytes belong. Waits while every block is full; None once the taker wants no more."""
        with self._change:
            if self._filled == self._size and not self._closed:
                self._chain.append(self._block())
                self._filled = 0
            return None if self._closed else self._chain[-1][self._filled :]

    def fill(self, count: int) -> None:
        """The first `count` bytes of that room are filled."""
        with self._change:
            self._filled += count
            self._change.notify_all()

    def end(self, problem: Problem | None) -> None:
        """Nothing more comes, because of `problem` if there is one."""
        with self._change:
            self._ended, self._problem = True, problem
            self._change.notify_all()

    # The taker's side.

    def take(self, seconds: float) -> memoryview:
        """The next bytes, valid until given back; none at the end. Raises `TimeoutError` after `seconds`.

        Raises the reader's `ProblemError` once all that came before it was taken.
        """
        with self._change:
            if not self._change.wait_for(lambda: self._ready or self._ended, seconds):
                raise TimeoutError
            if self._ready:
                return self._portion()
            if self._problem is not None:
                raise ProblemError.of(self._problem)
            return memoryview(b"")

    def give_back(self, count: int) -> None:
        """So many of the oldest portions are not looked at any more."""
        with self._change:
            for _ in range(count):
                self._give_back(self._portions.popleft())

    def close(self) -> None:
        """Nothing more is wanted: `room` says so, also to a reader that waits."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def forget(self) -> None:
        """Once neither side goes on: no block is kept but those of portions that somebody still looks at."""
        self._chain.clear()
        self._free.clear()
        self._portions.clear()

    @property
    def _ready(self) -> int:
        """Bytes that can be taken."""
        return len(self._chain) * self._size - (self._size - self._filled) - self._taken if self._chain else 0

    def _portion(self) -> memoryview:
        number, start = divmod(self._taken, self._size)
        stop = min(self._size, start + self._ready)
        self._portions.append(stop - start)
        self._taken += stop - start
        return self._chain[number][start:stop]

    def _give_back(self, count: int) -> None:
        self._done += count
        if self._done == self._size:
            self._free.append(self._chain.popleft())
            self._taken -= self._size
            self._done = 0
            self._change.notify_all()

    def _block(self) -> memoryview:
        if not self._free and not self._spare:
            self._wait()
        if self._free:
            return self._free.pop()
        self._spare -= 1
        return memoryview(bytearray(self._size))

    def _wait(self) -> None:
        began, before = time.monotonic(), self._on_disk()
        self._change.wait_for(lambda: self._free or self._closed)
        # The taker computes, too, and that is not the disk's fault.
        self.held += min(time.monotonic() - began, self._on_disk() - before)
