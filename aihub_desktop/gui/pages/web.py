"""Web addresses: pasted, dropped or out of a list; what was found there; and where it shall go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Inspect, Inspected
from aihub_desktop.domain.model import WEB, Dataset, RemoteFile, SizeRange
from aihub_desktop.gui import address_list, heads
from aihub_desktop.gui.address_list import AddressList
from aihub_desktop.gui.batches.files import is_batch
from aihub_desktop.gui.batches.selection import Selection, of_addresses
from aihub_desktop.gui.delegates import FoundDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models import addresses
from aihub_desktop.gui.models.addresses import AddressModel
from aihub_desktop.gui.pages.target import TargetBar, folder_name
from aihub_desktop.gui.parts import Banner, EmptyPlace, FaintLabel
from aihub_desktop.gui.theme import GRID

_OWN: Final = "web"  # the folder that is proposed while nothing is known of what will lie in it
_FEW: Final = 500  # addresses, whose sizes are known in a moment; of more, only those that do not say their name
_LINES: Final = 5  # of the text field


class AddressField(QPlainTextEdit):
    """Takes addresses, one a line, and files that are dropped on it. `sent`: Ctrl+Enter, or something was dropped."""

    sent = Signal()
    files_dropped = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        margins = self.frameWidth() * 2 + round(self.document().documentMargin() * 2)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _LINES + margins)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.sent.emit()
        else:
            super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasUrls() or source.hasText()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """From the clipboard or dropped: files are lists, everything else is addresses."""
        local = [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()]
        if local:
            self.files_dropped.emit(local)
            return
        text = "\n".join(url.toString() for url in source.urls()) if source.hasUrls() else source.text()
        if self.textCursor().atBlockStart() or not self.toPlainText():
            self.insertPlainText(text)
        else:
            self.insertPlainText(text if "://" not in text else f"\n{text}")

    def append(self, lines: list[str]) -> None:
        """Lines below those that are there."""
        there = self.toPlainText().rstrip("\n")
        self.setPlainText("\n".join([*([there] if there else []), *lines]))


class WebPanel(QWidget):
    """`wanted` gives dataset, files, folder and the folder that holds it."""

    wanted = Signal(Dataset, list, str, str)
    batch_wanted = Signal(Selection)
    batch_dropped = Signal(Path)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._sums = AddressList()  # checksums of lists that were opened, for the addresses that stand in the field
        self._asked: list[str] = []  # addresses that the engine looks at now
        self.model = AddressModel(desk.words, self)
        self._label = QLabel()
        self.field = AddressField()
        self._label.setBuddy(self.field)
        self.paste, self.open, self.look = (QPushButton(autoDefault=False) for _ in range(3))
        self._status = FaintLabel()
        self.view = self._make_view()
        self._empty = EmptyPlace("link")
        self._stack = QStackedWidget()
        self.banner = Banner()
        self.target = TargetBar(desk, self.model)
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self.model)
        view.setItemDelegate(FoundDelegate(view))
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        edit = QAbstractItemView.EditTrigger
        view.setEditTriggers(edit.EditKeyPressed | edit.DoubleClicked)
        header = view.header()
        heads.dress(header)
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(GRID * 6)
        header.setSectionResizeMode(addresses.NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(addresses.SOURCE, QHeaderView.ResizeMode.Stretch)
        return view

    def _lay_out(self) -> None:
        buttons = QVBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.paste, self.open):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.look)
        entry = QHBoxLayout()
        entry.setSpacing(GRID)
        entry.addWidget(self.field, 1)
        entry.addLayout(buttons)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self._label)
        box.addLayout(entry)
        box.addWidget(self._status)
        box.addWidget(self.banner)
        box.addWidget(self._stack, 1)
        box.addSpacing(GRID // 2)
        box.addWidget(self.target)

    def _connect(self) -> None:
        self.field.textChanged.connect(self._typed)
        self.field.sent.connect(self.look_up)
        self.field.files_dropped.connect(self.take_files)
        self.paste.clicked.connect(self._paste)
        self.open.clicked.connect(self._pick)
        self.look.clicked.connect(self.look_up)
        self._empty.pressed.connect(self._paste)
        self.model.modelReset.connect(self._show)
        self.model.name_refused.connect(self._refuse_name)
        self.target.wanted.connect(self._download)
        self.target.batch_wanted.connect(lambda: self.batch_wanted.emit(_selection(self.model.files(ticked=True))))

    def speak(self) -> None:
        words, say = self._desk.words, self._desk.words.say
        self.model.speak(words)
        self._label.setText(say("gui.web.label"))
        self.field.setAccessibleName(say("gui.web.label"))
        self.field.setPlaceholderText("https://example.org/data.zip")
        self.paste.setText(say("gui.web.paste"))
        self.open.setText(say("gui.web.open"))
        self.look.setText(say("gui.web.look"))
        self.look.setToolTip(say("gui.web.look-tip"))
        self.view.setAccessibleName(say("gui.web.view"))
        self._empty.tell(say("gui.web.empty.title"), say("gui.web.empty.text"))
        metrics, header = self.view.fontMetrics(), self.view.header()
        size = max(words.size_range(SizeRange(996 << 30, 996 << 30, "")), say("gui.web.size-unknown"), key=len)
        header.resizeSection(addresses.SIZE, metrics.horizontalAdvance(size) + GRID * 4)
        checksum = max("CRC64NVME", say("gui.web.checksum-pieces"), say("gui.web.column.checksum"), key=len)
        header.resizeSection(addresses.CHECKSUM, metrics.horizontalAdvance(checksum) + GRID * 4)
        self.target.speak()
        self._show()

    def taken(self) -> None:
        """What was ticked is in the queue."""
        self.model.drop_ticked()
        self.target.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self.target.folder():
            self.target.set_own(_OWN)

    # ---- addresses ----

    def _typed(self) -> None:
        self.look.setEnabled(bool(self.field.toPlainText().strip()) and not self._asked)
        self._status.setText("")

    def _paste(self) -> None:
        found = address_list.read(QGuiApplication.clipboard().text())
        if found.addresses or found.sums:
            self._take(found)
        else:
            self._status.setText(self._desk.words.say("gui.web.nothing-to-paste"))

    def _pick(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.web.pick"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.take_file(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def take_files(self, paths: list[Path]) -> None:
        self.take([], paths)

    def take_file(self, path: Path) -> None:
        self.take([], [path])

    def take(self, addresses: list[str], paths: list[Path]) -> None:
        """Addresses, and files that list some: lists of addresses or of checksums, Metalinks."""
        found = address_list.read("\n".join(addresses))
        unread: list[Path] = []
        for path in paths:
            if is_batch(path):
                self.batch_dropped.emit(path)
                continue
            try:
                found.add(address_list.read_file(path))
            except (OSError, ValueError):
                unread.append(path)
        self._take(found)
        if unread:
            # After the look-up, which hides what was told before.
            self._tell(Problem(Code.BAD_LIST, {"name": unread[0].name}))

    def _take(self, found: AddressList) -> None:
        self._sums.sums.update(found.sums)
        waiting = address_list.read(self.field.toPlainText()).addresses
        known = set(waiting)
        if found.addresses:
            self.field.append([address for address in found.addresses if address not in known])
            self.look_up()
        elif found.sums and not self._sums.checksums(waiting):
            self._ask_base(found)
        elif found.sums:
            self.look_up()

    def _ask_base(self, found: AddressList) -> None:
        """A list of checksums alone: where do its files lie?"""
        say = self._desk.words.say
        dialog = QInputDialog(self)
        dialog.setWindowTitle(say("gui.web.base-title"))
        dialog.setLabelText(say("gui.web.base-question", n=len(found.sums)))
        dialog.setTextValue("https://")
        dialog.setOkButtonText(say("gui.web.look"))
        dialog.setCancelButtonText(say("gui.key.cancel"))
        dialog.textValueSelected.connect(lambda base: self._take(found.under(base.strip())))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def look_up(self) -> None:
        """Asks the servers about everything that stands in the field."""
        asked = address_list.read(self.field.toPlainText())
        self._sums.sums.update(asked.sums)
        if self._asked or not asked.addresses:
            if not asked.addresses and self.field.toPlainText().strip():
                self._tell(Problem(Code.BAD_ADDRESS))
            return
        self.banner.hide()
        self._asked = asked.addresses
        self._status.setText(self._desk.words.say("gui.web.looking", n=len(self._asked)))
        self._busy()
        few = len(self._asked) <= _FEW
        wish = Inspect(0, self._asked, checksums=self._sums.checksums(self._asked), ask_all=few)
        self._desk.link.ask(wish, Inspected, self._inspected, self._not_inspected)

    def _inspected(self, answer: Inspected) -> None:
        done = set(self._asked) - set(answer.problems)
        self._asked = []
        self.model.add(answer)
        lines = self.field.toPlainText().splitlines()
        # What gave nothing stays, to be mended.
        self.field.setPlainText("\n".join(line for line in lines if not _is_done(line, done)))
        self._status.setText("")
        self._busy()
        self._suggest()

    def _not_inspected(self, problem: Problem) -> None:
        self._asked = []
        self._status.setText("")
        self._busy()
        self._tell(problem)

    def _busy(self) -> None:
        self.field.setReadOnly(bool(self._asked))
        self.look.setEnabled(bool(self.field.toPlainText().strip()) and not self._asked)

    # ---- showing ----

    def _show(self) -> None:
        self._stack.setCurrentWidget(self.view if self.model.rowCount() else self._empty)

    def _suggest(self) -> None:
        files = self.model.files()
        if files:
            # Of the first server alone: it is a folder's name.
            self.target.set_own(folder_name(_hosts(files[:1])) or _OWN)
            self.target.refresh()

    def _tell(self, problem: Problem) -> None:
        told = self._desk.words.problem(problem)
        self.banner.tell(told.title, told.advice, [])

    def _refuse_name(self, name: str) -> None:
        self._status.setText(self._desk.words.say("gui.web.bad-name", name=name))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.view.hasFocus():
            self.model.remove({index.row() for index in self.view.selectionModel().selectedRows()})
        else:
            super().keyPressEvent(event)

    # ---- downloading ----

    def _download(self, folder: str) -> None:
        files = self.model.files(ticked=True)
        if not files or not folder:
            return
        groups: dict[tuple[str, str], list[RemoteFile]] = {}
        for file in files:
            groups.setdefault((file.source, file.dataset), []).append(file)
        for (source, key), group in groups.items():
            title = group[0].path if len(group) == 1 else _hosts(group)
            self.wanted.emit(Dataset(source, key, title), group, folder, self.target.base())


def _is_done(line: str, done: set[str]) -> bool:
    found = address_list.read(line)
    return bool(found.addresses or found.sums) and set(found.addresses) <= done


def _selection(files: list[RemoteFile]) -> Selection:
    return of_addresses(_hosts(files), files)


def _hosts(files: list[RemoteFile]) -> str:
    """The servers of some files, for a title: the first two."""
    found: list[str] = []
    for file in files:
        address = file.origin.addresses[0] if file.origin is not None and file.origin.addresses else file.key
        host = address_list.host_of(address) or file.dataset
        if host and host not in found:
            found.append(host)
    return ", ".join(found[:2]) + (" …" if len(found) > 2 else "") or WEB
