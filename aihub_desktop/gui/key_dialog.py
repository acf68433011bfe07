"""Asks for the API key: pasted, masked, looked at for its shape, kept in the keychain, tried at the hub."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QPalette
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.messages import KeyState
from aihub_desktop.domain.model import Secret, looks_like_key
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.cures import SITE
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, LinkButton, bold
from aihub_desktop.gui.theme import GRID


class KeyField(QLineEdit):
    """Masked, with an eye that unmasks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self._eye = QAction(self, checkable=True)
        icons.dress(self._eye, "show")
        self._eye.toggled.connect(self._unmask)
        self.addAction(self._eye, QLineEdit.ActionPosition.TrailingPosition)

    def name_eye(self, text: str) -> None:
        self._eye.setText(text)
        self._eye.setToolTip(text)

    def _unmask(self, on: bool) -> None:
        self.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)
        icons.dress(self._eye, "hide" if on else "show")


class KeyDialog(QDialog):
    """`kept` once the engine has a key that the hub did not refuse. Never waits: the answers come when they come."""

    kept = Signal(KeyState)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        say = desk.words.say
        self.setWindowTitle(say("gui.key.title"))
        self.field = KeyField()
        self.field.setPlaceholderText("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        self.field.setAccessibleName(say("gui.key.field"))
        self.field.name_eye(say("gui.key.unmask"))
        self.field.setMinimumWidth(self.field.fontMetrics().horizontalAdvance("0") * 44)
        self.field.textChanged.connect(self._typed)
        self._status = FaintLabel(say("gui.key.shape"))
        self._status.setWordWrap(True)
        # Two lines whatever it says, so that the dialog does not jump.
        self._status.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + GRID)
        self._status.setAlignment(self._status.alignment().AlignTop)
        self._buttons = QDialogButtonBox()
        self.save = self._button(
            "gui.key.save", QDialogButtonBox.ButtonRole.AcceptRole, lambda: self._keep(for_run=False)
        )
        self.for_run = self._button(
            "gui.key.for-run", QDialogButtonBox.ButtonRole.ActionRole, lambda: self._keep(for_run=True)
        )
        self._cancel = self._button("gui.key.cancel", QDialogButtonBox.ButtonRole.RejectRole, self.reject)
        self.save.setDefault(True)
        theme.primary(self.save)
        self.for_run.hide()
        self._lay_out()
        self._typed("")

    @property
    def status(self) -> str:
        """What is said below the field: its first line."""
        return self._status.text().partition("\n")[0]

    def _button(self, words: str, role: QDialogButtonBox.ButtonRole, act: object) -> QPushButton:
        button = QPushButton(self._desk.words.say(words))
        button.setAutoDefault(False)
        button.clicked.connect(act)
        self._buttons.addButton(button, role)
        return button

    def _lay_out(self) -> None:
        say = self._desk.words.say
        head = bold(QLabel(say("gui.key.head")), 1.15)
        text = QLabel(say("gui.key.text"), wordWrap=True)
        where = LinkButton()
        where.setText(say("gui.key.where"))
        where.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(SITE)))
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(head)
        box.addWidget(text)
        box.addWidget(where)
        box.addSpacing(GRID)
        box.addWidget(self.field)
        box.addWidget(self._status)
        box.addSpacing(GRID)
        box.addWidget(self._buttons)
        self.field.setFocus()

    def _typed(self, text: str) -> None:
        fits = looks_like_key(text.strip())
        self.save.setEnabled(fits)
        self.for_run.setEnabled(fits)
        self._tell("gui.key.shape" if not text else "gui.key.fits" if fits else "gui.key.misfit")

    def _keep(self, *, for_run: bool) -> None:
        key = Secret(self.field.text().strip())
        self._busy(True)
        self._tell("gui.key.testing")
        self._desk.set_key(key, for_run=for_run, answered=self._kept, refused=self._not_kept)

    def _kept(self, _: KeyState) -> None:
        # A dialog that was closed meanwhile asks no more, and starts nothing.
        if self.isVisible():
            self._desk.test_key(self._tested, self._not_tested)

    def _not_kept(self, problem: Problem) -> None:
        self._busy(False)
        if problem.code in (Code.KEYCHAIN_NONE, Code.KEYCHAIN_LOCKED):
            self._offer_run()
        self._show(problem)

    def _offer_run(self) -> None:
        """There is no keychain that could keep it: the next best becomes the button that Enter presses."""
        self.for_run.show()
        self.for_run.setDefault(True)
        self.save.setPalette(QPalette())
        theme.primary(self.for_run)

    def _tested(self, state: KeyState) -> None:
        if not self.isVisible():
            return
        if state.valid is False:
            self._busy(False)
            self._show(Problem(Code.KEY_REJECTED))
            return
        self._done(state)

    def _not_tested(self, problem: Problem) -> None:
        if not self.isVisible():
            return
        if problem.fault is Fault.DENIED:
            self._busy(False)
            self._show(problem)
            return
        # A hub that cannot be asked says nothing against the key.
        self._done(self._desk.key)

    def _done(self, state: KeyState) -> None:
        self.field.clear()
        self.accept()
        self.kept.emit(state)

    def _busy(self, on: bool) -> None:
        for widget in (self.field, self.save, self.for_run):
            widget.setEnabled(not on)

    def _tell(self, words: str) -> None:
        self._status.setText(self._desk.words.say(words))

    def _show(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        hint = self._desk.words.say("gui.key.for-run-hint") if self.for_run.isVisible() else told.advice
        self._status.setText(f"{told.title}\n{hint}")
