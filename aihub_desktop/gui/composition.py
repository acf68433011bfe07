"""A picture of what a dataset consists of: one bar, and below it a table that says the same in exact figures.

Each part has a pattern of its own, which stands in the bar and in the table: hue and weight for what it is meant for,
solid, hatched or dotted for what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStyle,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.contents import Kind, Part, Split
from aihub_desktop.gui import theme
from aihub_desktop.gui.models.tree import Share
from aihub_desktop.gui.parts import FaintLabel
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system.words import Words

_BAR: Final = 16  # pixels high
_SLIVER: Final = 5  # the least width: labels are a thousandth of their sources, and yet what many come for
_GAP: Final = 2
_SWATCH: Final = 12


def spoken(words: Words, share: Share) -> str:
    """A part with its exact figures, as one sentence."""
    name = words.say("gui.parts.of", split=_split(words, share.part), kind=_kind(words, share.part))
    return words.say("gui.parts.told", part=name, n=share.files, size=words.size_range(share.size))


def _split(words: Words, part: Part) -> str:
    return words.say(f"gui.parts.split.{part.split}")


def _kind(words: Words, part: Part) -> str:
    return words.say(f"gui.parts.kind.{part.kind}")


def colour_of(part: Part, palette: QPalette) -> QColor:
    """By what a part is meant for; at least 3 to 1 against the window."""
    ink, ground = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    match part.split:
        case Split.TRAINING:
            return theme.accent(palette)
        case Split.VALIDATION:
            return theme.mixed(theme.accent(palette), ink, 0.62)
        case Split.OTHER:
            return theme.mixed(ink, ground, 0.55)


def paint_part(painter: QPainter, area: QRectF, part: Part, palette: QPalette) -> None:
    """A field in the pattern of a part."""
    ground, colour = palette.color(QPalette.ColorRole.Window), colour_of(part, palette)
    painter.save()
    painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
    painter.fillRect(area, colour if part.kind is Kind.SOURCE else theme.mixed(colour, ground, 0.14))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if part.kind is Kind.LABEL:
        _hatch(painter, area, colour)
    elif part.kind is Kind.OTHER:
        _dot(painter, area, colour)
    painter.setPen(QPen(colour, 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.restore()


def _hatch(painter: QPainter, area: QRectF, colour: QColor) -> None:
    painter.setPen(QPen(colour, 1.6))
    at = area.left() - area.height()
    while at < area.right():
        painter.drawLine(QPoint(round(at), round(area.bottom())), QPoint(round(at + area.height()), round(area.top())))
        at += 4


def _dot(painter: QPainter, area: QRectF, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for row in range(round(area.height() / 4) + 1):
        at = area.left() + 2 + (row % 2) * 2
        while at < area.right():
            painter.drawEllipse(QRectF(at - 0.8, area.top() + 1.2 + row * 4, 1.6, 1.6))
            at += 4


class PartBar(QWidget):
    """The parts side by side, as wide as they are large. `pressed` gives the part under the mouse."""

    pressed = Signal(Part)

    def __init__(self, tell: Callable[[Share], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tell = tell
        self._shares: list[Share] = []
        self.setFixedHeight(_BAR)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_shares(self, shares: list[Share]) -> None:
        self._shares = shares
        self.setAccessibleDescription(" ".join(map(self._tell, shares)))
        self.update()

    def fields(self) -> list[tuple[Share, QRectF]]:
        """Where each part is painted. None is too narrow to be seen."""
        sizes = [(share.size.low + share.size.high) / 2 for share in self._shares]
        room = self.width() - _GAP * (len(sizes) - 1) - _SLIVER * len(sizes)
        whole, at, found = sum(sizes) or 1, 0.0, []
        for share, size in zip(self._shares, sizes, strict=True):
            width = _SLIVER + max(0, room) * size / whole
            found.append((share, QRectF(round(at), 0, round(at + width) - round(at), self.height())))
            at += width + _GAP
        return found

    def share_at(self, place: QPoint) -> Share | None:
        return next((share for share, area in self.fields() if area.adjusted(0, 0, _GAP, 0).contains(place)), None)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for share, area in self.fields():
            paint_part(painter, area, share.part, self.palette())
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and (share := self.share_at(event.position().toPoint())):
            self.pressed.emit(share.part)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            share = self.share_at(event.pos())
            QToolTip.showText(event.globalPos(), self._tell(share) if share else "", self)
            return True
        return super().event(event)


class _Swatch(QWidget):
    def __init__(self, part: Part) -> None:
        super().__init__()
        self._part = part
        self.setFixedSize(_SWATCH, _SWATCH)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_part(painter, QRectF(self.rect()), self._part, self.palette())
        painter.end()


class _Table(QWidget):
    """Counts the files in all of its boxes, or in none of them."""

    def __init__(self, boxes: list[PartBox]) -> None:
        super().__init__()
        self._boxes = boxes
        # Where room is short, the tree below has less of it, and rows do not run into each other.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        full = all(box.width_of(full=True) <= box.width() for box in self._boxes)
        for box in self._boxes:
            box.tell(full=full)


class PartBox(TickBox):
    """The figures of a part, with a box that is ticked as far as its files are."""

    def __init__(self, words: Words, share: Share) -> None:
        size = words.size_span(share.size)
        super().__init__(size)
        self._texts = (size, words.say("gui.parts.figures", n=share.files, size=size))
        self.part = share.part
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setTristate(True)
        self.setAccessibleName(spoken(words, share))
        self.setToolTip(spoken(words, share))

    def width_of(self, *, full: bool) -> int:
        """What it takes, with the number of files or without."""
        indicator = self.style().pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth, None, self)
        spacing = self.style().pixelMetric(QStyle.PixelMetric.PM_CheckBoxLabelSpacing, None, self)
        return indicator + spacing + self.fontMetrics().horizontalAdvance(self._texts[full]) + 2

    def tell(self, *, full: bool) -> None:
        self.setText(self._texts[full])

    def minimumSizeHint(self) -> QSize:
        return QSize(self.width_of(full=False), super().sizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(self.width_of(full=True), super().sizeHint().height())

    def nextCheckState(self) -> None:
        """By a person: all, or none. Partly ticked is only ever shown."""
        self.setCheckState(Qt.CheckState.Unchecked if self.is_full else Qt.CheckState.Checked)

    @property
    def is_full(self) -> bool:
        return self.checkState() is Qt.CheckState.Checked

    def show_ticks(self, share: Share) -> None:
        full = Qt.CheckState.Checked if share.ticked == share.files else Qt.CheckState.PartiallyChecked
        self.setCheckState(full if share.ticked else Qt.CheckState.Unchecked)


class Composition(QWidget):
    """Shows of what parts a dataset consists, where it has several. `wanted` gives a part and whether to tick it."""

    wanted = Signal(Part, bool)
    folded = Signal(bool)

    def __init__(self, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._shares: list[Share] = []
        self._boxes: dict[Part, PartBox] = {}
        self.unfolded = self._has_room = True
        self.bar = PartBar(lambda share: spoken(self._words, share))
        self.bar.pressed.connect(lambda part: self._boxes[part].click())
        self.fold = QToolButton(autoRaise=True)
        self.fold.clicked.connect(lambda: self.unfold(not self.unfolded))
        self._table = QWidget()
        line = QHBoxLayout()
        line.setSpacing(GRID)
        line.addWidget(self.bar, 1)
        line.addWidget(self.fold)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID // 2)
        self._column.addLayout(line)
        self._column.addWidget(self._table)

    @property
    def boxes(self) -> dict[Part, PartBox]:
        return self._boxes

    def speak(self, words: Words) -> None:
        self._words = words
        self.bar.setAccessibleName(words.say("gui.parts.name"))
        self._build()
        self.unfold(self.unfolded)

    def fill(self, shares: list[Share]) -> None:
        """Another dataset, or another state of its ticks."""
        alike = [(share.part, share.files, share.size) for share in shares]
        if alike != [(share.part, share.files, share.size) for share in self._shares]:
            self._shares = shares
            self._build()
        for share in shares:
            self._boxes[share.part].show_ticks(share)

    def unfold(self, unfolded: bool) -> None:
        """With the table, or the bar alone, whose parts tell their figures when the mouse rests on them."""
        self.unfolded = unfolded
        self._show_table()
        self.fold.setArrowType(Qt.ArrowType.UpArrow if unfolded else Qt.ArrowType.DownArrow)
        told = self._words.say(f"gui.parts.{'hide' if unfolded else 'show'}")
        self.fold.setToolTip(told)
        self.fold.setAccessibleName(told)
        self.folded.emit(not unfolded)

    def make_room(self, high_enough: bool) -> None:
        """Whether the page has room for the table."""
        self._has_room = high_enough
        self._show_table()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_table()

    def _show_table(self) -> None:
        # A hidden table still knows what it needs, and asks for nothing.
        fits = (
            self._has_room
            and self._table.layout() is not None
            and self._table.minimumSizeHint().width() <= self.width()
        )
        self._table.setVisible(self.unfolded and fits)
        self.fold.setVisible(fits)

    @property
    def is_worth_it(self) -> bool:
        """A single part says nothing that the sum does not."""
        return len(self._shares) > 1

    def _build(self) -> None:
        self._boxes = {share.part: self._box(share) for share in self._shares}
        old, self._table = self._table, _Table(list(self._boxes.values()))
        self._lay_out([split for split in Split if any(part.split is split for part in self._boxes)])
        self._column.replaceWidget(old, self._table)
        self._show_table()
        old.hide()
        old.deleteLater()
        self.bar.show_shares(self._shares)

    def _lay_out(self, splits: list[Split]) -> None:
        grid = QGridLayout(self._table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID // 2)
        grid.setVerticalSpacing(2)
        kinds = [kind for kind in Kind if any(part.kind is kind for part in self._boxes)]
        for column, kind in enumerate(kinds):
            grid.addWidget(FaintLabel(self._words.say(f"gui.parts.kind.{kind}")), 0, 1 + 2 * column, 1, 2)
            grid.setColumnStretch(2 + 2 * column, 1)
        for row, split in enumerate(splits, 1):
            name = QLabel(self._words.say(f"gui.parts.split.{split}"))
            name.setContentsMargins(0, 0, GRID // 2, 0)
            grid.addWidget(name, row, 0)
            for column, kind in enumerate(kinds):
                if (box := self._boxes.get(Part(split, kind))) is not None:
                    grid.addWidget(_Swatch(box.part), row, 1 + 2 * column)
                    grid.addWidget(box, row, 2 + 2 * column)

    def _box(self, share: Share) -> PartBox:
        box = PartBox(self._words, share)
        box.show_ticks(share)
        box.clicked.connect(lambda: self.wanted.emit(box.part, box.is_full))
        return box
