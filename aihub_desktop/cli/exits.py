"""The exit codes of `aihub`: stable, for scripts.

    0    all verified; all done
    1    some file failed, or the hub does not have what was asked for; each is listed
    2    usage
    3    the user must act: key, approval, expiry, country, a locked keychain, another run of this program
    4    disk: full, not writable, in error, a file in the way
    5    hub or network out of reach, or not answering as a hub
    130  interrupted

Of several that apply, the first of 3, 4, 5, 2, 1 is the exit code: what has to be settled first.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from aihub_desktop.domain.faults import FAULT_OF, Code, Fault


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    USER = 3
    DISK = 4
    NETWORK = 5
    INTERRUPTED = 130


_USER: Final = frozenset(
    {
        Code.ENGINE_BUSY,
        Code.SYNC_BUSY,
        Code.KEYCHAIN_LOCKED,
        Code.KEYCHAIN_NONE,
        Code.STORE_NEWER,
        Code.BATCH_NEWER,
        Code.DOCUMENT_NEWER,
        Code.NO_BAG,
        Code.BAG_UNFINISHED,
        Code.DRIVE_WANTED,
        Code.NOT_SIGNED,
        Code.WRONG_SIGNATURE,
        Code.SIGNING_FAILED,
        Code.OTHER_VERSION,
        Code.NOT_ENCRYPTED,
    }
)
_DISK: Final = frozenset(
    {
        Code.IN_THE_WAY,
        Code.DISK_FULL,
        Code.NO_ROOM,
        Code.FILE_TOO_LARGE,
        Code.NOT_WRITABLE,
        Code.DISK_ERROR,
        Code.TARGET_MISSING,
        Code.DRIVE_MISSING,
        Code.STORE_BROKEN,
        Code.NOT_SHARED,
        Code.OTHER_BAG,
        Code.DRIVE_GONE,
        Code.NO_DRIVE_ROOM,
    }
)
_NETWORK: Final = frozenset(
    {
        Code.UNREACHABLE,
        Code.HUB_ERROR,
        Code.HUB_BUSY,
        Code.BAD_ANSWER,
        Code.CUT,
        Code.STALLED,
        Code.NOT_A_TAR,
        Code.SERVER_ERROR,
        Code.SERVER_BUSY,
        Code.WRONG_ANSWER,
        Code.NO_CLUSTER,
        Code.NO_WORKERS,
    }
)
_ORDER: Final = (Exit.USER, Exit.DISK, Exit.NETWORK, Exit.USAGE, Exit.FAILED)


def exit_of(code: Code) -> Exit:
    """The exit code of a run that ends because of `code`."""
    if code in _USER or FAULT_OF[code] is Fault.DENIED:
        return Exit.USER
    if code in _DISK:
        return Exit.DISK
    if code in (Code.BAD_BATCH, Code.BAD_DOCUMENT, Code.NO_DASK):
        return Exit.USAGE
    return Exit.NETWORK if code in _NETWORK else Exit.FAILED


def worst(exits: Iterable[Exit]) -> Exit:
    """The one exit code of several; DONE for none."""
    found = set(exits)
    return next((code for code in _ORDER if code in found), Exit.DONE)
