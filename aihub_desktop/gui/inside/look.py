"""A look into one archive, as the window knows it: the engine reads, this asks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.inside import LARGEST_PART, Entries, EntryPart, EntryRow, Inside, LookState, Order, TakenOut
from aihub_desktop.gui.engine_link import EngineLink, Refused
from aihub_desktop.gui.models.entries import EntriesModel
from aihub_desktop.gui.models.paged import PAGE
from aihub_desktop.system.words import Words

_COUNT_MS: Final = 400
_HEAD: Final = 64 << 10  # by which an entry is known for what it is
_numbers = itertools.count(1)


class Look(QObject):
    """Answers to what is no longer asked are dropped. `end` when nobody looks any more."""

    opened = Signal(Inside)
    failed = Signal(Problem)
    counted = Signal(int)  # entries listed so far, while it is opened
    listed = Signal(int)  # how many entries fit what is wanted

    def __init__(self, link: EngineLink, words: Words, path: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self.path = link, path
        self.model = EntriesModel(words, self)
        self.find, self.encoding = "", ""
        self._order, self._descending = Order.ARCHIVE, False
        self._number = 0
        self._view = self._turn = 0
        self._counting = QTimer(self, interval=_COUNT_MS)
        self._counting.timeout.connect(self._count)
        self.model.page_wanted.connect(self._fetch)
        self.model.order_wanted.connect(self._sort)

    def begin(self) -> None:
        """Opens the archive, again where it was open."""
        number = self._number = next(_numbers)
        self._turn += 1

        def opened(inside: Inside) -> None:
            if number == self._number:
                self._counting.stop()
                self.opened.emit(inside)
                self._renew()

        def refused(problem: Problem) -> None:
            if number == self._number:
                self._counting.stop()
                self.failed.emit(problem)

        self.model.clear()
        self._counting.start()
        self._link.ask(m.LookInside(0, number, self.path), Inside, opened, refused)

    def end(self) -> None:
        if self._number and self._link.running:
            self._link.tell(m.EndLook(0, self._number), refused=lambda _: None)
        self._number = 0
        self._counting.stop()

    # ---- the list ----

    def want(self, *, find: str | None = None, encoding: str | None = None) -> None:
        """Other words to find, or names in another encoding."""
        before = (self.find, self.encoding)
        self.find = self.find if find is None else find
        self.encoding = self.encoding if encoding is None else encoding
        if (self.find, self.encoding) != before:
            self._renew()

    def _sort(self, order: Order, descending: bool) -> None:
        self._order, self._descending = order, descending
        if self._number:
            self._renew()

    def _renew(self) -> None:
        self._view += 1
        self.model.begin()

    def _fetch(self, offset: int) -> None:
        number, view = self._number, self._view

        def come(page: Entries) -> None:
            if (number, view) == (self._number, self._view):
                self.model.put(offset, page.rows, page.total)
                self.listed.emit(page.total)

        def refused(problem: Problem) -> None:
            if (number, view) == (self._number, self._view):
                self.model.fail(offset)

        wish = m.ListEntries(0, number, offset, PAGE, self.find, self._order, self._descending, self.encoding)
        self._link.ask(wish, Entries, come, refused)

    def _count(self) -> None:
        number = self._number

        def counted(state: LookState) -> None:
            if number == self._number and self._counting.isActive():
                self.counted.emit(state.entries)

        self._link.ask(m.ShowLook(0, number), LookState, counted, lambda _: None)

    # ---- entries ----

    def read(
        self, row: EntryRow, enough: Callable[[bytes], int], done: Callable[[bytes, bool], None], failed: Refused
    ) -> None:
        """The beginning of an entry, until there are as many bytes as `enough` says of those that came.

        `done` gets them, and whether they are all. Whoever asks again before that hears of the new one alone.
        """
        self._turn += 1
        number, turn, data = self._number, self._turn, bytearray()

        def come(part: EntryPart) -> None:
            if (number, turn) != (self._number, self._turn):
                return
            data.extend(part.data)
            if part.is_last or len(data) >= enough(bytes(data[:_HEAD])):
                done(bytes(data), part.is_last)
            else:
                ask()

        def refused(problem: Problem) -> None:
            if (number, turn) == (self._number, self._turn) and problem.code is not Code.STOPPED:
                failed(problem)

        def ask() -> None:
            limit = LARGEST_PART if data else _HEAD
            self._link.ask(m.ReadEntry(0, number, row.number, len(data), limit), EntryPart, come, refused)

        ask()

    def forget(self) -> None:
        """What is being read is not wanted any more."""
        self._turn += 1

    def take(self, rows: list[EntryRow], folder: str, done: Callable[[TakenOut], None], failed: Refused) -> None:
        number, numbers = self._number, [row.number for row in rows]

        def come(taken: TakenOut) -> None:
            if number == self._number:
                done(taken)

        def refused(problem: Problem) -> None:
            if number == self._number:
                failed(problem)

        self._link.ask(m.TakeOut(0, number, numbers, folder, self.encoding), TakenOut, come, refused)

    def halt(self) -> None:
        """Ends what is being taken out."""
        self._link.tell(m.TakeOut(0, self._number, halt=True), refused=lambda _: None)
