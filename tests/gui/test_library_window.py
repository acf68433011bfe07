"""The page of the library, driven: what it shows of each kind of folder, and what its buttons say to the engine."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import RunningEngine
from PySide6.QtCore import QModelIndex, QObject, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox

from aihub_desktop.demo import offer
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.holdings import HoldingState
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TaskKind, TaskState
from aihub_desktop.gui.inside.unpack_dialog import UnpackDialog
from aihub_desktop.gui.models.library_words import Column, FileColumn, LibraryWords
from aihub_desktop.gui.pages.library import LibraryPage
from aihub_desktop.gui.side_bar import Place
from gui.conftest import OpenStage, OpenStorage
from gui.lateness import TOLD, Lateness
from gui.played_library import AWAY, DAMAGED, NEWER, OTHER, WHOLE, LibraryPlayer, rows
from gui.stage import wait_until
from gui.storage_engine import MANY
from gui.storage_stage import StorageStage


class Shown:
    """The page over a played library."""

    def __init__(self, stage: StorageStage) -> None:
        self.stage, self.player = stage, LibraryPlayer(stage.desk)
        self.page: LibraryPage = stage.window.library
        self.files = stage.desk.library.files
        stage.window.go(Place.LIBRARY)
        # What the played engine itself knows of a library, which is nothing, comes first.
        wait_until(lambda: stage.desk.library.known, "the library")
        self.player.begin()

    def mark(self, number: int) -> None:
        self.page.mark(number)
        if number != AWAY:
            wait_until(lambda: self.files.rowCount() == MANY and self.files.file_at(0), "its files")

    def text(self, number: int, column: int) -> str:
        model = self.stage.desk.library.folders
        place = model.place_of(number)
        assert place is not None
        return str(model.index(place, column).data())

    def enabled(self) -> set[str]:
        return {name for name, action in self.page.actions_by_name.items() if action.isEnabled()} - {
            "add", "quick", "deep",
        }  # fmt: skip


@pytest.fixture
def shown(open_storage: OpenStorage) -> Shown:
    return Shown(open_storage())


def test_an_empty_library_says_how_it_fills(open_storage: OpenStorage) -> None:
    stage = open_storage()
    stage.window.go(Place.LIBRARY)
    wait_until(lambda: stage.desk.library.known, "the library")
    page = stage.window.library
    assert not page.view.isVisible()
    assert page.isVisible()


def test_each_kind_of_folder_is_told_in_words(shown: Shown) -> None:
    states = {row.id: shown.text(row.id, Column.STATE) for row in rows()}
    assert states == {
        WHOLE: "Intact", NEWER: "New release available", DAMAGED: "2 files damaged", AWAY: "Drive not connected",
        OTHER: "Intact",
    }  # fmt: skip
    assert (shown.text(WHOLE, Column.NAME), shown.text(WHOLE, Column.SIZE)) == ("한국어 음성 말뭉치", "47.0 GB")
    assert shown.text(WHOLE, Column.PROOF) == "Archive entries (30), Length (6)"
    assert shown.text(DAMAGED, Column.FILES) == "100,000"


def test_the_buttons_fit_the_folder(shown: Shown) -> None:
    shown.mark(WHOLE)
    assert shown.enabled() == {"folder", "verify", "unpack", "remove", "discard"}
    shown.mark(DAMAGED)
    assert shown.enabled() == {"folder", "verify", "unpack", "repair", "remove", "discard"}
    shown.mark(AWAY)
    assert shown.enabled() == {"remove"}
    assert not shown.page.panel.view.isVisible()
    shown.mark(NEWER)
    shown.player.task()
    assert shown.enabled() == {"folder", "remove"}


def test_verifying_is_asked_of_the_engine(shown: Shown) -> None:
    shown.mark(WHOLE)
    shown.page.actions_by_name["quick"].trigger()
    shown.page.actions_by_name["deep"].trigger()
    wait_until(lambda: len(shown.stage.noted("begin")) == 2, "the wishes")
    folder = rows()[0].folder
    assert [one["verify"] for one in shown.stage.noted("begin")] == [
        {"folder": folder, "deep": False}, {"folder": folder, "deep": True},
    ]  # fmt: skip


@pytest.mark.parametrize("deletes", [False, True])
def test_unpacking_asks_first_and_says_what_becomes_of_the_archives(shown: Shown, deletes: bool) -> None:
    shown.mark(WHOLE)
    shown.page.actions_by_name["unpack"].trigger()
    dialog = shown.stage.window.findChildren(UnpackDialog)[-1]
    wait_until(lambda: dialog.plan.is_whole, "the plan")
    assert shown.stage.noted("begin") == []
    dialog.delete.setChecked(deletes)
    dialog.unpack.click()
    wait_until(lambda: shown.stage.noted("begin"), "the wish")
    (wish,) = shown.stage.noted("begin")
    assert (wish["unpack"]["places"], wish["unpack"]["keep"]) == (["a.zip", "b.zip"], not deletes)


@pytest.mark.parametrize(
    ("folder", "archives", "told", "begins"),
    [
        ("/data/wide", 2, "Needs 10.0 MB on disk; 90.0 GB available", True),
        ("/data/full", 1, "Not enough space: 5.00 MB needed, 5.00 MB available", False),
        ("/data/crowded", 1, "Needs 5.00 MB on disk; 90.0 GB available", True),
        ("/data/crowded", 2, "This disk takes only 15 more files, and 22 are needed", False),
    ],
)
def test_where_there_is_no_room_nothing_begins(
    shown: Shown, folder: str, archives: int, told: str, begins: bool
) -> None:
    shown.stage.window.entrance.unpack(folder, ["a.zip", "b.zip"][:archives])
    dialog = shown.stage.window.findChildren(UnpackDialog)[-1]
    wait_until(lambda: dialog.plan.is_whole, "the plan")
    assert (dialog.room.text(), dialog.unpack.isEnabled()) == (told, begins)
    dialog.reject()


def test_nothing_is_deleted_before_a_person_says_so(shown: Shown) -> None:
    shown.mark(WHOLE)
    shown.page.actions_by_name["discard"].trigger()
    box = shown.page.findChildren(QMessageBox)[-1]
    default = box.defaultButton()
    assert default is not None
    assert default.text() == "Cancel"
    assert rows()[0].folder in box.informativeText()
    default.click()
    assert shown.stage.noted("discard") == []
    shown.page.actions_by_name["discard"].trigger()
    box = shown.page.findChildren(QMessageBox)[-1]
    next(button for button in box.buttons() if button.text() == "Delete").click()
    wait_until(lambda: shown.stage.noted("discard"), "the wish")
    assert shown.stage.noted("discard") == [{"command": "discard", "holding": WHOLE}]
    wait_until(shown.page.banner.isVisible, "what was kept")
    assert shown.page.banner.accessibleName() == "3 files (5.00 MB) were deleted"
    assert shown.page.banner.accessibleDescription().startswith("1 was kept")


def test_a_running_task_is_seen_and_stopped(shown: Shown) -> None:
    shown.mark(NEWER)
    strip = shown.page.panel.strip
    assert not strip.isVisible()
    shown.player.task()
    assert strip.isVisible()
    assert "1,403 of 4,210 files" in strip.text
    assert shown.text(NEWER, Column.STATE) == "Verifying thoroughly · 33%"
    assert 300 < strip.bar.value() < 340
    strip.stop.click()
    wait_until(lambda: shown.stage.noted("stop"), "the wish")
    assert shown.stage.noted("stop") == [{"command": "stop", "task": 7}]
    shown.player.task(state=TaskState.DONE)
    assert not strip.isVisible()
    assert shown.text(NEWER, Column.STATE) == "New release available"


@pytest.mark.parametrize(
    ("kind", "state", "problem", "told"),
    [
        (TaskKind.DEEP, TaskState.WAITING, None, "Waiting for another task"),
        (TaskKind.UNPACK, TaskState.RUNNING, None, "Unpacking · TS_000017.zip"),
        (TaskKind.UNPACK, TaskState.DONE, None, "Unpacked 3 archives"),
        (TaskKind.UNPACK, TaskState.STOPPED, None, "stopped"),
        (TaskKind.UNPACK, TaskState.FAILED, Problem(Code.DISK_FULL), "could not be finished"),
    ],
)
def test_what_becomes_of_a_task_is_told(
    shown: Shown, kind: TaskKind, state: TaskState, problem: Problem | None, told: str
) -> None:
    shown.mark(NEWER)
    shown.player.task(kind, state, problem=problem)
    assert told in shown.page.panel.strip.text
    assert shown.page.panel.strip.stop.isVisible() == (state in (TaskState.WAITING, TaskState.RUNNING))


def test_only_what_is_damaged_is_shown_when_asked_for(shown: Shown) -> None:
    shown.mark(DAMAGED)
    tick = shown.page.panel.damaged
    assert tick.text() == "Damaged files only (2)"
    tick.click()
    wait_until(lambda: shown.files.rowCount() == 2, "the two")
    found = [str(shown.files.index(row, FileColumn.FOUND).data()) for row in range(2)]
    assert found == ["Missing", "Changed"]
    shown.mark(WHOLE)
    assert not tick.isVisible()
    assert not tick.isChecked()


def test_a_folder_that_leaves_the_list_is_looked_at_no_more(shown: Shown) -> None:
    shown.mark(OTHER)
    shown.player.change(removed=(OTHER,))
    assert shown.stage.desk.library.folders.place_of(OTHER) is None
    assert shown.page.view.currentIndex().isValid()
    for row in rows():
        shown.player.change(removed=(row.id,))
    assert not shown.page.view.isVisible()
    assert shown.stage.desk.library.chosen is None
    shown.player.change(rows()[0])
    assert shown.page.view.isVisible()


def test_every_cell_and_button_has_a_name(shown: Shown) -> None:
    page = shown.page
    shown.mark(DAMAGED)
    for widget in (page.view, page.panel.view):
        assert widget.accessibleName()
    model = shown.stage.desk.library.folders
    for column in Column:
        assert model.index(0, column).data(Qt.ItemDataRole.AccessibleTextRole)
    for place in FileColumn:
        assert shown.files.index(0, place).data(Qt.ItemDataRole.AccessibleTextRole)
    assert all(action.text() for action in page.actions_by_name.values())


def test_the_other_language_holds_everywhere(shown: Shown) -> None:
    shown.mark(DAMAGED)
    shown.stage.window.change_language("ko")
    assert shown.text(DAMAGED, Column.STATE) == "손상된 파일 2개"
    assert shown.page.panel.damaged.text() == "손상된 파일만 보기 (2)"
    assert shown.stage.window.side.list.item(Place.LIBRARY).text() == "보관함"


@pytest.fixture
def frozen() -> Iterator[None]:
    """As the program does at its start: else the collector would walk over everything that the other tests left."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@TOLD
