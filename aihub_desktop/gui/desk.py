"""What the pages share: the engine's end of the pipe, the models, and the few facts that belong to no page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QSettings, Signal

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import (
    Changed,
    ClearKey,
    Configure,
    DatasetList,
    FileList,
    FileRows,
    KeyState,
    ListDatasets,
    ListFiles,
    Notice,
    Rows,
    SetKey,
    ShowKey,
    Snapshot,
    TestKey,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret
from aihub_desktop.domain.settings import Settings
from aihub_desktop.gui.depot import Depot
from aihub_desktop.gui.engine_link import EngineLink, Refused
from aihub_desktop.gui.inside.opened import Opened
from aihub_desktop.gui.library import Library
from aihub_desktop.gui.marks import Marks
from aihub_desktop.gui.models.datasets import DatasetModel
from aihub_desktop.gui.models.file_tree import FileTreeModel
from aihub_desktop.gui.models.queue import QueueModel
from aihub_desktop.gui.pacing import Pacing
from aihub_desktop.system.words import Words

WELCOMED: Final = "welcomed"  # of the preferences: the first start's screen has been seen
_OLD_SECONDS: Final = 3600  # a copy of the catalogue older than this is asked for anew behind the scenes


@dataclass(frozen=True, slots=True)
class Copy:
    """How old what is shown is, in seconds since 1970; `problem` says why there is nothing newer."""

    loading: bool = False
    asked_at: float = 0.0
    problem: Problem | None = None


class Desk(QObject):
    """Routes events to the models and wishes to the engine."""

    catalogue_changed = Signal(Copy)
    files_changed = Signal(Copy)  # of `chosen`
    key_changed = Signal(KeyState)
    settings_changed = Signal(Settings)
    noticed = Signal(Notice)
    refused = Signal(Problem)  # something that a person wished for, and that no page shows in its own place
    lost = Signal(Problem)
    found = Signal()  # the engine is there, again

    def __init__(self, link: EngineLink, words: Words, home: Path, hub: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.link, self.words, self.home, self.hub = link, words, home, hub
        self.preferences = QSettings(str(home / "window.ini"), QSettings.Format.IniFormat, self)
        self.datasets = DatasetModel(words, self)
        self.tree = FileTreeModel(words, self)
        self.marks = Marks(link, self.datasets, self)
        self.queue = QueueModel(words, self)
        self.depot = Depot(link, words, self.preferences, self)
        self.library = Library(link, words, self)
        self.opened = Opened(home)
        self.settings = Settings()
        self.pace = Pacing(link, self.preferences, self)
        self.key = KeyState("", "")
        self.key_known = False
        self.catalogue = Copy()
        self.files = Copy()
        self.chosen: Dataset | None = None
        self.notice = ""  # the hub's own words about `chosen`
        link.snapshot.connect(self._snapshot)
        link.changed.connect(self._changed)
        link.progressed.connect(self.queue.progress)
        link.noticed.connect(self.noticed)
        link.lost.connect(self._lost)
        self.marks.refused.connect(self.refused)
        self.queue.rows_wanted.connect(self._fetch_rows)

    def start(self) -> None:
        """Starts the engine and asks for what every page needs."""
        self.link.start()
        self._ask_all()

    def speak(self, words: Words) -> None:
        """Another language from now on."""
        self.words = words
        for model in (self.datasets, self.tree, self.queue, self.depot.shelf, self.library):
            model.speak(words)

    def configure(self, **changes: float | str) -> None:
        """Changes settings; the engine's word about them follows as `settings_changed`."""
        self.link.tell(Configure(0, dict(changes)), refused=self.refused.emit)

    # ---- the catalogue ----

    def load_catalogue(self, *, refresh: bool = False) -> None:
        """The last copy at once if there is one; with `refresh`, the hub's own word."""
        self._catalogue(loading=True)
        self.link.ask(
            ListDatasets(0, refresh=refresh),
            DatasetList,
            self._listed,
            lambda problem: self._catalogue(problem=problem),
        )

    def _listed(self, answer: DatasetList) -> None:
        self.datasets.fill(answer.datasets)
        self._catalogue(asked_at=answer.asked_at, problem=answer.problem)
        if answer.problem is None and time.time() - answer.asked_at > _OLD_SECONDS:
            self.load_catalogue(refresh=True)

    def _catalogue(
        self, *, loading: bool = False, asked_at: float | None = None, problem: Problem | None = None
    ) -> None:
        at = self.catalogue.asked_at if asked_at is None else asked_at
        self.catalogue = Copy(loading, at, problem)
        self.catalogue_changed.emit(self.catalogue)

    # ---- one dataset ----

    def choose(self, dataset: Dataset, *, refresh: bool = False) -> None:
        """Shows the files of a dataset. Ticks are dropped with the dataset they belong to."""
        self.chosen = dataset
        self.marks.stay(dataset)
        if not refresh:
            self.tree.fill([])
            self.notice = ""
        self._files(Copy(loading=True, asked_at=self.files.asked_at if refresh else 0.0))
        self._unfold(dataset, refresh=refresh)

    def _unfold(self, dataset: Dataset, *, refresh: bool) -> None:
        self.link.ask(
            ListFiles(0, dataset.key, package=dataset.package, refresh=refresh),
            FileList,
            lambda answer: self._unfolded(dataset, answer, refresh=refresh),
            lambda problem: self._not_unfolded(dataset, problem),
        )

    def _unfolded(self, dataset: Dataset, answer: FileList, *, refresh: bool) -> None:
        if dataset != self.chosen:
            return
        if not refresh or (answer.problem is None and answer.files != self.tree.files()):
            self._grow(dataset, answer.files)
        self.notice = answer.notice
        self._files(Copy(asked_at=answer.asked_at, problem=answer.problem))
        if not refresh and answer.problem is None and time.time() - answer.asked_at > _OLD_SECONDS:
            # File keys change when a dataset is released anew: an old copy asks for files that are gone.
            self._unfold(dataset, refresh=True)

    def _grow(self, dataset: Dataset, files: list[RemoteFile]) -> None:
        """Another tree of the same dataset; what is ticked and filtered stays so."""
        ticked, text = {file.key for file in self.tree.files(ticked=True)}, self.tree.content.filter
        self.tree.fill(files)
        self.tree.tick_keys(ticked)
        self.tree.filter(text)
        self.marks.learn(dataset, files)

    def _not_unfolded(self, dataset: Dataset, problem: Problem) -> None:
        if dataset == self.chosen:
            self._files(Copy(asked_at=self.files.asked_at, problem=problem))

    def _files(self, copy: Copy) -> None:
        self.files = copy
        self.files_changed.emit(copy)

    # ---- the key ----

    def set_key(self, key: Secret, *, for_run: bool, answered: Callable[[KeyState], None], refused: Refused) -> None:
        """Keeps the key. One typed here is meant: it goes before the variable."""
        self.link.ask(SetKey(0, key, for_run=for_run), KeyState, self._key_to(answered), refused)

    def test_key(self, answered: Callable[[KeyState], None], refused: Refused) -> None:
        self.link.ask(TestKey(0), KeyState, self._key_to(answered), refused)

    def clear_key(self, refused: Refused) -> None:
        self.link.ask(ClearKey(0), KeyState, self._keyed, refused)

    def _key_to(self, answered: Callable[[KeyState], None]) -> Callable[[KeyState], None]:
        def both(state: KeyState) -> None:
            self._keyed(state)
            answered(state)

        return both

    def _keyed(self, state: KeyState) -> None:
        self.key, self.key_known = state, True
        self.key_changed.emit(state)

    # ---- what the engine says ----

    def _ask_all(self) -> None:
        self.link.ask(ShowKey(0), KeyState, self._keyed)
        self.load_catalogue()
        self.marks.ask()

    def restart(self) -> None:
        """After the engine was lost."""
        self.start()
        if self.chosen is not None and self.files.problem is not None:
            self.choose(self.chosen)

    def _snapshot(self, event: Snapshot) -> None:
        self.queue.fill(event.transfers)
        self._configured(event.settings)
        self.found.emit()

    def _changed(self, event: Changed) -> None:
        self.queue.change(event)
        if event.settings is not None:
            self._configured(event.settings)

    def _configured(self, settings: Settings) -> None:
        self.settings = settings
        self.pace.keep(settings.hours)
        self.settings_changed.emit(settings)

    def _lost(self, problem: Problem) -> None:
        self.queue.stop()
        self.lost.emit(problem)

    def _fetch_rows(self, transfer: int, offset: int) -> None:
        shown, item = self.queue.filter, self.queue.item(transfer)
        words = shown.words_for(item.hay) if item is not None else []

        def answered(answer: FileRows) -> None:
            # What was asked under another filter is no page of this list.
            if self.queue.filter is shown:
                self.queue.add_rows(transfer, offset, answer)

        self.link.ask(
            Rows(0, transfer, offset, words=words, states=shown.states),
            FileRows,
            answered,
            lambda _: self.queue.forget_question(transfer),
        )


def is_first_start(desk: Desk) -> bool:
    """Whether neither a window nor an engine was ever here. To be asked before the engine starts."""
    return not (desk.preferences.contains(WELCOMED) or (desk.home / "queue.sqlite").exists())
