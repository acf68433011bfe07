"""The program's own diary: home/logs/ROLE.log, a few files of bounded size, without keys."""

from __future__ import annotations

import logging
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

_KEY_SHAPED: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LARGEST: Final = 1 << 20
_OLDER: Final = 3


def redacted(text: str) -> str:
    """`text` without anything shaped like a key. The addresses of the hub's streams lose theirs too."""
    return _KEY_SHAPED.sub("<redacted>", text)


def start(home: Path, role: str, level: int = logging.INFO) -> bool:
    """Writes the log of this process to home/logs/ROLE.log. False where that cannot be: never a reason to stop."""
    folder = home / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _File(folder / f"{role}.log", maxBytes=_LARGEST, backupCount=_OLDER, encoding="utf-8", delay=True)
    except OSError:
        return False
    handler.setFormatter(_Redacting("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(level)
    root = logging.getLogger()
    if any(isinstance(old, _File) and old.baseFilename == handler.baseFilename for old in root.handlers):
        return True
    root.addHandler(handler)
    root.setLevel(min(level, root.level))
    for chatty in ("httpx", "httpcore", "keyring"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return True


class Diary:
    """A log of one's own choice: lines for people with their moment, in files of bounded size, without keys.

    Raises `OSError` where the first line cannot be written.
    """

    def __init__(self, path: Path, largest: int, older: int) -> None:
        self._file = _File(path, maxBytes=largest, backupCount=older, encoding="utf-8")
        self._file.setFormatter(_Redacting("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))

    def write(self, text: str) -> None:
        for line in text.splitlines():
            self._file.handle(logging.LogRecord("diary", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        self._file.close()


class _Redacting(logging.Formatter):
    """Redacts the finished text, so that arguments and tracebacks are covered as well as messages."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _File(RotatingFileHandler):
    """A log that never disturbs: a full disk, or a file that another process holds open, costs lines and no more."""

    def doRollover(self) -> None:
        try:
            super().doRollover()
        except OSError:
            self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:
        pass
