"""A headed part of the settings page, and numbers that reach the engine by themselves."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QLabel, QLayout, QSpinBox, QVBoxLayout, QWidget

from aihub_desktop.domain.settings import Settings
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

WIDE: Final = GRID * 48  # of boxes to choose from, the same everywhere
_TYPING_MS = 400  # typing 12 passes through 1: the engine hears of a number that stands


class _Note(FaintLabel):
    """Nearer to the row that it is about than to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setContentsMargins(0, 0, 0, GRID)

    def sizeHint(self) -> QSize:
        # Of one line: a label that wraps guesses at two, and the form gives it both. What it really takes, the form
        # asks for by `heightForWidth`.
        return QSize(super().sizeHint().width(), self.fontMetrics().lineSpacing() + GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())


class Form(QWidget):
    """Labels beside fields, notes below them; `speak` gives all of them their words."""

    def __init__(self, head: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: list[tuple[QLabel, str]] = []
        self._fields: list[tuple[QWidget, str]] = []
        self._beside: list[QLabel] = []
        self._rows = QFormLayout()
        self._rows.setHorizontalSpacing(GRID * 2)
        self._rows.setVerticalSpacing(GRID)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID + 4)
        if head:
            title = bold(QLabel(), 1.15)
            self._labels.append((title, head))
            box.addWidget(title)
        box.addLayout(self._rows)

    def add(self, words: str, field: QWidget | QLayout, buddy: QWidget | None = None) -> None:
        """A row; `buddy` is what the label names where `field` holds more than that."""
        label = QLabel()
        named = buddy or (field if isinstance(field, QWidget) else None)
        if named is not None and not isinstance(named, QLabel):
            label.setBuddy(named)
            self._fields.append((named, words))
        self._labels.append((label, words))
        self._beside.append(label)
        if isinstance(field, QWidget):
            self._rows.addRow(label, field)
        else:
            self._rows.addRow(label, field)

    def add_below(self, field: QWidget) -> None:
        """A field without a label."""
        self._rows.addRow("", field)

    def note(self, words: str) -> FaintLabel:
        """A sentence about the row before."""
        label = _Note()
        self._labels.append((label, words))
        self._rows.addRow("", label)
        return label

    def show_row(self, field: QWidget, on: bool) -> None:
        """Shows or hides the row of a field or a note, with its label."""
        self._rows.setRowVisible(field, on)

    def speak(self, words: Words) -> None:
        for label, key in self._labels:
            label.setText(words.say(key))
        for field, key in self._fields:
            field.setAccessibleName(words.say(key))

    @property
    def label_width(self) -> int:
        """Of the widest label before a field."""
        return max((label.sizeHint().width() for label in self._beside), default=0)

    def align(self, width: int) -> None:
        """All labels before fields `width` wide, so that the fields of several forms stand in one line."""
        for label in self._beside:
            label.setMinimumWidth(width)


class Number(QObject):
    """Binds a box to a setting, which counts `unit` for each one of the box. Changes hold at once."""

    def __init__(self, desk: Desk, name: str, box: QSpinBox | QDoubleSpinBox, unit: int = 1) -> None:
        super().__init__(box)
        self._desk, self._name, self._box, self._unit = desk, name, box, unit
        self._later = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._later.timeout.connect(self._configure)
        box.valueChanged.connect(lambda _: self._later.start())
        box.setMaximumWidth(GRID * 16)
        desk.settings_changed.connect(self._show)
        self._show(desk.settings)

    def _show(self, settings: Settings) -> None:
        if self._later.isActive():
            return
        value = getattr(settings, self._name) / self._unit
        with QSignalBlocker(self._box):
            if isinstance(self._box, QSpinBox):
                self._box.setValue(round(value))
            else:
                self._box.setValue(value)

    def _configure(self) -> None:
        self._desk.configure(**{self._name: round(self._box.value() * self._unit)})
