"""Where files of other tools lie, of which dataset they are, and where they are to be kept."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QStandardPaths, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.model import Dataset
from aihub_desktop.gui import heads, icons, theme
from aihub_desktop.gui.delegates import NumberDelegate, RowDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models import datasets
from aihub_desktop.gui.pages.target import absolute, base_folder, own_folder
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, SearchField
from aihub_desktop.gui.theme import GRID

_TYPING_MS = 400
_PLACE = QStandardPaths.StandardLocation
# Folders that hold everything: a dataset's own files need one of their own.
_SHARED = (_PLACE.DownloadLocation, _PLACE.DesktopLocation, _PLACE.DocumentsLocation, _PLACE.HomeLocation)


class AdoptChoice(QWidget):
    """`changed` whenever `is_ready` may be another; `folder_changed` when there is another folder to look in.

    `fixed`: the dataset that is meant, where that is known.
    """

    changed = Signal()
    folder_changed = Signal(str)
    accepted = Signal()  # Enter

    def __init__(self, desk: Desk, fixed: Dataset | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._fixed = desk, fixed
        self._model = datasets.DatasetModel(desk.words, self)
        self._guess: Dataset | None = None
        self._is_own = False  # the place to keep them in was chosen by a person
        self.folder, self.to = QLineEdit(), QLineEdit()
        self.search = SearchField()
        self.view = self._make_view()
        self._note = FaintLabel()
        self._note.setWordWrap(True)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._lay_out()
        self._connect()
        self._show()

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self._model)
        view.setItemDelegate(RowDelegate(view))
        view.setItemDelegateForColumn(datasets.KEY, NumberDelegate(view))
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setAccessibleName(self._desk.words.say("gui.adopt.datasets"))
        header = view.header()
        heads.dress(header, datasets.KEY)
        header.setSectionsMovable(False)
        header.setStretchLastSection(True)
        view.setColumnHidden(
            datasets.STAR, True
        )  # without a star's picture it is a box to tick, and means nothing here
        header.setSectionResizeMode(datasets.KEY, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(datasets.KEY, view.fontMetrics().horizontalAdvance("0") * 9)
        theme.calm(view)
        return view

    def _lay_out(self) -> None:
        say = self._desk.words.say
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID)
        for row, (name, field) in enumerate((("folder", self.folder), ("to", self.to))):
            label, button = QLabel(say(f"gui.adopt.{name}")), QPushButton(say("gui.adopt.choose"), autoDefault=False)
            label.setBuddy(field)
            field.setAccessibleName(label.text())
            field.setMinimumWidth(self.fontMetrics().horizontalAdvance("0") * 52)
            icons.dress(button, "folder")
            button.setAccessibleName(say(f"gui.adopt.pick.{name}"))
            button.clicked.connect(lambda _=False, name=name, field=field: self._pick(name, field))
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            grid.addWidget(button, row, 2)
        label = QLabel(say("gui.adopt.dataset"))
        grid.addWidget(label, 2, 0)
        if self._fixed is None:
            label.setBuddy(self.search)
            self.search.setPlaceholderText(say("gui.adopt.search"))
            self.search.setAccessibleName(say("gui.adopt.search"))
            grid.addWidget(self.search, 2, 1, 1, 2)
        else:
            title = ElidedLabel(Qt.TextElideMode.ElideRight)
            title.say(f"{self._fixed.title or self._fixed.key} ({self._fixed.key})")
            grid.addWidget(title, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addLayout(grid)
        if self._fixed is None:
            box.addWidget(self.view, 1)
            box.addWidget(self._note)
        else:
            box.addStretch(1)

    def _connect(self) -> None:
        self.folder.textChanged.connect(lambda _: self._typing.start())
        self.folder.textChanged.connect(lambda _: self._show())
        self.to.textEdited.connect(self._own)
        self.to.textChanged.connect(lambda _: self.changed.emit())
        self._typing.timeout.connect(lambda: self.folder_changed.emit(absolute(self.folder.text())))
        self.search.typed.connect(self._search)
        self.search.left_down.connect(self._into_list)
        self.search.returnPressed.connect(self._into_list)
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self._show())
        self.view.activated.connect(lambda _: self.accepted.emit())
        self._model.modelReset.connect(self._show)

    # ---- what is chosen ----

    @property
    def is_ready(self) -> bool:
        return bool(self.source and self.target and self.dataset is not None)

    @property
    def source(self) -> str:
        return absolute(self.folder.text())

    @property
    def target(self) -> str:
        return absolute(self.to.text())

    @property
    def dataset(self) -> Dataset | None:
        if self._fixed is not None:
            return self._fixed
        index = self.view.currentIndex()
        return self._model.dataset(index.row()) if index.isValid() else None

    @property
    def note(self) -> str:
        return self._note.text()

    def set_folder(self, folder: str) -> None:
        self.folder.setText(folder)
        self._typing.stop()
        self.folder_changed.emit(absolute(folder))

    def set_target(self, folder: str) -> None:
        self.to.setText(folder)
        self._own()

    def fill(self, found: list[Dataset]) -> None:
        """Every dataset there is."""
        self._model.fill(found)
        self.guess([] if self._guess is None else [self._guess])

    def guess(self, found: list[Dataset]) -> None:
        """What the names in the folder tell. A choice that was made already stands."""
        self._guess = found[0] if found else None
        if self.dataset is None and self._guess is not None:
            self.mark(self._guess)
        self._show()

    def mark(self, dataset: Dataset) -> None:
        """Chooses a dataset of the list."""
        row = self._model.row_of(dataset)
        if row is None:
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        index = self._model.index(row, datasets.TITLE)
        self.view.selectionModel().setCurrentIndex(index, flags)
        self.view.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    # ---- inside ----

    def _search(self, text: str) -> None:
        chosen = self.dataset
        self._model.search(text)
        if chosen is not None:
            self.mark(chosen)

    def _into_list(self) -> None:
        if self._model.rowCount():
            if not self.view.currentIndex().isValid():
                self.mark(self._model.dataset(0))
            self.view.setFocus()

    def _own(self) -> None:
        self._is_own = True
        self.changed.emit()

    def _show(self) -> None:
        if not self._is_own:
            self.to.setText(self._suggestion())
        self._note.setText(self._advice())
        self.changed.emit()

    def _suggestion(self) -> str:
        """The folder itself, unless it is one where everything comes together."""
        folder, dataset = self.source, self.dataset
        shared = {str(Path(QStandardPaths.writableLocation(place))) for place in _SHARED}
        if dataset is None or folder not in shared:
            return folder
        return str(Path(base_folder(self._desk.settings.folder)) / own_folder(dataset))

    def _advice(self) -> str:
        say = self._desk.words.say
        if not self.source:
            return say("gui.adopt.no-folder")
        if self.dataset is None:
            return say("gui.adopt.unknown")
        return say("gui.adopt.guessed") if self.dataset == self._guess else ""

    def _pick(self, name: str, field: QLineEdit) -> None:
        dialog = QFileDialog(self, self._desk.words.say(f"gui.adopt.pick.{name}"), field.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.set_folder if field is self.folder else self.set_target)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
