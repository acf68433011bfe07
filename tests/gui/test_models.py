"""The models, each under Qt's own tester while it changes, and against plain sums."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import (
    Changed,
    FileProgress,
    FileRow,
    FileRows,
    Progress,
    TransferProgress,
    TransferRow,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.gui.models import datasets
from aihub_desktop.gui.models.datasets import DatasetModel
from aihub_desktop.gui.models.file_tree import FileTreeModel
from aihub_desktop.gui.models.queue import DETAIL_ROLE, FRACTION_ROLE, REPEAT_ROLE, QueueModel
from aihub_desktop.gui.models.queue_filter import Kind, QueueFilter, hay_of
from aihub_desktop.gui.models.queue_words import Column, percent
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.sources.aihub import listing
from aihub_desktop.system.words import Words

WORDS = Words("en")
TREES = Path(__file__).resolve().parents[3] / "shared" / "hub" / "trees"
DISPLAY = Qt.ItemDataRole.DisplayRole


def watched(model: QAbstractItemModel) -> QAbstractItemModelTester:
    """Its complaints are warnings of Qt, which fail the test."""
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    tester.setUseFetchMore(False)
    return tester


def remote(key: int, path: str, low: int = 1000, high: int = 1010) -> RemoteFile:
    return RemoteFile("aihub", "1", str(key), path, SizeRange(low, high, f"{low} Byte"))


# ---- datasets


def shown(model: DatasetModel) -> list[str]:
    return [model.dataset(row).key for row in range(model.rowCount())]


def test_datasets_search_and_sort(qapp: object) -> None:
    model = DatasetModel(WORDS)
    watched(model)
    model.fill([Dataset("aihub", key, title) for key, title in (("100", "나"), ("86", "가 10"), ("9", "다 100"))])
    assert shown(model) == ["100", "86", "9"]
    model.search("10")
    assert shown(model) == ["100", "86", "9"]
    model.search("100")
    assert shown(model) == ["100", "9"]
    model.search("ㄷ")
    assert shown(model) == ["9"]
    model.search("")
    model.sort(datasets.KEY)
    assert shown(model) == ["9", "86", "100"]
    model.sort(datasets.TITLE, Qt.SortOrder.DescendingOrder)
    assert shown(model) == ["9", "100", "86"]
    model.sort(-1)
    assert shown(model) == ["100", "86", "9"]
    assert model.row_of(Dataset("aihub", "86", "")) == 1
    assert model.row_of(Dataset("aihub", "86", "", package=True)) is None


def test_datasets_search_is_instant(qapp: object) -> None:
    model = DatasetModel(WORDS)
    model.fill([Dataset("aihub", str(key), f"데이터셋 {key} 음성 인식 말뭉치 및 영상") for key in range(1000)])
    begun = time.perf_counter()
    for text in ("ㅇ", "으", "음", "음ㅅ", "음서", "음성", "음성 9", "음성 99", "음성 999"):
        model.search(text)
    assert model.rowCount() == 1
    assert (time.perf_counter() - begun) / 9 < 0.05


def test_the_same_catalogue_again_changes_nothing(qapp: object) -> None:
    model = DatasetModel(WORDS)
    model.fill([Dataset("aihub", "1", "가")])
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.fill([Dataset("aihub", "1", "가")])
    assert not resets


# ---- the tree


def walk(model: FileTreeModel, parent: QModelIndex | None = None) -> list[QModelIndex]:
    parent = parent if parent is not None else QModelIndex()
    found = []
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        found += [index, *walk(model, index)]
    return found


def at(model: FileTreeModel, path: str) -> QModelIndex:
    return next(index for index in walk(model) if model.path_of(index) == path)


@pytest.fixture
def tree(qapp: object) -> FileTreeModel:
    model = FileTreeModel(WORDS)
    watched(model)
    model.fill([
        remote(1, "뿌리/가운데/라벨/a.zip", 100, 110),
        remote(2, "뿌리/가운데/라벨/b.zip", 200, 220),
        remote(3, "뿌리/가운데/원천/a.zip", 4000, 4000),
        remote(4, "밖.csv", 7, 7),
    ])  # fmt: skip
    return model


def test_a_thin_chain_of_folders_is_one_row(tree: FileTreeModel) -> None:
    assert [index.data() for index in walk(tree)] == [
        "뿌리/가운데",
        "라벨",
        "a.zip",
        "b.zip",
        "원천",
        "a.zip",
        "밖.csv",
    ]
    assert tree.path_of(at(tree, "뿌리/가운데/라벨/b.zip")) == "뿌리/가운데/라벨/b.zip"


def test_ticks_have_three_states_and_sum(tree: FileTreeModel) -> None:
    label, root = at(tree, "뿌리/가운데/라벨"), at(tree, "뿌리/가운데")
    assert tree.setData(label, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert tree.tick_state(label) is Qt.CheckState.Checked
    assert tree.tick_state(root) is Qt.CheckState.PartiallyChecked
    assert replace(tree.sum(), unpacked=None) == Sum(2, SizeRange(300, 330, ""), 0)
    tree.tick(at(tree, "뿌리/가운데/라벨/a.zip"), False)
    assert tree.tick_state(label) is Qt.CheckState.PartiallyChecked
    assert [file.key for file in tree.files(ticked=True)] == ["2"]
    tree.tick(QModelIndex(), True)
    assert replace(tree.sum(), unpacked=None) == Sum(4, SizeRange(4307, 4337, ""), 0)
    tree.untick_all()
    assert replace(tree.sum(), unpacked=None) == Sum(0, SizeRange(0, 0, ""), 0)
    assert {tree.tick_state(index) for index in walk(tree)} == {Qt.CheckState.Unchecked}


def test_a_filter_limits_what_a_tick_reaches_and_hides_no_tick(tree: FileTreeModel) -> None:
    tree.tick(at(tree, "밖.csv"), True)
    tree.filter("라벨 a")
    assert [tree.path_of(index) for index in walk(tree)] == [
        "뿌리/가운데",
        "뿌리/가운데/라벨",
        "뿌리/가운데/라벨/a.zip",
    ]
    tree.tick(at(tree, "뿌리/가운데"), True)
    assert replace(tree.sum(), unpacked=None) == Sum(2, SizeRange(107, 117, ""), 1)
    assert tree.tick_state(at(tree, "뿌리/가운데/라벨")) is Qt.CheckState.PartiallyChecked
    tree.filter("nothing of this")
    assert walk(tree) == []
    tree.filter("")
    assert [file.key for file in tree.files(ticked=True)] == ["1", "4"]


def test_random_trees_agree_with_plain_sums(qapp: object) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    model = FileTreeModel(WORDS)
    watched(model)
    for _ in range(8):
        files = [remote(key, _path(chance, key), low := chance.randrange(999), low + 9) for key in range(60)]
        model.fill(files)
        wanted: set[str] = set()
        for _ in range(25):
            nodes = walk(model)
            index, on = chance.choice(nodes), chance.random() < 0.6
            path = model.path_of(index)
            touched = {file.key for file in files if file.path == path or file.path.startswith(path + "/")}
            model.tick(index, on)
            wanted = wanted | touched if on else wanted - touched
            assert {file.key for file in model.files(ticked=True)} == wanted
        ticked = [file for file in files if file.key in wanted]
        total = model.sum()
        assert total.files == len(ticked)
        assert total.size.low == sum(file.size.low for file in ticked)
        assert total.size.high == sum(file.size.high for file in ticked)
        for index in walk(model):
            path = model.path_of(index)
            below = [file for file in files if file.path == path or file.path.startswith(path + "/")]
            share = sum(file.key in wanted for file in below)
            state = Qt.CheckState.Unchecked if not share else Qt.CheckState.PartiallyChecked
            assert model.tick_state(index) is (Qt.CheckState.Checked if share == len(below) else state)


def _path(chance: random.Random, key: int) -> str:
    return "/".join([*(chance.choice("가나다") for _ in range(chance.randrange(5))), f"{key}.zip"])


def test_a_hundred_thousand_files_stay_usable(qapp: object) -> None:
    files = [remote(key, f"r/{key % 7}/{key % 401}/{key}.zip") for key in range(100_000)]
    model = FileTreeModel(WORDS)
    times = {}
    for name, act in {
        "fill": lambda: model.fill(files),
        "tick all": lambda: model.tick(QModelIndex(), True),
        "filter": lambda: model.filter("99"),
        "filter again": lambda: model.filter("999"),
        "untick all": model.untick_all,
    }.items():
        begun = time.process_time()
        act()
        times[name] = time.process_time() - begun
    print({name: f"{1000 * seconds:.0f} ms" for name, seconds in times.items()})
    assert max(times.values()) < 10
    model.fill(files[:4000])
    begun = time.process_time()
    model.tick(QModelIndex(), True)
    assert time.process_time() - begun < 0.1


@pytest.mark.skipif(not TREES.is_dir(), reason="the hub's real answers are not part of the project")
def test_real_trees(qapp: object) -> None:
    model = FileTreeModel(WORDS)
    watched(model)
    for path in sorted(TREES.glob("*.txt")):
        tree = listing.parse_tree(path.read_text(encoding="utf-8"), Dataset("aihub", path.stem, ""))
        model.fill(tree.files)
        assert model.total().files == len(tree.files) > 0
        model.tick(QModelIndex(), True)
        assert model.files(ticked=True) == tree.files


# ---- the queue


def transfer(number: int, state: TransferState = TransferState.QUEUED, **more: object) -> TransferRow:
    facts: dict[str, object] = {
        "id": number, "dataset": Dataset("aihub", str(number), f"데이터 {number}"), "folder": f"/d/{number}",
        "state": state, "problem": None, "files": 3, "done": 0, "failed": 0, "skipped": 0, "running": 0, "bytes": 0,
        "low": 2900, "high": 3100, "received": 0, "again": 0, "added_at": 0.0, "ended_at": None, **more,
    }  # fmt: skip
    return TransferRow(**facts)  # type: ignore[arg-type]


def file_row(number: int, of: int, state: FileState = FileState.WAITING, **more: object) -> FileRow:
    facts: dict[str, object] = {
        "id": number, "transfer": of, "file": remote(number, f"가/{number}.zip"), "place": f"가/{number}.zip",
        "state": state, "bytes": 0, "size": None, "sha256": "", "proof": "", "problem": None, "attempts": 0,
        "next_try": None, **more,
    }  # fmt: skip
    return FileRow(**facts)  # type: ignore[arg-type]


@pytest.fixture
def queue(qapp: object) -> QueueModel:
    model = QueueModel(WORDS)
    watched(model)
    model.fill([transfer(1), transfer(2), transfer(3)])
    return model


def text(model: QueueModel, number: int, column: Column) -> str:
    return str(model.index_of(number, column).data())


def pages(model: QueueModel, number: int, count: int) -> None:
    model.fetchMore(model.index_of(number))
    rows = [file_row(10 * number + place, number) for place in range(count)]
    model.add_rows(number, 0, FileRows(rows, count))


def test_rows_come_change_and_go(queue: QueueModel) -> None:
    queue.change(Changed(2, [transfer(4), transfer(2, TransferState.PAUSED)]))
    assert [row.id for row in queue.transfers()] == [1, 2, 3, 4]
    assert text(queue, 2, Column.STATE) == "Paused"
    queue.change(Changed(3, removed=[1, 3]))
    assert [row.id for row in queue.transfers()] == [2, 4]
    assert queue.index_of(4).row() == 1
    assert not queue.index_of(3).isValid()


def test_files_are_asked_for_once_and_in_pages(queue: QueueModel) -> None:
    asked: list[tuple[int, int]] = []
    queue.rows_wanted.connect(lambda number, offset: asked.append((number, offset)))
    top = queue.index_of(2)
    assert queue.hasChildren(top)
    assert queue.rowCount(top) == 0
    queue.fetchMore(top)
    queue.fetchMore(top)
    assert asked == [(2, 0)]
    queue.add_rows(2, 0, FileRows([file_row(21, 2), file_row(22, 2)], 3))
    assert queue.rowCount(queue.index_of(2)) == 2
    queue.fetchMore(queue.index_of(2))
    assert asked == [(2, 0), (2, 2)]
    queue.add_rows(2, 2, FileRows([file_row(23, 2)], 3))
    assert not queue.canFetchMore(queue.index_of(2))
    first = queue.index(0, 0, queue.index_of(2))
    assert first.data() == "가/21.zip"
    assert queue.parent(first) == queue.index_of(2)


def test_more_files_in_a_transfer_drop_pages_that_may_have_gaps(queue: QueueModel) -> None:
    pages(queue, 2, 3)
    queue.change(Changed(2, [transfer(2, files=5)]))
    assert queue.rowCount(queue.index_of(2)) == 0
    assert queue.canFetchMore(queue.index_of(2))


def test_a_page_that_fits_no_longer_is_asked_for_again(queue: QueueModel) -> None:
    asked: list[tuple[int, int]] = []
    pages(queue, 2, 2)
    queue.change(Changed(2, [transfer(2, files=5)]))
    queue.rows_wanted.connect(lambda number, offset: asked.append((number, offset)))
    queue.fetchMore(queue.index_of(2))
    queue.add_rows(2, 2, FileRows([file_row(29, 2)], 5))
    assert asked == [(2, 0), (2, 0)]
    queue.add_rows(99, 0, FileRows([], 0))
    assert queue.rowCount(queue.index_of(2)) == 0


def test_progress_moves_numbers_and_its_absence_stills_them(queue: QueueModel) -> None:
    queue.change(Changed(2, [transfer(1, TransferState.RUNNING)]))
    pages(queue, 1, 2)
    queue.change(Changed(3, files=[file_row(10, 1, FileState.FETCHING)]))
    queue.progress(
        Progress(
            4,
            2048.0,
            [TransferProgress(1, 1500, 1500, 0, 2048.0, 61.0, 0, (58, 63))],
            [FileProgress(10, 1, 500, 0, 2048.0)],
        )
    )
    assert text(queue, 1, Column.SPEED) == "2.00 KB/s"
    assert text(queue, 1, Column.PROGRESS) == "50%"
    assert "1 min" in text(queue, 1, Column.LEFT)
    assert queue.index(0, Column.SPEED, queue.index_of(1)).data() == "2.00 KB/s"
    queue.progress(Progress(5, 0.0, [], []))
    assert text(queue, 1, Column.SPEED) == ""
    assert text(queue, 1, Column.LEFT) == ""
    assert queue.index(0, Column.SPEED, queue.index_of(1)).data() == ""
    assert text(queue, 1, Column.PROGRESS) == "50%"


def test_what_is_not_done_never_reads_as_whole(queue: QueueModel) -> None:
    queue.change(
        Changed(2, [transfer(1, TransferState.RUNNING, bytes=3100), transfer(2, TransferState.DONE, bytes=3000)])
    )
    assert text(queue, 1, Column.PROGRESS) == "99%"
    assert text(queue, 2, Column.PROGRESS) == "100%"
    assert queue.index_of(2).data(FRACTION_ROLE) == 1.0
    assert percent(None) == ""


def test_states_are_words_also_for_a_screen_reader(queue: QueueModel) -> None:
    problem = Problem(Code.NOT_APPROVED)
    queue.change(Changed(2, [transfer(1, TransferState.NEEDS_USER, problem=problem)]))
    assert text(queue, 1, Column.STATE) == "Needs you"
    spoken = queue.index_of(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "데이터 1, Needs you, 0%"
    tip = queue.index_of(1).data(Qt.ItemDataRole.ToolTipRole)
    assert WORDS.problem(problem).title in tip
    assert WORDS.problem(problem).advice in tip
    for state in TransferState:
        queue.change(Changed(3, [transfer(2, state)]))
        assert text(queue, 2, Column.STATE).startswith(WORDS.state(state))


def test_a_waiting_file_says_why_and_when_it_is_tried_again(queue: QueueModel) -> None:
    pages(queue, 1, 1)
    row = file_row(10, 1, problem=Problem(Code.CUT), next_try=1.8e9, attempts=2)
    queue.change(Changed(2, files=[row, file_row(77, 1), file_row(78, 99)]))
    shown_text = queue.index(0, Column.STATE, queue.index_of(1)).data()
    assert WORDS.problem(Problem(Code.CUT)).title in shown_text
    assert WORDS.moment(1.8e9)[-5:] in shown_text


def test_what_passes_by_again_is_said_and_why(queue: QueueModel) -> None:
    queue.change(Changed(2, [transfer(1, TransferState.RUNNING, received=9000, again=500)]))
    pages(queue, 1, 2)
    cut = file_row(10, 1, FileState.FETCHING, problem=Problem(Code.CUT))
    queue.change(Changed(3, files=[cut]))
    moving = [TransferProgress(1, 1500, 9000, 500, 1.0, 9.0, 700)]
    queue.progress(Progress(4, 1.0, moving, [FileProgress(10, 1, 800, 200, 1.0, 600), FileProgress(11, 1, 1, 5, 1.0)]))
    file = queue.index(0, Column.NAME, queue.index_of(1))
    assert file.siblingAtColumn(Column.STATE).data() == "Receiving again"
    assert file.data(DETAIL_ROLE) == "200 of 600 B again after a cut"
    assert file.data(REPEAT_ROLE) == pytest.approx(400 / 1005)
    assert queue.index(1, Column.NAME, queue.index_of(1)).data(DETAIL_ROLE) == ""
    assert queue.index_of(1).data(DETAIL_ROLE) == "200 of 600 B again after a cut"
    assert queue.index_of(1).data(REPEAT_ROLE) > 0
    assert "500 B of it again" in queue.index_of(1).data(Qt.ItemDataRole.ToolTipRole)
    assert queue.unfinished([1, 2]) == 700
    queue.progress(Progress(5, 1.0, moving, [FileProgress(10, 1, 800, 600, 1.0, 600)]))
    assert queue.index_of(1).data(DETAIL_ROLE) == queue.transfers()[0].folder
    assert file.siblingAtColumn(Column.STATE).data() == "Downloading"
    queue.progress(Progress(6, 0.0, [], []))
    assert queue.unfinished([1, 2]) == 0


def test_why_is_known_also_of_files_whose_rows_are_not_here(queue: QueueModel) -> None:
    queue.change(Changed(2, [transfer(1, TransferState.RUNNING)]))
    queue.change(Changed(3, files=[file_row(10, 1, FileState.FETCHING, problem=Problem(Code.STALLED))]))
    queue.progress(Progress(4, 1.0, [], [FileProgress(10, 1, 800, 200, 1.0, 600)]))
    assert queue.index_of(1).data(DETAIL_ROLE) == "200 of 600 B again after a stall"
    queue.change(Changed(5, files=[file_row(10, 1, FileState.DONE)]))
    queue.stop()
    assert queue.index_of(1).data(DETAIL_ROLE) == queue.transfers()[0].folder


def test_files_that_are_finished_before_a_pause(queue: QueueModel) -> None:
    queue.change(Changed(2, [transfer(1, TransferState.PAUSED, running=2, finishing=True)]))
    assert text(queue, 1, Column.STATE) == "Finishing 2 files"
    queue.progress(Progress(3, 9.0, [TransferProgress(1, 1500, 0, 0, 2048.0, 61.0, 7, (50, 60))], []))
    queue.change(Changed(4, [transfer(1, TransferState.PAUSED, running=1, finishing=True)]))
    assert text(queue, 1, Column.LEFT)
    assert text(queue, 1, Column.SPEED)
    queue.change(Changed(5, [transfer(1, TransferState.PAUSED)]))
    assert (text(queue, 1, Column.STATE), text(queue, 1, Column.SPEED)) == ("Paused", "")
    assert queue.unfinished([1]) == 0


def test_many_changes_at_once_repaint_only_their_rows(queue: QueueModel) -> None:
    told: list[tuple[int, int]] = []
    queue.dataChanged.connect(lambda first, last, *_: told.append((first.row(), last.row())))
    queue.change(Changed(2, [transfer(1), transfer(3)]))
    assert told == [(0, 0), (2, 2)]


def test_the_list_is_in_the_order_of_ranks(queue: QueueModel) -> None:
    queue.fill([transfer(1, rank=30), transfer(2, rank=10), transfer(3, rank=20)])
    assert queue.shown() == [2, 3, 1]
    pages(queue, 3, 2)
    queue.change(Changed(2, [transfer(1, rank=5), transfer(4, rank=15)]))
    assert queue.shown() == [1, 2, 4, 3]
    assert queue.parent(queue.index(1, 0, queue.index_of(3))) == queue.index_of(3)
    queue.change(Changed(3, [transfer(key, rank=-key) for key in (1, 2, 3, 4)]))
    assert queue.shown() == [4, 3, 2, 1]
    assert [row.id for row in queue.transfers()] == [4, 3, 2, 1]


def test_a_drop_asks_for_a_move_and_changes_nothing_itself(queue: QueueModel) -> None:
    asked: list[tuple[list[int], object]] = []
    queue.move_wanted.connect(lambda moved, before: asked.append((moved, before)))
    data = queue.mimeData([queue.index_of(3), queue.index_of(1)])
    move = Qt.DropAction.MoveAction
    assert not queue.dropMimeData(data, move, 1, 0, QModelIndex())
    assert not queue.dropMimeData(data, move, -1, -1, QModelIndex())
    assert not queue.dropMimeData(data, move, 0, 0, queue.index_of(2))
    assert asked == [([1, 3], 2), ([1, 3], None)]
    assert queue.shown() == [1, 2, 3]


def test_under_a_filter_rows_come_and_go_by_what_happens(queue: QueueModel) -> None:
    asked: list[tuple[int, int]] = []
    queue.rows_wanted.connect(lambda number, offset: asked.append((number, offset)))
    queue.change(Changed(2, [transfer(2, TransferState.RUNNING)]))
    queue.narrow(QueueFilter(Kind.ACTIVE))
    assert queue.shown() == [2]
    queue.change(Changed(3, [transfer(1, TransferState.RUNNING), transfer(2, TransferState.DONE)]))
    assert queue.shown() == [1]
    queue.fetchMore(queue.index_of(1))
    assert asked == [(1, 0)]
    queue.add_rows(1, 0, FileRows([file_row(11, 1, FileState.FETCHING), file_row(14, 1, FileState.CHECKING)], 2))
    queue.change(Changed(4, files=[file_row(11, 1, FileState.DONE), file_row(12, 1, FileState.FETCHING)]))
    top = queue.index_of(1)
    assert [queue.index(row, 0, top).data() for row in range(queue.rowCount(top))] == ["가/12.zip", "가/14.zip"]
    queue.change(Changed(5, files=[file_row(19, 1, FileState.FETCHING), file_row(99, 9, FileState.FETCHING)]))
    assert queue.rowCount(queue.index_of(1)) == 3
    queue.narrow(QueueFilter())
    assert queue.shown() == [1, 2, 3]
    assert queue.rowCount(queue.index_of(1)) == 0


def test_words_find_titles_and_files(queue: QueueModel) -> None:
    queue.narrow(QueueFilter(text="데이터 3"))
    assert queue.shown() == [3]
    queue.narrow(QueueFilter(text="zip 데이터", hits={2: 5}))
    assert queue.shown() == [2]
    queue.narrow(QueueFilter(text="   "))
    assert queue.shown() == [1, 2, 3]


def listed(model: QueueModel, transfer_: int, files: dict[int, dict[int, FileRow]]) -> list[FileRow]:
    """What an engine would list of it under the model's filter."""
    item = model.item(transfer_)
    rows = files.get(transfer_, {}).values() if item is not None else ()
    return [row for row in rows if item is not None and model.filter.shows_file(row, item.hay)]


