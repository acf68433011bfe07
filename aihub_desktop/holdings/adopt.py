"""Takes over what a survey found: each file is proved, gets its place, and then its line in the ledger.

    in its place        read once, proved, recorded; not touched
    elsewhere           copied into NAME.part, proved, named; with `move` proved where it lies, then renamed
    pieces, tars        joined into NAME.part, proved, named; the originals stay
    mis-merged          its pieces in the right order into NAME.part, proved; the bad file becomes NAME.bad, then named

In this order of writing: bytes, journal, proof, the journal's last line, final name, ledger, journal gone. Ended
anywhere, the same call again goes on. Nothing that was found is changed or removed but by `move`, `set_aside` and
`drop_broken`; a mis-merged file gets another name.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.archives.ziparchive import StoppedError, verify, volume_count
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Proof, Proved, WorkFile
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.holdings.copying import Copy, Steps
from aihub_desktop.holdings.evidence import Evidence, Reader, described
from aihub_desktop.holdings.finds import BLOCK, Find, Origin, State, Survey, UnreadableError, View
from aihub_desktop.transport.disk import (
    disk_error,
    disk_problem,
    in_the_way,
    make_folders,
    plain_file,
    remove,
    sync_folder,
)
from aihub_desktop.transport.guard import Guard
from aihub_desktop.transport.journal import Identity, discard, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.publish import is_half_published, publish, rename_new
from aihub_desktop.transport.reconcile import forget_journal
from aihub_desktop.transport.target import Spot, Target

NOTE: Final = "adopted"
BAD: Final = ".bad"
# Entries are made durable together: a sync for each of 100,000 small files would be what takes the time.
_TOGETHER: Final = 256
_TOGETHER_BYTES: Final = 1 << 30
# These concern the whole disk; every other problem is one of a single file.
_OF_ALL: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.TARGET_MISSING})
_log = logging.getLogger(__name__)


class Fate(StrEnum):
    """What became of a file of the tree."""

    ADOPTED = "adopted"
    DAMAGED = "damaged"  # its archive is not sound
    UNPROVED = "unproved"  # neither the bytes nor where they lay tell that they are all
    UNCLEAR = "unclear"  # several different files could be it
    CHANGED = "changed"  # not what a manifest, or a download that was begun, says of it
    BLOCKED = "blocked"  # another file has its name
    NO_ROOM = "no-room"
    FAILED = "failed"  # it could not be read or written; see the problem


class Told(msgspec.Struct, frozen=True):
    """What became of `work`, of which `path` was found. `proof` and `note` of what was adopted."""

    work: WorkFile
    fate: Fate
    path: str
    size: int = 0
    proof: str = ""
    note: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file whose bytes were read: they lie at `path`, not in their place unless the find was."""

    work: WorkFile
    find: Find
    spot: Spot
    path: Path
    evidence: Evidence
    copy: Copy | None = None


class _RefusedError(Exception):
    def __init__(self, fate: Fate, problem: Problem | None = None) -> None:
        super().__init__(fate)
        self.fate = fate
        self.problem = problem


