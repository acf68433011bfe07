"""Archives of downloads that are over, and were to be unpacked then."""

from __future__ import annotations

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.holdings import is_archive
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.engine.preparing import Preparing
from aihub_desktop.engine.records import Book
from aihub_desktop.store.queue import QueueStore


class Unpackings:
    """Lives on the engine's loop."""

    def __init__(self, store: QueueStore, book: Book, preparing: Preparing) -> None:
        self._store, self._book, self._preparing = store, book, preparing
        self._tasks: dict[int, int] = {}  # by transfer; 0 while one is prepared

    def begin(self, row: m.TransferRow) -> None:
        """Of a transfer that is over; nothing where that is under way."""
        if row.id in self._tasks:
            return
        places = [place for place in self._store.places(row.id, FileState.DONE) if is_archive(place)]
        self._tasks[row.id] = 0
        if not places:
            self._done(row.id)
            return

        def then(found: m.Begun | None, problem: Problem | None) -> None:
            if found is None:
                del self._tasks[row.id]
            else:
                self._tasks[row.id] = found.task

        try:
            self._preparing.begin(UnpackWish(row.folder, places), then)
        except ProblemError:
            del self._tasks[row.id]  # the folder is at work; it is looked at again with the next start

    def task_ended(self, task: int) -> None:
        for transfer, number in list(self._tasks.items()):
            if number == task:
                self._done(transfer)

    def _done(self, number: int) -> None:
        """Nothing is left to be unpacked; of a transfer with files that failed the rest may yet come."""
        del self._tasks[number]
        transfer = self._book.transfers.get(number)
        if transfer is not None and transfer.state is not TransferState.FAILED:
            self._book.set_transfer(transfer, unpack=False)
