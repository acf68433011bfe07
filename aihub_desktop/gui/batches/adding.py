"""What lacks of a batch becomes downloads, one for each dataset, bucket or lot of addresses."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Add, Added
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.gui.batches.listing import Listing
from aihub_desktop.gui.engine_link import EngineLink


class Adding(QObject):
    """`done` gives the number of the first download, 0 where nothing lacked any more."""

    done = Signal(int)
    failed = Signal(Problem)

    def __init__(self, link: EngineLink, listing: Listing) -> None:
        super().__init__()
        self._link, self._listing = link, listing
        self._waiting: list[tuple[Dataset, list[RemoteFile]]] = []
        self._first = 0
        self.busy = False
        listing.failed.connect(self._stop)

    def begin(self, folder: str, *, unpack: bool) -> None:
        """Looks once more: since the last look files may have come."""

        def begin() -> None:
            self._waiting = self._listing.parcels()
            self._add_next(folder, unpack)

        self.busy = True
        self._listing.weigh(folder, ready=True, then=begin)

    def _add_next(self, folder: str, unpack: bool) -> None:
        if not self._waiting:
            self.busy = False
            self.done.emit(self._first)
            return
        dataset, files = self._waiting.pop(0)

        def added(answer: Added) -> None:
            self._first = self._first or answer.transfer
            self._add_next(folder, unpack)

        self._link.ask(Add(0, dataset, files, folder, unpack), Added, added, self._stop)

    def _stop(self, problem: Problem) -> None:
        self.busy = False
        self.failed.emit(problem)
