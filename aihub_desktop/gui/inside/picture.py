"""Pictures from bytes of which nobody knows where they have been: decoded aside, within limits, and shown."""

from __future__ import annotations

from typing import Final, NamedTuple

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRectF, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from aihub_desktop.gui.theme import GRID

MOST_BYTES: Final = 48 << 20  # of one file
_MOST_MEGABYTES: Final = 256  # of one picture in memory: 64 million dots
_LARGEST: Final = 3000  # dots a side that are kept; no screen shows more of it at once


class Developed(NamedTuple):
    """`image` is null where it could not be read; `size` that of the file's own picture, empty if unknown."""

    image: QImage
    size: QSize


class Darkroom(QObject):
    """Decodes in a thread of the pool; `developed` comes with the number it was asked by."""

    developed = Signal(int, object)

    def develop(self, number: int, data: bytes, form: str) -> None:
        QThreadPool.globalInstance().start(lambda: self.developed.emit(number, developed(data, form)))


def developed(data: bytes, form: str) -> Developed:
    """The first picture in `data`, which is of the format `form` and is taken for nothing else."""
    QImageReader.setAllocationLimit(_MOST_MEGABYTES)
    held = QByteArray(data)
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(form.encode()))
    reader.setAutoDetectImageFormat(False)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > _LARGEST:
        reader.setScaledSize(size.scaled(QSize(_LARGEST, _LARGEST), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if not size.isValid():
        size = image.size()
    return Developed(image, size)


class PictureView(QWidget):
    """A picture as large as there is room, and no larger than it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(GRID * 10, GRID * 10)

    @property
    def image(self) -> QImage:
        return self._image

    def show_image(self, image: QImage) -> None:
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        ratio = self.devicePixelRatioF()
        whole = self._image.size() / ratio
        room = self.size()
        fits = whole.width() <= room.width() and whole.height() <= room.height()
        shown = whole if fits else whole.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        area = QRectF(
            (room.width() - shown.width()) / 2, (room.height() - shown.height()) / 2, shown.width(), shown.height()
        )
        painter = QPainter(self)
        # Far smaller than it is, it would be nothing but noise where dots are just left out.
        real = QSize(max(1, round(area.width() * ratio)), max(1, round(area.height() * ratio)))
        smooth = self._image.scaled(
            real, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        painter.drawImage(area, smooth)
        painter.end()
