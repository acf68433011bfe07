"""What to begin next. Pure: reads the book, returns choices, begins nothing."""

from __future__ import annotations

import heapq
from typing import Final

from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, FileState
from aihub_desktop.engine.ready import Ready
from aihub_desktop.engine.records import Book, FileRecord, TransferRecord

# Below this a request of its own costs more (its start is spread) than a stream of its own brings.
_WORTH_A_STREAM: Final = 8 << 20


def wake_due(book: Book, steady: float) -> None:
    """Files whose delay is over become ready."""
    while book.later and book.later[0][0] <= steady:
        due, key = heapq.heappop(book.later)
        file = book.files.get(key)
        if file is not None and file.due == due and file.state is FileState.WAITING:
            file.due = 0.0
            if file.lease is None:
                book.transfers[file.transfer].waits(file)


def in_turn(book: Book) -> list[TransferRecord]:
    """The transfers that may do anything, those whose turn comes first ahead."""
    open_ = (one for one in book.transfers.values() if one.state in TRANSFER_MAY_RUN or one.finishing)
    return sorted(open_, key=lambda one: one.turn)


def next_request(book: Book, transfer: TransferRecord, settings: Settings, slots: int) -> list[FileRecord]:
    """The files of the hub for the next request of this transfer, in their order; [] where none waits.

    A large file goes alone. Small ones share a request, but are spread over the `slots` that are free: the
    hub's speed is per connection, so one stream with everything would leave the others idle.
    """
    blocked = []
    chosen: list[FileRecord] = []
    while (file := take_waiting(book, transfer.ready)) is not None:
        if book.is_held(transfer, file):
            # A cancelled transfer's worker has not let go of that name yet; its end brings us here again.
            blocked.append(file)
        elif not _fits(chosen, file, transfer, settings, slots):
            blocked.append(file)
            break
        else:
            chosen.append(file)
    for file in blocked:
        transfer.ready.put(file.turn)
    return chosen


def _fits(chosen: list[FileRecord], file: FileRecord, transfer: TransferRecord, settings: Settings, slots: int) -> bool:
    """Whether `file` shares the request of `chosen`."""
    if not chosen:
        return True
    total = sum(one.remote.size.high for one in chosen)
    if total >= _WORTH_A_STREAM and len(chosen) * slots > len(chosen) + len(transfer.ready):
        return False
    most = min(settings.bundle_files, file.bundle, *(one.bundle for one in chosen))
    return len(chosen) < most and total + file.remote.size.high <= settings.bundle_bytes


def take_waiting(book: Book, ready: Ready) -> FileRecord | None:
    """Pops the next file that really waits; what is stale in the heap is dropped on the way."""
    while ready:
        file = book.files.get(ready.take())
        stale = file is None or file.state is not FileState.WAITING or file.lease is not None or file.due > 0
        if file is not None and not stale:
            return file
    return None


def next_check(book: Book, transfer: TransferRecord) -> list[FileRecord]:
    """A file, or all volumes of a split set in the order of the archive, to be proved now; [] where none is ready."""
    for key in sorted(transfer.whole):
        unit = unit_of(book, transfer, book.files[key])
        if all(file.id in transfer.whole and not book.is_held(transfer, file) for file in unit):
            return unit
    return []


def unit_of(book: Book, transfer: TransferRecord, file: FileRecord) -> list[FileRecord]:
    """The files that can only be proved together with `file`, itself among them.

    A set of which a volume failed, was left out or stands under its final name already cannot be proved as a
    whole any more: its volumes then stand each for itself.
    """
    unit = [book.files[key] for key in sets_of(book, transfer).get(file.id, (file.id,))]
    gone = (FileState.FAILED, FileState.SKIPPED, FileState.DONE)
    return [file] if any(member.state in gone for member in unit) else unit


def sets_of(book: Book, transfer: TransferRecord) -> dict[int, tuple[int, ...]]:
    """The volumes of each split set that is all here, by each of them."""
    if transfer.sets is None:
        transfer.sets = whole_sets({member.id: member.place for member in book.files_of(transfer)})
    return transfer.sets
