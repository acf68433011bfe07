"""What is not the hub's: object storages, and web addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import Add, Added, Configure
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.gui.batches.selection import Selection
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.pages.shelves import ShelvesPanel
from aihub_desktop.gui.pages.web import WebPanel
from aihub_desktop.gui.parts import Rule
from aihub_desktop.gui.theme import GRID

OBJECTS: Final = 0
ADDRESSES: Final = 1
_TABS: Final = ("gui.storage.tab.objects", "gui.storage.tab.addresses")


class StoragePage(QWidget):
    """`added` gives the number of the transfer that a download became."""

    added = Signal(int)
    batch_wanted = Signal(Selection, bool)  # with whether archives are to be unpacked
    batch_dropped = Signal(Path)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.tabs = QTabBar(documentMode=True, drawBase=False, expanding=False)
        for _ in _TABS:
            self.tabs.addTab("")
        self.shelves, self.web = ShelvesPanel(desk), WebPanel(desk)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.shelves)
        self._stack.addWidget(self.web)
        head = QVBoxLayout()
        head.setContentsMargins(GRID * 2, GRID, GRID * 2, 0)
        head.addWidget(self.tabs)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(Rule())
        box.addWidget(self._stack, 1)
        self.tabs.currentChanged.connect(self._stack.setCurrentIndex)
        for panel in (self.shelves, self.web):
            panel.wanted.connect(lambda *wish, panel=panel: self._add(panel, *wish))
            panel.batch_wanted.connect(lambda chosen, panel=panel: self.batch_wanted.emit(chosen, panel.target.unpack))
        self.web.batch_dropped.connect(self.batch_dropped)
        self.speak()

    def speak(self) -> None:
        say = self._desk.words.say
        self.tabs.setAccessibleName(say("gui.side.storage"))
        for place, words in enumerate(_TABS):
            self.tabs.setTabText(place, say(words))
        self.shelves.speak()
        self.web.speak()

    def reload(self) -> None:
        """What is shown, anew."""
        if self.tabs.currentIndex() == OBJECTS:
            self.shelves.reload()

    def show_storage(self, endpoint: str) -> None:
        """The dialog of the storage with this endpoint, also of one that is not entered yet."""
        self.tabs.setCurrentIndex(OBJECTS)
        self.shelves.show_storage(endpoint)

    def take(self, addresses: list[str], lists: list[Path]) -> None:
        """Addresses, and files that hold some: they are shown, and nothing is received yet."""
        self.tabs.setCurrentIndex(ADDRESSES)
        self.web.take(addresses, lists)

    def focus_filter(self) -> None:
        if self.tabs.currentIndex() == OBJECTS and self._desk.depot.chosen is not None:
            self.shelves.filter.setFocus()
        elif self.tabs.currentIndex() == ADDRESSES:
            self.web.field.setFocus()

    def _add(
        self, panel: ShelvesPanel | WebPanel, dataset: Dataset, files: list[RemoteFile], folder: str, base: str
    ) -> None:
        """`base` is where the next one will go beside it."""

        def added(answer: Added) -> None:
            panel.taken()
            self.added.emit(answer.transfer)

        self._desk.link.ask(Add(0, dataset, files, folder, panel.target.unpack), Added, added, self._desk.refused.emit)
        if base and base != self._desk.settings.folder:
            self._desk.link.tell(Configure(0, {"folder": base}), refused=self._desk.refused.emit)
