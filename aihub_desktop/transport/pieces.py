"""Hashes of a file's pieces, kept after it was proved: should it break, a place that serves ranges need send only the
pieces that did.

    FOLDER/.aihub/pieces/SHA256.journal    its journal, as it was when every byte had come

To keep one costs a rename where it would have been removed, and about 100 bytes for each 16 to 32 MB of the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Container
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import native
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.transport.journal import Identity, JournalState, read_journal
from aihub_desktop.transport.ledger import own_folder

# A smaller file has come again before its pieces were read.
KEPT_FROM: Final = 8 << 20
_FOLDER: Final = "pieces"
_END: Final = ".journal"


def keep_pieces(target: Target, work: WorkFile, size: int, sha256: str) -> None:
    """Puts the journal of a proved file by, where that may be of use. What fails here is no loss."""
    if work.file.origin is None or size < KEPT_FROM:
        return
    with contextlib.suppress(OSError, ProblemError):
        folder = own_folder(target.folder) / _FOLDER
        folder.mkdir(exist_ok=True)
        if not os.path.islink(folder):
            os.replace(target.spot(work.place).journal, folder / (sha256 + _END))


def kept_pieces(folder: Path | str, work: WorkFile, sha256: str) -> JournalState | None:
    """The journal of these bytes of this file, None where none was kept. Raises `ProblemError`."""
    path = own_folder(native(folder)) / _FOLDER / (sha256 + _END)
    if os.path.islink(path.parent):
        return None
    state = read_journal(path)
    if state is None or state.whole is None or state.whole.sha256 != sha256 or state.identity != Identity.of(work):
        return None
    return state


def sweep_pieces(folder: Path | str, recorded: Container[str]) -> None:
    """Removes what was kept of bytes that are none of `recorded`, by SHA-256: those of an older release."""
    with contextlib.suppress(OSError, ProblemError):
        kept = own_folder(native(folder)) / _FOLDER
        if os.path.islink(kept):
            return
        for path in list(kept.iterdir()):
            if path.suffix == _END and path.stem not in recorded:
                remove(path)
