"""Run by `test_endings` as the program itself, which somebody closes in the middle of what it is doing.

python -m gui.played_ending HOME HUB SCENE WAY DELAY     DELAY in seconds behind the moment that the scene leads to
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QObject, QTimer
from PySide6.QtWidgets import QMessageBox

from aihub_desktop.demo import offer
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.gui import app
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.window import Window

KILL: Final = 9  # Windows has no name for it

Until = Callable[[], object]
Scene = Callable[[Window, Path], Iterator[Until]]


def listing(window: Window, _: Path) -> Iterator[Until]:
    """The catalogue has been asked for."""
    yield lambda: True


def files(window: Window, _: Path) -> Iterator[Until]:
    yield window.desk.datasets.rowCount
    window.datasets.search.setText(offer.SPLIT)
    window.datasets.search.left_down.emit()


def downloading(window: Window, home: Path) -> Iterator[Until]:
    yield from files(window, home)
    yield window.desk.tree.rowCount
    window.desk.tree.tick(QModelIndex(), True)
    target = window.datasets.files.target
    target.set_folder(str(home.parent / "to"))
    yield target.button.isEnabled
    target.button.click()
    yield lambda: window.presence.now.bytes


def verifying(window: Window, home: Path) -> Iterator[Until]:
    """A gigabyte of nothing, which a manifest names."""
    folder = home.parent / "kept"
    (folder / ".aihub").mkdir(parents=True)
    with (folder / "hole.bin").open("wb") as file:
        file.truncate(1 << 30)
    (folder / ".aihub" / "manifest-sha256.txt").write_text(f"{'0' * 64}  hole.bin\n", encoding="utf-8")
    window.go(Place.LIBRARY)
    library = window.desk.library

    def added(row: HoldingRow) -> None:
        library.verify(row, deep=True, refused=print)

    library.add(str(folder), added, print)
    yield lambda: library.at_work


def dialogs(window: Window, _: Path) -> Iterator[Until]:
    """Several, of which some read in threads of their own."""
    window.go(Place.SETTINGS)
    for name in ("keys", "about", "log"):
        window.settings.about.links[name].click()
    KeyDialog(window.desk, window).open()
    yield lambda: True


SCENES: Final[dict[str, Scene]] = {
    "listing": listing, "files": files, "downloading": downloading, "verifying": verifying, "dialogs": dialogs,
}  # fmt: skip


def quit_now(window: Window) -> None:
    """As a person does, who says "now" when asked."""
    window.quit()
    if (box := window.farewell.box) is not None:
        now = next(each for each in box.buttons() if box.buttonRole(each) is QMessageBox.ButtonRole.DestructiveRole)
        now.click()


WAYS: Final[dict[str, Callable[[Window], None]]] = {
    "quit": quit_now,
    "signal": lambda _: os.kill(os.getpid(), signal.SIGTERM),
    "killed": lambda _: os.kill(os.getpid(), KILL),
}


class Player(QObject):
    """Plays the scene once the window is seen, and ends the program."""

    def __init__(self, scene: Scene, home: Path, end: Callable[[Window], None], delay: float) -> None:
        super().__init__()
        self._scene, self._home, self._end, self._delay = scene, home, end, delay
        self._steps: Iterator[Until] | None = None
        self._until: Until | None = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._steps is None and event.type() is QEvent.Type.Paint and isinstance(watched, Window):
            self._steps = self._scene(watched, self._home)
            QTimer.singleShot(0, self, lambda: self._play(watched))
        return False

    def _play(self, window: Window) -> None:
        assert self._steps is not None
        if self._until is None or self._until():
            self._until = next(self._steps, None)
            if self._until is None:
                QTimer.singleShot(round(self._delay * 1000), self, lambda: self._end(window))
                return
        QTimer.singleShot(5, self, lambda: self._play(window))


def main(home: str, hub: str, scene: str, way: str, delay: str) -> int:
    player, application = Player(SCENES[scene], Path(home), WAYS[way], float(delay)), app.application(sys.argv[:1])
    application.installEventFilter(player)
    return app.run(sys.argv[:1], home=home, api_url=hub, language="ko")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
