"""One file of a lease that comes in ranges: how far it is, and who has it."""

from __future__ import annotations

import threading
from enum import Enum, auto

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import Checksum, PieceHashes, RemoteFile
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.digests import Digests
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.sink import Sink
from aihub_desktop.transport.spans import Spans
from aihub_desktop.transport.target import Spot


class Phase(Enum):
    WAITING = auto()  # for a hand
    OPENING = auto()  # one hand looks at it, and has it for itself
    RANGED = auto()  # any number of hands
    WRITING = auto()  # small, and whole in memory
    OVER = auto()


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
        self.mirror = 0
        self.tries = 0
        self.refusals = 0
        self.not_before = 0.0  # steady clock
        self.again = 0

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
    def validator(self) -> str:
        """What the content must have; of another address than the first nothing is known."""
        if self.mirror % self.mirrors:
            return ""
        if self.canvas is not None and self.canvas.validator is not None:
            return self.canvas.validator.etag
        return self.file.origin.etag if self.file.origin else ""

    @property
    def reached(self) -> int:
        if self.canvas is not None:
            return self.canvas.reached
        return self.sink.reached if self.sink is not None else 0

    def digests(self, size: int) -> Digests:
        return Digests.of(self.told, self.heard, size, self.file.origin.part_bytes if self.file.origin else 0)
