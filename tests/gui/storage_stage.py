"""A window over the played engine that knows object storages."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.models.shelf import Folder
from aihub_desktop.gui.models.shelf_table import NAME
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.window import Window
from aihub_desktop.system.words import Words

from .stage import wait_until
from .storage_engine import NAVER

ENGINE = Path(__file__).with_name("storage_engine.py")


class StorageStage:
    """Its window stands on the page for storage. `close` leaves no process behind."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._notes = folder / "notes"
        self.link = EngineLink([sys.executable, str(ENGINE), str(self._notes)])
        self.desk = Desk(self.link, Words(language), folder, "http://127.0.0.1:9")
        self.window = Window(self.desk)
        self.page = self.window.storage
        self.shelves, self.web = self.page.shelves, self.page.web
        self.model = self.desk.depot.shelf
        self._gone = False
        self.window.gone.connect(self._went)

    def _went(self) -> None:
        self._gone = True

    def start(self) -> StorageStage:
        self.window.resize(1120, 740)
        self.window.show()
        self.desk.start()
        self.window.go(Place.STORAGE)
        wait_until(lambda: self.desk.depot.known, "the storages")
        return self

    def close(self) -> None:
        if not self._gone:
            self.window.leave()
            wait_until(lambda: self._gone, "the end of the played engine")
            self.window.deleteLater()

    def noted(self, command: str) -> list[dict[str, Any]]:
        """The commands of this name so far, without their numbers."""
        lines = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        found = [json.loads(line) for line in lines if line.startswith(f'{{"command":"{command}",')]
        return [{key: value for key, value in one.items() if key != "id"} for one in found]

    def choose(self, endpoint: str = NAVER) -> None:
        self.shelves.list.mark(endpoint)
        wait_until(self._listed, "the buckets")

    def _listed(self) -> bool:
        root = self.model.tree.root
        return root.complete or root.problem is not None

    def open(self, path: str) -> Folder:
        """Opens "BUCKET/FOLDER/…" and what leads there; its first page is here then."""
        folder = self.model.tree.root
        for name in path.split("/"):
            folder = next(each for each in folder.folders if each.name == name)
            self.model.open_folder(folder)
            wait_until(partial(_has_come, folder), f"the page of {name}")
        return folder

    def line(self, text: str) -> int:
        """The line that says this."""
        return next(line for line in range(self.model.rowCount()) if self.model.text(line, NAME) == text)


def _has_come(folder: Folder) -> bool:
    return folder.next is not None or folder.problem is not None
