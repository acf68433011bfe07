"""The key, how much at once, where to, and the language."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop import __version__
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Configure, KeyState
from aihub_desktop.domain.settings import Settings
from aihub_desktop.gui import icons
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.pages.target import base_folder
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, LinkButton, Rule, bold
from aihub_desktop.gui.theme import GRID

LANGUAGES = ("", "ko", "en")  # "" follows the system
_WIDEST = 720


class SettingsPage(QWidget):
    """Each change holds at once. `language_wanted` gives "ko", "en", or "" for the system's."""

    language_wanted = Signal(str)

    def __init__(self, desk: Desk, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._labels: list[tuple[QLabel, str]] = []
        self._beside: list[QLabel] = []  # those before a field, all as wide as the widest
        self._key_state = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._key_note = FaintLabel()
        self._key_note.setWordWrap(True)
        self._enter, self.test, self.clear = (QPushButton(autoDefault=False) for _ in range(3))
        icons.dress(self._enter, "key")
        self.parallel = QSpinBox(minimum=1, maximum=32)
        self._folder = QLineEdit(readOnly=True)
        self._choose = QPushButton(autoDefault=False)
        icons.dress(self._choose, "folder")
        self._language = QComboBox()
        for _ in LANGUAGES:
            self._language.addItem("")
        self._language.setCurrentIndex(LANGUAGES.index(language))
        self._hub, self._home = ElidedLabel(), ElidedLabel()
        self._open_home = LinkButton()
        # Typing 12 passes through 1: the engine hears of a number that stands.
        self._later = QTimer(self, singleShot=True, interval=400)
        self._lay_out()
        self._connect()
        self.speak()

    # ---- building ----

    def _lay_out(self) -> None:
        body = QWidget()
        body.setMaximumWidth(_WIDEST)
        box = QVBoxLayout(body)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 3)
        box.setSpacing(GRID + 4)
        box.addWidget(self._head("gui.settings.key.head"))
        box.addWidget(self._key_state)
        keys = QHBoxLayout()
        keys.setSpacing(GRID)
        for button in (self._enter, self.test, self.clear):
            keys.addWidget(button)
        keys.addStretch(1)
        box.addLayout(keys)
        box.addWidget(self._key_note)
        self._section(box, "gui.settings.downloads.head", self._downloads())
        self._section(box, "gui.settings.language.head", self._languages())
        self._section(box, "gui.settings.about.head", self._about())
        box.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _section(self, box: QVBoxLayout, head: str, form: QFormLayout) -> None:
        box.addSpacing(GRID)
        box.addWidget(Rule())
        box.addSpacing(GRID)
        box.addWidget(self._head(head))
        box.addLayout(form)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(GRID * 2)
        form.setVerticalSpacing(GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        return form

    def _downloads(self) -> QFormLayout:
        form = self._form()
        self.parallel.setMaximumWidth(GRID * 12)
        form.addRow(self._label("gui.settings.parallel", self.parallel), self.parallel)
        note = FaintLabel()
        note.setWordWrap(True)
        self._labels.append((note, "gui.settings.parallel-note"))
        form.addRow("", note)
        folder = QHBoxLayout()
        folder.setSpacing(GRID)
        folder.addWidget(self._folder, 1)
        folder.addWidget(self._choose)
        form.addRow(self._label("gui.settings.folder", self._folder), folder)
        return form

    def _languages(self) -> QFormLayout:
        form = self._form()
        self._language.setMaximumWidth(GRID * 30)
        form.addRow(self._label("gui.settings.language.label", self._language), self._language)
        return form

    def _about(self) -> QFormLayout:
        form = self._form()
        form.addRow(self._label("gui.settings.about.version"), QLabel(__version__))
        self._hub.say(self._desk.hub)
        form.addRow(self._label("gui.settings.about.hub"), self._hub)
        self._home.say(str(self._desk.home))
        form.addRow(self._label("gui.settings.about.home"), self._home)
        form.addRow("", self._open_home)
        return form

    def _head(self, words: str) -> QLabel:
        label = bold(QLabel(), 1.15)
        self._labels.append((label, words))
        return label

    def _label(self, words: str, buddy: QWidget | None = None) -> QLabel:
        label = QLabel()
        if buddy is not None:
            label.setBuddy(buddy)
        self._labels.append((label, words))
        self._beside.append(label)
        return label

    def _connect(self) -> None:
        self._desk.key_changed.connect(self._show_key)
        self._desk.settings_changed.connect(self._show_settings)
        self._enter.clicked.connect(lambda: KeyDialog(self._desk, self).open())
        self.test.clicked.connect(self._test_key)
        self.clear.clicked.connect(self._ask_clear)
        self.parallel.valueChanged.connect(lambda _: self._later.start())
        self._later.timeout.connect(self._configure)
        self._choose.clicked.connect(self._pick)
        self._language.activated.connect(lambda place: self.language_wanted.emit(LANGUAGES[place]))
        self._open_home.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._desk.home))))

    # ---- showing ----

    def speak(self) -> None:
        say = self._desk.words.say
        for label, words in self._labels:
            label.setText(say(words))
        widest = max(label.sizeHint().width() for label in self._beside)
        for label in self._beside:
            label.setMinimumWidth(widest)
        self.test.setText(say("gui.settings.key.test"))
        self.clear.setText(say("gui.settings.key.clear"))
        self._choose.setText(say("gui.target.choose"))
        self._open_home.setText(say("gui.settings.about.open-home"))
        self.parallel.setAccessibleName(say("gui.settings.parallel"))
        self._folder.setAccessibleName(say("gui.settings.folder"))
        self._language.setAccessibleName(say("gui.settings.language.label"))
        for place, language in enumerate(LANGUAGES):
            self._language.setItemText(place, say(f"gui.settings.language.{language or 'system'}"))
        self._show_key(self._desk.key)
        self._show_settings(self._desk.settings)

    def _show_key(self, state: KeyState) -> None:
        say = self._desk.words.say
        origin = state.origin or ("none" if self._desk.key_known else "unknown")
        self._key_state.setText(say(f"gui.settings.key.origin.{origin}", masked=state.masked))
        self._enter.setText(say("gui.settings.key.change" if state.origin else "gui.settings.key.enter"))
        self.test.setEnabled(bool(state.origin))
        self.clear.setEnabled(state.origin in ("keychain", "run"))
        self._key_note.setText("")
        self._key_note.hide()

    def _show_settings(self, settings: Settings) -> None:
        if not self._later.isActive():
            with QSignalBlocker(self.parallel):
                self.parallel.setValue(settings.parallel)
        self._folder.setText(base_folder(settings.folder))
        self._folder.setToolTip(self._folder.text())
        self._folder.setCursorPosition(0)

    def _note(self, text: str) -> None:
        self._key_note.setText(text)
        self._key_note.show()

    # ---- doing ----

    def _configure(self) -> None:
        self._desk.link.tell(Configure(0, {"parallel": self.parallel.value()}), refused=self._desk.refused.emit)

    def _test_key(self) -> None:
        self.test.setEnabled(False)
        self._note(self._desk.words.say("gui.key.testing"))
        self._desk.test_key(self._tested, self._not_tested)

    def _tested(self, state: KeyState) -> None:
        verdict = {True: "valid", False: "invalid", None: "silent"}[state.valid]
        self._note(self._desk.words.say(f"gui.settings.key.verdict.{verdict}"))

    def _not_tested(self, problem: Problem) -> None:
        self.test.setEnabled(True)
        told = self._desk.words.problem(problem)
        self._note(f"{told.title}\n{told.advice}")

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
        yes = box.addButton(say("gui.settings.key.clear"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(say("gui.key.cancel"), QMessageBox.ButtonRole.RejectRole))
        yes.clicked.connect(lambda: self._desk.clear_key(self._not_cleared))
        box.finished.connect(box.deleteLater)
        box.open()

    def _not_cleared(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        self._note(f"{told.title}\n{told.advice}")

    def _pick(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), self._folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(
            lambda folder: self._desk.link.tell(Configure(0, {"folder": folder}), refused=self._desk.refused.emit)
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
