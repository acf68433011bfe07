"""What crosses the seams: face ↔ engine. JSON lines, one message a line.

Codes and facts cross, sentences do not. Each `Command` gets exactly one `Answer`. Events are numbered by
`seq`; a gap asks for a new `Snapshot` by the command `Resync`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from aihub_desktop.domain.adoption import AdoptWish, FoundFile
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.holdings import HeldFile, HoldingRow, Misfit
from aihub_desktop.domain.inside import LARGEST_PART, Order
from aihub_desktop.domain.marks import DatasetMark, Outline
from aihub_desktop.domain.model import Checksum, Count, Dataset, RemoteFile, Secret
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.storage import Storage
from aihub_desktop.domain.tasks import TaskRow, VerifyWish
from aihub_desktop.domain.turns import Priority
from aihub_desktop.domain.unpacking import LeftOut, UnpackWish

# ---- rows: what the faces show -------------------------------------------------------------------

Between = tuple[float, float]  # seconds: at least, at most
Stretch = tuple[Count, Count]  # bytes start ≤ i < stop


class TransferRow(msgspec.Struct, frozen=True):
    """One transfer. Totals are kept here, so no face has to add up 300,000 rows.

    `bytes` are the bytes on disk that count towards the end; the true total lies in [low, high].
    `received` are bytes read from the network, `again` those of them that had been received before.
    """

    id: int
    dataset: Dataset
    folder: str
    state: TransferState
    problem: Problem | None
    files: int
    done: int
    failed: int
    skipped: int
    running: int
    bytes: int
    low: int
    high: int
    received: int
    again: int
    added_at: float  # seconds since 1970
    ended_at: float | None
    finishing: bool = False  # paused, but the files under way are still brought to their end
    volume: str = ""  # the mark of the volume it began on: for the engine, not for people
    unpack: bool = False  # its archives are unpacked once it is over
    rank: int = 0  # its place in the list: smaller stands higher
    priority: Priority = Priority.NORMAL


class FileRow(msgspec.Struct, frozen=True):
    """One file of a transfer. `bytes` on disk; `size` once known exactly; `next_try` in seconds since 1970.

    `note`: what the proof rests on, e.g. the algorithm of a checksum; known to the run that proved the file.
    """

    id: int
    transfer: int
    file: RemoteFile
    place: str  # path below the folder, "" where the name is unsafe
    state: FileState
    bytes: int
    size: int | None
    sha256: str
    proof: str  # a `Proof`, or ""
    problem: Problem | None
    attempts: int
    next_try: float | None
    note: str = ""
    rank: int = 0  # its place among the files of its transfer: smaller comes sooner


class FileProgress(msgspec.Struct, frozen=True, array_like=True):
    file: int
    transfer: int
    bytes: int
    again: int  # bytes of this stream that pass by because they are on disk already
    rate: float  # bytes a second
    repeat: int = 0  # how many bytes of this stream will have passed by so in the end


class TransferProgress(msgspec.Struct, frozen=True, array_like=True):
    """`between`: least and most seconds to the end, from the sizes as they are known and the speeds of late."""

    transfer: int
    bytes: int
    received: int
    again: int
    rate: float
    left: float | None  # seconds, an estimate; None where nothing moves
    unfinished: int = 0  # bytes on disk of the files under way: if stopped now, they have to be received again
    between: Between | None = None  # None while it cannot be told


class Brake(StrEnum):
    """What keeps everything together from being faster or from running, where the program can tell."""

    NONE = ""  # the hub, or the line to it
    DRIVE = "drive"
    LIMIT = "limit"
    HOURS = "hours"  # it is not the time to run


# ---- events --------------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, tag_field="event", tag=str.lower):
    """Base of what the engine says."""


class Snapshot(Event, frozen=True):
    """Everything but the file rows, which are asked for in pages (`Rows`)."""

    seq: int
    transfers: list[TransferRow]
    settings: Settings
    hub: str
    marks: list[DatasetMark] = []


class Changed(Event, frozen=True):
    """Rows that changed, whole. Never dropped. `removed` are transfers that left the list."""

    seq: int
    transfers: list[TransferRow] = []
    files: list[FileRow] = []
    removed: list[int] = []
    settings: Settings | None = None
    marks: list[DatasetMark] = []


class Progress(Event, frozen=True):
    """Latest wins; at most 10 a second for everything together.

    `connections`: open at present to places that serve ranges. `eased`: one of these asked for fewer, or for later.
    `between`: seconds until everything is over that may run, as of a transfer.
    """

    seq: int
    rate: float
    transfers: list[TransferProgress]
    files: list[FileProgress]
    brake: Brake = Brake.NONE
    streams: int = 0  # under way
    wanted_streams: int = 0  # how many at once seem best at present; never more than the setting `parallel`
    starts_at: float | None = None  # seconds since 1970, with HOURS
    connections: int = 0
    eased: bool = False
    between: Between | None = None


class FileMap(Event, frozen=True):
    """Where the bytes of the file are that a face watches. Latest wins, twice a second at most.

    `durable` bytes are claimed by the journal, `written` ones not yet; `coming` is what each connection fetches, from
    where it is now to where it ends (of a stream where it is now alone). So many bytes from the start were `read` in
    order, hashed, and proved as far as the file allows; `again`: so many passed by in this stream because they are on
    disk already. `size` 0: unknown.
    """

    seq: int
    file: int
    size: int
    durable: list[Stretch]
    written: list[Stretch] = []
    coming: list[Stretch] = []
    read: int = 0
    again: int = 0


class Notice(Event, frozen=True):
    """Something a person should hear of that belongs to no row. `fatal`: the engine has ended because of it."""

    seq: int
    problem: Problem
    transfer: int | None = None
    fatal: bool = False


class LibraryChanged(Event, frozen=True):
    """Folders of the library that changed, whole; `removed` are those that left the list."""

    seq: int
    holdings: list[HoldingRow] = []
    removed: list[int] = []


class TaskChanged(Event, frozen=True):
    """Tasks that changed, whole, with how far they are; `removed` are those that nobody needs to hear of any more."""

    seq: int
    tasks: list[TaskRow] = []
    removed: list[int] = []


class Answer(Event, frozen=True):
    """The one answer to the command `id`. `result` is the plain form of the struct named at the command."""

    seq: int
    id: int
    refused: Problem | None = None
    result: Any = None


# ---- commands ------------------------------------------------------------------------------------


class Command(msgspec.Struct, frozen=True, tag_field="command", tag=str.lower, forbid_unknown_fields=True):
    """Base of what a face asks. `id` is the face's own number for the answer."""

    id: int


