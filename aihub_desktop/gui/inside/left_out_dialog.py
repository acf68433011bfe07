"""What an unpacking left out, as a list that can be copied and kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QThreadPool, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import LeftOutRows, ListLeftOut
from aihub_desktop.domain.tasks import TaskRow
from aihub_desktop.domain.unpacking import LeftOut
from aihub_desktop.gui import flat_list, theme
from aihub_desktop.gui.delegates import PlaceDelegate, SignDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.left_out import HEADERS, LeftOutColumn, LeftOutModel, cells
from aihub_desktop.gui.models.paged import PAGE
from aihub_desktop.gui.parts import FaintLabel
from aihub_desktop.gui.theme import GRID

_ALL_PAGE: Final = 1000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a sheet would reckon with


class Paper(QObject):
    """Writes a file in a thread of the pool: a drive may hang. `written` says why not, "" if it is there."""

    written = Signal(str)

    def write(self, path: str, text: str) -> None:
        def job() -> None:
            try:
                Path(path).write_text(text, encoding="utf-8-sig", newline="")
            except OSError as error:
                self.written.emit(error.strerror or type(error).__name__)
            else:
                self.written.emit("")

        QThreadPool.globalInstance().start(job)


class LeftOutDialog(QDialog):
    """Of one task."""

    def __init__(self, desk: Desk, task: TaskRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._task = desk, task.id
        self._total = 0
        self._is_over = False
        self.model = LeftOutModel(desk.words, self)
        self.about = FaintLabel()
        self.about.setWordWrap(True)
        self.view = QTreeView()
        self.copy, self.save, self.close_button = (QPushButton(autoDefault=False) for _ in range(3))
        self._paper = Paper()
        self._lay_out()
        self._connect()
        self._speak()
        self.model.begin()

    def _lay_out(self) -> None:
        view, header = self.view, self.view.header()
        delegates = {
            LeftOutColumn.ENTRY: PlaceDelegate, LeftOutColumn.ARCHIVE: PlaceDelegate, LeftOutColumn.WHY: SignDelegate,
        }  # fmt: skip
        flat_list.prepare(view, self.model, delegates, LeftOutColumn.ENTRY, LeftOutColumn.ARCHIVE)
        view.setUniformRowHeights(True)
        header.resizeSection(LeftOutColumn.WHY, GRID * 32)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self.about, 1)
        for button in (self.copy, self.save, self.close_button):
            foot.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID + 4)
        box.addWidget(view, 1)
        box.addLayout(foot)
        self.resize(GRID * 110, GRID * 60)

    def _connect(self) -> None:
        self.model.page_wanted.connect(self._fetch)
        self.copy.clicked.connect(lambda: self._gather(self._copy))
        self.save.clicked.connect(self._ask_file)
        self.close_button.clicked.connect(self.accept)
        self.finished.connect(self._end)
        self._paper.written.connect(self._written)

    def _speak(self) -> None:
        say = self._desk.words.say
        self.setWindowTitle(say("gui.left-out.title"))
        self.view.setAccessibleName(say("gui.left-out.title"))
        for button, name in ((self.copy, "copy"), (self.save, "save"), (self.close_button, "close")):
            button.setText(say(f"gui.left-out.do.{name}"))

    def _end(self) -> None:
        self._is_over = True  # an answer that comes later finds nobody

    # ---- the list ----

    def _fetch(self, offset: int) -> None:
        wish = ListLeftOut(0, self._task, offset, PAGE)
        self._desk.link.ask(wish, LeftOutRows, lambda page: self._come(offset, page), lambda _: self._fail(offset))

    def _come(self, offset: int, page: LeftOutRows) -> None:
        if self._is_over:
            return
        self._total = page.total
        self.model.put(offset, page.rows, page.total)
        say = self._desk.words.say
        # Of very many the names are not kept.
        only = f"{page.total:,}" if page.total < page.count else ""
        self.about.setText(say("gui.left-out.about", n=page.count, only=only))

    def _fail(self, offset: int) -> None:
        if self._is_over:
            return
        self.model.fail(offset)
        if not self._total:
            self.about.setText(self._desk.words.say("gui.left-out.gone"))

    # ---- all of it ----

    def _gather(self, then: Callable[[list[LeftOut]], None]) -> None:
        rows: list[LeftOut] = []

        def come(page: LeftOutRows) -> None:
            rows.extend(page.rows)
            if self._is_over:
                return
            if page.rows and len(rows) < page.total:
                ask()
            else:
                then(rows)

        def ask() -> None:
            self._desk.link.ask(ListLeftOut(0, self._task, len(rows), _ALL_PAGE), LeftOutRows, come, self._refused)

        ask()

    def _refused(self, problem: Problem) -> None:
        if not self._is_over:
            self.about.setText(self._desk.words.problem(problem).title)

    def _lines(self, rows: list[LeftOut]) -> list[list[str]]:
        words = self._desk.words
        return [[words.say(head) for head in HEADERS], *(cells(row, words) for row in rows)]

    def _copy(self, rows: list[LeftOut]) -> None:
        plain = ("\t".join(" ".join(cell.split()) for cell in line) for line in self._lines(rows))
        QGuiApplication.clipboard().setText("\n".join(plain))
        self.about.setText(self._desk.words.say("gui.left-out.copied", n=len(rows)))

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.left-out.do.save"), "", "CSV (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(self.save_to)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_to(self, path: str) -> None:
        """As CSV, with the mark by which Excel knows UTF-8."""
        self._gather(lambda rows: self._paper.write(path, _as_csv(self._lines(rows))))

    def _written(self, why: str) -> None:
        say = self._desk.words.say
        self.about.setText(say("gui.left-out.not-saved", why=why) if why else say("gui.left-out.saved"))

    # ---- colours ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        theme.calm(self.view)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "view"):
            theme.calm(self.view)


def _as_csv(lines: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in line] for line in lines)
    return out.getvalue()
