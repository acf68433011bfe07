"""Asks how archives are to be unpacked, and says before what it will take."""

from __future__ import annotations

import os
import re
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
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

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Begin, Begun
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.gui import theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.form import Form
from aihub_desktop.gui.inside.encodings import EncodingBox
from aihub_desktop.gui.inside.plan import Plan
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, Sign, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox

_TYPING_MS: Final = 400
_BESIDE, _ELSEWHERE = 0, 1


class UnpackDialog(QDialog):
    """`begun` gives the number of the task. `places` None: all archives of the folder."""

    begun = Signal(int)

    def __init__(self, desk: Desk, folder: str, places: list[str] | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._folder, self._into = desk, folder, ""
        self._is_over = False
        self.plan = Plan(desk.link, folder, places, self)
        self._form = Form()
        self._title = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        bold(self._title, 1.15)
        self.where, self.encoding, self.only = QComboBox(), EncodingBox(), QLineEdit()
        self.names = [ElidedLabel() for _ in range(4)]
        self.nested, self.delete = TickBox(), TickBox()
        self.amount, self.room, self.notes = QLabel(wordWrap=True), QLabel(wordWrap=True), FaintLabel()
        self._sign = Sign("warning", 16, warning=True)
        self._buttons = QDialogButtonBox()
        self._later = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._lay_out()
        self._speak()
        self._connect()
        self._look()

    def _lay_out(self) -> None:
        say, form = self._desk.words.say, self._form
        preview = QWidget()
        lines = QVBoxLayout(preview)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        for line in self.names:
            lines.addWidget(line)
        # A form gives its rows less than they ask for.
        preview.setFixedHeight(len(self.names) * (self.fontMetrics().height() + 4))
        form.add("gui.unpack.where", self.where)
        form.add("gui.inside.encoding.label", self.encoding)
        form.add_below(preview)
        form.add("gui.unpack.only", self.only)
        form.add_below(self.nested)
        form.add_below(self.delete)
        self._delete_note = form.note("gui.unpack.delete-note")
        form.show_row(self._delete_note, False)
        for label in (self.amount, self.room):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.notes.setWordWrap(True)
        warning = QHBoxLayout()
        warning.setSpacing(GRID // 2)
        warning.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self.room, 1)
        self.unpack = QPushButton(say("gui.unpack.do"), autoDefault=False, default=True)
        self.cancel = QPushButton(say("gui.library.ask.cancel"), autoDefault=False)
        self._buttons.addButton(self.unpack, QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        theme.primary(self.unpack)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self._title)
        box.addSpacing(GRID // 2)
        box.addWidget(form)
        box.addSpacing(GRID)
        box.addWidget(self.amount)
        box.addLayout(warning)
        box.addWidget(self.notes)
        box.addStretch(1)
        box.addSpacing(GRID)
        box.addWidget(self._buttons)
        self.setMinimumWidth(GRID * 70)

    def _speak(self) -> None:
        say = self._desk.words.say
        self.setWindowTitle(say("gui.unpack.window"))
        self._form.speak(self._desk.words)
        self.encoding.speak(self._desk.words)
        self.where.addItems([say("gui.unpack.beside"), say("gui.unpack.elsewhere")])
        self.only.setPlaceholderText(say("gui.unpack.everything"))
        self.only.setToolTip(say("gui.unpack.only-tip"))
        self.nested.setText(say("gui.unpack.nested"))
        self.delete.setText(say("gui.unpack.delete"))

    def _connect(self) -> None:
        self.plan.changed.connect(self._show)
        self.where.activated.connect(self._choose_where)
        self.encoding.chosen.connect(lambda _: self._look())
        self.only.textChanged.connect(lambda _: self._later.start())
        self.only.textChanged.connect(self._keep)
        self._later.timeout.connect(self._look)
        self.nested.toggled.connect(lambda _: self._show())
        self.delete.toggled.connect(self._show_note)
        self.unpack.clicked.connect(self._begin)
        self.cancel.clicked.connect(self.reject)
        self.finished.connect(self._end)

    # ---- what is wished for ----

    def wish(self) -> UnpackWish:
        """As it is entered."""
        patterns = [part for text in re.split("[;,]", self.only.text()) if (part := text.strip())]
        return UnpackWish(
            self._folder, self.plan.archives or [], self._into, self.encoding.encoding, patterns,
            self.nested.isChecked(), not self.delete.isChecked(),
        )  # fmt: skip

    def _show_note(self, on: bool) -> None:
        self._form.show_row(self._delete_note, on)
        self._grow()

    def _keep(self, patterns: str) -> None:
        """With an archive would go what was not wished for."""
        self.delete.setEnabled(not patterns.strip())
        if patterns.strip():
            self.delete.setChecked(False)

    def _look(self) -> None:
        self._later.stop()
        self.plan.begin(self.wish())

    def _choose_where(self, place: int) -> None:
        if place == _BESIDE:
            self.unpack_into("")
            return
        dialog = QFileDialog(self, self._desk.words.say("gui.unpack.pick"), self._into or self._folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.unpack_into)
        dialog.rejected.connect(lambda: self.unpack_into(self._into))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def unpack_into(self, folder: str) -> None:
        """ "" for a folder beside each archive."""
        other, self._into = folder != self._into, folder
        text = self._desk.words.say("gui.unpack.elsewhere")
        self.where.setItemText(_ELSEWHERE, self._desk.words.say("gui.unpack.into", folder=folder) if folder else text)
        self.where.setCurrentIndex(_ELSEWHERE if folder else _BESIDE)
        if other:
            self._look()

    # ---- what it would be ----

    def _show(self) -> None:
        say, plan = self._desk.words.say, self.plan
        places = plan.archives
        self._title.setText(
            say("gui.unpack.title", name=os.path.basename(places[0])) if places is not None and len(places) == 1 else
            say("gui.unpack.title-many", n=len(places)) if places else say("gui.unpack.window")
        )  # fmt: skip
        self.encoding.assume(plan.encoding)
        names = plan.names
        for place, line in enumerate(self.names):
            line.say(names[place] if place < len(names) else "")
        self.amount.setText(self._amount())
        self._show_room()
        self.notes.setText("\n".join(self._notes()))
        self.unpack.setEnabled(bool(places) and plan.has_room and not (plan.is_whole and not plan.entries))
        self._grow()

    def _grow(self) -> None:
        """What is said anew may need more room; less room would make the buttons jump."""
        height = max(self.heightForWidth(self.width()), self.minimumSizeHint().height())
        self.resize(self.width(), max(self.height(), height))

    def _amount(self) -> str:
        say, plan = self._desk.words.say, self.plan
        if plan.problem is not None:
            return self._desk.words.problem(plan.problem).title
        if not plan.archives:
            return say("gui.unpack.finding" if plan.archives is None else "gui.unpack.no-archives")
        if plan.is_whole and not plan.entries:
            return say("gui.unpack.nothing")
        parts = [say("gui.unpack.amount", n=plan.entries, size=self._desk.words.size(plan.bytes))]
        if not plan.is_whole:
            parts.append(say("gui.unpack.looking", at=plan.looked + 1, n=len(plan.archives)))
        return " · ".join(parts if plan.looked else parts[1:])

    def _show_room(self) -> None:
        plan, words = self.plan, self._desk.words
        text = ""
        if plan.usable is not None and plan.entries:
            key = "gui.unpack.room" if plan.has_room or not plan.has_files else "gui.unpack.no-room"
            text = words.say(key, need=words.size(plan.need), usable=words.size(plan.usable))
            if not plan.has_files:
                text = words.say("gui.unpack.no-files", n=plan.need_files, left=f"{plan.files_left or 0:,}")
        self.room.setText(text)
        self.room.setVisible(bool(text))
        self._sign.setVisible(bool(text) and not plan.has_room)

    def _notes(self) -> list[str]:
        say, plan = self._desk.words.say, self.plan
        notes = []
        if plan.left_out:
            notes.append(say("gui.unpack.left-out", n=plan.left_out))
        if plan.failing:
            first = plan.failing[0]
            why = self._desk.words.problem(first.problem).title if first.problem else ""
            notes.append(say("gui.unpack.failing", n=len(plan.failing), name=os.path.basename(first.place), why=why))
        if self.nested.isChecked():
            notes.append(say("gui.unpack.nested-note"))
        return notes

    # ---- doing it ----

    def _end(self) -> None:
        self._is_over = True  # an answer that comes later finds nobody
        self.plan.end()

    def _begin(self) -> None:
        self.unpack.setEnabled(False)
        self._desk.link.ask(Begin(0, unpack=self.wish()), Begun, self._begun, self._refused)

    def _begun(self, answer: Begun) -> None:
        if not self._is_over:
            self.accept()
            self.begun.emit(answer.task)

    def _refused(self, problem: Problem) -> None:
        if self._is_over:
            return
        told = self._desk.words.problem(problem)
        self.unpack.setEnabled(True)
        self.amount.setText(f"{told.title}\n{told.advice}")