class Resync(Command, frozen=True):
    """Sends a new `Snapshot`."""


class ListDatasets(Command, frozen=True):
    """→ `DatasetList`. With `refresh` asks the hub, else gives the last copy at once if there is one."""

    refresh: bool = False


class ListFiles(Command, frozen=True):
    """→ `FileList`."""

    dataset: str
    package: bool = False
    refresh: bool = False


class ListOutlines(Command, frozen=True):
    """→ `Outlines`, of the datasets whose trees were fetched at any time. Nobody is asked."""


class Star(Command, frozen=True):
    """Puts a star on a dataset of the hub, or takes it off. The mark follows as `Changed`."""

    dataset: str
    package: bool = False
    on: bool = True


class Visit(Command, frozen=True):
    """Somebody stays with this dataset of the hub. The mark follows as `Changed`."""

    dataset: str
    package: bool = False


class Add(Command, frozen=True):
    """→ `Added`. What is in the queue for the same folder and file keys is joined, not doubled.

    `unpack`: once all of it is over, the archives among what is done are unpacked, each beside itself. New files come
    behind those of before; `in_order`: all of them are to come in the order of `files`.
    """

    dataset: Dataset
    files: list[RemoteFile]
    folder: str
    unpack: bool = False
    in_order: bool = False


class Rows(Command, frozen=True):
    """→ `FileRows`: `limit` rows of a transfer from `offset`, in the order in which they come.

    `words`: only files in whose path all of them occur, in any case. `states`: only files in one of these.
    """

    transfer: int
    offset: Count = 0
    limit: Count = 1000
    words: list[str] = []
    states: list[FileState] = []


