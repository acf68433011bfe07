"""The window among others: a second start, links and drops, notices, the icon beside the clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFileOpenEvent
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication
from session_bus import NEEDS_BUS, session_bus

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Changed
from aihub_desktop.domain.settings import Awake
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TaskKind, TaskState
from aihub_desktop.gui import front_door, tray
from aihub_desktop.gui.front_door import FrontDoor
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.standing import Standing, standing
from aihub_desktop.gui.taskbar import _Launcher
from aihub_desktop.system import notice
from aihub_desktop.system.program import window
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage
from gui.played import MB, transfer
from gui.played_library import LibraryPlayer
from gui.stage import Stage, wait_until

# ---- a second start ----


def test_the_first_start_has_the_door_and_hears_the_second(qapp: QApplication, tmp_path: Path) -> None:
    """The second is a process, as it is in life; it ends by itself, with success, and starts no engine."""
    first = FrontDoor(tmp_path)
    heard: list[list[str]] = []
    first.called.connect(heard.append)
    assert first.open()
    second = subprocess.Popen(
        window("--home", str(tmp_path), "--api-url", "http://127.0.0.1:9", "aihub:90001", "목록.txt"),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: second.poll() is not None, "the end of the second start")
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    assert heard == [["aihub:90001", str(tmp_path / "목록.txt")]]
    first.close()
    third = FrontDoor(tmp_path)
    assert third.open()
    third.close()


def test_quit_ends_the_first_in_order_and_returns_when_it_has_gone(hub: DemoHub, tmp_path: Path) -> None:
    """As an installer needs it: whoever asked may replace the program's files at once."""
    words = ("--home", str(tmp_path / "home"), "--api-url", hub.url)
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    assert subprocess.run(window("--quit", *words), env=environment, timeout=60, check=False).returncode == 0
    assert not (tmp_path / "home").exists()  # nobody was there, and nothing was made
    with subprocess.Popen(window(*words), env=environment) as first:
        hub.requests.wait(lambda seen: any("datapckage" in request.path for request in seen))
        assert subprocess.run(window("--quit", *words), env=environment, timeout=60, check=False).returncode == 0
        assert first.wait(20) == 0
    assert (tmp_path / "home" / "window.ini").exists()


def test_a_door_whose_owner_was_killed_opens_again(qapp: QApplication, tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom PySide6.QtCore import QCoreApplication\n"
        "from aihub_desktop.gui.front_door import FrontDoor\n"
        "app = QCoreApplication([])\nassert FrontDoor(Path(sys.argv[1])).open()\nos._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9
    door = FrontDoor(tmp_path)
    assert door.open()
    door.close()


def test_who_does_not_answer_is_not_waited_for_for_ever(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_door, "_WAIT_MS", 300)
    assert not FrontDoor(tmp_path).knock(["aihub:90001"])


@pytest.mark.parametrize("said", [b"nonsense\n", b'{"words": "x"}\n', b'{"words": [], "more": 1}\n', b"x" * 5_000_000])
def test_nonsense_at_the_door_is_sent_away(qapp: QApplication, tmp_path: Path, said: bytes) -> None:
    door = FrontDoor(tmp_path)
    heard: list[list[str]] = []
    door.called.connect(heard.append)
    assert door.open()
    caller = QLocalSocket()
    caller.connectToServer(front_door._name(tmp_path))
    assert caller.waitForConnected(5000)
    caller.write(said)
    wait_until(lambda: caller.state() is QLocalSocket.LocalSocketState.UnconnectedState, "the end of it")
    assert heard == []
    door.close()


def test_ten_thousand_words_come_through_the_door(qapp: QApplication, tmp_path: Path) -> None:
    first = FrontDoor(tmp_path)
    heard: list[list[str]] = []
    first.called.connect(heard.append)
    assert first.open()
    script = (
        "import sys\nfrom pathlib import Path\nfrom PySide6.QtCore import QCoreApplication\n"
        "from aihub_desktop.gui.front_door import FrontDoor\napp = QCoreApplication([])\n"
        "words = [f'/자료/받은 것/{n:05}/목록.txt' for n in range(10_000)]\n"
        "sys.exit(not FrontDoor(Path(sys.argv[1])).knock(words))"
    )
    second = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: second.poll() is not None, "the end of the second start")
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    assert [len(words) for words in heard] == [10_000]
    first.close()


