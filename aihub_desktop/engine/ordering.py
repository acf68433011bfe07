"""What a person says of the order: of transfers in the list, and of the files of one transfer. Pure, like the core."""

from __future__ import annotations

from collections.abc import Sequence

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import Move, MoveFiles, Prefer
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, FileState
from aihub_desktop.domain.turns import Turn, Units, moved
from aihub_desktop.engine.gathering import gathers, place_of
from aihub_desktop.engine.outcome import Outcome
from aihub_desktop.engine.plan import in_turn, sets_of
from aihub_desktop.engine.ready import FileTurn, lot_of
from aihub_desktop.engine.records import Book, FileRecord, LeaseRecord, Moment, TransferRecord, named


class Ordering:
    """What comes in ranges loses nothing by a stop: it leaves its place to those who come before it now. A stream of
    the hub would lose all that it brought, so it is brought to its end.
    """

    def __init__(self, book: Book, outcome: Outcome) -> None:
        self._book = book
        self._outcome = outcome

    def move(self, command: Move, now: Moment) -> None:
        found = named(self._book, [*command.transfers, *([] if command.before is None else [command.before])])
        ranks = {transfer.id: transfer.rank for transfer in self._book.transfers.values()}
        for key, rank in moved(ranks, command.transfers, command.before).items() if found else ():
            self._book.set_transfer(self._book.transfers[key], rank=rank)
        self._make_way()

    def prefer(self, command: Prefer, now: Moment) -> None:
        for transfer in named(self._book, command.transfers):
            self._book.set_transfer(transfer, priority=command.priority)
        self._make_way()

    def move_files(self, command: MoveFiles, now: Moment) -> None:
        (transfer,) = named(self._book, [command.transfer])
        for key in [*command.files, *([] if command.before is None else [command.before])]:
            if key not in transfer.ids:
                raise ProblemError(Code.BAD_COMMAND, what="no-file", file=key)
        place_files(self._book, transfer, command.files, command.before, sets_of(self._book, transfer))
        if transfer.state in TRANSFER_MAY_RUN and transfer.berth.admitted:
            self._make_way_within(transfer, [self._book.files[key] for key in command.files])

    def _make_way(self) -> None:
        waiting: dict[str, Turn] = {}
        for transfer in in_turn(self._book):
            if transfer.state in TRANSFER_MAY_RUN and transfer.berth.admitted:
                for lot in (lot for lot, ready in transfer.lots.items() if ready):
                    waiting.setdefault(place_of(lot, transfer), transfer.turn)
        for lease in gathers(self._book):
            if lease.place in waiting and waiting[lease.place] < self._book.transfers[lease.transfer].turn:
                self._outcome.halt_lease(lease)

    def _make_way_within(self, transfer: TransferRecord, files: list[FileRecord]) -> None:
        """A lease is asked back where its files stand in another order now, or one that waits comes before them."""
        waiting: dict[str, FileTurn] = {}
        for file in files:
            lot = lot_of(file.remote)
            if lot is not None and file.state is FileState.WAITING and file.lease is None and not file.due:
                place = place_of(lot, transfer)
                waiting[place] = min(file.turn, waiting.get(place, file.turn))
        for lease in gathers(self._book):
            turns = self._turns(lease) if lease.transfer == transfer.id else []
            if turns and (turns != sorted(turns) or waiting.get(lease.place, turns[-1]) < turns[-1]):
                self._outcome.halt_lease(lease)

    def _turns(self, lease: LeaseRecord) -> list[FileTurn]:
        """Of what is still open of it, in the order in which it was lent."""
        return [self._book.files[key].turn for key in lease.held if key in lease.files]


_ALONE: Units = {}


def place_files(
    book: Book, transfer: TransferRecord, keys: Sequence[int], before: int | None, units: Units = _ALONE
) -> None:
    """Puts files of a transfer before another one of it, see `turns.moved`. What is begun goes on."""
    ranks = {key: book.files[key].rank for key in transfer.ids}
    for key, rank in moved(ranks, keys, before, units).items():
        book.set_file(book.files[key], rank=rank)
    transfer.ids = dict.fromkeys(sorted(transfer.ids, key=lambda key: book.files[key].turn))
