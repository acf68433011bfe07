"""The catalogue as a table: star, key and title, searched as one types, narrowed to stars or to the last visits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.marks import DatasetMark, Outline
from aihub_desktop.domain.model import Dataset, SizeRange
from aihub_desktop.gui.search import Haystack, Needle, letters
from aihub_desktop.system.words import Words

DATASET_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1
FOUND_ROLE: Final = DATASET_ROLE + 1  # the folder in which a word was found that stands in no title
STAR, KEY, TITLE = 0, 1, 2
_HEADERS: Final = ("gui.datasets.column.star", "gui.datasets.column.key", "gui.datasets.column.title")
_BY_FOLDER: Final = 4  # the rank of a hit in a folder: after all that `Needle.rank` gives

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class Range(IntEnum):
    """What of the catalogue is shown."""

    ALL = 0
    STARRED = 1
    RECENT = 2


class _Entry:
    """A dataset with everything that is known of it."""

    __slots__ = ("_names", "dataset", "hay", "mark", "outline")

    def __init__(self, dataset: Dataset, mark: DatasetMark | None, outline: Outline | None) -> None:
        self.dataset = dataset
        self.mark = mark or DatasetMark(dataset.key, dataset.package)
        self.outline = outline
        self.hay = Haystack(dataset.key, dataset.title)
        self._names: Haystack | None = None

    def learn(self, outline: Outline) -> None:
        self.outline, self._names = outline, None

    def rank(self, needle: Needle) -> int | None:
        """How near a hit is; None for no hit. Every word may be in key, title, or the name of a folder."""
        if needle.found_in(self.hay):
            return needle.rank(self.dataset.key, self.dataset.title)
        if self.outline is None:
            return None
        if self._names is None:
            self._names = Haystack(*self.outline.folders)
        return _BY_FOLDER if needle.found_in(self.hay, self._names) else None

    def folder(self, needle: Needle) -> str:
        """The first folder that has a word which key and title have not; "" for none."""
        missing = [word for word in needle.words if word not in self.hay.flat]
        names = self.outline.folders if self.outline is not None and missing else []
        return next((name for name in names if any(word in letters(name) for word in missing)), "")


class DatasetModel(QAbstractTableModel):
    """All datasets are kept; the rows are those that range and search let through, best hits first.

    A tick in the column of stars is a wish: `star_wanted` tells it, and the mark that follows shows it.
    """

    star_wanted = Signal(Dataset, bool)
    marked = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._all: list[_Entry] = []
        self._rows: list[_Entry] = []
        self._marks: dict[tuple[str, bool], DatasetMark] = {}
        self._outlines: dict[tuple[str, bool], Outline] = {}
        self._folders: dict[int, str] = {}  # by row, as far as they were asked for
        self._text = ""
        self._range = Range.ALL
        self._order: tuple[int, bool] | None = None

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)
        self._changed()

    # ---- what is known ----

    def fill(self, datasets: list[Dataset]) -> None:
        """A new copy of the catalogue. Nothing happens when it equals the old one."""
        if datasets == [entry.dataset for entry in self._all]:
            return
        self._all = [_Entry(one, self._marks.get(_id(one)), self._outlines.get(_id(one))) for one in datasets]
        self._show()

    def learn(self, outlines: Iterable[Outline]) -> None:
        """What the trees of datasets tell; it counts from the next search on."""
        new = {(outline.key, outline.package): outline for outline in outlines}
        self._outlines.update(new)
        for entry in self._all:
            if (outline := new.get(_id(entry.dataset))) is not None:
                entry.learn(outline)

    def mark(self, marks: Iterable[DatasetMark]) -> None:
        """Marks that changed, whole."""
        new = {(mark.key, mark.package): mark for mark in marks}
        self._marks.update(new)
        touched = [entry for entry in self._all if _id(entry.dataset) in new]
        for entry in touched:
            entry.mark = new[_id(entry.dataset)]
        if self._range is Range.STARRED and any(entry.mark.starred != (entry in self._rows) for entry in touched):
            self._show()
        else:
            self._changed()
        self.marked.emit()

    def mark_of(self, dataset: Dataset) -> DatasetMark:
        return self._marks.get(_id(dataset)) or DatasetMark(dataset.key, dataset.package)

    # ---- what is shown ----

    def search(self, text: str) -> None:
        """All words of `text` must occur in key, title, or the names of folders, as far as these are known."""
        if text != self._text:
            self._text = text
            self._show()

    @property
    def searching(self) -> str:
        return self._text

    def narrow(self, to: Range) -> None:
        """Stars, or what was visited, last first."""
        if to is not self._range:
            self._range = to
            self._show()

    @property
    def range(self) -> Range:
        return self._range

    @property
    def total(self) -> int:
        """How many datasets there are, shown or not."""
        return len(self._all)

    def count(self, of: Range) -> int:
        """How many datasets a range has, whatever is searched for."""
        return sum(1 for _ in filter(_FITS[of], self._all))

    def row_of(self, dataset: Dataset) -> int | None:
        """The shown row of a dataset, by its key."""
        for row, entry in enumerate(self._rows):
            if _id(entry.dataset) == _id(dataset):
                return row
        return None

    def dataset(self, row: int) -> Dataset:
        return self._rows[row].dataset

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.isValid() and index.column() == STAR else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        entry, column = self._rows[index.row()], index.column()
        found: Any = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                found = ("", entry.dataset.key, entry.dataset.title)[column]
            case Qt.ItemDataRole.CheckStateRole if column == STAR:
                found = Qt.CheckState.Checked if entry.mark.starred else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                found = self._told(entry, column, self._folder(index.row()))
            case Qt.ItemDataRole.TextAlignmentRole if column == KEY:
                found = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case _ if role == DATASET_ROLE:
                found = entry.dataset
            case _ if role == FOUND_ROLE and column == TITLE:
                found = self._folder(index.row())
        return found

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.column() != STAR:
            return False
        self.star_wanted.emit(self.dataset(index.row()), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole and section != STAR:
            return self._words.say(_HEADERS[section])
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole) and section == STAR:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == KEY else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; -1 brings back the best hits first, in the hub's own order, or the last visits first."""
        self._order = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self._show()

    # ---- inside ----

    def _show(self) -> None:
        needle = Needle(self._text)
        ranked = ((entry.rank(needle), entry) for entry in filter(_FITS[self._range], self._all))
        hits = [(rank, entry) for rank, entry in ranked if rank is not None]
        if self._order is not None:
            column, down = self._order
            hits.sort(key=lambda hit: _ORDERS[column](hit[1]), reverse=down)
        elif self._range is Range.RECENT:
            hits.sort(key=lambda hit: -hit[1].mark.visited_at)
        else:
            hits.sort(key=lambda hit: hit[0])
        self.beginResetModel()
        self._rows, self._folders = [entry for _, entry in hits], {}
        self.endResetModel()

    def _folder(self, row: int) -> str:
        if row not in self._folders:
            self._folders[row] = self._rows[row].folder(Needle(self._text)) if self._text else ""
        return self._folders[row]

    def _told(self, entry: _Entry, column: int, folder: str) -> str:
        say, dataset, outline = self._words.say, entry.dataset, entry.outline
        if column == STAR:
            return say(
                "gui.datasets.starred" if entry.mark.starred else "gui.datasets.not-starred", title=dataset.title
            )
        kind = "package" if dataset.package else "dataset"
        text = say(f"gui.datasets.tip.{kind}", title=dataset.title, number=dataset.key)
        if outline is not None:
            size = self._words.size_range(SizeRange(outline.low, outline.high, ""))
            text = say("gui.datasets.tip.outline", dataset=text, n=outline.files, size=size)
        return say("gui.datasets.tip.found", dataset=text, folder=folder) if folder else text

    def _changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(_HEADERS) - 1))


def _id(dataset: Dataset) -> tuple[str, bool]:
    return dataset.key, dataset.package


def _number_of(entry: _Entry) -> tuple[bool, int, str]:
    key = entry.dataset.key
    number = key.isdecimal()
    return not number, int(key) if number else 0, key


_FITS: Final[dict[Range, Callable[[_Entry], bool]]] = {
    Range.ALL: lambda entry: True,
    Range.STARRED: lambda entry: entry.mark.starred,
    Range.RECENT: lambda entry: entry.mark.visited_at > 0,
}
_ORDERS: Final[dict[int, Callable[[_Entry], Any]]] = {
    STAR: lambda entry: not entry.mark.starred,
    KEY: _number_of,
    TITLE: lambda entry: entry.dataset.title.casefold(),
}
