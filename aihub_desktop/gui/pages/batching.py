"""The chosen downloads and files as a batch file."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton

from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.pages.queue_view import QueueView


class Batching(QObject):
    """`wanted` gives whole downloads, and pairs of a download and a file of it that is chosen by itself."""

    wanted = Signal(list, list)

    def __init__(self, desk: Desk, view: QueueView) -> None:
        super().__init__(view)
        self._desk, self._view = desk, view
        self.action = QAction(self)
        icons.dress(self.action, "batch")
        keys.bind(self.action, "downloads", "batch")
        self.action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.action.triggered.connect(self._give)
        view.addAction(self.action)
        # A picture alone: the bar is full of words that are pressed more often.
        self.button = QToolButton()
        self.button.setDefaultAction(self.action)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def speak(self) -> None:
        say = self._desk.words.say
        self.action.setText(say("gui.batch.save.button"))
        self.action.setToolTip(say("gui.batch.save.tip-rows"))
        self.button.setAccessibleName(say("gui.batch.save.button"))

    def show(self, choice: Choice) -> None:
        """What to act on."""
        self.action.setEnabled(bool(choice.transfers or choice.files))

    def _give(self) -> None:
        choice, queue = self._view.choice(), self._desk.queue
        pairs = [(queue.row_at(queue.index_of(file.transfer)), file) for file in choice.files]
        self.wanted.emit(choice.transfers, [(above, file) for above, file in pairs if isinstance(above, TransferRow)])
