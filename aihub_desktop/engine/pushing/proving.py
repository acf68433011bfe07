"""What is learnt of files while they pass and lie nowhere: their hash, and whether archives are sound.

Of a zip the directory comes last, so the bytes behind its entries are kept until it can be read; a set's volumes are
one zip, where they come in their order in one answer. What cannot be followed so has its length and its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from aihub_desktop.archives.companion import Companion, Job
from aihub_desktop.archives.passing import look_for
from aihub_desktop.archives.volumes import Extent
from aihub_desktop.archives.ziparchive import passed
from aihub_desktop.archives.zipformat import LONGEST_TAIL
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.transport.reading import Finding

SPLIT: Final = "split"
UNFOLLOWED: Final = "unfollowed"
_MOST_KEPT: Final = 256 << 20  # a directory of two million entries
_TAIL: Final = 2 * LONGEST_TAIL  # whoever looks for the directory looks so far back, whatever lies there
_NOWHERE: Final = Path("passed")  # where the bytes of entries would be

_Hear = Callable[[memoryview], Iterable[Job] | None]


class Trail:
    """A zip in `count` volumes. `begin` by the thread that gives the bytes, `hear` by hands, one after the other."""

    def __init__(self, spool: Path, count: int = 1) -> None:
        self.is_lost = False  # the volumes did not come in their order
        self._count = count
        self._spool = spool
        self._starts: list[int] = []
        self._handed = 0
        self._stream = ZipStream()
        self._heard = 0
        self._base = 0  # what is kept begins there
        self._file: OpenFile | None = None
        self._overflows = False
        self._before = b""  # the last bytes before what is kept
        self._finding: tuple[Proof, str] | Problem | None = None

    def begin(self, volume: int) -> None:
        """Bytes of this volume come from now on, from its first."""
        self.is_lost |= volume != len(self._starts)
        self._starts.append(self._handed)

    def handed(self, count: int) -> None:
        self._handed += count

    def hear(self, view: memoryview) -> list[Job]:
        if self._overflows:
            return []
        portions = self._stream.feed(view)
        if self._stream.is_over:
            self._keep(view)
        else:
            self._before = bytes(view[-_TAIL:]) if len(view) >= _TAIL else (self._before + bytes(view))[-_TAIL:]
        self._heard += len(view)
        return [Job(portion.unpack, portion.entry) for portion in portions]

    def finding(self, stopped: Callable[[], bool]) -> tuple[Proof, str]:
        """Once all was heard. Raises BAD_ARCHIVE for one that is damaged."""
        if self._finding is None:
            self._finding = self._judged(stopped)
        if isinstance(self._finding, Problem):
            raise ProblemError.of(self._finding)
        return self._finding

    def _judged(self, stopped: Callable[[], bool]) -> tuple[Proof, str] | Problem:
        if self.is_lost or self._overflows or self._file is None or len(self._starts) != self._count:
            return Proof.LENGTH, SPLIT if self._count > 1 else UNFOLLOWED
        try:
            verdict = passed(self._volumes(), self._stream.seen, stopped)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            return error.problem
        if verdict is None:
            return Proof.LENGTH, UNFOLLOWED
        if not verdict.is_sound:
            first = verdict.damaged[0]
            return Problem(Code.BAD_ARCHIVE, {"why": f"{first.name}: {first.why}"[:300]})
        return verdict.proof, verdict.note

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            remove(self._spool)

    def _keep(self, view: memoryview) -> None:
        try:
            if self._file is None:
                self._spool.parent.mkdir(parents=True, exist_ok=True)
                self._base, self._file = self._heard - len(self._before), OpenFile(self._spool, create=True)
                self._file.write_at(0, memoryview(self._before))
            if self._heard - self._base + len(view) > _MOST_KEPT:
                self._overflows = True
                self._file.truncate(0)
                return
            self._file.write_at(self._heard - self._base, view)
        except OSError as error:
            raise disk_error(error, self._spool) from error

    def _volumes(self) -> list[list[Extent]]:
        return [self._extents(start, stop) for start, stop in pairwise([*self._starts, self._heard])]

    def _extents(self, start: int, stop: int) -> list[Extent]:
        edge = min(max(start, self._base), stop)
        gone, kept = Extent(_NOWHERE, start, edge - start), Extent(self._spool, edge - self._base, stop - edge)
        return [extent for extent in (gone, kept) if extent.length]


class Proving:
    """One file that passes in order. `trail`: of the archive that it is, or is volume `volume` of."""

    def __init__(self, place: str, companion: Companion, trail: Trail | None, volume: int = 0) -> None:
        self.size = 0
        self._place = place
        self._companion = companion
        self._trail = trail
        self._volume = volume
        self._sha256 = hashlib.sha256()
        self._look = look_for(place)
        self._hearers: list[_Hear] = [self._sha256.update]
        if self._look is not None:
            self._hearers.append(self._look.feed)
        if trail is not None:
            self._hearers.append(trail.hear)

    def take(self, view: memoryview) -> None:
        """The next bytes; they may be looked at until the companion's `turn` says otherwise."""
        if self._trail is not None:
            if not self.size:
                self._trail.begin(self._volume)
            self._trail.handed(len(view))
        self.size += len(view)
        for hear in self._hearers:
            self._companion.begin(Job(partial(hear, view), hear))

    def lose(self) -> None:
        """It comes no further: the archive that it is a volume of cannot be followed any more."""
        if self._trail is not None:
            self._trail.is_lost = True

    def finding(self, stopped: Callable[[], bool]) -> Finding:
        """Once all was taken. Raises BAD_ARCHIVE, with the fact "sha256", for what is damaged."""
        self._companion.join()
        sha256 = self._sha256.hexdigest()
        try:
            proof, note = self._proof(stopped)
        except ProblemError as error:
            raise ProblemError(error.problem.code, **{**error.problem.facts, "sha256": sha256}) from None
        return Finding(self.size, sha256, proof, note)

    def _proof(self, stopped: Callable[[], bool]) -> tuple[Proof, str]:
        if self._trail is not None:
            return self._trail.finding(stopped)
        if self._look is not None:
            told = self._look.verdict()
            if told.damage:
                raise ProblemError(Code.BAD_ARCHIVE, why=told.damage)
            return told.proof, told.note
        return Proof.LENGTH, SPLIT if volume_of(self._place) else ""
