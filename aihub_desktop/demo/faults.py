"""What can go wrong at the hub, as values that a test switches on: `hub.faults.add(Cut(after=100_000, times=1))`.

Fault                times, skip, keys, dataset: which requests it meets
  ├─ instead of an answer   Refuse, AtOnce, Answer, Redirect, RedirectLoop, Drop, Latency
  ├─ other files            Changed, Replaced, ChangedSize
  ├─ other members          Twice, Reversed, Shuffled, IndexNumbers, BareNames, BlanksKept, Overlapping,
  │                         PieceMissing, FileMissing, Hostile, Spoilt
  ├─ another tar            ShortEnd, NoEndBlocks, GarbageAfterEnd
  ├─ on the wire            Cut, Stall, Slow, SlowReaderCut, Framed
  └─ no fault               Together
"""

from __future__ import annotations

import contextlib
import random
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from itertools import groupby
from typing import Final, TypeVar

from aihub_desktop.demo.answers import PAGE, Refusal
from aihub_desktop.demo.catalogue import DemoDataset, DemoFile
from aihub_desktop.demo.content import Altered, Bytes, Made, Resized
from aihub_desktop.demo.tarball import Member


class Place(StrEnum):
    """What a request asks for."""

    LIST = "list"
    TREE = "tree"
    KEY = "key"  # whether a key is right
    DOWN = "down"  # a download, at the api host
    STREAM = "stream"  # the tar, at the stream host


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as faults see it. `files` are the names of the file keys asked for; none for lists."""

    place: Place
    dataset: str = ""
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Meets the requests of one kind: leaves the first `skip` alone, then strikes `times` of them (None: all).

    `keys`: only requests that ask for one of these file keys; `dataset`: only requests about that dataset.
    """

    times: int | None = None
    skip: int = 0
    keys: frozenset[str] = frozenset()
    dataset: str = ""
    at: Place = Place.STREAM

    def meets(self, asked: Asked) -> bool:
        return (
            asked.place is self.at
            and (not self.keys or bool(self.keys & asked.keys))
            and (not self.dataset or self.dataset == asked.dataset)
        )

    def files(self, files: list[DemoFile]) -> list[DemoFile]:
        """The files to be sent instead of `files`."""
        return files

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        """The members to be sent instead of `members`; `offer` is the dataset that they come from."""
        return members

    def blocks(self, blocks: Iterator[Bytes]) -> Iterator[Bytes]:
        """The bytes to be sent instead of `blocks`."""
        return blocks


# Instead of an answer.


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Fault):
    """One of the hub's error bodies, at its turn in the order of the hub's checks."""

    refusal: Refusal
    at: Place = Place.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class AtOnce(Fault):
    """Refuses a download that starts within `seconds` of another start."""

    seconds: float = 1.0
    at: Place = Place.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Fault):
    """A fixed answer: by default an HTML page with 200 where a tar was promised."""

    status: int = 200
    kind: str = "text/html;charset=UTF-8"
    body: bytes = PAGE.encode()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Fault):
    """A 302 to another address."""

    to: str
    at: Place = Place.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectLoop(Fault):
    """A 302 to the same address."""

    at: Place = Place.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Fault):
    """The connection is reset before any answer."""

    at: Place = Place.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """The answer begins `seconds` late."""

    seconds: float
    at: Place = Place.DOWN


