"""The files of one dataset as a tree with ticks and sums: the structure, which knows nothing of Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aihub_desktop.domain.contents import PARTS, Part, Pick, traits_of, unpacked
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.gui.search import Haystack, Needle

ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """What is ticked: how many files, their size, and how many of them the filter hides.

    `ends`: ticked folders of which not all is known; `unknown`: ticked files whose size nobody told; `unpacked`: about
    what the archives among them take up once more when they are unpacked, None where nothing tells.
    """

    files: int
    size: SizeRange
    hidden: int
    ends: int = 0
    unknown: int = 0
    unpacked: SizeRange | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The files of one part of a dataset, and how many of them are ticked."""

    part: Part
    files: int
    ticked: int
    size: SizeRange


class Node:
    """A folder or a file. Nodes are named by their place in the tree's list: an index of Qt holds a number only."""

    __slots__ = (
        "children", "file", "files", "grown_high", "grown_low", "hay", "high", "low", "name", "parent", "part", "picks",
        "row", "shown", "ticked", "volumes",
    )  # fmt: skip

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
        # Of a file alone:
        self.part = 0  # its place among `PARTS`
        self.picks: frozenset[Pick] = frozenset()
        self.volumes: tuple[int, ...] = ()  # the leaves of its split set, in their order
        self.grown_low = self.grown_high = 0  # what unpacking it takes


