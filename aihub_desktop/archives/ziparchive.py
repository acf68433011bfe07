"""Whether a zip is what it says: its directory reads, and every entry unpacks to its length and its CRC.

Nothing is extracted. Reads zip64, prepended data, comments, data descriptors and split sets; unpacks stored,
deflated, bzip2 and LZMA entries. Of encrypted entries and rarer methods only the structure is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from isal import isal_zlib

from aihub_desktop.archives.inflate import FAILURES, can_open, decoders, unpacked
from aihub_desktop.archives.volumes import Volumes, Window
from aihub_desktop.archives.zipdirectory import OverlapError, Ranges, count_volumes, entries, find_directory
from aihub_desktop.archives.zipformat import LOCAL_SIZE, Entry, bad, local_length, parse_local
from aihub_desktop.archives.zipstream import Seen
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof

_NAMED: Final = 20  # damaged entries that a verdict names; the rest are counted


class StoppedError(Exception):
    """The check was given up because `stopped` said so."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged entry and the volumes that its bytes lie in, from 0."""

    name: str
    why: str
    first_volume: int
    last_volume: int


@dataclass(slots=True)
class ZipVerdict:
    """`damaged` names at most twenty entries, of `damaged_count`. `note`: why not every entry could be opened."""

    entries: int = 0
    unopened: int = 0
    damaged_count: int = 0
    damaged: list[Damage] = field(default_factory=list)
    volumes: set[int] = field(default_factory=set)  # that hold damaged entries
    note: str = ""

    @property
    def is_sound(self) -> bool:
        return not self.damaged_count

    @property
    def proof(self) -> Proof:
        return Proof.STRUCTURE if self.unopened else Proof.ARCHIVE

    def blame(self, damage: Damage) -> None:
        self.damaged_count += 1
        self.volumes.update(range(damage.first_volume, damage.last_volume + 1))
        if len(self.damaged) < _NAMED:
            self.damaged.append(damage)


def volume_count(last: Path) -> int:
    """How many volumes the archive has whose last one this is. Raises `ProblemError`: BAD_ARCHIVE, the disk's."""
    with Volumes([last]) as volumes:
        return count_volumes(volumes)


def verify(
    archive: Path | Sequence[Path],
    progress: Callable[[int], None] = lambda count: None,
    stopped: Callable[[], bool] = lambda: False,
) -> ZipVerdict:
    """Reads the whole archive: one file, or all volumes in order. `progress` hears how many bytes were read since.

    Raises `ProblemError` BAD_ARCHIVE where the directory cannot be read, the disk's codes, and `StoppedError`.
    """
    with Volumes([archive] if isinstance(archive, Path) else archive) as volumes:
        return _Check(volumes, progress, stopped).run()


def recall(archive: Path, seen: Seen, stopped: Callable[[], bool]) -> ZipVerdict | None:
    """The verdict of `verify` from what was seen while the archive passed; of the disk only the directory is read.

    None where that is not enough, or where something is wrong: `verify` then finds out. Raises as it does, but for
    BAD_ARCHIVE.
    """
    try:
        with Volumes([archive]) as volumes:
            verdict = _Recall(volumes, seen, stopped).run()
    except _UnseenError:
        return None
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None
    return verdict if verdict.is_sound else None


class _Check:
    def __init__(self, volumes: Volumes, progress: Callable[[int], None], stopped: Callable[[], bool]) -> None:
        self._volumes = volumes
        self._window = Window(volumes)
        self._progress = progress
        self._stopped = stopped
        self._verdict = ZipVerdict()
        self._directory = find_directory(volumes)
        self._ranges = Ranges(self._directory.start)

    def run(self) -> ZipVerdict:
        verdict = self._verdict
        for entry in entries(self._volumes, self._directory):
            if self._stopped():
                raise StoppedError
            verdict.entries += 1
            start = self._place(entry)
            try:
                self._check_entry(entry, start)
            except ProblemError as error:
                if error.problem.code is not Code.BAD_ARCHIVE or isinstance(error, OverlapError):
                    raise
                verdict.blame(self._damage(entry, start, str(error.problem.facts["why"])))
        expected = self._directory.entries
        if verdict.entries != expected and not (
            self._directory.counts_low_bits and verdict.entries & 0xFFFF == expected & 0xFFFF
        ):
            raise bad("the directory does not hold what it counts")
        if self._ranges.overlap():
            raise bad("entries overlap")
        return verdict

    def _place(self, entry: Entry) -> int:
        """Where its local header begins, in the run of all volumes; -1 for a volume that is not there."""
        return self._directory.place(entry, self._volumes.starts)

    def _check_entry(self, entry: Entry, start: int) -> None:
        if start < 0 or start + LOCAL_SIZE > self._directory.start:
            raise bad("beyond the end")
        data = start + self._header(entry, start)
        if data + entry.packed > self._directory.start:
            raise bad("beyond the end")
        self._ranges.add(start, data + entry.packed)
        if not entry.is_encrypted and can_open(entry.method, entry.size):
            self._check_data(entry, data)
        else:
            self._verdict.unopened += 1
            self._verdict.note = "encrypted" if entry.is_encrypted else f"method {entry.method}"
            self._progress(entry.packed)

    def _header(self, entry: Entry, start: int) -> int:
        """The length of its local header."""
        local = parse_local(self._window.read(start, local_length(self._window.read(start, LOCAL_SIZE))))
        if local.name != entry.name or local.method != entry.method:
            raise bad("header and directory differ")
        return local.length

    def _check_data(self, entry: Entry, start: int) -> None:
        why = ""
        for way in decoders(entry.method, entry.size):
            why = _fault(entry, unpacked(way, self._chunks(start, start + entry.packed)))
            if not why:
                return
        raise bad(why)

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for chunk in self._window.chunks(start, stop):
            if self._stopped():
                raise StoppedError
            self._progress(len(chunk))
            yield chunk

    def _damage(self, entry: Entry, start: int, why: str) -> Damage:
        first = self._volumes.volume_at(start) if start >= 0 else 0
        last = self._volumes.volume_at(max(start, start + LOCAL_SIZE + len(entry.name) + entry.packed - 1))
        return Damage(entry.shown(), why, first, max(first, last))


class _UnseenError(Exception):
    """An entry was not seen, or was seen to be something else."""


class _Recall(_Check):
    """The same rules, with what was seen in place of what would have to be read."""

    def __init__(self, volumes: Volumes, seen: Seen, stopped: Callable[[], bool]) -> None:
        super().__init__(volumes, lambda count: None, stopped)
        self._seen = seen
        self._number = 0

    def _header(self, entry: Entry, start: int) -> int:
        number = self._seen.find(start)
        length = None if number is None else self._seen.header(number, entry.name, entry.method)
        if number is None or length is None:
            raise _UnseenError
        self._number = number
        return length

    def _check_data(self, entry: Entry, start: int) -> None:
        if not self._seen.unpacks_to(self._number, entry.packed, entry.size, entry.crc):
            raise _UnseenError


def _fault(entry: Entry, portions: Iterable[bytes]) -> str:
    """What is wrong with the unpacked data, "" for nothing. Never unpacks much more than the entry's size."""
    size = crc = 0
    try:
        for portion in portions:
            size += len(portion)
            if size > entry.size:
                return "longer than stated"
            crc = isal_zlib.crc32(portion, crc)
    except FAILURES:
        return "cannot be unpacked"
    if size < entry.size:
        return "shorter than stated"
    return "" if crc == entry.crc else "a wrong CRC"
