"""The icon beside the clock: how far everything is, and the way back to the window."""

from __future__ import annotations

import sys
from typing import Final

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from aihub_desktop.gui import icons
from aihub_desktop.gui.standing import Standing
from aihub_desktop.system.words import Words

_SIZES: Final = (16, 22, 24, 32, 44, 48, 64)
_STEPS: Final = 24  # of the bar; a finer one would be drawn anew and look the same
_FILL, _GROUND = QColor(0xFF, 0xFF, 0xFF), QColor(0x0B, 0x2A, 0x5E)
_NEEDS: Final = QColor(0xE8, 0x7A, 0x00)


class Tray(QObject):
    """Shows itself where the desktop has a place for it. Wishes come as signals."""

    open_wanted = Signal()
    pause_wanted = Signal()
    resume_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words, self._shown = words, Standing()
        self._drawn: tuple[int | None, bool] | None = None
        self.menu = QMenu()
        self.menu.setObjectName("tray")
        self.status = self.menu.addAction("")
        self.status.setEnabled(False)
        self.menu.addSeparator()
        self.open = self._action(self.open_wanted)
        self.pause = self._action(self.pause_wanted)
        self.resume = self._action(self.resume_wanted)
        self.menu.addSeparator()
        self.quit = self._action(self.quit_wanted)
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.open_wanted)
        self.speak(words)

    def _action(self, wish: SignalInstance) -> QAction:
        action = self.menu.addAction("")
        action.triggered.connect(lambda _=False: wish.emit())
        return action

    @property
    def is_there(self) -> bool:
        """Whether a window that hides could be found again."""
        return self.icon.isVisible() and QSystemTrayIcon.isSystemTrayAvailable()

    def begin(self) -> None:
        """Where there is a place for it, which may come later than the window."""
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon.show()

    def end(self) -> None:
        self.icon.hide()

    def speak(self, words: Words) -> None:
        self._words = words
        for name in ("open", "pause", "resume", "quit"):
            getattr(self, name).setText(words.say(f"gui.tray.{name}"))
        self.show(self._shown)

    def show(self, now: Standing) -> None:
        """What is under way, in the icon, its tip and its menu."""
        self._shown = now
        text = told(self._words, now)
        if text != self.status.text():
            self.status.setText(text)
            self.icon.setToolTip(f"{self._words.say('gui.window.title')}\n{text}")
        self.pause.setEnabled(now.active > 0)
        self.resume.setEnabled(now.paused > 0)
        step = None if now.fraction is None else round(now.fraction * _STEPS)
        needs = now.needs > 0
        if (step, needs) != self._drawn:
            self._drawn = (step, needs)
            self.icon.setIcon(badged(None if step is None else step / _STEPS, needs=needs))

    def tell(self, title: str, text: str) -> bool:
        """A notice beside the icon. False where the desktop shows none."""
        if not (self.is_there and QSystemTrayIcon.supportsMessages()):
            return False
        self.icon.showMessage(title, text, icons.program_icon())
        return True

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # On macOS a click opens the menu, and nothing else should.
        if sys.platform != "darwin" and reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.open_wanted.emit()


def told(words: Words, now: Standing) -> str:
    """One line about everything."""
    if now.lost:
        return words.say("problem.worker-lost.engine.title")
    if now.active:
        percent = round((now.fraction or 0) * 100)
        speed = words.speed(now.rate) if now.rate >= 1 else ""
        return words.say("gui.tray.active", n=now.active, percent=percent, speed=speed, needs=now.needs or "")
    if now.needs:
        return words.say("gui.tray.needs", n=now.needs)
    if now.tasks:
        return words.say("gui.tray.tasks", n=now.tasks)
    return words.say("gui.tray.paused", n=now.paused) if now.paused else words.say("gui.tray.idle")


def badged(fraction: float | None, *, needs: bool) -> QIcon:
    """The program's icon with a bar of `fraction`, and a mark where the person is needed."""
    plain, found = icons.program_icon(), QIcon()
    for size in _SIZES:
        picture = QPixmap(plain.pixmap(size, size))
        picture.setDevicePixelRatio(1)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if fraction is not None:
            _draw_bar(painter, picture.width(), fraction)
        if needs:
            _draw_mark(painter, picture.width())
        painter.end()
        found.addPixmap(picture)
    return found


def _draw_bar(painter: QPainter, size: int, fraction: float) -> None:
    high = max(3.0, size / 6)
    bar = QRectF(0, size - high, size, high)
    painter.setBrush(_GROUND)
    painter.drawRoundedRect(bar, high / 2, high / 2)
    inner = bar.adjusted(1, 1, -1, -1)
    inner.setWidth(inner.width() * fraction)
    painter.setBrush(_FILL)
    painter.drawRoundedRect(inner, inner.height() / 2, inner.height() / 2)


def _draw_mark(painter: QPainter, size: int) -> None:
    radius = size * 0.28
    centre = QPointF(size - radius, radius)
    painter.setBrush(_NEEDS)
    painter.drawEllipse(centre, radius, radius)
    painter.setBrush(_FILL)
    wide = max(1.5, radius * 0.32)
    painter.drawRect(QRectF(centre.x() - wide / 2, centre.y() - radius * 0.62, wide, radius * 0.72))
    painter.drawRect(QRectF(centre.x() - wide / 2, centre.y() + radius * 0.3, wide, wide))
