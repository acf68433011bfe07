"""Small widgets that several pages use."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QIcon,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionFrame,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.theme import GRID


class SearchField(QLineEdit):
    """Says at each key what is typed, with the syllable that an input method has not committed yet."""

    typed = Signal(str)
    left_down = Signal()  # the arrow key: on to the list

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setClearButtonEnabled(True)
        self._glass = QAction(self)
        self.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self._tint()
        self._said = ""
        self.textChanged.connect(self._say)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        super().inputMethodEvent(event)
        text, at = self.text(), self.cursorPosition()
        self._say(text[:at] + event.preeditString() + text[at:])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape if self.text():
                self.clear()
            case Qt.Key.Key_Down:
                self.left_down.emit()
            case _:
                super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self.typed.emit(text)

    def _tint(self) -> None:
        if hasattr(self, "_glass"):
            colour = self.palette().color(QPalette.ColorRole.PlaceholderText)
            found = QIcon()
            for ratio in (1, 2, 3):
                found.addPixmap(icons.pixmap("search", 16, colour, ratio))
            self._glass.setIcon(found)


class ElidedLabel(QLabel):
    """One line that gives way in its middle, or at its end; the whole is its tool tip."""

    def __init__(self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode = mode
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # A path or a title is text, whatever signs stand in it.
        self.setTextFormat(Qt.TextFormat.PlainText)

    def say(self, text: str) -> None:
        self._whole = text
        self.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.fontMetrics().height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height() + 2)

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(" ".join(self._whole.split()), self._mode, self.width())
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")


class FaintLabel(QLabel):
    """Text of second rank, in a colour mixed from the palette."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        _fade(self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # Its own new palette comes by here too, and changes nothing the second time.
        if event.type() is QEvent.Type.PaletteChange:
            _fade(self)


def _fade(label: QLabel) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, theme.faint(QPalette(), QPalette.ColorRole.Window))
    label.setPalette(palette)


class Sign(QWidget):
    """A picture beside a sentence. The sentence carries the meaning; the picture only draws the eye."""

    def __init__(self, name: str, size: int = 20, *, warning: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._warning = name, warning
        self.setFixedSize(size, size)

    def show_picture(self, name: str) -> None:
        self._name = name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self.palette()
        colour = theme.warning(palette) if self._warning else theme.faint(palette, QPalette.ColorRole.Window)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, icons.pixmap(self._name, self.width(), colour, self.devicePixelRatioF()))
        painter.end()


class Banner(QFrame):
    """A problem in its place: what happened, what to do, and the buttons that do it. Hidden while there is none."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None, *, closable: bool = False) -> None:
        super().__init__(parent)
        self._title = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._title.setFont(theme.resized(self.font(), 1.0, bold=True))
        self._advice = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        for label in (self._title, self._advice):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        self._close = QToolButton(autoRaise=True) if closable else None
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        texts.addWidget(self._title)
        texts.addWidget(self._advice)
        self._buttons.setContentsMargins(0, GRID // 2, 0, 0)
        texts.addLayout(self._buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID * 2, GRID + 4, GRID + 4, GRID + 4)
        row.setSpacing(GRID + 4)
        row.addWidget(Sign("warning", warning=True), alignment=Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        if self._close is not None:
            icons.dress(self._close, "cancel")
            self._close.clicked.connect(self._dismiss)
            row.addWidget(self._close, alignment=Qt.AlignmentFlag.AlignTop)

    @property
    def title(self) -> str:
        return self._title.text()

    def name_close(self, text: str) -> None:
        if self._close is not None:
            self._close.setToolTip(text)
            self._close.setAccessibleName(text)

    def tell(self, title: str, advice: str, actions: list[tuple[str, Callable[[], None]]]) -> None:
        """Shows; the first action is the likeliest to help."""
        self._title.setText(title)
        self._advice.setText(advice)
        self._advice.setVisible(bool(advice))
        self.setAccessibleName(title)
        self.setAccessibleDescription(advice)
        while item := self._buttons.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for text, act in actions:
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, act=act: act())
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)
        self.show()

    def buttons(self) -> list[QPushButton]:
        """Those that stand there now."""
        found = (self._buttons.itemAt(place) for place in range(self._buttons.count()))
        return [widget for item in found if item and isinstance(widget := item.widget(), QPushButton)]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.mixed(theme.warning(self.palette()), self.palette().window().color(), 0.4))
        painter.setBrush(theme.wash(self.palette()))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _dismiss(self) -> None:
        self.hide()
        self.closed.emit()


class BalancedLabel(FaintLabel):
    """Centred text whose lines are about equally long: no word is left alone in the last one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._balance()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._balance()

    def sizeHint(self) -> QSize:
        return self._without_margins(super().sizeHint())

    def minimumSizeHint(self) -> QSize:
        return self._without_margins(super().minimumSizeHint())

    def _without_margins(self, hint: QSize) -> QSize:
        """They are what the text leaves, and no room to be asked for: a splitter would give it."""
        return QSize(hint.width() - 2 * self.contentsMargins().left(), hint.height())

    def _balance(self) -> None:
        """The narrowest that takes no line more."""
        least, most = 0, self.width()
        height = self._height(most)
        while most - least > GRID:
            middle = (least + most) // 2
            least, most = (least, middle) if self._height(middle) <= height else (middle, most)
        beside = (self.width() - most) // 2
        if beside != self.contentsMargins().left():
            self.setContentsMargins(beside, 0, beside, 0)

    def _height(self, width: int) -> int:
        wraps = int(Qt.TextFlag.TextWordWrap)
        return self.fontMetrics().boundingRect(QRect(0, 0, width, 1 << 20), wraps, self.text()).height()


