"""Reads a file in order, close behind those who write it, and says at the end what it is.

The bytes are still in memory then: reading them once more costs a copy, no disk. So the SHA-256, the place's own
checksum, and the entries of a zip are known as soon as the last byte came, whatever the order in which they came.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import xxhash

from aihub_desktop.archives.companion import Companion
from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.disk.files import disk_error
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Piece, PieceHashes
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.digests import Digest, digest_of_algorithm
from aihub_desktop.transport.reading import Finding, Reading

_BLOCK: Final = 4 << 20  # the reader has to wait for its turn after each, among as many threads as there are hands
LAG: Final = (
    16 << 20
)  # read, and not hashed and unpacked yet: four entries of usual size are unpacked beside each other
_LOOK_SECONDS: Final = 0.2
_REPAIRS: Final = 3  # of one piece: the same bad bytes three times are what the place has
_log = logging.getLogger(__name__)


class Follower:
    """Of one canvas, in a thread of its own.

    `fresh()` makes the `Reading`, which hands its work to `companion`; `size()` is the file's size once known;
    `lost(start, stop)` hears of bytes that are not what they should be and have to be fetched again; `stopped()` ends
    everything.
    """

    def __init__(
        self,
        canvas: Canvas,
        companion: Companion,
        fresh: Callable[[], Reading],
        size: Callable[[], int | None],
        lost: Callable[[int, int], None],
        *,
        stopped: Callable[[], bool],
        pieces: PieceHashes | None,
    ) -> None:
        self._canvas = canvas
        self._companion = companion
        self._fresh = fresh
        self._size = size
        self._lost = lost
        self._stopped = stopped
        self._earlier = {piece.start: piece for piece in canvas.earlier}
        self._pieces = pieces
        self._repairs: dict[int, int] = {}
        self._free: list[memoryview] = []
        self._used: deque[memoryview] = deque()  # in the companion's hands
        self._begin()

    def run(self) -> Finding:
        """The whole file. Raises `StoppedError`, WRONG_CHECKSUM, and what the disk says."""
        while (size := self._size()) is None or self._reading.stop < size:
            reach = self._canvas.follow(self._reading.stop, _LOOK_SECONDS)
            if self._stopped():
                raise StoppedError
            if reach > self._reading.stop:
                self._read(reach)
        return self._reading.finding(self._stopped)

    def _begin(self) -> None:
        self._reading = self._fresh()
        self._old: tuple[Piece, xxhash.xxh3_128] | None = None
        self._hashed: tuple[int, Digest] | None = None

    def _read(self, reach: int) -> None:
        while self._reading.stop < reach and not self._stopped():
            at = self._reading.stop
            block = self._free.pop() if self._free else memoryview(bytearray(_BLOCK))
            view = block[: min(reach, self._border(at)) - at]
            try:
                count = self._canvas.open().read_at(at, view)
            except OSError as error:
                raise disk_error(error, self._canvas.spot.part) from error
            if not count:
                return self._lose_all(at, reach)
            self._reading.offer(at, view[:count])
            self._canvas.read = self._reading.stop
            sound = self._is_as_claimed(at, view[:count]) and self._is_as_told(at, view[:count])
            self._used.append(block)
            for _ in range(self._companion.turn(count)):
                self._free.append(self._used.popleft())
            if not sound:
                return self._begin()
        return None

    def _border(self, at: int) -> int:
        """Where the next piece begins that is looked at for itself."""
        border = at + _BLOCK
        if at in self._earlier and self._old is None:
            self._old = (self._earlier[at], xxhash.xxh3_128())
        if self._old is not None:
            border = min(border, self._old[0].stop)
        elif self._earlier:
            border = min(border, min((start for start in self._earlier if start > at), default=border))
        if self._pieces is not None:
            border = min(border, (at // self._pieces.length + 1) * self._pieces.length)
        return border

    def _is_as_claimed(self, at: int, view: memoryview) -> bool:
        """Whether the disk still has what an earlier run claimed; what it lost is fetched again."""
        if self._old is None:
            return True
        piece, digest = self._old
        digest.update(view)
        if at + len(view) < piece.stop:
            return True
        self._old = None
        del self._earlier[piece.start]
        if digest.hexdigest() == piece.digest:
            return True
        _log.warning("%s: the disk has lost bytes %d to %d", self._canvas.spot.part, piece.start, piece.stop)
        self._give_up(piece.start, piece.stop)
        return False

    def _is_as_told(self, at: int, view: memoryview) -> bool:
        """Whether a piece has the hash that the place told of it; else it alone is fetched again."""
        if self._pieces is None:
            return True
        length, size = self._pieces.length, self._size()
        number = at // length
        if self._hashed is None or self._hashed[0] != number:
            self._hashed = (number, digest_of_algorithm(self._pieces.algorithm))
        self._hashed[1].update(view)
        stop = at + len(view)
        if (stop % length and stop != size) or number >= len(self._pieces.values):
            return True
        if self._hashed[1].hexdigest() == self._pieces.values[number]:
            return True
        self._repairs[number] = self._repairs.get(number, 0) + 1
        if self._repairs[number] > _REPAIRS:
            raise ProblemError(Code.WRONG_CHECKSUM, algorithm=self._pieces.algorithm.value, piece=number)
        self._give_up(number * length, stop)
        return False

    def _lose_all(self, at: int, reach: int) -> None:
        """The file ends before what was written: somebody cut it off. Of a piece of an earlier run nothing is left: its
        hash is of all of it."""
        self._give_up(at if self._old is None else self._old[0].start, reach)
        self._begin()

    def _give_up(self, start: int, stop: int) -> None:
        self._earlier = {at: piece for at, piece in self._earlier.items() if piece.stop <= start or at >= stop}
        self._canvas.lose(start, stop)
        self._lost(start, stop)