class Find(Command, frozen=True):
    """→ `Hits`: how many files of each transfer `Rows` would give for these words and states."""

    words: list[str] = []
    states: list[FileState] = []


class Watch(Command, frozen=True):
    """From now on `FileMap` tells of this file, until the next `Watch`; None: of none."""

    file: int | None = None


class Move(Command, frozen=True):
    """Puts transfers, in this order, before another one in the list; None: at its end."""

    transfers: list[int]
    before: int | None = None


class MoveFiles(Command, frozen=True):
    """Puts files of a transfer, in this order, before another one of it; None: at its end. What is begun goes on.

    The volumes of a split archive stay together: each takes the others along, and nothing is put between them.
    """

    transfer: int
    files: list[int]
    before: int | None = None


class Prefer(Command, frozen=True):
    """These come before the others from now on, among them, or after them."""

    transfers: list[int]
    priority: Priority


class Pause(Command, frozen=True):
    """`transfers` None means all. `finish`: files under way are brought to their end, others are not begun."""

    transfers: list[int] | None = None
    finish: bool = False


class Resume(Command, frozen=True):
    """Also for a transfer that waits for the user: tries again."""

    transfers: list[int] | None = None


class Cancel(Command, frozen=True):
    """Ends transfers, or single files of them. What was received stays on disk."""

    transfers: list[int] | None = None
    files: list[int] = []


class Retry(Command, frozen=True):
    """Failed files of these transfers, or just these files, wait again."""

    transfers: list[int] | None = None
    files: list[int] = []


class Remove(Command, frozen=True):
    """Takes ended transfers off the list. Files stay. `BringBack` undoes it, until others are removed or half a
    minute is over.
    """

    transfers: list[int]


class BringBack(Command, frozen=True):
    """Transfers that were removed a moment ago stand in the list again, where they were. Refused with BAD_COMMAND where
    it is too late.
    """

    transfers: list[int]


class Configure(Command, frozen=True):
    """Refused with the name of the first setting that is out of range. `for_run`: until the engine ends, not kept."""

    changes: dict[str, int | float | str]
    for_run: bool = False


class SetKey(Command, frozen=True):
    """Into the OS keychain, or kept `for_run` only. Transfers that wait for a key go on. → `KeyState`."""

    key: Secret
    for_run: bool = False


class ShowKey(Command, frozen=True):
    """→ `KeyState`."""


class TestKey(Command, frozen=True):
    """Asks the hub about the key in use. → `KeyState`."""

    __test__ = False  # not a test class, whatever pytest thinks of the name


class ClearKey(Command, frozen=True):
    """→ `KeyState`."""


class Space(Command, frozen=True):
    """→ `DiskSpace` of the volume that holds, or would hold, `folder`; `files` are those that might be added there."""

    folder: str
    files: list[RemoteFile] = []


class Inspect(Command, frozen=True):
    """→ `Inspected`. Asks web addresses for the names, sizes and checksums of their files; reads Metalinks.

    Mirrors of one file are one entry of `addresses`, joined by tabs; a Metalink on disk has a file:// address. `names`:
    names wanted on disk, by entry. Addresses that say their name well enough themselves are asked with `ask_all` only.
    """

    addresses: list[str]
    names: dict[str, str] = {}
    checksums: dict[str, Checksum] = {}
    ask_all: bool = False


class ListStorages(Command, frozen=True):
    """→ `Storages`."""


