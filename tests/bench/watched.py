"""The real window, offscreen, over the real engine and its workers, while its event loop is watched.

python -m tests.bench.watched HUB FOLDER SECONDS [--idle]      prints one line of JSON
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything of Qt is imported
os.environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent"  # nobody's keychain is asked

from gui.lateness import Lateness
from gui.stage import Stage, wait_until
from PySide6.QtCore import QModelIndex

from aihub_desktop.domain.messages import Configure
from aihub_desktop.domain.states import TRANSFER_ENDED
from aihub_desktop.gui import theme
from aihub_desktop.gui.app import application


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("hub")
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--idle", action="store_true")
    chosen = parser.parse_args()
    app = application(["bench"])
    app.setPalette(theme.light_palette())
    stage = Stage(app, chosen.folder / "home", chosen.hub).start().ready()
    stage.link.tell(Configure(0, {"spread": 0.1, "parallel": 4}))
    stage.choose("Benchmark")
    over = _nothing if chosen.idle else _downloads(stage, chosen.folder / "to")
    began, lateness = time.monotonic(), Lateness()
    wait_until(lambda: over() or time.monotonic() - began > chosen.seconds, "the time", chosen.seconds + 60)
    lateness.stop()
    print(json.dumps({"began": began, "ended": time.monotonic(), "late": lateness.late, "own": lateness.own}))
    stage.close()
    return 0


def _nothing() -> bool:
    return False


class _Transfer:
    def __init__(self, stage: Stage, number: int) -> None:
        self._stage, self._number = stage, number

    def __call__(self) -> bool:
        """Whether it is over."""
        return self._stage.state(self._number) in TRANSFER_ENDED


def _downloads(stage: Stage, folder: Path) -> _Transfer:
    """Begins one of everything, in sight, and waits until its bytes come."""
    folder.mkdir()
    stage.desk.tree.tick(QModelIndex(), True)
    number = stage.download(folder)
    wait_until(stage.window.downloads.isVisible, "the page of downloads")
    stage.window.downloads.view.expandAll()
    wait_until(lambda: stage.row(number).running, "streams")
    return _Transfer(stage, number)


if __name__ == "__main__":
    sys.exit(main())
