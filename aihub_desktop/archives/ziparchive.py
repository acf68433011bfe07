"""Whether a zip is what it says: its directory reads, and every entry unpacks to its length and its CRC.

Nothing is extracted. Reads zip64, prepended data, comments, data descriptors and split sets; unpacks stored,
deflated, bzip2 and LZMA entries. Of encrypted entries and rarer methods only the structure is looked at.

    directory ─▶ batches of entries ─▶ hands: header, data ─▶ outcomes, in the directory's order ─▶ verdict
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from isal import isal_zlib

from aihub_desktop.archives.companion import Companion, Job
from aihub_desktop.archives.inflate import FAILURES, at_once, can_open, decoders, is_small, unpacked
from aihub_desktop.archives.volumes import Extent, UnreadableError, Volumes, Window
from aihub_desktop.archives.zipdirectory import Ranges, count_volumes, entries, find_directory
from aihub_desktop.archives.zipformat import LOCAL_SIZE, Entry, bad, local_length, parse_local
from aihub_desktop.archives.zipstream import Seen
from aihub_desktop.disk.volume import bears_many
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof

_NAMED: Final = 20  # damaged entries that a verdict names; the rest are counted
# Small entries go together: handing one over costs as much as unpacking 5 KB.
_BATCH: Final = 1 << 20
_BATCH_ENTRIES: Final = 256
_LAG: Final = 64  # batches whose outcome may be waited for, for one may be a single entry of many GB


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
    hands: int | None = None,
) -> ZipVerdict:
    """Reads the whole archive: one file, or all volumes in order. `progress` hears how many bytes were read since.

    `progress` and `stopped` may be called by several threads, `progress` never by two at once. `hands`: threads that
    read and unpack, 0 for as many as there are cores; None for what suits the drive.

    Raises `ProblemError` BAD_ARCHIVE where the directory cannot be read, the disk's codes, and `StoppedError`.
    """
    paths = [archive] if isinstance(archive, Path) else archive
    with Volumes(paths) as volumes:
        if hands is None:
            hands = 0 if volumes.size > _BATCH and bears_many(paths[0]) else 1
        check = _Check(volumes, progress, stopped)
        return check.run() if hands == 1 else check.run_beside(hands)


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


def passed(volumes: Sequence[Sequence[Extent]], seen: Seen, stopped: Callable[[], bool]) -> ZipVerdict | None:
    """As `recall`, of an archive that lies nowhere but for its end, which holds the directory, and is judged all the
    same: what was seen to be damaged is. None where too little was seen. Raises BAD_ARCHIVE as `verify` does.
    """
    try:
        with Volumes(volumes) as found:
            if count_volumes(found) > len(volumes):
                return None
            return _Passed(found, seen, stopped).run()
    except (_UnseenError, UnreadableError):
        return None


class _Outcome(NamedTuple):
    """`start` and `stop` of its bytes, `stop` 0 where they are not known. `why`: what is wrong, "" for nothing."""

    entry: Entry
    start: int
    stop: int
    why: str


@dataclass(slots=True)
class _Batch:
    """Entries that one hand looks at, one after the other."""

    look: Callable[[list[Entry]], list[_Outcome]]
    entries: list[Entry] = field(default_factory=list)
    packed: int = 0
    is_doubtful: bool = False  # there are more bytes in entries than in the archive
    outcomes: list[_Outcome] = field(default_factory=list)

    def act(self) -> None:
        self.outcomes = self.look(self.entries)


class _Check:
    def __init__(self, volumes: Volumes, progress: Callable[[int], None], stopped: Callable[[], bool]) -> None:
        self._volumes = volumes
        self._windows: list[Window] = []  # that no hand uses
        self._progress = progress
        self._telling = threading.Lock()
        self._stopped = stopped
        self._is_over = False
        self._verdict = ZipVerdict()
        self._directory = find_directory(volumes)
        self._ranges = Ranges(self._directory.start)

    def run(self) -> ZipVerdict:
        with self._window() as window:
            for entry in self._entries():
                self._enter(self._outcome(window, entry))
        return self._end()

    def run_beside(self, hands: int) -> ZipVerdict:
        """The same by several threads."""
        companion, waiting = Companion(_LAG, hands), deque[_Batch]()
        try:
            for batch in self._batches():
                companion.begin(Job(batch.act))
                waiting.append(batch)
                # What may share its bytes with others is entered before any more is opened.
                for _ in range(companion.turn(1 + _LAG if batch.is_doubtful else 1)):
                    self._enter_all(waiting.popleft())
            companion.join()
            for batch in waiting:
                self._enter_all(batch)
        finally:
            self._is_over = True
            companion.stop()
        return self._end()

    def _entries(self) -> Iterator[Entry]:
        for entry in entries(self._volumes, self._directory):
            self._stop_if_told()
            yield entry

    def _batches(self) -> Iterator[_Batch]:
        batch, room = _Batch(self._outcomes), self._directory.start
        for entry in self._entries():
            batch.entries.append(entry)
            batch.packed += entry.packed
            room -= entry.packed
            batch.is_doubtful = room < 0
            if batch.is_doubtful or batch.packed >= _BATCH or len(batch.entries) == _BATCH_ENTRIES:
                yield batch
                batch = _Batch(self._outcomes)
        yield batch

    def _outcomes(self, entries: list[Entry]) -> list[_Outcome]:
        with self._window() as window:
            return [self._outcome(window, entry) for entry in entries]

    def _outcome(self, window: Window, entry: Entry) -> _Outcome:
        self._stop_if_told()
        start, stop, why = self._directory.place(entry, self._volumes.starts), 0, ""
        try:
            stop = self._stop(window, entry, start)
            if _opens(entry):
                self._check_data(window, entry, stop - entry.packed)
            else:
                self._tell(entry.packed)
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            why = str(error.problem.facts["why"])
        return _Outcome(entry, start, stop, why)

    def _enter_all(self, batch: _Batch) -> None:
        for outcome in batch.outcomes:
            self._enter(outcome)

    def _enter(self, outcome: _Outcome) -> None:
        verdict, entry = self._verdict, outcome.entry
        verdict.entries += 1
        if outcome.stop:
            self._ranges.add(outcome.start, outcome.stop)
            if not _opens(entry):
                verdict.unopened += 1
                verdict.note = "encrypted" if entry.is_encrypted else f"method {entry.method}"
        if outcome.why:
            verdict.blame(self._damage(entry, outcome.start, outcome.why))

    def _end(self) -> ZipVerdict:
        found, expected = self._verdict.entries, self._directory.entries
        if found != expected and not (self._directory.counts_low_bits and found & 0xFFFF == expected & 0xFFFF):
            raise bad("the directory does not hold what it counts")
        if self._ranges.overlap():
            raise bad("entries overlap")
        return self._verdict

    @contextmanager
    def _window(self) -> Iterator[Window]:
        window = self._windows.pop() if self._windows else Window(self._volumes)
        try:
            yield window
        finally:
            self._windows.append(window)

    def _stop(self, window: Window, entry: Entry, start: int) -> int:
        """Where its data end. `start`: of its local header, in the run of all volumes; -1 for one that is not there."""
        if start < 0 or start + LOCAL_SIZE > self._directory.start:
            raise bad("beyond the end")
        stop = start + self._header(window, entry, start) + entry.packed
        if stop > self._directory.start:
            raise bad("beyond the end")
        return stop

    def _header(self, window: Window, entry: Entry, start: int) -> int:
        """The length of its local header."""
        local = parse_local(window.read(start, local_length(window.read(start, LOCAL_SIZE))))
        if local.name != entry.name or local.method != entry.method:
            raise bad("header and directory differ")
        return local.length

    def _check_data(self, window: Window, entry: Entry, start: int) -> None:
        if is_small(entry.packed, entry.size):
            data = at_once(entry.method, window.read(start, entry.packed), entry.size)
            if data is not None and (len(data), isal_zlib.crc32(data)) == (entry.size, entry.crc):
                return self._tell(entry.packed)
        why = ""
        for way in decoders(entry.method, entry.size):
            why = _fault(entry, unpacked(way, self._chunks(window, start, start + entry.packed)))
            if not why:
                return None
        raise bad(why)

    def _chunks(self, window: Window, start: int, stop: int) -> Iterator[bytes]:
        for chunk in window.chunks(start, stop):
            self._stop_if_told()
            self._tell(len(chunk))
            yield chunk

    def _stop_if_told(self) -> None:
        if self._is_over or self._stopped():
            raise StoppedError

    def _tell(self, count: int) -> None:
        with self._telling:
            self._progress(count)

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

    def _header(self, window: Window, entry: Entry, start: int) -> int:
        number = self._seen.find(start)
        length = None if number is None else self._seen.header(number, entry.name, entry.method)
        if number is None or length is None:
            raise _UnseenError
        self._number = number
        return length

    def _check_data(self, window: Window, entry: Entry, start: int) -> None:
        if not self._seen.unpacks_to(self._number, entry.packed, entry.size, entry.crc):
            raise _UnseenError


class _Passed(_Recall):
    def _check_data(self, window: Window, entry: Entry, start: int) -> None:
        if self._seen.unpacks_to(self._number, entry.packed, entry.size, entry.crc):
            return
        if self._seen.is_open(self._number):
            raise _UnseenError
        raise bad("a wrong CRC")


def _opens(entry: Entry) -> bool:
    return not entry.is_encrypted and can_open(entry.method, entry.size)


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
