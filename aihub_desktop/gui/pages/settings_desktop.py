"""The part of the settings page that is about the window among others, and about sleep."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QWidget

from aihub_desktop.domain.settings import Awake, Settings
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import WIDE, Form
from aihub_desktop.gui.presence import Presence
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system.words import Words


class DesktopSection(Form):
    """Whether it stays when it is closed, what it tells, and whether the machine may sleep."""

    def __init__(self, desk: Desk, presence: Presence, parent: QWidget | None = None) -> None:
        super().__init__("gui.settings.desktop.head", parent)
        self._desk, self._presence = desk, presence
        self.stays, self.notices = TickBox(), TickBox()
        self.stays.setChecked(presence.stays)
        self.notices.setChecked(presence.notifies)
        self.awake = QComboBox()
        for choice in Awake:
            self.awake.addItem("", choice.value)
        self.awake.setMaximumWidth(WIDE)
        self.add_below(self.stays)
        self.stays_note = self.note("gui.settings.desktop.background-note")
        self.add_below(self.notices)
        self.add("gui.settings.desktop.keep-awake", self.awake)
        self.note("gui.settings.desktop.keep-awake-note")
        self.stays.toggled.connect(presence.set_stays)
        self.notices.toggled.connect(presence.set_notifies)
        self.awake.activated.connect(lambda place: desk.configure(awake=str(self.awake.itemData(place))))
        desk.settings_changed.connect(self._show)

    def speak(self, words: Words) -> None:
        super().speak(words)
        self.stays.setText(words.say("gui.settings.desktop.background"))
        self.notices.setText(words.say("gui.settings.desktop.notices"))
        for place, choice in enumerate(Awake):
            self.awake.setItemText(place, words.say(f"gui.settings.desktop.awake.{choice}"))
        self._show(self._desk.settings)
        self._show_stays()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_stays()

    def _show_stays(self) -> None:
        """What was chosen is kept for a desktop that has a place for the icon; where there is none, this says so."""
        can = self._presence.can_stay
        self.stays.setEnabled(can)
        note = "background-note" if can else "background-none"
        self.stays_note.setText(self._desk.words.say(f"gui.settings.desktop.{note}"))
        self.stays.setToolTip("" if can else self.stays_note.text())
        self.stays.setAccessibleDescription(self.stays_note.text())

    def _show(self, settings: Settings) -> None:
        with QSignalBlocker(self.awake):
            self.awake.setCurrentIndex(list(Awake).index(settings.awake))
