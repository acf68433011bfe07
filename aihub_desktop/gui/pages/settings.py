"""The key, speed and hours, where to, and the language."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QProcess, QRegularExpression, QSignalBlocker, QStandardPaths, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QRegularExpressionValidator
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop import __version__
from aihub_desktop.domain.settings import Settings, Switch
from aihub_desktop.gui import icons
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import WIDE, Form, Number
from aihub_desktop.gui.pages.settings_desktop import DesktopSection
from aihub_desktop.gui.pages.settings_key import KeySection
from aihub_desktop.gui.pages.settings_pace import PaceSection
from aihub_desktop.gui.pages.target import base_folder
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, LinkButton, Rule
from aihub_desktop.gui.presence import Presence
from aihub_desktop.gui.releases import Releases
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system import program
from aihub_desktop.system.words import Words

LANGUAGES = ("", "ko", "en")  # "" follows the system
_WIDEST: Final = 780
_GIGABYTE: Final = 1 << 30


class SettingsPage(QWidget):
    """Each change holds at once. `language_wanted` gives "ko", "en", or "" for the system's."""

    language_wanted = Signal(str)

    def __init__(self, desk: Desk, presence: Presence, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.key, self.pace = KeySection(desk), PaceSection(desk)
        self.language = _Language(language)
        self.disk, self.advanced, self.desktop = _Disk(desk), _Advanced(desk), DesktopSection(desk, presence)
        self.releases = Releases(desk, self)
        can_look = bool(self.releases.address)
        self.version, self.about = _Version(desk, self.releases), _About(desk, tells_version=not can_look)
        self._forms: list[Form] = [self.pace, self.disk, self.desktop, self.language, self.advanced]
        self._forms += [self.version, self.about] if can_look else [self.about]
        self._scroll = QScrollArea(widgetResizable=True)
        self._lay_out()
        self.language.box.activated.connect(lambda place: self.language_wanted.emit(LANGUAGES[place]))
        self.speak()

    def _lay_out(self) -> None:
        body = QWidget()
        body.setMaximumWidth(_WIDEST)
        box = QVBoxLayout(body)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 2, GRID * 3)
        box.setSpacing(GRID * 2)
        box.addWidget(self.key)
        for form in self._forms:
            box.addWidget(Rule())
            box.addWidget(form)
        box.addStretch(1)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)

    def speak(self) -> None:
        self.key.speak()
        for form in self._forms:
            form.speak(self._desk.words)
        widest = max(form.label_width for form in self._forms)
        for form in self._forms:
            form.align(widest)

    def show_hours(self) -> None:
        """Brings the week into sight, ready for the keyboard."""
        self._scroll.ensureWidgetVisible(self.pace.table, 0, GRID * 8)
        self.pace.table.setFocus()


class _Disk(Form):
    """Where to, and how much of a drive is left alone."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("gui.settings.disk.head")
        self._desk = desk
        self._folder = QLineEdit(readOnly=True)
        self._choose = QPushButton(autoDefault=False)
        icons.dress(self._choose, "folder")
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self._folder, 1)
        row.addWidget(self._choose)
        self.add("gui.settings.folder", row, self._folder)
        self.floor = QDoubleSpinBox(minimum=0, maximum=100_000, decimals=1, suffix=" GB")
        Number(desk, "floor_bytes", self.floor, _GIGABYTE)
        self.add("gui.settings.disk.floor", self.floor)
        self.note("gui.settings.disk.floor-note")
        self._choose.clicked.connect(self._pick)
        desk.settings_changed.connect(self._show)

    def speak(self, words: Words) -> None:
        super().speak(words)
        self._choose.setText(words.say("gui.target.choose"))
        self._show(self._desk.settings)

    def _show(self, settings: Settings) -> None:
        self._folder.setText(base_folder(settings.folder))
        self._folder.setToolTip(self._folder.text())
        self._folder.setCursorPosition(0)

    def _pick(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), self._folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda folder: self._desk.configure(folder=folder))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _Language(Form):
    def __init__(self, language: str) -> None:
        super().__init__("gui.settings.language.head")
        self.box = QComboBox()
        for _ in LANGUAGES:
            self.box.addItem("")
        self.box.setCurrentIndex(LANGUAGES.index(language))
        self.box.setMaximumWidth(WIDE)
        self.add("gui.settings.language.label", self.box)

    def speak(self, words: Words) -> None:
        super().speak(words)
        for place, language in enumerate(LANGUAGES):
            self.box.setItemText(place, words.say(f"gui.settings.language.{language or 'system'}"))


class _Advanced(Form):
    """What hardly anyone changes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("gui.settings.advanced.head")
        self._desk = desk
        self.agent = QLineEdit()
        # What a header may hold.
        self.agent.setValidator(QRegularExpressionValidator(QRegularExpression(r"[\x20-\x7e]{0,200}"), self.agent))
        self.add("gui.settings.advanced.agent", self.agent)
        self.note("gui.settings.advanced.agent-note")
        self.agent.editingFinished.connect(self._configure)
        desk.settings_changed.connect(self._show)

    def speak(self, words: Words) -> None:
        super().speak(words)
        self.agent.setPlaceholderText(words.say("gui.settings.advanced.agent-own"))
        self._show(self._desk.settings)

    def _show(self, settings: Settings) -> None:
        if not self.agent.hasFocus():
            self.agent.setText(settings.user_agent)

    def _configure(self) -> None:
        if self.agent.text() != self._desk.settings.user_agent:
            self._desk.configure(user_agent=self.agent.text())


