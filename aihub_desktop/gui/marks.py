"""The stars, visits and approvals of datasets as the engine has them, and the wishes about them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from aihub_desktop.domain.contents import folder_names
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.marks import Outline
from aihub_desktop.domain.messages import Changed, ListOutlines, Outlines, Snapshot, Star, Visit
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.models.datasets import DatasetModel

_STAYING_MS: Final = 2500  # long enough to have looked, and not just passed by with an arrow key


class Marks(QObject):
    """Keeps the model's marks and outlines as the engine tells them."""

    refused = Signal(Problem)

    def __init__(self, link: EngineLink, model: DatasetModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._model = link, model
        self._here: Dataset | None = None
        self._staying = QTimer(self, singleShot=True, interval=_STAYING_MS)
        self._staying.timeout.connect(self.visit)
        link.snapshot.connect(self._snapshot)
        link.changed.connect(self._changed)
        model.star_wanted.connect(self.star)

    def ask(self) -> None:
        """For what the trees tell that were fetched at any time."""
        self._link.ask(ListOutlines(0), Outlines, lambda answer: self._model.learn(answer.rows))

    def star(self, dataset: Dataset, on: bool) -> None:
        self._link.tell(Star(0, dataset.key, dataset.package, on), refused=self.refused.emit)

    def stay(self, dataset: Dataset) -> None:
        """It is looked at from now on; a visit is what lasts."""
        self._here = dataset
        self._staying.start()

    def visit(self) -> None:
        """Whatever is looked at counts as visited."""
        self._staying.stop()
        if self._here is not None:
            self._link.tell(Visit(0, self._here.key, self._here.package))

    def learn(self, dataset: Dataset, files: list[RemoteFile]) -> None:
        """What a tree tells that has just come."""
        names = folder_names(file.path for file in files)
        low, high = sum(file.size.low for file in files), sum(file.size.high for file in files)
        self._model.learn([Outline(dataset.key, dataset.package, names, len(files), low, high)])

    def _snapshot(self, event: Snapshot) -> None:
        self._model.mark(event.marks)

    def _changed(self, event: Changed) -> None:
        if event.marks:
            self._model.mark(event.marks)
