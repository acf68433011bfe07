"""What a folder has of what it is to have: what is right, what has to come, what is broken, what is no longer wished.

Size and time of each file are compared with those it had when it was proved; what differs in its time alone is read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from aihub_desktop.disk.files import native
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import BROKEN, Depth, Finding
from aihub_desktop.domain.model import HUB, RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.holdings import repair
from aihub_desktop.holdings.crew import Crew
from aihub_desktop.holdings.looking import Expected, Look, Seen
from aihub_desktop.holdings.times import Times, remembered, stamp_of
from aihub_desktop.holdings.verify import readers
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.manifest import in_nfc


class Scope(msgspec.Struct, frozen=True):
    """What of a folder was asked for as a whole: a dataset of the hub, or all objects below `prefix` of a bucket."""

    source: str
    dataset: str
    package: bool = False
    prefix: str = ""

    def has(self, entry: Entry) -> bool:
        same = (entry.source, entry.dataset, entry.package) == (self.source, self.dataset, self.package)
        return same and bool(entry.key) and entry.key.startswith(self.prefix)


@dataclass(slots=True)
class Balance:
    """`right`: also archives that were deleted once everything in them stood. `older`: of another release, to be
    replaced by what is among `wanting`; those of them that somebody changed are in `touched`.
    """

    right: list[Entry] = field(default_factory=list)
    wanting: list[RemoteFile] = field(default_factory=list)
    broken: list[tuple[Seen, RemoteFile]] = field(default_factory=list)
    older: list[Entry] = field(default_factory=list)
    touched: list[Seen] = field(default_factory=list)
    surplus: list[Entry] = field(default_factory=list)
    replacing: list[RemoteFile] = field(default_factory=list)  # those of `wanting` that come in place of `older`
    unproved: list[RemoteFile] = field(default_factory=list)  # of another time, where they were not to be read

    @property
    def lacking(self) -> list[RemoteFile]:
        """All that has to come."""
        return [*self.wanting, *(file for _, file in self.broken)]


def balance(
    folder: Path | str,
    files: Sequence[RemoteFile],
    scopes: Iterable[Scope] = (),
    *,
    depth: Depth = Depth.QUICK,
    remember: bool = True,
    read: bool = True,
    progress: Callable[[int], None] = lambda read: None,
) -> Balance:
    """How `folder` stands. Changes nothing but, with `remember`, what looks remember of files that were read. `read`:
    also those whose time alone is another one.

    `progress`: bytes read so far. May be interrupted. Raises `ProblemError`: IN_THE_WAY, what the disk says.
    """
    root, found = native(folder), Balance()
    ledger = Ledger(root)
    entries, departed = ledger.entries(), ledger.departed()
    asked: dict[str, RemoteFile] = {}
    older: dict[str, RemoteFile] = {}
    wished = dict(_places(files))
    for place, file in wished.items():
        entry = entries.get(place)
        if entry is None and (gone := departed.get(place)) is not None and gone.is_of(file):
            found.right.append(gone)
        elif entry is None or not entry.key:
            found.wanting.append(file)
        else:
            (asked if entry.is_of(file) else older)[place] = file
    scale = _Scale(root, entries, found, progress)
    scale.weigh(asked, depth, remember=remember, read=read)
    scale.weigh_older(older)
    scopes = list(scopes)
    found.surplus = [
        entry for place, entry in entries.items() if place not in wished and any(one.has(entry) for one in scopes)
    ]
    return found


def proved(folder: Path | str, files: Iterable[RemoteFile]) -> list[Entry]:
    """Those of `files` that are whole in `folder`, as far as its ledger knows. Raises `ProblemError`."""
    entries = Ledger(native(folder)).entries()
    found = ((entries.get(place), file) for place, file in _places(files))
    return [entry for entry, file in found if entry is not None and entry.is_of(file) and entry.broken is None]


def make_ready(folder: Path | str, found: Balance) -> int:
    """What is broken, or older and changed, may be replaced; how many good bytes of it need not come again.

    Raises `ProblemError`.
    """
    root = native(folder)
    repair.mark(root, found.touched)
    return repair.make_ready(root, found.broken, [pair for pair in found.broken if pair[1].source != HUB])


def _places(files: Iterable[RemoteFile]) -> Iterator[tuple[str, RemoteFile]]:
    """By place, in NFC; of what has no safe name the engine says what is wrong with it."""
    for file in files:
        place = file.path
        with contextlib.suppress(UnsafeNameError):
            place = str(safe_path(file.path))
        yield in_nfc(place), file


class _Scale:
    """Sorts files of the ledger into a balance by what lies on disk."""

    def __init__(
        self, root: Path, entries: Mapping[str, Entry], found: Balance, progress: Callable[[int], None]
    ) -> None:  # fmt: skip
        self._root, self._entries, self._found, self._progress = root, entries, found, progress

    def weigh(self, asked: Mapping[str, RemoteFile], depth: Depth, *, remember: bool, read: bool) -> None:
        unproved: list[str] = []
        with Times(self._root) as times:
            for one in self._seen(asked, depth):
                if one.finding is Finding.UNPROVED:
                    unproved.append(in_nfc(one.path))
                else:
                    self._sort(one, asked)
            if not read:
                self._found.unproved += [asked[place] for place in unproved]
                return
            for one in self._seen(unproved, Depth.DEEP):
                times.hear([one])
                self._sort(one, asked)
            if remember and unproved:
                times.keep()

    def weigh_older(self, older: Mapping[str, RemoteFile]) -> None:
        """What is there of another release is replaced, whoever wrote to it since."""
        for one in self._seen(older, Depth.QUICK):
            if one.finding in BROKEN and one.finding is not Finding.MISSING:
                self._found.touched.append(one)
        self._found.older += [self._entries[place] for place in older]
        self._found.wanting += older.values()
        self._found.replacing += older.values()

    def _seen(self, places: Iterable[str], depth: Depth) -> Iterator[Seen]:
        chosen = [self._entries[place] for place in places]
        if not chosen:
            return
        with remembered(self._root) as times:
            known = ((one, times.of(one.place, one.sha256)) for one in chosen)
            expected = (Expected(one.place, one.sha256, one, stamp_of(line)) for one, line in known)
            threads = readers(self._root)
            look = Look(self._root, depth, lambda: False, threads)
            for seen in Crew(look, expected, threads).seen(self._progress):
                yield from seen

    def _sort(self, one: Seen, asked: Mapping[str, RemoteFile]) -> None:
        file = asked[in_nfc(one.path)]
        if one.finding is Finding.OK and one.entry is not None:
            self._found.right.append(one.entry)
        elif one.finding in BROKEN and one.finding is not Finding.MISSING:
            self._found.broken.append((one, file))
        else:
            self._found.wanting.append(file)


def settle(folder: Path | str, found: Balance) -> None:
    """After the run: what came again with the bytes of before is proved as well as it was. Raises `ProblemError`."""
    with contextlib.suppress(ProblemError):  # of a folder that is away, the run itself has told
        repair.settle(native(folder), repair.entries(one for one, _ in found.broken))
