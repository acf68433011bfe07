"""What the engine knows of transfers, files and leases while it runs. Memory only: no I/O, no clock."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Proof, WorkFile
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.domain.names import clash_key, taken_names
from aihub_desktop.domain.states import (
    FILE_ENDED,
    FILE_RUNNING,
    TRANSFER_ENDED,
    FileState,
    TransferState,
    move_file,
    move_transfer,
)
from aihub_desktop.domain.turns import GAP, Priority, Turn, turn
from aihub_desktop.engine.ready import FileTurn, Lot, Ready, lot_of


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks, in seconds: `steady` for deadlines, `wall` (since 1970) for people."""

    steady: float
    wall: float


class Weight(NamedTuple):
    """What a file adds to the totals of its transfer, under their names there."""

    files: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    running: int = 0
    bytes: int = 0
    low: int = 0
    high: int = 0
    still_low: int = 0
    still_high: int = 0
    endless: int = 0


_NO_WEIGHT: Final = Weight()


@dataclass(slots=True, eq=False)
class FileRecord:
    """A file of a transfer. Changed through `Book.set_file` only, which keeps the totals."""

    id: int
    transfer: int
    remote: RemoteFile
    place: str
    state: FileState = FileState.WAITING
    bytes: int = 0
    size: int | None = None
    sha256: str = ""
    proof: str = ""
    problem: Problem | None = None
    attempts: int = 0
    next_try: float | None = None  # wall clock, for people
    due: float = 0.0  # steady clock, for us
    lease: int | None = None  # the lease that may still write, also after the state has moved on
    again: int = 0
    bundle: int = 50  # how many keys may share its next request
    best: int = 0  # most durable bytes at any time since the file was last begun anew
    allocated: int = 0  # bytes of the disk that its NAME.part took up when that was last looked at
    drops: int = 0  # how often all that was received had to be dropped
    proof_seen: Proof | None = None  # what was proved of it while it came, in this run
    note_seen: str = ""
    recording: bool = False  # it is proved, and its entry in the manifest is being written
    bad_sha256: str = ""  # of a whole file that failed its check: the same bytes again mean a damaged source
    passed: int = 0  # most bytes on disk already that any stream passed by since something new became durable
    repeat: int = 0  # bytes on disk when its stream began, which will pass by again
    note: str = ""  # what its proof rests on, in this run
    rank: int = 0
    weight: Weight = _NO_WEIGHT  # what of it is in the totals

    def row(self) -> FileRow:
        return FileRow(
            self.id, self.transfer, self.remote, self.place, self.state, self.bytes, self.size, self.sha256,
            self.proof, self.problem, self.attempts, self.next_try, self.note, self.rank,
        )  # fmt: skip

    @property
    def turn(self) -> FileTurn:
        """Whoever has a smaller one comes first, within its transfer."""
        return self.rank, self.id

    @property
    def is_endless(self) -> bool:
        """Nobody knows yet how long it is: what is still to come of it cannot be told."""
        return self.size is None and self.remote.size.is_unknown

    def total(self) -> tuple[int, int]:
        """Its length, at least and at most; of one that nobody knows what is there of it so far."""
        if self.size is not None:
            return self.size, self.size
        size = self.remote.size
        return (self.bytes, self.bytes) if size.is_unknown else (size.low, size.high)

    def still(self) -> tuple[int, int]:
        """How many bytes of the disk it will yet take, at least and at most; nothing where nobody knows."""
        if self.state in FILE_ENDED or self.is_endless:
            return 0, 0
        there = max(self.bytes, self.allocated)
        low, high = self.total()
        return max(0, low - there), max(0, high - there)

    def work(self) -> WorkFile:
        return WorkFile(self.id, self.remote, self.place, self.proof_seen, self.note_seen)

    @classmethod
    def of(cls, row: FileRow) -> FileRecord:
        return cls(
            row.id, row.transfer, row.file, row.place, row.state, row.bytes, row.size, row.sha256, row.proof,
            row.problem, row.attempts, row.next_try, rank=row.rank,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class Berth:
    """How a transfer stands with its volume. Kept by `engine.volumes`, forgotten when the engine ends."""

    device: int | None = None  # None until its folder was looked at
    admitted: bool = False  # there was room for it since it was last looked at
    looked_for: float | None = None  # steady clock: since when the planner waits for the look at it
    sound: bool = False  # its folder was found as it should be since it last stopped
    spoken: bool = False  # a person wants it to go on: what was learnt of vain tries counts no more
    asked_at: float | None = None  # when the survey that is under way began
    again_at: float = 0.0  # not tried again by itself before this
    wait: float = 0.0  # what the next such wait will be; grows while the cause only seems gone


@dataclass(slots=True, eq=False)
class TransferRecord:
    """What a person asked for. The totals are those of its files, kept by `Book`."""

    id: int
    dataset: Dataset
    folder: str
    added_at: float
    state: TransferState = TransferState.QUEUED
    problem: Problem | None = None
    files: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    running: int = 0
    bytes: int = 0
    low: int = 0
    high: int = 0
    received: int = 0
    again: int = 0
    ended_at: float | None = None
    finishing: bool = False  # paused, but what is under way is brought to its end
    looked: bool = False  # the disk was looked at since the person last asked
    loaded: bool = False  # its file records are in the book
    ready: Ready = field(default_factory=Ready)  # files of the hub that wait, with stale entries
    lots: dict[Lot, Ready] = field(default_factory=dict)  # files of other places that wait, likewise
    whole: set[int] = field(default_factory=set)  # files that wait for their check
    ids: dict[int, None] = field(default_factory=dict)  # its files, in their order
    volume: str = ""  # the `Mark` of the volume that it began on, "" before its first look
    berth: Berth = field(default_factory=Berth)
    still_low: int = 0  # bytes of the disk that its files will yet take
    still_high: int = 0
    endless: int = 0  # files that are not over and of which nobody knows how long they are
    unpack: bool = False  # its archives are unpacked once it is over
    rank: int = 0
    priority: Priority = Priority.NORMAL
    sets: dict[int, tuple[int, ...]] | None = None  # volumes of split sets, worked out when asked for

    @property
    def turn(self) -> Turn:
        """Whoever has a smaller one comes first."""
        return turn(self.priority, self.rank, self.id)

    def waits(self, file: FileRecord) -> None:
        """Puts a file where the planner finds it."""
        lot = lot_of(file.remote)
        ready = self.ready if lot is None else self.lots.setdefault(lot, Ready())
        ready.put(file.turn)

    def row(self) -> TransferRow:
        return TransferRow(
            self.id, self.dataset, self.folder, self.state, self.problem, self.files, self.done, self.failed,
            self.skipped, self.running, self.bytes, self.low, self.high, self.received, self.again, self.added_at,
            self.ended_at, self.finishing, self.volume, self.unpack, self.rank, self.priority,
        )  # fmt: skip

    @classmethod
    def of(cls, row: TransferRow) -> TransferRecord:
        # A transfer that ran when the engine ended waits for its turn again.
        state = TransferState.QUEUED if row.state is TransferState.RUNNING else row.state
        return cls(
            row.id, row.dataset, row.folder, row.added_at, state, row.problem, row.files, row.done, row.failed,
            row.skipped, 0, row.bytes, row.low, row.high, row.received, row.again, row.ended_at,
            volume=row.volume, unpack=row.unpack, rank=row.rank, priority=row.priority,
        )  # fmt: skip


class LeaseKind(StrEnum):
    FETCH = "fetch"  # a stream of the hub
    GATHER = "gather"  # files of a place that serves ranges
    PROVE = "prove"


RECEIVING: Final = frozenset({LeaseKind.FETCH, LeaseKind.GATHER})


@dataclass(slots=True, eq=False)
class LeaseRecord:
    """One loan of work. `files` are those of which the outcome is still open."""

    id: int
    kind: LeaseKind
    transfer: int
    files: set[int]
    held: tuple[int, ...]  # all of them: any that the worker did not give back may still be written to
    received: int = 0
    again: dict[int, int] = field(default_factory=dict)  # by file, as its worker told it last
    halting: bool = False
    opened: bool = False  # the answer has begun
    opened_at: float = 0.0  # steady clock
    disk_held: float = 0.0  # seconds in which its network waited for the disk
    share: int = 0  # bytes a second that it may use of the limit, 0 for no limit
    speed: float = 0.0  # bytes a second lately
    measured: int = 0  # `received` when its speed was last looked at
    last_call: float | None = None  # steady clock: the hours are over, and so long it may still run
    moved: bool = False  # it brought something that no stream before it had brought
    old_key: bool = False  # begun with a key that is no longer in use
    place: str = ""  # of a gather: whom it asks, see `gathering.place_of`
    connections: int = 0  # of a gather: how many it may have open
    connected: int = 0  # of a gather: how many it has open, as its worker told it last
    eased: bool = False  # of a gather: the place asked for fewer connections, or for later


class Book:
    """All records, their totals, and which rows changed since the last turn."""

    def __init__(self) -> None:
        self.transfers: dict[int, TransferRecord] = {}
        self.files: dict[int, FileRecord] = {}
        self.leases: dict[int, LeaseRecord] = {}
        self.later: list[tuple[float, int]] = []  # heap: (due, file)
        self.last_file = 0
        self._last_transfer = 0
        self._leases = 0
        self._writing: set[tuple[str, str]] = set()  # (folder, place) of what a worker may write to now
        self._dirty_transfers: set[int] = set()
        self._dirty_files: set[int] = set()
        self._removed: list[int] = []
        self._dropped: list[int] = []
        self.forgotten: list[int] = []  # transfers that are gone for good, until the store has heard of it

    # ---- making ----

    def load(self, row: TransferRow) -> TransferRecord:
        """A transfer from the store. Its files follow by `load_files` when they are needed."""
        transfer = TransferRecord.of(row)
        self.transfers[transfer.id] = transfer
        self._last_transfer = max(self._last_transfer, transfer.id)
        return transfer

    def load_files(self, transfer: TransferRecord, rows: list[FileRow]) -> None:
        """The files of a transfer from the store; a file that ran when the engine ended waits again."""
        transfer.loaded = True
        transfer.files = transfer.done = transfer.failed = transfer.skipped = transfer.running = 0
        transfer.bytes = transfer.low = transfer.high = transfer.still_low = transfer.still_high = 0
        transfer.endless = 0
        for row in rows:
            record = FileRecord.of(row)
            if record.state in FILE_RUNNING:
                record.state = FileState.WAITING
            self._enter(transfer, record)

    def unload_files(self, transfer: TransferRecord) -> None:
        """An ended transfer keeps its totals; its files stay in the store."""
        for key in transfer.ids:
            if (file := self.files.pop(key, None)) is not None:
                self._take_back(transfer, file)
        transfer.ids, transfer.ready, transfer.lots, transfer.loaded = {}, Ready(), {}, False
        transfer.whole.clear()

    def new_transfer(self, dataset: Dataset, folder: str, now: Moment) -> TransferRecord:
        # One that was taken off the list a moment ago still has its number.
        self._last_transfer += 1
        rank = max((one.rank for one in self.transfers.values()), default=0) + GAP
        record = TransferRecord(self._last_transfer, dataset, folder, now.wall, loaded=True, rank=rank)
        self.transfers[record.id] = record
        self._dirty_transfers.add(record.id)
        return record

    def new_file(self, transfer: TransferRecord, file: RemoteFile, place: str) -> FileRecord:
        self.last_file += 1
        last = self.files[next(reversed(transfer.ids))].rank if transfer.ids else 0
        record = FileRecord(self.last_file, transfer.id, file, place, rank=last + GAP)
        self._enter(transfer, record)
        self._dirty_files.add(record.id)
        self._dirty_transfers.add(transfer.id)
        return record

    def _enter(self, transfer: TransferRecord, record: FileRecord) -> None:
        self.files[record.id] = record
        transfer.ids[record.id] = None
        transfer.sets = None
        self._count(transfer, record)
        self._queue(transfer, record)

    def new_lease(self, kind: LeaseKind, transfer: TransferRecord, files: list[FileRecord]) -> LeaseRecord:
        self._leases += 1
        lease = LeaseRecord(
            self._leases, kind, transfer.id, {file.id for file in files}, tuple(file.id for file in files)
        )
        self.leases[lease.id] = lease
        for file in files:
            file.lease = lease.id
            self._writing.add((transfer.folder, file.place))
            # What is on disk passes by again in a stream; ranges leave it out.
            file.again, file.repeat = 0, 0 if kind is LeaseKind.GATHER else file.bytes
        return lease

    def end_lease(self, lease: LeaseRecord) -> None:
        del self.leases[lease.id]
        for key in lease.held:
            file = self.files.get(key)
            if file is not None and file.lease == lease.id:
                self._free(file)

    def free_file(self, file: FileRecord) -> None:
        """The lease is through with this file, though not yet with its others."""
        if file.lease is not None and file.lease in self.leases:
            self.leases[file.lease].files.discard(file.id)
        self._free(file)

    def _free(self, file: FileRecord) -> None:
        transfer = self.transfers[file.transfer]
        self._take_back(transfer, file)
        self._queue(transfer, file)

    def _take_back(self, transfer: TransferRecord, file: FileRecord) -> None:
        if file.lease is not None:
            self._writing.discard((transfer.folder, file.place))
            file.lease = None

    def remove(self, transfer: TransferRecord) -> None:
        """Off the list; the store keeps it until it is `forgotten`."""
        self.unload_files(transfer)
        del self.transfers[transfer.id]
        self._dirty_transfers.discard(transfer.id)
        self._removed.append(transfer.id)

    def drop_file(self, file: FileRecord) -> None:
        """Takes a file off its transfer: a newer release stands in its place."""
        transfer = self.transfers[file.transfer]
        self._take_back(transfer, file)
        for name, value in zip(Weight._fields, file.weight, strict=True):
            setattr(transfer, name, getattr(transfer, name) - value)
        del transfer.ids[file.id]
        transfer.sets = None
        del self.files[file.id]
        self._dirty_files.discard(file.id)
        self._dropped.append(file.id)
        self._dirty_transfers.add(transfer.id)

    # ---- changing ----

    def set_file(self, file: FileRecord, **new: Any) -> None:
        """Changes fields of a file and the totals above it. A forbidden move of the state is a bug."""
        transfer = self.transfers[file.transfer]
        if "state" in new:
            move_file(file.state, new["state"])
        changed = False
        for name, value in new.items():
            if getattr(file, name) != value:
                setattr(file, name, value)
                changed = True
        self._queue(transfer, file)
        if changed:  # of 20,000 files that were looked at most are as they were: nothing to write
            self._count(transfer, file)
            self._dirty_files.add(file.id)
            self._dirty_transfers.add(transfer.id)

    def set_transfer(self, transfer: TransferRecord, **new: Any) -> None:
        if "state" in new:
            move_transfer(transfer.state, new["state"])
            new = {"finishing": False, **new}
        for name, value in new.items():
            setattr(transfer, name, value)
        self._dirty_transfers.add(transfer.id)

    def reach(self, file: FileRecord, covered: int, again: int) -> None:
        """Progress for the eye: not worth a write, so nothing is marked as changed."""
        file.bytes, file.again = covered, again
        self._count(self.transfers[file.transfer], file)

    def allot(self, file: FileRecord, allocated: int) -> None:
        """What the file takes up on the disk: nothing that is kept."""
        file.allocated = allocated
        self._count(self.transfers[file.transfer], file)

    def _count(self, transfer: TransferRecord, file: FileRecord) -> None:
        """Brings the totals up to what the file is now."""
        before, file.weight = file.weight, _weight(file)
        if before == file.weight:
            return
        for name, old, new in zip(Weight._fields, before, file.weight, strict=True):
            if old != new:
                setattr(transfer, name, getattr(transfer, name) + new - old)

    def _queue(self, transfer: TransferRecord, file: FileRecord) -> None:
        """Puts a file that has nothing in hand where the planner finds it."""
        transfer.whole.discard(file.id)
        if file.lease is not None:
            return
        if file.state is FileState.CHECKING:
            if not file.recording:
                transfer.whole.add(file.id)
        elif file.state is FileState.WAITING and file.due > 0:
            heapq.heappush(self.later, (file.due, file.id))
        elif file.state is FileState.WAITING:
            transfer.waits(file)

    # ---- asking ----

    def files_of(self, transfer: TransferRecord) -> list[FileRecord]:
        return [self.files[key] for key in transfer.ids]

    def leases_of(self, transfer: TransferRecord) -> list[LeaseRecord]:
        return [lease for lease in self.leases.values() if lease.transfer == transfer.id]

    def is_held(self, transfer: TransferRecord, file: FileRecord) -> bool:
        """Whether a worker may write to that very name now, for this transfer or for another."""
        return (transfer.folder, file.place) in self._writing

    def taken(self, asking: TransferRecord) -> dict[str, FileRecord]:
        """Every name in use in the folder of `asking`, by itself or by a transfer that is not over, and who uses it."""
        names: dict[str, FileRecord] = {}
        for transfer in self.transfers.values():
            if transfer.folder == asking.folder and (transfer is asking or transfer.state not in TRANSFER_ENDED):
                for file in self.files_of(transfer):
                    if file.lease is not None or (file.state is not FileState.SKIPPED and not _clashes(file)):
                        names.update(dict.fromkeys(names_of(file.place), file))
        return names

    def changes(self) -> tuple[list[TransferRow], list[FileRow], list[int], list[int]]:
        """(transfers, files, removed transfers, dropped files) since the last call."""
        transfers = [self.transfers[key].row() for key in sorted(self._dirty_transfers) if key in self.transfers]
        files = [self.files[key].row() for key in sorted(self._dirty_files) if key in self.files]
        removed, dropped = self._removed, self._dropped
        self._dirty_transfers, self._dirty_files, self._removed, self._dropped = set(), set(), [], []
        return transfers, files, removed, dropped


def named(book: Book, keys: list[int] | None) -> list[TransferRecord]:
    """The transfers with these numbers, or all. Raises BAD_COMMAND for a number that none has."""
    if keys is None:
        return list(book.transfers.values())
    for key in keys:
        if key not in book.transfers:
            raise ProblemError(Code.BAD_COMMAND, what="no-transfer", transfer=key)
    return [book.transfers[key] for key in dict.fromkeys(keys)]


def _weight(file: FileRecord) -> Weight:
    state = file.state
    if state is FileState.SKIPPED:
        return Weight(files=1, skipped=1)
    low, high = file.total()
    still_low, still_high = file.still()
    return Weight(
        1,
        int(state is FileState.DONE),
        int(state is FileState.FAILED),
        0,
        int(state in FILE_RUNNING),
        file.bytes,
        low,
        high,
        still_low,
        still_high,
        int(file.is_endless and state not in FILE_ENDED),
    )


def _clashes(file: FileRecord) -> bool:
    return file.state is FileState.FAILED and file.problem is not None and file.problem.code is Code.NAME_CLASH


def names_of(place: str) -> list[str]:
    """The names that receiving `place` occupies, in the form in which they are compared."""
    return [clash_key(name) for name in taken_names(place)] if place else []
