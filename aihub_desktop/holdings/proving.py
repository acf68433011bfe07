"""From a find to bytes that were read and prove something: where they lie, or in a copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aihub_desktop.archives.volumes import CHUNK, Extent, UnreadableError, Volumes
from aihub_desktop.archives.ziparchive import verify, volume_count
from aihub_desktop.disk.files import disk_error, disk_problem, in_the_way, plain_file
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.adoption import Fate, Origin, State
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, WorkFile
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.holdings import misjoin_gzip
from aihub_desktop.holdings.copying import Copy, Steps
from aihub_desktop.holdings.evidence import Evidence, Reader
from aihub_desktop.holdings.fates import Ready, RefusedError, Ways, is_of_all
from aihub_desktop.holdings.finds import Find, Survey
from aihub_desktop.holdings.zipseams import Fit, fit
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Ledger


class Proving:
    """Reads finds of one survey. Methods raise `RefusedError` for a file that is not taken, `ProblemError`,
    `UnreadableError`, `StoppedError`.
    """

    def __init__(self, survey: Survey, target: Target, steps: Steps, ways: Ways) -> None:
        self._survey = survey
        self._target = target
        self._steps = steps
        self._ways = ways
        self._misjoined = {
            find.work.id for find in survey.finds if find.in_place and find.work and find.state is State.MISJOINED
        }
        self._hashed: dict[tuple[Extent, ...], str] = {}
        # What a manifest says of files where they were found.
        self._claims = _hashes(survey.folder)
        self._claims_there = self._claims if survey.folder == survey.target else _hashes(survey.target)

    def read(self, work: WorkFile, find: Find, *, alone: bool) -> Ready:
        """`alone`: not together with the other volumes of its set."""
        spot = self._target.spot(work.place)
        reader = Reader(work.place, alone=alone)
        if alone and _is_guess(find) and fit(find.extents) is not Fit.RIGHT:
            raise RefusedError(Fate.DAMAGED)  # without its set no order can be proved, and nothing need be copied
        if not find.in_place:
            self._look_ahead(work, spot)
        if find.in_place and find.state is State.WHOLE:
            return Ready(work, find, spot, spot.final, self._evidence(find, spot.final, reader))
        if find.origin is Origin.PART:
            return self._read_part(work, find, spot, reader)
        if (path := self._movable(find)) is not None:
            return Ready(work, find, spot, path, self._evidence(find, path, reader))
        return self._read_copying(work, find, spot, reader)

    def prove_set(self, unit: Sequence[WorkFile], readies: Sequence[Ready]) -> dict[int, Evidence | None]:
        """What the volumes prove together, by the file's id; None for one that is damaged. Nothing where they turn
        out to be no set. Volumes that were recorded before lie in their places.
        """
        there = {ready.work.id: ready for ready in readies}
        paths = [there[work.id].path if work.id in there else self._target.spot(work.place).final for work in unit]
        try:
            if volume_count(paths[-1]) != len(paths):
                return {}
            verdict = verify(paths, self._steps.progress, self._steps.stopped)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            return {unit[-1].id: None}  # the directory is in the last volume
        if verdict.volumes:
            return {unit[number].id: None for number in verdict.volumes}
        return {
            id_: ready.evidence._replace(proof=verdict.proof, note=verdict.note, knows_end=True)
            for id_, ready in there.items()
        }

    def judge(self, ready: Ready, evidence: Evidence, others: Sequence[Find]) -> None:
        """Refuses what might not be the file. `others`: what else was found for it."""
        find, size = ready.find, ready.work.file.size
        if _is_guess(find) and evidence.proof is not Proof.ARCHIVE:
            raise RefusedError(Fate.DAMAGED)
        claim = (self._claims_there if find.in_place else self._claims).get(_nfc(_path_of(ready)))
        if claim is not None and find.origin is Origin.FILE and find.state is State.WHOLE:
            if claim != evidence.sha256:
                raise RefusedError(Fate.CHANGED)
            return
        if not (evidence.knows_end or find.knows_end or (size.low == size.high and not size.is_unknown)):
            raise RefusedError(Fate.UNPROVED)
        if not evidence.knows_end and not find.in_place and self._differ(find, evidence, others):
            raise RefusedError(Fate.UNCLEAR)

    def may_clear(self, work: WorkFile) -> bool:
        """What has the final name is a mis-merged copy, or we were told to set aside whatever is there."""
        return self._ways.set_aside or work.id in self._misjoined

    def put_right(self, find: Find, evidence: Evidence | None) -> Find | None:
        """What is called a gzip and is none as it lies, in the order in which it is one; None where there is none. Of
        other kinds the survey could tell. `evidence`: none of what is damaged.
        """
        path = find.single
        if path is None or find.state is not State.WHOLE or not path.name.casefold().endswith((".gz", ".tgz")):
            return None
        if evidence is not None and (evidence.proof is not Proof.LENGTH or misjoin_gzip.begins_right(path)):
            return None
        order = misjoin_gzip.right_order(path, find.size, (), self._steps.stopped, self._steps.progress)
        self._steps.go_on()
        if order is None:
            return None
        if find.in_place and find.work is not None:
            self._misjoined.add(find.work.id)
        return replace(find, state=State.MISJOINED, extents=order)

    def _look_ahead(self, work: WorkFile, spot: Spot) -> None:
        """Refuses before anything is read what could not get its name in the end."""
        if self._target.check_parents(spot) and plain_file(spot.final) is not None and not self.may_clear(work):
            raise RefusedError.of(in_the_way(spot.final, "exists"))

    def _movable(self, find: Find) -> Path | None:
        path = find.single
        if not self._ways.move or path is None or find.state is not State.WHOLE:
            return None
        try:
            return path if os.lstat(path).st_dev == os.stat(self._target.folder).st_dev else None
        except OSError as error:
            raise UnreadableError.of(disk_problem(error, path)) from error

    def _evidence(self, find: Find, path: Path, reader: Reader) -> Evidence:
        """Of bytes that stay where they are. What changes meanwhile is somebody else's work."""
        before = _states(find)
        with Volumes([find.extents]) as data:
            for _, part in data.blocks(0, data.size, memoryview(bytearray(CHUNK))):
                self._steps.go_on()
                reader.feed(part)
                self._steps.progress(len(part))
        evidence = reader.finish(path, self._steps.progress, self._steps.stopped)
        if not _stands(find, before):
            raise RefusedError(Fate.CHANGED)
        return evidence

    def _read_part(self, work: WorkFile, find: Find, spot: Spot, reader: Reader) -> Ready:
        try:
            guard = Guard(spot.part)
        except OSError as error:
            raise disk_error(error, spot.part) from error
        try:
            evidence = self._evidence(find, spot.part, reader)
            journal = read_journal(spot.journal)
            if journal is not None and journal.whole is not None and journal.whole.sha256 != evidence.sha256:
                raise RefusedError(Fate.CHANGED)
        except BaseException:
            guard.release()
            raise
        return Ready(work, find, spot, spot.part, evidence, guard=guard)

    def _read_copying(self, work: WorkFile, find: Find, spot: Spot, reader: Reader) -> Ready:
        before = _states(find)
        self._want_room(find, spot)
        copy = Copy(self._target, work, spot, self._steps)
        try:
            copy.fill(find.extents, reader)
            if not _stands(find, before):
                raise ProblemError(Code.CHANGED, path=find.path)
            evidence = self._finish_copy(reader, spot)
        except ProblemError as error:
            # A full disk keeps what is there for the next time; what is no good is not kept.
            is_kept = is_of_all(error) or not (copy.is_new or error.problem.code is Code.BAD_ARCHIVE)
            (copy.close if is_kept else copy.discard)()
            raise
        except BaseException:
            copy.close()
            raise
        return Ready(work, find, spot, spot.part, evidence, copy)

    def _finish_copy(self, reader: Reader, spot: Spot) -> Evidence:
        try:
            return reader.finish(spot.part, self._steps.progress, self._steps.stopped)
        except UnreadableError as error:  # our own, on the disk that is written to
            raise ProblemError.of(error.problem) from error

    def _want_room(self, find: Find, spot: Spot) -> None:
        """Told before hours of writing; DISK_FULL would stop all the others too."""
        there = plain_file(spot.part)
        try:
            free = shutil.disk_usage(self._target.folder).free
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        if free + (there.st_size if there else 0) < find.size:
            raise RefusedError(Fate.NO_ROOM)

    def _differ(self, find: Find, evidence: Evidence, others: Sequence[Find]) -> bool:
        """Two files of the same name that are not the same, and nothing that tells which is right."""
        return any(
            other.size != evidence.size or self._sha256(other) != evidence.sha256
            for other in others
            if other is not find and (other.origin is Origin.FILE or other.knows_end)
        )

    def _sha256(self, find: Find) -> str:
        """Read once: of a hundred copies each is held against all others."""
        if find.extents in self._hashed:
            return self._hashed[find.extents]
        digest = hashlib.sha256()
        with Volumes([find.extents]) as data:
            for _, part in data.blocks(0, data.size, memoryview(bytearray(CHUNK))):
                self._steps.go_on()
                digest.update(part)
        self._hashed[find.extents] = digest.hexdigest()
        return self._hashed[find.extents]


