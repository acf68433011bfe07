"""The files of one dataset as a tree with ticks that have three states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.gui.search import Haystack, Needle
from aihub_desktop.system.words import Words

NAME, SIZE, KEY = 0, 1, 2
_HEADERS: Final = ("gui.files.column.name", "gui.files.column.size", "gui.files.column.key")
_ROOT: Final = 0
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


@dataclass(frozen=True, slots=True)
class Sum:
    """What is ticked: how many files, their size, and how many of them the filter hides."""

    files: int
    size: SizeRange
    hidden: int


class _Node:
    """A folder or a file. Nodes are named by their place in the model's list: an index of Qt holds a number only."""

    __slots__ = ("children", "file", "files", "hay", "high", "low", "name", "parent", "row", "shown", "ticked")

    def __init__(self, name: str, parent: int, file: RemoteFile | None) -> None:
        self.name = name
        self.parent = parent
        self.file = file
        self.row = 0  # among the shown children of its parent
        self.children: list[int] = []
        self.shown: list[int] = []
        self.files = 0  # beneath, itself included
        self.ticked = 0
        self.low = 0
        self.high = 0
        self.hay: Haystack | None = None


class FileTreeModel(QAbstractItemModel):
    """Folders carry the sums of what lies beneath. A tick on a folder reaches the files that the filter shows."""

    ticks_changed = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._nodes: list[_Node] = [_Node("", -1, None)]
        self._leaves: list[int] = []
        self._filter = ""
        self._low = 0
        self._high = 0
        self._hidden: frozenset[int] = frozenset()

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    def fill(self, files: Iterable[RemoteFile]) -> None:
        """Other files, without ticks and without a filter."""
        self.beginResetModel()
        self._nodes, self._leaves = [_Node("", -1, None)], []
        self._filter, self._low, self._high, self._hidden = "", 0, 0, frozenset()
        folders: dict[str, int] = {"": _ROOT}
        for file in files:
            folder, _, name = file.path.rpartition("/")
            self._leaves.append(self._enter(name, self._folder(folder, folders), file))
        self._join_chains()
        self._add_up()
        self._show_all()
        self.endResetModel()
        self.ticks_changed.emit()

    def filter(self, text: str) -> None:
        """Shows the files in whose path all words of `text` occur, with the folders that lead to them."""
        if text == self._filter:
            return
        self.beginResetModel()
        self._filter = text
        needle = Needle(text)
        if needle:
            self._show_only([leaf for leaf in self._leaves if needle.found_in(self._hay(leaf))])
        else:
            self._show_all()
        self.endResetModel()
        self.ticks_changed.emit()

    @property
    def filtering(self) -> str:
        return self._filter

    def total(self) -> Sum:
        """Everything there is, ticked or not."""
        root = self._nodes[_ROOT]
        return Sum(root.files, SizeRange(root.low, root.high, ""), 0)

    def sum(self) -> Sum:
        """What is ticked."""
        hidden = sum(1 for leaf in self._hidden if self._nodes[leaf].ticked)
        return Sum(self._nodes[_ROOT].ticked, SizeRange(self._low, self._high, ""), hidden)

    def ticked(self) -> list[RemoteFile]:
        """The ticked files, in the order of the tree as the hub gave it."""
        nodes = (self._nodes[leaf] for leaf in self._leaves)
        return [node.file for node in nodes if node.ticked and node.file is not None]

    def files(self) -> list[RemoteFile]:
        """All of them, in the order of the tree as the hub gave it."""
        nodes = (self._nodes[leaf] for leaf in self._leaves)
        return [node.file for node in nodes if node.file is not None]

    def tick(self, index: AnyIndex, on: bool) -> None:
        """Ticks a file, or every shown file beneath a folder; the invalid index stands for all."""
        self._tick(self._beneath(self._id(index)), on)

    def tick_keys(self, keys: Set[str]) -> None:
        """Ticks the files with these file keys, those that there are."""
        self._tick((leaf for leaf in self._leaves if (file := self._nodes[leaf].file) and file.key in keys), True)

    def untick_all(self) -> None:
        """Also what the filter hides."""
        self._tick(self._leaves, False)

    def _tick(self, wanted: Iterable[int], on: bool) -> None:
        leaves = [leaf for leaf in wanted if bool(self._nodes[leaf].ticked) != on]
        step = 1 if on else -1
        touched: set[int] = set()
        for leaf in leaves:
            node = self._nodes[leaf]
            self._low += step * node.low
            self._high += step * node.high
            place = leaf
            while place >= 0:
                self._nodes[place].ticked += step
                touched.add(self._nodes[place].parent)
                place = self._nodes[place].parent
        self._tell(touched)
        if leaves:
            self.ticks_changed.emit()

    def tick_state(self, index: AnyIndex) -> Qt.CheckState:
        node = self._nodes[self._id(index)]
        if node.ticked == 0:
            return Qt.CheckState.Unchecked
        return Qt.CheckState.Checked if node.ticked == node.files else Qt.CheckState.PartiallyChecked

    def path_of(self, index: AnyIndex) -> str:
        """The path from the root, which names a folder even after the rows have moved."""
        parts, place = [], self._id(index)
        while place > _ROOT:
            parts.append(self._nodes[place].name)
            place = self._nodes[place].parent
        return "/".join(reversed(parts))

    def folders(self) -> Iterator[QModelIndex]:
        """Every shown folder, parents before children."""
        waiting = [_ROOT]
        while waiting:
            for place in self._nodes[waiting.pop()].shown:
                if self._nodes[place].file is None:
                    waiting.append(place)
                    yield self._index_of(place)

    def shown_files(self) -> int:
        """How many files the filter lets through."""
        return len(self._leaves) - len(self._hidden)

    # ---- Qt ----

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self._nodes[self._id(parent)].shown[row])

    def parent(self, index: AnyIndex = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        return self._index_of(self._nodes[self._id(index)].parent) if index.isValid() else QModelIndex()

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.column() > 0 else len(self._nodes[self._id(parent)].shown)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return len(_HEADERS)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.isValid() and index.column() == NAME else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self._nodes[self._id(index)]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(node, index.column())
            case Qt.ItemDataRole.CheckStateRole if index.column() == NAME:
                return self.tick_state(index)
            case Qt.ItemDataRole.TextAlignmentRole if index.column() != NAME:
                return _RIGHT
            case Qt.ItemDataRole.ToolTipRole:
                return self.path_of(index)
            case Qt.ItemDataRole.AccessibleTextRole if index.column() == NAME:
                return self._spoken(node)
        return None

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

    def _folder(self, path: str, folders: dict[str, int]) -> int:
        if path not in folders:
            above, _, name = path.rpartition("/")
            folders[path] = self._enter(name, self._folder(above, folders), None)
        return folders[path]

    def _enter(self, name: str, parent: int, file: RemoteFile | None) -> int:
        place = len(self._nodes)
        self._nodes.append(_Node(name, parent, file))
        self._nodes[parent].children.append(place)
        return place

    def _join_chains(self) -> None:
        """A folder that holds one folder and nothing else is one row with it: the hub's trees are deep and thin."""
        for place, node in enumerate(self._nodes[1:], 1):
            while len(node.children) == 1 and self._nodes[node.children[0]].file is None:
                below = self._nodes[node.children[0]]
                node.name = f"{node.name}/{below.name}"
                node.children, below.children, below.parent = below.children, [], -1
                for child in node.children:
                    self._nodes[child].parent = place

    def _add_up(self) -> None:
        # A parent always stands before its children, so one pass from the end is enough.
        for node in reversed(self._nodes):
            if node.file is not None:
                node.files, node.low, node.high = 1, node.file.size.low, node.file.size.high
            if node.parent >= 0:
                above = self._nodes[node.parent]
                above.files += node.files
                above.low += node.low
                above.high += node.high

    def _show_all(self) -> None:
        self._hidden = frozenset()
        for node in self._nodes:
            node.shown = node.children
            for row, child in enumerate(node.children):
                self._nodes[child].row = row

    def _show_only(self, leaves: list[int]) -> None:
        wanted = set(leaves)
        self._hidden = frozenset(self._leaves) - wanted
        for leaf in leaves:
            place = self._nodes[leaf].parent
            while place >= 0 and place not in wanted:
                wanted.add(place)
                place = self._nodes[place].parent
        for node in self._nodes:
            node.shown = [child for child in node.children if child in wanted]
            for row, child in enumerate(node.shown):
                self._nodes[child].row = row

    def _hay(self, leaf: int) -> Haystack:
        node = self._nodes[leaf]
        if node.hay is None:
            assert node.file is not None
            node.hay = Haystack(node.file.path)
        return node.hay

    def _beneath(self, place: int) -> Iterator[int]:
        waiting = [place]
        while waiting:
            place = waiting.pop()
            if self._nodes[place].file is not None:
                yield place
            else:
                waiting.extend(self._nodes[place].shown)

    def _tell(self, parents: set[int]) -> None:
        """The ticks of all children of these folders may look different."""
        for place in parents:
            if place >= 0 and (shown := self._nodes[place].shown):
                first, last = self._index_of(shown[0]), self._index_of(shown[-1])
                self.dataChanged.emit(first, last, [Qt.ItemDataRole.CheckStateRole])

    def _id(self, index: AnyIndex) -> int:
        return int(index.internalId()) if index.isValid() else _ROOT

    def _index_of(self, place: int) -> QModelIndex:
        return QModelIndex() if place <= _ROOT else self.createIndex(self._nodes[place].row, NAME, place)

    def _text(self, node: _Node, column: int) -> str:
        if column == NAME:
            return node.name
        if column == SIZE:
            return node.file.size.shown if node.file is not None and node.low < node.high else self._size(node)
        return node.file.key if node.file is not None else ""

    def _size(self, node: _Node) -> str:
        return self._words.size_range(SizeRange(node.low, node.high, ""))

    def _spoken(self, node: _Node) -> str:
        kind = "file" if node.file is not None else "folder"
        return self._words.say(f"gui.files.spoken.{kind}", name=node.name, size=self._text(node, SIZE), n=node.files)
