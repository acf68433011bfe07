"""Files of other tools, taken over in the real window: with its engine, its workers, and the demo hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import final_files, manifest, offered, sha256
from leavings import BIG, MISSING, PIECE, TABLE, archive, cat, curl, files, finished, pieces_of, untar
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.adoption import Fate, FoundFile, Lot, Origin, State
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.holdings import HoldingState
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TaskKind
from aihub_desktop.gui.adopt_dialog import AdoptDialog
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.finds import FindColumn, FindsModel
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.takeover import Phase
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage
from gui.stage import Stage, wait_until
from gui.test_models import watched

needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"the official flow needs {', '.join(MISSING)} on the PATH")
BIG_PLACE, TABLE_PLACE = BIG.replace(" ", "_"), TABLE.replace(" ", "_")
CATALOGUE = Catalogue.of(files())
RIGHT = offered(CATALOGUE)


@pytest.fixture
def small() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=PIECE) as started:
        yield started


def dialog_of(stage: Stage) -> AdoptDialog:
    wait_until(lambda: stage.window.findChildren(AdoptDialog), "the dialog")
    return stage.window.findChildren(AdoptDialog)[-1]


def shown(dialog: AdoptDialog) -> set[str]:
    return {name for name, button in dialog.buttons.items() if button.isVisible()}


def offer_folder(stage: Stage, folder: Path) -> AdoptDialog:
    """Adds a folder to the library that other tools filled."""
    stage.window.go(Place.LIBRARY)
    wait_until(lambda: stage.desk.library.known, "the library")
    stage.window.library.door.add(str(folder))
    return dialog_of(stage)


def pick(dialog: AdoptDialog, text: str) -> None:
    """Types, and takes the first hit."""
    wait_until(dialog.choice.view.model().rowCount, "the datasets")
    dialog.choice.search.setText(text)
    dialog.choice.search.left_down.emit()


def survey(dialog: AdoptDialog) -> None:
    wait_until(dialog.buttons["look"].isEnabled, "the choice")
    dialog.buttons["look"].click()
    wait_until(lambda: dialog.takeover.phase is Phase.FOUND, "what was found")


def over(dialog: AdoptDialog) -> None:
    wait_until(lambda: dialog.takeover.phase is Phase.OVER, "the end of it")


def kind_of(dialog: AdoptDialog) -> TaskKind | None:
    row = dialog.takeover.row
    return None if row is None else row.kind


def check(folder: Path, right: dict[str, bytes]) -> None:
    assert {place: data for place, data in final_files(folder).items() if place in RIGHT} == right
    assert manifest(folder) == {place: sha256(data) for place, data in right.items()}


@needs_tools
def test_what_the_script_left_is_taken_over_and_the_rest_downloaded(
    small: DemoHub, open_stage: OpenStage, tmp_path: Path
) -> None:
    folder = tmp_path / "시험 데이터 받은 것"
    folder.mkdir()
    curl(small, folder / "download.tar")
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    for piece in pieces_of(folder, BIG_PLACE)[5:]:
        piece.unlink()
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    dialog = offer_folder(stage, folder)
    wait_until(lambda: dialog.choice.dataset, "the guess")
    assert dialog.choice.dataset is not None
    assert dialog.choice.dataset.key == "90001"
    assert dialog.choice.note.startswith("Recognised by the names")
    assert dialog.choice.target == str(folder)
    survey(dialog)
    assert shown(dialog) == {"back", "all", "only", "cancel"}
    assert dialog.buttons["all"].isDefault()
    assert any(line.startswith("1 file is missing, about") for line in dialog.finds.told)
    model = dialog.finds.model
    assert model.rowCount() == len(RIGHT)
    assert model.index(0, FindColumn.STATE).data() == "Cut off"
    assert model.index(0, FindColumn.DEED).data() == "Downloaded again"
    dialog.buttons["all"].click()
    over(dialog)
    wait_until(lambda: "downloads" in shown(dialog), "the download of the rest")
    assert model.index(0, FindColumn.DEED).data() == "May be incomplete"
    dialog.buttons["downloads"].click()
    wait_until(lambda: not stage.window.findChildren(AdoptDialog), "the dialog to go")
    (row,) = stage.desk.queue.transfers()
    assert (row.files, row.folder) == (2, str(folder))
    stage.wait_for(row.id, TransferState.DONE)
    check(folder, RIGHT)
    library = stage.desk.library
    wait_until(lambda: library.folders.rows() and library.folders.rows()[0].summary, "the folder on the list")
    stage.window.go(Place.LIBRARY)
    stage.window.library.mark(library.folders.rows()[0].id)
    stage.window.library.actions_by_name["deep"].trigger()
    wait_until(lambda: library.folders.rows()[0].verdict, "the verification")
    verdict = library.folders.rows()[0].verdict
    assert verdict is not None
    assert (verdict.damaged, verdict.counts["ok"]) == (0, len(RIGHT))


@needs_tools
def test_what_a_browser_left_goes_to_a_folder_of_its_own(small: DemoHub, open_stage: OpenStage, tmp_path: Path) -> None:
    downloads, goal = tmp_path / "downloads", tmp_path / "데이터"
    downloads.mkdir()
    tar = curl(small, downloads / "whole.tar").read_bytes()
    (downloads / "whole.tar").unlink()
    (downloads / "download.tar").write_bytes(tar[: len(tar) * 4 // 5])  # the browser was closed
    (downloads / "표 (1).csv").write_bytes(RIGHT[TABLE_PLACE])
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    stage.choose("90001")
    stage.window.datasets.files.adopt.click()
    dialog = dialog_of(stage)
    assert dialog.choice.dataset == stage.desk.chosen
    assert not dialog.choice.view.isVisible(), "the dataset is known"
    dialog.choice.set_folder(str(downloads))
    dialog.choice.set_target(str(goal))
    survey(dialog)
    assert dialog.finds.move_box.isVisible()
    dialog.finds.move_box.setChecked(True)
    deeds = {str(dialog.finds.model.index(row, FindColumn.DEED).data()) for row in range(dialog.finds.model.rowCount())}
    assert {"Moved", "Put together"} <= deeds
    dialog.buttons["only"].click()
    over(dialog)
    assert not (downloads / "표 (1).csv").exists()
    assert (downloads / "download.tar").exists()
    taken = manifest(goal)
    assert TABLE_PLACE in taken
    assert all(sha256(RIGHT[place]) == taken[place] for place in taken)
    assert "rest" in shown(dialog)
    assert stage.desk.queue.transfers() == []
    dialog.buttons["rest"].click()
    wait_until(lambda: "downloads" in shown(dialog), "the download of the rest")
    (row,) = stage.desk.queue.transfers()
    assert row.files == len(RIGHT) - len(taken)
    stage.wait_for(row.id, TransferState.DONE)
    check(goal, RIGHT)


@needs_tools
def test_a_merge_in_the_wrong_order_is_put_right(open_stage: OpenStage, tmp_path: Path) -> None:
    data = archive(12 * PIECE + 77)
    folder = tmp_path / "시험 데이터"
    folder.mkdir()
    with DemoHub(Catalogue.of({"a.zip": data}), piece_size=PIECE) as hub:
        curl(hub, folder / "download.tar")
        untar(folder / "download.tar")
        (folder / "download.tar").unlink()
        cat(folder, "a.zip", lambda paths: sorted(paths, key=lambda path: path.name))
        stage = open_stage(hub.url, key=DEMO_KEY, language="ko").ready()
        dialog = offer_folder(stage, folder)
        survey(dialog)
        assert shown(dialog) == {"back", "take", "cancel"}
        assert dialog.finds.model.index(0, FindColumn.STATE).data() == "잘못된 순서로 합쳐짐"
        dialog.buttons["take"].click()
        over(dialog)
        assert "이 데이터셋의 파일이 모두 있습니다" in dialog.finds.told
        assert shown(dialog) == {"close"}
    assert (folder / "a.zip").read_bytes() == data
    assert (folder / "a.zip.bad").exists()


def test_a_wrong_file_is_put_aside_and_the_key_is_asked_for(
    small: DemoHub, open_stage: OpenStage, tmp_path: Path
) -> None:
    folder = tmp_path / "90001"
    finished(folder, {**RIGHT, TABLE_PLACE: b"short"})
    stage = open_stage(small.url).ready()
    dialog = offer_folder(stage, folder)
    survey(dialog)
    assert dialog.finds.aside.isVisible()
    assert dialog.finds.model.index(0, FindColumn.DEED).data() == "Renamed to .bad"
    dialog.finds.aside.setChecked(False)
    assert dialog.finds.model.index(0, FindColumn.DEED).data() == "Left as it is"
    dialog.finds.aside.setChecked(True)
    dialog.buttons["all"].click()
    wait_until(lambda: dialog.findChildren(KeyDialog), "the question for the key")
    assert dialog.takeover.phase is Phase.FOUND
    key = dialog.findChildren(KeyDialog)[-1]
    key.field.setText(DEMO_KEY)
    key.save.click()
    wait_until(key.for_run.isVisible, "no keychain here")
    key.for_run.click()
    over(dialog)
    wait_until(stage.desk.queue.transfers, "the download of the rest")
    stage.wait_for(stage.desk.queue.transfers()[0].id, TransferState.DONE)
    check(folder, RIGHT)
    assert (folder / f"{TABLE_PLACE}.bad").read_bytes() == b"short"


def test_nothing_found_says_so_and_leads_back(small: DemoHub, open_stage: OpenStage, folder: Path) -> None:
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    dialog = offer_folder(stage, folder)
    wait_until(lambda: dialog.choice.note.startswith("The names do not tell"), "no guess")
    assert not dialog.buttons["look"].isEnabled()
    pick(dialog, "시험")
    survey(dialog)
    assert shown(dialog) == {"back", "cancel"}
    assert dialog.finds.told[0] == "No files of this dataset were found in this folder"
    dialog.buttons["back"].click()
    assert dialog.takeover.phase is Phase.CHOOSING
    dialog.choice.set_folder(str(folder / "none"))
    dialog.buttons["look"].click()
    wait_until(lambda: dialog.takeover.problem is not None, "a folder that is not there")
    assert dialog.takeover.phase is Phase.CHOOSING
    assert dialog.takeover.problem is not None
    assert dialog.takeover.problem.code is Code.TARGET_MISSING
    dialog.buttons["cancel"].click()
    wait_until(lambda: not stage.window.findChildren(AdoptDialog), "the dialog to go")
    assert list(folder.iterdir()) == []


def test_an_adoption_goes_on_behind_a_closed_dialog_and_can_be_stopped(open_stage: OpenStage, folder: Path) -> None:
    given = {f"{number}.zip": archive(40 << 20, number) for number in range(5)}
    with DemoHub(Catalogue.of(given)) as hub:
        finished(folder, {f"elsewhere/{name}": data for name, data in given.items()})
        stage = open_stage(hub.url, key=DEMO_KEY).ready()
        dialog = offer_folder(stage, folder)
        pick(dialog, "90001")
        survey(dialog)
        dialog.buttons["take"].click()
        wait_until(lambda: kind_of(dialog) is TaskKind.ADOPT, "it runs")
        dialog.buttons["close"].click()
        strip = stage.window.library.door.strip
        wait_until(strip.isVisible, "the strip")
        wait_until(lambda: "Taking files over" in strip.text, "its words")
        strip.stop.click()
        wait_until(lambda: stage.desk.library.homeless() is None, "its end")
        for name, data in given.items():
            assert not (folder / name).exists() or (folder / name).read_bytes() == data
        dialog = offer_folder(stage, folder)
        if not stage.desk.library.folders.rows():
            pick(dialog, "90001")
            survey(dialog)
            dialog.buttons["take"].click()
            over(dialog)
            assert manifest(folder) == {name: sha256(data) for name, data in given.items()}


def test_an_engine_that_is_lost_is_not_waited_for(open_stage: OpenStage, folder: Path) -> None:
    given = {f"{number}.zip": archive(40 << 20, number) for number in range(3)}
    with DemoHub(Catalogue.of(given)) as hub:
        finished(folder, {f"elsewhere/{name}": data for name, data in given.items()})
        stage = open_stage(hub.url, key=DEMO_KEY).ready()
        dialog = offer_folder(stage, folder)
        pick(dialog, "90001")
        survey(dialog)
        dialog.buttons["take"].click()
        wait_until(lambda: kind_of(dialog) is TaskKind.ADOPT, "it runs")
        os.kill(stage.link.pid, 9)
        wait_until(lambda: dialog.takeover.phase is Phase.FOUND, "the way back")
        told = stage.desk.words.problem(Problem(Code.WORKER_LOST, {"what": "engine"}))
        assert told.title == "The download engine has stopped"
        assert any(told.title in label.text() for label in dialog.finds.findChildren(QLabel) if label.isVisible())
        assert stage.desk.library.homeless() is None
        stage.desk.restart()
        wait_until(lambda: not stage.window.headline.banner.isVisible(), "another engine")
        dialog.buttons["take"].click()
        over(dialog)
        assert manifest(folder) == {name: sha256(data) for name, data in given.items()}


def test_a_folder_that_is_dropped_is_offered_the_same(small: DemoHub, open_stage: OpenStage, tmp_path: Path) -> None:
    folder = tmp_path / "시험 데이터"
    finished(folder, RIGHT)
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    stage.window.go(Place.LIBRARY)
    page = stage.window.library
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, none)
    page.dragEnterEvent(enter)
    assert enter.isAccepted()
    page.dropEvent(QDropEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, none))
    dialog = dialog_of(stage)
    survey(dialog)
    dialog.buttons["take"].click()
    over(dialog)
    check(folder, RIGHT)
    words = QMimeData()
    words.setText("no folder")
    refused = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, words, left, none)
    refused.ignore()
    page.dragEnterEvent(refused)
    assert not refused.isAccepted()


def test_every_control_of_the_dialog_has_a_name(small: DemoHub, open_stage: OpenStage, tmp_path: Path) -> None:
    folder = tmp_path / "시험 데이터"
    finished(folder, {**RIGHT, TABLE_PLACE: b"short"})
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    dialog = offer_folder(stage, folder)
    survey(dialog)
    kinds = ("QLineEdit", "QToolButton", "QPushButton", "QTreeView", "QCheckBox", "QProgressBar")
    for widget in dialog.findChildren(QWidget):
        inner = isinstance(widget.parent(), QLineEdit) or widget.objectName().startswith("qt_")
        if any(widget.inherits(kind) for kind in kinds) and not inner:
            assert widget.accessibleName() or getattr(widget, "text", str)(), widget
    model = dialog.finds.model
    for column in FindColumn:
        assert model.index(0, column).data(Qt.ItemDataRole.AccessibleTextRole)


def test_a_folder_taken_off_the_list_comes_back(small: DemoHub, open_stage: OpenStage, folder: Path) -> None:
    stage = open_stage(small.url, key=DEMO_KEY).ready()
    stage.choose("90001")
    stage.desk.tree.tick_keys({file.key for file in stage.desk.tree.files()})
    stage.wait_for(stage.download(folder), TransferState.DONE)
    stage.window.go(Place.LIBRARY)
    library, page = stage.desk.library, stage.window.library
    wait_until(
        lambda: [row for row in library.folders.rows() if row.summary and row.summary.files == len(RIGHT)], "its files"
    )
    (before,) = library.folders.rows()
    page.mark(before.id)
    folder.rename(folder.with_name("a drive that is away"))
    page.actions_by_name["remove"].trigger()
    wait_until(lambda: not library.folders.rows(), "its end")
    assert page.door.undo.isVisible()
    assert before.title in page.door.undo.text
    page.door.undo.button.click()
    wait_until(library.folders.rows, "it to come back")
    (now,) = library.folders.rows()
    assert (now.folder, now.summary, now.title) == (before.folder, before.summary, before.title)
    assert not page.door.undo.isVisible()
    wait_until(lambda: library.folders.rows()[0].state is HoldingState.GONE, "a look at it")


# ---- the table -----------------------------------------------------------------------------------


def found(lot: Lot, state: State = State.WHOLE, **more: object) -> FoundFile:
    return FoundFile("가/TS_01.zip", "받은 것/TS_01.zip", Origin.FILE, state, lot, 5 << 20, **more)  # type: ignore[arg-type]


def test_the_table_under_qts_own_tester(qapp: object) -> None:
    model = FindsModel(Words("en"))
    watched(model)
    model.fill([found(Lot.WRONG, State.FOREIGN, bars=True), found(Lot.ELSEWHERE, is_movable=True)], is_over=False)
    model.arrange(moves=True, sets_aside=True)
    deeds = [model.index(row, FindColumn.DEED).data() for row in range(2)]
    assert deeds == ["Renamed to .bad", "Moved"]
    model.arrange(moves=False, sets_aside=False)
    assert [model.index(row, FindColumn.DEED).data() for row in range(2)] == ["Left as it is", "Copied"]
    assert [model.index(row, FindColumn.STATE).data(SIGN_ROLE) for row in range(2)] == ["warning", ""]
    failed = found(Lot.IN_PLACE, fate=Fate.FAILED, problem=Problem(Code.NOT_WRITABLE))
    model.fill([failed, found(Lot.IN_PLACE, fate=Fate.ADOPTED)], is_over=True)
    assert [model.index(row, FindColumn.DEED).data() for row in range(2)] == ["Cannot be read or written", "Taken over"]
    assert model.headerData(FindColumn.DEED, Qt.Orientation.Horizontal) == "Result"
    assert "Found as" in str(model.index(0, FindColumn.NAME).data(Qt.ItemDataRole.ToolTipRole))
    model.fill([], is_over=False)
    assert model.rowCount() == 0


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("lot", list(Lot))
@pytest.mark.parametrize("state", list(State))
def test_everything_that_can_be_found_has_words(qapp: object, language: str, lot: Lot, state: State) -> None:
    model = FindsModel(Words(language))
    for fate in (None, *Fate):
        model.fill([found(lot, state, fate=fate)], is_over=fate is not None)
        assert all(model.index(0, column).data() for column in FindColumn)