@pytest.mark.usefixtures("frozen")
def test_a_hundred_thousand_files_without_stutter(shown: Shown) -> None:
    shown.mark(DAMAGED)
    bar = shown.page.panel.view.verticalScrollBar()
    scroll = QTimer(interval=15)
    steps = iter(range(1 << 30))
    # Through all of it, and now and then somewhere else: each place is a page that has to come.
    scroll.timeout.connect(lambda: bar.setValue(next(steps) * 7919 % max(1, bar.maximum())))
    lateness, until = Lateness(), time.monotonic() + 5.0
    scroll.start()
    wait_until(lambda: time.monotonic() > until, "five seconds of it")
    scroll.stop()
    lateness.stop()
    own = sorted(lateness.own)
    print(f"\n{lateness}")
    assert own[int(len(own) * 0.99)] < 0.020
    bar.setValue(bar.maximum())
    wait_until(lambda: shown.files.file_at(MANY - 1), "the last page")


# ---- with the real engine ------------------------------------------------------------------------


def test_what_is_downloaded_is_verified_and_thrown_away(hub: DemoHub, open_stage: OpenStage, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.ZIP64)
    stage.desk.tree.tick(stage.desk.tree.index(0, 0), True)
    folder = tmp_path / "받은 것"
    stage.wait_for(stage.download(folder), TransferState.DONE)
    stage.window.go(Place.LIBRARY)
    library, page = stage.desk.library, stage.window.library
    wait_until(lambda: [row for row in library.folders.rows() if row.summary], "the folder")
    (row,) = library.folders.rows()
    assert (row.folder, row.state, bool(row.title)) == (str(folder), HoldingState.RIGHT, True)
    page.mark(row.id)
    files = stage.desk.queue.transfers()[0].files
    wait_until(lambda: library.files.rowCount() == files and library.files.file_at(files - 1), "its files")
    page.actions_by_name["deep"].trigger()
    wait_until(lambda: library.folders.rows()[0].verdict, "the verification")
    assert library.folders.rows()[0].verdict.damaged == 0  # type: ignore[union-attr]
    gone = next(path for path in sorted(folder.rglob("*")) if path.is_file() and ".aihub" not in path.parts)
    gone.unlink()
    page.actions_by_name["deep"].trigger()
    wait_until(lambda: library.folders.rows()[0].state is HoldingState.DAMAGED, "the damage")
    page.actions_by_name["repair"].trigger()
    wait_until(gone.exists, "the repair")
    wait_until(lambda: library.folders.rows()[0].state is HoldingState.RIGHT, "the folder to be right")
    wait_until(lambda: all(row.state is TransferState.DONE for row in stage.desk.queue.transfers()), "its end")
    stage.window.go(Place.LIBRARY)
    page.actions_by_name["discard"].trigger()
    box = page.findChildren(QMessageBox)[-1]
    next(button for button in box.buttons() if button.text() == "Delete").click()
    wait_until(lambda: not library.folders.rows(), "the end of it")
    assert not folder.exists()


