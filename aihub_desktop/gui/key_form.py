"""The field for the API key: pasted, masked, looked at for its shape, kept in the keychain, tried at the hub."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.messages import KeyState
from aihub_desktop.domain.model import Secret, looks_like_key
from aihub_desktop.gui import icons
from aihub_desktop.gui.cures import SITE
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, LinkButton
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


class KeyForm(QWidget):
    """`kept` once the engine has a key that the hub did not refuse. Never waits: the answers come when they come.

    `fits`: what is typed has the form of a key. `unkeepable`: there is no keychain that could keep it.
    """

    kept = Signal(KeyState)
    fits = Signal(bool)
    unkeepable = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.only_for_run = False  # there is no keychain that could keep it
        self.field = KeyField()
        self.field.setPlaceholderText("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        self.field.setMinimumWidth(self.field.fontMetrics().horizontalAdvance("0") * 44)
        self._where = LinkButton()
        self._status = FaintLabel()
        self._status.setWordWrap(True)
        # Two lines whatever it says, so that nothing below it jumps.
        self._status.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + GRID)
        self._status.setAlignment(self._status.alignment().AlignTop)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addWidget(self._where)
        box.addWidget(self.field)
        box.addWidget(self._status)
        self.setFocusProxy(self.field)
        self._where.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(SITE)))
        self.field.textChanged.connect(self._typed)
        self.speak()

    def speak(self) -> None:
        say = self._desk.words.say
        self._where.setText(say("gui.key.where"))
        self.field.setAccessibleName(say("gui.key.field"))
        self.field.name_eye(say("gui.key.unmask"))
        self._typed(self.field.text())

    @property
    def status(self) -> str:
        """What is said below the field: its first line, without the stop that another one needs."""
        first, below, _ = self._status.text().partition("\n")
        return first.removesuffix(".") if below else first

    @property
    def is_ready(self) -> bool:
        """Whether what is typed has the form of a key, and none is being tried."""
        return self.field.isEnabled() and looks_like_key(self.field.text().strip())

    def keep(self, *, for_run: bool) -> None:
        """Gives the key to the engine, and has it tried at the hub."""
        key = Secret(self.field.text().strip())
        self._busy(True)
        self._tell("gui.key.testing")
        self._desk.set_key(key, for_run=for_run, answered=self._was_kept, refused=self._was_not_kept)

    def _typed(self, text: str) -> None:
        fits = looks_like_key(text.strip())
        self.fits.emit(fits)
        self._tell("gui.key.shape" if not text else "gui.key.fits" if fits else "gui.key.misfit")

    def _was_kept(self, _: KeyState) -> None:
        # What was closed meanwhile asks no more, and starts nothing.
        if self.isVisible():
            self._desk.test_key(self._tested, self._not_tested)

    def _was_not_kept(self, problem: Problem) -> None:
        self._busy(False)
        if problem.code in (Code.KEYCHAIN_NONE, Code.KEYCHAIN_LOCKED):
            self.only_for_run = True
            self.unkeepable.emit()
        self._show(problem)

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
        self._busy(False)
        self.kept.emit(state)

    def _busy(self, on: bool) -> None:
        self.field.setEnabled(not on)
        self.fits.emit(self.is_ready)

    def _tell(self, words: str) -> None:
        self._status.setText(self._desk.words.say(words))

    def _show(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        hint = self._desk.words.say("gui.key.for-run-hint") if self.only_for_run else told.advice
        self._status.setText(f"{told.title}.\n{hint}")
        self.field.setFocus()  # it was out of reach while the key was tried