# Other files.


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Fault):
    """Files of the same sizes with other bytes: those at `places` are inverted (None: the byte in the middle)."""

    places: frozenset[int] | None = None

    def files(self, files: list[DemoFile]) -> list[DemoFile]:
        return [
            replace(file, content=Altered(file.content, self.places or frozenset({file.content.size // 2})))
            if not self.keys or file.key in self.keys
            else file
            for file in files
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced(Fault):
    """Other contents, by file key: a dataset that was released anew under the old keys."""

    contents: Mapping[str, bytes]

    def files(self, files: list[DemoFile]) -> list[DemoFile]:
        return [
            replace(file, content=_given(self.contents[file.key])) if file.key in self.contents else file
            for file in files
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSize(Fault):
    """Files longer by `by` bytes than the tree's, or shorter if negative."""

    by: int

    def files(self, files: list[DemoFile]) -> list[DemoFile]:
        return [
            replace(file, content=Resized(file.content, max(0, file.content.size + self.by)))
            if not self.keys or file.key in self.keys
            else file
            for file in files
        ]


# Other members.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run(Fault):
    """Strikes the pieces `start` to `stop` of an answer, as in a slice: by default all of them."""

    start: int = 0
    stop: int | None = None

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        struck = slice(self.start, self.stop)
        return [*members[: self.start], *self.struck(members[struck]), *members[self.start :][len(members[struck]) :]]

    def struck(self, members: list[Member]) -> list[Member]:
        """What stands in the place of `members`."""
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice(_Run):
    """The pieces, then the same pieces once more; `differing`: the second time with other bytes."""

    differing: bool = False

    def struck(self, members: list[Member]) -> list[Member]:
        return members + ([_altered(member) for member in members] if self.differing else members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed(_Run):
    """The last piece first."""

    def struck(self, members: list[Member]) -> list[Member]:
        return members[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffled(_Run):
    """The pieces of all files in the order that `seed` gives."""

    seed: int

    def struck(self, members: list[Member]) -> list[Member]:
        return random.Random(self.seed).sample(members, len(members))


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexNumbers(Fault):
    """Pieces numbered 0, 1, 2 … where their byte offset should stand."""

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        return [
            replace(member, name=f"{_stem(member)}.part{number}")
            for pieces in _by_file(members)
            for number, member in enumerate(pieces)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BareNames(Fault):
    """Each file whole, as one member under its own name."""

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        return [
            replace(pieces[0], name=_stem(pieces[0]), start=0, stop=max(piece.stop for piece in pieces))
            for pieces in _by_file(members)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlanksKept(Fault):
    """Names as the tree spells them, blanks and all."""

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        return [replace(member, name=f"{member.path}.part{member.start}") for member in members]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlapping(Fault):
    """Every piece but the first begins `by` bytes early; `differing`: and has other bytes there."""

    by: int = 1000
    differing: bool = False

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        return [self._early(member) if member.start else member for member in members]

    def _early(self, member: Member) -> Member:
        start = max(0, member.start - self.by)
        early = replace(member, name=f"{_stem(member)}.part{start}", start=start)
        return _altered(early, start) if self.differing else early


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceMissing(Fault):
    """A whole tar without one piece of each file that has so many: `place` as in a list."""

    place: int = -1

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        kept = []
        for pieces in _by_file(members):
            if not self.keys or any(file.key in self.keys and file.path == pieces[0].path for file in offer.files):
                # A slice, for a file may have fewer pieces.
                del pieces[self.place : self.place + 1 or None]
            kept += pieces
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMissing(Fault):
    """A whole tar without the file at `place` of those asked for."""

    place: int = -1

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        files = _by_file(members)
        del files[self.place]
        return [member for pieces in files for member in pieces]


class Hostility(Enum):
    """A member that must never be obeyed. `{name}`: the first piece's, `{folder}`: the top folder of the dataset."""

    PARENT = "../../outside.zip.part0"
    PARENT_INSIDE = "{folder}/../../outside.zip.part0"
    ABSOLUTE = "/tmp/outside.zip.part0"
    DRIVE = "C:/outside.zip.part0"
    BACKSLASH = "..\\..\\outside.zip.part0"
    NETWORK_SHARE = "\\\\127.0.0.1\\share\\outside.zip.part0"
    RESERVED = "{folder}/CON.part0"
    RESERVED_WITH_ENDING = "{folder}/aux.txt.part0"
    STREAM_NAME = "{folder}/file.zip:hidden.part0"
    CONTROL = "{folder}/bell\x07.zip.part0"
    OWN_MANIFEST = ".aihub/manifest-sha256.txt"
    OWN_JOURNAL = "{name}.part.journal"
    NOT_ASKED = "{folder}/not asked for.zip.part0"
    OTHER_FILE = "other file"  # one of the dataset that was not asked for
    HUGE_OFFSET = "{stem}.part999999999999"
    SYMLINK = "symlink"
    SYMLINK_FOLDER = "symlink folder"
    HARDLINK = "hardlink"
    DEVICE = "device"
    FIFO = "fifo"


_KINDS: Final = {
    Hostility.SYMLINK: tarfile.SYMTYPE,
    Hostility.SYMLINK_FOLDER: tarfile.SYMTYPE,
    Hostility.HARDLINK: tarfile.LNKTYPE,
    Hostility.DEVICE: tarfile.CHRTYPE,
    Hostility.FIFO: tarfile.FIFOTYPE,
}
_BAIT: Final = Made(lambda: b"hostile bytes\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile(Fault):
    """One hostile member before those asked for, or after them with `last`."""

    hostility: Hostility
    last: bool = False

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        hostile = self._member(members[0], {member.path for member in members}, offer)
        return [*members, hostile] if self.last else [hostile, *members]

    def _member(self, first: Member, asked: set[str], offer: DemoDataset) -> Member:
        folder = first.name.split("/")[0]
        if (kind := _KINDS.get(self.hostility)) is not None:
            name = folder if self.hostility is Hostility.SYMLINK_FOLDER else first.name
            return Member(name=name, kind=kind, link="/tmp" if kind == tarfile.SYMTYPE else "/etc/passwd")
        if self.hostility is Hostility.OTHER_FILE:
            other = next(file for file in offer.files if file.path not in asked)
            name = f"{other.path.replace(' ', '_')}.part0"
        else:
            name = self.hostility.value.format(folder=folder, name=first.name, stem=_stem(first))
        return Member(name=name, content=_BAIT, stop=_BAIT.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt(Fault):
    """A damaged header at `member`: "checksum", "size" (no number) or "noise"."""

    how: str = "checksum"
    member: int = 0

    def members(self, members: list[Member], offer: DemoDataset) -> list[Member]:
        place = self.member % len(members)
        return [*members[:place], replace(members[place], spoilt=self.how), *members[place + 1 :]]


# Another tar.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortEnd(Fault):
    """A clean end of the answer after `after` bytes of the tar."""

    after: int

    def blocks(self, blocks: Iterator[Bytes]) -> Iterator[Bytes]:
        left = self.after
        for block in blocks:
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEndBlocks(Fault):
    """Every byte of every file, but not the two zero blocks."""

    def blocks(self, blocks: Iterator[Bytes]) -> Iterator[Bytes]:
        held = next(blocks)
        for block in blocks:
            yield held
            held = block


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageAfterEnd(Fault):
    """More bytes after the two zero blocks. Zeros alone are harmless: tars are often filled up to 10 KiB."""

    garbage: bytes = b"\xa5" * 512

    def blocks(self, blocks: Iterator[Bytes]) -> Iterator[Bytes]:
        yield from blocks
        yield self.garbage


# On the wire.


class Way(StrEnum):
    """How a connection ends before the answer does."""

    RESET = "reset"
    CLOSE = "close"  # without the last chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The connection ends after `after` bytes of the tar."""

    after: int
    way: Way = Way.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Fault):
    """After `after` bytes of the tar nothing more, or `rate` bytes a second, until `release` is set.

    `reached` is set once the stall has begun.
    """

    after: int
    rate: int = 0
    release: threading.Event = field(default_factory=threading.Event, compare=False)
    reached: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Fault):
    """At most `rate` bytes a second on each connection."""

    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Fault):
    """No fault, but a proof: the first `count` answers wait for each other, so that all are under way at once.

    After `seconds` they wait no longer, and `met` stays unset.
    """

    count: int
    seconds: float = 10.0
    barrier: threading.Barrier = field(init=False, compare=False)
    met: threading.Event = field(default_factory=threading.Event, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "barrier", threading.Barrier(self.count, self.met.set))

    def gather(self) -> None:
        if not self.met.is_set() and not self.barrier.broken:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowReaderCut(Fault):
    """Resets the connection when its reader takes nothing for `seconds`."""

    seconds: float = 1.0


class Framing(StrEnum):
    """How the end of an answer is told."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed(Fault):
    """Another framing than chunks, should the hub ever change it."""

    framing: Framing


F = TypeVar("F", bound=Fault)


class Faults:
    """The faults that are switched on. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[tuple[Fault, list[int]]] = []

    def add(self, fault: F) -> F:
        """Switches `fault` on, beside those that are on already; gives it back."""
        with self._lock:
            self._on.append((fault, [0]))
        return fault

    def remove(self, fault: Fault) -> None:
        with self._lock:
            self._on = [entry for entry in self._on if entry[0] is not fault]

    def clear(self) -> None:
        """All is well again, but for answers under way; stalls among those are released."""
        with self._lock:
            off, self._on = self._on, []
        for fault, _ in off:
            if isinstance(fault, Stall):
                fault.release.set()

    def meet(self, asked: Asked) -> tuple[Fault, ...]:
        """The faults that strike this request, in the order they were added. Counts it."""
        with self._lock:
            return tuple(fault for fault, met in self._on if fault.meets(asked) and _strikes(fault, met))


def _strikes(fault: Fault, met: list[int]) -> bool:
    met[0] += 1
    return met[0] > fault.skip and (fault.times is None or met[0] <= fault.skip + fault.times)


def _given(data: bytes) -> Made:
    return Made(lambda: data)


def _stem(member: Member) -> str:
    return member.name.rpartition(".part")[0]


def _by_file(members: list[Member]) -> list[list[Member]]:
    return [list(pieces) for _, pieces in groupby(members, key=lambda member: member.path)]


def _altered(member: Member, place: int | None = None) -> Member:
    if member.content is None or member.start == member.stop:
        return member
    hit = (member.start + member.stop) // 2 if place is None else place
    return replace(member, content=Altered(member.content, frozenset({hit})))