class Opened(QObject):
    """Hears which folders are to be opened, in place of a file manager."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[QUrl] = []

    @Slot(QUrl)
    def hear(self, url: QUrl) -> None:
        self.urls.append(url)


def test_a_newer_release_is_fetched_into_its_folder(
    open_stage: OpenStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the word in the library to the files of the new release, and to a library that has nothing to say of it."""
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    given, here = {"자료/소리.zip": zipped([Entry(name="가.wav", data=b"1" * 9_000)])}, tmp_path / "here"
    with DemoHub(Catalogue.of(given)) as hub, RunningEngine(tmp_path / "other home", hub.url) as run:
        assert run.fetch(here).state is TransferState.DONE
    with DemoHub(Catalogue.of({"새 것.txt": b"new", **given})) as hub:
        stage = open_stage(hub.url, key=DEMO_KEY).ready()
        stage.window.go(Place.LIBRARY)
        library, page = stage.desk.library, stage.window.library
        page.door.add(str(here))
        wait_until(library.folders.rows, "the folder")
        wait_until(lambda: library.folders.rows()[0].state is HoldingState.NEWER, "the newer release")
        page.mark(library.folders.rows()[0].id)
        page.panel.release.click()
        wait_until(lambda: stage.desk.tree.total().files == 2, "the files of the new release")
        stage.desk.tree.tick(QModelIndex(), True)
        target = stage.window.datasets.files.target
        assert target.folder() == str(here)
        assert target.base() != str(here), "the next dataset would go into the folder of this one"
        target.button.click()
        wait_until(lambda: stage.desk.queue.rowCount() == 1, "the transfer")
        row = stage.wait_for(stage.desk.queue.transfers()[0].id, TransferState.DONE)
        assert (row.files, row.done, row.failed) == (2, 2, 0)
        assert (here / "새_것.txt").read_bytes() == b"new"
        stage.window.go(Place.LIBRARY)
        wait_until(lambda: library.folders.rows()[0].state is HoldingState.RIGHT, "a library without a newer release")
    assert page.panel.release.isHidden()


