"""What the engine itself asks of the disk: space, what lies there already, and the manifest's entries."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aihub_desktop.disk.files import disk_error, disk_problem, make_folders
from aihub_desktop.disk.target import Target
from aihub_desktop.disk.volume import Mark, Volume, allocated, is_unmounted, nearest, real_path, volume_of
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import DiskSpace
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import OWN_FOLDER, PART, UnsafeNameError, must_not_be_a_device, safe_path
from aihub_desktop.engine.deeds import LookAt, NotRecorded, Record, Recorded, Survey, Word
from aihub_desktop.engine.records import FileRecord
from aihub_desktop.engine.volumes import place_problem
from aihub_desktop.transport.claims import drop_claims
from aihub_desktop.transport.ledger import Entry, Ledger, moment
from aihub_desktop.transport.pieces import keep_pieces
from aihub_desktop.transport.reconcile import NOTHING, Standing, StandingKind, forget_journal, look, sweep

_log = logging.getLogger(__name__)


def disk_space(folder: Path, files: list[RemoteFile]) -> tuple[DiskSpace, Volume]:
    """Of the volume that holds `folder`, or would hold it. Raises TARGET_MISSING where there is none."""
    try:
        if (place := nearest(folder)) is None:
            raise ProblemError(Code.TARGET_MISSING, path=str(folder))
        volume, writable = volume_of(place), os.access(place, os.W_OK)
    except OSError as error:
        raise ProblemError(Code.TARGET_MISSING, path=str(folder), why=error.strerror or "") from None
    low, high = _need(folder, files, volume.largest)
    space = DiskSpace(volume.free, volume.total, writable, volume.largest, volume.file_system)
    return msgspec.structs.replace(space, need_low=low, need_high=high), volume


def _need(folder: Path, files: list[RemoteFile], largest: int | None) -> tuple[int, int]:
    """What these files will yet take, were they added: as the queue would reckon it."""
    records = []
    for key, remote in enumerate(files):
        with contextlib.suppress(UnsafeNameError):
            place = str(safe_path(remote.path))
            if largest is None or remote.size.low <= largest:
                records.append(FileRecord(key, 0, remote, place))
    standings = look(folder, [record.work() for record in records]) if folder.is_dir() else {}
    needs = [(0, 0)]
    for record in records:
        standing = standings.get(record.id, NOTHING)
        if standing.kind in (StandingKind.NOTHING, StandingKind.PARTIAL):
            record.bytes, record.allocated = standing.bytes, standing.allocated
            needs.append(record.still())
    return sum(low for low, _ in needs), sum(high for _, high in needs)


def look_at(deed: LookAt) -> tuple[dict[int, Standing], Volume]:
    """What of the files lies below the folder, which is made only if it is new or a person asks for it again.

    Raises DRIVE_MISSING, TARGET_MISSING, NOT_WRITABLE, DISK_FULL …
    """
    must_not_be_a_device(deed.folder)
    folder = Path(deed.folder)
    exists = folder.is_dir()
    standings = look(folder, deed.files) if exists else {}
    there = {standing.kind for standing in standings.values()} - {StandingKind.NOTHING, StandingKind.IN_THE_WAY}
    volume = _found(deed.folder, deed.volume, deed.word, exists, bool(there) or (folder / OWN_FOLDER).is_dir())
    if not exists:
        _make(folder)
        standings, volume = look(folder, deed.files), volume_of(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ProblemError(Code.NOT_WRITABLE, path=str(folder), why=os.strerror(errno.EACCES))
    sweep(folder, [file for file in deed.files if standings[file.id].kind is StandingKind.DONE])
    return standings, volume


def survey(deed: Survey) -> tuple[Volume, dict[int, int]]:
    """The folder's volume, and what the parts take up on it. Raises as `look_at` does; makes nothing."""
    must_not_be_a_device(deed.folder)
    folder = Path(deed.folder)
    exists = folder.is_dir()
    ours = any(os.path.lexists(folder / trace) for trace in deed.traces)
    volume = _found(deed.folder, deed.volume, Word.NONE, exists, ours)
    if deed.probe:
        _probe(folder)
    sizes: dict[int, int] = {}
    for key, place in deed.parts.items():
        with contextlib.suppress(OSError):
            sizes[key] = allocated(os.lstat(folder / (place + PART)))
    return volume, sizes


def _found(path: str, known: str, word: Word, exists: bool, ours: bool) -> Volume:
    """The volume that the folder is on or, being missing, would be made on. Raises `ProblemError`."""
    folder, mark = Path(path), Mark.of(known)
    try:
        if (above := nearest(folder)) is None:
            raise ProblemError(Code.DRIVE_MISSING, path=path)
        volume = volume_of(above)
    except OSError as error:
        raise disk_error(error, folder) from error
    code = place_problem(real_path(folder), mark, volume.mark, exists=exists, ours=ours, word=word)
    if mark is None and not exists and word is not Word.ACCEPTED and is_unmounted(folder, above):
        code = Code.DRIVE_MISSING
    if code is not None:
        raise ProblemError(code, path=path)
    return volume


def _make(folder: Path) -> None:
    try:
        make_folders(folder)
    except OSError as error:
        code = Code.DISK_FULL if disk_problem(error).code is Code.DISK_FULL else Code.NOT_WRITABLE
        raise ProblemError(code, path=str(folder), why=error.strerror or "") from None


def _probe(folder: Path) -> None:
    """Writes a byte that leaves nothing behind. Raises `ProblemError`."""
    try:
        with tempfile.TemporaryFile(dir=nearest(folder)) as probe:
            probe.write(b"\0")
            probe.flush()
    except OSError as error:
        raise disk_error(error, folder) from error


class Clerk:
    """The one who writes manifests. Keeps those open that it wrote to, for reading one anew costs its whole length."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}
        self._batches: Counter[tuple[str, str]] = Counter()  # how many files of each are in the ledger

    def record(self, records: list[Record]) -> Iterator[Recorded | NotRecorded]:
        """Enters proved files into the manifests of their folders, then forgets their journals."""
        folders: dict[str, list[Record]] = defaultdict(list)
        for one in records:
            folders[one.folder].append(one)
        for folder, ones in folders.items():
            try:
                target = Target(folder)
                target.find(ones[0].device)
                ledger = self._ledgers.setdefault(folder, Ledger(folder))
                at = moment()
                ledger.record([Entry.of(one.file, one.proof, at) for one in ones])
            except ProblemError as error:
                yield from (NotRecorded(one.proof, error.problem) for one in ones)
                continue
            for one in ones:
                self._forget(target, one)
                yield Recorded(one.proof)

    def _forget(self, target: Target, one: Record) -> None:
        """The journal that claims the file: its own, or that of many, which goes with the last of them."""
        if batch := one.proof.batch:
            self._batches[one.folder, batch] += 1
            if self._batches[one.folder, batch] == one.proof.batch_files:
                del self._batches[one.folder, batch]
                drop_claims(one.folder, batch)
            return
        keep_pieces(target, one.file, one.proof.size, one.proof.sha256)
        try:
            forget_journal(target, one.file.place)
        except ProblemError as error:
            # What was proved stays proved; the next look clears up.
            _log.warning("%s: its journal stays: %s", one.file.place, error.problem)
