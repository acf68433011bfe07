"""The catalogue as a table: key and title, searched as one types."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aihub_desktop.domain.model import Dataset
from aihub_desktop.gui.search import Haystack, Needle
from aihub_desktop.system.words import Words

DATASET_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1
KEY, TITLE = 0, 1
_HEADERS: Final = ("gui.datasets.column.key", "gui.datasets.column.title")

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class DatasetModel(QAbstractTableModel):
    """All datasets are kept; the rows are those that the search lets through, best hits first."""

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._all: list[tuple[Dataset, Haystack]] = []
        self._rows: list[Dataset] = []
        self._text = ""
        self._order: tuple[int, bool] | None = None

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)
        self._changed_texts()

    def fill(self, datasets: list[Dataset]) -> None:
        """A new copy of the catalogue. Nothing happens when it equals the old one."""
        if datasets == [dataset for dataset, _ in self._all]:
            return
        self._all = [(dataset, Haystack(dataset.key, dataset.title)) for dataset in datasets]
        self._show()

    def search(self, text: str) -> None:
        """All words of `text` must occur in key or title."""
        if text != self._text:
            self._text = text
            self._show()

    @property
    def searching(self) -> str:
        return self._text

    @property
    def total(self) -> int:
        """How many datasets there are, shown or not."""
        return len(self._all)

    def row_of(self, dataset: Dataset) -> int | None:
        """The shown row of a dataset, by its key."""
        for row, other in enumerate(self._rows):
            if (other.key, other.package) == (dataset.key, dataset.package):
                return row
        return None

    def find(self, key: str) -> Dataset | None:
        """The dataset with this key, shown or not. Packages have keys of their own, which are never meant here."""
        return next((dataset for dataset, _ in self._all if dataset.key == key and not dataset.package), None)

    def dataset(self, row: int) -> Dataset:
        return self._rows[row]

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        dataset = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return dataset.key if index.column() == KEY else dataset.title
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return self._tip(dataset)
            case Qt.ItemDataRole.TextAlignmentRole if index.column() == KEY:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case _ if role == DATASET_ROLE:
                return dataset
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == KEY else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; -1 brings back the best hits first, in the hub's own order."""
        self._order = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self._show()

    # ---- inside ----

    def _show(self) -> None:
        needle = Needle(self._text)
        hits = [dataset for dataset, hay in self._all if needle.found_in(hay)]
        if self._order is None:
            hits.sort(key=lambda dataset: needle.rank(dataset.key, dataset.title))
        else:
            column, down = self._order
            hits.sort(key=_number_of if column == KEY else _title_of, reverse=down)
        self.beginResetModel()
        self._rows = hits
        self.endResetModel()

    def _tip(self, dataset: Dataset) -> str:
        kind = "package" if dataset.package else "dataset"
        return self._words.say(f"gui.datasets.tip.{kind}", title=dataset.title, number=dataset.key)

    def _changed_texts(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(_HEADERS) - 1))


def _number_of(dataset: Dataset) -> tuple[bool, int, str]:
    number = dataset.key.isdecimal()
    return not number, int(dataset.key) if number else 0, dataset.key


def _title_of(dataset: Dataset) -> str:
    return dataset.title.casefold()
