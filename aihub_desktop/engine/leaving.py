"""Transfers that a person has taken off the list, and may bring back for a moment. Pure, like the core."""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import BringBack, Remove
from aihub_desktop.domain.states import TRANSFER_ENDED
from aihub_desktop.engine.records import Book, Moment, TransferRecord, named

REPENT_SECONDS: Final = 30.0


class Leaving:
    """Those of the last removal. Until they are forgotten the store has them, so a crash brings them back, too."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._transfers: dict[int, TransferRecord] = {}
        self.until: float | None = None  # steady clock

    def remove(self, command: Remove, now: Moment) -> None:
        found = named(self._book, command.transfers)
        for transfer in found:
            if transfer.state not in TRANSFER_ENDED or self._book.leases_of(transfer):
                raise ProblemError(Code.BAD_COMMAND, what="not-ended", transfer=transfer.id)
        self.forget()
        for transfer in found:
            self._book.remove(transfer)
            self._transfers[transfer.id] = transfer
        self.until = now.steady + REPENT_SECONDS

    def bring_back(self, command: BringBack, now: Moment) -> None:
        for key in command.transfers:
            if key not in self._transfers:
                raise ProblemError(Code.BAD_COMMAND, what="too-late", transfer=key)
        for key in dict.fromkeys(command.transfers):
            transfer = self._book.transfers[key] = self._transfers.pop(key)
            self._book.set_transfer(transfer)

    def plan(self, now: Moment) -> None:
        if self.until is not None and now.steady >= self.until:
            self.forget()

    def forget(self) -> None:
        """It is too late from now on."""
        self._book.forgotten += self._transfers
        self._transfers, self.until = {}, None
