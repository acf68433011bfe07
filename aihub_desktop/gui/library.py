"""The library as the window knows it: folders, the tasks on them, and the files of the one that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, VerifyWish
from aihub_desktop.gui.engine_link import EngineLink, Refused
from aihub_desktop.gui.models.held_files import HeldFilesModel
from aihub_desktop.gui.models.library import LibraryModel
from aihub_desktop.gui.models.paged import PAGE
from aihub_desktop.system.words import Words

_REACHED: Final = frozenset({HoldingState.RIGHT, HoldingState.NEWER, HoldingState.DAMAGED})


class Library(QObject):
    """Answers about a folder that is no longer looked at are dropped."""

    changed = Signal()  # folders or tasks
    chosen_changed = Signal()

    def __init__(self, link: EngineLink, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.folders = LibraryModel(words, self)
        self.files = HeldFilesModel(words, self)
        self.known = False
        self.chosen: HoldingRow | None = None
        self.damaged_only = False
        self.problem: Problem | None = None  # why the files of the chosen folder are not here
        self._tasks: dict[int, TaskRow] = {}
        self._look = 0  # each gets a number of its own
        self.files.page_wanted.connect(self._fetch)
        link.snapshot.connect(lambda _: self.load())
        link.holdings_changed.connect(self._changed)
        link.tasks_changed.connect(self._tasks_changed)
        link.lost.connect(self._lost)

    def speak(self, words: Words) -> None:
        self.folders.speak(words)
        self.files.speak(words)

    def load(self) -> None:
        """Asks for all folders; what a look at them tells follows by itself."""
        self._link.ask(m.ListHoldings(0), m.Library, self.show)

    def choose(self, row: HoldingRow | None, *, damaged_only: bool = False) -> None:
        """Whose files are shown."""
        same = row is not None and self.chosen is not None and row.id == self.chosen.id
        self.chosen = row
        if not same or damaged_only != self.damaged_only:
            self.damaged_only, self.problem = damaged_only, None
            self._look += 1
            if row is None:
                self.files.clear()
            else:
                self.files.begin()
        self.chosen_changed.emit()

    def running(self, row: HoldingRow) -> TaskRow | None:
        """The last task of a folder, over or not."""
        return self.folders.task_of(row)

    def task(self, number: int) -> TaskRow | None:
        return self._tasks.get(number)

    @property
    def at_work(self) -> int:
        """How many tasks are under way."""
        return sum(task.state not in TASK_ENDED for task in self._tasks.values())

    def homeless(self) -> TaskRow | None:
        """An adoption at work in a folder that is not on the list yet."""
        known = {row.folder for row in self.folders.rows()}
        at_work = (task for task in self._tasks.values() if task.state not in TASK_ENDED)
        return next((one for one in at_work if one.kind is TaskKind.ADOPT and one.folder not in known), None)

    def home_of(self, dataset: Dataset) -> str:
        """The folder that has files of it and is within reach; "" for none. Of several the one that is looked at."""
        here = [row for row in self.folders.rows() if row.state in _REACHED and _is_of(row, dataset)]
        looked_at = self.chosen.id if self.chosen is not None else None
        only = here if len(here) == 1 else [row for row in here if row.id == looked_at]
        return only[0].folder if only else ""

    # ---- wishes ----

    def add(self, folder: str, answered: Callable[[HoldingRow], None], refused: Refused) -> None:
        def added(row: HoldingRow) -> None:
            self._changed(m.LibraryChanged(0, [row]))
            answered(row)

        self._link.ask(m.AddHolding(0, folder), HoldingRow, added, refused)

    def remove(self, row: HoldingRow, answered: Callable[[], None], refused: Refused) -> None:
        self._link.tell(m.RemoveHolding(0, row.id), answered, refused)

    def restore(self, row: HoldingRow, answered: Callable[[HoldingRow], None], refused: Refused) -> None:
        """Takes back what `remove` did."""

        def back(now: HoldingRow) -> None:
            self._changed(m.LibraryChanged(0, [now]))
            answered(now)

        self._link.ask(m.Restore(0, row.id), HoldingRow, back, refused)

    def discard(self, row: HoldingRow, answered: Callable[[m.Discarded], None], refused: Refused) -> None:
        self._link.ask(m.Discard(0, row.id), m.Discarded, answered, refused)

    def repair(self, row: HoldingRow, answered: Callable[[m.Repaired], None], refused: Refused) -> None:
        self._link.ask(m.Repair(0, row.id), m.Repaired, answered, refused)

    def verify(self, row: HoldingRow, *, deep: bool, refused: Refused) -> None:
        self._link.tell(m.Begin(0, verify=VerifyWish(row.folder, deep)), refused=refused)

    def stop(self, task: TaskRow, refused: Refused) -> None:
        self._link.tell(m.Stop(0, task.id), refused=refused)

    # ---- what the engine says ----

    def show(self, answer: m.Library) -> None:
        """All folders and tasks anew."""
        self.known = True
        self._tasks = {task.id: task for task in answer.tasks}
        self.folders.change_tasks(self._tasks.values())
        self.folders.fill(answer.holdings)
        self._follow()
        self.changed.emit()

    def _changed(self, event: m.LibraryChanged) -> None:
        self.folders.change(event.holdings, event.removed)
        self._follow()
        self.changed.emit()

    def _tasks_changed(self, event: m.TaskChanged) -> None:
        self._tasks |= {task.id: task for task in event.tasks}
        for number in event.removed:
            self._tasks.pop(number, None)
        self.folders.change_tasks(self._tasks.values())
        self.changed.emit()

    def _lost(self, _: Problem) -> None:
        """Its tasks ended with the engine; what another one knows of them it will say."""
        self._tasks = {}
        self.folders.change_tasks([])
        self.changed.emit()

    def _follow(self) -> None:
        """The folder that is looked at, as it is now."""
        if self.chosen is None:
            return
        place = self.folders.place_of(self.chosen.id)
        if place is None:
            self.choose(None)
            return
        old, self.chosen = self.chosen, self.folders.row(place)
        if (old.summary, old.verdict, old.state) != (self.chosen.summary, self.chosen.verdict, self.chosen.state):
            self.problem = None
            self._look += 1
            self.files.renew()
        self.chosen_changed.emit()

    def _fetch(self, offset: int) -> None:
        if self.chosen is None:
            return
        look = self._look

        def come(answer: m.HeldFiles) -> None:
            if look == self._look:
                self.files.add_page(offset, answer)
                self.chosen_changed.emit()

        def refused(problem: Problem) -> None:
            if look == self._look:
                self.problem = problem
                self.files.fail(offset)
                self.chosen_changed.emit()

        wish = m.HoldingFiles(0, self.chosen.id, offset, PAGE, self.damaged_only)
        self._link.ask(wish, m.HeldFiles, come, refused)


def _is_of(row: HoldingRow, dataset: Dataset) -> bool:
    held = row.summary.dataset if row.summary is not None else None
    return held is not None and (held.source, held.key, held.package) == (dataset.source, dataset.key, dataset.package)