class _Version(Form):
    """Which version this is, whether a newer one is looked for, and which there is."""

    def __init__(self, desk: Desk, releases: Releases) -> None:
        super().__init__("gui.settings.updates.head")
        self._desk, self._releases = desk, releases
        self.wanted, self.link = TickBox(), LinkButton()
        self.add("gui.settings.about.version", QLabel(__version__))
        self.add_below(self.wanted)
        self.note("gui.settings.updates.note")
        self.add_below(self.link)
        self.wanted.toggled.connect(lambda on: desk.configure(updates=str(Switch.ON if on else Switch.OFF)))
        self.link.clicked.connect(self._open)
        desk.settings_changed.connect(self._show)
        releases.changed.connect(self._show)

    def speak(self, words: Words) -> None:
        super().speak(words)
        self.wanted.setText(words.say("gui.settings.updates.wanted"))
        self._show()

    def _show(self) -> None:
        with QSignalBlocker(self.wanted):
            self.wanted.setChecked(self._desk.settings.updates is Switch.ON)
        newer = self._releases.newer
        if newer is not None:
            self.link.setText(self._desk.words.say("gui.settings.updates.newer", version=newer.version))
            self.link.setToolTip(newer.page)
        self.show_row(self.link, newer is not None)

    def _open(self) -> None:
        if (newer := self._releases.newer) is not None:
            QDesktopServices.openUrl(QUrl(newer.page))


class _About(Form):
    def __init__(self, desk: Desk, *, tells_version: bool) -> None:
        super().__init__("gui.settings.about.head")
        self._desk = desk
        hub, home = ElidedLabel(), ElidedLabel()
        hub.say(desk.hub)
        home.say(str(desk.home))
        self.links = {name: LinkButton() for name in ("keys", "about", "log", "diagnostics", "open-home")}
        self.told = FaintLabel()
        self.told.setWordWrap(True)
        if tells_version:
            self.add("gui.settings.about.version", QLabel(__version__))
        for words, value in (("hub", hub), ("home", home)):
            self.add(f"gui.settings.about.{words}", value)
        for link in self.links.values():
            self.add_below(link)
        self.add_below(self.told)
        self.show_row(self.told, False)
        self.links["keys"].clicked.connect(lambda: show_keys(desk, self))
        self.links["about"].clicked.connect(self._tell_about)
        self.links["log"].clicked.connect(self._show_log)
        self.links["diagnostics"].clicked.connect(self._diagnose)
        self.links["open-home"].clicked.connect(lambda: _open(desk.home))

    def speak(self, words: Words) -> None:
        super().speak(words)
        for name, link in self.links.items():
            link.setText(words.say(f"gui.settings.about.{name}"))

    def _tell_about(self) -> None:
        from aihub_desktop.gui.about_dialog import AboutDialog  # noqa: PLC0415 - the first picture needs no dialog

        AboutDialog(self._desk, self).open()

    def _show_log(self) -> None:
        from aihub_desktop.gui.log_dialog import LogDialog  # noqa: PLC0415 - the first picture needs no dialog

        LogDialog(self._desk, self).open()

    def _diagnose(self) -> None:
        """One click: the archive is among the downloads, and its folder open."""
        self.links["diagnostics"].setEnabled(False)
        words = ("--home", str(self._desk.home), "--api-url", self._desk.hub, "diagnostics", str(_downloads()))
        command = program.command(*words)
        process = QProcess(self)
        process.finished.connect(lambda code, _: self._diagnosed(process, code))
        process.start(command[0], command[1:])

    def _diagnosed(self, process: QProcess, code: int) -> None:
        self.links["diagnostics"].setEnabled(True)
        path = bytes(process.readAllStandardOutput().data()).decode("utf-8", errors="replace").strip()
        say = self._desk.words.say
        self.told.setText(
            say("gui.settings.about.diagnosed", path=path) if code == 0 else say("gui.settings.about.not")
        )
        self.show_row(self.told, True)
        process.deleteLater()
        if code == 0:
            _open(Path(path).parent)


def show_keys(desk: Desk, parent: QWidget) -> None:
    """The list of shortcuts."""
    from aihub_desktop.gui.keys_dialog import KeysDialog  # noqa: PLC0415 - the first picture needs no dialog

    KeysDialog(desk, parent).open()


def _downloads() -> Path:
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)
    return Path(place) if place and Path(place).is_dir() else Path.home()


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