class FileTree:
    """Folders carry the sums of what lies beneath. A filter hides files; what is hidden keeps its tick.

    The volumes of a split set are ticked together, hidden or not, for one without the others is of no use.
    """

    def __init__(self, files: Iterable[RemoteFile] = ()) -> None:
        """`files` in the order of the hub, without ticks and without a filter."""
        self.nodes: list[Node] = [Node("", -1, None)]
        self.leaves: list[int] = []
        self.filter = ""
        self._low = self._high = self._grown_low = self._grown_high = 0
        self._ticked = [0] * len(PARTS)
        self._hidden: frozenset[int] = frozenset()
        folders: dict[str, int] = {"": ROOT}
        for file in files:
            folder, _, name = file.path.rpartition("/")
            self.leaves.append(self._enter(name, self._folder(folder, folders), file))
        self._join_chains()
        self._sort_out()
        self._add_up()
        self._show_all()

    def show(self, text: str) -> None:
        """Shows the files in whose path all words of `text` occur, with the folders that lead to them."""
        self.filter = text
        needle = Needle(text)
        if needle:
            self._show_only([leaf for leaf in self.leaves if needle.found_in(self._hay(leaf))])
        else:
            self._show_all()

    def total(self) -> Sum:
        """Everything there is, ticked or not."""
        root = self.nodes[ROOT]
        return Sum(root.files, SizeRange(root.low, root.high, ""), 0)

    def sum(self) -> Sum:
        """What is ticked."""
        hidden = sum(1 for leaf in self._hidden if self.nodes[leaf].ticked)
        unpacked = SizeRange(self._grown_low, self._grown_high, "")
        return Sum(self.nodes[ROOT].ticked, SizeRange(self._low, self._high, ""), hidden, unpacked=unpacked)

    def shares(self) -> list[Share]:
        """Of what the dataset consists, in the order of `PARTS`; parts without files are left out."""
        return [
            Share(part, files, self._ticked[place], SizeRange(low, high, ""))
            for place, (part, (files, low, high)) in enumerate(zip(PARTS, self._shares, strict=True))
            if files
        ]

    def picks(self) -> list[Pick]:
        """The choices that some files belong to, and others do not."""
        counts = Counter(pick for leaf in self.leaves for pick in self.nodes[leaf].picks)
        return [pick for pick in Pick if 0 < counts[pick] < len(self.leaves)]

    def picked(self, pick: Pick) -> Iterator[int]:
        """The shown leaves that belong to a choice."""
        return (leaf for leaf in self.leaves if pick in self.nodes[leaf].picks and leaf not in self._hidden)

    def of_part(self, part: Part) -> Iterator[int]:
        """All leaves of a part."""
        place = PARTS.index(part)
        return (leaf for leaf in self.leaves if self.nodes[leaf].part == place)

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        """All of them, or the ticked ones, in the order of the tree as the hub gave it."""
        nodes = (self.nodes[leaf] for leaf in self.leaves)
        return [node.file for node in nodes if node.file is not None and (node.ticked or not ticked)]

    def shown_files(self) -> int:
        """How many files the filter lets through."""
        return len(self.leaves) - len(self._hidden)

    def tick(self, wanted: Iterable[int], on: bool) -> dict[int, tuple[int, int]]:
        """Ticks these leaves, or takes their ticks. Which shown rows look different now: the first and the last below
        each node that has any.
        """
        step = 1 if on else -1
        touched: dict[int, tuple[int, int]] = {}
        for leaf in self._with_sets(wanted):
            node = self.nodes[leaf]
            if bool(node.ticked) == on:
                continue
            self._low += step * node.low
            self._high += step * node.high
            self._grown_low += step * node.grown_low
            self._grown_high += step * node.grown_high
            self._ticked[node.part] += step
            is_shown = leaf not in self._hidden
            while True:
                node.ticked += step
                if node.parent < 0:
                    break
                if is_shown or node.shown:
                    is_shown = True
                    first, last = touched.get(node.parent, (node.row, node.row))
                    touched[node.parent] = (min(first, node.row), max(last, node.row))
                node = self.nodes[node.parent]
        return touched

    def _with_sets(self, wanted: Iterable[int]) -> Iterator[int]:
        done: set[int] = set()
        for leaf in wanted:
            volumes = self.nodes[leaf].volumes
            if not volumes:
                yield leaf
            elif volumes[0] not in done:
                done.add(volumes[0])
                yield from volumes

    def beneath(self, place: int) -> Iterator[int]:
        """The shown leaves below a node, or the leaf itself."""
        waiting = [place]
        while waiting:
            place = waiting.pop()
            if self.nodes[place].file is not None:
                yield place
            else:
                waiting.extend(self.nodes[place].shown)

    def folders(self) -> Iterator[int]:
        """Every shown folder, parents before children."""
        waiting = [ROOT]
        while waiting:
            for place in self.nodes[waiting.pop()].shown:
                if self.nodes[place].file is None:
                    waiting.append(place)
                    yield place

    def path_of(self, place: int) -> str:
        """The path from the root, which names a folder even after the rows have moved."""
        parts = []
        while place > ROOT:
            parts.append(self.nodes[place].name)
            place = self.nodes[place].parent
        return "/".join(reversed(parts))

    def _folder(self, path: str, folders: dict[str, int]) -> int:
        if path not in folders:
            above, _, name = path.rpartition("/")
            folders[path] = self._enter(name, self._folder(above, folders), None)
        return folders[path]

    def _enter(self, name: str, parent: int, file: RemoteFile | None) -> int:
        place = len(self.nodes)
        self.nodes.append(Node(name, parent, file))
        self.nodes[parent].children.append(place)
        return place

    def _join_chains(self) -> None:
        """A folder that holds one folder and nothing else is one row with it: the hub's trees are deep and thin."""
        for place, node in enumerate(self.nodes[1:], 1):
            while len(node.children) == 1 and self.nodes[node.children[0]].file is None:
                below = self.nodes[node.children[0]]
                node.name = f"{node.name}/{below.name}"
                node.children, below.children, below.parent = below.children, [], -1
                for child in node.children:
                    self.nodes[child].parent = place

    def _sort_out(self) -> None:
        """What each file is, and to which set it belongs."""
        files = {leaf: file for leaf in self.leaves if (file := self.nodes[leaf].file) is not None}
        sets = whole_sets({leaf: file.path for leaf, file in files.items()})
        shares = [[0, 0, 0] for _ in PARTS]
        places = {part: place for place, part in enumerate(PARTS)}
        for leaf, file in files.items():
            node, traits = self.nodes[leaf], traits_of(file.path)
            node.part, node.picks, node.volumes = places[traits.part], traits.picks, sets.get(leaf, ())
            grown = unpacked(file, traits.part, volume=bool(node.volumes))
            node.grown_low, node.grown_high = grown.low, grown.high
            for number, value in enumerate((1, file.size.low, file.size.high)):
                shares[node.part][number] += value
        self._shares = [(files, low, high) for files, low, high in shares]

    def _add_up(self) -> None:
        # A parent always stands before its children, so one pass from the end is enough.
        for node in reversed(self.nodes):
            if node.file is not None:
                node.files, node.low, node.high = 1, node.file.size.low, node.file.size.high
            if node.parent >= 0:
                above = self.nodes[node.parent]
                above.files += node.files
                above.low += node.low
                above.high += node.high

    def _show_all(self) -> None:
        self._hidden = frozenset()
        for node in self.nodes:
            node.shown = node.children
            for row, child in enumerate(node.children):
                self.nodes[child].row = row

    def _show_only(self, leaves: list[int]) -> None:
        wanted = set(leaves)
        self._hidden = frozenset(self.leaves) - wanted
        for leaf in leaves:
            place = self.nodes[leaf].parent
            while place >= 0 and place not in wanted:
                wanted.add(place)
                place = self.nodes[place].parent
        for node in self.nodes:
            node.shown = [child for child in node.children if child in wanted]
            for row, child in enumerate(node.shown):
                self.nodes[child].row = row

    def _hay(self, leaf: int) -> Haystack:
        node = self.nodes[leaf]
        if node.hay is None:
            assert node.file is not None
            node.hay = Haystack(node.file.path)
        return node.hay
