"""The speed of everything in the last five minutes, painted: a scale, a time axis, the limit, and the pauses."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetrics,
    QHideEvent,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from aihub_desktop.domain.messages import Progress
from aihub_desktop.gui import theme
from aihub_desktop.gui.models.speed_history import SECONDS, SpeedHistory, nice_top
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

_TICK_MS: Final = 1000
_SPOKEN_EVERY: Final = 5  # ticks: a screen reader is told of a new description
_MINUTES: Final = SECONDS // 60
_LEAST: Final = 64 << 10  # bytes a second: the scale never is finer


class SpeedGraph(QWidget):
    """Fed with every `Progress`; repaints itself once a second while it is seen and something moves or has moved."""

    def __init__(self, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._history = SpeedHistory()
        self._limit = 0
        self._rate: float | None = None
        self._ticks = 0
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(GRID * 24, GRID * 10)
        self.speak(words)

    def speak(self, words: Words) -> None:
        self._words = words
        self.setAccessibleName(words.say("gui.graph.name", n=_MINUTES))
        self._describe()
        self.update()

    def hear(self, event: Progress | None, limit: int) -> None:
        """`event` None: the engine is gone. `limit` in bytes a second, 0 for none."""
        moves = event is not None and bool(event.transfers)
        self._rate = event.rate if event is not None and moves else None
        self.note(time.monotonic(), self._rate)
        if limit != self._limit:
            self._limit = limit
            self.update()
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()
            self._tick()

    def note(self, moment: float, rate: float | None) -> None:
        """How fast it was at a moment of the steady clock; None: nothing was under way."""
        self._history.note(moment, rate)

    def sizeHint(self) -> QSize:
        return QSize(GRID * 40, GRID * 18)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._describe()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    @property
    def description(self) -> str:
        """The present figures, in words."""
        say, speed = self._words.say, self._words.speed
        known = [value for value in self._history.samples(time.monotonic()) if value is not None]
        if not known:
            return say("gui.graph.nothing")
        now = speed(self._rate) if self._rate is not None else say("gui.graph.still")
        limit = pace.rate(self._words, self._limit) if self._limit else ""
        return say(
            "gui.graph.spoken",
            now=now,
            mean=speed(sum(known) / len(known)),
            top=speed(self._highest(known)),
            limit=limit,
        )

    def _highest(self, known: list[float]) -> float:
        """Never below the figure of now beside it, though a second's value is a mean."""
        return max([*known, self._rate or 0.0])

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % _SPOKEN_EVERY == 1:
            self._describe()
        if self._history.is_quiet:
            self._timer.stop()
        self.update()

    def _describe(self) -> None:
        if (text := self.description) != self.accessibleDescription():
            self.setAccessibleDescription(text)

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now = time.monotonic()
        samples, begins = self._history.samples(now), self._history.begins(now)
        top = nice_top(max([_LEAST, self._limit * 1.1, *(value for value in samples if value is not None)]))
        small = theme.tabular(theme.resized(self.font(), 0.85))
        painter.setFont(small)
        metrics = QFontMetrics(small)
        labels = [pace.rate(self._words, top), pace.rate(self._words, top / 2), "0"]
        width = max(map(metrics.horizontalAdvance, labels))
        head = self._paint_head(painter)
        painter.setFont(small)
        plot = QRectF(self.rect()).adjusted(
            0.5, head + metrics.height() / 2 + 1, -width - GRID, -metrics.height() - 4.5
        )
        self._paint_scale(painter, plot, labels, metrics)
        self._paint_pauses(painter, plot, samples, begins)
        self._paint_speed(painter, plot, samples, top)
        if self._limit:
            self._paint_limit(painter, plot, top, metrics)
        painter.end()

    def _paint_head(self, painter: QPainter) -> float:
        """The figure of now, and what it is; the height of that line."""
        say = self._words.say
        strong = theme.tabular(theme.resized(self.font(), 1.0, bold=True))
        metrics = QFontMetrics(strong)
        text = self._words.speed(self._rate) if self._rate is not None else say("gui.graph.still")
        line = QRectF(0, 0, self.width(), metrics.height())
        painter.setFont(strong)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
        known = [value for value in self._history.samples(time.monotonic()) if value is not None]
        if known:
            painter.setFont(theme.tabular(theme.resized(self.font(), 0.85)))
            painter.setPen(self._faint)
            rest = line.adjusted(metrics.horizontalAdvance(text) + GRID * 1.5, 0, 0, 0)
            peak = say("gui.graph.top", top=self._words.speed(self._highest(known)))
            painter.drawText(rest, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), peak)
        return metrics.height() + GRID / 2

    @property
    def _faint(self) -> QColor:
        return theme.faint(self.palette(), self.palette().ColorRole.Window)

    def _paint_scale(self, painter: QPainter, plot: QRectF, labels: list[str], metrics: QFontMetrics) -> None:
        rule, ink = theme.line(self.palette()), self._faint
        for place, label in enumerate(labels):
            y = plot.top() + plot.height() * place / (len(labels) - 1)
            painter.setPen(rule)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(ink)
            box = QRectF(
                plot.right() + GRID, y - metrics.height() / 2, self.width() - plot.right() - GRID, metrics.height()
            )
            painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), label)
        for minute in range(_MINUTES + 1):
            x = plot.right() - plot.width() * minute / _MINUTES
            painter.setPen(rule)
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 3))
            painter.setPen(ink)
            say = self._words.say
            label = say("gui.graph.minutes", n=minute) if minute else say("gui.graph.now")
            half = metrics.horizontalAdvance(label) / 2
            left = min(max(x - half, 0.0), plot.right() - 2 * half)
            painter.drawText(QPointF(left, plot.bottom() + 4 + metrics.ascent()), label)

    def _paint_pauses(self, painter: QPainter, plot: QRectF, samples: list[float | None], begins: int) -> None:
        """Where nothing was under way: hatched, from one border to the other."""
        step, hatch = plot.width() / (SECONDS - 1), theme.mixed(self._faint, self.palette().window().color(), 0.28)
        at = begins
        for is_still, group in groupby(samples[begins:], key=lambda value: value is None):
            count = len(list(group))
            if is_still and count > 1:
                left, right = plot.left() + max(0, at - 1) * step, plot.left() + min(SECONDS - 1, at + count) * step
                painter.fillRect(
                    QRectF(left, plot.top(), right - left, plot.height()), QBrush(hatch, Qt.BrushStyle.BDiagPattern)
                )
            at += count

    def _paint_speed(self, painter: QPainter, plot: QRectF, samples: list[float | None], top: float) -> None:
        accent = theme.accent(QApplication.palette())
        above, below = QColor(accent), QColor(accent)
        above.setAlphaF(0.38)
        below.setAlphaF(0.06)
        wash = QLinearGradient(plot.topLeft(), plot.bottomLeft())
        wash.setColorAt(0, above)
        wash.setColorAt(1, below)
        step = plot.width() / (SECONDS - 1)
        at = 0
        for is_still, group in groupby(samples, key=lambda value: value is None):
            values = [value or 0.0 for value in group]
            if not is_still:
                points = [
                    QPointF(plot.left() + (at + n) * step, plot.bottom() - plot.height() * min(1.0, value / top))
                    for n, value in enumerate(values)
                ]
                area = QPainterPath(QPointF(points[0].x(), plot.bottom()))
                for point in points:
                    area.lineTo(point)
                area.lineTo(QPointF(points[-1].x(), plot.bottom()))
                painter.fillPath(area, wash)
                painter.setPen(
                    QPen(accent, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
                )
                painter.drawPolyline(QPolygonF(points))
            at += len(values)

    def _paint_limit(self, painter: QPainter, plot: QRectF, top: float, metrics: QFontMetrics) -> None:
        y = plot.bottom() - plot.height() * self._limit / top
        ink = theme.warning(self.palette())
        painter.setPen(QPen(ink, 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        text = self._words.say("pace.limit", rate=pace.rate(self._words, self._limit))
        box = QRectF(plot.left() + 2, y - metrics.height() - 1, metrics.horizontalAdvance(text) + 4, metrics.height())
        if box.top() < plot.top():
            box.moveTop(y + 1)
        ground = QColor(self.palette().window().color())
        ground.setAlphaF(0.7)
        painter.fillRect(box, ground)
        painter.setPen(ink)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
