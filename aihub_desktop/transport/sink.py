"""One file to be: bytes go to their offsets in NAME.part, and what passes twice is compared, not written twice.

    bytes of the hub ──▶ not on disk yet ──▶ written, hashed; every so often cut into a piece, made durable, claimed
                    └──▶ on disk already ──▶ hashed, and compared with the piece when its end passes

A piece from an earlier answer is read from disk once before it is relied on: if the disk has lost it, its bytes
are simply written again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import xxhash

from aihub_desktop.archives.companion import Companion
from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.disk.reserve import Reserve
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Charted
from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.coverage import Coverage, coarser, merged
from aihub_desktop.transport.digests import Digests
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.journal import Identity, JournalState, Span
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.reading import Finding, Reading

BLOCK: Final = 1 << 20  # of one read from disk
_log = logging.getLogger(__name__)


class Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def digest_of(file: OpenFile, start: int, stop: int, into: Hash, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Hashes the bytes start ≤ i < stop of the file; False if it ends before, or `stopped`. Raises `OSError`."""
    view = memoryview(bytearray(min(BLOCK, max(stop - start, 1))))
    while start < stop and not stopped():
        count = file.read_at(start, view[: stop - start])
        if count == 0:
            return False
        into.update(view[:count])
        start += count
    return start == stop


@dataclass(slots=True)
class _Growing:
    """Bytes written since the last mark: start ≤ i < stop."""

    start: int
    stop: int
    since: float
    digest: xxhash.xxh3_128 = field(default_factory=xxhash.xxh3_128)


@dataclass(slots=True)
class _Passing:
    """Bytes that pass over `piece`, from `start` on, up to `at`."""

    piece: Piece
    start: int
    at: int
    digest: xxhash.xxh3_128 = field(default_factory=xxhash.xxh3_128)


