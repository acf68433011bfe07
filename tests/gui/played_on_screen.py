"""Run on a real screen by `test_on_screen`: closing hides while something is under way, and the icon brings it back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QPoint

from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.app import application
from aihub_desktop.gui.side_bar import Place
from gui.stage import Stage, wait_until


def click(point: QPoint) -> None:
    """As a person does: with the pointer, on the screen."""
    subprocess.run(["xdotool", "mousemove", str(point.x()), str(point.y()), "click", "1"], check=True)


def main(home: Path, hub: str, folder: Path) -> None:
    stage = Stage(application(sys.argv[:1]), home, hub).start().ready()
    presence = stage.window.presence
    wait_until(lambda: presence.tray.is_there, "a place for the icon")
    stage.window.go(Place.SETTINGS)
    assert stage.window.settings.desktop.stays.isEnabled(), "there is a way back"
    stage.choose("90001")
    stage.desk.tree.tick_keys({file.key for file in stage.desk.tree.files()})
    transfer = stage.download(folder)
    stage.wait_for(transfer, TransferState.RUNNING)
    wait_until(lambda: presence.now.active, "something under way")
    stage.window.close()
    assert not stage.window.isVisible(), "it hides"
    assert not stage.gone, "it goes on"
    wait_until(lambda: not presence.tray.icon.geometry().isEmpty(), "the icon's place")
    click(presence.tray.icon.geometry().center())
    wait_until(stage.window.isVisible, "it is back")
    stage.window.close()
    wait_until(lambda: stage.desk.queue.unfinished([transfer]), "something that would have to come again")
    presence.tray.quit.trigger()
    wait_until(lambda: stage.window.farewell.box is not None, "the question")
    assert stage.window.isVisible(), "the question is seen"
    box = stage.window.farewell.box
    assert box is not None
    box.reject()
    stage.close()
    assert not presence.tray.icon.isVisible()
    print("played")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
