"""What this is, which version, what it is made of, and under which licences."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop import __version__
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.aside import Aside
from aihub_desktop.gui.delegates import RowDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.licences import Component, components


class AboutDialog(QDialog):
    """The packages at the left, the text of the chosen one's licence at the right. Many files: read in a thread."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        say = desk.words.say
        self._none = say("gui.about.no-text")
        self.setWindowTitle(say("gui.about.title"))
        self.resize(GRID * 112, GRID * 70)
        self.components: list[Component] = []
        self._reader = Aside()
        self.list, self.text = QListWidget(), QPlainTextEdit(readOnly=True)
        self.list.setAccessibleName(say("gui.about.parts"))
        self.list.setItemDelegate(RowDelegate(self.list))
        theme.calm(self.list)
        self.text.setAccessibleName(say("gui.about.licence"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)  # licences have lines of their own
        self.list.currentRowChanged.connect(lambda row: self._show(self.components[row]))
        self._licence = bold(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self._lay_out(say("gui.about.head", version=__version__), say("gui.about.text"), buttons)
        self._reader.came.connect(self._take)
        self._reader.run(components)

    def _take(self, found: list[Component]) -> None:
        self.components = found
        self.list.addItems([f"{part.name} {part.version}" for part in found])
        self.list.setCurrentRow(0)

    def _lay_out(self, head: str, text: str, buttons: QDialogButtonBox) -> None:
        picture = QLabel()
        picture.setPixmap(icons.program_icon().pixmap(GRID * 6, GRID * 6))
        told = FaintLabel(text)
        told.setWordWrap(True)
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        texts.addWidget(bold(QLabel(head), 1.25))
        texts.addWidget(told)
        top = QHBoxLayout()
        top.setSpacing(GRID * 2)
        top.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(texts, 1)
        right = QWidget()
        licence = QVBoxLayout(right)
        licence.setContentsMargins(GRID, 0, 0, 0)
        licence.setSpacing(GRID)
        licence.addWidget(self._licence)
        licence.addWidget(self.text, 1)
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(right)
        parts.setSizes([GRID * 30, GRID * 70])
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID * 2)
        box.addLayout(top)
        box.addWidget(parts, 1)
        box.addWidget(buttons)

    def _show(self, part: Component) -> None:
        self._licence.setText(part.licence)
        self.text.setPlainText(part.text or self._none)
