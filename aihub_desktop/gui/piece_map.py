"""Where the bytes of one file are, painted as a bar from its first byte to its last."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPalette, QPolygonF
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from aihub_desktop.domain.messages import FileMap
from aihub_desktop.gui import theme
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

_BAR: Final = 18
_MARK: Final = 7  # height of the marks above the bar, where connections are
_READ: Final = 3  # height of the line below it, which says how far the file was read in order
_MOST_SPOKEN: Final = 6


class PieceMap(QWidget):
    """Shows a `FileMap`, and names the colours that occur in it."""

    def __init__(self, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._map: FileMap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.speak(words)

    def speak(self, words: Words) -> None:
        self._words = words
        self.setAccessibleName(words.say("gui.map.name"))
        self.show_map(self._map)

    def show_map(self, found: FileMap | None) -> None:
        """None: nothing is known of the file."""
        self._map = found if found is not None and found.size > 0 else None
        self.setAccessibleDescription(self.description)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(GRID * 40, _MARK + _BAR + _READ + self._small_height() + GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(GRID * 12, self.sizeHint().height())

    @property
    def description(self) -> str:
        """What it shows, in words."""
        if (found := self._map) is None:
            return ""
        say = self._words.say
        starts = [self._percent(start) for start, _ in found.coming[:_MOST_SPOKEN]]
        return say(
            "gui.map.spoken",
            durable=self._percent(_count(found.durable)),
            written=self._percent(_count(found.written)) if found.written else "",
            coming=", ".join(starts),
            read=self._percent(found.read) if found.read else "",
        )

    def _percent(self, value: int) -> str:
        assert self._map is not None
        return f"{100 * value // max(1, self._map.size)}%"

    def _small_height(self) -> int:
        return QFontMetrics(theme.resized(self.font(), 0.85)).height()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        if (found := self._map) is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0.5, _MARK + 0.5, self.width() - 1.0, _BAR)
        self._paint_bar(painter, bar, found)
        self._paint_marks(painter, bar, found)
        if found.read:
            width = bar.width() * min(1.0, found.read / found.size)
            painter.fillRect(QRectF(bar.left(), bar.bottom() + 2, width, _READ - 1), self._ink)
        self._paint_legend(painter, bar.bottom() + _READ + GRID / 2, found)
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: QRectF, found: FileMap) -> None:
        outline = QPainterPath()
        outline.addRoundedRect(bar, 4, 4)
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(bar, self._track)
        for start, stop in found.coming:
            painter.fillRect(_part(bar, start, stop, found.size), QBrush(self._written, Qt.BrushStyle.BDiagPattern))
        for start, stop in found.written:
            painter.fillRect(_part(bar, start, stop, found.size), self._written)
        for start, stop in found.durable:
            painter.fillRect(_part(bar, start, stop, found.size), self._durable)
        painter.restore()
        painter.setPen(theme.line(self.palette()))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)

    def _paint_marks(self, painter: QPainter, bar: QRectF, found: FileMap) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._ink)
        for start, _ in found.coming:
            x = bar.left() + bar.width() * min(1.0, start / found.size)
            tip = QPointF(x, bar.top() - 1)
            painter.drawPolygon(QPolygonF([tip, tip + QPointF(-4, -_MARK + 1), tip + QPointF(4, -_MARK + 1)]))

    def _paint_legend(self, painter: QPainter, top: float, found: FileMap) -> None:
        say = self._words.say
        again = (
            bool(found.coming)
            and found.again > 0
            and any(start <= found.coming[0][0] < stop for start, stop in found.durable)
        )
        entries: list[tuple[QColor | None, str]] = [
            (self._durable, say("gui.map.durable")),
            *([(self._written, say("gui.map.written"))] if found.written else []),
            *([(None, say("gui.map.again" if again else "gui.map.coming"))] if found.coming else []),
        ]
        small = theme.resized(self.font(), 0.85)
        metrics = QFontMetrics(small)
        painter.setFont(small)
        x, box = 0.5, metrics.height() * 0.55
        middle = top + metrics.height() / 2
        for colour, text in entries:
            painter.setPen(Qt.PenStyle.NoPen)
            if colour is None:
                painter.setBrush(self._ink)
                tip = QPointF(x + box / 2, middle + box / 3)
                painter.drawPolygon(QPolygonF([tip, tip + QPointF(-4, -6), tip + QPointF(4, -6)]))
            else:
                painter.setBrush(colour)
                painter.drawRoundedRect(QRectF(x, middle - box / 2, box, box), 2, 2)
            x = self._write(painter, x + box + GRID / 2, top, text, metrics)
        if found.read:
            painter.fillRect(QRectF(x, middle - 1, box * 1.6, _READ - 1), self._ink)
            self._write(painter, x + box * 1.6 + GRID / 2, top, say("gui.map.read"), metrics)

    def _write(self, painter: QPainter, x: float, top: float, text: str, metrics: QFontMetrics) -> float:
        painter.setPen(theme.faint(self.palette(), QPalette.ColorRole.Window))
        painter.drawText(QPointF(x, top + metrics.ascent()), text)
        return x + metrics.horizontalAdvance(text) + GRID * 2

    @property
    def _durable(self) -> QColor:
        return theme.accent(QApplication.palette())

    @property
    def _written(self) -> QColor:
        return theme.mixed(self._durable, self.palette().window().color(), 0.5)

    @property
    def _track(self) -> QColor:
        return theme.mixed(self.palette().windowText().color(), self.palette().window().color(), 0.1)

    @property
    def _ink(self) -> QColor:
        return theme.mixed(self.palette().windowText().color(), self.palette().window().color(), 0.75)


def _count(spans: list[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in spans)


def _part(bar: QRectF, start: int, stop: int, size: int) -> QRectF:
    """At least a pixel wide: what is there is seen."""
    left, right = (bar.left() + bar.width() * min(1.0, at / size) for at in (start, stop))
    return QRectF(left, bar.top(), max(1.0, right - left), bar.height())
