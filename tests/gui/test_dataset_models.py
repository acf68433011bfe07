"""The catalogue's model with stars, visits and folder names; the tree with parts, picks and split sets."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPalette
from PySide6.QtTest import QAbstractItemModelTester

from aihub_desktop.domain.contents import PARTS, Kind, Part, Pick, Split
from aihub_desktop.domain.marks import Approval, DatasetMark, Outline, Sighting
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.gui import theme
from aihub_desktop.gui.composition import colour_of, paint_part
from aihub_desktop.gui.models.datasets import FOUND_ROLE, KEY, STAR, TITLE, DatasetModel, Range
from aihub_desktop.gui.models.file_tree import VOLUME_ROLE, FileTreeModel
from aihub_desktop.gui.models.tree import Share
from aihub_desktop.system.words import Words
from gui.contrast import contrast

WORDS = Words("en")
TICK = Qt.ItemDataRole.CheckStateRole
SPOKEN = Qt.ItemDataRole.AccessibleTextRole


def watched(model: QAbstractItemModel) -> None:
    """Its complaints are warnings of Qt, which fail the test."""
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    tester.setUseFetchMore(False)


def keys(model: DatasetModel) -> list[str]:
    return [model.dataset(row).key for row in range(model.rowCount())]


@pytest.fixture
def catalogue(qapp: object) -> DatasetModel:
    model = DatasetModel(WORDS)
    watched(model)
    model.fill(
        [Dataset("aihub", key, title) for key, title in (("1", "감성 대화"), ("2", "도로 영상"), ("3", "새소리"))]
    )
    return model


# ---- stars and visits


def test_a_star_is_a_wish_until_its_mark_comes(catalogue: DatasetModel) -> None:
    wishes: list[tuple[str, bool]] = []
    catalogue.star_wanted.connect(lambda dataset, on: wishes.append((dataset.key, on)))
    star = catalogue.index(1, STAR)
    assert catalogue.flags(star) & Qt.ItemFlag.ItemIsUserCheckable
    assert catalogue.setData(star, Qt.CheckState.Checked, TICK)
    assert not catalogue.setData(catalogue.index(1, KEY), Qt.CheckState.Checked, TICK)
    assert wishes == [("2", True)]
    assert star.data(TICK) == Qt.CheckState.Unchecked
    catalogue.mark([DatasetMark("2", starred=True)])
    assert star.data(TICK) == Qt.CheckState.Checked
    assert star.data(SPOKEN) == "도로 영상: starred"
    assert catalogue.mark_of(Dataset("aihub", "2", "")).starred
    assert not catalogue.mark_of(Dataset("aihub", "2", "", package=True)).starred


def test_ranges_narrow_what_is_searched(catalogue: DatasetModel) -> None:
    catalogue.mark([DatasetMark("1", starred=True, visited_at=10.0), DatasetMark("3", visited_at=20.0)])
    assert [catalogue.count(each) for each in Range] == [3, 1, 2]
    catalogue.narrow(Range.RECENT)
    assert keys(catalogue) == ["3", "1"]  # the last one first
    catalogue.search("감")
    assert keys(catalogue) == ["1"]
    catalogue.search("")
    catalogue.sort(TITLE)
    assert keys(catalogue) == ["1", "3"]
    catalogue.narrow(Range.STARRED)
    assert keys(catalogue) == ["1"]
    catalogue.mark([DatasetMark("3", starred=True)])
    assert keys(catalogue) == ["1", "3"]
    catalogue.mark([DatasetMark("1")])
    assert keys(catalogue) == ["3"]
    catalogue.narrow(Range.ALL)
    catalogue.sort(STAR)
    assert keys(catalogue) == ["3", "1", "2"]


def test_marks_that_come_before_the_catalogue_are_kept(qapp: object) -> None:
    model = DatasetModel(WORDS)
    watched(model)
    seen = Sighting(Approval.APPROVED, 1.0)
    model.mark([DatasetMark("1", starred=True, seen=seen), DatasetMark("9", starred=True)])
    model.learn([Outline("1", False, ["라벨"], 3, 10, 20)])
    assert model.count(Range.STARRED) == 0
    model.fill([Dataset("aihub", "1", "감성 대화")])
    assert model.count(Range.STARRED) == 1
    assert model.mark_of(Dataset("aihub", "1", "")).seen == seen
    model.search("라벨")
    assert keys(model) == ["1"]


# ---- folder names


def test_words_are_found_in_folders_after_titles(catalogue: DatasetModel) -> None:
    catalogue.learn([
        Outline("2", False, ["01.데이터", "야간 대화 소리"], 3, 1000, 2000), Outline("3", False, ["낮"], 1, 5, 5),
    ])  # fmt: skip
    catalogue.search("대화")
    assert keys(catalogue) == ["1", "2"]
    assert catalogue.index(0, TITLE).data(FOUND_ROLE) == ""
    assert catalogue.index(1, TITLE).data(FOUND_ROLE) == "야간 대화 소리"
    assert "Found in folder: 야간 대화 소리" in catalogue.index(1, TITLE).data(SPOKEN)
    assert "3 files" in catalogue.index(1, TITLE).data(SPOKEN)
    catalogue.search("영상 야ㄱ")  # one word in the title, one in a folder, the last syllable still being typed
    assert keys(catalogue) == ["2"]
    catalogue.search("영상 낮")
    assert keys(catalogue) == []


def test_searching_folders_of_all_datasets_is_quick(qapp: object) -> None:
    model = DatasetModel(WORDS)
    model.fill([Dataset("aihub", str(key), f"데이터셋 {key} 음성 인식 말뭉치") for key in range(1000)])
    names = [f"{number:02}.원천데이터 묶음" for number in range(30)]
    model.learn([Outline(str(key), False, [*names, f"폴더{key}"], 9, 1, 2) for key in range(1000)])
    model.search("ㅍ")  # folders are made ready once
    begun = time.process_time()
    for text in ("포", "폴", "폴ㄷ", "폴더", "폴더9", "폴더99", "폴더999"):
        model.search(text)
    assert keys(model) == ["999"]
    assert (time.process_time() - begun) / 7 < 0.05


# ---- parts and picks

TRAIN = "뿌리/1.데이터/Training"
FILES = [
    (f"{TRAIN}/01.원천데이터/TS_가.z01", 200), (f"{TRAIN}/01.원천데이터/TS_가.z02", 200),
    (f"{TRAIN}/01.원천데이터/TS_가.zip", 50), (f"{TRAIN}/01.원천데이터/TS_나.zip", 900),
    (f"{TRAIN}/02.라벨링데이터/TL_가.zip", 10), ("뿌리/1.데이터/Validation/VL_가.zip", 5),
    ("뿌리/2.설명서/읽기.pdf", 7), ("뿌리/2.설명서/틈.z02", 1),
]  # fmt: skip


@pytest.fixture
def tree(qapp: object) -> FileTreeModel:
    model = FileTreeModel(WORDS)
    watched(model)
    model.fill([
        RemoteFile("aihub", "1", str(key), path, SizeRange(size, size + 1, f"{size} Byte"))
        for key, (path, size) in enumerate(FILES)
    ])  # fmt: skip
    return model


def ticked(model: FileTreeModel) -> set[str]:
    return {file.key for file in model.files(ticked=True)}


def walk(model: FileTreeModel, parent: QModelIndex | None = None) -> Iterator[QModelIndex]:
    parent = parent if parent is not None else QModelIndex()
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        yield index
        yield from walk(model, index)


def at(model: FileTreeModel, name: str) -> QModelIndex:
    return next(index for index in walk(model) if index.data() == name)


def test_volumes_of_a_set_are_ticked_together_hidden_or_not(tree: FileTreeModel) -> None:
    tree.tick(at(tree, "TS_가.z02"), True)
    assert ticked(tree) == {"0", "1", "2"}
    assert tree.sum().size == SizeRange(450, 453, "")
    tree.tick(at(tree, "TS_가.zip"), False)
    assert ticked(tree) == set()
    tree.filter("z01")
    tree.tick(QModelIndex(), True)
    assert ticked(tree) == {"0", "1", "2"}
    assert tree.sum().hidden == 2
    tree.filter("")
    # A volume without its set stands for itself.
    tree.tick(at(tree, "틈.z02"), True)
    assert ticked(tree) == {"0", "1", "2", "7"}


def test_volumes_say_what_they_are_part_of(tree: FileTreeModel) -> None:
    assert at(tree, "TS_가.z01").data(VOLUME_ROLE) == "part 1 of 3"
    assert at(tree, "TS_가.zip").data(VOLUME_ROLE) == "part 3 of 3"
    assert at(tree, "TS_나.zip").data(VOLUME_ROLE) == ""
    assert at(tree, "TS_가.zip").data(SPOKEN).endswith("part 3 of 3")
    assert "selected together" in at(tree, "TS_가.zip").data(Qt.ItemDataRole.ToolTipRole)


def test_parts_add_up_and_follow_the_ticks(tree: FileTreeModel) -> None:
    source, label = Part(Split.TRAINING, Kind.SOURCE), Part(Split.TRAINING, Kind.LABEL)
    shares = tree.content.shares()
    assert shares[0] == Share(source, 4, 0, SizeRange(1350, 1354, ""))
    assert sum(share.files for share in shares) == len(FILES)
    assert sum(share.size.low for share in shares) == tree.total().size.low
    tree.tick(at(tree, "TS_나.zip"), True)
    tree.tick_leaves(tree.content.of_part(label), True)
    assert {share.part: share.ticked for share in tree.content.shares() if share.ticked} == {source: 1, label: 1}
    tree.untick_all()
    assert not any(share.ticked for share in tree.content.shares())


def test_picks_are_offered_where_they_make_a_difference(tree: FileTreeModel) -> None:
    assert tree.content.picks() == [Pick.LABELS, Pick.SOURCES, Pick.TRAINING, Pick.VALIDATION, Pick.DOCUMENTS]
    tree.tick(QModelIndex(), True)
    tree.tick_leaves(list(tree.content.picked(Pick.LABELS)), True, instead=True)
    assert ticked(tree) == {"4", "5"}
    tree.filter("Training")
    tree.tick_leaves(list(tree.content.picked(Pick.LABELS)), True, instead=True)
    assert ticked(tree) == {"4"}
    tree.fill([RemoteFile("aihub", "1", "1", "뿌리/라벨링데이터/a.zip", SizeRange(1, 2, ""))])
    assert tree.content.picks() == []


def test_what_unpacking_takes_follows_the_ticks(tree: FileTreeModel) -> None:
    assert tree.sum().unpacked == SizeRange(0, 0, "")
    tree.tick(at(tree, "TS_가.z01"), True)
    tree.tick(at(tree, "읽기.pdf"), True)
    assert tree.sum().unpacked == SizeRange(450, round(201 * 1.3) * 2 + round(51 * 1.3), "")
    tree.untick_all()
    assert tree.sum().unpacked == SizeRange(0, 0, "")


def test_a_tick_costs_the_same_in_a_large_tree(qapp: object) -> None:
    """Counted in calls of Python, not in seconds: one tick among 4,000 files, and 4,000 ticks at once."""
    costs = {}
    for count in (400, 4000):
        model = FileTreeModel(WORDS)
        model.fill([
            RemoteFile("aihub", "1", str(key), f"뿌리/{key % 20}/TS_{key}.zip", SizeRange(1, 2, ""))
            for key in range(count)
        ])  # fmt: skip
        rows = [index for index in walk(model) if index.model().rowCount(index) == 0]
        changed: list[int] = []
        model.ticks_changed.connect(lambda changed=changed: changed.append(1))
        one = _calls(partial(model.tick, rows[0], True))
        every = _calls(partial(model.tick_rows, rows, True))
        assert len(changed) == 2
        costs[count] = (one, every)
    assert costs[4000][0] <= costs[400][0] + 5
    assert costs[4000][1] <= costs[400][1] * 11


def _calls(act: Callable[[], None]) -> int:
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


# ---- colours


@pytest.mark.parametrize("palette", [theme.light_palette, theme.dark_palette])
def test_parts_stand_out_from_the_window_and_differ_in_pattern(qapp: object, palette: Callable[[], QPalette]) -> None:
    colours = palette()
    seen: set[bytes] = set()
    for part in PARTS:
        assert contrast(colour_of(part, colours), colours.window().color()) >= 3, part
        picture = QImage(40, 16, QImage.Format.Format_RGB32)
        picture.fill(colours.window().color())
        painter = QPainter(picture)
        paint_part(painter, QRectF(picture.rect()), part, colours)
        painter.end()
        grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
        seen.add(bytes(grey.constBits()))
    assert len(seen) == len(PARTS)  # also without colour