class Sink:
    """Fed by one thread. `safe(bytes, new)` is called by the durability thread for each durable piece.

    Every method raises `ProblemError`: what the disk says; CHANGED where a piece of an earlier answer differs from
    what passes now; OVERLAPPING where one of this answer does. After either, `drop` is the only thing to do.
    """

    def __init__(
        self,
        spot: Spot,
        identity: Identity,
        state: JournalState | None,
        safe: Callable[[int, int], None],
        *,
        low: int,
        durability: Durability,
        companion: Companion,
        mark_bytes: int,
        mark_seconds: float,
        digests: Digests | None = None,
    ) -> None:
        """`low`: so many bytes the file has at least. `digests`: see `Reading`.

        `state` is the journal's of the same identity, if there is one. Without, a stray NAME.part is removed.
        """
        self.spot = spot
        self.again = 0
        self.on_disk = 0.0  # seconds in which the disk was waited for
        self.seen = False  # a member of the file has begun in this answer
        self._part = Part(spot, identity, state, durability)
        self._durability = durability
        self._safe = safe
        self._mark_bytes = mark_bytes
        self._mark_seconds = mark_seconds
        self._coverage = Coverage(state.pieces if state else ())
        self._unchecked = set(self._coverage.pieces())  # of earlier answers, not read from disk yet
        self._earlier = set(self._unchecked)
        self._durable = self._coverage.bytes
        self._marked: set[Piece] = set()  # cut, and not durable yet
        self._counting = threading.Lock()
        self._at = 0
        self._growing: _Growing | None = None
        self._passing: _Passing | None = None
        self._reading = Reading(spot, companion, digests)
        self._low = low
        self._reserve = Reserve()

    @property
    def reached(self) -> int:
        """Distinct bytes written."""
        return self._coverage.bytes + (self._growing.stop - self._growing.start if self._growing else 0)

    def begin(self, offset: int, size: int) -> None:
        """What `take` is given next are the bytes offset ≤ i < offset + size."""
        self.seen = True
        self._part.open()
        self.cut()
        self._at = offset
        self._reserve.expect(offset + size)

    def take(self, view: memoryview) -> None:
        """The next bytes. Written or compared; `view` may be read until the companion's `turn` says otherwise."""
        while view:
            held = self._holding(self._at)
            room = (held.stop if held else self._coverage.next_start(self._at) or self._at + len(view)) - self._at
            part = view[: room if held else min(room, self._to_mark)]
            self._reading.offer(self._at, part)
            if held:
                self._pass_over(held, part)
            else:
                self._write(part)
            self._at += len(part)
            view = view[len(part) :]

    @property
    def _to_mark(self) -> int:
        """Bytes to the next mark, which does not depend on how the network cut the stream."""
        grown = self._growing.stop - self._growing.start if self._growing else 0
        return self._mark_bytes - grown

    def cut(self) -> None:
        """What was written since the last mark is handed over to be made durable."""
        growing, self._growing = self._growing, None
        if growing is None or growing.start == growing.stop:
            return
        piece = Piece(growing.start, growing.stop, growing.digest.hexdigest())
        self._marked.add(piece)
        self._coverage.add(piece)
        self._part.mark(Span(piece.start, piece.stop, piece.digest), lambda: self._became_safe(piece))

    def tick(self) -> None:
        """Cuts if the last mark is long ago, bytes or none."""
        if self._growing and time.monotonic() - self._growing.since >= self._mark_seconds:
            self.cut()

    def rest(self) -> None:
        """No byte is expected for now: the descriptor is let go of once all is durable."""
        self.cut()
        self._part.rest()

    def let_go(self) -> None:
        """No byte is expected any more: others may write to the file once all is durable."""
        try:
            self.cut()
        finally:
            self._part.let_go()

    def conclude(self, stopped: Callable[[], bool]) -> Finding | None:
        """The tar's end was seen: what the whole file is, with the last marks handed over.

        Bytes that came out of order are read back; None if `stopped` ended that. Raises SHORT where a byte is
        missing or the file is smaller than the least that the source shows.
        """
        self._leave()
        self.cut()
        for piece in list(self._unchecked):
            if stopped():
                return None
            self._holding(piece.start)
        self._durability.flush()
        size = self._coverage.stop
        if not self._coverage.is_whole(size) or size < self._low:
            raise ProblemError(Code.SHORT, bytes=self._coverage.bytes, least=self._low)
        try:
            return self._read_back(size, stopped)
        except StoppedError:
            return None
        except OSError as error:
            raise disk_error(error, self.spot.part) from error

    def _read_back(self, size: int, stopped: Callable[[], bool]) -> Finding:
        file = self._part.open()
        if file.size() > size:
            file.truncate(size)
        if not digest_of(file, self._reading.stop, size, self._reading, stopped):
            if stopped():
                raise StoppedError
            raise ProblemError(Code.SHORT, bytes=file.size(), least=size)
        return self._reading.finding(stopped)

    def claim(self, size: int, sha256: str, done: Callable[[], None]) -> None:
        """The file is whole: `done` is called by the durability thread once the journal says so."""
        self.cut()
        self._part.claim(size, sha256, done)

    def drop(self) -> None:
        """Nothing of the file is left: no journal, no bytes."""
        self._growing = self._passing = None
        self._part.discard()
        self._coverage = Coverage()

    def _holding(self, offset: int) -> Piece | None:
        """The piece on disk that holds this byte, once it is known that the disk still has it."""
        piece = self._coverage.at(offset)
        if piece is None or piece not in self._unchecked:
            return piece
        self._unchecked.discard(piece)
        digest = xxhash.xxh3_128()
        try:
            sound = digest_of(self._part.open(), piece.start, piece.stop, digest) and digest.hexdigest() == piece.digest
        except OSError as error:
            raise disk_error(error, self.spot.part) from error
        if sound:
            return piece
        _log.warning("%s: the disk has lost bytes %d to %d", self.spot.part, piece.start, piece.stop)
        self._coverage.remove(piece)
        self._count_durable(piece.start - piece.stop)
        return None

    def _write(self, view: memoryview) -> None:
        self._leave()
        self._durability.check()
        if self._growing is None:
            self._growing = _Growing(self._at, self._at, time.monotonic())
        file, growing = self._part.open(), self._growing
        while view:
            self._reserve.make_room(file, growing.stop)
            # A disk that fills up takes a part: that much is counted, and claimed.
            count = self._written(file, growing.stop, view)
            growing.digest.update(view[:count])
            growing.stop += count
            view = view[count:]
        if growing.stop - growing.start >= self._mark_bytes:
            self.cut()
        self.tick()

    def _written(self, file: OpenFile, offset: int, view: memoryview) -> int:
        began = time.monotonic()
        try:
            return file.write_some(offset, view)
        except OSError as error:
            raise disk_error(error, self.spot.part) from error
        finally:
            self.on_disk += time.monotonic() - began

    def _pass_over(self, piece: Piece, view: memoryview) -> None:
        self.cut()
        passing = self._passing
        if passing is None or passing.piece is not piece or passing.at != self._at:
            self._leave()
            self._passing = passing = _Passing(piece, self._at, self._at)
        passing.digest.update(view)
        passing.at += len(view)
        self.again += len(view)
        if passing.at == piece.stop:
            self._leave()

    def _leave(self) -> None:
        """Compares what has passed over a piece; only a part of it is compared with the bytes on disk."""
        passing, self._passing = self._passing, None
        if passing is None:
            return
        piece = passing.piece
        expected = piece.digest
        if (passing.start, passing.at) != (piece.start, piece.stop):
            digest = xxhash.xxh3_128()
            try:
                digest_of(self._part.open(), passing.start, passing.at, digest)
            except OSError as error:
                raise disk_error(error, self.spot.part) from error
            expected = digest.hexdigest()
        if passing.digest.hexdigest() != expected:
            code = Code.CHANGED if piece in self._earlier else Code.OVERLAPPING
            raise ProblemError(code, start=passing.start, stop=passing.at)

    def chart(self, lease: int, file: int, size: int, *, is_coming: bool) -> Charted:
        """From any thread, at any time: what is looked at is replaced or copied whole, never half."""
        growing, marked = self._growing, frozenset(self._marked)
        pieces = self._coverage.pieces()
        written = [piece for piece in pieces if piece in marked]
        if growing is not None and growing.stop > growing.start:
            written.append(Piece(growing.start, growing.stop))
        durable = merged(piece for piece in pieces if piece not in marked)
        at = min(self._at, size) if size else self._at
        coming = [(at, at)] if is_coming else []
        read = self._reading.stop
        return Charted(lease, file, size, coarser(durable), coarser(merged(written)), coming, read, self.again)

    def _became_safe(self, piece: Piece) -> None:
        self._marked.discard(piece)
        count = piece.stop - piece.start
        self._safe(self._count_durable(count), count)

    def _count_durable(self, change: int) -> int:
        with self._counting:
            self._durable += change
            return self._durable
