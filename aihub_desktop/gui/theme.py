"""Colours and distances. All colours are mixed from the system's palette, so light, dark and contrast themes hold."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QPushButton, QWidget

_OURS: Final = "ownPalette"  # a property of the application
# Properties of widgets whose colours are mixed by hand: another palette asks for them anew.
_CALM, _PRIMARY = "calmRows", "primaryButton"

GRID: Final = 8  # every distance is a multiple of half of it

# Hues that no palette has. Meaning is always in words and a sign as well.
_WARN_LIGHT: Final = QColor(0xB2, 0x5C, 0x00)
_WARN_DARK: Final = QColor(0xFF, 0xB4, 0x54)


def mixed(first: QColor, second: QColor, share: float) -> QColor:
    """`share` of `first`, the rest of `second`."""
    return QColor.fromRgbF(
        first.redF() * share + second.redF() * (1 - share),
        first.greenF() * share + second.greenF() * (1 - share),
        first.blueF() * share + second.blueF() * (1 - share),
    )


def is_dark(palette: QPalette) -> bool:
    return palette.window().color().lightnessF() < palette.windowText().color().lightnessF()


def faint(palette: QPalette, on: QPalette.ColorRole = QPalette.ColorRole.Base) -> QColor:
    """For text of second rank: a contrast of at least 4.5 to 1 on the usual palettes."""
    return mixed(palette.color(QPalette.ColorRole.Text), palette.color(on), 0.68)


def line(palette: QPalette) -> QColor:
    """For rules and frames."""
    return mixed(palette.windowText().color(), palette.window().color(), 0.16)


def side(palette: QPalette) -> QColor:
    """Behind the side bar."""
    return mixed(palette.windowText().color(), palette.window().color(), 0.05)


def warning(palette: QPalette) -> QColor:
    return _WARN_DARK if is_dark(palette) else _WARN_LIGHT


def wash(palette: QPalette) -> QColor:
    """Behind a banner."""
    return mixed(warning(palette), palette.window().color(), 0.12)


def accent(palette: QPalette) -> QColor:
    """The one lively colour."""
    return palette.color(QPalette.ColorRole.Accent)


def is_plain_style() -> bool:
    """Whether widgets are painted by Qt's own style, which obeys every palette. System styles are left alone."""
    return QApplication.style().objectName().casefold() == "fusion"


def dress_platform(app: QApplication) -> None:
    """Where the platform gives no palette of its own, ours stands in, light or dark as the system says."""
    if not is_plain_style():
        return
    given, plain = app.palette(), app.style().standardPalette()
    roles = (QPalette.ColorRole.Window, QPalette.ColorRole.Base, QPalette.ColorRole.Highlight)
    if app.property(_OURS) or all(given.color(role) == plain.color(role) for role in roles):
        app.setProperty(_OURS, True)
        dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
        dress(app, dark=dark)


def dress(app: QApplication, *, dark: bool) -> None:
    """In our palette."""
    palette = dark_palette() if dark else light_palette()
    app.setPalette(palette)
    if dark:
        # The style draws rules and frames of menus a little darker than their ground, which has to be pale enough.
        palette.setColor(QPalette.ColorRole.Base, palette.color(QPalette.ColorRole.Button))
        app.setPalette(palette, "QMenu")  # type: ignore[arg-type]  # its stub is wrong


def calm(view: QAbstractItemView) -> None:
    """Chosen rows in a pale wash, so that bars and signs on them keep their colours."""
    view.setProperty(_CALM, True)
    if not is_plain_style():
        return
    palette = QPalette(QGuiApplication.palette())
    wash_of_row = mixed(accent(palette), palette.base().color(), 0.18)
    palette.setColor(QPalette.ColorRole.Highlight, wash_of_row)
    palette.setColor(QPalette.ColorRole.HighlightedText, palette.color(QPalette.ColorRole.Text))
    view.setPalette(palette)


def primary(button: QPushButton) -> None:
    """The one button of a page that everything leads to."""
    button.setProperty(_PRIMARY, True)
    if not is_plain_style():
        return
    palette, group = QPalette(QGuiApplication.palette()), QPalette.ColorGroup
    face = _face(palette)
    for each in (group.Active, group.Inactive):
        palette.setColor(each, QPalette.ColorRole.Button, face)
        palette.setColor(each, QPalette.ColorRole.ButtonText, palette.color(QPalette.ColorRole.HighlightedText))
    button.setPalette(palette)


def _face(palette: QPalette) -> QColor:
    """Of the button that everything leads to. The style paints it paler and greyer than it is told: white words on
    it keep a contrast of 4.5 to 1 at its palest."""
    colour = accent(palette).darker(165 if is_dark(palette) else 145)
    return QColor.fromHsvF(colour.hueF(), min(1.0, colour.saturationF() / 0.75), colour.valueF())


def plain(button: QPushButton) -> None:
    """Not the one any more."""
    button.setProperty(_PRIMARY, False)
    button.setPalette(QPalette())


def retint(window: QWidget) -> None:
    """After another palette: whatever `calm` and `primary` coloured in the window and its dialogs."""
    for view in window.findChildren(QAbstractItemView):
        if view.property(_CALM):
            calm(view)
    for button in window.findChildren(QPushButton):
        if button.property(_PRIMARY):
            primary(button)


def resized(font: QFont, factor: float, *, bold: bool = False) -> QFont:
    """`font` by a factor. A font says its size in points or in pixels, never in both."""
    other = QFont(font)
    if font.pointSizeF() > 0:
        other.setPointSizeF(font.pointSizeF() * factor)
    else:
        other.setPixelSize(round(font.pixelSize() * factor))
    if bold:
        other.setWeight(QFont.Weight.DemiBold)
    return other


def tabular(font: QFont) -> QFont:
    """`font` with digits of equal width, so that numbers that count do not tremble."""
    other = QFont(font)
    other.setFeature(QFont.Tag("tnum"), 1)
    return other


def light_palette() -> QPalette:
    """For pictures and for platforms that give none."""
    return _palette(window="#f4f5f7", base="#ffffff", text="#1d2129", button="#fbfbfc", accent="#2563c9")


def dark_palette() -> QPalette:
    # Fields and lists have no frame that shows in the dark: their ground sets them off.
    return _palette(window="#262a31", base="#191c21", text="#e6e8ec", button="#343943", accent="#3f7fe0")


def _palette(*, window: str, base: str, text: str, button: str, accent: str) -> QPalette:
    palette = QPalette(QColor(button), QColor(window))
    ink, ground = QColor(text), QColor(base)
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(role, ink)
        palette.setColor(QPalette.ColorGroup.Disabled, role, mixed(ink, QColor(window), 0.42))
    palette.setColor(QPalette.ColorRole.Base, ground)
    palette.setColor(QPalette.ColorRole.AlternateBase, mixed(ink, ground, 0.03))
    palette.setColor(QPalette.ColorRole.ToolTipBase, mixed(ink, ground, 0.06))
    palette.setColor(QPalette.ColorRole.ToolTipText, ink)
    palette.setColor(QPalette.ColorRole.PlaceholderText, mixed(ink, ground, 0.6))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(accent))
    palette.setColor(QPalette.ColorRole.Accent, QColor(accent))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor("#ffffff"))
    palette.setColor(QPalette.ColorRole.Link, mixed(QColor(accent), ink, 0.75))
    return palette
