"""One file to be that several connections write at once: bytes go to their offsets, each connection claims its own.

connection ─▶ Stroke ─▶ written, hashed; every half piece cut, made durable, claimed in the journal
connection ─▶ Stroke ─▶ …
                          └▶ frontier: so far the file is there without a gap, and can be read in order
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import xxhash

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.disk import OpenFile, disk_error
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.journal import JournalState, Span, Validator
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.reserve import Reserve

_LOOK_SECONDS: Final = 0.2


class Stroke:
    """Bytes written one behind the other by one connection: start ≤ i < stop since its last mark."""

    __slots__ = ("digest", "durable", "origin", "since", "start", "stop")

    def __init__(self, start: int) -> None:
        self.origin = self.start = self.stop = start
        self.since = time.monotonic()
        self.digest = xxhash.xxh3_128()
        self.durable = threading.Event()
        self.durable.set()


class Canvas:
    """`safe(bytes, new)` is called by the thread of durability. Safe from any thread; one thread a stroke.

    Raises `ProblemError`: what the disk says.
    """

    def __init__(
        self,
        part: Part,
        state: JournalState | None,
        durability: Durability,
        safe: Callable[[int, int], None],
        *,
        mark_bytes: int,
        mark_seconds: float,
    ) -> None:
        self.spot = part.spot
        self.validator = state.validator if state else None
        self.earlier = sorted(state.pieces) if state else []  # of earlier runs: not known to be on disk still
        self._part = part
        self._durability = durability
        self._safe = safe
        self._mark_bytes = mark_bytes
        self._mark_seconds = mark_seconds
        self._file: OpenFile | None = None
        self._change = threading.Condition()
        self._ends: dict[int, int] = {piece.start: piece.stop for piece in self.earlier}  # of strokes that are over
        self._strokes: list[Stroke] = []
        self._frontier = 0
        self._written = self._durable = sum(piece.stop - piece.start for piece in self.earlier)
        self._over = False

    def open(self) -> OpenFile:
        """The file, held from now on. By the first thread, before all others."""
        if self._file is None:
            self._file = self._part.open()
        return self._file

    def agree(self, size: int | None, etag: str) -> None:
        """Notes what the first answer told, in the journal. Raises CHANGED where an earlier one told otherwise."""
        with self._change:
            known = self.validator
            if known is None and size is not None:
                self.validator = Validator(size, etag)
                self._part.mark(self.validator, lambda: None)
        if known is None:
            return
        same = not etag or not known.etag or etag == known.etag or etag.startswith('"') != known.etag.startswith('"')
        if not same or size not in (None, known.size):
            raise ProblemError(Code.CHANGED, why="validator")

    @property
    def reached(self) -> int:
        """Bytes written, of any run."""
        return self._written

    # ---- a connection's ----

    def begin(self, at: int) -> Stroke:
        stroke = Stroke(at)
        with self._change:
            self._strokes.append(stroke)
        return stroke

    def write(self, stroke: Stroke, view: memoryview, reserve: Reserve) -> None:
        """The next bytes of a stroke."""
        self._durability.check()
        file = self.open()
        while view:
            reserve.make_room(file, stroke.stop)
            part = view[: self._mark_bytes - (stroke.stop - stroke.start)]
            try:
                count = file.write_some(stroke.stop, part)
            except OSError as error:
                raise disk_error(error, self.spot.part) from error
            stroke.digest.update(part[:count])
            with self._change:
                stroke.stop += count
                self._written += count
                self._change.notify_all()
            view = view[count:]
            self.tick(stroke)

    def tick(self, stroke: Stroke) -> None:
        """Cuts where it is time to."""
        grown = stroke.stop - stroke.start
        if grown >= self._mark_bytes or (grown and time.monotonic() - stroke.since >= self._mark_seconds):
            self._cut(stroke)

    def end(self, stroke: Stroke) -> None:
        """The connection writes no more of it."""
        with self._change:
            self._strokes.remove(stroke)
            if stroke.stop > stroke.origin:
                self._ends[stroke.origin] = stroke.stop
            self._change.notify_all()
        self._cut(stroke)

    def _cut(self, stroke: Stroke) -> None:
        if stroke.start == stroke.stop:
            return
        # What a power cut takes is bounded: what was cut before must be durable before more is.
        while not stroke.durable.wait(_LOOK_SECONDS):
            self._durability.check()
        piece = Piece(stroke.start, stroke.stop, stroke.digest.hexdigest())
        stroke.durable = durable = threading.Event()
        stroke.start, stroke.since, stroke.digest = stroke.stop, time.monotonic(), xxhash.xxh3_128()
        self._part.mark(Span(piece.start, piece.stop, piece.digest), lambda: self._became_safe(piece, durable))

    def _became_safe(self, piece: Piece, durable: threading.Event) -> None:
        count = piece.stop - piece.start
        with self._change:
            self._durable += count
            total = self._durable
        durable.set()
        self._safe(total, count)

    # ---- the reader's ----

    def follow(self, at: int, seconds: float) -> int:
        """So far the file can be read from `at` on; waits up to `seconds` for it to be more than nothing."""
        with self._change:
            self._change.wait_for(lambda: self._over or self._reach() > at, seconds)
            return self._reach()

    def wake(self) -> None:
        """Nobody is to wait in `follow` any more."""
        with self._change:
            self._over = True
            self._change.notify_all()

    def lose(self, start: int, stop: int) -> None:
        """The bytes of a span are not what they should be: they count as never written."""
        with self._change:
            spans = {origin: end for origin, end in self._ends.items() if end <= start or origin >= stop}
            for origin, end in self._ends.items():
                if origin not in spans:
                    spans |= {origin: start} if origin < start else {}
                    spans |= {stop: end} if end > stop else {}
            self._ends = spans
            self._frontier = 0
            self._written -= stop - start
            self._durable -= stop - start

    def _reach(self) -> int:
        """Under the lock."""
        while (end := self._ends.get(self._frontier)) is not None:
            self._frontier = end
        return max((one.stop for one in self._strokes if one.origin == self._frontier), default=self._frontier)
