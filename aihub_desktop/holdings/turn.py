"""One run at a time brings a folder to what a batch says, or takes a bundle in: FOLDER/.aihub/sync.lock."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from aihub_desktop.disk.files import disk_error, make_folders, native
from aihub_desktop.disk.held import Held
from aihub_desktop.disk.target import must_not_be_away
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.transport.ledger import own_folder

LOCK: Final = "sync.lock"


class Turn:
    """A context manager; the folder is made if it is missing. Where a file system knows no locks, or can only be read,
    nobody is kept out.

    Raises `ProblemError`: SYNC_BUSY where another run has it, DRIVE_MISSING, what the disk says of the folder.
    """

    def __init__(self, folder: Path) -> None:
        root = native(folder)
        self._held: Held | None = None
        try:
            must_not_be_away(root)
            make_folders(root)
            own = own_folder(root)
            make_folders(own)
            self._held = Held(own / LOCK, Code.SYNC_BUSY, folder)
        except ProblemError as error:
            if error.problem.code is not Code.NOT_WRITABLE:
                raise
        except OSError as error:
            raise disk_error(error, root) from error

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            self._held.release()
