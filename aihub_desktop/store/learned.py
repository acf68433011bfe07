"""What was learned of a hub: learned.json in the state folder.

A file of its own beside the queue, replaced whole, because the first contact is made whether or not an engine runs
over the folder: whoever reads it sees what was there before, or all that is new.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.patience import contents
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code, ProblemError

NAME: Final = "learned.json"
_REPLACE_SECONDS: Final = 2.0


def recall(home: Path, hub: str) -> Learned:
    """What is known of `hub`: nothing where there is no file, none that can be read, or one of another hub."""
    try:
        learned = msgspec.json.decode(contents(home / NAME), type=Learned)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Learned(hub=hub)
    return learned if learned.hub == hub else Learned(hub=hub)


def _replace(name: str, path: Path) -> None:
    """Windows refuses while somebody reads the old file, which takes no longer than a moment."""
    deadline = time.monotonic() + _REPLACE_SECONDS
    while True:
        try:
            os.replace(name, path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def remember(home: Path, learned: Learned) -> None:
    """Durable when this returns. Raises `ProblemError` NOT_WRITABLE."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        # A name of its own: two runs at once must not write into one file.
        handle, name = tempfile.mkstemp(prefix=f"{NAME}.", dir=home)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(learned))
                file.flush()
                os.fsync(file.fileno())
            _replace(name, home / NAME)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise ProblemError(Code.NOT_WRITABLE, path=str(home), why=error.strerror or "") from None
