"""One file of a lease that comes in ranges: how far it is, who has it, and what follows from what went wrong."""

from __future__ import annotations

import threading
from enum import Enum, auto
from typing import Final

from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.leases import Charted, WorkFile
from aihub_desktop.domain.model import Checksum, PieceHashes, RemoteFile
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.coverage import coarser
from aihub_desktop.transport.digests import Digests
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.sink import Sink
from aihub_desktop.transport.spans import Spans

# These end one file and let the others go on; of the rest the disk's end the lease.
_OF_ONE_FILE: Final = frozenset(
    {Code.IN_THE_WAY, Code.IN_USE, Code.FILE_TOO_LARGE, Code.NOT_WRITABLE, Code.UNSAFE_NAME, Code.NAME_CLASH}
)
OF_THE_DISK: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.TARGET_MISSING, Code.DRIVE_MISSING})
_BUSY: Final = frozenset({Code.SERVER_BUSY, Code.HUB_BUSY})
_TRIES: Final = 3  # of each address in a row, without a byte
_WORTH: Final = 1 << 20  # bytes between two failures: with fewer an address is as good as one that gives nothing
_PAUSE: Final = 0.25  # seconds before the next try, doubled each time
_LONGEST_PAUSE: Final = 4.0


class Phase(Enum):
    WAITING = auto()  # for a hand
    OPENING = auto()  # one hand looks at it, and has it for itself
    RANGED = auto()  # any number of hands
    WRITING = auto()  # small, and whole in memory
    OVER = auto()


class Sequel(Enum):
    """What follows from a problem."""

    STOP = auto()  # nothing of the lease can go on
    WAIT = auto()  # the place wants to be left in peace
    AGAIN = auto()
    FAIL = auto()  # this file


class Job:
    """One file of the lease. Its fields change under the desk's lock, or while one hand has it for itself."""

    def __init__(self, work: WorkFile) -> None:
        self.work = work
        self.phase = Phase.WAITING
        self.spot: Spot | None = None
        self.part: Part | None = None
        self.canvas: Canvas | None = None
        self.spans: Spans | None = None
        self.sink: Sink | None = None
        self.heard: tuple[Checksum, ...] = ()
        self.scribe: threading.Thread | None = None
        self.problem: Problem | None = None
        self.streams_only = False  # the place knows no ranges of it
        self.hands = 0  # that have a piece of it, and the thread that reads behind them
        self.restarts = False  # once they have let go of it, it is begun anew
        self.mirror = 0  # counted on; of its addresses it is the one that this leads to, counted round
        self.refusals = 0
        self.not_before = 0.0  # steady clock
        self.again = 0
        self.furthest = 0  # bytes of it that a stream has brought, the longest one
        self.source: int | None = None  # which of its addresses all that is there is of
        self._choice = threading.Lock()
        self._tries = 0
        self._fruitless = self._failed_at = 0  # failures in a row, and the bytes that were there at the last one
        self._barred: set[int] = set()  # addresses that need not be asked again

    @property
    def file(self) -> RemoteFile:
        return self.work.file

    @property
    def is_ending(self) -> bool:
        """Nobody takes a piece of it any more."""
        return self.problem is not None or self.restarts

    @property
    def mirrors(self) -> int:
        return max(1, len(self.file.origin.addresses)) if self.file.origin else 1

    @property
    def told(self) -> tuple[Checksum, ...]:
        return self.file.origin.checksums if self.file.origin else ()

    @property
    def pieces(self) -> PieceHashes | None:
        return self.file.origin.pieces if self.file.origin else None

    @property
    def reached(self) -> int:
        if self.canvas is not None:
            return self.canvas.reached
        return self.sink.reached if self.sink is not None else 0

    def validator(self, mirror: int) -> str:
        """What the content must have; of another address than the first nothing is known."""
        if mirror % self.mirrors:
            return ""
        if self.canvas is not None and self.canvas.etag:
            return self.canvas.etag
        return self.file.origin.etag if self.file.origin else ""

    def digests(self, size: int) -> Digests:
        return Digests.of(self.told, self.heard, size, self.file.origin.part_bytes if self.file.origin else 0)

    def takes(self, mirror: int) -> bool:
        """Whether bytes of this address may stand beside those that are there. Where nothing would prove the whole,
        they are all of one address, that of the first who asks. From any thread.
        """
        with self._choice:
            if self.source is None:
                self.source = mirror % self.mirrors
        return self.source == mirror % self.mirrors or self._is_proved

    @property
    def _is_proved(self) -> bool:
        """Something tells at its end whether it is what it should be, wherever it came from."""
        return bool(self.told or self.heard or self.pieces)

    def chart(self, lease: int) -> Charted | None:
        """Where its bytes are; None while nobody has begun. From any thread."""
        sink, canvas, spans = self.sink, self.canvas, self.spans
        size = spans.size if spans is not None else None
        size = self.file.size.high if size is None else size
        if sink is not None:
            return sink.chart(lease, self.work.id, size, is_coming=sink.seen)
        if canvas is None:
            return None
        durable, written, read = canvas.chart()
        coming = spans.under_way() if spans is not None else []
        return Charted(lease, self.work.id, size, coarser(durable), coarser(written), coming, read, self.again)

    def end_claims(self) -> None:
        """Nothing more of it is wanted for now, and nobody waits for it."""
        if self.spans is not None:
            self.spans.cut_off()
        if self.canvas is not None:
            self.canvas.wake()

    def let_go(self) -> None:
        if self.part is not None:
            self.part.let_go()

    # ---- what went wrong ----

    def moved(self) -> None:
        """Bytes came: whatever was tried before does not count."""
        self._tries = self.refusals = 0

    def sequel(self, problem: Problem, mirror: int, now: float) -> Sequel:
        """A hand met this problem with the address that `mirror` led to."""
        if problem.code in OF_THE_DISK:
            return Sequel.STOP
        if problem.code in _BUSY:
            return Sequel.WAIT
        if problem.code in _OF_ONE_FILE | DROPPING or problem.fault is Fault.BUG:
            return Sequel.FAIL
        if problem.fault is not Fault.TRANSIENT:
            return Sequel.AGAIN if self.bars(mirror) else Sequel.FAIL
        return self._tried(mirror, now)

    def bars(self, mirror: int) -> bool:
        """This address is of no use: whether there is another one."""
        self._barred.add(mirror % self.mirrors)
        if len(self._barred) == self.mirrors:
            return False
        self.turn(mirror)
        return True

    def unbar(self) -> None:
        """All addresses may be asked again, for something else."""
        self._barred.clear()

    def turn(self, mirror: int) -> None:
        """To the next address, unless another hand has turned from this one already."""
        if (self.mirror - mirror) % self.mirrors:
            return
        self.mirror += 1
        while self.mirror % self.mirrors in self._barred and len(self._barred) < self.mirrors:
            self.mirror += 1

    def _tried(self, mirror: int, now: float) -> Sequel:
        if now >= self.not_before:
            # What befalls several hands at the same moment is one failure.
            self._tries += 1
            self._fruitless = self._fruitless + 1 if self.reached - self._failed_at < _WORTH else 1
            self._failed_at = self.reached
            self.not_before = now + min(_LONGEST_PAUSE, _PAUSE * 2**self._tries)
        if self._tries >= _TRIES * self.mirrors:
            return Sequel.FAIL
        # All that is there would have to come again from another one, to be compared.
        if self.source is None or self._is_proved or self._fruitless % _TRIES == 0:
            self.turn(mirror)
        return Sequel.AGAIN
