"""The files of one folder of the library."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt

from aihub_desktop.domain.holdings import DAMAGE, HeldFile
from aihub_desktop.domain.messages import HeldFiles
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.library_words import FILE_HEADERS, FileColumn, LibraryWords
from aihub_desktop.gui.models.paged import PagedModel
from aihub_desktop.gui.models.queue import DETAIL_ROLE
from aihub_desktop.system.words import Words


class HeldFilesModel(PagedModel[HeldFile]):
    """Pages come from the engine."""

    columns = len(FILE_HEADERS)
    numbers = (FileColumn.SIZE,)

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = LibraryWords(words)

    def speak(self, words: Words) -> None:
        self._words = LibraryWords(words)
        self.retell()

    def add_page(self, offset: int, answer: HeldFiles) -> None:
        self.put(offset, answer.files, answer.total)

    def file_at(self, row: int) -> HeldFile | None:
        """None while its page is not here."""
        return self.row_at(row)

    def _header(self, column: int) -> str:
        return self._words.file_header(column)

    def _of_row(self, row: HeldFile, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._words.file_text(row, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._words.file_tip(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._words.file_spoken(row, column)
            case _ if role == DETAIL_ROLE:
                return ""
            case _ if role == SIGN_ROLE and column == FileColumn.FOUND:
                return "warning" if row.finding in DAMAGE else ""
        return None
