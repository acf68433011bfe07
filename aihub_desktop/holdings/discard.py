"""Deletes what a folder's ledger names, and nothing else: no stranger, nothing through a link, nothing that changed."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from pathlib import Path

from aihub_desktop.disk.files import OpenFile, disk_error, native, sync_folder
from aihub_desktop.disk.patience import patiently_replace, remove
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.messages import Discarded
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.holdings.once import NAME
from aihub_desktop.holdings.turn import LOCK
from aihub_desktop.transport.ledger import LOG, MANIFEST, Entry, Ledger, own_folder, read_manifest
from aihub_desktop.transport.manifest import in_nfc, manifest_line
from aihub_desktop.transport.pieces import sweep_pieces


def discard(folder: Path | str) -> Discarded:
    """Deletes the files of the ledger, folders that this leaves empty, and the ledger where nothing of it is kept.

    A file stays where it is no plain file, has another length than the ledger says, or where the disk refuses. Begun
    again after a kill it goes on. Raises `ProblemError`: what the disk says of the ledger.
    """
    root = native(folder)
    outcome = _delete(root, Ledger(root).entries().values())
    if outcome.kept:
        _keep_lines(root, outcome.kept)
    else:
        _drop_ledger(root)
    return outcome.told()


def prune(folder: Path | str, places: Iterable[str]) -> Discarded:
    """Deletes those files of the ledger, and folders that this leaves empty; the ledger names them no more.

    A file stays, as its line does, for the same reasons as with `discard`. Begun again after a kill it goes on.
    Raises `ProblemError`: what the disk says of the ledger.
    """
    root = native(folder)
    ledger = Ledger(root)
    wanted = {in_nfc(place) for place in places}
    outcome = _delete(root, [entry for place, entry in ledger.entries().items() if place in wanted])
    ledger.forget(wanted - outcome.kept)
    sweep_pieces(root, {entry.sha256 for entry in ledger.entries().values()})
    return outcome.told()


@dataclass(slots=True)
class _Outcome:
    gone: list[Path] = field(default_factory=list)
    freed: int = 0
    kept: set[str] = field(default_factory=set)  # places that are there still

    def told(self) -> Discarded:
        return Discarded(len(self.gone), self.freed, len(self.kept))


def _delete(root: Path, entries: Iterable[Entry]) -> _Outcome:
    outcome = _Outcome()
    for entry in entries:
        try:
            path, size = _find(root, entry)
            if path is not None:
                remove(path)
        except OSError:
            path, size = None, 0
        if path is not None:
            outcome.gone.append(path)
            outcome.freed += size or 0
        elif size is not None:
            outcome.kept.add(entry.place)
    clear_folders(root, outcome.gone)
    return outcome


def _find(root: Path, entry: Entry) -> tuple[Path | None, int | None]:
    """(where the file lies, its size); (None, None) where nothing is, (None, size) for what is not ours to delete.

    Raises `OSError`.
    """
    try:
        safe_path(entry.place)
    except UnsafeNameError:
        return None, 0
    try:
        state = plain(root, entry.place)
    except FileNotFoundError:
        return None, None
    if state is None:
        return None, 0
    return (None if entry.size not in (None, state.st_size) else root / entry.place), state.st_size


def plain(root: Path, place: str) -> os.stat_result | None:
    """The state of a plain file to which no link leads, None for anything else. Raises `OSError`, FileNotFoundError
    where nothing is.
    """
    path, state = root, None
    for part in place.split("/"):
        path = path / part
        try:
            state = os.lstat(path)
        except NotADirectoryError as error:
            raise FileNotFoundError(place) from error
        if leads_elsewhere(state):
            return None
    return state if state is not None and stat.S_ISREG(state.st_mode) else None


def clear_folders(root: Path, gone: Iterable[Path]) -> None:
    """Folders below the root that are empty now, the deepest first."""
    above = {folder for path in gone for folder in path.parents if folder != root and folder.is_relative_to(root)}
    for folder in sorted(above, key=lambda one: len(one.parts), reverse=True):
        with contextlib.suppress(OSError):  # something else lies in it
            folder.rmdir()


def _keep_lines(root: Path, kept: Set[str]) -> None:
    """The manifest names what is left. The log, which is history, stays."""
    own = own_folder(root)
    lines = [line for line in read_manifest(root) or [] if _nfc(line.path) in kept]
    new = own / f"{MANIFEST}.new"
    try:
        remove(new)
        file = OpenFile(new, fresh=True)
        try:
            file.write_at(0, memoryview(b"".join(manifest_line(line.path, line.sha256) for line in lines)))
            file.sync()
        finally:
            file.close()
        patiently_replace(new, own / MANIFEST)
        sync_folder(own)
    except OSError as error:
        raise disk_error(error, own) from error


def _nfc(path: str) -> str:
    return unicodedata.normalize("NFC", path.removeprefix("./"))


def _drop_ledger(root: Path) -> None:
    try:
        own = own_folder(root)
        remove(own / MANIFEST)
        remove(own / LOG)
        for name in (NAME, LOCK):
            remove(own / name)
        sync_folder(own)
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error(error, root) from error
    for folder in (own, root):
        with contextlib.suppress(OSError, ProblemError):
            folder.rmdir()
