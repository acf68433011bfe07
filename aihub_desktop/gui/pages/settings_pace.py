"""The part of the settings page that is about speed and hours."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.settings import Settings
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import WIDE, Form, Number
from aihub_desktop.gui.limit_menu import MEGABYTE
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.week_table import WeekTable
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

_NAMES: Final = tuple(pace.NAMED_WEEKS)


class PaceSection(Form):
    """How many at once at most, how fast at most, and when."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__("gui.settings.pace.head", parent)
        self._desk = desk
        self.parallel = QSpinBox(minimum=1, maximum=32)
        self.connections = QSpinBox(minimum=1, maximum=64)
        self.limit = QDoubleSpinBox(minimum=0, maximum=100_000, decimals=1)
        self.hours = QComboBox()
        self.hours.setMaximumWidth(WIDE)
        self.table = WeekTable(desk.words)
        Number(desk, "parallel", self.parallel)
        Number(desk, "connections", self.connections)
        Number(desk, "limit", self.limit, MEGABYTE)
        self.add("gui.settings.parallel", self.parallel)
        self.note("gui.settings.parallel-note")
        self.add("gui.settings.pace.connections", self.connections)
        self.note("gui.settings.pace.connections-note")
        self.add("gui.settings.pace.limit", self.limit)
        self.note("gui.settings.pace.limit-note")
        self.add("gui.settings.pace.hours", self.hours)
        self.add_below(self.table)
        self.note("gui.week.how")
        self.hours.activated.connect(self._choose)
        self.table.painted.connect(lambda text: desk.configure(hours=text))
        desk.settings_changed.connect(self._show)

    def speak(self, words: Words) -> None:
        super().speak(words)
        self.limit.setSpecialValueText(words.say("gui.settings.pace.no-limit"))
        self.limit.setSuffix(words.say("gui.settings.pace.unit"))
        self.table.speak(words)
        self.limit.setMinimumWidth(GRID * 14)
        self._show(self._desk.settings)

    def _show(self, settings: Settings) -> None:
        words = self._desk.words
        self.table.show_week(settings.hours)
        self.hours.clear()
        for name, text in pace.NAMED_WEEKS.items():
            self.hours.addItem(pace.week(words, text, long=True))
            if Week.parse(text).allowed == Week.parse(settings.hours).allowed:
                self.hours.setCurrentIndex(_NAMES.index(name))
        own = self._desk.pace.own_hours
        if own:
            self.hours.addItem(pace.week(words, own), own)
            if Week.parse(own).allowed == Week.parse(settings.hours).allowed:
                self.hours.setCurrentIndex(len(_NAMES))

    def _choose(self, place: int) -> None:
        text = pace.NAMED_WEEKS[_NAMES[place]] if place < len(_NAMES) else str(self.hours.itemData(place))
        self._desk.configure(hours=text)