class PutStorage(Command, frozen=True):
    """Enters a storage, in place of one with the same endpoint. → `Storages`.

    With `access_key` its two keys go into the keychain, or are kept `for_run` only. `for_run` without keys: all of it
    holds until the engine ends, and what is kept of a storage with the same endpoint stays as it is.
    """

    storage: Storage
    access_key: str = ""
    secret_key: Secret | None = None
    for_run: bool = False


class RemoveStorage(Command, frozen=True):
    """Forgets a storage and its keys. → `Storages`."""

    endpoint: str


class Browse(Command, frozen=True):
    """→ `Shelf`: a page of what lies directly below `prefix` of a bucket; without a bucket, the buckets.

    `after`: `Shelf.next` of the page before.
    """

    endpoint: str
    bucket: str = ""
    prefix: str = ""
    after: str = ""


class Expand(Command, frozen=True):
    """→ `FileList`: every object below these prefixes of a bucket, each with its whole key as path below `base`."""

    endpoint: str
    bucket: str
    prefixes: list[str]
    base: str = ""


class AskLab(Command, frozen=True):
    """→ `FileList`: the files of this dataset that a machine of the lab has, with where it has them.

    `token` holds until the engine ends; None: the one that was kept. `only`: what is added of the answer comes from
    there or not at all.
    """

    address: str
    dataset: str
    token: Secret | None = None
    only: bool = False


class PutLab(Command, frozen=True):
    """→ `Labs`. Keeps the token of a machine of the lab in the keychain, once the machine has taken it."""

    address: str
    token: Secret


class RemoveLab(Command, frozen=True):
    """→ `Labs`. Forgets the token of a machine of the lab."""

    address: str


class ListLabs(Command, frozen=True):
    """→ `Labs`."""


class ListHoldings(Command, frozen=True):
    """→ `Library`, at once, as it is remembered; what a look at the folders tells follows as `LibraryChanged`.

    `fresh`: the answer waits for that look, which takes as long as the slowest drive.
    """

    fresh: bool = False


class AddHolding(Command, frozen=True):
    """→ `HoldingRow`. Takes a folder with a ledger into the list. Refused with TARGET_MISSING where there is none."""

    folder: str


class RemoveHolding(Command, frozen=True):
    """Takes a folder off the list. Its files stay."""

    holding: int


class Discard(Command, frozen=True):
    """→ `Discarded`. Deletes the files that the folder's ledger names, and takes the folder off the list.

    Only plain files that are as long as the ledger has it, none of them through a link. Refused with AT_WORK while a
    download or a task is at work there, with DRIVE_MISSING where another drive stands in the place of the known one.
    """

    holding: int


class HoldingFiles(Command, frozen=True):
    """→ `HeldFiles`: `limit` files of a folder from `offset`, by their places; `damaged`: only those found so."""

    holding: int
    offset: Count = 0
    limit: Count = 500
    damaged: bool = False


class Repair(Command, frozen=True):
    """→ `Repaired`. What the last verification found damaged is asked for again. A file that changed stays until the
    new one is proved. Refused with AT_WORK as `Discard` is, and with the reason where nothing of it can be had.
    """

    holding: int


class Prepare(Command, frozen=True):
    """→ `Prepared`. What `Repair` does before it adds anything, for what a look just found; `rehearse`: nothing is
    written, and the folder stays as it is.
    """

    folder: str
    misfits: list[Misfit]
    rehearse: bool = False


class Compare(Command, frozen=True):
    """→ `Compared`: how a folder, which need not be there, has `files`, by sizes and times.

    `ready`: what is not as it was received may be replaced from now on, by an `Add` that follows. Refused with AT_WORK
    where that takes writing and a download or a task is at work there.
    """

    folder: str
    files: list[RemoteFile]
    ready: bool = False


class Restore(Command, frozen=True):
    """→ `HoldingRow`. A folder that was taken off the list in this run is on it again, with what was known."""

    holding: int


class Begin(Command, frozen=True):
    """→ `Begun`. One of the three. A task that is wished for already is not doubled.

    An adoption is refused with AT_WORK while a download is at work in the target, and as `ListFiles` is. With `rest`
    what is missing in the end is a download like any other.
    """

    verify: VerifyWish | None = None
    unpack: UnpackWish | None = None
    adopt: AdoptWish | None = None


