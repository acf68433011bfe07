"""Asks for an object storage: which, where, and with which keys. Tried at once by asking for its buckets."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.messages import PutStorage, StorageRow
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Access, Storage, Style, plain_endpoint
from aihub_desktop.gui import theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import Form
from aihub_desktop.gui.key_form import KeyField
from aihub_desktop.gui.parts import FaintLabel
from aihub_desktop.gui.presets import PRESETS, preset_of
from aihub_desktop.gui.theme import GRID

_STYLES: Final = tuple(Style)
_ACCESS: Final = tuple(Access)


class StorageDialog(QDialog):
    """`kept` gives the storage once the engine has it. With `row` one that is there is changed; `endpoint` proposes."""

    kept = Signal(Storage)

    def __init__(
        self, desk: Desk, parent: QWidget | None = None, *, row: StorageRow | None = None, endpoint: str = ""
    ) -> None:
        super().__init__(parent)
        self._desk, self._row = desk, row
        self._stored: Storage | None = None  # by this dialog, though perhaps its test failed
        self._unkeepable = False  # there is no keychain that could keep the keys
        self._form = Form("gui.storage.head")
        self._rows: dict[Access, list[QWidget]] = {}  # those of each way in
        self.preset, self.spelling, self.access = QComboBox(), QComboBox(), QComboBox()
        self.name, self.endpoint, self.region = QLineEdit(), QLineEdit(), QLineEdit()
        self.access_key, self.profile = QLineEdit(), QLineEdit()
        self.secret_key = KeyField()
        self._status = FaintLabel()
        self._buttons = QDialogButtonBox()
        self._lay_out()
        self._fill(row.storage if row is not None else Storage(endpoint) if endpoint else None)
        self._connect()
        self._choose_access()
        self._check()

    @property
    def status(self) -> str:
        """What is said above the buttons: its first line, without the stop that another one needs."""
        first, below, _ = self._status.text().partition("\n")
        return first.removesuffix(".") if below else first

    def _lay_out(self) -> None:
        say = self._desk.words.say
        self.setWindowTitle(say("gui.storage.change" if self._row is not None else "gui.storage.add"))
        form = self._form
        form.add("gui.storage.preset.label", self.preset)
        form.add("gui.storage.name", self.name)
        form.add("gui.storage.endpoint", self.endpoint)
        form.add("gui.storage.region", self.region)
        form.add("gui.storage.style.label", self.spelling)
        form.add("gui.storage.access.label", self.access)
        form.add("gui.storage.access-key", self.access_key)
        form.add("gui.storage.secret-key", self.secret_key)
        keys = form.note("gui.storage.keys-note")
        form.add("gui.storage.profile", self.profile)
        self._rows = {
            Access.KEYCHAIN: [self.access_key, self.secret_key, keys],
            Access.PROFILE: [self.profile, form.note("gui.storage.profile-note")],
            Access.ANONYMOUS: [form.note("gui.storage.no-keys-note")],
        }
        self.save = self._button("gui.storage.save", QDialogButtonBox.ButtonRole.AcceptRole)
        self.for_run = self._button("gui.key.for-run", QDialogButtonBox.ButtonRole.ActionRole)
        self.cancel = self._button("gui.key.cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.save.setDefault(True)
        theme.primary(self.save)
        self.for_run.hide()
        self._status.setWordWrap(True)
        # Three lines whatever it says, so that the dialog does not jump.
        self._status.setMinimumHeight(self.fontMetrics().lineSpacing() * 3 + GRID)
        self._status.setAlignment(self._status.alignment().AlignTop)
        self.setMinimumWidth(GRID * 70)
        self._speak()
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(form)
        box.addSpacing(GRID // 2)
        box.addWidget(self._status)
        box.addStretch(1)
        box.addWidget(self._buttons)

    def _speak(self) -> None:
        say = self._desk.words.say
        self._form.speak(self._desk.words)
        self.preset.addItems([say(f"gui.storage.preset.{preset.name}") for preset in PRESETS])
        self.spelling.addItems([say(f"gui.storage.style.{style}") for style in _STYLES])
        self.access.addItems([say(f"gui.storage.access.{access}") for access in _ACCESS])
        self.secret_key.name_eye(say("gui.key.unmask"))
        self.endpoint.setPlaceholderText("https://s3.example.com")
        self.region.setPlaceholderText(say("gui.storage.region-auto"))
        self.profile.setPlaceholderText("default")

    def _button(self, words: str, role: QDialogButtonBox.ButtonRole) -> QPushButton:
        button = QPushButton(self._desk.words.say(words), autoDefault=False)
        self._buttons.addButton(button, role)
        return button

    def _fill(self, storage: Storage | None) -> None:
        if storage is None:
            self._choose_preset(0)
            self.access.setCurrentIndex(_ACCESS.index(Access.KEYCHAIN))
            return
        self.preset.setCurrentIndex(preset_of(storage.endpoint))
        self.name.setText(storage.name)
        self.endpoint.setText(storage.endpoint)
        self.region.setText(storage.region)
        self.profile.setText(storage.profile)
        self.spelling.setCurrentIndex(_STYLES.index(storage.style))
        self.access.setCurrentIndex(_ACCESS.index(storage.access if self._row is not None else Access.KEYCHAIN))
        if self._row is not None:
            # Its endpoint names it: another endpoint would be another storage.
            self.endpoint.setEnabled(False)
            self.preset.setEnabled(False)
            if self._row.masked:
                self.access_key.setPlaceholderText(self._row.masked)
                self.secret_key.setPlaceholderText(self._desk.words.say("gui.storage.kept-keys"))

    def _connect(self) -> None:
        self.preset.activated.connect(self._choose_preset)
        self.access.currentIndexChanged.connect(lambda _: self._choose_access())
        for field in (self.endpoint, self.access_key, self.secret_key):
            field.textChanged.connect(lambda _: self._check())
        self.save.clicked.connect(lambda: self._keep(for_run=False))
        self.for_run.clicked.connect(lambda: self._keep(for_run=True))
        self.cancel.clicked.connect(self._leave)
        self.finished.connect(self._forget)

    def _choose_preset(self, place: int) -> None:
        preset, say = PRESETS[place], self._desk.words.say
        names = {say(f"gui.storage.preset.{each.name}") for each in PRESETS}
        self.endpoint.setText(preset.endpoint)
        self.region.setText(preset.region)
        self.spelling.setCurrentIndex(_STYLES.index(preset.style))
        if not self.name.text() or self.name.text() in names:
            self.name.setText(say(f"gui.storage.preset.{preset.name}") if preset.endpoint else "")
        if not preset.endpoint:
            self.endpoint.setFocus()

    def _choose_access(self) -> None:
        chosen = _ACCESS[self.access.currentIndex()]
        for access, rows in self._rows.items():
            for row in rows:
                self._form.show_row(row, access is chosen)
        self._offer_run()
        # Another way in may need more room; less room would make the buttons jump.
        self.resize(self.width(), max(self.height(), self.heightForWidth(self.width())))
        self._check()

    def _offer_run(self) -> None:
        """Keys that no keychain keeps can be used until the program is closed."""
        offered = self._unkeepable and _ACCESS[self.access.currentIndex()] is Access.KEYCHAIN
        self.for_run.setVisible(offered)
        first, other = (self.for_run, self.save) if offered else (self.save, self.for_run)
        first.setDefault(True)
        theme.plain(other)
        theme.primary(first)

    # ---- what is entered ----

    def storage(self) -> Storage | None:
        """As it is entered; None while that cannot be one."""
        try:
            endpoint = plain_endpoint(self.endpoint.text().strip())
        except ValueError:
            return None
        access = _ACCESS[self.access.currentIndex()]
        profile = self.profile.text().strip() if access is Access.PROFILE else ""
        return Storage(
            endpoint, self.name.text().strip(), self.region.text().strip(), _STYLES[self.spelling.currentIndex()],
            access, profile,
        )  # fmt: skip

    def _check(self) -> None:
        """Which buttons may be pressed, and what is missing."""
        typed, endpoint = self.endpoint.text().strip(), self.storage() is not None
        access, secret = bool(self.access_key.text().strip()), bool(self.secret_key.text())
        by_keys = _ACCESS[self.access.currentIndex()] is Access.KEYCHAIN
        kept = self._row is not None and bool(self._row.masked)
        keys = not by_keys or (access and secret) or (kept and not access and not secret)
        for button in (self.save, self.for_run):
            button.setEnabled(endpoint and keys)
        wrong = bool(typed) and not endpoint
        self._status.setText(self._desk.words.say("gui.storage.bad-endpoint") if wrong else "")

    # ---- keeping it ----

    def _keep(self, *, for_run: bool) -> None:
        storage = self.storage()
        if storage is None:
            return
        access_key, secret = "", None
        if storage.access is Access.KEYCHAIN and self.access_key.text().strip():
            access_key, secret = self.access_key.text().strip(), Secret(self.secret_key.text().strip())
        self._busy(True)
        self._status.setText(self._desk.words.say("gui.storage.testing"))
        wish = PutStorage(0, storage, access_key, secret, for_run)
        self._desk.depot.put(wish, lambda: self._put(storage), self._not_put)

    def _put(self, storage: Storage) -> None:
        self._stored = storage
        if self.isVisible():
            self._desk.depot.test(storage.endpoint, lambda _: self._tested(storage), self._not_tested)

    def _not_put(self, problem: Problem) -> None:
        self._busy(False)
        if problem.code in (Code.KEYCHAIN_NONE, Code.KEYCHAIN_LOCKED):
            self._unkeepable = True
            self._offer_run()
        self._tell(problem)

    def _tested(self, storage: Storage) -> None:
        if self.isVisible():
            self.accept()
            self.kept.emit(storage)

    def _not_tested(self, problem: Problem) -> None:
        if not self.isVisible():
            return
        self._busy(False)
        say = self._desk.words.say
        self.cancel.setText(say("gui.storage.keep-anyway"))
        self._tell(problem, say("gui.storage.no-list") if problem.code is Code.NO_ACCESS else "")

    def _leave(self) -> None:
        """Cancel; or, after a test that failed, keeping it all the same."""
        if self._stored is None:
            self.reject()
            return
        self.accept()
        self.kept.emit(self._stored)

    def _forget(self) -> None:
        self.access_key.clear()
        self.secret_key.clear()
        self.secret_key.setEchoMode(QLineEdit.EchoMode.Password)

    def _busy(self, on: bool) -> None:
        for widget in (self._form, self.save, self.for_run):
            widget.setEnabled(not on)

    def _tell(self, problem: Problem, advice: str = "") -> None:
        told = self._desk.words.problem(problem)
        if self.for_run.isVisibleTo(self):
            advice = self._desk.words.say("gui.key.for-run-hint")
        elif problem.fault is Fault.DENIED and not advice:
            advice = told.advice
        self._status.setText(f"{told.title}.\n{advice or told.advice}")
