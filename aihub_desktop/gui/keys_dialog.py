"""The list of all shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from aihub_desktop.gui import keys, theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.theme import GRID


class KeysDialog(QDialog):
    """What to press and what it does, by where it holds."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        say = desk.words.say
        self.setWindowTitle(say("gui.keys.title"))
        self.resize(GRID * 68, GRID * 84)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setItemsExpandable(False)
        self.list.setIndentation(GRID * 2)
        self.list.setAccessibleName(say("gui.keys.title"))
        self.list.setHeaderLabels([say("gui.keys.does"), say("gui.keys.press")])
        for group, names in keys.KEYS.items():
            head = self._row(self.list, say(f"gui.keys.{group}.head"))
            head.setFirstColumnSpanned(True)
            head.setFont(0, theme.resized(self.font(), 1.0, bold=True))
            for name in names:
                self._row(head, say(f"gui.keys.{group}.{name}"), keys.told(group, name))
        self.list.expandAll()
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        theme.calm(self.list)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID * 2)
        box.addWidget(self.list)
        box.addWidget(buttons)

    def _row(self, above: QTreeWidget | QTreeWidgetItem, *texts: str) -> QTreeWidgetItem:
        row = QTreeWidgetItem(above, list(texts))
        row.setSizeHint(0, QSize(0, self.fontMetrics().height() + GRID - 2))
        return row
