"""Datasets and their files in the real window, with the real engine and the demo hub."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from aihub_desktop.demo import offer
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Refuse
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.contents import Kind, Part, Pick, Split
from aihub_desktop.domain.marks import Approval
from aihub_desktop.domain.messages import DiskSpace
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.models.datasets import STAR, TITLE, Range
from aihub_desktop.gui.models.file_tree import NAME
from aihub_desktop.gui.pages.datasets import DatasetsPage
from aihub_desktop.gui.parts import EmptyPlace
from aihub_desktop.gui.side_bar import Place
from gui.stage import Stage, wait_until

OpenStage = Callable[..., Stage]
LEFT = Qt.MouseButton.LeftButton
MAIN = Dataset("aihub", offer.MAIN, "")
MB = 1 << 20
TRAINING_LABELS = Part(Split.TRAINING, Kind.LABEL)


def keys(stage: Stage) -> list[str]:
    return [stage.desk.datasets.dataset(row).key for row in range(stage.desk.datasets.rowCount())]


def starred(stage: Stage) -> int:
    return stage.desk.datasets.count(Range.STARRED)


def press(page: DatasetsPage, shown: Range) -> None:
    QTest.mouseClick(page.ranges[shown], LEFT)


def empty_button(page: QWidget) -> QPushButton:
    return next(place.button for place in page.findChildren(EmptyPlace) if place.button.isVisible())


# ---- stars and visits


def test_stars_by_mouse_key_and_card_stay_over_any_end(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    page = stage.window.datasets
    row = stage.desk.datasets.row_of(Dataset("aihub", offer.SPLIT, ""))
    assert row is not None
    where = page.view.visualRect(stage.desk.datasets.index(row, STAR)).center()
    QTest.mouseClick(page.view.viewport(), LEFT, pos=where)
    wait_until(lambda: starred(stage) == 1, "a star by the mouse")
    stage.choose(offer.MAIN)
    page.view.setFocus()
    QTest.keyClick(page.view, Qt.Key.Key_Space)
    wait_until(lambda: starred(stage) == 2, "a star by the keyboard")
    assert page.files.card.star.isChecked()
    QTest.mouseClick(page.files.card.star, LEFT)
    wait_until(lambda: starred(stage) == 1, "a star less by the card")
    QTest.mouseClick(page.files.card.star, LEFT)
    wait_until(lambda: starred(stage) == 2, "a star more by the card")
    page.search.clear()
    press(page, Range.STARRED)
    assert sorted(keys(stage)) == [offer.MAIN, offer.SPLIT]
    assert page.ranges[Range.STARRED].text() == "Starred 2"
    lost: list[object] = []
    stage.desk.lost.connect(lost.append)
    os.kill(stage.link.pid, 9)
    wait_until(lambda: lost, "the engine's end")
    stage.close()
    again = open_stage(hub.url).ready()
    wait_until(lambda: starred(again) == 2, "the kept stars")
    again.choose(offer.MAIN)
    assert again.window.datasets.files.card.star.isChecked()


def test_what_was_looked_at_or_downloaded_is_recent(open_stage: OpenStage, hub: DemoHub, folder: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    page = stage.window.datasets
    stage.choose(offer.MAIN)
    stage.choose(offer.ZIP64)  # the first was passed by too quickly
    stage.desk.tree.tick(stage.desk.tree.index(0, 0), True)
    number = stage.download(folder)
    wait_until(lambda: stage.desk.datasets.count(Range.RECENT) == 1, "the visit")
    stage.choose(offer.CP949)
    wait_until(lambda: stage.desk.datasets.count(Range.RECENT) == 2, "a visit by staying")
    page.search.clear()
    press(page, Range.RECENT)
    assert keys(stage) == [offer.CP949, offer.ZIP64]
    stage.wait_for(number, TransferState.DONE)


def test_places_that_are_empty_say_why_and_lead_on(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    page, say = stage.window.datasets, stage.desk.words.say
    for shown in (Range.STARRED, Range.RECENT):
        press(page, shown)
        assert empty_button(page).text() == say("gui.datasets.range.show-all")
        QTest.mouseClick(empty_button(page), LEFT)
        assert page.ranges[Range.ALL].isChecked()
        assert stage.desk.datasets.rowCount() == stage.desk.datasets.total
    stage.desk.marks.star(MAIN, True)
    wait_until(lambda: starred(stage) == 1, "the star")
    press(page, Range.STARRED)
    page.search.setText("겨울")
    assert empty_button(page).text() == say("gui.datasets.none.search-all")
    QTest.mouseClick(empty_button(page), LEFT)
    assert keys(stage) == ["90020"]


# ---- searching


def test_folders_are_searched_once_their_tree_was_seen_also_later(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    page = stage.window.datasets
    page.search.setText("논둑")
    assert keys(stage) == []
    stage.choose(offer.MANY)
    page.search.setText("논둑")
    assert keys(stage) == [offer.MANY]
    stage.close()
    hub.stop()
    again = open_stage(hub.url).ready()
    again.window.datasets.search.setText("논둑 이용")

    def found() -> bool:
        again.window.datasets.search.setText("논둑 이용 ")
        again.window.datasets.search.setText("논둑 이용")
        return keys(again) == [offer.MANY]

    wait_until(found, "the folder's name, without the hub")


def test_find_leads_from_the_list_to_the_files(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    window = stage.window
    find = (Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    stage.choose(offer.MAIN)
    window.datasets.view.setFocus()
    QTest.keyClick(window, *find)
    assert window.focusWidget() is window.datasets.search
    QTest.keyClick(window, *find)
    assert window.focusWidget() is window.datasets.files.filter
    QTest.keyClick(window, *find)
    assert window.focusWidget() is window.datasets.search


def test_columns_sort_by_a_click(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    header = stage.window.datasets.view.header()
    middle = QPoint(header.sectionViewportPosition(TITLE) + 20, header.height() // 2)
    QTest.mouseClick(header.viewport(), LEFT, pos=middle)
    titles = [stage.desk.datasets.dataset(row).title.casefold() for row in range(stage.desk.datasets.rowCount())]
    assert titles == sorted(titles)


# ---- the card


def test_a_picture_of_the_parts_ticks_them(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    stage.choose(offer.MAIN)
    picture = stage.window.datasets.files.card.composition
    shares = stage.desk.tree.content.shares()
    assert sum(share.files for share in shares) == 13
    fields = picture.bar.fields()
    assert [share.part for share, _ in fields] == [share.part for share in shares]
    assert fields[-1][1].right() == pytest.approx(picture.bar.width(), abs=2)
    assert all(area.width() >= 4 for _, area in fields)
    assert all(first.right() < second.left() for (_, first), (_, second) in itertools.pairwise(fields))
    area = next(area for share, area in fields if share.part == TRAINING_LABELS)
    QTest.mouseClick(picture.bar, LEFT, pos=area.center().toPoint())
    assert [file.path.rpartition("/")[2][:3] for file in stage.desk.tree.files(ticked=True)] == ["TL_"] * 3
    box = picture.boxes[TRAINING_LABELS]
    assert box.checkState() is Qt.CheckState.Checked
    first = stage.desk.tree.content.leaves[3]
    stage.desk.tree.tick_leaves([first], False)
    assert box.checkState() is Qt.CheckState.PartiallyChecked
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert stage.desk.tree.sum().files == 3
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert stage.desk.tree.sum().files == 0


def test_the_picture_is_told_in_words(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, language="en").ready()
    stage.choose(offer.MAIN)
    picture = stage.window.datasets.files.card.composition
    assert picture.bar.accessibleName() == "What the dataset consists of"
    assert "Training, Labels: 3 files, about 250–254 KB." in picture.bar.accessibleDescription()
    assert picture.boxes[TRAINING_LABELS].accessibleName() == "Training, Labels: 3 files, about 250–254 KB."
    stage.desk.tree.tick_leaves(stage.desk.tree.content.of_part(TRAINING_LABELS), True)
    stage.program.speak("ko")
    box = picture.boxes[TRAINING_LABELS]
    assert box.accessibleName() == "훈련 · 라벨링데이터: 파일 3개, 약 250~254 KB."
    assert box.checkState() is Qt.CheckState.Checked
    picture.fold.click()
    assert not box.isVisible()
    stage.close()
    again = open_stage(hub.url).ready()
    again.choose(offer.MAIN)
    assert not again.window.datasets.files.card.composition.boxes[TRAINING_LABELS].isVisible()
    # A single part says nothing that the sum does not.
    again.choose(offer.MANY)
    assert not again.window.datasets.files.card.composition.isVisible()


def test_the_hubs_answers_to_downloads_tell_the_approval(
    open_stage: OpenStage, hub: DemoHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def opens(url: QUrl) -> bool:
        opened.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", opens)
    refusal = hub.faults.add(Refuse(refusal=Refusal.EXPIRED))
    stage = open_stage(hub.url, key=DEMO_KEY, language="en").ready()
    card = stage.window.datasets.files.card
    stage.choose(offer.ZIP64)
    assert not card.approval.isVisible()
    stage.desk.tree.tick(stage.desk.tree.index(0, 0), True)
    number = stage.download(folder)
    stage.wait_for(number, TransferState.NEEDS_USER)
    zip64 = Dataset("aihub", offer.ZIP64, "")

    def seen() -> Approval | None:
        found = stage.desk.datasets.mark_of(zip64).seen
        return found.approval if found else None

    wait_until(lambda: seen() is Approval.EXPIRED, "the expiry")
    stage.window.go(Place.DATASETS)
    assert card.approval.text().startswith("Approval expired")
    QTest.mouseClick(card.apply, LEFT)
    assert opened == [f"https://aihub.or.kr/aihubdata/data/view.do?dataSetSn={offer.ZIP64}"]
    hub.faults.remove(refusal)
    stage.window.downloads.view.select(number)
    stage.window.downloads.actions_by_name["resume"].trigger()
    wait_until(lambda: seen() is Approval.APPROVED, "the approval")
    assert card.approval.text().startswith("Approved (as of 20")
    assert not card.apply.isVisible()
    stage.wait_for(number, TransferState.DONE)


def test_a_tree_that_is_not_offered_leads_to_its_page(
    open_stage: OpenStage, hub: DemoHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def opens(url: QUrl) -> bool:
        opened.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", opens)
    stage = open_stage(hub.url).ready()
    page = stage.window.datasets
    page.search.setText(offer.HIDDEN)
    page.search.left_down.emit()
    wait_until(lambda: stage.desk.files.problem, "the hub's refusal")
    QTest.mouseClick(empty_button(page.files), LEFT)
    assert opened[0].endswith(offer.HIDDEN)


def test_an_old_copy_can_be_asked_for_anew_by_its_banner(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    stage.choose(offer.MAIN)
    files = stage.window.datasets.files
    stage.desk.tree.tick(stage.desk.tree.index(0, 0), True)
    files.filter.setText("라벨")
    hub.stop()
    files.reload()
    wait_until(lambda: stage.desk.files.problem, "the hub's absence")
    assert [button.text() for button in files.banner.buttons()] == [stage.desk.words.say("gui.cure.try-again")]
    hub.start()
    QTest.mouseClick(files.banner.buttons()[0], LEFT)
    wait_until(lambda: not stage.desk.files.loading and not stage.desk.files.problem, "the hub again")
    assert not files.banner.isVisible()
    assert stage.desk.tree.sum().files == 13
    assert stage.desk.tree.content.filter == "라벨"


# ---- files


def test_quick_picks_tick_their_files_only(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url).ready()
    stage.choose(offer.MAIN)
    tree, chips = stage.desk.tree, stage.window.datasets.files.picks.chips
    offered = {pick for pick, chip in chips.items() if chip.isVisible()}
    assert offered == {Pick.LABELS, Pick.SOURCES, Pick.TRAINING, Pick.VALIDATION, Pick.DOCUMENTS}
    counts = {}
    for pick in offered:
        QTest.mouseClick(chips[pick], LEFT)
        counts[pick] = tree.sum().files
    assert counts == {
        Pick.LABELS: 4, Pick.SOURCES: 4, Pick.TRAINING: 6, Pick.VALIDATION: 2, Pick.DOCUMENTS: 3,
    }  # fmt: skip
    stage.choose(offer.MANY)
    assert not stage.window.datasets.files.picks.isVisible()


def test_a_split_set_is_ticked_as_one_and_downloads_as_one(open_stage: OpenStage, hub: DemoHub, folder: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.SPLIT)
    view, tree = stage.window.datasets.files.view, stage.desk.tree
    view.expandAll()
    volume = next(leaf for leaf in tree.content.leaves if tree.content.nodes[leaf].volumes)
    parent = tree.content.nodes[volume].parent
    folder_index = next(index for index in tree.folders() if int(index.internalId()) == parent)
    view.setCurrentIndex(tree.index(tree.content.nodes[volume].row, NAME, folder_index))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Space)
    count = len(tree.content.nodes[volume].volumes)
    assert tree.sum().files == count > 2
    number = stage.download(folder)
    assert stage.wait_for(number, TransferState.DONE).done == count


def test_the_peak_of_the_disk_is_told_before(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, language="en").ready()
    stage.choose(offer.MAIN)
    target, tree = stage.window.datasets.files.target, stage.desk.tree
    tree.tick_leaves(list(tree.content.picked(Pick.SOURCES)), True)
    low, high = tree.sum().size.low, tree.sum().size.high
    target.show_space(DiskSpace(3 * high, 9 * high, True, usable=3 * high))
    assert target.peak == ""
    target.unpacking.setChecked(True)
    told = stage.desk.words.size_span(tree.sum().unpacked or tree.sum().size)
    assert target.peak.startswith("about ")
    assert told not in target.peak  # with the archives themselves
    assert "once unpacked" not in target.verdict
    target.show_space(DiskSpace(2 * low + MB, 9 * high, True, usable=2 * low + MB))
    assert target.verdict.startswith("It may not fit once unpacked")
    target.show_space(DiskSpace(high + MB, 9 * high, True, usable=high + MB))
    assert target.verdict.startswith("Too little space to unpack it")
    assert target.button.isEnabled()  # they can be unpacked elsewhere
    target.unpacking.setChecked(False)
    assert target.verdict.endswith("free")


def test_four_thousand_files_stay_fluid(open_stage: OpenStage) -> None:
    root = "뿌리/1.데이터"
    files = {
        f"{root}/{('Training', 'Validation')[number % 5 == 0]}/{number % 40}/TS_{number:04}.zip": b"x" * 10
        for number in range(4000)
    }
    with DemoHub(Catalogue.of(files)) as hub:
        stage = open_stage(hub.url).ready()
        stage.choose(stage.desk.datasets.dataset(0).key)
        view, tree = stage.window.datasets.files.view, stage.desk.tree
        assert tree.total().files == 4000
        view.expandAll()
        view.selectAll()
        view.setFocus()
        begun = time.process_time()
        QTest.keyClick(view, Qt.Key.Key_Space)
        assert tree.sum().files == 4000
        every = time.process_time() - begun
        begun = time.process_time()
        for _ in range(20):
            tree.tick_leaves([tree.content.leaves[7]], False)
            tree.tick_leaves([tree.content.leaves[7]], True)
        one = (time.process_time() - begun) / 40
        print(f"4,000 ticks {1000 * every:.0f} ms, one {1000 * one:.2f} ms of the window's time")
        assert every < 0.4
        assert one < 0.005