class Stop(Command, frozen=True):
    """Ends a task. What it did stays."""

    task: int


class Recognise(Command, frozen=True):
    """→ `Recognised`: of which datasets a folder may hold files, by its names."""

    folder: str


class ListLeftOut(Command, frozen=True):
    """→ `LeftOutRows`: what a task that unpacks left out so far, `limit` lines from `offset`."""

    task: int
    offset: Count = 0
    limit: Count = 500


class FindArchives(Command, frozen=True):
    """→ `Archives`: those that the folder's ledger names."""

    folder: str


class Finds(Command, frozen=True):
    """→ `FoundFiles`, of a survey or an adoption that is over. Refused where nobody remembers it any more."""

    task: int


class Rehearse(Command, frozen=True):
    """→ `Rehearsal` of the first archive of the wish. One for the same folder that is still asked for is STOPPED."""

    wish: UnpackWish


class LookInside(Command, frozen=True):
    """→ `Inside`, once all entries of the archive at `path` are listed. `look`: a number that the face gives it.

    It stays open for the commands below until `EndLook`.
    """

    look: int
    path: str


class ShowLook(Command, frozen=True):
    """→ `LookState`, at once."""

    look: int


class ListEntries(Command, frozen=True):
    """→ `Entries`: files and links, `limit` from `offset`, of those whose names hold every word of `find`.

    `encoding`: of names that do not say theirs, "" for what seems right.
    """

    look: int
    offset: Count = 0
    limit: Count = 500
    find: str = ""
    order: Order = Order.ARCHIVE
    descending: bool = False
    encoding: str = ""


class ReadEntry(Command, frozen=True):
    """→ `EntryPart`: at most `limit` bytes from `offset`. One that is still asked for is STOPPED.

    Refused with BAD_ARCHIVE where the entry proves damaged, which may show at its end alone.
    """

    look: int
    entry: int
    offset: Count = 0
    limit: Count = LARGEST_PART


class TakeOut(Command, frozen=True):
    """→ `TakenOut`. Writes entries into a folder, under their own names without folders, over nothing that is there.

    `halt` instead: the one that is under way ends after what it has.
    """

    look: int
    entries: list[int] = []
    folder: str = ""
    encoding: str = ""
    halt: bool = False


class EndLook(Command, frozen=True):
    """What of it is still asked for is STOPPED."""

    look: int


class Quit(Command, frozen=True):
    """Stops the streams, saves and ends. The end of stdin means the same."""


# ---- results -------------------------------------------------------------------------------------


class DatasetList(msgspec.Struct, frozen=True):
    """`asked_at` in seconds since 1970; `problem` says why an older copy is shown."""

    datasets: list[Dataset]
    asked_at: float
    problem: Problem | None = None


class FileList(msgspec.Struct, frozen=True):
    """The files in the order of the tree; `notice` is the hub's own notice text, often empty."""

    dataset: Dataset
    files: list[RemoteFile]
    notice: str
    asked_at: float
    problem: Problem | None = None


class Outlines(msgspec.Struct, frozen=True):
    rows: list[Outline]


class Added(msgspec.Struct, frozen=True):
    transfer: int


class FileRows(msgspec.Struct, frozen=True):
    rows: list[FileRow]
    total: int


class Hits(msgspec.Struct, frozen=True):
    """(transfer, how many files); transfers without any are left out."""

    files: list[tuple[int, int]]


class KeyState(msgspec.Struct, frozen=True):
    """`origin`: "env", "run", "keychain" or "" for none. `valid`: the hub's word, None where it said nothing."""

    origin: str
    masked: str
    valid: bool | None = None


