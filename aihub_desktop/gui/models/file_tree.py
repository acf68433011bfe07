"""The files of one dataset as a tree with ticks that have three states, for Qt's views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.gui.models.tree import ROOT, FileTree, Node, Sum
from aihub_desktop.system.words import Words

NAME, SIZE, KEY = 0, 1, 2
_HEADERS: Final = ("gui.files.column.name", "gui.files.column.size", "gui.files.column.key")
VOLUME_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 30  # which volume of a split set, in words; "" for none
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class FileTreeModel(QAbstractItemModel):
    """A tick on a folder reaches the files that the filter shows; one on a volume its whole split set."""

    ticks_changed = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._tree = FileTree()

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    def fill(self, files: Iterable[RemoteFile]) -> None:
        """Other files, without ticks and without a filter."""
        self.beginResetModel()
        self._tree = FileTree(files)
        self.endResetModel()
        self.ticks_changed.emit()

    def filter(self, text: str) -> None:
        """Shows the files in whose path all words of `text` occur, with the folders that lead to them."""
        if text == self._tree.filter:
            return
        self.beginResetModel()
        self._tree.show(text)
        self.endResetModel()
        self.ticks_changed.emit()

    @property
    def content(self) -> FileTree:
        """What is in it, for whoever asks; ticks and filters change through the model alone."""
        return self._tree

    def total(self) -> Sum:
        """Everything there is, ticked or not."""
        return self._tree.total()

    def sum(self) -> Sum:
        """What is ticked."""
        return self._tree.sum()

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        """All of them, or the ticked ones, in the order of the tree as the hub gave it."""
        return self._tree.files(ticked=ticked)

    def tick(self, index: AnyIndex, on: bool) -> None:
        """Ticks a file, or every shown file beneath a folder; the invalid index stands for all."""
        self.tick_leaves(self._tree.beneath(_place(index)), on)

    def tick_rows(self, indexes: Iterable[AnyIndex], on: bool) -> None:
        """As `tick`, many at once."""
        self.tick_leaves((leaf for index in indexes for leaf in self._tree.beneath(_place(index))), on)

    def tick_keys(self, keys: Set[str]) -> None:
        """Ticks the files with these file keys, those that there are."""
        nodes = self._tree.nodes
        self.tick_leaves([leaf for leaf in self._tree.leaves if (file := nodes[leaf].file) and file.key in keys], True)

    def untick_all(self) -> None:
        """Also what the filter hides."""
        self.tick_leaves(self._tree.leaves, False)

    def tick_leaves(self, wanted: Iterable[int], on: bool, *, instead: bool = False) -> None:
        """Leaves of `content`, each with its split set. `instead`: all others lose their ticks."""
        before = self._tree.tick(self._tree.leaves, False) if instead else {}
        after = self._tree.tick(wanted, on)
        for touched in (before, after):
            for place, (first, last) in touched.items():
                shown = self._tree.nodes[place].shown
                # Qt asks for the flags of every row in between.
                ends = self._index_of(shown[first]), self._index_of(shown[last])
                self.dataChanged.emit(*ends, [Qt.ItemDataRole.CheckStateRole])
        if before or after:
            self.ticks_changed.emit()

    def tick_state(self, index: AnyIndex) -> Qt.CheckState:
        node = self._tree.nodes[_place(index)]
        if node.ticked == 0:
            return Qt.CheckState.Unchecked
        return Qt.CheckState.Checked if node.ticked == node.files else Qt.CheckState.PartiallyChecked

    def path_of(self, index: AnyIndex) -> str:
        """The path from the root, which names a folder even after the rows have moved."""
        return self._tree.path_of(_place(index))

    def folders(self) -> Iterator[QModelIndex]:
        """Every shown folder, parents before children."""
        return (self._index_of(place) for place in self._tree.folders())

    # ---- Qt ----

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self._tree.nodes[_place(parent)].shown[row])

    def parent(self, index: AnyIndex = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        return self._index_of(self._tree.nodes[_place(index)].parent) if index.isValid() else QModelIndex()

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.column() > 0 else len(self._tree.nodes[_place(parent)].shown)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return len(_HEADERS)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.isValid() and index.column() == NAME else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node, place = self._tree.nodes[_place(index)], _place(index)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(self._words, node, index.column())
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(filter(None, (self.path_of(index), _volume(self._words, "tip", node, place))))
            case Qt.ItemDataRole.TextAlignmentRole if index.column() != NAME:
                return _RIGHT
            case Qt.ItemDataRole.CheckStateRole if index.column() == NAME:
                return self.tick_state(index)
        return _named(self._words, node, place, role) if index.column() == NAME else None

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.column() != NAME:
            return False
        self.tick(index, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole and section != NAME:
            return _RIGHT
        return None

    # ---- inside ----

    def _index_of(self, place: int) -> QModelIndex:
        return QModelIndex() if place <= ROOT else self.createIndex(self._tree.nodes[place].row, NAME, place)


def _text(words: Words, node: Node, column: int) -> str:
    if column == NAME:
        return node.name
    if column == SIZE:
        shown = node.file.size.shown if node.file is not None and node.low < node.high else ""
        return shown or words.size_range(SizeRange(node.low, node.high, ""))
    return node.file.key if node.file is not None else ""


def _named(words: Words, node: Node, place: int, role: int) -> str | None:
    """What the column of names alone tells."""
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return _spoken(words, node, place)
    return _volume(words, "row", node, place) if role == VOLUME_ROLE else None


def _spoken(words: Words, node: Node, place: int) -> str:
    size = _text(words, node, SIZE)
    if node.file is None:
        return words.say("gui.files.spoken.folder", name=node.name, size=size, n=node.files)
    return words.say("gui.files.spoken.file", name=node.name, size=size, volume=_volume(words, "row", node, place))


def _volume(words: Words, where: str, node: Node, place: int) -> str:
    """Which of how many volumes of a split set it is; "" for what is none."""
    if not node.volumes:
        return ""
    return words.say(f"gui.files.volume.{where}", number=node.volumes.index(place) + 1, all=len(node.volumes))


def _place(index: AnyIndex) -> int:
    return int(index.internalId()) if index.isValid() else ROOT
