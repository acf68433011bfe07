"""Proof of whole files, then their final names.

A zip is read through, its directory and the CRC of every entry, unless that was done while it came. The volumes of a
split set are one archive and are proved together. Of other files nothing more can be known than that every byte came
and is still as it came.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from aihub_desktop.archives.passing import look_for
from aihub_desktop.archives.ziparchive import StoppedError, ZipVerdict, verify, volume_count
from aihub_desktop.disk.files import disk_error, modified_at, plain_file
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.publish import finish, is_half_published, publish
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Check, Checked, Ended, Failed, Proof, Proved, WorkFile
from aihub_desktop.domain.sets import volume_of, whole_sets
from aihub_desktop.transport.claims import read_claims
from aihub_desktop.transport.journal import Identity, WholeLine, discard, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import may_replace

REPORT_SECONDS: Final = 0.2
_BLOCK: Final = 1 << 20
# These concern the whole disk; every other problem is one of a single file.
_OF_THE_LEASE: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.TARGET_MISSING})
_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Whole:
    """A file every byte of which is there: at `path`, the final name already if `is_published`."""

    work: WorkFile
    spot: Spot
    line: WholeLine
    is_published: bool

    @property
    def path(self) -> Path:
        return self.spot.final if self.is_published else self.spot.part


class Checking:
    """Carries one `Check` out. `report` may be called by several threads, never by two at once; `Ended` comes last.

    Volumes of a damaged set that are sound themselves get no news: they stay whole until the set is whole again.
    """

    def __init__(self, order: Check, report: Callable[[AnyNews], None]) -> None:
        self._order = order
        self._report = report
        self._dropped = threading.Event()
        self._target = Target(order.folder)
        self._ledger: dict[str, Entry] | None = None  # read when a name is taken, which is rare
        self._guards: dict[int, Guard] = {}
        self._bytes = 0
        self._reported_at = 0.0

    def run(self) -> None:
        """Never raises: whatever happens is told."""
        problem = None
        try:
            for unit in self._units():
                self._check_unit(unit)
        except StoppedError:
            pass
        except ProblemError as error:
            problem = error.problem
        except Exception as error:
            _log.exception("checking")
            problem = Problem(Code.BUG, {"why": type(error).__name__})
        self._report(Ended(self._order.lease, problem))

    def drop(self) -> None:
        """Ends the check soon. From any thread, any number of times."""
        self._dropped.set()

    def _units(self) -> list[tuple[WorkFile, ...]]:
        works = {work.id: work for work in self._order.files}
        sets = whole_sets((work.id, work.place) for work in self._order.files)
        units = dict.fromkeys(sets.get(id_, (id_,)) for id_ in works)
        return [tuple(works[id_] for id_ in unit) for unit in units]

    def _check_unit(self, unit: Sequence[WorkFile]) -> None:
        self._stop_if_dropped()
        try:
            found = [self._for_one(work, partial(self._find, work, alone=len(unit) == 1)) for work in unit]
            wholes = [whole for whole in found if whole is not None]
            if len(wholes) == len(unit):
                for volumes in self._archives(wholes):
                    proved = self._prove(volumes)
                    if all(self._for_one(one[0].work, partial(self._is_as_received, *one[:2])) for one in proved):
                        for whole, proof, note in proved:
                            self._for_one(whole.work, partial(self._publish, whole, proof, note))
        finally:
            for work in unit:
                self._let_go(work)

    def _hold(self, work: WorkFile, spot: Spot) -> None:
        try:
            self._guards[work.id] = Guard(spot.part)
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, spot.part) from error

    def _let_go(self, work: WorkFile) -> None:
        if (guard := self._guards.pop(work.id, None)) is not None:
            guard.release()

    def _tell(self, work: WorkFile, news: Proved | Failed) -> None:
        """The outcome of a file, told once it is not in our hands: the next lease may begin at once."""
        self._let_go(work)
        self._report(news)

    def _find(self, work: WorkFile, *, alone: bool) -> _Whole:
        spot = self._target.spot(work.place)
        self._target.check_parents(spot)
        self._hold(work, spot)
        # Of a small file whose batch was not recorded any more, that of the batch speaks.
        journal = read_journal(spot.journal) or read_claims(self._order.folder).get(
            unicodedata.normalize("NFC", work.place)
        )
        part, final = plain_file(spot.part), plain_file(spot.final)
        if journal is None or journal.whole is None or journal.identity != Identity.of(work):
            raise ProblemError(Code.SHORT, why="no journal")
        if final is not None and part is not None and is_half_published(spot):
            finish(spot)
            part = None
        if part is not None and part.st_size == journal.whole.size:
            # Hours of reading are spared; a set is proved all the same, for its other volumes.
            if alone and final is not None and not may_replace(spot, self._entry(work)):
                raise ProblemError(Code.IN_THE_WAY, path=str(spot.final), why="exists")
            return _Whole(work, spot, journal.whole, is_published=False)
        if part is None and final is not None and final.st_size == journal.whole.size:
            return self._published(_Whole(work, spot, journal.whole, is_published=True))
        discard(spot)
        raise ProblemError(Code.SHORT, why="bytes are gone")

    def _published(self, whole: _Whole) -> _Whole:
        """The run before ended between the name and the ledger; unless the file there is another one."""
        if self._sha256(whole.path) != whole.line.sha256:
            raise ProblemError(Code.IN_THE_WAY, path=str(whole.path), why="exists")
        return whole

    def _is_as_received(self, whole: _Whole, proof: Proof) -> bool:
        """Where no checksum of its own was found right, the bytes on disk must still be those that came.

        They may have come days ago, in another run, unless they were proved while they came, in this one.
        Raises SHORT where they are not, and drops them.
        """
        is_known = whole.is_published or whole.work.proof is not None or proof is Proof.ARCHIVE
        if not is_known and self._sha256(whole.path) != whole.line.sha256:
            discard(whole.spot)
            raise ProblemError(Code.SHORT, why="bytes are gone")
        return True

    def _sha256(self, path: Path) -> str:
        sha256 = hashlib.sha256()
        self._read(path, sha256.update)
        return sha256.hexdigest()

    def _read(self, path: Path, hear: Callable[[memoryview], None]) -> None:
        try:
            with path.open("rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    self._stop_if_dropped()
                    hear(memoryview(block))
                    self._progress(len(block))
        except OSError as error:
            raise disk_error(error, path) from error

    def _archives(self, wholes: list[_Whole]) -> list[list[_Whole]]:
        """What can be proved together. Names say little: the last volume knows how many there are."""
        if len(wholes) == 1:
            return [wholes]
        try:
            count = volume_count(wholes[-1].path)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            count = len(wholes)
        if count == len(wholes):
            return [wholes]
        used = count - 1 if count <= len(wholes) else 0
        return [[*wholes[:used], wholes[-1]], *([whole] for whole in wholes[used:-1])]

    def _prove(self, volumes: list[_Whole]) -> list[tuple[_Whole, Proof, str]]:
        """The proof of each volume; none where the archive is damaged, which is told here."""
        last = volumes[-1]
        if len(volumes) == 1 and last.work.proof is not None:
            return [(last, last.work.proof, last.work.note)]
        if not last.work.place.casefold().endswith(".zip"):
            return self._look_at(last)
        try:
            if len(volumes) == 1 and volume_count(last.path) > 1:
                return [(last, Proof.LENGTH, "split")]
            verdict = verify([whole.path for whole in volumes], self._progress, self._dropped.is_set)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            # The directory is in the last volume.
            self._reject(last, str(error.problem.facts["why"]))
            return []
        if verdict.is_sound:
            return [(whole, verdict.proof, verdict.note) for whole in volumes]
        for number in sorted(verdict.volumes):
            self._reject(volumes[number], _described(verdict))
        return []

    def _look_at(self, whole: _Whole) -> list[tuple[_Whole, Proof, str]]:
        """As it would have been looked at while it came."""
        look = look_for(whole.work.place)
        if look is None:
            return [(whole, Proof.LENGTH, "split" if volume_of(whole.work.place) else "")]
        self._read(whole.path, look.feed)
        told = look.verdict()
        if told.damage:
            self._reject(whole, told.damage)
            return []
        return [(whole, told.proof, told.note)]

    def _publish(self, whole: _Whole, proof: Proof, note: str) -> None:
        self._stop_if_dropped()
        if not whole.is_published:
            taken = plain_file(whole.spot.final) is not None
            publish(whole.spot, replace=taken and may_replace(whole.spot, self._entry(whole.work)))
        line = whole.line
        proof_of = (line.size, line.sha256, proof, note)
        modified = modified_at(whole.spot.final)
        self._tell(whole.work, Proved(self._order.lease, whole.work.id, *proof_of, modified=modified))

    def _reject(self, whole: _Whole, why: str) -> None:
        """Nothing of a damaged file is kept, so that it is received anew."""
        discard(whole.spot)
        problem = Problem(Code.BAD_ARCHIVE, {"why": why, "sha256": whole.line.sha256})
        self._tell(whole.work, Failed(self._order.lease, whole.work.id, problem))

    def _for_one(self, work: WorkFile, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except ProblemError as error:
            if error.problem.code in _OF_THE_LEASE:
                raise
            self._tell(work, Failed(self._order.lease, work.id, error.problem))
            return None

    def _entry(self, work: WorkFile) -> Entry | None:
        if self._ledger is None:
            self._ledger = Ledger(self._order.folder).entries()
        return self._ledger.get(unicodedata.normalize("NFC", work.place))

    def _stop_if_dropped(self) -> None:
        if self._dropped.is_set():
            raise StoppedError

    def _progress(self, count: int) -> None:
        self._bytes += count
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            self._report(Checked(self._order.lease, self._bytes))


def _described(verdict: ZipVerdict) -> str:
    """The first damaged entry, and how many more there are."""
    first = verdict.damaged[0]
    more = verdict.damaged_count - 1
    return f"{first.name}: {first.why}" + (f" (+{more})" if more else "")
