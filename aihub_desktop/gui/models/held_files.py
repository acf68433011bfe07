"""The files of one folder of the library: every row is there at once, pages come as they are looked at."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.holdings import DAMAGE, HeldFile
from aihub_desktop.domain.messages import HeldFiles
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.library_words import FILE_HEADERS, FileColumn, LibraryWords
from aihub_desktop.gui.models.queue import DETAIL_ROLE
from aihub_desktop.system.words import Words

PAGE: Final = 500
_MOST_PAGES: Final = 40  # kept; those that were looked at longest ago are asked for again

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class HeldFilesModel(QAbstractTableModel):
    """`page_wanted` gives the offset of a page that is in sight. Pages of what was shown before are thrown away."""

    page_wanted = Signal(int)

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = LibraryWords(words)
        self._pages: dict[int, list[HeldFile]] = {}
        self._asked: set[int] = set()
        self._total = 0

    def speak(self, words: Words) -> None:
        self._words = LibraryWords(words)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(FILE_HEADERS) - 1)
        self._tell(0, self._total)

    def clear(self) -> None:
        """Nothing is shown; nothing that was asked for fits any more."""
        self.beginResetModel()
        self._pages, self._asked, self._total = {}, set(), 0
        self.endResetModel()

    def begin(self) -> None:
        """Asks for the first page, by which the number of rows is known."""
        self.clear()
        self._ask(0)

    def renew(self) -> None:
        """What is known may be another by now; what is in sight stays until it is."""
        self._pages, self._asked = {}, set()
        self._ask(0)
        self._tell(0, self._total)

    def add_page(self, offset: int, answer: HeldFiles) -> None:
        self._asked.discard(offset)
        self._pages.pop(offset, None)
        self._pages[offset] = answer.files
        for oldest in list(self._pages)[: max(0, len(self._pages) - _MOST_PAGES)]:
            del self._pages[oldest]
        if answer.total != self._total:
            self._resize(answer.total)
        self._tell(offset, offset + len(answer.files))

    def fail(self, offset: int) -> None:
        """That page does not come. Whoever scrolls asks again."""
        self._asked.discard(offset)

    def file_at(self, row: int) -> HeldFile | None:
        """None while its page is not here."""
        page = self._pages.get(row - row % PAGE)
        place = row % PAGE
        return page[place] if page is not None and place < len(page) else None

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(FILE_HEADERS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= self._total:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() == FileColumn.SIZE else None
        file = self.file_at(index.row())
        if file is None:
            if role == Qt.ItemDataRole.DisplayRole:
                self._ask(index.row() - index.row() % PAGE)
                return "…" if index.column() == FileColumn.NAME else ""
            return None
        return self._of_file(file, index.column(), role)

    def _of_file(self, file: HeldFile, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._words.file_text(file, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._words.file_tip(file)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._words.file_spoken(file, column)
            case _ if role == DETAIL_ROLE:
                return ""
            case _ if role == SIGN_ROLE and column == FileColumn.FOUND:
                return "warning" if file.finding in DAMAGE else ""
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(FILE_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.file_header(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section == FileColumn.SIZE:
            return _RIGHT
        return None

    # ---- inside ----

    def _ask(self, offset: int) -> None:
        if offset not in self._asked:
            self._asked.add(offset)
            self.page_wanted.emit(offset)

    def _resize(self, total: int) -> None:
        if total > self._total:
            self.beginInsertRows(QModelIndex(), self._total, total - 1)
            self._total = total
            self.endInsertRows()
        else:
            self.beginRemoveRows(QModelIndex(), total, self._total - 1)
            self._total = total
            self.endRemoveRows()

    def _tell(self, first: int, stop: int) -> None:
        if stop > first:
            self.dataChanged.emit(self.index(first, 0), self.index(stop - 1, len(FILE_HEADERS) - 1))
