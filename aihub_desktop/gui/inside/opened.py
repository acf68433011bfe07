"""A folder of our own for entries that were opened: nobody else's to read, and emptied at the program's ends."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path


class Opened:
    """Below the state folder. What a crash leaves there goes when the program begins again."""

    def __init__(self, home: Path) -> None:
        self._root = home / "opened"
        self._numbers = itertools.count(1)
        self.clear()

    def folder(self) -> Path:
        """An empty one, so that an entry keeps its name. Raises `OSError`."""
        path = self._root / str(next(self._numbers))
        self._root.mkdir(mode=0o700, exist_ok=True)
        os.chmod(self._root, 0o700)
        path.mkdir(mode=0o700)
        return path

    def clear(self) -> None:
        """A program that still shows one of them may keep it from going, on Windows; the next start tries again."""
        shutil.rmtree(self._root, ignore_errors=True)
