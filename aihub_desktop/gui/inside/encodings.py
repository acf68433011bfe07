"""The choice of what the names in an archive are written in."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from aihub_desktop.system.words import Words

_NAMES: Final = ("", "utf-8", "cp949")


class EncodingBox(QComboBox):
    """`chosen` gives the encoding as the engine has it, "" for what seems right."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assumed = ""
        self._words: Words | None = None
        self.addItems([""] * len(_NAMES))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.currentIndexChanged.connect(lambda place: self.chosen.emit(_NAMES[place]))

    @property
    def encoding(self) -> str:
        return _NAMES[self.currentIndex()]

    def speak(self, words: Words) -> None:
        self._words = words
        self.setAccessibleName(words.say("gui.inside.encoding.label"))
        self.setToolTip(words.say("gui.inside.encoding.tip"))
        for place, name in enumerate(_NAMES):
            self.setItemText(place, self._text(words, name))

    def assume(self, encoding: str) -> None:
        """What seems right."""
        self._assumed = encoding
        if self._words is not None:
            self.setItemText(0, self._text(self._words, ""))

    @staticmethod
    def shown(words: Words, name: str) -> str:
        """ "cp949" says nothing to most people."""
        return words.say(f"gui.inside.encoding.{name}") if name in _NAMES[1:] else name

    def _text(self, words: Words, name: str) -> str:
        if name:
            return self.shown(words, name)
        return words.say("gui.inside.encoding.auto", name=self.shown(words, self._assumed) if self._assumed else "")
