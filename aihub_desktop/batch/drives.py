"""Drives that files are carried on: what tells one from another, and what it can take."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.batch.documents import write_document
from aihub_desktop.batch.machine import is_id, new_id
from aihub_desktop.disk.files import disk_error, in_the_way, native
from aihub_desktop.disk.held import Held
from aihub_desktop.disk.volume import volume_of
from aihub_desktop.domain.faults import Code, ProblemError

_ID_FILE: Final = ".aihub-drive"
# These lie on the volume itself, and go with it to any machine.
_LASTING: Final = ("uuid:", "serial:")
_GRAIN: Final = 32 << 10  # where the system does not tell: what FAT32 takes at least for a file on a large drive


@dataclass(frozen=True, slots=True)
class Drive:
    """A folder on a drive. `id` is the volume's, or "" where only a file on it can tell (`identified`)."""

    folder: Path
    device: int
    id: str
    name: str
    free: int
    largest: int | None  # bytes of a file, None for any
    grain: int  # a file takes up a multiple of this

    def must_be_there(self) -> None:
        """Where a drive is pulled, the folder on which it was mounted is left, and would be filled in its place.

        Raises `ProblemError` DRIVE_GONE.
        """
        try:
            if os.stat(self.folder).st_dev == self.device:
                return
        except OSError:
            pass
        raise ProblemError(Code.DRIVE_GONE, path=str(self.folder))


def look_at(folder: Path, largest: int | None = None) -> Drive:
    """As it is now; `largest`: files are to be no longer, whatever the drive takes.

    The folder is never made, for its drive may just be away. Raises `ProblemError` DRIVE_GONE, IN_THE_WAY.
    """
    folder = native(folder)
    try:
        state = os.stat(folder)
        if not stat.S_ISDIR(state.st_mode):
            raise in_the_way(folder, "not a folder")
        volume = volume_of(folder)
    except FileNotFoundError:
        raise ProblemError(Code.DRIVE_GONE, path=str(folder)) from None
    except OSError as error:
        raise disk_error(error, folder) from error
    limits = [limit for limit in (largest, volume.largest) if limit is not None]
    identity = volume.identity if volume.identity.startswith(_LASTING) else _written(folder)
    name = os.path.basename(volume.mount.rstrip("/\\")) or str(folder)
    return Drive(folder, state.st_dev, identity, name, volume.free, min(limits, default=None), _grain(folder))


@contextlib.contextmanager
def held_for(drives: Iterable[Drive], home: Path) -> Iterator[None]:
    """One run at a time writes onto a drive; the locks lie in the state folder, so that nothing is left on it.

    Raises `ProblemError` SYNC_BUSY.
    """
    with contextlib.ExitStack() as stack:
        for device, drive in {drive.device: drive for drive in drives}.items():
            stack.callback(Held(home / f"drive-{device:x}.lock", Code.SYNC_BUSY, drive.folder).release)
        yield


def identified(drive: Drive) -> str:
    """The drive's id; where the volume has none that lasts, one is written onto it. Raises `ProblemError`."""
    if known := drive.id or _written(drive.folder):
        return known
    identity = new_id()
    write_document(drive.folder / _ID_FILE, [f"{identity}\n".encode()])
    return f"file:{identity}"


def _written(folder: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        with (folder / _ID_FILE).open("rb") as file:
            text = file.read(64).decode().strip()
        if is_id(text):
            return f"file:{text}"
    return ""


def _grain(folder: Path) -> int:
    if sys.platform == "win32":
        return _GRAIN
    return max(512, os.statvfs(folder).f_frsize)