class Adoption:
    """Carries a survey out, in the calling thread. `report` hears of each file; `progress` of bytes that were read."""

    def __init__(
        self,
        survey: Survey,
        report: Callable[[Told], None],
        steps: Steps = Steps(),  # noqa: B008 - frozen
        *,
        move: bool = False,
        set_aside: bool = False,
        drop_broken: bool = False,
    ) -> None:
        """`move`: whole files of another place on the same drive are renamed. `set_aside`: a damaged or foreign file
        that has the name of a right one becomes NAME.bad too. `drop_broken`: a mis-merged file is removed once its
        right copy has its name.
        """
        self._survey = survey
        self._report = report
        self._steps = steps
        self._move, self._set_aside, self._drop_broken = move, set_aside, drop_broken
        self._target = Target(survey.target)
        self._ledger = Ledger(survey.target)
        self._claims: dict[str, Entry] = {}  # what a manifest says of files where they were found
        self._finds = survey.by_work()
        self._pending: list[tuple[Entry, Told]] = []
        self._guards: list[Guard] = []

    def run(self) -> None:
        """Raises `ProblemError` for what concerns the whole disk, `StoppedError`; what was adopted until then stays."""
        try:
            make_folders(self._target.folder)
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        self._claims = Ledger(self._survey.folder).entries()
        try:
            for unit in self._units():
                self._steps.go_on()
                self._adopt(unit)
        finally:
            self._flush()

    def _units(self) -> Iterator[tuple[WorkFile, ...]]:
        """Files that are proved together: the volumes of a set that is all here, else each by itself."""
        works = {work.id: work for work in self._survey.works}
        here = self._survey.recorded() | set(self._finds)
        sets = whole_sets((id_, work.place) for id_, work in works.items())
        seen: set[int] = set()
        for id_, work in works.items():
            unit = sets.get(id_, (id_,))
            together = len(unit) > 1 and all(one in here for one in unit)
            if id_ not in seen and id_ in self._finds:
                seen.update(unit if together else (id_,))
                yield tuple(works[one] for one in unit) if together else (work,)

    def _adopt(self, unit: Sequence[WorkFile]) -> None:
        """One file, or all volumes of a set; what is recorded of them already is read along with the others."""
        if len(unit) > 1:
            self._adopt_set(unit)
            return
        work, refused = unit[0], None
        for find in self._finds[work.id]:
            refused = self._tried(work, find)
            if refused is None:
                return
        assert refused is not None
        self._report(refused)

    def _tried(self, work: WorkFile, find: Find) -> Told | None:
        """None if it was adopted, else why not."""
        ready: _Ready | None = None
        try:
            ready = self._read(work, find, alone=True)
            self._name(ready, ready.evidence)
        except _RefusedError as error:
            return self._given_up(ready, Told(work, error.fate, find.path, problem=error.problem))
        except ProblemError as error:
            if error.problem.code in _OF_ALL and not isinstance(error, UnreadableError):
                self._let_go(ready)
                raise
            return self._given_up(ready, Told(work, _fate(error), find.path, problem=error.problem))
        except BaseException:
            self._let_go(ready)
            raise
        self._let_go(ready)
        return None

    def _adopt_set(self, unit: Sequence[WorkFile]) -> None:
        """Of each volume the best find only: a set has too many combinations of the others."""
        readies: list[_Ready] = []
        try:
            failed = self._read_set(unit, readies)
            verdicts = {} if failed else self._prove_set(unit, readies)
            for ready in readies:
                evidence = verdicts.get(ready.work.id, ready.evidence)
                if (told := self._named(ready, evidence)) is not None:
                    failed.append(told)
            for told in failed:
                self._report(told)
        finally:
            for ready in readies:
                self._let_go(ready)

    def _read_set(self, unit: Sequence[WorkFile], readies: list[_Ready]) -> list[Told]:
        failed: list[Told] = []
        for work in unit:
            if work.id not in self._finds:
                continue  # recorded
            find = self._finds[work.id][0]
            try:
                readies.append(self._read(work, find, alone=False))
            except _RefusedError as error:
                failed.append(Told(work, error.fate, find.path, problem=error.problem))
            except ProblemError as error:
                if error.problem.code in _OF_ALL and not isinstance(error, UnreadableError):
                    raise
                failed.append(Told(work, _fate(error), find.path, problem=error.problem))
        return failed

    def _prove_set(self, unit: Sequence[WorkFile], readies: Sequence[_Ready]) -> dict[int, Evidence | None]:
        """What the volumes prove together; None for one that is damaged."""
        places = {ready.work.id: ready.path for ready in readies}
        paths = [places.get(work.id) or self._target.spot(work.place).final for work in unit]
        byid = {ready.work.id: ready.evidence for ready in readies}
        last = unit[-1].id
        try:
            if volume_count(paths[-1]) != len(paths):
                return {}
            verdict = verify(paths, self._steps.progress, self._steps.stopped)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            return {last: None}
        bad = {unit[number].id for number in verdict.volumes}
        if bad:
            _log.warning("set %s: %s", unit[-1].place, described(verdict))
            return dict.fromkeys(bad)
        return {id_: one._replace(proof=verdict.proof, note=verdict.note, knows_end=True) for id_, one in byid.items()}

    def _named(self, ready: _Ready, evidence: Evidence | None) -> Told | None:
        try:
            if evidence is None:
                raise _RefusedError(Fate.DAMAGED)
            self._name(ready, evidence)
        except _RefusedError as error:
            return self._given_up(ready, Told(ready.work, error.fate, ready.find.path, problem=error.problem))
        except ProblemError as error:
            if error.problem.code in _OF_ALL:
                raise
            return self._given_up(ready, Told(ready.work, _fate(error), ready.find.path, problem=error.problem))
        return None

    # From a find to bytes that were read.

    def _read(self, work: WorkFile, find: Find, *, alone: bool) -> _Ready:
        spot = self._target.spot(work.place)
        if not find.in_place:
            self._look_ahead(work, spot)
        if find.in_place and find.state is State.WHOLE:
            return self._read_there(work, find, spot, spot.final, alone)
        if find.origin is Origin.PART:
            return self._read_part(work, find, spot, alone)
        if self._may_move(find):
            assert find.single is not None
            return self._read_there(work, find, spot, find.single, alone)
        return self._read_copying(work, find, spot, alone)

    def _may_move(self, find: Find) -> bool:
        path = find.single
        if not self._move or path is None or find.state is not State.WHOLE:
            return False
        try:
            return os.lstat(path).st_dev == os.stat(self._target.folder).st_dev
        except OSError as error:
            raise UnreadableError.of(disk_problem(error, path)) from error

    def _read_there(self, work: WorkFile, find: Find, spot: Spot, path: Path, alone: bool) -> _Ready:
        reader = Reader(work.place, alone=alone)
        with View(find.extents) as view:
            for _, part in view.blocks(0, view.size, memoryview(bytearray(BLOCK))):
                self._steps.go_on()
                reader.feed(part)
                self._steps.progress(len(part))
        return _Ready(work, find, spot, path, reader.finish(path, self._steps.progress, self._steps.stopped))

    def _read_part(self, work: WorkFile, find: Find, spot: Spot, alone: bool) -> _Ready:
        try:
            self._guards.append(Guard(spot.part))
        except OSError as error:
            raise disk_error(error, spot.part) from error
        ready = self._read_there(work, find, spot, spot.part, alone)
        journal = read_journal(spot.journal)
        if journal is not None and journal.whole is not None and journal.whole.sha256 != ready.evidence.sha256:
            raise _RefusedError(Fate.CHANGED)
        return ready

    def _read_copying(self, work: WorkFile, find: Find, spot: Spot, alone: bool) -> _Ready:
        self._want_room(find, spot)
        copy, reader = Copy(self._target, work, spot, self._steps), Reader(work.place, alone=alone)
        try:
            copy.fill(find.extents, reader)
            evidence = reader.finish(spot.part, self._steps.progress, self._steps.stopped)
        except (StoppedError, KeyboardInterrupt):
            copy.close()
            raise
        except ProblemError as error:
            if error.problem.code in _OF_ALL and not isinstance(error, UnreadableError):
                copy.close()
            elif copy.is_new or error.problem.code is Code.BAD_ARCHIVE:
                copy.discard()
            else:
                copy.close()
            raise
        return _Ready(work, find, spot, spot.part, evidence, copy)

    def _want_room(self, find: Find, spot: Spot) -> None:
        """Told before hours of writing; `DISK_FULL` would stop all the others too."""
        there = plain_file(spot.part)
        try:
            free = shutil.disk_usage(self._target.folder).free + (there.st_size if there else 0)
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        if free < find.size:
            raise _RefusedError(Fate.NO_ROOM)

    # From bytes that were read to a name and a line in the ledger.

    def _name(self, ready: _Ready, evidence: Evidence) -> None:
        self._judge(ready, evidence)
        if not ready.find.in_place or ready.path != ready.spot.final:
            if ready.copy is not None:
                ready.copy.claim(evidence.size, evidence.sha256)
                ready.copy.close()  # Windows renames nothing that is open
            aside = self._clear(ready)
            if ready.path != ready.spot.part:
                self._target.make_parents(ready.spot)
            moved = Spot(ready.spot.place, ready.spot.final, ready.path, ready.spot.journal)
            publish(moved, replace=False)
            if aside is not None and self._drop_broken and ready.find.state is State.MISJOINED:
                with contextlib.suppress(OSError):
                    remove(aside)
        self._keep(ready, evidence)

    def _judge(self, ready: _Ready, evidence: Evidence) -> None:
        """Refuses what might not be the file."""
        work, find = ready.work, ready.find
        claim = self._claims.get(unicodedata.normalize("NFC", find.path))
        if claim is not None and find.origin is Origin.FILE and find.state is State.WHOLE:
            if claim.sha256 != evidence.sha256:
                raise _RefusedError(Fate.CHANGED)
            return
        size = work.file.size
        is_sure = evidence.knows_end or evidence.proof in (Proof.ARCHIVE, Proof.STRUCTURE)
        if not (is_sure or find.knows_end or (size.low == size.high and not size.is_unknown)):
            raise _RefusedError(Fate.UNPROVED)
        if not is_sure and not find.in_place and self._others_differ(work, find, evidence):
            raise _RefusedError(Fate.UNCLEAR)

    def _others_differ(self, work: WorkFile, find: Find, evidence: Evidence) -> bool:
        """Two files of the same name that are not the same, and nothing that tells which is right."""
        for other in self._finds[work.id]:
            if other is find or (other.origin is not Origin.FILE and not other.knows_end):
                continue
            if other.size != evidence.size or self._sha256(other) != evidence.sha256:
                return True
        return False

    def _sha256(self, find: Find) -> str:
        digest = hashlib.sha256()
        with View(find.extents) as view:
            for _, part in view.blocks(0, view.size, memoryview(bytearray(BLOCK))):
                self._steps.go_on()
                digest.update(part)
        return digest.hexdigest()

    def _look_ahead(self, work: WorkFile, spot: Spot) -> None:
        """Refuses before anything is read what could not get its name in the end."""
        if self._target.check_parents(spot) and plain_file(spot.final) is not None and not self._may_clear(work):
            raise _RefusedError(Fate.BLOCKED, in_the_way(spot.final, "exists").problem)

    def _may_clear(self, work: WorkFile) -> bool:
        """What has the final name is a mis-merged copy, or we were told to set aside whatever is there."""
        if self._set_aside:
            return True
        there = [find for find in self._survey.finds if find.in_place and find.work == work]
        return any(find.state is State.MISJOINED for find in there)

    def _clear(self, ready: _Ready) -> Path | None:
        """The final name is free when this returns: where what had it went."""
        final = ready.spot.final
        if not self._target.check_parents(ready.spot) or plain_file(final) is None:
            return None
        if not self._may_clear(ready.work):
            raise _RefusedError(Fate.BLOCKED, in_the_way(final, "exists").problem)
        number = 1
        while True:
            aside = final.with_name(final.name + BAD + (str(number) if number > 1 else ""))
            try:
                rename_new(Spot(ready.spot.place, aside, final, ready.spot.journal))
                sync_folder(final.parent)
            except FileExistsError:
                number += 1
                continue
            except OSError as error:
                raise disk_error(error, final) from error
            return aside

    def _keep(self, ready: _Ready, evidence: Evidence) -> None:
        note = f"{NOTE} {evidence.note}".strip()
        proved = Proved(0, ready.work.id, evidence.size, evidence.sha256, evidence.proof, note)
        told = Told(ready.work, Fate.ADOPTED, ready.find.path, evidence.size, evidence.proof.value, evidence.note)
        self._pending.append((Entry.of(ready.work, proved), told))
        total = sum(one.size for _, one in self._pending)
        if len(self._pending) >= _TOGETHER or total >= _TOGETHER_BYTES:
            self._flush()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        self._ledger.record([entry for entry, _ in pending])
        for entry, told in pending:
            with contextlib.suppress(ProblemError, OSError):
                self._drop_part(told.work)
            forget_journal(self._target, entry.place)
            self._report(told)

    def _drop_part(self, work: WorkFile) -> None:
        """A download of the same file that was begun, and is not needed any more."""
        spot = self._target.spot(work.place)
        journal = read_journal(spot.journal)
        if journal is None or journal.identity != Identity.of(work) or is_half_published(spot):
            return
        guard = Guard(spot.part)
        try:
            discard(spot)
        finally:
            guard.release()

    # Letting go.

    def _given_up(self, ready: _Ready | None, told: Told) -> Told:
        """What was copied and is not wanted goes; what was found stays."""
        if ready is not None and ready.copy is not None:
            ready.copy.discard()
        self._let_go(ready)
        return told

    def _let_go(self, ready: _Ready | None) -> None:
        if ready is not None and ready.copy is not None:
            ready.copy.close()
        while self._guards:
            self._guards.pop().release()


def _fate(error: ProblemError) -> Fate:
    match error.problem.code:
        case Code.BAD_ARCHIVE:
            return Fate.DAMAGED
        case Code.CHANGED:
            return Fate.CHANGED
        case Code.IN_THE_WAY:
            return Fate.BLOCKED
        case Code.NO_ROOM | Code.DISK_FULL:
            return Fate.NO_ROOM
    return Fate.FAILED
