"""A disk that remembers what was not synced yet, and the states that it may be in after a power cut.

Two kinds of file systems are played. The strict one keeps no more than POSIX says: a file's bytes once the file is
synced, a name once its folder is. The other keeps all names in one journal, as ext4 does: the sync of any file
takes with it every name that was given before. In both, the names of one folder reach the disk in the order in
which they were given, but before, after or without the bytes of their files; bytes come in any order, torn or not.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from syscalls import Call

SECTOR: Final = 512


@dataclass(slots=True, eq=False)
class Node:
    """A file or a folder. `durable` and `now` are a file's bytes; `pending` what leads from the one to the other."""

    number: int
    is_folder: bool = False
    durable: bytearray = field(default_factory=bytearray)
    now: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    names: dict[str, Node] = field(default_factory=dict)  # of a folder, as its users see it
    safe_names: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes at an offset, or with `size` another length. `moment` is when the call had returned."""

    moment: int
    offset: int = 0
    data: bytes = b""
    size: int | None = None
    grows_only: bool = False

    def apply(self, content: bytearray) -> None:
        if self.size is not None:
            if len(content) > self.size and not self.grows_only:
                del content[self.size :]
            content.extend(bytes(max(0, self.size - len(content))))
            return
        content.extend(bytes(max(0, self.offset - len(content))))
        content[self.offset : self.offset + len(self.data)] = self.data


@dataclass(frozen=True, slots=True)
class Naming:
    """In `folder`, `name` leads to `node` from now on (None: to nothing), and `gone` to nothing."""

    moment: int
    folder: Node
    name: str
    node: Node | None
    gone: str = ""

    def apply(self, names: dict[str, Node]) -> None:
        names.pop(self.gone, None)
        if self.node is None:
            names.pop(self.name, None)
        else:
            names[self.name] = self.node


@dataclass(frozen=True, slots=True)
class Image:
    """What lies below the root: path → bytes, None for a folder. Paths of one number are one file."""

    files: tuple[tuple[str, int, bytes | None], ...]

    def below(self, path: str) -> Image:
        """That folder alone, itself left out."""
        start = path + "/"
        return Image(tuple((one[0][len(start) :], *one[1:]) for one in self.files if one[0].startswith(start)))

    def lay(self, root: Path) -> None:
        """Makes it real below the empty folder `root`."""
        first: dict[int, Path] = {}
        for name, number, content in self.files:
            path = root / name
            if content is None:
                path.mkdir()
            elif number in first:
                os.link(first[number], path)
            else:
                first[number] = path
                path.write_bytes(content)


class Disk:
    """Follows calls below `root`, which is there and durable from the start."""

    def __init__(self, root: Path, *, one_journal: bool) -> None:
        self._root = PurePosixPath(root)
        self._one_journal = one_journal
        self._top = Node(0, is_folder=True)
        self._count = 0
        self._folders = [self._top]
        self._namings: list[Naming] = []  # not durable yet
        self._changed: dict[Node, None] = {}  # files with bytes that are not durable yet

    # ---- what is asked of it ----

    def see(self, call: Call) -> bool:
        """False where the call is none of this disk's."""
        match call.name:
            case "openat":
                return self._open(call)
            case "write" | "pwrite64":
                return self._write(call)
            case "ftruncate":
                return self._change(call, size=call.number(1))
            case "fallocate":
                assert call.words[1] in ("0", "FALLOC_FL_KEEP_SIZE"), call.words
                size = call.number(2) + call.number(3)
                return call.words[1] == "0" and self._change(call, size=size, grows_only=True)
            case "fsync" | "fdatasync":
                return self._sync(call)
            case _:
                return self._rename(call)

    def _open(self, call: Call) -> bool:
        place = self._place(call.text(1))
        folder, name = place or (None, "")
        if folder is None:
            return False
        if "O_CREAT" in call.words[2] and name not in folder.names:
            self._name(Naming(call.ended, folder, name, self._new()))
        elif "O_TRUNC" in call.words[2]:
            self._alter(folder.names[name], Change(call.ended, size=0))
        else:
            return False
        return True

    def _write(self, call: Call) -> bool:
        node = self._node(call)
        if node is None:
            return False
        # Only logs are written without an offset, at their end.
        offset = call.number(3) if call.name == "pwrite64" else len(node.now)
        self._alter(node, Change(call.ended, offset, call.data(1)[: call.result]))
        return True

    def _change(self, call: Call, *, size: int, grows_only: bool = False) -> bool:
        node = self._node(call)
        if node is None:
            return False
        self._alter(node, Change(call.ended, size=size, grows_only=grows_only))
        return True

    def _sync(self, call: Call) -> bool:
        """What had been asked for before the sync began is durable when it ends; what came meanwhile may be."""
        node = self._node(call)
        if node is None:
            return False
        for change in [change for change in node.pending if change.moment < call.begun]:
            change.apply(node.durable)
            node.pending.remove(change)
        if not node.pending:
            self._changed.pop(node, None)
        for naming in [one for one in self._namings if one.moment < call.begun]:
            if self._one_journal or naming.folder is node:
                naming.apply(naming.folder.safe_names)
                self._namings.remove(naming)
        return True

    def _rename(self, call: Call) -> bool:
        paths = [call.text(number) for number, word in enumerate(call.words) if word.startswith('"')]
        places = [self._place(path) for path in paths]
        if all(place is None for place in places):
            return False
        assert None not in places, "a name leads across the root"
        (folder, name), *rest = [place for place in places if place is not None]
        if folder is None:
            return False
        match call.name:
            case "mkdir":
                self._name(Naming(call.ended, folder, name, self._new(is_folder=True)))
            case "unlink" | "unlinkat":
                self._name(Naming(call.ended, folder, name, None))
            case "link" | "linkat" | "rename":
                other, new = rest[0]
                assert other is folder, "a file changes its folder"
                gone = name if call.name == "rename" else ""
                self._name(Naming(call.ended, folder, new, folder.names[name], gone))
            case _:
                raise AssertionError(f"{call.name} is not played")
        return True

    # ---- the states after a cut ----

    def least(self) -> Image:
        """Only what was synced."""
        return self._image([], lambda node: node.durable)

    def all(self) -> Image:
        """Everything, as if the power had gone a while later."""
        return self._image(self._namings, lambda node: node.now)

    def names_without_bytes(self) -> Image:
        """Every name, and of the bytes only what was synced."""
        return self._image(self._namings, lambda node: node.durable)

    def anything(self, dice: random.Random) -> Image:
        """Some names, some bytes."""
        stops = self._stops(dice)
        kept = [one for one in self._namings if one.moment < stops[0 if self._one_journal else one.folder.number]]
        contents = {node: self._torn(node, dice) for node in self._changed}
        return self._image(kept, lambda node: contents.get(node, node.durable))

    def _stops(self, dice: random.Random) -> dict[int, float]:
        """The moment up to which the names of a folder (0: of all) have come."""
        moments = [0, *(one.moment + 1 for one in self._namings)]
        return {folder.number: dice.choice(moments) for folder in self._folders}

    @staticmethod
    def _torn(node: Node, dice: random.Random) -> bytearray:
        content = bytearray(node.durable)
        share = dice.choice((0.2, 0.5, 0.8, 1.0))
        for change in node.pending:
            if dice.random() > share:
                continue
            data = change.data
            if data and dice.random() < 0.3:  # sectors come whole, or what was there before stays
                data = data[: dice.randrange(len(data)) // SECTOR * SECTOR] or data[: dice.randrange(len(data))]
            elif data and dice.random() < 0.1:  # the length has come, the bytes have not
                data = bytes(len(data))
            Change(change.moment, change.offset, data, change.size, change.grows_only).apply(content)
        return content

    def _image(self, namings: list[Naming], content: Callable[[Node], bytearray]) -> Image:
        names = {folder: dict(folder.safe_names) for folder in self._folders}
        for naming in namings:
            naming.apply(names[naming.folder])
        return Image(tuple(self._walk(self._top, "", names, content)))

    def _walk(
        self, folder: Node, start: str, names: dict[Node, dict[str, Node]], content: Callable[[Node], bytearray]
    ) -> Iterator[tuple[str, int, bytes | None]]:
        for name, node in sorted(names[folder].items()):
            if node.is_folder:
                yield start + name, node.number, None
                yield from self._walk(node, f"{start}{name}/", names, content)
            else:
                yield start + name, node.number, bytes(content(node))

    # ---- names and bytes as they are now ----

    def _new(self, *, is_folder: bool = False) -> Node:
        self._count += 1
        node = Node(self._count, is_folder)
        if is_folder:
            self._folders.append(node)
        return node

    def _name(self, naming: Naming) -> None:
        naming.apply(naming.folder.names)
        self._namings.append(naming)

    def _alter(self, node: Node, change: Change) -> None:
        change.apply(node.now)
        node.pending.append(change)
        self._changed[node] = None

    def _place(self, path: str) -> tuple[Node | None, str] | None:
        """The folder and the name that a path means; None where it is not below the root."""
        pure = PurePosixPath(path)
        if not pure.is_relative_to(self._root):
            return None
        *folders, name = pure.relative_to(self._root).parts or ("",)
        node = self._top
        for part in folders:
            node = node.names[part]
        return (node, name) if name else (None, "")

    def _node(self, call: Call) -> Node | None:
        """What the descriptor among the arguments leads to."""
        if "<" not in call.words[0]:
            return None
        path = call.text(0)
        place = self._place(path) if path.startswith("/") else None
        if place is None:
            return None
        folder, name = place
        return self._top if folder is None else folder.names[name]