def test_a_folder_of_another_machine_is_all_that_is_needed(
    open_stage: OpenStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    given = {"자료/소리.zip": zipped([Entry(name="가.wav", data=b"1" * 9_000)]), "자료/표.csv": b"1,2\n" * 500}
    there, here = tmp_path / "there" / "받은 것", tmp_path / "here"
    with DemoHub(Catalogue.of(given)) as hub, RunningEngine(tmp_path / "other home", hub.url) as run:
        assert run.fetch(there).state is TransferState.DONE
    there.rename(here)
    opened = Opened()
    QDesktopServices.setUrlHandler("file", opened, "hear")  # type: ignore[arg-type]  # its stub is wrong
    with DemoHub(Catalogue.of({"새 것.txt": b"new", **given})) as hub:
        stage = open_stage(hub.url, key=DEMO_KEY).ready()
        stage.window.go(Place.LIBRARY)
        library, page = stage.desk.library, stage.window.library
        page.door.add(str(here))
        wait_until(lambda: library.folders.rows() and library.folders.rows()[0].summary, "the folder")
        # Nobody asked for the dataset's list here: the engine does, for the keys may be others now.
        wait_until(lambda: library.folders.rows()[0].state is HoldingState.NEWER, "the newer release")
        (row,) = library.folders.rows()
        page.mark(row.id)
        wait_until(lambda: library.files.file_at(1), "its files")
        words, place = LibraryWords(stage.desk.words), library.folders.place_of(row.id)
        today = time.strftime("%Y-%m-%d")
        assert place is not None
        assert [library.folders.index(place, column).data() for column in Column][1:] == [
            stage.desk.words.size(sum(map(len, given.values()))), "2", today, "Archive entries (1), Length (1)",
            "New release available",
        ]  # fmt: skip
        assert words.about(row).startswith("Dataset 90001 · 2 files")
        assert "new release" in words.warning(row)
        assert page.panel.release.isVisible()
        page.panel.release.click()
        wait_until(lambda: stage.desk.chosen is not None and stage.desk.chosen.key == "90001", "the dataset")
        assert stage.window.side.list.currentRow() == Place.DATASETS
        stage.window.go(Place.LIBRARY)
        page.actions_by_name["folder"].trigger()
        assert [Path(url.toLocalFile()) for url in opened.urls] == [here]
        page.actions_by_name["deep"].trigger()
        wait_until(lambda: library.folders.rows()[0].verdict, "the verification")
        page.actions_by_name["unpack"].trigger()
        dialog = stage.window.findChildren(UnpackDialog)[-1]
        wait_until(lambda: dialog.plan.is_whole, "the plan")
        dialog.unpack.click()
        wait_until((here / "자료/소리/가.wav").exists, "what was packed")
        wait_until(lambda: "Unpacked 1 archive" in page.panel.strip.text, "its words")
        ink = library.folders.index(place, Column.NAME).data(Qt.ItemDataRole.ForegroundRole)
        here.rename(tmp_path / "away")
        library.load()
        wait_until(lambda: library.folders.rows()[0].state is HoldingState.GONE, "its absence")
        assert library.folders.index(place, Column.NAME).data(Qt.ItemDataRole.ForegroundRole) != ink, "not greyed"
        assert library.folders.rows()[0].summary is not None
        assert not page.panel.view.isVisible()
    QDesktopServices.unsetUrlHandler("file")
