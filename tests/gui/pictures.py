"""Takes pictures of every page, dialog and state: `python -m tests.gui.pictures FOLDER [--quick]`.

One process for each language, theme and scale, each with the real engine and a demo hub of its own:
FOLDER/ko-light-1/03-files-ticked.png and so on.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

import msgspec
from PySide6.QtCore import QItemSelectionModel, QModelIndex
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QDialog, QInputDialog, QMessageBox, QScrollArea, QWidget

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.contents import Pick
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.marks import Approval, Sighting
from aihub_desktop.domain.messages import Brake, Configure, DiskSpace, KeyState, Pause
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TaskKind
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui import theme
from aihub_desktop.gui.about_dialog import AboutDialog
from aihub_desktop.gui.address_dialog import AddressDialog
from aihub_desktop.gui.adopt_dialog import adoption
from aihub_desktop.gui.app import application
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.datasets import Range
from aihub_desktop.gui.models.file_tree import NAME
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.takeover import Phase
from aihub_desktop.system.pace import NIGHTS

from .batch_show import BatchShow
from .inside_show import InsideShow
from .played import (
    BIG,
    DENIED,
    EXPIRED,
    GB,
    HELD,
    MB,
    RANGES,
    SHELF,
    Player,
    elsewhere,
    in_the_evening,
    progress,
    running,
    transfer,
)
from .played_adoption import DATASETS, FOLDER, SPEECH, play
from .played_library import AWAY, DAMAGED, NEWER, WHOLE, LibraryPlayer
from .screen import complaints
from .stage import Stage, linger, wait_until
from .storage_engine import CLOSED, NAVER
from .storage_stage import StorageStage

ROOT: Final = Path(__file__).resolve().parents[2]
KINDS: Final = [
    f"{language}-{theme}-{scale}" for language, theme, scale in product(("ko", "en"), ("light", "dark"), (1, 2))
]
QUICK: Final = ("ko-light-1", "en-dark-2")
_LOG: Final = """\
2026-11-27 09:12:04,118 4711 INFO aihub_desktop.engine.shell: 2 transfers, 1 to go on
2026-11-27 09:12:31,502 4711 WARNING aihub_desktop.engine.streaming: TS_01.zip broke off after 7.50 GB
2026-11-27 09:12:41,733 4711 INFO aihub_desktop.engine.streaming: TS_01.zip again
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="two of the eight kinds")
    parser.add_argument("--kind", choices=KINDS, help="one kind, in this process")
    chosen = parser.parse_args()
    if chosen.kind:
        take(chosen.folder, chosen.kind)
        return 0
    failed = [kind for kind in (QUICK if chosen.quick else KINDS) if not run(chosen.folder, kind)]
    print(*(f"failed: {kind}" for kind in failed), sep="\n", end="")
    return 1 if failed else 0


_OURS: Final = ("AIHUB_", "QT_")
_FONTS: Final = ("QT_QPA_FONTDIR",)  # of the offscreen platform, where the system tells it nothing


