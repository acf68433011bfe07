"""Batch files on disk, as the window reads and writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QIODevice, QSaveFile

from aihub_desktop.domain import batchtext
from aihub_desktop.domain.batchfile import SUFFIX, BatchFile
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.system.words import Words

FOLDER: Final = "batch/folder"  # of the preferences: where the last one was saved or opened


def is_batch(path: Path) -> bool:
    return path.name.casefold().endswith(SUFFIX)


def filter_of(words: Words) -> str:
    """Of the system's file dialog."""
    return f"{words.say('gui.batch.files')} (*{SUFFIX})"


def read(path: Path) -> BatchFile:
    """Raises `ProblemError` BAD_BATCH, BATCH_NEWER, with the path among the facts; so for what cannot be read."""
    try:
        with path.open("rb") as file:
            return batchtext.parse(file.read(batchtext.LARGEST + 1))
    except OSError as error:
        raise ProblemError(Code.BAD_BATCH, path=str(path), why=error.strerror or type(error).__name__) from error
    except ProblemError as error:
        raise ProblemError(error.problem.code, **{**error.problem.facts, "path": str(path)}) from None


def write(path: Path, raw: bytes) -> None:
    """Whole or not at all. Raises `ProblemError` NOT_WRITABLE."""
    file = QSaveFile(str(path))
    opened = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if not (opened and file.write(raw) == len(raw) and file.commit()):
        raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=file.errorString())
