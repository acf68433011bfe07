"""Whether a folder still holds what its manifest says. Reads only; serves folders that other programs made too.

A deep look reads every byte. A quick one compares the size and the time of each file with those it had when it was
proved: what was written to since is not told from what was only touched, so such a file is *unproved*.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice, repeat
from operator import not_
from pathlib import Path
from typing import IO, Final

from aihub_desktop.disk.files import disk_error, native, plain_file
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.disk.volume import bears_many
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import HARMLESS, Depth, Finding
from aihub_desktop.domain.names import JOURNAL, OWN_FOLDER, PART
from aihub_desktop.holdings.crew import Crew
from aihub_desktop.holdings.looking import Expected, Look, Seen
from aihub_desktop.holdings.times import Remembered, remembered, stamp_of
from aihub_desktop.holdings.told import Told
from aihub_desktop.transport.ledger import LOG, MANIFEST, Entry, own_folder
from aihub_desktop.transport.manifest import ManifestLine, all_in_nfc, in_nfc, manifest_lines
from aihub_desktop.unpack.record import unpacked_places

__all__ = ["Depth", "Finding", "ManifestLine", "Report", "Seen", "has_manifest", "listed", "readers", "verify"]

# Beyond these more threads wait for each other, and network drives have little more to give.
_MOST_READERS: Final = 8
_LOT: Final = 1000  # lines or names that are in memory at once
_HELD: Final = 16 << 20
_OK: Final = Finding.OK


@dataclass(slots=True)
class Report:
    """How many files there are of each finding, and how many bytes were read. Which they are is told as they come."""

    counts: Counter[Finding] = field(default_factory=Counter)
    bytes: int = 0

    @property
    def is_right(self) -> bool:
        """Every line of the manifest was found as it says. Extra and unfinished files do no harm."""
        return not any(self.counts[finding] for finding in Finding if finding not in HARMLESS)

    @property
    def listed(self) -> int:
        """Lines of the manifest."""
        return self.counts.total() - self.counts[Finding.EXTRA] - self.counts[Finding.UNFINISHED]

    def hear(self, seen: Sequence[Seen]) -> None:
        others = [one.finding for one in seen if one.finding is not _OK]
        self.counts[_OK] += len(seen) - len(others)
        self.counts.update(others)
        self.bytes += sum([one.bytes for one in seen])


def verify(
    folder: Path | str,
    *,
    depth: Depth = Depth.DEEP,
    threads: int | None = None,
    lines: Iterable[ManifestLine] | None = None,
    report: Callable[[Sequence[Seen]], None] = lambda seen: None,
    progress: Callable[[int], None] = lambda read: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Looks at every file of the manifest, or of `lines` in its place; `threads` None: as many as the drive bears.

    `report` hears findings as they come, a few at a time, nearly in the order of the manifest; `progress` about five
    times a second how many bytes were read so far, both in the calling thread; `stopped` is asked often, by all
    threads. Nothing is kept of a file but the hash of its name, and where the log tells of it.

    Raises `ProblemError`: TARGET_MISSING where folder or manifest are not there, IN_THE_WAY where `.aihub` is a
    link, DRIVE_MISSING where the folder went away meanwhile, else what the disk says of them. A single file that
    cannot be read is a finding.
    """
    root, result = native(folder), Report()
    with contextlib.ExitStack() as stack:
        if lines is None:
            lines = manifest_lines(*stack.enter_context(_own_list(root)))
        if not root.is_dir():
            raise _no_manifest(root)
        named: set[int] = set()
        stories = stack.enter_context(_stories(root))
        times = stack.enter_context(remembered(root)) if depth is Depth.QUICK else None
        threads = threads or readers(root)
        look = Look(root, depth, stopped, threads)
        crew = Crew(look, _expected(lines, named, stories, times), threads)
        for seen in crew.seen(progress):
            result.hear(seen)
            report(seen)
    if any(result.counts[finding] for finding in (Finding.MISSING, Finding.UNREADABLE, Finding.UNSAFE)):
        _must_be_there(root)
    named |= {hash(in_nfc(one.place)) for one in unpacked_places(root)}
    others = _others(root, named)
    while seen := list(islice(others, _LOT)):
        result.hear(seen)
        report(seen)
    return result


def has_manifest(folder: Path) -> bool:
    """Whether the folder has a list of its own."""
    return (folder / OWN_FOLDER / MANIFEST).is_file()


