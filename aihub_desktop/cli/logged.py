"""A console whose words go to a log file, and to the terminal only where there is one."""

from __future__ import annotations

import sys
from pathlib import Path

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.terminal import is_terminal
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.system.logs import Diary
from aihub_desktop.system.words import Words


class LoggedConsole(Console):
    """`Console`, but that what it says is logged. JSON lines go to stdout as ever.

    Raises `ProblemError` NOT_WRITABLE for a log that cannot be opened.
    """

    def __init__(self, words: Words, path: Path, size: int, keep: int) -> None:
        super().__init__(words)
        try:
            self._diary = Diary(path, size, keep)
        except OSError as error:
            raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=error.strerror or "") from None

    @property
    def watched(self) -> bool:
        """A drawn picture would be no line of a log."""
        return False

    def data(self, text: str) -> None:
        self._diary.write(text)
        if is_terminal(sys.stdout):
            super().data(text)

    def tell(self, text: str) -> None:
        self._diary.write(text)
        if is_terminal(sys.stderr):
            super().tell(text)

    def close(self) -> None:
        self._diary.close()
