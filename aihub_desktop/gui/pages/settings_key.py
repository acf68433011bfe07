"""The part of the settings page that is about the key."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import KeyState
from aihub_desktop.gui import icons
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.parts import FaintLabel, bold
from aihub_desktop.gui.theme import GRID


class KeySection(QWidget):
    """Where the key is, and the buttons to change, test and delete it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._head = bold(QLabel(), 1.15)
        self._state = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._remark = FaintLabel()
        self._remark.setWordWrap(True)
        self._enter, self.test, self.clear = (QPushButton(autoDefault=False) for _ in range(3))
        icons.dress(self._enter, "key")
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self._enter, self.test, self.clear):
            buttons.addWidget(button)
        buttons.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID + 4)
        box.addWidget(self._head)
        box.addWidget(self._state)
        box.addLayout(buttons)
        box.addWidget(self._remark)
        desk.key_changed.connect(self._show)
        self._enter.clicked.connect(lambda: KeyDialog(self._desk, self).open())
        self.test.clicked.connect(self._test)
        self.clear.clicked.connect(self._ask_clear)

    def speak(self) -> None:
        say = self._desk.words.say
        self._head.setText(say("gui.settings.key.head"))
        self.test.setText(say("gui.settings.key.test"))
        self.clear.setText(say("gui.settings.key.clear"))
        self._show(self._desk.key)

    def _show(self, state: KeyState) -> None:
        say = self._desk.words.say
        origin = state.origin or ("none" if self._desk.key_known else "unknown")
        self._state.setText(say(f"gui.settings.key.origin.{origin}", masked=state.masked))
        self._enter.setText(say("gui.settings.key.change" if state.origin else "gui.settings.key.enter"))
        self.test.setEnabled(bool(state.origin))
        self.clear.setEnabled(state.origin in ("keychain", "run"))
        self._remark.setText("")
        self._remark.hide()

    def _note(self, text: str) -> None:
        self._remark.setText(text)
        self._remark.show()

    def _test(self) -> None:
        self.test.setEnabled(False)
        self._note(self._desk.words.say("gui.key.testing"))
        self._desk.test_key(self._tested, self._not_tested)

    def _tested(self, state: KeyState) -> None:
        verdict = {True: "valid", False: "invalid", None: "silent"}[state.valid]
        self._note(self._desk.words.say(f"gui.settings.key.verdict.{verdict}"))

    def _not_tested(self, problem: Problem) -> None:
        self.test.setEnabled(True)
        self._not_cleared(problem)

    def _ask_clear(self) -> None:
        say = self._desk.words.say
        box = QMessageBox(
            QMessageBox.Icon.Question,
            say("gui.settings.key.clear"),
            say("gui.settings.key.clear-question"),
            QMessageBox.StandardButton.NoButton,
            self,
        )
        box.setInformativeText(say("gui.settings.key.clear-text"))
        # By itself the box is as narrow as its two buttons, and breaks both sentences four times.
        if (label := box.findChild(QLabel, "qt_msgbox_label")) is not None:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(label.text()))
        yes = box.addButton(say("gui.settings.key.clear"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(say("gui.key.cancel"), QMessageBox.ButtonRole.RejectRole))
        yes.clicked.connect(lambda: self._desk.clear_key(self._not_cleared))
        box.finished.connect(box.deleteLater)
        box.open()

    def _not_cleared(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        self._note(f"{told.title}\n{told.advice}")