def answer_some(
    model: QueueModel, chance: random.Random, asked: list[tuple[int, int]], files: dict[int, dict[int, FileRow]]
) -> None:
    while asked and chance.random() < 0.7:
        of, offset = asked.pop(0)
        page = listed(model, of, files)
        model.add_rows(of, offset, FileRows(page[offset : offset + 2], len(page)))


def test_random_events_leave_the_model_as_the_rows_are(qapp: object) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    model = QueueModel(WORDS)
    watched(model)
    model.fill([])
    truth: dict[int, TransferRow] = {}
    files: dict[int, dict[int, FileRow]] = {}
    asked: list[tuple[int, int]] = []
    model.rows_wanted.connect(lambda number, offset: asked.append((number, offset)))
    for turn in range(300):
        number = chance.randrange(1, 12)
        match chance.randrange(6):
            case 5:
                model.narrow(QueueFilter(chance.choice(list(Kind)), chance.choice(["", "", "데이터 1"])))
                asked.clear()
            case 0 | 1:
                old = files.get(number, {})
                count = chance.randrange(1, 6)
                rows = {1000 * number + place: file_row(1000 * number + place, number) for place in range(count)}
                files[number] = {key: old.get(key, row) for key, row in rows.items()}
                truth[number] = transfer(
                    number, chance.choice(list(TransferState)), files=count, rank=chance.randrange(9)
                )
                model.change(Changed(turn, [truth[number]], []))
            case 2 if truth:
                gone = chance.choice(list(truth))
                del truth[gone], files[gone]
                model.change(Changed(turn, removed=[gone]))
            case 3 if number in files:
                key = chance.choice(list(files[number]))
                files[number][key] = file_row(key, number, chance.choice(list(FileState)))
                model.change(Changed(turn, files=[files[number][key]]))
            case _ if number in truth:
                model.fetchMore(model.index_of(number))
        answer_some(model, chance, asked, files)
    assert {row.id: row for row in model.transfers()} == truth
    shown_now = [row.id for row in sorted(truth.values(), key=lambda row: (row.rank, row.id))]
    assert model.shown() == [number for number in shown_now if model.filter.shows(truth[number], hay_of(truth[number]))]
    for number in model.shown():
        top = model.index_of(number)
        got = [model.row_at(model.index(row, 0, top)) for row in range(model.rowCount(top))]
        assert got == listed(model, number, files)[: len(got)]
