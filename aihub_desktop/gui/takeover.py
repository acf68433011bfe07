"""One adoption as the window follows it: the wish, the two tasks that come of it, and what they found."""

from __future__ import annotations

from enum import Enum, auto

import msgspec
from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.adoption import TAKEN, AdoptWish, FoundFile, Stock
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.tasks import TASK_ENDED, TaskRow
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.library import Library


class Phase(Enum):
    CHOOSING = auto()  # which folder, which dataset
    LOOKING = auto()
    FOUND = auto()  # what is to be done with it?
    ADOPTING = auto()
    OVER = auto()


class Takeover(QObject):
    """`changed` at every step. What the engine says of steps that were left is dropped."""

    changed = Signal()
    listed = Signal(list)  # every dataset
    recognised = Signal(list)  # those that the folder may be of, the likeliest first

    def __init__(self, link: EngineLink, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._library = link, library
        self.phase = Phase.CHOOSING
        self.wish = AdoptWish("", "")
        self.row: TaskRow | None = None  # of the task that is under way, or the last
        self.finds: list[FoundFile] = []
        self.free: int | None = None  # bytes that may be written where the files are to be
        self.problem: Problem | None = None
        self._step = self._task = 0
        self._surveyed: TaskRow | None = None
        self._is_left = False
        library.changed.connect(self._hear)
        link.lost.connect(self._lost)

    @property
    def stock(self) -> Stock | None:
        return None if self.row is None else self.row.stock

    @property
    def takes(self) -> int:
        """How many files an adoption would take over."""
        return 0 if self.stock is None else self.stock.of(*TAKEN).files

    def list(self) -> None:
        """`listed` follows."""

        def come(answer: m.DatasetList) -> None:
            if not self._is_left:
                self.listed.emit(answer.datasets)

        self._link.ask(m.ListDatasets(0), m.DatasetList, come)

    def recognise(self, folder: str) -> None:
        """`recognised` follows."""
        step = self._next()

        def told(answer: m.Recognised) -> None:
            if step == self._step:
                self.recognised.emit(answer.datasets)

        self._link.ask(m.Recognise(0, folder), m.Recognised, told, lambda _: told(m.Recognised([])))

    def look(self, folder: str, dataset: Dataset, to: str) -> None:
        """Looks through the folder; nothing is written."""
        here = "" if to == folder else to
        self.wish = AdoptWish(folder, dataset.key, dataset.package, here, only_look=True)
        self.free = None
        self._begin(Phase.LOOKING, self.wish)
        step = self._step

        def spaced(space: m.DiskSpace) -> None:
            if step <= self._step and not self._is_left:
                self.free = space.usable
                self.changed.emit()

        self._link.ask(m.Space(0, to or folder), m.DiskSpace, spaced)

    def adopt(self, *, move: bool, set_aside: bool, rest: bool) -> None:
        self.wish = msgspec.structs.replace(self.wish, only_look=False, move=move, set_aside=set_aside, rest=rest)
        self._begin(Phase.ADOPTING, self.wish)

    def stop(self) -> None:
        """Ends the task; a survey leaves nothing behind, so the choice is open again."""
        if self._task and self.row is not None and self.row.state not in TASK_ENDED:
            self._link.tell(m.Stop(0, self._task))
        if self.phase is Phase.LOOKING:
            self.back()

    def back(self) -> None:
        self._next()
        self._task, self.row, self.finds = 0, None, []
        self._enter(Phase.CHOOSING)

    def leave(self) -> None:
        """Nobody looks any more: what only looks is stopped, an adoption goes on."""
        if self.phase is Phase.LOOKING:
            self.stop()
        self._next()
        self._is_left = True
        self._library.changed.disconnect(self._hear)

    # ---- inside ----

    def _next(self) -> int:
        self._step += 1
        return self._step

    def _enter(self, phase: Phase, problem: Problem | None = None) -> None:
        self.phase, self.problem = phase, problem
        self.changed.emit()

    def _begin(self, phase: Phase, wish: AdoptWish) -> None:
        step, before = self._next(), self.phase

        def begun(answer: m.Begun) -> None:
            if step == self._step:
                self._task = answer.task
                self._hear()
            elif wish.only_look:
                self._link.tell(m.Stop(0, answer.task))  # nobody waits for it any more

        def refused(problem: Problem) -> None:
            if step == self._step:
                self._enter(before, problem)

        self._task = 0
        self.row = None if wish.only_look else self._surveyed
        self._enter(phase)
        self._link.ask(m.Begin(0, adopt=wish), m.Begun, begun, refused)

    def _hear(self) -> None:
        """What the library knows of our task."""
        row = self._library.task(self._task) if self._task else None
        if row is None or row == self.row or self.phase not in (Phase.LOOKING, Phase.ADOPTING, Phase.OVER):
            return
        self.row = row
        if row.state not in TASK_ENDED or self.phase is Phase.OVER:
            self.changed.emit()
        elif row.stock is None:
            # What was adopted until then stays; whoever asks again goes on from there.
            self.row = self._surveyed if self.phase is Phase.ADOPTING else None
            self._enter(Phase.FOUND if self.phase is Phase.ADOPTING else Phase.CHOOSING, row.problem)
        else:
            self._surveyed = row if self.phase is Phase.LOOKING else self._surveyed
            self._fetch(Phase.FOUND if self.phase is Phase.LOOKING else Phase.OVER)

    def _lost(self, problem: Problem) -> None:
        """A task ends with its engine. What was taken over until then stays."""
        if self._is_left or self.phase not in (Phase.LOOKING, Phase.ADOPTING):
            return
        self._next()
        self._task, was_adopting = 0, self.phase is Phase.ADOPTING
        self.row = self._surveyed if was_adopting else None
        self._enter(Phase.FOUND if was_adopting else Phase.CHOOSING, problem)

    def _fetch(self, phase: Phase) -> None:
        row = self.row
        if row is None:
            return
        step = self._next()

        def come(answer: m.FoundFiles) -> None:
            if step == self._step:
                self.finds = answer.files
                self._enter(phase, row.problem)

        def refused(problem: Problem) -> None:
            if step == self._step:
                self.finds = []
                self._enter(phase, problem)

        self._link.ask(m.Finds(0, row.id), m.FoundFiles, come, refused)
