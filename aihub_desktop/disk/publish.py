"""From NAME.part to NAME: the last step, which takes nobody else's file away."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

from aihub_desktop.disk.files import OpenFile, disk_error, in_the_way, sync_folder
from aihub_desktop.disk.folder import OpenFolder
from aihub_desktop.disk.patience import patiently_rename, patiently_replace, remove
from aihub_desktop.disk.target import Spot

# What a file system says that knows no second name for a file: FAT, exFAT, some network shares.
_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL, errno.EXDEV}
)


def publish(spot: Spot, *, replace: bool) -> None:
    """The bytes are durable, then they have their final name, then the name is durable.

    With `replace` an older file of that name is replaced, else it is IN_THE_WAY, also if it came this very
    moment. Also raises what the disk says (`ProblemError`).
    """
    try:
        file = OpenFile(spot.part)
        try:
            file.sync()
        finally:
            file.close()
        if replace:
            patiently_replace(spot.part, spot.final)
        else:
            rename_new(spot)
        sync_folder(spot.final.parent)
    except FileExistsError as error:
        raise in_the_way(spot.final, "exists") from error
    except OSError as error:
        raise disk_error(error, spot.final) from error


def is_half_published(spot: Spot) -> bool:
    """Both names are of one file: the power went between the two steps of `publish`."""
    try:
        return os.path.samestat(os.lstat(spot.part), os.lstat(spot.final))
    except OSError:
        return False


def finish(spot: Spot) -> None:
    """Ends what `is_half_published`. Raises `ProblemError`."""
    try:
        remove(spot.part)
        sync_folder(spot.final.parent)
    except OSError as error:
        raise disk_error(error, spot.part) from error


def rename_new(spot: Spot) -> None:
    """NAME.part, durable already, gets its final name, which nobody has. Raises `FileExistsError`, `OSError`."""
    if sys.platform == "win32":
        patiently_rename(spot.part, spot.final)  # refuses an existing name by itself
    else:
        _relink(str(spot.part), str(spot.final))


def give_name(folder: OpenFolder, name: str, other: OpenFolder, new: str) -> None:
    """The same for a file of one open folder, which moves to another. Raises `FileExistsError`, `OSError`."""
    if sys.platform == "win32":
        patiently_rename(folder.path / name, other.path / new)
    else:
        _relink(name, new, folder.descriptor, other.descriptor)


def _relink(name: str, new: str, folder: int | None = None, other: int | None = None) -> None:
    try:
        # A link is refused where the name exists, which a rename is not.
        os.link(name, new, src_dir_fd=folder, dst_dir_fd=other, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if _exists(new, other):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from error
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)
    else:
        os.unlink(name, dir_fd=folder)


def _exists(name: str, folder: int | None) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