class EmptyPlace(QWidget):
    """What stands where nothing is yet: a picture, a sentence, what to do, and perhaps the button for it."""

    pressed = Signal()

    def __init__(self, picture: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter, wordWrap=True)
        self._title.setFont(theme.resized(self.font(), 1.2, bold=True))
        self._picture, self._text = Sign(picture, 48), BalancedLabel()
        self._button = QPushButton(autoDefault=False)
        self._button.clicked.connect(self.pressed)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 4, GRID * 4, GRID * 4, GRID * 4)
        box.setSpacing(GRID)
        box.addStretch(2)
        box.addWidget(self._picture, alignment=Qt.AlignmentFlag.AlignHCenter)
        box.addSpacing(GRID)
        box.addWidget(self._title)
        box.addWidget(self._text)
        box.addSpacing(GRID)
        box.addWidget(self._button, alignment=Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(3)

    def tell(self, title: str, text: str = "", button: str = "", picture: str = "") -> None:
        """`picture`: another one from now on."""
        if picture:
            self._picture.show_picture(picture)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._button.setText(button)
        self._button.setVisible(bool(button))

    @property
    def button(self) -> QPushButton:
        return self._button


class Rule(QWidget):
    """A thin line."""

    def __init__(self, *, upright: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.line(self.palette()))
        painter.end()


def gap() -> QWidget:
    """Distance in a tool bar, behind an arrow that would seem to belong to the next button."""
    room = QWidget()
    room.setFixedWidth(GRID)
    return room


class LinkButton(QPushButton):
    """Text that leads somewhere: a flat button that looks like a link and takes the keyboard like a button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, flat=True, autoDefault=False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 4, metrics.height() + GRID)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colour = self.palette().color(QPalette.ColorRole.Link)
        painter.setPen(colour if self.isEnabled() else theme.faint(self.palette()))
        font = self.font()
        font.setUnderline(self.underMouse())
        painter.setFont(font)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            option = QStyleOptionFrame()
            option.initFrom(self)
            self.style().drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self.update()


def paint_frame(widget: QWidget, below: int = 0) -> None:
    """A pale ground with a line around it, for what is told beside the page's own business. Call it in `paintEvent`.

    `below`: so many pixels at the widget's lower edge are distance.
    """
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    tone, window = theme.accent(widget.palette()), widget.palette().window().color()
    painter.setPen(theme.mixed(tone, window, 0.4))
    painter.setBrush(theme.mixed(tone, window, 0.1))
    painter.drawRoundedRect(QRectF(widget.rect()).adjusted(0.5, 0.5, -0.5, -0.5 - below), 6, 6)
    painter.end()


def bold(label: QLabel, factor: float = 1.0) -> QLabel:
    label.setFont(theme.resized(label.font(), factor, bold=True))
    return label
