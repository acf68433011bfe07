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

from isal import isal_zlib

from aihub_desktop.disk.files import OpenFile, disk_error, sync_folder
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp, moment
from aihub_desktop.unpack.record import Leaving, Record, Standing
from aihub_desktop.unpack.site import Site, name_in

SOURCE: Final = "archive"  # of a ledger's entry: it came out of the archive that `path` names
_BLOCK: Final = 1 << 20


class _ChangedError(Exception):
    """A file has other bytes than the record says."""


def remove_archive(
    site: Site, folder: Path, volumes: Sequence[Path], record: Record, stopped: Callable[[], bool]
) -> bool:
    """False where a file that was unpacked is not as the record has it: then nothing is removed.

    A file that has its size and time is; of others every byte is read.

    Raises `ProblemError`: the disk's, STOPPED.
    """
    latest = _latest(record)
    if not all(_stands(site.home, one) for one in _standing(record, latest)):
        return False
    at = moment()
    try:
        Ledger(site.home).exchange(
            lambda: (_entry(site, one, at, stopped) for one in _standing(record, latest)), _places(site.home, volumes)
        )
    except _ChangedError:
        return False
    if site.home != folder:
        Ledger(folder).exchange(lambda: iter(()), _places(folder, volumes))
    try:
        record.append(Leaving([name_in(site.home, path) for path in volumes]))
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
    state = _state(home / one.place)
    return state is not None and state.st_size == one.size


def _state(path: Path) -> os.stat_result | None:
    try:
        state = os.lstat(path)
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None


def _entry(site: Site, one: Standing, at: str, stopped: Callable[[], bool]) -> Entry:
    """Raises `_ChangedError`, `ProblemError`."""
    path, sha256 = site.home / one.place, one.sha256
    state = _state(path)
    if state is None:
        raise _ChangedError
    if not (sha256 and Stamp(one.size, one.modified).fits(Stamp.of(state))):
        sha256, crc = _read(path, stopped)
        if crc != one.crc:
            raise _ChangedError
    return Entry(
        one.place, sha256, one.size, SOURCE, key=str(one.number), path=site.shown, proof=Proof.ARCHIVE.value, at=at,
        modified=state.st_mtime_ns,
    )  # fmt: skip


def _read(path: Path, stopped: Callable[[], bool]) -> tuple[str, int]:
    """SHA-256 and CRC of a file."""
    digest, view, at, crc = hashlib.sha256(), memoryview(bytearray(_BLOCK)), 0, 0
    try:
        file = OpenFile(path, write=False)
        try:
            while count := file.read_at(at, view):
                if stopped():
                    raise ProblemError(Code.STOPPED)
                digest.update(view[:count])
                crc = isal_zlib.crc32(view[:count], crc)
                at += count
        finally:
            file.close()
    except OSError as error:
        raise disk_error(error, path) from error
    return digest.hexdigest(), crc
