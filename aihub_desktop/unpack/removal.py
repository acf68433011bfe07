"""The archive goes, once everything in it stands: the ledger first, then the record, then the bytes.

A death in between leaves the archive or a part of it, which the next run takes away; never a file that nobody knows.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import OpenFile, disk_error, remove, sync_folder
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.transport.ledger import Entry, Ledger, moment
from aihub_desktop.unpack.record import Leaving, Record, Standing
from aihub_desktop.unpack.site import Site, name_in

SOURCE: Final = "archive"  # of a ledger's entry: it came out of the archive that `path` names
_BLOCK: Final = 1 << 20


def remove_archive(
    site: Site, folder: Path, volumes: Sequence[Path], record: Record, stopped: Callable[[], bool]
) -> bool:
    """False where a file that was unpacked is not as the record has it: then nothing is removed.

    Raises `ProblemError`: the disk's, STOPPED.
    """
    latest = _latest(record)
    if not all(_stands(site.home, one) for one in _standing(record, latest)):
        return False
    at = moment()

    def entries() -> Iterator[Entry]:
        for one in _standing(record, latest):
            sha256 = one.sha256 or _sha256(site.home / one.place, stopped)
            proof = Proof.ARCHIVE.value
            yield Entry(one.place, sha256, one.size, SOURCE, key=str(one.number), path=site.shown, proof=proof, at=at)

    gone = [path.relative_to(site.home).as_posix() for path in volumes if path.is_relative_to(site.home)]
    Ledger(site.home).exchange(entries, gone)
    if site.home != folder:
        Ledger(folder).exchange(
            lambda: iter(()), [path.relative_to(folder).as_posix() for path in volumes if path.is_relative_to(folder)]
        )
    names = [
        path.relative_to(site.home).as_posix() if path.is_relative_to(site.home) else str(path) for path in volumes
    ]
    try:
        record.append(Leaving(names))
    except OSError as error:
        raise disk_error(error, record.path) from error
    drop(volumes)
    return True


def _places(folder: Path, volumes: Sequence[Path]) -> list[str]:
    return [name_in(folder, path) for path in volumes if path.is_relative_to(folder)]


def drop(volumes: Sequence[Path]) -> None:
    """Of a set the last volume goes last: it is by its name that the rest is found again. Raises `ProblemError`."""
    if not volumes:
        return
    try:
        for path in volumes:
            remove(path)
        sync_folder(volumes[-1].parent)
    except OSError as error:
        raise disk_error(error, volumes[-1]) from error


def left_over(site: Site, leaving: Leaving) -> list[Path]:
    """The volumes that an interrupted removal left, as they are named there."""
    paths = [site.home / name for name in leaving.volumes]  # an absolute name stands for itself
    return [path for path in paths if os.path.lexists(path)]


def _latest(record: Record) -> dict[int, int]:
    """For entries that the record has more than once: how many of its lines to pass over."""
    counts = bytearray()
    again: dict[int, int] = {}
    for one in record.standing():
        if one.number >= len(counts):
            counts.extend(bytes(one.number + 1 - len(counts) + 1024))
        if counts[one.number]:
            again[one.number] = again.get(one.number, 0) + 1
        counts[one.number] = 1
    return again


def _standing(record: Record, again: dict[int, int]) -> Iterator[Standing]:
    left = dict(again)
    for one in record.standing():
        if left.get(one.number, 0):
            left[one.number] -= 1
            continue
        yield one


def _stands(home: Path, one: Standing) -> bool:
    try:
        state = os.lstat(home / one.place)
    except OSError:
        return False
    return stat.S_ISREG(state.st_mode) and state.st_size == one.size


def _sha256(path: Path, stopped: Callable[[], bool]) -> str:
    digest, view, at = hashlib.sha256(), memoryview(bytearray(_BLOCK)), 0
    try:
        file = OpenFile(path, write=False)
        try:
            while count := file.read_at(at, view):
                if stopped():
                    raise ProblemError(Code.STOPPED)
                digest.update(view[:count])
                at += count
        finally:
            file.close()
    except OSError as error:
        raise disk_error(error, path) from error
    return digest.hexdigest()