def run(folder: Path, kind: str) -> bool:
    """One kind, in a process of its own; False where that failed, or Qt complained."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_OURS) or name in _FONTS},
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": kind.rpartition("-")[2],
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",  # no keychain of the machine
    }
    if sys.platform != "linux":
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    command = [sys.executable, "-m", "tests.gui.pictures", str(folder.absolute()), "--kind", kind]
    done = subprocess.run(
        command, env=environment, check=False, timeout=240, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    said = complaints(done.stderr)
    print(*said, sep="\n", end="", file=sys.stderr)
    return done.returncode == 0 and not said


def take(folder: Path, kind: str) -> None:
    """All pictures of one kind."""
    language, light, _ = kind.split("-")
    into = folder / kind
    into.mkdir(parents=True, exist_ok=True)
    app = application(["pictures"])
    theme.dress(app, dark=light == "dark")
    app.setFont(QFont("NanumGothic" if language == "ko" else "DejaVu Sans", 10))
    with tempfile.TemporaryDirectory() as temporary, DemoHub(offer.standard()) as hub:
        number = Beginning(app, into, Path(temporary), hub, language).run()
        number = Show(app, into, Path(temporary), hub, language).run(number)
    with tempfile.TemporaryDirectory() as temporary:
        number = StorageShow(into, number, Path(temporary), language).run()
    with tempfile.TemporaryDirectory() as temporary:
        number = LibraryShow(into, number, Path(temporary), language).run()
    with tempfile.TemporaryDirectory() as temporary:
        number = BatchShow(app, into, number, Path(temporary), language).run()
    with tempfile.TemporaryDirectory() as temporary:
        InsideShow(app, into, number, Path(temporary), language).run()


class Beginning:
    """The first start, and what the settings lead to."""

    def __init__(self, app: QApplication, into: Path, temporary: Path, hub: DemoHub, language: str) -> None:
        self._into, self._number = into, 0
        self._stage = Stage(app, temporary / "first", hub.url, language, first=True)

    def run(self) -> int:
        """The number of pictures."""
        stage = self._stage
        stage.window.resize(1120, 740)
        stage.start()
        try:
            stage.ready()
            self._welcome()
            self._dialogs()
        finally:
            stage.close()
        return self._number

    def _snap(self, name: str, widget: QWidget | None = None) -> None:
        linger(0.25)
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert (widget or self._stage.window).grab().save(str(path)), path

    def _welcome(self) -> None:
        stage, page = self._stage, self._stage.window.welcome
        assert page is not None
        self._snap("welcome")
        stage.window.resize(900, 600)
        page.key.field.setText("1234-abcd")
        self._snap("welcome-small-misfit")
        page.key.field.setText(DEMO_KEY)
        page.start.click()
        wait_until(lambda: page.key.only_for_run, "no keychain here")
        self._snap("welcome-small-no-keychain")
        stage.window.resize(1120, 740)
        page.end()

    def _dialogs(self) -> None:
        stage = self._stage
        stage.window.go(Place.SETTINGS)
        links = stage.window.settings.about.links
        (stage.home / "logs").mkdir(exist_ok=True)
        (stage.home / "logs" / "engine.log").write_text(_LOG, encoding="utf-8")
        for name in ("keys", "about", "log"):
            links[name].click()
            dialog = stage.window.findChildren(QDialog)[-1]
            if isinstance(dialog, AboutDialog):
                wait_until(dialog.list.count, "the licences")
            self._snap(name, dialog)
            dialog.reject()
        stage.window.settings.findChildren(QScrollArea)[0].ensureWidgetVisible(links["open-home"])
        self._snap("settings-end")


class Show:
    """The scenes, in an order in which each finds what it needs."""

    def __init__(self, app: QApplication, into: Path, temporary: Path, hub: DemoHub, language: str) -> None:
        self._into, self._temporary, self._hub = into, temporary, hub
        self._stage = Stage(app, temporary / "home", hub.url, language)
        self._number = 0
        self._player = Player(self._stage.desk)

    def run(self, number: int) -> int:
        """After `number` pictures; the number of the last."""
        self._number = number
        stage = self._stage
        stage.window.resize(1120, 740)
        stage.start()
        try:
            stage.ready()
            scenes: list[Callable[[], None]] = [
                self._datasets, self._files, self._key, self._queue, self._settings, self._small, self._offline,
                self._lost, self._again, self._pausing, self._brakes, self._no_room,
            ]  # fmt: skip
            for scene in scenes:
                scene()
        finally:
            self._hub.faults.clear()
            stage.close()
        return self._number

    def _snap(self, name: str, widget: QWidget | None = None) -> None:
        linger(0.25)
        target = widget or self._stage.window
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert target.grab().save(str(path)), path

    def _datasets(self) -> None:
        page = self._stage.window.datasets
        self._snap("datasets")
        page.search.setText("없는 이름")
        self._snap("no-hit")
        for shown in (Range.STARRED, Range.RECENT):
            page.ranges[shown].click()
            page.search.clear()
            self._snap(f"datasets-none-{shown.name.lower()}")
        page.ranges[Range.ALL].click()

    def _files(self) -> None:
        stage, tree = self._stage, self._stage.desk.tree
        stage.choose(offer.MAIN)
        stage.window.datasets.search.setText("소리")
        stage.window.datasets.files.view.expandAll()
        self._snap("files-nothing-ticked")
        folders = list(tree.folders())
        tree.tick(tree.index(0, NAME, folders[-1]), True)
        tree.tick(folders[3], True)
        self._snap("files-ticked")
        panel = stage.window.datasets.files
        panel.filter.setText("라벨")
        self._snap("files-filtered")
        panel.filter.setText("그런 파일 없음")
        self._snap("files-no-hit")
        panel.filter.setText("")
        panel.card.composition.fold.click()
        self._snap("files-parts-folded")
        panel.card.composition.fold.click()
        panel.picks.chips[Pick.LABELS].click()
        panel.target.unpacking.setChecked(True)
        self._snap("files-labels-unpacked")
        panel.target.unpacking.setChecked(False)
        self._marks()
        self._split()
        stage.choose(offer.MAIN)
        tree.tick(QModelIndex(), True)

    def _marks(self) -> None:
        desk, page = self._stage.desk, self._stage.window.datasets
        for key in (offer.MAIN, offer.MANY, offer.SPLIT):
            desk.marks.star(Dataset("aihub", key, ""), True)
        desk.marks.visit()
        wait_until(lambda: desk.datasets.count(Range.STARRED) == 3 and desk.datasets.count(Range.RECENT), "the marks")
        page.search.setText("라벨")
        self._snap("datasets-found-by-folder")
        page.search.clear()
        page.ranges[Range.STARRED].click()
        page.files.card.star.setFocus()
        for approval in Approval:
            mark = desk.datasets.mark_of(Dataset("aihub", offer.MAIN, ""))
            desk.datasets.mark([msgspec.structs.replace(mark, seen=Sighting(approval, time.time()))])
            self._snap(f"files-{approval}")
        page.ranges[Range.ALL].click()

    def _split(self) -> None:
        self._stage.choose(offer.SPLIT)
        tree, view = self._stage.desk.tree, self._stage.window.datasets.files.view
        view.expandAll()
        volume = next(leaf for leaf in tree.content.leaves if tree.content.nodes[leaf].volumes)
        tree.tick_leaves([volume], True)
        self._snap("files-split-set")

    def _key(self) -> None:
        stage = self._stage
        stage.window.go(Place.DOWNLOADS)
        self._snap("downloads-empty")
        stage.window.go(Place.DATASETS)
        stage.window.datasets.files.target.button.click()
        dialog = stage.window.findChildren(KeyDialog)[-1]
        self._snap("key-empty", dialog)
        dialog.field.setText("1234-abcd")
        self._snap("key-misfit", dialog)
        dialog.field.setText(DEMO_KEY)
        self._snap("key-fits", dialog)
        dialog.save.click()
        wait_until(dialog.for_run.isVisible, "no keychain here")
        self._snap("key-no-keychain", dialog)
        dialog.reject()

    def _queue(self) -> None:
        stage = self._stage
        kept: list[KeyState] = []
        stage.desk.set_key(Secret(DEMO_KEY), for_run=True, answered=kept.append, refused=lambda _: None)
        wait_until(lambda: kept, "the key")
        stage.link.tell(Configure(0, {"spread": 0.1}))

        def wish(key: str) -> int:
            stage.window.go(Place.DATASETS)
            stage.choose(key)
            stage.desk.tree.tick(QModelIndex(), True)
            return stage.download(self._temporary / "받은 데이터" / key)

        wish_done = wish(offer.ZIP64)
        stage.wait_for(wish_done, TransferState.DONE)
        self._hub.faults.add(Slow(rate=400_000))
        denied = wish(offer.NOT_APPROVED)
        stage.wait_for(denied, TransferState.NEEDS_USER)
        paused = wish(offer.SPLIT)
        wait_until(lambda: stage.row(paused).bytes > 900_000, "some bytes")
        stage.link.tell(Pause(0, [paused]))
        stage.wait_for(paused, TransferState.PAUSED)
        running = wish(offer.MAIN)
        wait_until(lambda: stage.row(running).bytes > 4_000_000, "more bytes")
        linger(1.0)
        stage.window.downloads.view.expand(stage.desk.queue.index_of(running))
        stage.window.downloads.view.select(running)
        self._snap("downloads")
        self._downloads_details(running, wish_done)
        stage.window.downloads.view.select(denied)
        self._snap("downloads-needs-you")
        stage.window.downloads.view.clearSelection()
        stage.window.downloads.view.collapseAll()
        self._snap("downloads-folded")

    def _downloads_details(self, running: int, done: int) -> None:
        stage, page, queue = self._stage, self._stage.window.downloads, self._stage.desk.queue
        file = queue.index(0, 0, queue.index_of(running))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        page.view.selectionModel().setCurrentIndex(file, flags)
        wait_until(page.details.map.isVisible, "the map")
        self._snap("downloads-file")
        last = queue.index(queue.rowCount(queue.index_of(running)) - 1, 0, queue.index_of(running))
        page.view.selectionModel().setCurrentIndex(last, flags)
        page.ordering.menu.popup(stage.window.mapToGlobal(stage.window.rect().topLeft()))
        self._snap("order-menu-files", page.ordering.menu)
        page.ordering.menu.close()
        page.ordering.moves["top"].trigger()
        wait_until(lambda: page.view.currentIndex().row() == 0, "the move")
        self._snap("downloads-file-first")
        page.view.select(running)
        page.ordering.menu.popup(stage.window.mapToGlobal(stage.window.rect().topLeft()))
        self._snap("order-menu", page.ordering.menu)
        page.ordering.menu.close()
        page.ordering.priorities[Priority.HIGH].trigger()
        page.bar.field.setText("TS_01")
        wait_until(lambda: queue.shown() == [running], "the filter")
        self._snap("downloads-filtered")
        page.bar.field.setText("그런 것 없음")
        wait_until(lambda: queue.shown() == [], "no hit")
        self._snap("downloads-no-hit")
        page.bar.clear()
        page.view.select(done)
        page.actions_by_name["remove"].trigger()
        wait_until(page.undo.isVisible, "the way back")
        self._snap("downloads-removed")
        page.undo.button.click()
        wait_until(lambda: done in queue.shown(), "the row again")

    def _settings(self) -> None:
        self._stage.window.go(Place.SETTINGS)
        self._snap("settings")
        self._stage.window.settings.key.test.click()
        self._snap("settings-tested")
        self._stage.window.settings.key.clear.click()
        box = self._stage.window.findChildren(QMessageBox)[-1]
        self._snap("settings-clear", box)
        box.reject()

    def _small(self) -> None:
        self._stage.window.resize(900, 600)
        for place in Place:
            self._stage.window.go(place)
            self._snap(f"{place.name.lower()}-small")
        self._stage.window.resize(1120, 740)

    def _offline(self) -> None:
        stage = self._stage
        self._hub.stop()
        stage.window.go(Place.DATASETS)
        stage.window.datasets.reload()
        stage.window.datasets.files.reload()
        wait_until(lambda: stage.desk.catalogue.problem, "the hub's absence")
        wait_until(lambda: stage.desk.files.problem, "the hub's absence")
        self._snap("offline")

    def _lost(self) -> None:
        lost: list[object] = []
        self._stage.desk.lost.connect(lost.append)
        os.kill(self._stage.link.pid, 9)  # SIGKILL, which Windows has no name for
        wait_until(lambda: lost, "the engine's end")
        self._snap("engine-lost")

    # What follows is played: the engine is gone.

    def _again(self) -> None:
        stage, queue = self._stage, self._stage.desk.queue
        stage.window.go(Place.DOWNLOADS)
        self._player.begin([running(), transfer(HELD, TransferState.QUEUED, title="도로 주행 영상")])
        stage.window.downloads.view.expand(queue.index_of(BIG))
        self._player.progress(progress(Brake.DRIVE))
        stage.window.downloads.view.select(BIG)
        self._snap("again-after-a-cut")
        page = stage.window.downloads
        for seconds in range(280, 0, -1):
            rate = 5.5 * MB + 1.4 * MB * math.sin(seconds / 17) + 0.3 * MB * math.sin(seconds / 3)
            page.details.graph.note(time.monotonic() - seconds, None if 90 < seconds < 130 else rate)
        self._player.change(settings=Settings(limit=8 * MB))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        page.view.selectionModel().setCurrentIndex(queue.index(0, 0, queue.index_of(BIG)), flags)
        self._player.progress(progress(Brake.LIMIT))
        stage.desk.link.mapped.emit(RANGES)
        self._snap("downloads-ranges")
        self._player.change(settings=Settings())

    def _pausing(self) -> None:
        stage = self._stage
        menu = stage.window.downloads.pausing.menu
        menu.popup(stage.window.mapToGlobal(stage.window.rect().topLeft()))
        self._snap("pause-menu", menu)
        menu.close()
        self._player.change(running(finishing=True))
        self._snap("finishing")
        farewell = stage.window.farewell
        stage.window.downloads.strip.set_closing(True)
        self._snap("finishing-then-closing")
        stage.window.downloads.strip.set_closing(False)
        self._player.change(running())
        farewell.ask(round(12.5 * GB))
        assert farewell.box is not None
        self._snap("closing", farewell.box)
        farewell.box.reject()

    def _brakes(self) -> None:
        stage, player = self._stage, self._player
        settings = Settings(limit=2 * MB, hours=NIGHTS)
        player.change(settings=settings)
        player.progress(progress(Brake.LIMIT))
        self._snap("limited")
        menu = stage.window.downloads.pace.menu
        menu.popup(stage.window.mapToGlobal(stage.window.rect().topLeft()))
        self._snap("limit-menu", menu)
        menu.close()
        player.change(transfer(BIG, TransferState.QUEUED, here=31 * GB))
        player.progress(progress(Brake.HOURS, streams=0, starts_at=in_the_evening()))
        self._snap("waits-for-its-hours")
        stage.window.go(Place.SETTINGS)
        stage.window.settings.show_hours()
        self._snap("settings-hours")
        stage.window.resize(1120, 1150)
        self._snap("settings-whole")
        stage.window.resize(1120, 740)

    def _no_room(self) -> None:
        stage = self._stage
        stage.window.go(Place.DOWNLOADS)
        problem = Problem(Code.NO_ROOM, {"need": 40 * GB, "free": 12 * GB, "floor": 2 * GB, "path": "/data/AI Hub"})
        held = transfer(HELD, TransferState.NEEDS_USER, title="도로 주행 영상", here=3 * GB, problem=problem)
        self._player.begin([held])
        stage.window.downloads.view.select(HELD)
        self._snap("no-room")
        target = stage.window.datasets.files.target
        stage.window.go(Place.DATASETS)
        stage.desk.tree.fill([RemoteFile("aihub", "71", "1", "원천/TS_01.zip", SizeRange(5 * GB, 5 * GB, "5 GB"))])
        stage.desk.tree.tick(QModelIndex(), True)
        target.show_space(DiskSpace(30 * GB, 32 * GB, True, (4 << 30) - 1, "FAT32", 28 * GB))
        self._snap("fat32")
        target.show_space(DiskSpace(30 * GB, 32 * GB, True, usable=28 * GB))
        self._snap("free-and-floor")
        target.show_space(DiskSpace(6 * GB, 32 * GB, True, usable=4 * GB))
        self._snap("too-little-room")


class StorageShow:
    """Object storage and web addresses, with an engine that is played."""

    def __init__(self, into: Path, number: int, temporary: Path, language: str) -> None:
        self._into, self._number = into, number
        self._stage = StorageStage(temporary / "home", language)

    def run(self) -> int:
        """The number of the last picture."""
        self._stage.start()
        try:
            for scene in (self._first, self._dialog, self._shelf, self._filter, self._closed, self._web, self._queue):
                scene()
        finally:
            self._stage.close()
        return self._number

    def _snap(self, name: str, widget: QWidget | None = None) -> None:
        linger(0.25)
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert (widget or self._stage.window).grab().save(str(path)), path

    def _first(self) -> None:
        self._snap("storage-choose")
        rows, self._stage.desk.depot.rows = self._stage.desk.depot.rows, []
        self._stage.desk.depot.changed.emit()
        self._snap("storage-none")
        self._stage.desk.depot.rows = rows
        self._stage.desk.depot.changed.emit()

    def _dialog(self) -> None:
        panel = self._stage.shelves
        dialog = panel.ask_for_storage()
        self._snap("storage-dialog-new", dialog)
        dialog.access_key.setText("0123456789ABCDEFGHIJ")
        dialog.secret_key.setText("secret")
        dialog.name.setText("no keychain")
        dialog.save.click()
        wait_until(dialog.for_run.isVisible, "no keychain")
        self._snap("storage-dialog-no-keychain", dialog)
        dialog.access.setCurrentIndex(1)
        self._snap("storage-dialog-profile", dialog)
        dialog.reject()
        dialog = panel.ask_for_storage(NAVER)
        self._snap("storage-dialog-change", dialog)
        dialog.reject()
        dialog = panel.ask_for_storage(CLOSED)
        dialog.save.click()
        wait_until(lambda: dialog.status and dialog.save.isEnabled(), "the refusal")
        self._snap("storage-dialog-refused", dialog)
        dialog.reject()

    def _shelf(self) -> None:
        stage = self._stage
        stage.choose()
        self._snap("storage-buckets")
        stage.open("speech-corpus/음성/2024/원천")
        stage.open("speech-corpus/roads/seoul")
        model = stage.model
        model.tick(stage.line("part-00002.wav"), True)
        model.tick(stage.line("part-00005.wav"), True)
        model.tick(stage.line("2023"), True)
        model.tick(stage.line("seoul"), True)
        stage.shelves.view.select_line(stage.line("2023"))
        self._snap("storage-ticked")
        stage.shelves.shelf.target.hold(True)
        stage.shelves.shelf.strip.tell(1, 3, 12_345)
        stage.shelves.shelf.strip.show()
        self._snap("storage-collecting")
        stage.shelves.shelf.strip.hide()
        stage.shelves.shelf.target.hold(False)
        stage.open("empty")
        stage.open("locked")
        self._snap("storage-locked-bucket")
        stage.window.resize(900, 600)
        self._snap("storage-small")
        stage.window.resize(1120, 740)

    def _filter(self) -> None:
        self._stage.shelves.filter.setText("seoul")
        self._snap("storage-filtered")
        self._stage.shelves.filter.setText("그런 것 없음")
        self._snap("storage-no-hit")
        self._stage.shelves.filter.clear()

    def _closed(self) -> None:
        self._stage.choose(CLOSED)
        self._snap("storage-refused")
        self._stage.shelves.shelf.ask_bucket()
        box = self._stage.window.findChildren(QInputDialog)[-1]
        box.setTextValue("speech-corpus")
        self._snap("storage-open-bucket", box)
        box.accept()
        self._snap("storage-bucket-opened")

    def _web(self) -> None:
        web = self._stage.web
        self._stage.page.tabs.setCurrentIndex(1)
        self._snap("web-empty")
        web.field.setPlainText(
            "https://zenodo.example.org/records/1234/files/corpus-2024.zip?download=1\n"
            "https://zenodo.example.org/records/1234/files/labels.tar.gz\n"
            "https://data.example.ac.kr/live/stream.ndjson?token=secret\n"
            "https://data.example.ac.kr/old/missing-part-3.bin\n"
            "https://bucket.s3.example.com/model.bin?expired=1&X-Amz-Signature=abc"
        )
        self._snap("web-typed")
        web.look_up()
        wait_until(web.model.rowCount, "what was found")
        self._snap("web-found")
        self._stage.window.resize(900, 600)
        self._snap("web-small")
        self._stage.window.resize(1120, 740)

    def _queue(self) -> None:
        stage, player = self._stage, Player(self._stage.desk)
        stage.window.go(Place.DOWNLOADS)
        player.begin(elsewhere())
        player.elsewhere()
        stage.window.downloads.view.expand(stage.desk.queue.index_of(SHELF))
        self._snap("downloads-elsewhere")
        stage.window.downloads.view.collapseAll()
        for number, name in ((DENIED, "storage"), (EXPIRED, "address")):
            stage.window.downloads.view.select(number)
            self._snap(f"downloads-needs-{name}")
        dialog = AddressDialog(stage.desk, next(row for row in elsewhere() if row.id == EXPIRED), stage.window)
        dialog.open()
        self._snap("new-address", dialog)
        dialog.reject()


class LibraryShow:
    """The library, with an engine that is played."""

    def __init__(self, into: Path, number: int, temporary: Path, language: str) -> None:
        self._into, self._number = into, number
        self._stage = StorageStage(temporary / "home", language)
        self._page = self._stage.window.library

    def run(self) -> int:
        """The number of the last picture."""
        self._stage.start()
        self._stage.window.go(Place.LIBRARY)
        try:
            wait_until(lambda: self._stage.desk.library.known, "the library")
            self._snap("library-empty")
            player = LibraryPlayer(self._stage.desk)
            player.begin()
            for number, name in ((WHOLE, "right"), (DAMAGED, "damaged"), (AWAY, "away")):
                self._page.mark(number)
                self._snap(f"library-{name}")
            self._page.mark(NEWER)
            player.task()
            self._snap("library-verifying")
            player.task(TaskKind.UNPACK)
            self._snap("library-unpacking")
            self._ask()
            self._undo()
            self._adopt()
            self._stage.window.resize(900, 600)
            self._snap("library-small-with-folders")
        finally:
            self._stage.close()
        return self._number

    def _undo(self) -> None:
        title = self._stage.desk.library.folders.row(0)
        self._page.door.remove(title)
        wait_until(self._page.door.undo.isVisible, "the way back")
        self._snap("library-removed")
        self._page.door.undo.forget()

    def _adopt(self) -> None:
        stage = self._stage
        dialog = adoption(stage.desk, stage.window, lambda _: None)
        dialog.begin()
        self._snap("adopt-empty", dialog)
        dialog.choice.set_folder(FOLDER)
        linger(0.25)  # for the played engine, which recognises nothing
        dialog.choice.fill(DATASETS)
        dialog.choice.guess([SPEECH])
        self._snap("adopt-choice", dialog)
        play(dialog, Phase.CHOOSING, problem=Problem(Code.TARGET_MISSING, {"path": FOLDER}))
        self._snap("adopt-choice-refused", dialog)
        play(dialog, Phase.LOOKING)
        self._snap("adopt-looking", dialog)
        play(dialog, Phase.FOUND)
        self._snap("adopt-found", dialog)
        play(dialog, Phase.FOUND, free=GB)
        self._snap("adopt-found-no-room", dialog)
        play(dialog, Phase.ADOPTING)
        self._snap("adopt-adopting", dialog)
        play(dialog, Phase.OVER)
        self._snap("adopt-over", dialog)
        dialog.reject()
        dialog = adoption(stage.desk, stage.window, lambda _: None, SPEECH)
        dialog.begin()
        dialog.choice.set_folder(FOLDER)
        self._snap("adopt-dataset", dialog)
        dialog.reject()

    def _ask(self) -> None:
        self._page.mark(WHOLE)
        self._page.actions_by_name["discard"].trigger()
        box = self._page.findChildren(QMessageBox)[-1]
        self._snap("library-ask-discard", box)
        box.reject()

    def _snap(self, name: str, widget: QWidget | None = None) -> None:
        linger(0.25)
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert (widget or self._stage.window).grab().save(str(path)), path


if __name__ == "__main__":
    sys.exit(main())
