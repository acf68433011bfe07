"""Whether a folder still holds what its manifest says. Reads only; serves folders that other programs made too.

A deep look reads every byte. A quick one compares the size and the time of each file with those it had when it was
proved: what was written to since is not told from what was only touched, so such a file is *unproved*.
"""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from aihub_desktop.disk.files import disk_error, native, plain_file
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.disk.volume import bears_many
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import HARMLESS, Depth, Finding
from aihub_desktop.domain.names import JOURNAL, OWN_FOLDER, PART
from aihub_desktop.holdings.looking import Look, Seen
from aihub_desktop.holdings.times import read_times
from aihub_desktop.transport.ledger import (
    LOG,
    MANIFEST,
    Entry,
    Ledger,
    ManifestLine,
    decoded_manifest,
    own_folder,
    read_manifest,
)
from aihub_desktop.unpack.record import unpacked_places

__all__ = ["Depth", "Finding", "ManifestLine", "Report", "Seen", "has_manifest", "listed", "readers", "verify"]

# A turn of a thread: so many small files that asking for them costs nothing beside reading them, and no more bytes
# than are read in a moment, so that large files are spread evenly.
_TURN_FILES: Final = 64
_TURN_BYTES: Final = 4 << 20
_LOOK_SECONDS: Final = 0.2
# Beyond these more threads wait for each other, and network drives have little more to give.
_MOST_READERS: Final = 8


@dataclass(slots=True)
class Report:
    """Paths below the folder, in the manifest's order; extra and unfinished ones sorted."""

    ok: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def is_right(self) -> bool:
        """Every line of the manifest was found as it says. Extra and unfinished files do no harm."""
        return not any(self.of(finding) for finding in Finding if finding not in HARMLESS)

    @property
    def listed(self) -> int:
        """Lines of the manifest."""
        return sum(len(self.of(finding)) for finding in Finding) - len(self.extra) - len(self.unfinished)

    def of(self, finding: Finding) -> list[str]:
        paths: list[str] = getattr(self, finding.value)
        return paths

    def add(self, seen: Seen) -> None:
        self.of(seen.finding).append(seen.path)
        self.bytes += seen.bytes

    def sort(self, order: Mapping[str, int]) -> None:
        """Into the order of the manifest: several threads are not through with their files in turn."""
        for finding in Finding:
            if finding not in (Finding.EXTRA, Finding.UNFINISHED):
                self.of(finding).sort(key=lambda path: order.get(path, 0))


