"""The limit and the hours, to choose from in a menu. Both hold at once."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system import pace

MEGABYTE: Final = 1 << 20
_PRESETS: Final = tuple(size * MEGABYTE for size in (1, 2, 5, 10, 20, 50))
_MOST: Final = 100_000.0  # MB a second


class LimitMenu(QMenu):
    """Filled anew each time it opens. `hours_wanted`: the person wants to paint a week."""

    hours_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setContentsMargins(0, GRID // 2, 0, GRID // 2)  # else the first head touches the frame
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        say = self._desk.words.say
        self.clear()
        self.addSection(say("gui.limit.speed"))
        self._fill_limits()
        self.addAction(say("gui.limit.other")).triggered.connect(self._ask)
        self.addSection(say("gui.limit.hours"))
        self._fill_weeks()
        self.addAction(say("gui.limit.choose-hours")).triggered.connect(self.hours_wanted)

    def _fill_limits(self) -> None:
        words, now = self._desk.words, self._desk.settings.limit
        group = QActionGroup(self)
        for limit in sorted({0, *_PRESETS, now}):
            text = pace.rate(words, limit) if limit else words.say("gui.limit.none")
            action = self.addAction(text)
            action.setActionGroup(group)
            action.setCheckable(True)
            action.setChecked(limit == now)
            action.triggered.connect(lambda _=False, limit=limit: self._desk.configure(limit=limit))

    def _fill_weeks(self) -> None:
        words, now = self._desk.words, self._desk.settings.hours
        group = QActionGroup(self)
        # Two texts can mean the same week, and are one entry.
        weeks = {
            pace.week(words, text, long=True): text
            for text in (*pace.NAMED_WEEKS.values(), self._desk.pace.own_hours, now)
        }
        for name, text in weeks.items():
            action = self.addAction(name)
            action.setActionGroup(group)
            action.setCheckable(True)
            action.setChecked(name == pace.week(words, now, long=True))
            action.triggered.connect(lambda _=False, text=text: self._desk.configure(hours=text))

    def _ask(self) -> None:
        words = self._desk.words
        dialog = QInputDialog(self.parentWidget(), Qt.WindowType.Dialog)
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setWindowTitle(words.say("gui.limit.speed"))
        dialog.setLabelText(words.say("gui.limit.question"))
        dialog.setDoubleRange(0, _MOST)
        dialog.setDoubleDecimals(1)
        dialog.setDoubleValue(self._desk.settings.limit / MEGABYTE)
        dialog.doubleValueSelected.connect(lambda value: self._desk.configure(limit=round(value * MEGABYTE)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
