"""Asks for the API key."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import KeyState
from aihub_desktop.gui import theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_form import KeyForm
from aihub_desktop.gui.parts import bold
from aihub_desktop.gui.theme import GRID


class KeyDialog(QDialog):
    """`kept` once the engine has a key that the hub did not refuse."""

    kept = Signal(KeyState)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        say = desk.words.say
        self.setWindowTitle(say("gui.key.title"))
        self.form = KeyForm(desk)
        self.field = self.form.field
        self._buttons = QDialogButtonBox()
        accept, act, reject = (
            QDialogButtonBox.ButtonRole.AcceptRole,
            QDialogButtonBox.ButtonRole.ActionRole,
            QDialogButtonBox.ButtonRole.RejectRole,
        )
        self.save = self._button("gui.key.save", accept, lambda: self.form.keep(for_run=False))
        self.for_run = self._button("gui.key.for-run", act, lambda: self.form.keep(for_run=True))
        self._button("gui.key.cancel", reject, self.reject)
        self.save.setDefault(True)
        theme.primary(self.save)
        self.for_run.hide()
        for button in (self.save, self.for_run):
            button.setEnabled(False)
            self.form.fits.connect(button.setEnabled)
        self.form.kept.connect(self._done)
        self.form.unkeepable.connect(self._offer_run)
        self._lay_out()

    @property
    def status(self) -> str:
        """What is said below the field: its first line."""
        return self.form.status

    def _button(self, words: str, role: QDialogButtonBox.ButtonRole, act: object) -> QPushButton:
        button = QPushButton(self._desk.words.say(words))
        button.setAutoDefault(False)
        button.clicked.connect(act)
        self._buttons.addButton(button, role)
        return button

    def _lay_out(self) -> None:
        say = self._desk.words.say
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(bold(QLabel(say("gui.key.head")), 1.15))
        box.addWidget(QLabel(say("gui.key.text"), wordWrap=True))
        box.addWidget(self.form)
        box.addSpacing(GRID)
        box.addWidget(self._buttons)
        self.form.setFocus()

    def _offer_run(self) -> None:
        """There is no keychain that could keep it: the next best becomes the button that Enter presses."""
        self.for_run.show()
        self.for_run.setDefault(True)
        theme.plain(self.save)
        theme.primary(self.for_run)

    def _done(self, state: KeyState) -> None:
        self.accept()
        self.kept.emit(state)
