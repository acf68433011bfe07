"""What the engine itself asks of the disk: space, what lies there already, and the manifest's entries."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.messages import DiskSpace
from aihub_desktop.engine.deeds import NotRecorded, Record, Recorded
from aihub_desktop.transport.disk import make_folders
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import Standing, StandingKind, forget_journal, look, sweep

_log = logging.getLogger(__name__)


def disk_space(folder: Path) -> DiskSpace:
    """Of the volume that holds `folder`, or would hold it. Raises TARGET_MISSING where there is none."""
    for place in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(place)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ProblemError(Code.TARGET_MISSING, path=str(folder), why=error.strerror or "") from None
        return DiskSpace(usage.free, usage.total, os.access(place, os.W_OK))
    raise ProblemError(Code.TARGET_MISSING, path=str(folder))


def look_at(folder: Path, files: list[WorkFile]) -> dict[int, Standing]:
    """What of these files lies below `folder`, which is made if need be. Raises NOT_WRITABLE, DISK_FULL …"""
    try:
        make_folders(folder)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        code = Code.DISK_FULL if full else Code.NOT_WRITABLE
        raise ProblemError(code, path=str(folder), why=error.strerror or "") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ProblemError(Code.NOT_WRITABLE, path=str(folder), why=os.strerror(errno.EACCES))
    found = look(folder, files)
    sweep(folder, [file for file in files if found[file.id].kind is StandingKind.DONE])
    return found


class Clerk:
    """The one who writes manifests. Keeps those open that it wrote to, for reading one anew costs its whole length."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}

    def record(self, records: list[Record]) -> Iterator[Recorded | NotRecorded]:
        """Enters proved files into the manifests of their folders, then forgets their journals."""
        folders: dict[str, list[Record]] = defaultdict(list)
        for one in records:
            folders[one.folder].append(one)
        for folder, ones in folders.items():
            try:
                ledger = self._ledgers.setdefault(folder, Ledger(folder))
                ledger.record([Entry.of(one.file, one.proof) for one in ones])
            except ProblemError as error:
                yield from (NotRecorded(one.proof, error.problem) for one in ones)
                continue
            for one in ones:
                try:
                    forget_journal(folder, one.file.place)
                except ProblemError as error:
                    # What was proved stays proved; the next look clears up.
                    _log.warning("%s: its journal stays: %s", one.file.place, error.problem)
                yield Recorded(one.proof)