def listed(file: IO[bytes]) -> Iterator[ManifestLine]:
    """The lines of a list that somebody made with `sha256sum` or its kin; none for what is no such list.

    Read as they are asked for. Raises `OSError`.
    """
    return manifest_lines(file)


def readers(folder: Path) -> int:
    """How many files at once the drive of `folder` bears."""
    return min(_MOST_READERS, max(2, os.cpu_count() or 2)) if bears_many(folder) else 1


def _no_manifest(root: Path) -> ProblemError:
    return ProblemError(Code.TARGET_MISSING, path=str(root), why="no manifest")


@contextlib.contextmanager
def _own_list(root: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The folder's manifest as it is now, and its length: lines that come meanwhile are of files that come, too."""
    path = own_folder(root) / MANIFEST
    state = plain_file(path)
    if state is None:
        raise _no_manifest(root)
    with contextlib.ExitStack() as stack:
        try:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            if sys.platform == "win32":
                # What is open there cannot be replaced, and a look takes hours.
                copy = stack.enter_context(tempfile.SpooledTemporaryFile(_HELD))
                shutil.copyfileobj(file, copy)
                file.close()
                copy.seek(0)
                file = copy
        except OSError as error:
            raise disk_error(error, path) from error
        yield file, state.st_size


def _stories(root: Path) -> Told[Entry]:
    """How files were proved when they came: of interest, but no reason to leave them unread."""
    with contextlib.suppress(ProblemError):
        return Told(own_folder(root) / LOG, Entry)
    return Told(None, Entry)


def _expected(
    lines: Iterable[ManifestLine], named: set[int], stories: Told[Entry], times: Told[Remembered] | None
) -> Iterator[Expected]:
    """What is to be found, one after the other. `named` gets a hash of each place. Raises `ProblemError`."""
    lines = iter(lines)
    try:
        while lot := list(islice(lines, _LOT)):
            places = all_in_nfc([line.path for line in lot])
            named.update(map(hash, places))
            hashes = [line.sha256 for line in lot]
            told = map(stories.of, places, hashes) if stories else repeat(None)
            known = map(stamp_of, map(times.of, places, hashes)) if times else repeat(None)
            yield from map(Expected, [line.path for line in lot], hashes, told, known)
    except OSError as error:
        raise disk_error(error) from error


def _must_be_there(root: Path) -> None:
    """Files are missing, or cannot be read: where the whole drive is gone, nothing is known of any of them."""
    try:
        os.stat(root)
        if os.listdir(root) or not (root / OWN_FOLDER / MANIFEST).exists():
            return
    except OSError as error:
        raise ProblemError(Code.DRIVE_MISSING, path=str(root)) from error


def _others(root: Path, named: set[int]) -> Iterator[Seen]:
    """Files on disk whose names were not among those, folder by folder. Links, too, and never what they lead to.

    Raises `ProblemError`.
    """
    folders = [""]
    while folders:
        below = folders.pop()
        inner: list[str] = []
        found: list[str] = []
        entries = _entries(root, below)
        while lot := list(islice(entries, _LOT)):
            paths = [f"{below}{entry.name}" for entry in lot]
            if any(folders_here := list(map(_is_folder, lot))):
                inner += compress(paths, folders_here)
                paths = list(compress(paths, map(not_, folders_here)))
            hashes = list(map(hash, all_in_nfc(paths)))
            if not named.issuperset(hashes):
                found += [path for path, one in zip(paths, hashes, strict=True) if one not in named]
        folders += [f"{path}/" for path in sorted(inner, reverse=True) if path != OWN_FOLDER]
        for path in sorted(found):
            unfinished = path.endswith((PART, JOURNAL))
            yield Seen(Look.shown(path), Finding.UNFINISHED if unfinished else Finding.EXTRA)


def _entries(root: Path, below: str) -> Iterator[os.DirEntry[str]]:
    """Of a folder that is gone by now, or that we may not read, nothing is told. Raises `ProblemError`."""
    try:
        with os.scandir(root / below) as entries:  # not joined as text: long paths of Windows know no "/"
            yield from entries
    except (FileNotFoundError, PermissionError):
        return
    except OSError as error:
        raise disk_error(error, root) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    if sys.platform == "win32" and leads_elsewhere(entry.stat(follow_symlinks=False)):
        return False
    return entry.is_dir(follow_symlinks=False)
