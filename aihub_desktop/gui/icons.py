"""The program's pictures: SVGs of one colour, drawn in the palette's colour at every scale."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QWidget

from aihub_desktop.system.resources import resource

_NAME: Final = "iconName"
_KEPT: Final = 128  # icons: every name in two palettes
_SIZES: Final = (16, 20, 24, 32, 40, 48, 64)  # of the sizes in use, once and twice


def icon(name: str, palette: QPalette | None = None) -> QIcon:
    """The icon in the colours of `palette`, the application's by default. Normal, disabled and selected."""
    palette = palette or QGuiApplication.palette()
    group, role = QPalette.ColorGroup, QPalette.ColorRole
    colours = (
        palette.color(group.Active, role.ButtonText),
        palette.color(group.Disabled, role.ButtonText),
        palette.color(group.Active, role.HighlightedText),
    )
    return _icon(name, *(colour.rgba() for colour in colours))


@lru_cache(maxsize=_KEPT)
def _icon(name: str, *colours: int) -> QIcon:
    """Many buttons have the same one, and each is dressed more than once: to draw them takes a tenth of a second.

    An icon that draws itself when it is seen would be a `QIconEngine`, whose `clone` Python cannot give away.
    """
    found = QIcon()
    for mode, colour in zip((QIcon.Mode.Normal, QIcon.Mode.Disabled, QIcon.Mode.Selected), colours, strict=True):
        for size in _SIZES:
            found.addPixmap(pixmap(name, size, QColor.fromRgba(colour)), mode)
    return found


def pixmap(name: str, size: int, colour: QColor, ratio: float = 1.0) -> QPixmap:
    """`size` in logical pixels on a screen that has `ratio` real ones for each."""
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    _renderer(name).render(painter, QRectF(picture.rect()))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(picture.rect(), colour)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


@cache
def program_icon() -> QIcon:
    """The program's own, in its own colours."""
    found = QIcon()
    renderer = _renderer("program")
    for size in (16, 24, 32, 48, 64, 128, 256):
        picture = QPixmap(QSize(size, size))
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        renderer.render(painter, QRectF(picture.rect()))
        painter.end()
        found.addPixmap(picture)
    return found


def dress(target: QAbstractButton | QAction, name: str) -> None:
    """Gives a button or an action its icon, and lets `redress` find it."""
    target.setProperty(_NAME, name)
    target.setIcon(icon(name, target.palette() if isinstance(target, QAbstractButton) else None))


def redress(window: QWidget) -> None:
    """After another palette: every dressed button and action of the window anew."""
    dressed: list[QAbstractButton | QAction] = [*window.findChildren(QAbstractButton), *window.findChildren(QAction)]
    for target in dressed:
        if name := target.property(_NAME):
            dress(target, name)


@cache
def _renderer(name: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(resource("icons", f"{name}.svg").read_bytes()))
