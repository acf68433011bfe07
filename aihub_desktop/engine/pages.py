"""Rows of files for a face, page by page: those that move from the book, those of ended transfers from the store."""

from __future__ import annotations

from itertools import islice

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.filters import Filter
from aihub_desktop.domain.messages import FileRows, Find, Hits, Rows
from aihub_desktop.engine.outbox import told
from aihub_desktop.engine.records import Book, FileRecord, TransferRecord
from aihub_desktop.store.queue import QueueStore


def listed(store: QueueStore, book: Book, command: Rows | Find) -> FileRows | Hits:
    """Raises BAD_COMMAND for a transfer that is none."""
    return _page(store, book, command) if isinstance(command, Rows) else _hits(store, book, command)


def _page(store: QueueStore, book: Book, command: Rows) -> FileRows:
    """Rows as they are now."""
    transfer = book.transfers.get(command.transfer)
    if transfer is None:
        raise ProblemError(Code.BAD_COMMAND, what="no-transfer", transfer=command.transfer)
    wanted = Filter.of(command.words, command.states)
    if transfer.loaded:
        found = _matching(book, transfer, wanted)
        chosen = islice(found, command.offset, command.offset + command.limit)
        rows = [told(file.row()) for file in chosen]
        return FileRows(rows, len(found) if wanted else transfer.files)
    rows = [told(row) for row in store.files(transfer.id, command.offset, command.limit, wanted)]
    return FileRows(rows, store.count(wanted, [transfer.id]).get(transfer.id, 0) if wanted else transfer.files)


def _hits(store: QueueStore, book: Book, command: Find) -> Hits:
    wanted = Filter.of(command.words, command.states)
    resting = [key for key, transfer in book.transfers.items() if not transfer.loaded]
    counts = store.count(wanted, resting)
    for key, transfer in book.transfers.items():
        if transfer.loaded and (count := len(_matching(book, transfer, wanted))):
            counts[key] = count
    return Hits(sorted(counts.items()))


def _matching(book: Book, transfer: TransferRecord, wanted: Filter) -> list[FileRecord]:
    files = book.files_of(transfer)
    return [file for file in files if wanted.takes(file.remote.path, file.state)] if wanted else files
