"""States of files and transfers, and the only moves between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class FileState(StrEnum):
    """Where one file stands."""

    WAITING = "waiting"
    FETCHING = "fetching"
    CHECKING = "checking"
    UNPACKING = "unpacking"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class TransferState(StrEnum):
    """Where one request of a person stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    NEEDS_USER = "needs-user"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_F = FileState
FILE_MOVES: Final[dict[FileState, frozenset[FileState]]] = {
    _F.WAITING: frozenset({_F.FETCHING, _F.CHECKING, _F.DONE, _F.FAILED, _F.SKIPPED}),
    _F.FETCHING: frozenset({_F.WAITING, _F.CHECKING, _F.FAILED, _F.SKIPPED}),
    _F.CHECKING: frozenset({_F.WAITING, _F.UNPACKING, _F.DONE, _F.FAILED, _F.SKIPPED}),
    _F.UNPACKING: frozenset({_F.WAITING, _F.DONE, _F.FAILED, _F.SKIPPED}),
    _F.DONE: frozenset({_F.WAITING, _F.FAILED}),  # found missing later, asked for again
    _F.FAILED: frozenset({_F.WAITING, _F.SKIPPED, _F.DONE}),
    _F.SKIPPED: frozenset({_F.WAITING, _F.DONE, _F.FAILED}),
}

_T = TransferState
TRANSFER_MOVES: Final[dict[TransferState, frozenset[TransferState]]] = {
    _T.QUEUED: frozenset({_T.RUNNING, _T.PAUSED, _T.NEEDS_USER, _T.DONE, _T.FAILED, _T.CANCELLED}),
    _T.RUNNING: frozenset({_T.QUEUED, _T.PAUSED, _T.NEEDS_USER, _T.DONE, _T.FAILED, _T.CANCELLED}),
    _T.PAUSED: frozenset({_T.QUEUED, _T.DONE, _T.FAILED, _T.CANCELLED}),
    _T.NEEDS_USER: frozenset({_T.QUEUED, _T.PAUSED, _T.DONE, _T.FAILED, _T.CANCELLED}),
    _T.DONE: frozenset({_T.QUEUED}),
    _T.FAILED: frozenset({_T.QUEUED, _T.CANCELLED, _T.DONE}),
    _T.CANCELLED: frozenset({_T.QUEUED}),
}

FILE_ENDED: Final = frozenset({_F.DONE, _F.FAILED, _F.SKIPPED})
FILE_RUNNING: Final = frozenset({_F.FETCHING, _F.CHECKING, _F.UNPACKING})
TRANSFER_ENDED: Final = frozenset({_T.DONE, _T.FAILED, _T.CANCELLED})
TRANSFER_MAY_RUN: Final = frozenset({_T.QUEUED, _T.RUNNING})


class ForbiddenMoveError(AssertionError):
    """A move outside the tables: a bug of ours, never of the world."""


def move_file(old: FileState, new: FileState) -> FileState:
    if new != old and new not in FILE_MOVES[old]:
        raise ForbiddenMoveError(f"file {old} → {new}")
    return new


def move_transfer(old: TransferState, new: TransferState) -> TransferState:
    if new != old and new not in TRANSFER_MOVES[old]:
        raise ForbiddenMoveError(f"transfer {old} → {new}")
    return new
