"""Saves what is chosen as a batch file: its name, what is in it, where it is to go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain import addresses, batchtext
from aihub_desktop.domain.batchfile import SUFFIX, VERSION, BatchFile, DatasetWish
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.batches.files import FOLDER, filter_of, write
from aihub_desktop.gui.batches.selection import Selection
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import Form
from aihub_desktop.gui.pages.target import amount, folder_name
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system.words import Words

_LINES: Final = 5  # of what is in it; the rest is counted
_FEW: Final = 3  # patterns that are spelled out


class SaveDialog(QDialog):
    """Stays open once the file is there, to say where."""

    def __init__(self, desk: Desk, selection: Selection, *, unpack: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._selection = desk, selection
        self._saved = ""
        self._form = Form()
        self.name, self.folder = QLineEdit(selection.title), QLineEdit()
        self.choose = QPushButton(autoDefault=False)
        icons.dress(self.choose, "folder")
        self.unpack, self.lasting = TickBox(), TickBox()
        self.unpack.setChecked(unpack)
        self.lasting.setChecked(selection.holds)
        self.inside = [ElidedLabel(Qt.TextElideMode.ElideRight) for _ in range(_LINES)]
        self._sum = bold(QLabel(textFormat=Qt.TextFormat.PlainText))
        self.form_note, self.notes = FaintLabel(), FaintLabel()
        self.status = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.save, self.show_file, self.cancel = (QPushButton(autoDefault=False) for _ in range(3))
        self._buttons = QDialogButtonBox()
        self._lay_out()
        self._speak()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        where = QHBoxLayout()
        where.setSpacing(GRID)
        where.addWidget(self.folder, 1)
        where.addWidget(self.choose)
        self._form.add("gui.batch.save.name", self.name)
        self._form.add("gui.batch.save.folder", where, self.folder)
        self._form.add_below(self.unpack)
        inside = QVBoxLayout()
        inside.setSpacing(2)
        for line in self.inside:
            inside.addWidget(line)
        for label in (self.form_note, self.notes):
            label.setWordWrap(True)
        role = QDialogButtonBox.ButtonRole
        self._buttons.addButton(self.save, role.AcceptRole)
        self._buttons.addButton(self.show_file, role.ActionRole)
        self._buttons.addButton(self.cancel, role.RejectRole)
        self.save.setDefault(True)
        self.show_file.hide()
        theme.primary(self.save)
        self._title = bold(QLabel(), 1.15)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self._title)
        box.addLayout(inside)
        box.addWidget(self._sum)
        box.addSpacing(GRID // 2)
        box.addWidget(self.lasting)
        box.addWidget(self.form_note)
        box.addSpacing(GRID)
        box.addWidget(self._form)
        box.addWidget(self.notes)
        box.addWidget(self.status)
        box.addStretch(1)
        box.addSpacing(GRID)
        box.addWidget(self._buttons)
        self.setMinimumWidth(GRID * 68)

    def _speak(self) -> None:
        say = self._desk.words.say
        self.setWindowTitle(say("gui.batch.save.title"))
        self._title.setText(say("gui.batch.save.title"))
        self._form.speak(self._desk.words)
        self.folder.setPlaceholderText(say("gui.batch.save.no-folder"))
        self.folder.setToolTip(say("gui.batch.save.folder-tip"))
        self.choose.setText(say("gui.target.choose"))
        self.unpack.setText(say("gui.target.unpack"))
        self.lasting.setText(say("gui.batch.save.lasting"))
        self.save.setText(say("gui.batch.save.do"))
        self.show_file.setText(say("gui.batch.save.show"))
        self.cancel.setText(say("gui.key.cancel"))

    def _connect(self) -> None:
        self.lasting.toggled.connect(lambda _: self._show())
        self.choose.clicked.connect(self._pick_folder)
        self.save.clicked.connect(self._pick_file)
        self.show_file.clicked.connect(self._open_folder)
        self.cancel.clicked.connect(self.reject)

    # ---- showing ----

    def _show(self) -> None:
        words, chosen = self._desk.words, self._selection
        texts = [_told(words, wish) for wish in self._wishes()]
        texts += [addresses.shown(one.address) for one in chosen.addresses[:_LINES]]
        count = len(self._wishes()) + len(chosen.addresses)
        if count > _LINES:
            texts = [*texts[: _LINES - 1], words.say("gui.batch.save.more", n=count - _LINES + 1)]
        for place, line in enumerate(self.inside):
            line.say(texts[place] if place < len(texts) else "")
            line.setVisible(place < len(texts))
        self._sum.setText(amount(words, chosen.sum))
        self.lasting.setVisible(chosen.has_two_forms)
        self.form_note.setText(self._form_text())
        self.form_note.setVisible(bool(chosen.exact))
        self.notes.setText("\n".join(self._notes()))
        self.notes.setVisible(bool(self.notes.text()))
        self._grow()

    def _wishes(self) -> tuple[DatasetWish, ...]:
        return self._selection.wishes(lasting=self.lasting.isChecked())

    def _form_text(self) -> str:
        say, wishes = self._desk.words.say, self._wishes()
        if any(wish.files for wish in wishes):
            return say("gui.batch.save.by-keys")
        return say("gui.batch.save.by-names" if any(wish.include for wish in wishes) else "gui.batch.save.all")

    def _notes(self) -> list[str]:
        say, chosen = self._desk.words.say, self._selection
        notes = [say("gui.batch.save.left-out", n=chosen.left_out, host=chosen.endpoint)] if chosen.left_out else []
        return [*notes, say("gui.batch.save.bare", n=chosen.bare)] if chosen.bare else notes

    def _grow(self) -> None:
        """What is said anew may need more room; less room would make the buttons jump."""
        height = max(self.heightForWidth(self.width()), self.minimumSizeHint().height())
        self.resize(self.width(), max(self.height(), height))

    def _tell(self, text: str) -> None:
        self.status.setText(text)
        self._grow()

    # ---- doing ----

    def batch(self, path: Path) -> BatchFile:
        """As it will stand at `path`: a folder beside the file, or below, is named from there."""
        chosen, folder = self._selection, self.folder.text().strip()
        if folder and Path(folder).is_relative_to(path.parent):
            folder = Path(os.path.relpath(folder, path.parent)).as_posix()
        return BatchFile(
            VERSION, self.name.text().strip(), folder, self._wishes(), chosen.addresses, chosen.endpoint,
            self.unpack.isChecked(),
        )  # fmt: skip

    def _pick_folder(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _pick_file(self) -> None:
        words, say = self._desk.words, self._desk.words.say
        start = Path(str(self._desk.preferences.value(FOLDER, "")) or Path.home())
        name = folder_name(self.name.text()) or say("gui.batch.file-name")
        path = str(start / f"{name}{SUFFIX}")
        dialog = QFileDialog(self, say("gui.batch.save.title"), path, filter_of(words))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX[1:])
        dialog.fileSelected.connect(self.save_to)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_to(self, text: str) -> None:
        """Writes it whole or not at all; says so, or why not."""
        path = Path(text)
        try:
            raw = batchtext.written(self.batch(path))
            batchtext.parse(raw)  # nothing is written that could not be read again
            write(path, raw)
        except ProblemError as error:
            told = self._desk.words.problem(error.problem)
            self._tell(f"{told.title}\n{told.advice}")
            return
        self._saved = str(path)
        self._desk.preferences.setValue(FOLDER, str(path.parent))
        self._tell(self._desk.words.say("gui.batch.save.saved", path=str(path)))
        self.cancel.setText(self._desk.words.say("gui.close"))
        self.save.hide()
        self.show_file.show()
        self.cancel.setDefault(True)
        self.cancel.setFocus()

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._saved).parent)))


def _told(words: Words, wish: DatasetWish) -> str:
    patterns = ", ".join(wish.include[:_FEW]) + (" …" if len(wish.include) > _FEW else "")
    which = (
        words.say("gui.batch.wish.keys", n=len(wish.files)) if wish.files else
        words.say("gui.batch.wish.patterns", patterns=patterns) if patterns else words.say("gui.batch.wish.all")
    )  # fmt: skip
    return words.say("gui.batch.wish.dataset", number=wish.key, title=wish.title, which=which)