def verify(
    folder: Path | str,
    *,
    depth: Depth = Depth.DEEP,
    threads: int | None = None,
    lines: Sequence[ManifestLine] | None = None,
    report: Callable[[Seen], None] = lambda seen: None,
    progress: Callable[[int], None] = lambda read: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Looks at every file of the manifest, or of `lines` in its place; `threads` None: as many as the drive bears.

    `report` hears each finding as it comes, `progress` about five times a second how many bytes were read so far,
    both in the calling thread; `stopped` is asked often, by all threads.

    Raises `ProblemError`: TARGET_MISSING where folder or manifest are not there, IN_THE_WAY where `.aihub` is a
    link, DRIVE_MISSING where the folder went away meanwhile, else what the disk says of them. A single file that
    cannot be read is a finding.
    """
    root = native(folder)
    if lines is None:
        lines = read_manifest(root)
    if lines is None or not root.is_dir():
        raise ProblemError(Code.TARGET_MISSING, path=str(folder), why="no manifest")
    stories = _stories(root)
    times = read_times(root) if depth is Depth.QUICK else {}
    look = Look(root, depth, stories, times, stopped)
    result = Report()
    crew = _Crew(look, lines, readers(root) if threads is None else max(1, threads))
    for seen in crew.seen(progress):
        result.add(seen)
        report(seen)
    if result.missing or result.unreadable or result.unsafe:
        _must_be_there(root)
    if crew.threads > 1:
        result.sort({look.shown(line.path): number for number, line in enumerate(lines)})
    for seen in _others(root, lines):
        result.add(seen)
        report(seen)
    return result


def has_manifest(folder: Path) -> bool:
    """Whether the folder has a list of its own."""
    return (folder / OWN_FOLDER / MANIFEST).is_file()


def listed(data: bytes) -> list[ManifestLine]:
    """The lines of a list that somebody made with `sha256sum` or its kin; none for what is no such list."""
    return decoded_manifest(data)


def readers(folder: Path) -> int:
    """How many files at once the drive of `folder` bears."""
    return min(_MOST_READERS, max(2, os.cpu_count() or 2)) if bears_many(folder) else 1


def unpacked_here(root: Path) -> frozenset[str]:
    """Places, in NFC, of files that were unpacked from archives of this folder: they are in no line, and no extra."""
    return frozenset(unicodedata.normalize("NFC", one.place) for one in unpacked_places(root))


def _stories(root: Path) -> dict[str, Entry]:
    """How files were proved when they came: of interest, but no reason to leave them unread."""
    try:
        if plain_file(own_folder(root) / LOG) is None:
            return {}  # another program's manifest, which need not be read twice
        return Ledger(root).entries()
    except ProblemError:
        return {}


class _Crew:
    """Threads that look at the files of a manifest, a few at a time: a manifest may have a million lines."""

    def __init__(self, look: Look, lines: Sequence[ManifestLine], threads: int) -> None:
        self.threads = threads
        self._look = look
        self._lines = lines
        self._next = 0
        self._turn = threading.Lock()
        self._found: SimpleQueue[list[Seen] | BaseException | None] = SimpleQueue()
        self._given_up = False

    def seen(self, progress: Callable[[int], None]) -> Iterator[Seen]:
        """Each file, as it comes. Raises what a thread met that was no finding."""
        hands = [threading.Thread(target=self._work, name=f"verify-{number}") for number in range(self.threads)]
        for hand in hands:
            hand.start()
        try:
            working = len(hands)
            while working:
                try:
                    found = self._found.get(timeout=_LOOK_SECONDS)
                except Empty:
                    progress(self._look.read)
                    continue
                if found is None:
                    working -= 1
                elif isinstance(found, BaseException):
                    raise found
                else:
                    progress(self._look.read)
                    yield from found
        finally:
            self._given_up = True
            for hand in hands:
                hand.join()

    def _work(self) -> None:
        try:
            while not self._given_up and (lines := self._take()):
                self._found.put([self._look.at(line) for line in lines])
        except BaseException as error:
            self._found.put(error)
        finally:
            self._found.put(None)

    def _take(self) -> Sequence[ManifestLine]:
        with self._turn:
            start = stop = self._next
            count = 0
            while stop < len(self._lines) and stop - start < _TURN_FILES and count < _TURN_BYTES:
                count += self._look.weight(self._lines[stop])
                stop += 1
            self._next = stop
            return self._lines[start:stop]


def _must_be_there(root: Path) -> None:
    """Files are missing, or cannot be read: where the whole drive is gone, nothing is known of any of them."""
    try:
        os.stat(root)
        if os.listdir(root) or not (root / OWN_FOLDER / MANIFEST).exists():
            return
    except OSError as error:
        raise ProblemError(Code.DRIVE_MISSING, path=str(root)) from error


def _others(root: Path, lines: Sequence[ManifestLine]) -> list[Seen]:
    """Files on disk that no line names, sorted."""
    named = {unicodedata.normalize("NFC", line.path.removeprefix("./")) for line in lines}
    unpacked = unpacked_here(root)
    found: list[Seen] = []
    for path in _files(root):
        plain = unicodedata.normalize("NFC", path)
        if plain not in named and plain not in unpacked:
            unfinished = path.endswith((PART, JOURNAL))
            found.append(Seen(Look.shown(path), Finding.UNFINISHED if unfinished else Finding.EXTRA))
    return sorted(found, key=lambda seen: seen.path)


def _files(root: Path) -> Iterator[str]:
    """Paths of all files below `root`, links among them, but for our own folder. Links are not followed.

    Raises `ProblemError`.
    """
    folders = [""]
    while folders:
        below = folders.pop()
        for entry in _entries(root, below):
            path = f"{below}{entry.name}"
            if not _is_folder(entry):
                yield path
            elif path != OWN_FOLDER:
                folders.append(f"{path}/")


def _entries(root: Path, below: str) -> list[os.DirEntry[str]]:
    """Of a folder that is gone by now, or that we may not read, nothing is told. Raises `ProblemError`."""
    try:
        with os.scandir(os.path.join(root, below)) as entries:
            return list(entries)
    except (FileNotFoundError, PermissionError):
        return []
    except OSError as error:
        raise disk_error(error, root) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    if sys.platform == "win32" and leads_elsewhere(entry.stat(follow_symlinks=False)):
        return False
    return entry.is_dir(follow_symlinks=False)
