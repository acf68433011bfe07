"""A file that is there whole or, where that fails, as it was before."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path

from aihub_desktop.disk.files import disk_error, sync_file, sync_folder
from aihub_desktop.disk.patience import patiently_replace


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BufferedWriter]:
    """What is written in the block becomes the file `path` at its end. Raises `ProblemError`: what the disk says."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with new.open("xb") as file:
            yield file
            file.flush()
            sync_file(file.fileno())
        patiently_replace(new, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)