def _is_guess(find: Find) -> bool:
    """Whether the order of its pieces is known as far as headers tell: of those of a zip that have none only the CRCs
    say where they belong.
    """
    return find.state is State.MISJOINED and find.work is not None and volume_of(find.work.place) is not None


def _hashes(folder: Path) -> dict[str, str]:
    return {place: entry.sha256 for place, entry in Ledger(folder).entries().items()} if folder.is_dir() else {}


def _path_of(ready: Ready) -> str:
    return ready.work.place if ready.find.in_place else ready.find.path


def _nfc(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _states(find: Find) -> list[tuple[int, int, int]]:
    """Of the files that it lies in: whoever writes to them meanwhile changes one of these. Raises `RefusedError` where
    that was so since the survey.
    """
    paths = dict.fromkeys(extent.path for extent in find.extents)
    states = [_state(path) for path in paths]
    if find.origin is Origin.TAR:
        return []  # a browser may still be adding to it, behind what is read here
    if find.origin is not Origin.PIECES and sum(size for size, _, _ in states) != find.size:
        raise RefusedError(Fate.CHANGED)
    return states


def _stands(find: Find, before: list[tuple[int, int, int]]) -> bool:
    try:
        return _states(find) == before
    except RefusedError:
        return False


def _state(path: Path) -> tuple[int, int, int]:
    try:
        state = os.lstat(path)
    except OSError as error:
        raise UnreadableError.of(disk_problem(error, path)) from error
    if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for, a link be followed
        raise RefusedError(Fate.CHANGED)
    return state.st_size, state.st_mtime_ns, state.st_ino
