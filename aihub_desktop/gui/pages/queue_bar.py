"""Above the queue: which downloads are shown, by what they wait for and by words."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from aihub_desktop.domain.messages import Find, Hits, TransferRow
from aihub_desktop.gui.chip import Chip
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.queue_filter import Kind, QueueFilter, kind_of
from aihub_desktop.gui.parts import SearchField
from aihub_desktop.gui.theme import GRID

_PAUSE_MS = 200  # after the last letter


class QueueBar(QWidget):
    """Asks the engine which files have the words, for most of them are not here. `narrowed`: another list is shown."""

    narrowed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._counts: dict[Kind, int] = {}
        self.field = SearchField()
        self.buttons = {kind: Chip(checkable=True) for kind in Kind}
        self._group = QButtonGroup(self)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID - 2)
        for button in self.buttons.values():
            self._group.addButton(button)
            button.clicked.connect(lambda _=False: self._ask())
            row.addWidget(button)
        self.buttons[Kind.ALL].setChecked(True)
        row.addStretch(1)
        row.addSpacing(GRID)
        row.addWidget(self.field, 2)
        self.field.setMaximumWidth(GRID * 40)
        self.field.typed.connect(lambda _: self._pause.start())

    def speak(self) -> None:
        say = self._desk.words.say
        self.field.setPlaceholderText(say("gui.filter.field"))
        self.field.setAccessibleName(say("gui.filter.field"))
        self._counts = {}

    def show_rows(self, rows: list[TransferRow]) -> None:
        """All that are in the queue: how many there are of each kind."""
        counts = dict.fromkeys(Kind, 0)
        counts[Kind.ALL] = len(rows)
        for row in rows:
            counts[kind_of(row)] += 1
        if counts == self._counts:
            return
        self._counts = counts
        for kind, button in self.buttons.items():
            text = self._desk.words.say(f"gui.filter.{kind}")
            button.setText(f"{text} {counts[kind]}")
            button.updateGeometry()
            button.setAccessibleName(self._desk.words.say("gui.filter.spoken", kind=text, n=counts[kind]))

    @property
    def wanted(self) -> QueueFilter:
        kind = next(kind for kind, button in self.buttons.items() if button.isChecked())
        return QueueFilter(kind, self.field.text().strip())

    def clear(self) -> None:
        """Everything is shown again."""
        self.buttons[Kind.ALL].setChecked(True)
        self.field.clear()
        self._ask()

    def _ask(self) -> None:
        self._pause.stop()
        wanted = self.wanted
        if wanted.words:
            command = Find(0, wanted.words, wanted.states)
            self._desk.link.ask(command, Hits, lambda hits: self._found(wanted, hits), lambda _: self._narrow(wanted))
        else:
            self._narrow(wanted)

    def _found(self, wanted: QueueFilter, hits: Hits) -> None:
        if wanted == self.wanted:
            self._narrow(QueueFilter(wanted.kind, wanted.text, dict(hits.files)))

    def _narrow(self, wanted: QueueFilter) -> None:
        self._desk.queue.narrow(wanted)
        self.narrowed.emit()
