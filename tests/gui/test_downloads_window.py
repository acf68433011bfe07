"""The Downloads page in the real window: order, priority, filter, details, undo."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QModelIndex, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow, Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Brake, Configure, FileMap, Pause, Resume
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui.models.queue import QueueModel
from aihub_desktop.gui.models.queue_filter import Kind, QueueFilter
from aihub_desktop.gui.pages.queue_view import QueueView
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.words import Words
from gui.played import BIG, FILES, GB, HELD, MB, progress, running, transfer
from gui.stage import Stage, wait_until
from gui.test_pace_window import Played, open_played  # noqa: F401 - a fixture

OpenStage = Callable[..., Stage]
WORDS = Words("en")


def wish(stage: Stage, key: str, folder: Path) -> int:
    stage.window.go(Place.DATASETS)
    stage.choose(key)
    stage.desk.tree.tick(QModelIndex(), True)
    number = stage.download(folder / key)
    wait_until(lambda: [row.id for row in stage.window.downloads.view.choice().transfers] == [number], "its row")
    return number


def received_of(hub: DemoHub, catalogue: Catalogue) -> list[str]:
    """The datasets of which the hub was asked for files, in order; several requests in a row are one."""
    dataset_of = {file.key: data.key for data in catalogue.datasets for file in data.files}
    asked = [dataset_of[seen.file_keys[0]] for seen in hub.requests if seen.host == "stream" and seen.file_keys]
    return [key for key, _ in groupby(asked)]


@pytest.fixture
def three(open_stage: OpenStage, hub: DemoHub, folder: Path) -> tuple[Stage, list[int], Stall]:
    """MAIN, SPLIT and ZIP64 wait in this order, one file at a time; the first file of MAIN is held up."""
    stall = hub.faults.add(Stall(after=100_000, dataset=offer.MAIN))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.link.tell(Configure(0, {"spread": 0.0, "parallel": 1, "bundle_files": 1, "stall_seconds": 60}))
    numbers = [wish(stage, key, folder) for key in (offer.MAIN, offer.SPLIT, offer.ZIP64)]
    stage.window.go(Place.DOWNLOADS)
    wait_until(stall.reached.is_set, "the first stream")
    stage.window.activateWindow()
    return stage, numbers, stall


def choose(view: QueueView, index: QModelIndex) -> None:
    # Not by the view: what it does with the row depends on keys that an earlier test has held down.
    flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
    view.selectionModel().setCurrentIndex(index, flags)


def press(stage: Stage, key: Qt.Key) -> None:
    QTest.keyClick(stage.window.downloads.view, key, Qt.KeyboardModifier.AltModifier)


def let_go(stage: Stage, hub: DemoHub, stall: Stall, numbers: list[int]) -> None:
    hub.faults.remove(stall)
    stall.release.set()
    for number in numbers:
        stage.wait_for(number, TransferState.DONE)


# ---- order and priority


def test_the_order_in_the_list_is_the_order_of_receiving(
    three: tuple[Stage, list[int], Stall], hub: DemoHub, catalogue: Catalogue
) -> None:
    stage, numbers, stall = three
    main, split, zip64 = numbers
    page, queue = stage.window.downloads, stage.desk.queue
    page.view.select(zip64)
    press(stage, Qt.Key.Key_Up)
    wait_until(lambda: queue.shown() == [main, zip64, split], "one up")
    assert [row.id for row in page.view.choice().transfers] == [zip64], "it stays chosen"
    press(stage, Qt.Key.Key_Home)
    wait_until(lambda: queue.shown() == [zip64, main, split], "to the top")
    press(stage, Qt.Key.Key_Down)
    wait_until(lambda: queue.shown() == [main, zip64, split], "one down")
    press(stage, Qt.Key.Key_End)
    wait_until(lambda: queue.shown() == [main, split, zip64], "to the end")
    page.ordering.moves["top"].trigger()
    wait_until(lambda: queue.shown() == [zip64, main, split], "to the top by the menu")
    let_go(stage, hub, stall, numbers)
    assert received_of(hub, catalogue) == [offer.MAIN, offer.ZIP64, offer.MAIN, offer.SPLIT]


def test_a_priority_goes_before_the_list_and_stays_after_a_start(
    three: tuple[Stage, list[int], Stall], hub: DemoHub, catalogue: Catalogue, open_stage: OpenStage
) -> None:
    stage, numbers, stall = three
    main, split, zip64 = numbers
    page = stage.window.downloads
    page.view.select(main)
    page.ordering.priorities[Priority.LOW].trigger()
    page.view.select(zip64)
    page.ordering.priorities[Priority.HIGH].trigger()
    wait_until(lambda: stage.row(zip64).priority is Priority.HIGH, "the priority")
    assert stage.desk.queue.shown() == numbers, "the list is as it was"
    assert "High priority" in stage.desk.queue.index_of(zip64).data(Qt.ItemDataRole.AccessibleTextRole)
    wait_until(page.ordering.priorities[Priority.HIGH].isChecked, "the mark in the menu")
    page.view.select(split)
    press(stage, Qt.Key.Key_Home)
    wait_until(lambda: stage.desk.queue.shown() == [split, main, zip64], "the move")
    stage.close()
    again = open_stage(hub.url, key=DEMO_KEY).ready()
    assert again.desk.queue.shown() == [split, main, zip64]
    assert [again.row(number).priority for number in numbers] == [Priority.LOW, Priority.NORMAL, Priority.HIGH]
    hub.requests.clear()
    let_go(again, hub, stall, numbers)
    assert received_of(hub, catalogue) == [offer.ZIP64, offer.SPLIT, offer.MAIN]


def test_rows_are_dragged(three: tuple[Stage, list[int], Stall]) -> None:
    stage, (main, split, zip64), stall = three
    view, queue = stage.window.downloads.view, stage.desk.queue
    data = queue.mimeData([queue.index_of(zip64)])
    target = view.visualRect(queue.index_of(main))
    drop = QDropEvent(
        QPointF(target.center().x(), target.top() + 1), Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    view.dropEvent(drop)
    wait_until(lambda: queue.shown() == [zip64, main, split], "the drop")
    queue.dropMimeData(queue.mimeData([queue.index_of(zip64)]), Qt.DropAction.MoveAction, 3, 0, QModelIndex())
    wait_until(lambda: queue.shown() == [main, split, zip64], "the drop at the end")
    garbage = QMimeData()
    garbage.setData(queue.mimeTypes()[0], b"99 x -1 \xff")  # of another program
    queue.dropMimeData(garbage, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    view.expand(queue.index_of(main))
    wait_until(lambda: queue.rowCount(queue.index_of(main)) == 13, "its files")
    assert queue.flags(queue.index_of(main)) & Qt.ItemFlag.ItemIsDragEnabled
    assert not queue.flags(queue.index_of(main)) & Qt.ItemFlag.ItemIsDropEnabled
    stall.release.set()


# ---- undo


def test_a_removal_can_be_taken_back_and_is_final_after_the_end(
    open_stage: OpenStage, hub: DemoHub, folder: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    numbers = [wish(stage, key, folder) for key in (offer.ZIP64, offer.SPLIT)]
    for number in numbers:
        stage.wait_for(number, TransferState.DONE)
    page, queue = stage.window.downloads, stage.desk.queue
    before = stage.row(numbers[0])
    page.view.select(numbers[0])
    QTest.keyClick(page.view, Qt.Key.Key_Delete)
    wait_until(lambda: queue.shown() == [numbers[1]], "the removal")
    wait_until(page.undo.isVisible, "the way back")
    assert before.dataset.title in page.undo.text
    assert "files stay" in page.undo.text
    QTest.mouseClick(page.undo.button, Qt.MouseButton.LeftButton)
    wait_until(lambda: queue.shown() == numbers, "the row, where it was")
    assert not page.undo.isVisible()
    assert stage.row(numbers[0]) == before
    page.view.expand(queue.index_of(numbers[0]))
    wait_until(lambda: queue.rowCount(queue.index_of(numbers[0])) == before.files, "its files")
    for number, left in zip(numbers, ([numbers[1]], list[int]()), strict=True):
        page.view.select(number)
        page.actions_by_name["remove"].trigger()
        wait_until(partial(_stand, queue, left), "the removal")
    # The last removal alone can be taken back, also where the list is empty now.
    wait_until(page.undo.isVisible, "the way back")
    stage.window.activateWindow()
    QTest.keyClick(stage.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait_until(lambda: queue.shown() == [numbers[1]], "the last one")
    stage.close()
    again = open_stage(hub.url, key=DEMO_KEY).ready()
    assert again.desk.queue.shown() == [numbers[1]]
    assert any(folder.rglob("*.zip")), "the files stay"


def _stand(queue: QueueModel, wanted: list[int]) -> bool:
    return queue.shown() == wanted


# ---- filter


def test_the_list_is_filtered_by_kind_and_by_words_of_its_files(
    three: tuple[Stage, list[int], Stall], hub: DemoHub
) -> None:
    stage, numbers, stall = three
    main, split, zip64 = numbers
    page, queue = stage.window.downloads, stage.desk.queue
    texts = {kind: button.text() for kind, button in page.bar.buttons.items()}
    assert (texts[Kind.ALL], texts[Kind.ACTIVE], texts[Kind.WAITING]) == ("All 3", "Active 1", "Waiting 2")
    page.bar.buttons[Kind.WAITING].click()
    assert queue.shown() == [split, zip64]
    page.bar.buttons[Kind.ACTIVE].click()
    assert queue.shown() == [main]
    page.view.expand(queue.index_of(main))
    wait_until(lambda: queue.rowCount(queue.index_of(main)) == 1, "the one file that is under way")
    page.bar.buttons[Kind.ALL].click()
    page.bar.field.setText("ts_02")
    wait_until(lambda: queue.shown() == [main], "the download with that file")
    wait_until(lambda: queue.rowCount(queue.index_of(main)) == 1, "that file alone")
    assert "TS_02" in queue.index(0, 0, queue.index_of(main)).data()
    page.bar.field.setText("no such thing")
    wait_until(lambda: queue.shown() == [], "nothing")
    assert not page.view.isVisible()
    page._no_hit.button.click()
    wait_until(lambda: queue.shown() == [main, split, zip64], "everything again")
    assert page.view.isVisible()
    assert page.bar.field.text() == ""
    # Under a filter what happens is seen, too.
    page.bar.buttons[Kind.DONE].click()
    assert queue.shown() == []
    let_go(stage, hub, stall, numbers)
    assert sorted(queue.shown()) == sorted(numbers)


def test_another_filter_leaves_the_first_unfolded(qapp: QApplication) -> None:
    """Of a hundred that are unfolded, each row would be laid out anew."""
    model = QueueModel(Words("en"))
    view = QueueView(model)
    model.fill([transfer(number, TransferState.QUEUED) for number in range(1, 41)])
    for number in range(1, 41):
        view.setExpanded(model.index_of(number), True)
    model.narrow(QueueFilter(Kind.WAITING, ""))
    model.narrow(QueueFilter(Kind.ALL, ""))
    unfolded = [number for number in model.shown() if view.isExpanded(model.index_of(number))]
    assert unfolded == model.shown()[:10]
    for number in unfolded:
        view.setExpanded(model.index_of(number), False)
    model.narrow(QueueFilter(Kind.WAITING, ""))
    assert not any(view.isExpanded(model.index_of(number)) for number in model.shown()), "folded by hand"


def test_titles_are_found_while_a_syllable_is_still_being_typed(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    played.player.begin([running(), transfer(HELD, TransferState.QUEUED, title="도로 주행 영상")])
    played.page.bar.field.setText("도ㄹ")
    found = played.wait_for("find")
    assert (found["words"], found["states"]) == (["도ㄹ"], [])
    # The noting engine refuses to look into files, which leaves the titles.
    wait_until(lambda: played.desk.queue.shown() == [HELD], "the one title")


# ---- details


def test_the_chosen_file_shows_where_its_bytes_are(open_stage: OpenStage, hub: DemoHub, folder: Path) -> None:
    slow = hub.faults.add(Slow(rate=100_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.link.tell(Configure(0, {"mark_bytes": 1 << 16, "spread": 0.0, "bundle_files": 1}))
    number = wish(stage, offer.SPLIT, folder)
    page, queue = stage.window.downloads, stage.desk.queue
    maps: list[FileMap] = []
    stage.link.mapped.connect(maps.append)
    page.view.expand(queue.index_of(number))
    wait_until(lambda: queue.rowCount(queue.index_of(number)) > 1, "its files")
    choose(page.view, queue.index(0, 0, queue.index_of(number)))

    wait_until(lambda: maps and maps[-1].coming and maps[-1].durable, "a map of the running file")
    wait_until(page.details.map.isVisible, "the map")
    assert "received at" in page.details.map.accessibleDescription()
    facts = page.details.facts()
    assert facts["From"].startswith(f"AI Hub, dataset {offer.SPLIT} · file key")
    assert facts["Folder"].startswith(str(folder))
    assert facts["Verified"] == "not yet"
    assert facts["Connections"].startswith("one stream")
    assert page.details.map.grab().width() > 100
    page.pace.details.click()
    assert not page.details.isVisible()
    page.pace.details.click()
    stage.link.tell(Pause(0))
    stage.wait_for(number, TransferState.PAUSED)
    wait_until(lambda: maps[-1].durable and not maps[-1].coming, "what its journal says")
    hub.faults.remove(slow)
    stage.link.tell(Resume(0))
    stage.wait_for(number, TransferState.DONE)
    wait_until(lambda: "SHA-256" in page.details.facts().get("Verified", ""), "the proof")
    page.view.clearSelection()
    seen = len(maps)
    wait_until(lambda: page.details.facts().get("Downloads") == "0 of 1 not finished", "everything")
    assert len(maps) == seen


def test_a_map_is_asked_for_only_while_it_is_seen(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    page, queue = played.page, played.desk.queue
    played.player.begin([running()])
    played.window.go(Place.DOWNLOADS)
    page.view.expand(queue.index_of(BIG))
    choose(page.view, queue.index(1, 0, queue.index_of(BIG)))
    wait_until(lambda: played.noted("watch"), "the question")
    assert played.noted("watch")[-1]["file"] == FILES[1].id
    played.window.go(Place.SETTINGS)
    wait_until(lambda: played.noted("watch")[-1]["file"] is None, "the end of watching")
    played.window.go(Place.DOWNLOADS)
    wait_until(lambda: played.noted("watch")[-1]["file"] == FILES[1].id, "the question again")
    page.view.select(BIG)
    wait_until(lambda: played.noted("watch")[-1]["file"] is None, "the end of watching")
    assert len(played.noted("watch")) == 4


def test_details_say_what_came_again_and_why(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    page, queue = played.page, played.desk.queue
    played.player.begin([running()])
    played.window.go(Place.DOWNLOADS)
    played.player.progress(progress())
    page.view.select(BIG)
    facts = page.details.facts()
    assert facts["Received"] == "38.0 GB · 4.10 GB again (after a cut)"
    assert facts["Time left"] == "35–60 min · about 15.0–17.0 GB remaining"
    assert facts["Files"] == "36 files · 21 done · 2 in progress"
    page.view.expand(queue.index_of(BIG))
    choose(page.view, queue.index(0, 0, queue.index_of(BIG)))
    facts = page.details.facts()
    assert facts["Repeated"] == "3.20 of 7.50 GB again after a cut"
    assert facts["Attempts"] == f"1 failed · {WORDS.problem(Problem(Code.CUT)).title}"
    page.view.clearSelection()
    assert page.details.facts()["Time left"].startswith("1–3 h · about 15.0–17.0 GB")


def test_details_make_way_where_there_is_no_room(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    page = played.page
    played.player.begin([running()])
    played.window.go(Place.DOWNLOADS)
    played.window.resize(1120, 740)
    wait_until(lambda: page.details.isVisible() and page.details.graph.isVisible(), "both")
    played.window.resize(900, 600)
    wait_until(lambda: not page.details.graph.isVisible(), "no graph")
    assert page.details.isVisible()
    problem = Problem(Code.NO_ROOM, {"need": 40 * GB, "free": 12 * GB})
    played.player.change(transfer(BIG, TransferState.NEEDS_USER, problem=problem))
    wait_until(lambda: not page.details.isVisible(), "the list alone")
    played.window.resize(1120, 740)
    wait_until(page.details.isVisible, "the details")


# ---- the graph


def test_the_graph_says_its_figures(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    played.window.go(Place.DOWNLOADS)
    played.player.begin([running()], Settings(limit=8 * MB))
    graph = played.page.details.graph
    assert graph.description == "Nothing received"
    played.player.progress(progress(Brake.LIMIT))
    wait_until(lambda: "6.20" in graph.accessibleDescription(), "the figures")
    assert graph.description == "Now 6.20 MB/s, average 6.20 MB/s, peak 6.20 MB/s, limit 8 MB/s"
    assert graph.accessibleName() == "Speed of the last 5 minutes"
    assert graph.grab().width() > 100
    played.player.progress(progress(streams=0))
    assert graph.description.startswith("Now Idle")
    assert re.search(r"[가-힣]", Words("ko").say("gui.graph.nothing"))


# ---- what is painted has a name


def test_the_new_controls_can_be_named_and_reached(open_played: Callable[[], Played]) -> None:  # noqa: F811
    played = open_played()
    played.player.begin([running()])
    page = played.page
    assert page.ordering.button.focusPolicy() & Qt.FocusPolicy.TabFocus
    for widget in (page.bar.field, *page.bar.buttons.values(), page.details, page.details.map, page.details.graph):
        assert widget.accessibleName(), widget
    assert page.pace.details.shortcut().toString() == "Ctrl+D"
    assert page.bar.buttons[Kind.ACTIVE].accessibleName() == "Active, 1 download"
