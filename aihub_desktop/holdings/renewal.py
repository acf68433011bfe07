"""Before a newer release of an archive is unpacked, what was unpacked of the older one goes where nobody changed it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from aihub_desktop.archives.opening import open_archive
from aihub_desktop.disk.files import disk_error, native
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.names import UnsafeNameError, entry_path
from aihub_desktop.holdings.discard import clear_folders, plain
from aihub_desktop.transport.ledger import Ledger, Stamp, own_folder
from aihub_desktop.unpack.record import FOLDER, Done, Head, Standing, read_lines


def clear(folder: Path | str, place: str) -> int:
    """How many files of older releases of the archive at `place` were deleted. One that somebody wrote to stays, and
    is in the way of its successor, which is told. Raises `ProblemError`: what the disk says, what is no archive.
    """
    root = native(folder)
    cleared = 0
    for record in _records(root, place):
        fingerprint, standing = _told(record)
        if standing and fingerprint != _fingerprint(root / place):
            cleared += _delete(root, standing)
            remove(record)
    return cleared


def _records(root: Path, place: str) -> list[Path]:
    """Of that archive, wherever it was unpacked to."""
    own = own_folder(root) / FOLDER
    try:
        names = sorted(name for name in os.listdir(own) if name.endswith(".jsonl"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error(error, own) from error
    return [own / name for name in names if _head(own / name).place == place]


def _head(record: Path) -> Head:
    first = next(read_lines(record), None)
    return first[0] if first is not None and isinstance(first[0], Head) else Head(0, "", "", "")


def _told(record: Path) -> tuple[str, dict[int, Standing]]:
    """Of which archive it is, and its files: the last line of each counts."""
    standing: dict[int, Standing] = {}
    for line, _ in read_lines(record):
        if isinstance(line, Done):
            standing |= {one.number: one for one in line.files}
    return _head(record).fingerprint, standing


def _fingerprint(path: Path) -> str:
    with open_archive(path, "", lambda: False) as archive:
        return archive.fingerprint


def _delete(root: Path, standing: dict[int, Standing]) -> int:
    gone = [one.place for one in standing.values() if _is_ours(root, one)]
    paths = [root / place for place in gone]
    for path in paths:
        with contextlib.suppress(OSError):
            remove(path)
    clear_folders(root, paths)
    Ledger(root).forget(gone)  # an archive that was deleted left its files in the list
    return len(gone)


def _is_ours(root: Path, one: Standing) -> bool:
    try:
        is_plain_name = str(entry_path(one.place)[0]) == one.place  # of a record that somebody else may have written
        state = plain(root, one.place) if is_plain_name else None
    except (UnsafeNameError, OSError):
        return False
    return state is not None and Stamp(one.size, one.modified).fits(Stamp.of(state))
