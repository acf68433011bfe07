"""The map of the one file that a face looks at: from the worker that receives it, else from its journal on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.leases import Chart, Charted
from aihub_desktop.domain.messages import FileMap
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.errands import Errands
from aihub_desktop.engine.records import RECEIVING, Book, FileRecord
from aihub_desktop.transport.coverage import coarser, merged
from aihub_desktop.transport.journal import read_journal

EVERY: Final = 0.5  # seconds


class Viewing:
    """Lives on the engine's loop. `ask` hands on a question to the worker that has a lease; `emit` tells the face."""

    def __init__(
        self, book: Book, errands: Errands, ask: Callable[[Chart], None], emit: Callable[[FileMap], None]
    ) -> None:
        self._book = book
        self._errands = errands
        self._ask = ask
        self._emit = emit
        self._watched: int | None = None
        self._asked_at = float("-inf")
        self._told: object = None  # what the last map of a file at rest was made of
        self._heard: Charted | None = None
        self._reads = False  # a journal is being read

    def watch(self, file: int | None) -> None:
        self._watched, self._told, self._heard, self._asked_at = file, None, None, float("-inf")

    def turn(self, now: float) -> None:
        """Asks, if it is time to. `now` of the steady clock."""
        file = self._book.files.get(self._watched) if self._watched is not None else None
        if file is None or now - self._asked_at < EVERY:
            return
        self._asked_at = now
        lease = self._book.leases.get(file.lease) if file.lease is not None else None
        if file.state is FileState.FETCHING and lease is not None and lease.kind in RECEIVING:
            self._told = None
            self._ask(Chart(lease.id, file.id))
        elif not self._reads and (state := (file.state, file.bytes, file.size)) != self._told:
            self._told = state
            self._look(file)

    def heard(self, news: Charted) -> None:
        file = self._book.files.get(news.file)
        if file is not None and news.file == self._watched and file.lease == news.lease and news != self._heard:
            self._heard = news
            self._emit(FileMap(0, news.file, news.size, news.durable, news.written, news.coming, news.read, news.again))

    def _look(self, file: FileRecord) -> None:
        size = file.remote.size.high if file.size is None else file.size
        if file.state in (FileState.CHECKING, FileState.UNPACKING, FileState.DONE):
            proved = size if file.state is FileState.DONE else 0
            self._emit(FileMap(0, file.id, size, [(0, size)] if size else [], read=proved))
            return
        folder, place = self._book.transfers[file.transfer].folder, file.place
        if not place:
            return

        def then(value: Any, problem: Problem | None) -> None:
            self._reads = False
            if value is not None and file.id == self._watched:
                self._emit(FileMap(0, file.id, size, value))

        self._reads = True
        # In a lane of its own: the drive may hang.
        self._errands.run_apart(f"map {folder}", lambda: _claimed(folder, place), then)


def _claimed(folder: str, place: str) -> list[tuple[int, int]]:
    """What the journal of a file says is durable. Raises `ProblemError`."""
    target = Target(Path(folder))
    spot = target.spot(place)
    state = read_journal(spot.journal) if target.check_parents(spot) else None
    return coarser(merged(state.pieces)) if state is not None else []
