"""One file to be that several connections write at once: bytes go to their offsets, each connection claims its own.

connection ─▶ Stroke ─▶ written, hashed; every half piece cut, made durable, claimed in the journal
connection ─▶ Stroke ─▶ …
                          └▶ frontier: so far the file is there without a gap, and can be read in order
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import xxhash

from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.disk.reserve import Reserve
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.coverage import Coverage, merged
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.journal import JournalState, Span, Validator
from aihub_desktop.transport.part import Part

_LOOK_SECONDS: Final = 0.2
_BLOCK: Final = 1 << 20  # of one read


class Stroke:
    """Bytes written one behind the other by one connection: start ≤ i < stop since its last mark, `spoilt` but for.

    From `origin` on all of its bytes are what they should be, as far as anybody knows.
    """

    __slots__ = ("digest", "durable", "origin", "since", "spoilt", "start", "stop")

    def __init__(self, start: int) -> None:
        self.origin = self.start = self.stop = start
        self.since = time.monotonic()
        self.digest = xxhash.xxh3_128()
        self.spoilt: list[tuple[int, int]] = []
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
        self.etag = self.validator.etag if self.validator else ""  # known before the size is, or later than it
        self.earlier = sorted(state.pieces) if state else []  # of earlier runs: not known to be on disk still
        self._part = part
        self._durability = durability
        self._safe = safe
        self._mark_bytes = mark_bytes
        self._mark_seconds = mark_seconds
        self._file: OpenFile | None = None
        self._change = threading.Condition()
        self._claimed = Coverage(self.earlier)
        self._marked: set[Piece] = set()  # claimed, and not durable yet
        self.read = 0  # so many bytes from the start were read behind those who write, as whoever reads says
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
        """Notes what answers tell first, in the journal. Raises CHANGED where an earlier one told otherwise."""
        with self._change:
            known, noted = self.validator, self.etag
            same = not etag or not noted or etag == noted or etag.startswith('"') != noted.startswith('"')
            if not same or (known is not None and size not in (None, known.size)):
                raise ProblemError(Code.CHANGED, why="validator")
            self.etag = noted or etag
            size = size if known is None else known.size
            if size is not None and (known is None or known.etag != self.etag):
                self.validator = Validator(size, self.etag)
                self._part.mark(self.validator, lambda: None)

    @property
    def reached(self) -> int:
        """Bytes written, of any run."""
        return self._written

    def chart(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int]:
        """(spans that are durable, spans that are not yet, `read`)."""
        with self._change:
            durable = merged(piece for piece in self._claimed.pieces() if piece not in self._marked)
            fresh = [Piece(stroke.start, stroke.stop) for stroke in self._strokes]
            return durable, merged([*self._marked, *fresh]), self.read

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
        try:
            # Before it is gone from the strokes: `lose` must find its bytes here or among what is claimed.
            self._cut(stroke)
        finally:
            with self._change:
                self._strokes.remove(stroke)
                if stroke.stop > stroke.origin:
                    self._ends[stroke.origin] = stroke.stop
                self._change.notify_all()

    def claim_rest(self, size: int) -> None:
        """All `size` bytes are there, and nobody writes any more: what no claim says yet is claimed."""
        with self._change:
            claimed = [(piece.start, piece.stop) for piece in self._claimed.pieces()]
        self._claim_again(_without([(0, size)], claimed))

    def _cut(self, stroke: Stroke) -> None:
        if stroke.start == stroke.stop:
            return
        # What a power cut takes is bounded: what was cut before must be durable before more is.
        while not stroke.durable.wait(_LOOK_SECONDS):
            self._durability.check()
        with self._change:
            piece = Piece(stroke.start, stroke.stop, stroke.digest.hexdigest())
            spoilt, stroke.spoilt = stroke.spoilt, []
            stroke.start, stroke.since, stroke.digest = stroke.stop, time.monotonic(), xxhash.xxh3_128()
            if not spoilt:
                stroke.durable = threading.Event()
                self._claim(piece, stroke.durable)
        if spoilt:
            self._claim_again(_without([(piece.start, piece.stop)], spoilt))

    def _claim(self, piece: Piece, durable: threading.Event) -> None:
        """Under the lock: claims reach the journal in the order in which they are noted here."""
        for old in self._claimed.within(piece.start, piece.stop):
            self._claimed.remove(old)
        self._claimed.add(piece)
        self._marked.add(piece)
        self._part.mark(Span(piece.start, piece.stop, piece.digest), lambda: self._became_safe(piece, durable))

    def _claim_again(self, spans: list[tuple[int, int]]) -> None:
        """What is left of pieces that lost some of their bytes."""
        for start, stop in spans:
            piece = Piece(start, stop, self._digest(start, stop))
            with self._change:
                self._claim(piece, threading.Event())

    def _digest(self, start: int, stop: int) -> str:
        digest, view = xxhash.xxh3_128(), memoryview(bytearray(min(_BLOCK, stop - start)))
        try:
            while start < stop and (count := self.open().read_at(start, view[: stop - start])):
                digest.update(view[:count])
                start += count
        except OSError as error:
            raise disk_error(error, self.spot.part) from error
        return digest.hexdigest()

    def _became_safe(self, piece: Piece, durable: threading.Event) -> None:
        count = piece.stop - piece.start
        with self._change:
            self._marked.discard(piece)
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
        """The bytes of a span are not what they should be: they count as never written, and are claimed no more.

        A journal knows no line that takes a claim back; one that overlaps it does. So what is left of each claim is
        claimed anew, before anybody writes where the span was.
        """
        with self._change:
            self._ends = dict(_without(self._ends.items(), [(start, stop)]))
            for stroke in self._strokes:
                if stroke.origin < stop and stroke.stop > start:
                    self._spoil(stroke, start, stop)
            self._frontier = 0
            self._written -= stop - start
            broken = self._claimed.within(start, stop)
            for piece in broken:
                self._claimed.remove(piece)
                self._durable -= piece.stop - piece.start
        self._claim_again(_without([(piece.start, piece.stop) for piece in broken], [(start, stop)]))

    def _spoil(self, stroke: Stroke, start: int, stop: int) -> None:
        if stroke.origin < start:
            self._ends[stroke.origin] = start
        stroke.origin = min(stop, stroke.stop)
        if stroke.start < stop:
            stroke.spoilt.append((start, stop))

    def _reach(self) -> int:
        """Under the lock."""
        while (end := self._ends.get(self._frontier)) is not None:
            self._frontier = end
        return max((one.stop for one in self._strokes if one.origin == self._frontier), default=self._frontier)


def _without(spans: Iterable[tuple[int, int]], holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the spans lies in no hole."""
    left = list(spans)
    for start, stop in holes:
        parts = [part for one in left for part in ((one[0], min(one[1], start)), (max(one[0], stop), one[1]))]
        left = [part for part in parts if part[0] < part[1]]
    return left
