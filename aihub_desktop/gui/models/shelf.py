"""What is known of an object storage: buckets, folders and objects with ticks and sums. It knows nothing of Qt.

A folder is asked for in pages, when someone looks into it. One that is ticked means everything below it, also what
has not been asked for. Ticks and sums are kept per folder, so that nothing ever walks over all objects of one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from aihub_desktop.domain.contents import grown
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.gui.search import Haystack, Needle

TAIL: Final = -1  # the place of the line at a folder's end that is no entry: more to come, a problem, or nothing here


class Tick(IntEnum):
    """As they stand in `Folder.ticks`."""

    OFF = 0
    ON = 1
    PARTLY = 2


class Load(NamedTuple):
    """So many objects, their bytes, and what their archives take up once more when they are unpacked."""

    files: int = 0
    bytes: int = 0
    grown_low: int = 0
    grown_high: int = 0

    @classmethod
    def of(cls, files: Sequence[RemoteFile]) -> Load:
        out = grown(files)
        return cls(len(files), sum([file.size.low for file in files]), out.low, out.high)

    def plus(self, other: Load, times: int = 1) -> Load:
        return Load(*(mine + times * more for mine, more in zip(self, other, strict=True)))


_NOTHING: Final = Load()


class Folder:
    """The storage itself, a bucket, or a folder of keys. `entries` are those that have come, in their order.

    `rest`: what has not come yet is ticked. `next`: None before it was asked for, "" when all is here.
    `shown`: the places that the filter lets through, None for all.
    """

    __slots__ = (
        "asked", "at", "beneath", "bucket", "bytes", "entries", "files", "folders", "is_open", "name", "next", "on",
        "open_ends", "opened", "own", "parent", "partly", "prefix", "problem", "rest", "shown", "taken", "ticks",
    )  # fmt: skip

    def __init__(self, name: str, bucket: str, prefix: str, parent: Folder | None, at: int) -> None:
        self.name, self.bucket, self.prefix = name, bucket, prefix
        self.parent = parent
        self.at = at  # its place among the parent's entries
        self.entries: list[Folder | RemoteFile] = []
        self.folders: list[Folder] = []  # those among the entries
        self.ticks = bytearray()
        self.on = self.partly = 0  # entries with these ticks
        self.rest = False
        self.next: str | None = None
        self.asked = False
        self.problem: Problem | None = None
        self.shown: list[int] | None = None
        self.is_open = False
        self.opened: set[Folder] = set()  # open ones among `folders`
        self.beneath = 0  # lines below it, while it is open and in sight
        self.own = self.taken = _NOTHING  # directly in it: all, and what is ticked
        self.files = self.bytes = 0  # known at any depth
        self.open_ends = 1  # folders at any depth, itself included, that are not all here

    @property
    def complete(self) -> bool:
        return self.next == ""

    @property
    def tick(self) -> Tick:
        count, whole = len(self.entries), self.rest if not self.complete else True
        if self.on == count and whole and (count or self.rest):
            return Tick.ON
        none = not self.on and not self.partly
        return Tick.OFF if none and not (self.rest and (not self.complete or not count)) else Tick.PARTLY

    @property
    def path(self) -> str:
        """For people: "BUCKET/FOLDER/FOLDER"."""
        return f"{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def depth(self) -> int:
        """0 for buckets."""
        found, place = -1, self
        while place.parent is not None:
            found, place = found + 1, place.parent
        return found

    def places(self) -> Sequence[int]:
        """Those that the filter shows."""
        return range(len(self.entries)) if self.shown is None else self.shown

    @property
    def has_tail(self) -> bool:
        return not self.complete or self.problem is not None or not self.entries

    @property
    def top(self) -> Folder:
        """The root of the tree that it is of."""
        folder = self
        while folder.parent is not None:
            folder = folder.parent
        return folder


class ShelfTree:
    """Lines are what a table shows: each is an owner and a place in it. Line 0 is the first bucket."""

    def __init__(self) -> None:
        self.root = Folder("", "", "", None, 0)
        self.root.is_open = True
        self.owners: list[Folder] = []
        self.at: list[int] = []
        self.taken = _NOTHING  # what is ticked
        self.ticked_ends = 0  # folders whose rest is ticked and not here
        self.filter = ""
        self._needle = Needle("")
        self.rebuild()

    # ---- lines ----

    def rebuild(self) -> None:
        """All lines anew."""
        self.owners, self.at = self.lines_below(self.root)
        self.root.beneath = len(self.at)

    def lines_below(self, folder: Folder) -> tuple[list[Folder], list[int]]:
        """(owners, places) of an open folder's lines, with those of open folders in it."""
        places, start = folder.places(), 0
        owners: list[Folder] = []
        at: list[int] = []
        for child in sorted(folder.opened, key=lambda each: each.at):
            row = bisect_left(places, child.at)
            if row == len(places) or places[row] != child.at:
                child.beneath = 0
                continue
            owners += [folder] * (row + 1 - start)
            at += places[start : row + 1]
            below = self.lines_below(child)
            child.beneath = len(below[0])
            owners += below[0]
            at += below[1]
            start = row + 1
        owners += [folder] * (len(places) - start)
        at += places[start:]
        if folder.has_tail:
            owners.append(folder)
            at.append(TAIL)
        return owners, at

    def entry(self, line: int) -> Folder | RemoteFile | None:
        """None for a tail."""
        place = self.at[line]
        return None if place == TAIL else self.owners[line].entries[place]

    def line_of(self, folder: Folder) -> int:
        """Of a folder in sight; -1 for the storage."""
        above = folder.parent
        if above is None:
            return -1
        row = folder.at if above.shown is None else bisect_left(above.shown, folder.at)
        return self.line_of(above) + 1 + row + sum(each.beneath for each in above.opened if each.at < folder.at)

    def in_sight(self, folder: Folder) -> bool:
        """Whether the line of a folder stands there."""
        place = folder
        while (above := place.parent) is not None:
            if not above.is_open or not _holds(above, place.at):
                return False
            place = above
        return True

    def grow(self, folder: Folder, lines: int) -> None:
        """So many more lines (or fewer) stand below an open folder in sight."""
        place: Folder | None = folder
        while place is not None:
            place.beneath += lines
            place = place.parent

    # ---- pages ----

    def add(self, folder: Folder, page: Shelf) -> list[int]:
        """Enters a page; the places of what came that the filter shows."""
        first = len(folder.entries)
        below = "" if folder.parent is None else folder.prefix
        for name in page.folders:
            bucket, prefix = (folder.bucket, f"{below}{name}/") if folder.bucket else (name, "")
            child = Folder(name, bucket, prefix, folder, len(folder.entries))
            child.rest = folder.rest
            folder.folders.append(child)
            folder.entries.append(child)
        folder.entries += page.files
        load = Load.of(page.files)
        self._count(folder, page, load, ended=not page.next)
        self._tick_new(folder, first, load)
        if folder.rest and not page.next:
            self.ticked_ends -= 1
        folder.next, folder.asked, folder.problem = page.next, False, None
        self._tell_up(folder)
        return self._let_through(folder, first)

    @staticmethod
    def _count(folder: Folder, page: Shelf, load: Load, *, ended: bool) -> None:
        folder.own = folder.own.plus(load)
        place: Folder | None = folder
        while place is not None:
            place.files += load.files
            place.bytes += load.bytes
            place.open_ends += len(page.folders) - ended
            place = place.parent

    def _tick_new(self, folder: Folder, first: int, load: Load) -> None:
        fresh = len(folder.entries) - first
        folder.ticks += bytes((folder.rest,)) * fresh
        if folder.rest:
            folder.on += fresh
            self._take(folder, load)
            self.ticked_ends += fresh - load.files

    def _let_through(self, folder: Folder, first: int) -> list[int]:
        fresh = list(range(first, len(folder.entries)))
        if folder.shown is None:
            return fresh
        passed: list[int] = []
        for place in fresh:
            entry = folder.entries[place]
            if self._needle.found_in(_hay(entry)):
                passed.append(place)
            elif isinstance(entry, Folder):
                entry.shown = []
        folder.shown += passed
        return passed

    # ---- ticks ----

    def tick(self, folder: Folder, place: int, on: bool) -> None:
        """One entry, with everything that the filter shows beneath it."""
        entry = folder.entries[place]
        if isinstance(entry, Folder):
            self.tick_all(entry, on)
        elif folder.ticks[place] != on:
            self._tick_file(folder, place, on)
            self._tell_up(folder)

    def tick_all(self, folder: Folder, on: bool) -> None:
        """Everything beneath a folder that the filter shows; without a filter also what has not come yet."""
        self._fill(folder, on)
        self._tell_up(folder)

    def _fill(self, folder: Folder, on: bool) -> None:
        if folder.shown is not None:
            self._fill_shown(folder, folder.shown, on)
            return
        if folder.rest != on and not folder.complete:
            self.ticked_ends += 1 if on else -1
        folder.rest = on
        for child in folder.folders:
            self._fill(child, on)
        folder.ticks = bytearray((on,)) * len(folder.entries)
        folder.on, folder.partly = (len(folder.entries) if on else 0), 0
        wanted = folder.own if on else _NOTHING
        self._take(folder, wanted.plus(folder.taken, -1))

    def _fill_shown(self, folder: Folder, shown: list[int], on: bool) -> None:
        for place in shown:
            if isinstance(child := folder.entries[place], Folder):
                self._fill(child, on)
                self._enter(folder, place, child.tick)
            elif folder.ticks[place] != on:
                self._tick_file(folder, place, on)

    def _tick_file(self, folder: Folder, place: int, on: bool) -> None:
        file = folder.entries[place]
        assert isinstance(file, RemoteFile)
        self._enter(folder, place, Tick.ON if on else Tick.OFF)
        self._take(folder, Load.of([file]), 1 if on else -1)

    def _take(self, folder: Folder, load: Load, times: int = 1) -> None:
        folder.taken = folder.taken.plus(load, times)
        self.taken = self.taken.plus(load, times)

    @staticmethod
    def _enter(folder: Folder, place: int, tick: Tick) -> None:
        old = folder.ticks[place]
        folder.on += (tick is Tick.ON) - (old == Tick.ON)
        folder.partly += (tick is Tick.PARTLY) - (old == Tick.PARTLY)
        folder.ticks[place] = tick

    def _tell_up(self, folder: Folder) -> None:
        place = folder
        while (above := place.parent) is not None:
            self._enter(above, place.at, place.tick)
            place = above

    def hidden_on(self) -> int:
        """Ticked objects that the filter hides."""
        return self.taken.files - self._shown_on(self.root) if self.filter else 0

    def _shown_on(self, folder: Folder) -> int:
        shown = folder.shown
        if shown is None:
            return folder.taken.files + sum(map(self._shown_on, folder.folders))
        found = 0
        for place in shown:
            child = folder.entries[place]
            found += self._shown_on(child) if isinstance(child, Folder) else folder.ticks[place]
        return found

    # ---- the filter ----

    def sift(self, text: str, turn: int = 500) -> Iterator[None]:
        """Finds what `text` lets through of what is here; after each `turn` entries the caller may do other things.

        Shows it at the end, all at once; then the lines have to be built anew.
        """
        needle = Needle(text)
        found: dict[Folder, list[int] | None] = {}
        if needle:
            for child in self.root.folders:
                yield from self._sift(child, needle, found, turn)
            found[self.root] = [child.at for child in self.root.folders if found[child] != []]
        else:
            found[self.root] = None
        self.filter, self._needle = text if needle else "", needle
        for folder, shown in found.items():
            folder.shown = shown
            if shown is None:
                _show_all(folder)

    def _sift(self, folder: Folder, needle: Needle, found: dict[Folder, list[int] | None], turn: int) -> Iterator[None]:
        if needle.found_in(Haystack(folder.path)):
            found[folder] = None
            return
        shown: list[int] = []
        for place, entry in enumerate(folder.entries):
            if isinstance(entry, Folder):
                yield from self._sift(entry, needle, found, turn)
                passes = found[entry] != []
            else:
                passes = needle.found_in(Haystack(entry.key))
            if passes:
                shown.append(place)
            if place % turn == turn - 1:
                yield
        found[folder] = shown

    def sum(self) -> Sum:
        """What is ticked and known."""
        taken = self.taken
        size, out = SizeRange(taken.bytes, taken.bytes, ""), SizeRange(taken.grown_low, taken.grown_high, "")
        return Sum(taken.files, size, self.hidden_on(), self.ticked_ends, unpacked=out)

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        """Those that are known, all or the ticked ones."""
        found: list[RemoteFile] = []
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            waiting += folder.folders
            if folder.taken.files or not ticked:
                pairs = zip(folder.entries, folder.ticks, strict=True)
                found += [each for each, on in pairs if isinstance(each, RemoteFile) and (on or not ticked)]
        return found


def _hay(entry: Folder | RemoteFile) -> Haystack:
    return Haystack(entry.path if isinstance(entry, Folder) else entry.key)


def _show_all(folder: Folder) -> None:
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        place.shown = None
        waiting += place.folders


def _holds(folder: Folder, place: int) -> bool:
    if folder.shown is None:
        return True
    row = bisect_left(folder.shown, place)
    return row < len(folder.shown) and folder.shown[row] == place
