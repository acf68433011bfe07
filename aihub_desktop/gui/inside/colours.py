"""JSON in a few pale colours: names, texts, and what is neither."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from aihub_desktop.gui import theme

_PIECES: Final = re.compile(r'("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?[0-9][0-9.eE+-]*|true|false|null)')
_LONGEST: Final = 2000  # signs of a line that are looked at
_GREEN: Final = QColor(0x2E, 0x9E, 0x5B)


class JsonColours(QSyntaxHighlighter):
    """Off until it is told that the text is JSON."""

    def __init__(self, document: QTextDocument, palette: QPalette) -> None:
        super().__init__(document)
        self._is_on = False
        self._name, self._text, self._other = QTextCharFormat(), QTextCharFormat(), QTextCharFormat()
        self.tint(palette)

    def tint(self, palette: QPalette) -> None:
        ink = palette.color(QPalette.ColorRole.Text)
        self._name.setForeground(theme.mixed(theme.accent(palette), ink, 0.75))
        self._text.setForeground(theme.mixed(_GREEN, ink, 0.65))
        self._other.setForeground(theme.mixed(theme.warning(palette), ink, 0.75))

    def switch(self, on: bool) -> None:
        """Before the text is set."""
        self._is_on = on

    def highlightBlock(self, text: str) -> None:
        if not self._is_on:
            return
        for found in _PIECES.finditer(text[:_LONGEST]):
            if found[1]:
                self.setFormat(found.start(1), len(found[1]), self._name if found[2] else self._text)
            else:
                self.setFormat(found.start(3), len(found[3]), self._other)