class DiskSpace(msgspec.Struct, frozen=True):
    """`largest`: the longest file that the file system can hold (FAT32: 4 GiB less one), None for no limit.

    `usable`: what is free less what stays free and what other downloads will take. `need_low` to `need_high`: what
    the files that were asked about will yet take. With `need_low` above `usable` they would wait for room.
    """

    free: int
    total: int
    writable: bool
    largest: int | None = None
    file_system: str = ""
    usable: int = 0
    need_low: int = 0
    need_high: int = 0


class Inspected(msgspec.Struct, frozen=True):
    """`files` in the order of the addresses; those that give no file have their problem, by address."""

    files: list[RemoteFile]
    problems: dict[str, Problem] = {}


class StorageRow(msgspec.Struct, frozen=True):
    """`masked`: enough of the access key to recognise it, "" for none."""

    storage: Storage
    masked: str = ""


class Storages(msgspec.Struct, frozen=True):
    rows: list[StorageRow]


class Labs(msgspec.Struct, frozen=True):
    """The addresses of the machines whose tokens are kept."""

    addresses: list[str]


class Shelf(msgspec.Struct, frozen=True):
    """`folders` are names below the prefix without a slash (of buckets: their names); `next` "" at the end."""

    folders: list[str]
    files: list[RemoteFile]
    next: str = ""


class Library(msgspec.Struct, frozen=True):
    """`tasks` that wait or run, and the last that ended."""

    holdings: list[HoldingRow]
    tasks: list[TaskRow] = []


class HeldFiles(msgspec.Struct, frozen=True):
    files: list[HeldFile]
    total: int


class Discarded(msgspec.Struct, frozen=True):
    """`kept`: files that the ledger names but that are not as it has them, or that the disk did not let go."""

    files: int
    bytes: int
    kept: int = 0


class Unmended(msgspec.Struct, frozen=True):
    """A broken file that cannot be fetched again."""

    place: str
    problem: Problem


class Prepared(msgspec.Struct, frozen=True):
    """`batches`: what is to be added, for each dataset. `saved`: bytes of broken files that need not come again."""

    batches: list[FileList]
    refused: list[Unmended] = []
    saved: Count = 0


class Compared(msgspec.Struct, frozen=True):
    """In the order of the files that were asked about."""

    standings: list[Standing]


class Repaired(msgspec.Struct, frozen=True):
    """`transfer`: the first download. `left` files stay broken, for `reason`; `saved` as `Prepared` has it."""

    transfer: int
    left: Count = 0
    saved: Count = 0
    reason: Problem | None = None


class Begun(msgspec.Struct, frozen=True):
    task: int


class Recognised(msgspec.Struct, frozen=True):
    """The likeliest first."""

    datasets: list[Dataset]


class FoundFiles(msgspec.Struct, frozen=True):
    """What needs an eye comes first; beyond `MOST_MISFITS` files are only counted."""

    files: list[FoundFile]


class LeftOutRows(msgspec.Struct, frozen=True):
    """A page of `total` lines; `count`: all that was left out, of which the first thousands are known by name."""

    rows: list[LeftOut]
    total: int
    count: int


class Archives(msgspec.Struct, frozen=True):
    places: list[str]


AnyCommand = (
    Resync | ListDatasets | ListFiles | ListOutlines | Star | Visit
    | Add | Rows | Find | Watch | Pause | Resume | Cancel | Retry | Remove | BringBack | Move | MoveFiles | Prefer
    | Configure | SetKey | ShowKey | TestKey | ClearKey | Space
    | Inspect | ListStorages | PutStorage | RemoveStorage | Browse | Expand
    | AskLab | PutLab | RemoveLab | ListLabs
    | ListHoldings | AddHolding | RemoveHolding | Restore | Discard | HoldingFiles | Repair | Prepare | Compare
    | Begin | Stop | Recognise | Finds | ListLeftOut | FindArchives | Rehearse
    | LookInside | ShowLook | ListEntries | ReadEntry | TakeOut | EndLook | Quit
)  # fmt: skip
AnyEvent = Snapshot | Changed | Progress | FileMap | Notice | LibraryChanged | TaskChanged | Answer
