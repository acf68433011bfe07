"""New addresses for files whose own have expired: what is here already goes on from there."""

from __future__ import annotations

import msgspec
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Add, Added, FileRows, Inspect, Inspected, Resume, Retry, Rows, TransferRow
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui import address_list, theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, bold
from aihub_desktop.gui.theme import GRID

_PAGE = 1000


class AddressDialog(QDialog):
    """Takes one address a line. Each must be of a file of this transfer: the same but for what is signed in it."""

    def __init__(self, desk: Desk, row: TransferRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._row = desk, row
        self._files: dict[str, RemoteFile] = {}  # of the transfer, by key
        say = desk.words.say
        self.setWindowTitle(say("gui.cure.new-address"))
        self.field = QPlainTextEdit(tabChangesFocus=True)
        self.field.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.field.setAccessibleName(say("gui.new-address.field"))
        self.field.setMinimumSize(GRID * 64, self.fontMetrics().lineSpacing() * 5)
        self._status = FaintLabel()
        self._status.setWordWrap(True)
        self._status.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + GRID)
        self._is_over = False
        self.use = QPushButton(say("gui.new-address.use"), autoDefault=False)
        self._lay_out()
        self.field.textChanged.connect(self._typed)
        self.use.clicked.connect(self._look)
        self.finished.connect(self._forget)
        self._typed()

    @property
    def status(self) -> str:
        return self._status.text()

    def _lay_out(self) -> None:
        say = self._desk.words.say
        buttons = QDialogButtonBox()
        cancel = QPushButton(say("gui.key.cancel"), autoDefault=False)
        cancel.clicked.connect(self.reject)
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self.use.setDefault(True)
        theme.primary(self.use)
        title = QLabel(self._row.dataset.title)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(bold(title, 1.15))
        box.addWidget(QLabel(say("gui.new-address.text"), wordWrap=True))
        box.addWidget(self.field, 1)
        box.addWidget(self._status)
        box.addWidget(buttons)

    def _typed(self) -> None:
        self.use.setEnabled(bool(address_list.read(self.field.toPlainText()).addresses))
        self._status.setText("")

    def _look(self) -> None:
        self._busy(True)
        self._status.setText(self._desk.words.say("gui.new-address.looking"))
        self._files = {}
        self._fetch(0)

    def _fetch(self, offset: int) -> None:
        """The transfer's files, page by page: the window may know only the first of them."""
        self._desk.link.ask(Rows(0, self._row.id, offset, _PAGE), FileRows, self._listed, self._failed)

    def _listed(self, answer: FileRows) -> None:
        if self._is_over:
            return
        self._files |= {row.file.key: row.file for row in answer.rows}
        if answer.rows and len(self._files) < answer.total:
            self._fetch(len(self._files))
            return
        addresses = address_list.read(self.field.toPlainText()).addresses
        self._desk.link.ask(Inspect(0, addresses), Inspected, self._inspected, self._failed)

    def _inspected(self, answer: Inspected) -> None:
        if self._is_over:
            return
        if answer.problems:
            self._failed(next(iter(answer.problems.values())))
            return
        strange = [file for file in answer.files if file.key not in self._files]
        if strange:
            self._busy(False)
            address = address_list.shown(strange[0].key)
            self._status.setText(self._desk.words.say("gui.new-address.strange", address=address))
            return
        files = [msgspec.structs.replace(file, path=self._files[file.key].path) for file in answer.files]
        wish = Add(0, self._row.dataset, files, self._row.folder)
        self._desk.link.ask(wish, Added, lambda _: self._done(), self._failed)

    def _done(self) -> None:
        needs = self._row.state is TransferState.NEEDS_USER
        command = Resume(0, [self._row.id]) if needs else Retry(0, [self._row.id])
        self._desk.link.tell(command, refused=self._desk.refused.emit)
        if not self._is_over:
            self.accept()

    def _failed(self, problem: Problem) -> None:
        if self._is_over:
            return
        self._busy(False)
        told = self._desk.words.problem(problem)
        self._status.setText(f"{told.title}\n{told.advice}")

    def _busy(self, on: bool) -> None:
        self.field.setReadOnly(on)
        self.use.setEnabled(not on)

    def _forget(self) -> None:
        self._is_over = True  # an answer that comes later finds nobody
        # A signed address opens its file to whoever reads it.
        self.field.clear()
        self.deleteLater()
