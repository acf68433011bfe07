"""Files of a download put in order in the real window: by keys, by the menu, by dragging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.messages import Changed, Configure, FileRows
from aihub_desktop.domain.states import FileState
from aihub_desktop.domain.turns import GAP
from aihub_desktop.gui.models.queue import QueueModel
from aihub_desktop.gui.pages.queue_view import QueueView
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage
from gui.stage import Stage, wait_until
from gui.test_models import file_row, transfer, watched

NAMES = ("a.csv", "b.csv", "c.csv", "d.csv", "s.z01", "s.z02", "s.zip", "z.csv")
Begun = tuple[Stage, int, Stall, DemoHub]


@pytest.fixture
def begun(open_stage: OpenStage, folder: Path) -> Iterator[Begun]:
    """One download, one file at a time; its first is held up, its files are unfolded."""
    catalogue = Catalogue.of({f"자료/{name}": name.encode() * 30_000 for name in NAMES})
    with DemoHub(catalogue) as hub:
        stall = hub.faults.add(Stall(after=1_000))
        stage = open_stage(hub.url, key=DEMO_KEY).ready()
        stage.link.tell(Configure(0, {"spread": 0.0, "parallel": 1, "bundle_files": 1, "stall_seconds": 60}))
        stage.window.go(Place.DATASETS)
        stage.choose("90001")
        stage.desk.tree.tick(QModelIndex(), True)
        number = stage.download(folder)
        stage.window.go(Place.DOWNLOADS)
        wait_until(stall.reached.is_set, "the first stream")
        stage.window.downloads.view.expand(stage.desk.queue.index_of(number))
        wait_until(lambda: len(listed(stage, number)) == len(NAMES), "its files")
        stage.window.activateWindow()
        yield stage, number, stall, hub
        stall.release.set()


def listed(stage: Stage, number: int) -> str:
    """The files as they stand, by the letters of their names; the volumes of the split archive as 1, 2, 0."""
    names = [row.file.path.rpartition("/")[2] for row in stage.desk.queue.files(number)]
    return "".join({"s.z01": "1", "s.z02": "2", "s.zip": "0"}.get(name, name[0]) for name in names)


def choose(stage: Stage, number: int, letters: str) -> None:
    """These files; the first is the current one."""
    queue, chosen = stage.desk.queue, stage.window.downloads.view.selectionModel()
    chosen.clear()
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for letter in reversed(letters):
        chosen.setCurrentIndex(queue.index(listed(stage, number).index(letter), 0, queue.index_of(number)), flags)
    assert letters_chosen(stage, number) == sorted(letters)


def letters_chosen(stage: Stage, number: int) -> list[str]:
    order = listed(stage, number)
    rows = stage.window.downloads.view.selectionModel().selectedRows(0)
    return sorted(order[index.row()] for index in rows)


def press(stage: Stage, key: Qt.Key) -> None:
    QTest.keyClick(stage.window.downloads.view, key, Qt.KeyboardModifier.AltModifier)


def drop(stage: Stage, number: int, letters: str, at: str, *, below: bool = False) -> bool:
    """Drags what is chosen to the edge of a file, as Qt would. False where it may not be dropped there."""
    queue, view = stage.desk.queue, stage.window.downloads.view
    choose(stage, number, letters)
    data = queue.mimeData(view.selectionModel().selectedIndexes())
    target = view.visualRect(queue.index(listed(stage, number).index(at), 0, queue.index_of(number)))
    place = QPoint(target.left() + 5, target.bottom() - 1 if below else target.top() + 1)
    keys = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    move = QDragMoveEvent(place, Qt.DropAction.MoveAction, data, *keys)
    view.dragMoveEvent(move)
    if move.isAccepted():
        view.dropEvent(QDropEvent(QPointF(place), Qt.DropAction.MoveAction, data, *keys))
    return move.isAccepted()


def received(hub: DemoHub, catalogue_keys: dict[str, str]) -> list[str]:
    return [catalogue_keys[key] for seen in hub.requests if seen.host == "stream" for key in seen.file_keys]


def test_keys_move_files_and_the_hub_is_asked_in_that_order(begun: Begun) -> None:
    stage, number, stall, hub = begun
    by_key = {row.file.key: row.file.path.rpartition("/")[2] for row in stage.desk.queue.files(number)}

    def stands(order: str) -> None:
        wait_until(lambda: listed(stage, number) == order, f"{order}, not {listed(stage, number)}")

    choose(stage, number, "d")
    press(stage, Qt.Key.Key_Up)
    stands("abdc120z")
    assert letters_chosen(stage, number) == ["d"], "it stays chosen"
    assert stage.window.downloads.view.currentIndex().row() == 2, "and current"
    press(stage, Qt.Key.Key_Home)
    stands("dabc120z")
    choose(stage, number, "c")
    press(stage, Qt.Key.Key_Down)
    stands("dab120cz")
    choose(stage, number, "2")
    press(stage, Qt.Key.Key_Up)
    stands("da120bcz")
    press(stage, Qt.Key.Key_Down)
    stands("dab120cz")
    choose(stage, number, "bz")
    stage.window.downloads.ordering.moves["top"].trigger()
    stands("bzda120c")
    press(stage, Qt.Key.Key_End)
    stands("da120cbz")
    hub.faults.remove(stall)
    stall.release.set()
    wait_until(lambda: len(received(hub, by_key)) >= len(NAMES), "every request")
    assert received(hub, by_key)[:8] == ["a.csv", "d.csv", "s.z01", "s.z02", "s.zip", "c.csv", "b.csv", "z.csv"]
    wait_until(lambda: stage.desk.queue.files(number)[-2].state is FileState.DONE, "the proof")
    choose(stage, number, "b")
    assert not stage.window.downloads.ordering.button.isEnabled(), "what is done has no turn any more"


def test_files_are_dragged_within_their_download(begun: Begun) -> None:
    stage, number, _, _ = begun
    queue = stage.desk.queue
    assert drop(stage, number, "d", "b")
    wait_until(lambda: listed(stage, number) == "adbc120z", "before another")
    assert letters_chosen(stage, number) == ["d"]
    assert drop(stage, number, "bc", "z", below=True)
    wait_until(lambda: listed(stage, number) == "ad120zbc", "several, at the end")
    assert drop(stage, number, "z", "2")
    wait_until(lambda: listed(stage, number) == "adz120bc", "between the volumes is before them")
    title = stage.window.downloads.view.visualRect(queue.index_of(number))
    choose(stage, number, "c")
    data = queue.mimeData(stage.window.downloads.view.selectionModel().selectedIndexes())
    keys = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    stage.window.downloads.view.dropEvent(QDropEvent(QPointF(title.center()), Qt.DropAction.MoveAction, data, *keys))
    wait_until(lambda: listed(stage, number) == "cadz120b", "on its download is first in it")
    edge = QPoint(title.left() + 5, title.top() + 1)
    move = QDragMoveEvent(edge, Qt.DropAction.MoveAction, data, *keys)
    stage.window.downloads.view.dragMoveEvent(move)
    assert not move.isAccepted(), "between downloads is no place for a file"


def test_under_a_filter_files_move_within_what_is_shown(begun: Begun) -> None:
    stage, number, _, _ = begun
    stage.window.downloads.bar.field.setText("csv")
    wait_until(lambda: listed(stage, number) == "abcdz", "some")
    choose(stage, number, "z")
    press(stage, Qt.Key.Key_Up)
    wait_until(lambda: listed(stage, number) == "abczd", "one up of those shown")
    stage.window.downloads.bar.field.clear()
    stage.window.downloads.view.expand(stage.desk.queue.index_of(number))
    wait_until(lambda: listed(stage, number) == "abczd120", "among all")


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["Move file up", "Move file down", "First in its download", "Last in its download"]),
        ("ko", ["파일을 위로", "파일을 아래로", "이 다운로드에서 가장 먼저", "이 다운로드에서 가장 나중에"]),
    ],
)
def test_the_menu_says_what_is_moved(begun: Begun, language: str, names: list[str]) -> None:
    stage, number, _, _ = begun
    stage.window.change_language(language)
    page, say = stage.window.downloads, Words(language).say
    choose(stage, number, "bc")

    def offered() -> list[str]:
        return [action.text() for action in page.ordering.menu.actions() if action.isVisible() and action.text()]

    assert offered() == names
    assert [action.shortcut().toString() for action in page.ordering.moves.values()] == [
        "Alt+Up", "Alt+Down", "Alt+Home", "Alt+End",
    ]  # fmt: skip
    page.view.select(number)
    assert len(offered()) == 7
    assert offered()[0] == say("gui.order.download.up")


def test_a_move_lays_out_nothing_anew(qapp: QApplication) -> None:
    """With 100,000 rows unfolded that takes a second."""
    laid_out: list[object] = []

    class View(QueueView):
        def doItemsLayout(self) -> None:
            laid_out.append(self)
            super().doItemsLayout()

    model = QueueModel(Words("en"))
    watched(model)
    view = View(model)
    model.fill([transfer(1, files=40), transfer(2)])
    view.resize(700, 500)
    view.show()
    view.expand(model.index_of(1))
    rows = [file_row(key, 1, rank=key * GAP) for key in range(1, 41)]
    model.add_rows(1, 0, FileRows(rows, 40))
    view.setCurrentIndex(model.index(4, 0, model.index_of(1)))
    wait_until(lambda: view.visualRect(model.index(1, 0, model.index_of(1))).isValid(), "the rows")
    del laid_out[:]
    model.change(Changed(2, files=[file_row(30, 1, FileState.WAITING, rank=1), file_row(5, 1, rank=GAP * 50)]))
    qapp.processEvents()
    assert laid_out == []
    top = model.index_of(1)
    assert [model.index(row, 0, top).data() for row in (0, 1, 39)] == ["가/30.zip", "가/1.zip", "가/5.zip"]
    assert view.currentIndex() == model.index(39, 0, top)
    assert view.indexAt(view.visualRect(model.index(1, 0, top)).center()).data() == "가/1.zip"
    model.change(Changed(3, [transfer(3)]))
    wait_until(lambda: laid_out, "what has another shape")


def test_files_are_asked_for_as_they_come_into_sight(qapp: QApplication) -> None:
    """With each page the tree lays out anew all that it knows: what nobody sees stays with the engine."""
    count, asked = 3500, list[tuple[int, int]]()
    model = QueueModel(Words("en"))
    rows = {of: [file_row(of * 10_000 + key, of, rank=key * GAP) for key in range(count)] for of in (1, 2)}

    def answer(of: int, offset: int) -> None:
        asked.append((of, offset))
        page = FileRows(rows[of][offset : offset + 1000], count)
        QTimer.singleShot(0, model, lambda: model.add_rows(of, offset, page))

    model.rows_wanted.connect(answer)
    view = QueueView(model)
    view.resize(700, 500)
    view.show()
    model.fill([transfer(1, files=count), transfer(2, files=count), transfer(3)])
    view.expand(model.index_of(1))
    view.expand(model.index_of(2))
    known = [(1, 0), (2, 0), (1, 1000)]
    wait_until(lambda: sorted(asked) == sorted(known) and len(model.files(1)) == 2000, "what is in sight")
    bar = view.verticalScrollBar()
    bar.setValue(500)
    qapp.processEvents()
    assert len(asked) == 3
    bar.setValue(1500)
    wait_until(lambda: model.rowCount(model.index_of(1)) == 3000, "one more")
    while model.rowCount(model.index_of(1)) < count:
        view.scrollTo(model.index(model.rowCount(model.index_of(1)) - 1, 0, model.index_of(1)))
        here = model.rowCount(model.index_of(1))
        wait_until(lambda here=here: model.rowCount(model.index_of(1)) > here, "the next")  # type: ignore[misc]
    view.scrollToBottom()
    wait_until(lambda: model.rowCount(model.index_of(2)) > 1000, "of the second one too")
    model.change(Changed(2, [transfer(2, files=count + 1)]))
    wait_until(lambda: model.rowCount(model.index_of(2)) >= 1000, "what was forgotten is asked for again")