# ---- links and drops ----


def test_a_link_opens_its_dataset_and_downloads_nothing(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY)
    stage.window.arrivals.open(["aihub:90002"])  # before there is a list
    stage.ready()
    wait_until(lambda: stage.desk.chosen is not None and stage.desk.chosen.key == "90002", "the dataset")
    wait_until(lambda: stage.desk.tree.total().files, "its files")
    stage.window.go(Place.SETTINGS)
    stage.window.datasets.search.setText("소리")
    stage.program.called(["https://aihub.or.kr/aihubdata/data/view.do?dataSetSn=90008"])
    wait_until(lambda: stage.desk.chosen is not None and stage.desk.chosen.key == "90008", "the other dataset")
    assert stage.window.side.list.currentRow() == Place.DATASETS
    assert stage.desk.queue.transfers() == []
    assert not stage.window.headline.isVisible()


@pytest.mark.parametrize("link", ["aihub:99999999", "aihub:download/90002"])
def test_a_link_that_leads_nowhere_is_said(open_stage: OpenStage, hub: DemoHub, link: str) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.arrivals.open([link])
    assert stage.window.headline.isVisible()
    assert stage.desk.chosen is None


def test_what_is_dropped_goes_to_its_page(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    listed = tmp_path / "주소.txt"
    listed.write_text(f"{hub.url}/one.zip\n", encoding="utf-8")
    drop(stage, QUrl.fromLocalFile(str(listed)))
    assert stage.window.side.list.currentRow() == Place.STORAGE
    assert f"{hub.url}/one.zip" in stage.window.storage.web.field.toPlainText()
    drop(stage, QUrl("https://www.aihub.or.kr/aihubdata/data/view.do?dataSetSn=90002"))
    assert stage.window.side.list.currentRow() == Place.DATASETS
    assert stage.desk.chosen is not None
    assert stage.desk.chosen.key == "90002"
    data = QMimeData()
    data.setText("no address at all")
    assert not enter(stage, data).isAccepted()
    assert stage.desk.queue.transfers() == []


def test_many_at_once_are_one_errand(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    """Of many datasets the page shows one, and the hub is asked for one; lists go to the servers together."""
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    hub.faults.clear()
    asked: list[str] = []
    stage.desk.files_changed.connect(lambda _: asked.append(stage.desk.chosen.key if stage.desk.chosen else ""))
    stage.window.arrivals.open([f"aihub:{90001 + n % 20}" for n in range(1000)] + ["aihub:90008"])
    assert set(asked) == {"90008"}
    listed = [tmp_path / f"목록 {n}.txt" for n in range(3)]
    for n, path in enumerate(listed):
        path.write_text(f"{hub.url}/{n}.zip\n", encoding="utf-8")
    web = stage.window.storage.web
    # As the command line gives them, and as a file manager does; one of them is not there.
    stage.window.arrivals.open([str(listed[0]), listed[1].as_uri(), listed[2].as_uri(), str(tmp_path / "없음.txt")])
    assert [line.rpartition("/")[2] for line in web.field.toPlainText().split()] == ["0.zip", "1.zip", "2.zip"]
    assert len(web._asked) == 3
    assert "없음.txt" in web.banner.title


def test_links_of_macos_come_as_events(qapp: QApplication, open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    qapp.installEventFilter(stage.window.arrivals)
    qapp.sendEvent(qapp, QFileOpenEvent(QUrl("aihub:90002")))
    qapp.removeEventFilter(stage.window.arrivals)
    assert stage.desk.chosen is not None
    assert stage.desk.chosen.key == "90002"


def enter(stage: Stage, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(
        QPoint(400, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    stage.window.dragEnterEvent(event)
    return event


def drop(stage: Stage, url: QUrl) -> None:
    data = QMimeData()
    data.setUrls([url])
    assert enter(stage, data).isAccepted()
    stage.window.dropEvent(
        QDropEvent(
            QPoint(400, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
    )


# ---- how everything stands ----


def test_the_whole_queue_in_one_line() -> None:
    run, held = TransferState.RUNNING, TransferState.NEEDS_USER
    now = standing([transfer(1, run, here=30 * MB), transfer(2, held), transfer(3, TransferState.DONE)], 5.0 * MB)
    assert (now.active, now.needs, now.rate) == (1, 1, 5.0 * MB)
    assert now.fraction == pytest.approx(30 / 47 / 1024)
    assert standing([], 0.0) == Standing()
    assert standing([transfer(1, TransferState.PAUSED, finishing=True)], 0).active == 1
    assert standing([transfer(1, TransferState.PAUSED)], 0).paused == 1


@pytest.mark.parametrize("language", ["ko", "en"])
def test_its_words_and_its_icon(qapp: QApplication, language: str) -> None:
    words = Words(language)
    shown = tray.Tray(words)
    pictures = set()
    for now in (
        Standing(),
        Standing(2, 1, 0, 30, 100, 5e6),
        Standing(1, 0, 0, 90, 100),
        Standing(0, 2),
        Standing(0, 0, 3),
        Standing(tasks=2),
    ):
        shown.show(now)
        assert shown.status.text() == tray.told(words, now)
        assert shown.pause.isEnabled() is (now.active > 0)
        assert shown.resume.isEnabled() is (now.paused > 0)
        pictures.add(shown.icon.icon().pixmap(22, 22).toImage().cacheKey())
    assert "30" in tray.told(words, Standing(2, 1, 0, 30, 100, 5e6))
    assert len(pictures) > 3
    assert all(action.text() for action in shown.menu.actions() if not action.isSeparator())


# ---- notices ----


def test_what_ends_together_makes_one_notice(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    told: list[tuple[str, str]] = []
    notices = stage.window.presence.notices

    def show(title: str, text: str) -> bool:
        told.append((title, text))
        return True

    notices._show = show
    stage.window.hide()
    change(stage, transfer(1, TransferState.RUNNING), transfer(2, TransferState.RUNNING))
    assert told == []
    problem = Problem(Code.NOT_APPROVED)
    change(stage, transfer(1, TransferState.NEEDS_USER, problem=problem))
    change(stage, transfer(1, TransferState.NEEDS_USER, problem=problem))
    wait_until(lambda: told, "the notice")
    change(stage, transfer(2, TransferState.DONE))
    notices.flush()
    assert [title for title, _ in told] == ["A download needs you", "Downloaded and verified"]
    assert "not approved" in told[0][1]
    change(stage, *(transfer(number, TransferState.RUNNING) for number in range(100)))
    for number in range(100):
        change(stage, transfer(number, TransferState.DONE if number > 3 else TransferState.NEEDS_USER))
    notices.flush()
    notices.flush()
    assert len(told) == 3
    assert told[-1][0] == "96 downloads done · 4 need you"
    assert len(told[-1][1].splitlines()) == 4, "a few names, and that there are more"
    change(stage, transfer(1, TransferState.RUNNING))
    change(stage, transfer(1, TransferState.DONE))
    change(stage, transfer(1, TransferState.RUNNING))
    notices.flush()
    assert len(told) == 3, "what goes on again is no news"
    stage.window.presence.set_notifies(False)
    change(stage, transfer(1, TransferState.DONE))
    notices.flush()
    assert len(told) == 3


def test_a_task_of_the_library_is_under_way_too(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    told: list[str] = []
    presence = stage.window.presence

    def show(title: str, _: str) -> bool:
        told.append(title)
        return True

    presence.notices._show = show
    stage.window.hide()
    player = LibraryPlayer(stage.desk)
    player.task(TaskKind.UNPACK)
    assert presence.tray.status.text() == "1 library task in progress"
    assert told == []
    player.task(TaskKind.UNPACK, TaskState.DONE)
    assert told == ["The library's tasks are finished"]
    assert presence.now.tasks == 0


def test_a_lost_engine_is_told_to_who_does_not_see_the_window(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    told: list[str] = []
    presence = stage.window.presence

    def show(title: str, _: str) -> bool:
        told.append(title)
        return True

    presence.notices._show = show
    change(stage, transfer(1, TransferState.RUNNING))
    assert presence.now.active == 1
    stage.window.hide()
    os.kill(stage.link.pid, 9)
    wait_until(lambda: told, "the notice")
    assert told == ["The download engine has stopped"]
    assert presence.tray.status.text() == told[0]
    assert presence.now.active == 0, "a window that is closed now would wait for nothing"
    assert presence.now.fraction is None
    stage.desk.restart()
    wait_until(lambda: not presence.now.lost, "the new engine")


def change(stage: Stage, *rows: object) -> None:
    stage.desk.queue.change(Changed(0, list(rows), [], []))  # type: ignore[arg-type]


@NEEDS_BUS
def test_a_notice_reaches_the_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    with session_bus(monkeypatch, "org.freedesktop.Notifications") as desktop:
        assert notice.show("확인이 필요합니다", "A & <b>")
        _, body = desktop.next("Notify")
        assert body[0] == "AI Hub Desktop"
        assert body[3:5] == ("확인이 필요합니다", "A &amp; &lt;b&gt;")
        desktop.next("gone")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    assert not notice.show("nobody", "is there")


def test_what_was_chosen_stays(open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    section = stage.window.settings.desktop
    assert section.stays.isChecked()
    assert section.notices.isChecked()
    section.stays.setEnabled(True)  # as on a desktop with a place for the icon; the tests have none
    section.stays.click()
    section.notices.click()
    section.awake.activated.emit(list(Awake).index(Awake.MAINS))
    wait_until(lambda: stage.desk.settings.awake is Awake.MAINS, "the engine's word")
    stage.close()
    again = open_stage(hub.url, key=DEMO_KEY).ready()
    assert not again.window.settings.desktop.stays.isChecked()
    assert not again.window.presence.notifies
    assert again.desk.settings.awake is Awake.MAINS


def test_where_there_is_no_place_for_the_icon_nobody_is_promised_one(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    assert not stage.window.presence.can_stay, "the tests have no desktop"
    stage.window.go(Place.SETTINGS)
    section = stage.window.settings.desktop
    assert not section.stays.isEnabled()
    assert section.stays.isChecked(), "what was chosen is kept"
    for language in ("ko", "en"):
        stage.program.speak(language)
        told = stage.desk.words.say("gui.settings.desktop.background-none")
        assert section.stays_note.text() == section.stays.accessibleDescription() == told


@NEEDS_BUS
def test_the_launcher_hears_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a process of its own: Qt takes the session's bus once, at its first question."""
    script = (
        "from PySide6.QtWidgets import QApplication, QWidget\n"
        "from aihub_desktop.gui.standing import Standing\nfrom aihub_desktop.gui.taskbar import Taskbar\n"
        "app = QApplication([])\nbar = Taskbar(QWidget())\n"
        "bar.show(Standing(1, 1, 0, 40, 100))\nbar.show(Standing(1, 1, 0, 40, 100))\nbar.show(Standing())\n"
    )
    with session_bus(monkeypatch) as desktop:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (name, facts), (_, after) = desktop.next("Update")[1], desktop.next("Update")[1]
    assert name == "application://aihub-desktop.desktop"
    assert facts["progress"] == ("d", 0.4)
    assert facts["progress-visible"] == ("b", True)
    assert facts["urgent"] == ("b", True)
    assert after["progress-visible"] == ("b", False)


def test_a_launcher_that_is_not_there_harms_nobody(qapp: QApplication) -> None:
    _Launcher().show(0.5, 0)
