"""The real window, the real engine in its own process, and the demo hub over real sockets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QScrollArea, QWidget

from aihub_desktop.demo import offer
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Refuse, Slow, Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import FAULT_OF, Code, Problem
from aihub_desktop.domain.messages import Configure
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.domain.names import safe_path
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui import theme
from aihub_desktop.gui.cures import Cure, cures_of
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.pages.target import own_folder
from aihub_desktop.gui.parts import EmptyPlace
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.words import Words
from gui.lateness import Lateness
from gui.stage import Stage, alive, family, wait_until

OpenStage = Callable[..., Stage]
WRONG_KEY = "00000000-0000-4000-8000-000000000000"
no_keychain = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the machine's own keychain would answer")


def text_of(widget: QWidget) -> str:
    return widget.text() if isinstance(widget, QLineEdit | QPushButton) else ""


def key_dialog(stage: Stage) -> KeyDialog:
    def visible() -> list[KeyDialog]:
        return [dialog for dialog in stage.window.findChildren(KeyDialog) if dialog.isVisible()]

    wait_until(visible, "the key dialog")
    return visible()[-1]


def enter_key(dialog: KeyDialog, key: str) -> None:
    """Types it, and keeps it: for the run, once it turns out that there is no keychain."""
    field = dialog.field
    field.selectAll()
    QTest.keyClicks(field, key)
    known = dialog.for_run.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Return)
    if not known:
        wait_until(lambda: dialog.for_run.isVisible() and dialog.for_run.isEnabled(), "the word about the keychain")
        QTest.mouseClick(dialog.for_run, Qt.MouseButton.LeftButton)


def type_hangul(field: QLineEdit, text: str) -> None:
    """As an input method does it: the last syllable is shown, and committed only when the next one begins."""
    for done in range(len(text)):
        committed = QInputMethodEvent(text[done], [])
        committed.setCommitString(text[done - 1] if done else "")
        QApplication.sendEvent(field, committed)


def everything_is_there(catalogue: Catalogue, files: list[RemoteFile], folder: Path) -> None:
    for file in files:
        assert safe_path(file.path).under(folder).read_bytes() == catalogue.bytes_of(file.key), file.path
    manifest = (folder / ".aihub" / "manifest-sha256.txt").read_text(encoding="utf-8")
    assert len(manifest.splitlines()) == len(files)
    left = [path for path in folder.rglob("*") if path.name.endswith((".part", ".journal"))]
    assert left == []


def tick_all(stage: Stage) -> list[RemoteFile]:
    stage.desk.tree.tick(QModelIndex(), True)
    return stage.desk.tree.files(ticked=True)


@pytest.fixture
def hub_elsewhere() -> Iterator[str]:
    """The demo hub in a process of its own, so that its threads do not hold up the window's; its address."""
    command = [sys.executable, "-m", "aihub_desktop.demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().partition("=")[2]
        finally:
            process.terminate()
            process.stdout.close()


# ---- the road


@no_keychain
def test_from_the_search_field_to_verified_files(
    open_stage: OpenStage, hub_elsewhere: str, catalogue: Catalogue, folder: Path
) -> None:
    stage = open_stage(hub_elsewhere).ready()
    stage.link.tell(Configure(0, {"spread": 0.1}))
    page = stage.window.datasets
    assert stage.window.focusWidget() is page.search or page.search.hasFocus()
    lateness = Lateness()
    type_hangul(page.search, "시장의 소ㄹ")
    assert stage.desk.datasets.rowCount() == 1
    QTest.keyClick(page.search, Qt.Key.Key_Down)
    wait_until(lambda: stage.desk.tree.total().files == 13, "the tree")
    view = page.files.view
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert stage.window.focusWidget() is view
    view.setCurrentIndex(stage.desk.tree.index(0, 0))
    QTest.keyClick(view, Qt.Key.Key_Space)
    files = stage.desk.tree.files(ticked=True)
    assert len(files) == 13
    page.files.target.set_folder(str(folder))
    QTest.mouseClick(page.files.target.button, Qt.MouseButton.LeftButton)
    enter_key(key_dialog(stage), DEMO_KEY)
    wait_until(lambda: stage.desk.queue.rowCount() == 1, "the transfer")
    wait_until(stage.window.downloads.isVisible, "the page of downloads")
    number = stage.desk.queue.transfers()[0].id
    stage.window.downloads.view.expandAll()
    row = stage.wait_for(number, TransferState.DONE)
    lateness.stop()
    print(lateness)
    assert (row.files, row.done, row.failed) == (13, 13, 0)
    everything_is_there(catalogue, files, folder)
    top = stage.desk.queue.index_of(number)
    wait_until(lambda: stage.desk.queue.rowCount(top) == 13, "the rows of its files")
    assert {stage.desk.queue.index(place, Column.STATE, top).data() for place in range(13)} == {"Verified"}
    assert stage.desk.settings.folder == str(folder)
    assert lateness.own_worst < 0.1


def test_pause_and_resume(open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue, folder: Path) -> None:
    hub.faults.add(Slow(rate=1_500_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.SPLIT)
    files = tick_all(stage)
    number = stage.download(folder)
    act = stage.window.downloads.actions_by_name
    wait_until(lambda: stage.row(number).bytes > 200_000, "some bytes")
    stage.window.downloads.view.select(number)
    assert act["pause"].isEnabled()
    assert not act["resume"].isEnabled()
    stage.window.downloads.pausing.stop.trigger()
    paused = stage.wait_for(number, TransferState.PAUSED)
    wait_until(lambda: not stage.row(number).running, "the streams' end")
    assert stage.desk.queue.index_of(number, Column.SPEED).data() == ""
    assert act["resume"].isEnabled()
    act["resume"].trigger()
    hub.faults.clear()
    row = stage.wait_for(number, TransferState.DONE)
    assert row.bytes >= paused.bytes
    everything_is_there(catalogue, files, folder)


def test_cancel_retry_and_remove(open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue, folder: Path) -> None:
    hub.faults.add(Stall(after=100_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.SPLIT)
    files = tick_all(stage)
    number = stage.download(folder)
    act = stage.window.downloads.actions_by_name
    wait_until(lambda: stage.row(number).bytes > 0, "some bytes")
    stage.window.downloads.view.select(number)
    assert not act["remove"].isEnabled()
    act["cancel"].trigger()
    stage.wait_for(number, TransferState.CANCELLED)
    hub.faults.clear()
    assert act["retry"].isEnabled()
    act["retry"].trigger()
    stage.wait_for(number, TransferState.DONE)
    everything_is_there(catalogue, files, folder)
    QTest.keyClick(stage.window.downloads.view, Qt.Key.Key_Delete)
    wait_until(lambda: stage.desk.queue.rowCount() == 0, "an empty list")
    everything_is_there(catalogue, files, folder)


# ---- states with a button


def banner_button(stage: Stage, cure: Cure) -> QPushButton:
    wanted = stage.desk.words.say(f"gui.cure.{cure}")
    found = [button for button in stage.window.downloads.banner.buttons() if button.text() == wanted]
    assert found, [button.text() for button in stage.window.downloads.banner.buttons()]
    return found[0]


@no_keychain
def test_a_wrong_key_is_cured_by_another(
    open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue, folder: Path
) -> None:
    stage = open_stage(hub.url, key=WRONG_KEY).ready()
    assert stage.desk.key.origin == "env"
    stage.choose(offer.ZIP64)
    files = tick_all(stage)
    number = stage.download(folder)
    row = stage.wait_for(number, TransferState.NEEDS_USER)
    assert row.problem is not None
    assert row.problem.code is Code.KEY_REJECTED
    assert stage.window.downloads.banner.isVisible()
    QTest.mouseClick(banner_button(stage, Cure.ENTER_KEY), Qt.MouseButton.LeftButton)
    dialog = key_dialog(stage)
    enter_key(dialog, WRONG_KEY)
    wait_until(lambda: dialog.status == stage.desk.words.problem(Problem(Code.KEY_REJECTED)).title, "the refusal")
    assert dialog.isVisible()
    stage.wait_for(number, TransferState.NEEDS_USER)
    wait_until(dialog.save.isEnabled, "another try")
    enter_key(dialog, DEMO_KEY)
    stage.wait_for(number, TransferState.DONE)
    wait_until(lambda: not stage.window.downloads.banner.isVisible(), "the banner's end")
    everything_is_there(catalogue, files, folder)
    assert stage.desk.key.origin == "run"


def test_a_dataset_that_is_not_approved_leads_to_its_page(
    open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []

    def opens(url: QUrl) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", opens)
    refusal = hub.faults.add(Refuse(refusal=Refusal.NOT_APPROVED))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.ZIP64)
    files = tick_all(stage)
    number = stage.download(folder)
    stage.wait_for(number, TransferState.NEEDS_USER)
    QTest.mouseClick(banner_button(stage, Cure.OPEN_PAGE), Qt.MouseButton.LeftButton)
    assert [url.toString() for url in opened] == [f"https://aihub.or.kr/aihubdata/data/view.do?dataSetSn={offer.ZIP64}"]
    hub.faults.remove(refusal)
    QTest.mouseClick(banner_button(stage, Cure.TRY_AGAIN), Qt.MouseButton.LeftButton)
    stage.wait_for(number, TransferState.DONE)
    everything_is_there(catalogue, files, folder)


@pytest.mark.parametrize("code", list(Code))
def test_every_problem_has_a_cure_in_words(qapp: object, code: Code) -> None:
    for language in ("ko", "en"):
        for cure in cures_of(Problem(code)):
            assert Words(language).say(f"gui.cure.{cure}")
    assert FAULT_OF[code]


# ---- with no network, and at the end


def test_the_last_catalogue_is_there_without_a_hub(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    total = stage.desk.datasets.total
    stage.choose(offer.MAIN)
    stage.close()
    hub.stop()
    again = open_stage(hub.url).ready()
    assert again.desk.datasets.total == total > 20
    again.choose(offer.MAIN)
    assert again.desk.tree.total().files == 13
    again.window.datasets.reload()
    wait_until(lambda: again.desk.catalogue.problem, "the hub's absence")
    assert again.desk.datasets.total == total
    again.window.datasets.files.reload()
    wait_until(lambda: again.desk.files.problem, "the hub's absence")
    assert again.desk.tree.total().files == 13
    assert again.window.datasets.files.banner.isVisible()
    hub.start()
    again.window.datasets.reload()
    wait_until(lambda: not again.desk.catalogue.loading and not again.desk.catalogue.problem, "the hub again")


def test_the_last_catalogue_waits_for_no_answer(open_stage: OpenStage, hub: DemoHub) -> None:
    """A hub that takes the connection and says nothing, as behind a dead line: the copy is on the screen meanwhile."""
    stage = open_stage(hub.url).ready()
    total = stage.desk.datasets.total
    stage.choose(offer.MAIN)
    stage.close()
    hub.stop()
    with socket.create_server(("127.0.0.1", int(hub.url.rpartition(":")[2]))):
        again = open_stage(hub.url)
        again.window.datasets.reload()
        wait_until(lambda: again.desk.datasets.total == total, "the copy")
        page = again.window.datasets
        page.reload()
        wait_until(lambda: again.desk.catalogue.loading, "the question")
        again.choose(offer.MAIN)
        assert again.desk.tree.total().files == 13
        assert page.view.visualRect(page.view.model().index(0, 0)).isValid()
        assert again.desk.catalogue.loading, "the hub has not answered"
        again.close()


def test_without_a_hub_and_without_a_copy_the_page_says_so_and_tries_again(open_stage: OpenStage, hub: DemoHub) -> None:
    hub.stop()
    stage = open_stage(hub.url)
    wait_until(lambda: stage.desk.catalogue.problem, "the hub's absence")
    page = stage.window.datasets
    button = next(place.button for place in page.findChildren(EmptyPlace) if place.button.isVisible())
    assert button.text() == stage.desk.words.say("gui.cure.try-again")
    hub.start()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    stage.ready()


def test_closed_in_the_middle_it_leaves_no_process_and_goes_on_later(
    open_stage: OpenStage, hub: DemoHub, catalogue: Catalogue, folder: Path
) -> None:
    hub.faults.add(Slow(rate=1_500_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.SPLIT)
    files = tick_all(stage)
    number = stage.download(folder)
    wait_until(lambda: stage.row(number).bytes > 300_000, "some bytes")
    processes = family(stage.link.pid)
    stage.window.resize(900, 640)
    stage.window.leave()
    assert not stage.window.isVisible()
    stage.close()
    wait_until(lambda: not any(map(alive, processes)), "the end of every process")
    hub.faults.clear()
    again = open_stage(hub.url, key=DEMO_KEY).ready()
    assert (again.window.width(), again.window.height()) == (900, 640)
    again.wait_for(number, TransferState.DONE)
    everything_is_there(catalogue, files, folder)


def test_a_lost_engine_is_said_and_started_again_by_a_button(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    lost: list[object] = []
    stage.desk.lost.connect(lost.append)
    os.kill(stage.link.pid, 9)
    wait_until(lambda: lost, "the loss")
    assert stage.window.headline.banner.isVisible()
    QTest.mouseClick(stage.window.headline.banner.buttons()[0], Qt.MouseButton.LeftButton)
    wait_until(lambda: not stage.window.headline.banner.isVisible(), "the engine again")
    stage.ready()


# ---- manners


def test_keys_lead_everywhere(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    window = stage.window
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.storage.isVisible()
    QTest.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.downloads.isVisible()
    QTest.keyClick(window, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    assert window.library.isVisible()
    QTest.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    assert window.settings.isVisible()
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.datasets.isVisible()
    assert window.focusWidget() is window.datasets.search
    asked = len(hub.requests)
    QTest.keyClick(window, Qt.Key.Key_F5)
    wait_until(lambda: len(hub.requests) > asked, "a new list")


def test_language_changes_while_it_runs_and_stays(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, language="en", key=DEMO_KEY).ready()
    stage.choose(offer.MAIN)
    tick_all(stage)
    button = stage.window.datasets.files.target.button
    assert button.text() == "Download"
    stage.program.speak("ko")
    assert button.text() == "다운로드"
    assert stage.desk.tree.sum().files == 13
    assert stage.window.side.list.item(Place.SETTINGS).text() == "설정"
    hangul = re.compile("[가-힣]")
    for page in (stage.window.downloads, stage.window.settings):
        for each in page.findChildren(QPushButton):
            assert not each.text() or hangul.search(each.text()), each.text()
    assert stage.desk.preferences.value("language") == "ko"


def test_every_control_has_a_name(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.MAIN)
    kinds = ("QLineEdit", "QToolButton", "QPushButton", "QTreeView", "QListWidget", "QComboBox", "QSpinBox")
    inner = ("qt_spinbox_lineedit", "qt_toolbar_ext_button", "ScrollLeftButton", "ScrollRightButton")
    nameless = []
    for widget in stage.window.findChildren(QWidget):
        is_control = any(widget.inherits(kind) for kind in kinds)
        # A place that is empty for the moment has its words, and its button's, only when it is shown.
        if not is_control or widget.objectName() in inner or isinstance(widget.parent(), QLineEdit | EmptyPlace):
            continue
        if not (widget.accessibleName() or text_of(widget) or getattr(widget, "toolTip", str)()):
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


def test_own_folders_are_safe_everywhere() -> None:
    titles = ["감성 대화", 'a/b\\c:d*e?"f<g>h|i', "  ", "끝에 점...", "가" * 200, "줄\n바꿈\t탭", "..", "CON"]
    for title in titles:
        name = own_folder(Dataset("aihub", "86", title))
        assert name.startswith("86")
        assert len(name.encode()) <= 120
        assert str(safe_path(name)) == name
    assert own_folder(Dataset("aihub", "86", "감성 대화")) == "86_감성_대화"


def test_settings_reach_the_engine_and_stay(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.go(Place.SETTINGS)
    stage.window.settings.pace.parallel.setValue(7)
    wait_until(lambda: stage.desk.settings.parallel == 7, "the engine's word")
    stage.close()
    again = open_stage(hub.url, key=DEMO_KEY).ready()
    wait_until(lambda: again.window.settings.pace.parallel.value() == 7, "the kept setting")


def test_light_and_dark_change_while_it_runs(qapp: QApplication, open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.MAIN)
    page = stage.window.datasets

    choose = next(button for button in page.files.target.findChildren(QPushButton) if button.text() == "Choose…")
    dialog = KeyDialog(stage.desk, stage.window)
    dialog.open()

    def colours() -> tuple[str, ...]:
        """Of the window, a chosen row, the darkest dot of an icon that was tinted, a dialog's foremost button."""
        icon = choose.icon().pixmap(16).toImage()
        dots = (icon.pixelColor(x, y) for x in range(icon.width()) for y in range(icon.height()))
        solid = max(dots, key=lambda dot: dot.alpha())
        return (
            stage.window.palette().window().color().name(),
            page.view.palette().highlight().color().name(),
            solid.name(),
            dialog.save.palette().button().color().name(),
        )

    before = colours()
    qapp.setPalette(theme.dark_palette())
    try:
        wait_until(lambda: all(old != new for old, new in zip(before, colours(), strict=True)), "the other colours")
    finally:
        qapp.setPalette(theme.light_palette())
    wait_until(lambda: colours() == before, "the first colours")
    dialog.reject()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_smallest_window_shows_the_settings_whole(open_stage: OpenStage, hub: DemoHub, language: str) -> None:
    stage = open_stage(hub.url, language=language).ready()
    stage.window.resize(900, 600)
    stage.window.go(Place.SETTINGS)
    (scroll,) = stage.window.settings.findChildren(QScrollArea)
    wait_until(lambda: scroll.viewport().width() > 600, "the page")
    assert scroll.horizontalScrollBar().maximum() == 0
