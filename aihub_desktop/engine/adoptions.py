"""Around an adoption: which dataset a folder may be of, who must not write meanwhile, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.adoption import AdoptWish, Lot
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.tasks import TaskState
from aihub_desktop.engine import recognition
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.records import Book
from aihub_desktop.engine.tasks import Outcome, Tasks

Reply = Callable[[Any, Problem | None], None]
Run = Callable[[str, Callable[[], Any], Reply], None]


class Adoptions:
    """Lives on the engine's loop. `add` obeys `Add`; `notice` tells of a problem that belongs to no row."""

    def __init__(
        self, tasks: Tasks, book: Book, copies: Copies, run: Run, *, add: Callable[[m.Add], int | None],
        notice: Callable[[Problem], None],
    ) -> None:  # fmt: skip
        self._tasks, self._book, self._copies = tasks, book, copies
        self._run, self._add, self._notice = run, add, notice

    def recognise(self, folder: str, reply: Reply) -> None:
        datasets = self._copies.known_datasets()

        def look() -> m.Recognised:
            return m.Recognised(recognition.likely(recognition.names_of(folder), datasets))

        self._run(folder, look, reply)

    def must_leave_alone(self, command: m.AnyCommand) -> None:
        """Raises AT_WORK for what would make a second writer of a ledger that an adoption writes to."""
        folders = {command.folder} if isinstance(command, m.Add) else set()
        if isinstance(command, m.Retry):
            folders = {transfer.folder for transfer in self._book.transfers.values()}
        for folder in folders:
            if self._tasks.is_adopting(folder):
                raise ProblemError(Code.AT_WORK, path=folder)

    @staticmethod
    def left_a_ledger(outcome: Outcome) -> bool:
        """Whether the folder is one of ours now."""
        row, wish = outcome.row, outcome.wish
        if not isinstance(wish, AdoptWish) or wish.only_look:
            return False
        return bool(row.files or (row.stock is not None and row.stock.of(Lot.RECORDED).files))

    def fetch_rest(self, outcome: Outcome) -> None:
        """What is missing is wished for, if that was said."""
        row, wish = outcome.row, outcome.wish
        if row.stock is None or row.state is not TaskState.DONE or not outcome.missing:
            return
        if not (isinstance(wish, AdoptWish) and wish.rest):
            return
        try:
            transfer = self._add(m.Add(0, row.stock.dataset, outcome.missing, row.folder))
        except ProblemError as error:
            self._notice(error.problem)
        else:
            self._tasks.note_rest(row.id, transfer or 0)
