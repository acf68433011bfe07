"""When a machine of the lab does not give what it offered: the hub does. Pure, like the core it belongs to.

What concerns the machine and not one file (it is away, the token is wrong) is heard once: every other file that was to
come from there turns to the hub as well, and whatever is under way from there is asked back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, LeaseRecord
from aihub_desktop.sources.aihub.listing import parse_size

_OF_THE_MACHINE: Final = frozenset(
    {
        *(Code.UNREACHABLE, Code.TLS_UNTRUSTED, Code.NO_ACCESS, Code.NO_CREDENTIALS, Code.CUT, Code.STALLED),
        *(Code.SERVER_ERROR, Code.SERVER_BUSY, Code.KEYCHAIN_LOCKED, Code.KEYCHAIN_NONE),
    }
)
# Nothing that another machine could do about.
_OURS: Final = frozenset({Code.WORKER_LOST, Code.IN_USE})
# Of a machine that is busy or breaks off so many tries in a row, none of which brought anything; each of them is
# several within its lease.
_TRIES: Final = 3


class Fallback:
    """Which machines were given up in this run of the engine."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lost: set[str] = set()

    def trusts(self, files: Iterable[RemoteFile]) -> None:
        """A person asks for these files: what is known of the machines that they are to come from counts no more."""
        self._lost.difference_update(file.lab for file in files)

    def takes(self, file: FileRecord, problem: Problem, lease: LeaseRecord | None) -> list[LeaseRecord] | None:
        """Turns a file of the lab that met this problem to the hub. The leases that are of no more use then.

        None where it is to be judged as any other: it is no such file, comes from there or not at all, or is worth
        another try.
        """
        lab = file.remote.lab
        if not lab or not _may_leave(file) or not (lab in self._lost or _is_in_vain(file, problem, lease)):
            return None
        self._turn(file, problem)
        if problem.code not in _OF_THE_MACHINE or lab in self._lost:
            return []
        self._lost.add(lab)
        for other in list(self._book.files.values()):
            if other.remote.lab == lab and other.state is FileState.WAITING and other.lease is None:
                self.turns(other, problem)
        return [one for one in self._book.leases.values() if one.kind is LeaseKind.GATHER and self._is_of(one, lab)]

    def turns(self, file: FileRecord, problem: Problem | None = None) -> None:
        """A file that waits, and was to come from a machine that was given up."""
        if file.remote.lab in self._lost and _may_leave(file):
            self._turn(file, problem)

    def _turn(self, file: FileRecord, problem: Problem | None) -> None:
        self._book.set_file(
            file, remote=_of_hub(file.remote), state=FileState.WAITING, problem=problem or file.problem, attempts=0,
            drops=0, due=0.0, next_try=None, bad_sha256="",
        )  # fmt: skip

    def _is_of(self, lease: LeaseRecord, lab: str) -> bool:
        return any((file := self._book.files.get(key)) is not None and file.remote.lab == lab for key in lease.held)


def _may_leave(file: FileRecord) -> bool:
    return file.remote.origin is not None and not file.remote.origin.alone


def _is_in_vain(file: FileRecord, problem: Problem, lease: LeaseRecord | None) -> bool:
    """Whether another try at the same machine is of no use."""
    if problem.code in _OURS or problem.fault is Fault.BUG:
        return False
    if problem.fault is Fault.LOCAL:
        return problem.code in _OF_THE_MACHINE  # a keychain: the disk is not the lab's affair
    if problem.code in _OF_THE_MACHINE and problem.fault in (Fault.TRANSIENT, Fault.BUSY):
        return file.attempts + 1 >= _TRIES
    return True


def _of_hub(remote: RemoteFile) -> RemoteFile:
    """The file as the hub lists it: with the size that its text allows, for that is all the hub promises."""
    return msgspec.structs.replace(remote, origin=None, size=parse_size(remote.size.shown))
