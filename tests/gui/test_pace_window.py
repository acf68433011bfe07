"""Pausing, limits, hours and room in the window: with the real engine, and with one that only notes what it is told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton, QToolButton

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.messages import Brake, DiskSpace
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.gui.cures import Cure
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.pages.downloads import DownloadsPage
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.window import Window
from aihub_desktop.system import pace
from aihub_desktop.system.pace import NIGHTS
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage
from gui.played import BIG, GB, HELD, MB, Player, in_the_evening, progress, running, transfer
from gui.stage import wait_until

# Answers each command with nothing, and writes it to the file named first.
NOTING: Final = """
import json, sys
with open(sys.argv[1], "a", encoding="utf-8") as notes:
    for number, line in enumerate(open(0, encoding="utf-8"), 1):
        notes.write(line)
        notes.flush()
        command = json.loads(line)
        # It knows no answers: what asks for one is refused.
        asks = command["command"] in ("space", "listdatasets", "listholdings", "find")
        refusal = {"code": "bad-command", "facts": {}} if asks else None
        print(json.dumps({"event": "answer", "seq": 0, "id": command["id"], "refused": refusal}), flush=True)
        if command["command"] == "quit":
            break
"""


class Played:
    """A window whose engine does nothing but note its commands; the test says what an engine would say."""

    def __init__(self, folder: Path) -> None:
        self._notes = folder / "notes"
        folder.mkdir(parents=True, exist_ok=True)
        self.link = EngineLink([sys.executable, "-c", NOTING, str(self._notes)])
        self.desk = Desk(self.link, Words("en"), folder, "http://127.0.0.1:9")
        self.window = Window(self.desk)
        self.player = Player(self.desk)
        self.gone: list[bool] = []
        self.window.gone.connect(lambda: self.gone.append(True))
        self.window.show()
        self.link.start()

    @property
    def page(self) -> DownloadsPage:
        return self.window.downloads

    def noted(self, command: str) -> list[dict[str, Any]]:
        """The commands of this name so far, without their numbers."""
        lines = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        found = [json.loads(line) for line in lines]
        return [{key: value for key, value in one.items() if key != "id"} for one in found if one["command"] == command]

    def wait_for(self, command: str) -> dict[str, Any]:
        wait_until(lambda: self.noted(command), command)
        return self.noted(command)[-1]

    def close(self) -> None:
        self.window.leave()
        wait_until(lambda: self.gone, "the end of the noting engine")
        self.window.deleteLater()


@pytest.fixture
def open_played(qapp: object, tmp_path: Path) -> Iterator[Callable[[], Played]]:
    opened: list[Played] = []

    def open_one() -> Played:
        opened.append(Played(tmp_path / "home"))
        return opened[-1]

    yield open_one
    for played in opened:
        if not played.gone:
            played.close()


@pytest.fixture
def played(open_played: Callable[[], Played]) -> Played:
    """One transfer of two running files, of which 12.5 GB would be lost by a stop."""
    found = open_played()
    found.player.begin([running()])
    found.player.progress(progress())
    found.page.view.select(BIG)
    return found


# ---- pausing


def test_a_pause_finishes_what_runs_and_says_what_a_stop_costs(played: Played) -> None:
    page = played.page
    assert page.pausing.stop.text() == "Stop now (12.5 GB will be received again)"
    page.actions_by_name["pause"].trigger()
    assert played.wait_for("pause") == {"command": "pause", "transfers": [BIG], "finish": True}
    assert not page.strip.isVisibleTo(page)
    played.player.change(running(finishing=True))
    assert page.strip.isVisibleTo(page)
    assert "12.5 GB will be received again" in page.strip.text
    assert not page.actions_by_name["pause"].isEnabled()
    assert page.actions_by_name["resume"].isEnabled()
    assert page.pausing.stop.isEnabled()
    page.strip.stop.click()
    wait_until(lambda: len(played.noted("pause")) == 2, "the stop")
    assert played.noted("pause")[-1] == {"command": "pause", "transfers": [BIG], "finish": False}
    page.strip.resume.click()
    assert played.wait_for("resume")["transfers"] == [BIG]
    played.player.change(transfer(BIG, TransferState.PAUSED))
    assert not page.strip.isVisibleTo(page)


def test_stopping_now_is_one_step_in_the_menu_beside_the_button(played: Played) -> None:
    bar = played.page.findChildren(QToolButton)
    button = next(each for each in bar if each.defaultAction() is played.page.actions_by_name["pause"])
    assert button.popupMode() is QToolButton.ToolButtonPopupMode.MenuButtonPopup
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert button.menu() is played.page.pausing.menu
    assert played.page.view.actions().count(played.page.pausing.stop) == 1
    played.window.go(Place.DOWNLOADS)
    played.window.activateWindow()
    played.page.view.setFocus()
    QTest.keyClick(
        played.page.view, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert played.wait_for("pause") == {"command": "pause", "transfers": [BIG], "finish": False}


def test_where_nothing_would_be_lost_a_pause_stops_at_once(played: Played) -> None:
    played.player.progress(progress(unfinished=0))
    assert played.page.pausing.stop.text() == "Stop now"
    assert played.page.pausing.actions() == [played.page.actions_by_name["pause"]]
    played.page.actions_by_name["pause-all"].trigger()
    assert played.wait_for("pause") == {"command": "pause", "transfers": [BIG], "finish": False}


# ---- closing


def box_button(box: QMessageBox, text: str) -> QPushButton:
    return next(button for button in box.findChildren(QPushButton) if button.text() == text)


def ask_to_close(played: Played) -> QMessageBox:
    played.window.close()
    assert played.window.isVisible()
    box = played.window.farewell.box
    assert box is not None
    assert "12.5 GB" in box.informativeText()
    played.window.close()
    assert played.window.farewell.box is box
    return box


def test_closing_says_what_it_costs_and_may_be_taken_back(played: Played) -> None:
    box_button(ask_to_close(played), "Keep open").click()
    assert played.window.isVisible()
    assert played.noted("pause") == []
    box_button(ask_to_close(played), "Close now").click()
    wait_until(lambda: played.gone, "the end")
    assert played.noted("pause") == []


def test_closing_once_all_is_finished_goes_on_at_the_next_start(
    played: Played, open_played: Callable[[], Played]
) -> None:
    box_button(ask_to_close(played), "Finish them, then close").click()
    assert played.wait_for("pause") == {"command": "pause", "transfers": [BIG], "finish": True}
    played.player.change(running(finishing=True))
    assert played.page.strip.text.startswith("The window closes once 2 files are finished")
    assert played.window.isVisible()
    played.player.change(transfer(BIG, TransferState.PAUSED))
    wait_until(lambda: played.gone, "the end")
    again = open_played()
    again.player.begin([transfer(BIG, TransferState.PAUSED), transfer(HELD, TransferState.PAUSED)])
    assert again.wait_for("resume")["transfers"] == [BIG]
    again.player.begin([transfer(BIG, TransferState.PAUSED)])
    again.close()
    assert len(again.noted("resume")) == 1


def test_who_resumes_meanwhile_stays(played: Played) -> None:
    box_button(ask_to_close(played), "Finish them, then close").click()
    played.wait_for("pause")
    played.player.change(running(finishing=True))
    played.player.change(running())
    played.player.change(transfer(BIG, TransferState.PAUSED))
    assert not played.gone
    assert played.window.isVisible()


def test_closing_costs_no_question_where_nothing_is_lost(played: Played) -> None:
    played.player.progress(progress(unfinished=0))
    played.window.close()
    assert not played.window.isVisible()
    wait_until(lambda: played.gone, "the end")


# ---- brakes


def test_the_brake_is_named_below_the_queue(played: Played) -> None:
    pace = played.page.pace
    totals = "6.20 MB/s · 1–3 h left · 4.10 GB again (after a cut)"
    assert pace.texts == (totals, "2 of 4 streams", "No limit")
    played.player.progress(progress(Brake.DRIVE))
    assert pace.texts[1] == "Limited by the drive · 2 of 4 streams"
    played.player.change(settings=Settings(limit=2 * MB, hours=NIGHTS))
    played.player.progress(progress(Brake.LIMIT))
    assert pace.texts[1:] == ("Limit 2 MB/s · 2 of 4 streams", "2 MB/s · Nights and weekends")
    played.player.change(transfer(BIG, TransferState.QUEUED))
    played.player.progress(progress(Brake.HOURS, streams=0, starts_at=in_the_evening()))
    assert pace.texts[:2] == ("1 waiting", "Waiting for its hours: starts at 19:00")
    played.player.change(transfer(BIG, TransferState.PAUSED))
    assert pace.texts[1] == ""


def test_what_heals_by_itself_says_so_and_can_be_tried_now(played: Played) -> None:
    problem = Problem(Code.NO_ROOM, {"need": 40 * GB, "free": 12 * GB})
    played.player.change(transfer(BIG, TransferState.NEEDS_USER, problem=problem))
    banner = played.page.banner
    assert banner.isVisibleTo(played.page)
    assert "40.0 GB needed" in banner.accessibleName()
    assert "it goes on by itself" in banner.accessibleDescription()
    assert banner.buttons()[0].text() == Words("en").say(f"gui.cure.{Cure.TRY_NOW}")
    banner.buttons()[0].click()
    assert played.wait_for("resume")["transfers"] == [BIG]


def test_the_target_says_what_the_drive_cannot_hold(played: Played) -> None:
    target, tree = played.window.datasets.files.target, played.desk.tree
    tree.fill([RemoteFile("aihub", "71", "1", "a/b.zip", SizeRange(5 * GB, 5 * GB, "5 GB"))])
    tree.tick(QModelIndex(), True)
    target.show_space(DiskSpace(30 * GB, 32 * GB, True, 4 * GB - 1, "FAT32"))
    assert "FAT32" in target.verdict
    target.show_space(DiskSpace(30 * GB, 32 * GB, True, usable=28 * GB))
    assert target.verdict == "30.0 GB free, 28.0 GB usable"
    target.show_space(DiskSpace(30 * GB, 32 * GB, True, usable=4 * GB))
    assert target.verdict == "1.00 GB short of space (30.0 GB free, 4.00 GB usable)"
    target.set_folder("/data")
    wait_until(lambda: played.noted("space"), "the question about the folder")
    asked = len(played.noted("space"))
    played.player.change(settings=Settings(floor_bytes=26 * GB))
    wait_until(lambda: len(played.noted("space")) > asked, "the question about the other floor")


# ---- limit and hours, with the real engine


def entry(actions: list[QAction], text: str) -> QAction:
    return next(action for action in actions if action.text() == text)


def test_the_menu_sets_limit_and_hours_at_once(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    menu = stage.window.downloads.pace.menu
    menu.fill()
    assert entry(menu.actions(), "No limit").isChecked()
    entry(menu.actions(), "5 MB/s").trigger()
    wait_until(lambda: stage.desk.settings.limit == 5 * MB, "the limit")
    menu.fill()
    assert entry(menu.actions(), "5 MB/s").isChecked()
    entry(menu.actions(), "Nights and weekends (19–7, all of Sat and Sun)").trigger()
    wait_until(lambda: stage.desk.settings.hours == NIGHTS, "the hours")
    assert stage.window.downloads.pace.texts[2] == "5 MB/s · Nights and weekends"
    menu.fill()
    entry(menu.actions(), "Choose hours…").trigger()
    assert stage.window.settings.isVisible()
    assert stage.window.settings.pace.table.hasFocus()


def test_limit_and_hours_hold_while_it_downloads(open_stage: OpenStage, hub: DemoHub, folder: Path) -> None:
    slow = hub.faults.add(Slow(rate=4_000))  # more than five minutes to go: what has less is finished
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    menu, words = stage.window.downloads.pace.menu, stage.desk.words
    stage.choose(offer.SPLIT)
    stage.desk.tree.tick(QModelIndex(), True)
    number = stage.download(folder)
    wait_until(lambda: stage.row(number).bytes, "some bytes")
    now = time.localtime()
    away = (now.tm_wday * 24 + now.tm_hour + 84) % 168
    stage.desk.configure(hours=Week({away}).text())
    wait_until(lambda: not stage.row(number).running, "the end of the hours")
    wait_until(lambda: pace.week(words, stage.desk.settings.hours) in stage.window.downloads.pace.texts[2], "the word")
    assert stage.state(number) not in TRANSFER_ENDED
    hub.faults.remove(slow)
    menu.fill()
    entry(menu.actions(), "2 MB/s").trigger()
    wait_until(lambda: stage.desk.settings.limit == 2 * MB, "the limit")
    had, begun = stage.row(number).bytes, time.monotonic()
    entry(menu.actions(), pace.week(words, "", long=True)).trigger()
    row = stage.wait_for(number, TransferState.DONE)
    assert time.monotonic() - begun > 0.9 * (row.bytes - had) / (2 * MB), "the limit held"


def test_a_week_is_painted_by_mouse_and_by_keyboard(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.activateWindow()
    stage.window.downloads.pace.hours_wanted.emit()
    table = stage.window.settings.pace.table

    def at(day: int, hour: int) -> QPoint:
        return table.visualRect(table.week.index(day, hour)).center()

    QTest.mousePress(table.viewport(), Qt.MouseButton.LeftButton, pos=at(0, 9))
    QTest.mouseMove(table.viewport(), at(4, 17))
    QTest.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=at(4, 17))
    office = {day * 24 + hour for day in range(5) for hour in range(9, 18)}
    wanted = Week(set(range(168)) - office)
    wait_until(lambda: stage.desk.settings.hours == wanted.text(), "the painted week")
    assert stage.window.settings.pace.hours.currentText() == f"Chosen hours ({168 - 45} h a week)"
    table.setCurrentIndex(table.week.index(0, 9))
    QTest.keyClick(table, Qt.Key.Key_Space)
    wait_until(lambda: 9 in Week.parse(stage.desk.settings.hours).allowed, "the hour by the keyboard")
    spoken = table.week.index(0, 9).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Mon 9–10, on"
    table.verticalHeader().sectionClicked.emit(6)
    wait_until(lambda: not set(range(144, 168)) & Week.parse(stage.desk.settings.hours).allowed, "no Sunday")
    stage.window.settings.pace.hours.activated.emit(0)
    wait_until(lambda: stage.desk.settings.hours == "", "always")
    assert table.week.hours == frozenset(range(168))
    menu = stage.window.downloads.pace.menu
    menu.fill()
    assert any(action.text().startswith("Chosen hours") for action in menu.actions())


def test_a_week_without_an_hour_is_taken_back(played: Played) -> None:
    played.player.change(settings=Settings(hours="mon 3-4"))
    table = played.window.settings.pace.table
    assert table.week.hours == frozenset({3})
    table.setCurrentIndex(table.week.index(0, 3))
    QTest.keyClick(table, Qt.Key.Key_Space)
    assert table.week.hours == frozenset({3})
    assert played.noted("configure") == []


def test_numbers_and_names_reach_the_engine(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    page = stage.window.settings
    page.pace.limit.setValue(1.5)
    page.disk.floor.setValue(3)
    page.advanced.agent.setText("Tester/1.0")
    page.advanced.agent.editingFinished.emit()
    wait_until(lambda: stage.desk.settings.limit == 3 * MB // 2, "the limit")
    wait_until(lambda: stage.desk.settings.floor_bytes == 3 * GB, "the floor")
    wait_until(lambda: stage.desk.settings.user_agent == "Tester/1.0", "the name")
    assert stage.desk.settings.parallel == Settings().parallel


def test_a_row_that_repeats_shows_it(played: Played) -> None:
    view = played.page.view
    top = played.desk.queue.index_of(BIG)
    view.expand(top)
    assert played.desk.queue.index(0, Column.STATE, top).data() == "Receiving again"
    assert view.grab().width() > 0  # painted without a complaint, which would fail the test
