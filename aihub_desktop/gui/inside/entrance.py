"""Opens looks into archives and the dialog that unpacks them, one window for each archive."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from aihub_desktop.domain.holdings import is_archive
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.gui.desk import Desk

if TYPE_CHECKING:
    from aihub_desktop.gui.inside.window import InsideWindow


def has_inside(place: str) -> bool:
    """Whether a look into a file is worth while, by its name; of a split set into each of its volumes."""
    return is_archive(place) or volume_of(place) is not None


class Entrance(QObject):
    """`unpacking` gives the folder of a task that has begun."""

    unpacking = Signal(str)

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self.looks: dict[str, InsideWindow] = {}

    def look(self, folder: str, place: str) -> None:
        """`place` is relative to the folder of a download."""
        path = os.path.join(folder, *PurePosixPath(place).parts)
        look = self.looks.get(path)
        if look is None:
            from aihub_desktop.gui.inside.window import InsideWindow  # noqa: PLC0415 - the first picture needs none

            look = self.looks[path] = InsideWindow(self._desk, path, self._window)
            look.finished.connect(lambda _: self.looks.pop(path, None))
            look.unpack_wanted.connect(lambda: self.unpack(folder, [place]))
            look.show()
        else:
            look.raise_()
            look.activateWindow()

    def unpack(self, folder: str, places: list[str] | None) -> None:
        """`places` None: all that the folder's ledger names."""
        from aihub_desktop.gui.inside.unpack_dialog import UnpackDialog  # noqa: PLC0415 - the first picture needs none

        path = os.path.join(folder, *PurePosixPath(places[0]).parts) if places else ""
        dialog = UnpackDialog(self._desk, folder, places, self.looks.get(path, self._window))
        dialog.begun.connect(lambda _: self.unpacking.emit(folder))
        dialog.open()

    def speak(self) -> None:
        for look in self.looks.values():
            look.speak()

    def close(self) -> None:
        for look in list(self.looks.values()):
            look.close()
