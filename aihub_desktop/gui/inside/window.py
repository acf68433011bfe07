"""A look into an archive: its entries in a list, one of them shown beside it."""

from __future__ import annotations

import os
from typing import Final

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDesktopServices, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.inside import EntryRow, Inside, TakenOut
from aihub_desktop.gui import keys
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.inside.entry_list import EntryList
from aihub_desktop.gui.inside.look import Look
from aihub_desktop.gui.inside.preview import Preview
from aihub_desktop.gui.inside.taking import Taking
from aihub_desktop.gui.parts import Banner, EmptyPlace, FaintLabel
from aihub_desktop.gui.theme import GRID

_BUTTONS: Final = ("stop", "open", "save", "unpack")
_NAMED: Final = 5  # entries that were not saved; the rest are counted


class InsideWindow(QDialog):
    """`unpack_wanted` is for whoever opened it. Asks for nothing any more once it is closed."""

    unpack_wanted = Signal()

    def __init__(self, desk: Desk, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self.path = desk, path
        self._inside: Inside | None = None
        self._is_lost = False
        self.look = Look(desk.link, desk.words, path, self)
        self.taking = Taking(self.look, desk.opened, self)
        self.list = EntryList(self.look, desk.words)
        self.preview = Preview(self.look, desk.words)
        self.banner = Banner(closable=True)
        self.about = FaintLabel()
        self.open_action, self.save_action = QAction(self), QAction(self)
        self.buttons = {name: QPushButton(autoDefault=False) for name in _BUTTONS}
        self._busy, self.wrong = EmptyPlace("library"), EmptyPlace("warning")
        self._stack = QStackedWidget()
        self._lay_out()
        self._connect()
        self.speak()
        self.look.begin()

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        for part in (self.list, self.preview):
            self.splitter.addWidget(part)
        self.splitter.setSizes([GRID * 74, GRID * 54])
        for page in (self._busy, self.wrong, self.splitter):
            self._stack.addWidget(page)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self.about, 1)
        for button in self.buttons.values():
            foot.addWidget(button)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        outer.setSpacing(GRID + 4)
        outer.addWidget(self.banner)
        outer.addWidget(self._stack, 1)
        outer.addLayout(foot)
        self.setMinimumSize(GRID * 90, GRID * 50)
        self.resize(GRID * 132, GRID * 82)

    def _connect(self) -> None:
        look, taking = self.look, self.taking
        look.opened.connect(self._opened)
        look.failed.connect(self._failed)
        look.counted.connect(self._counted)
        taking.changed.connect(self._show)
        taking.told.connect(self._saved)
        taking.failed.connect(self._tell)
        taking.not_opened.connect(self._explain)
        self.list.activated.connect(self._open)
        self.list.current_changed.connect(self._preview)
        self.list.chosen_changed.connect(self._chosen)
        self.list.menu_wanted.connect(self._menu)
        self.open_action.triggered.connect(self._open)
        self.save_action.triggered.connect(self._ask_folder)
        keys.bind(self.save_action, "inside", "save")
        self.addAction(self.save_action)
        for name, act in (
            ("open", self.open_action.trigger), ("save", self.save_action.trigger), ("stop", taking.stop),
            ("unpack", self.unpack_wanted.emit),
        ):  # fmt: skip
            self.buttons[name].clicked.connect(act)
        find = QShortcut(self)
        keys.bind(find, "inside", "find")
        find.activated.connect(self.list.search.setFocus)
        self._desk.lost.connect(self._lost)
        self._desk.found.connect(self._found)

    def speak(self) -> None:
        say, name = self._desk.words.say, os.path.basename(self.path)
        self.setWindowTitle(name)
        for name_of, button in self.buttons.items():
            button.setText(say(f"gui.inside.do.{name_of}"))
        self.open_action.setText(say("gui.inside.do.open"))
        self.save_action.setText(say("gui.inside.do.save"))
        self.banner.name_close(say("gui.close"))
        self._busy.tell(say("gui.inside.reading", name=name))
        self.list.speak(self._desk.words)
        self.preview.speak(self._desk.words)
        self._show()

    # ---- showing ----

    def _opened(self, inside: Inside) -> None:
        self._inside = inside
        self.list.encoding.assume(inside.encoding)
        self._stack.setCurrentIndex(2)
        self.list.view.setFocus()
        self._show()

    def _failed(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        # Nothing is received anew by looking.
        advice = self._desk.words.say("gui.inside.bad") if problem.code is Code.BAD_ARCHIVE else told.advice
        self.wrong.tell(told.title, advice)
        self.wrong.setAccessibleName(told.title)
        self._stack.setCurrentIndex(1)
        self._show()

    def _counted(self, entries: int) -> None:
        say = self._desk.words.say
        text = say("gui.inside.so-far", n=entries) if entries else ""
        self._busy.tell(say("gui.inside.reading", name=os.path.basename(self.path)), text)

    def _preview(self) -> None:
        self.preview.show_row(self.list.current())
        self._show()

    def _chosen(self) -> None:
        # The row may have been chosen before its page came.
        if self.preview.row != self.list.current():
            self._preview()
        self._show()

    def _show(self) -> None:
        count, busy = self.list.count(), self.taking.entries
        rows = self.list.rows() if self.taking.can_take(count) else []
        self.open_action.setEnabled(len(rows) == 1 and rows[0].closed is None)
        self.save_action.setEnabled(any(row.closed is None for row in rows))
        self.buttons["open"].setEnabled(self.open_action.isEnabled())
        self.buttons["save"].setEnabled(self.save_action.isEnabled())
        self.buttons["unpack"].setEnabled(self._inside is not None)
        self.buttons["stop"].setVisible(bool(busy))
        self.about.setText(self._about(rows, count, busy))

    def _about(self, rows: list[EntryRow], count: int, busy: int) -> str:
        say, size, inside = self._desk.words.say, self._desk.words.size, self._inside
        if inside is None:
            return ""
        if busy:
            return say("gui.inside.saving", n=busy)
        if count > 1:
            known = size(sum(row.size for row in rows)) if len(rows) == count else ""
            return say("gui.inside.chosen", n=count, size=known)
        if self.look.find:
            return say("gui.inside.found", n=self.look.model.rowCount(), of=f"{inside.files:,}")
        return say("gui.inside.about", n=inside.files, size=size(inside.bytes), packed=size(inside.packed))

    # ---- doing ----

    def _open(self) -> None:
        row = self.list.current()
        if row is not None and self.open_action.isEnabled():
            self.taking.open(row, self.preview.head)

    def _menu(self, place: QPoint) -> None:
        if self.list.count():
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addActions([self.open_action, self.save_action])
            menu.popup(place)

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.inside.pick"), os.path.dirname(self.path))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.save_to)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_to(self, folder: str) -> None:
        """Saves what is chosen."""
        if self.save_action.isEnabled():
            self.taking.save(self.list.rows(), folder)

    def _saved(self, taken: TakenOut, folder: str) -> None:
        words = self._desk.words
        say, told = words.say, taken.refused[:_NAMED]
        lines = [] if taken.problem is None else [" ".join(words.problem(taken.problem))]
        lines += [say("gui.inside.refused-one", name=one.name, why=say(f"refusal.{one.why}")) for one in told]
        if len(taken.refused) > len(told):
            lines.append(say("gui.inside.refused-more", n=len(taken.refused) - len(told)))
        title = say("gui.inside.saved", n=len(taken.files), folder=folder)
        if lines:
            self.banner.tell(title, "\n".join(lines), [(say("gui.library.do.folder"), lambda: _show_folder(folder))])
        else:
            self.banner.hide()
            self.about.setText(title)

    def _tell(self, problem: Problem) -> None:
        say = self._desk.words.say
        if problem.code is Code.BAD_ARCHIVE:
            self.banner.tell(say("gui.inside.damaged"), say("gui.inside.damaged-text"), [])
        else:
            self.banner.tell(*self._desk.words.problem(problem), [])

    def _explain(self, row: EntryRow) -> None:
        say = self._desk.words.say
        title = say("gui.inside.not-opened", name=row.name.rpartition("/")[2])
        self.banner.tell(title, say("gui.inside.not-opened-text"), [(say("gui.inside.do.save"), self._ask_folder)])

    # ---- coming and going ----

    def _lost(self) -> None:
        """The engine is gone, and with it what it had read."""
        self._is_lost = True

    def _found(self) -> None:
        if self._is_lost:
            self._inside, self._is_lost = None, False
            self._stack.setCurrentIndex(0)
            self.look.begin()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._leave()
        super().closeEvent(event)

    def done(self, result: int) -> None:
        self._leave()
        super().done(result)

    def _leave(self) -> None:
        self.taking.stop()
        self.look.end()


def _show_folder(folder: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
