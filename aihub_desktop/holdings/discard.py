"""Deletes what a folder's ledger names, and nothing else: no stranger, nothing through a link, nothing that changed."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Set
from pathlib import Path

from aihub_desktop.disk.files import OpenFile, disk_error, native, patiently_replace, remove, sync_folder
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.messages import Discarded
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.transport.ledger import LOG, MANIFEST, Entry, Ledger, own_folder, read_manifest
from aihub_desktop.transport.manifest import manifest_line


def discard(folder: Path | str) -> Discarded:
    """Deletes the files of the ledger, folders that this leaves empty, and the ledger where nothing of it is kept.

    A file stays where it is no plain file, has another length than the ledger says, or where the disk refuses. Begun
    again after a kill it goes on. Raises `ProblemError`: what the disk says of the ledger.
    """
    root = native(folder)
    gone: list[Path] = []
    freed, kept = 0, set[str]()
    for entry in Ledger(root).entries().values():
        try:
            path, size = _find(root, entry)
            if path is not None:
                remove(path)
        except OSError:
            path, size = None, 0
        if path is not None:
            gone.append(path)
            freed += size or 0
        elif size is not None:
            kept.add(entry.place)
    _clear_folders(root, gone)
    if kept:
        _keep_lines(root, kept)
    else:
        _drop_ledger(root)
    return Discarded(len(gone), freed, len(kept))


def _find(root: Path, entry: Entry) -> tuple[Path | None, int | None]:
    """(where the file lies, its size); (None, None) where nothing is, (None, size) for what is not ours to delete.

    Raises `OSError`.
    """
    try:
        safe_path(entry.place)
    except UnsafeNameError:
        return None, 0
    path, state = root, None
    for part in entry.place.split("/"):
        path = path / part
        try:
            state = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        if leads_elsewhere(state):
            return None, 0
    if state is None or not stat.S_ISREG(state.st_mode):
        return None, 0
    return (None if entry.size not in (None, state.st_size) else path), state.st_size


def _clear_folders(root: Path, gone: Iterable[Path]) -> None:
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
        sync_folder(own)
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error(error, root) from error
    for folder in (own, root):
        with contextlib.suppress(OSError, ProblemError):
            folder.rmdir()
