"""The page for object storage and web addresses, over an engine that is played."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QInputDialog, QLineEdit, QMessageBox, QWidget

from aihub_desktop.domain.faults import FAULT_OF, Code, Problem
from aihub_desktop.domain.messages import Brake, DiskSpace, FileRows, Inspected, Rows
from aihub_desktop.domain.model import HUB, S3, WEB, Algorithm, Checksum, Dataset
from aihub_desktop.domain.states import FileState
from aihub_desktop.gui import address_list
from aihub_desktop.gui.address_dialog import AddressDialog
from aihub_desktop.gui.cures import Cure, cures_of, page_of
from aihub_desktop.gui.models import addresses
from aihub_desktop.gui.models.addresses import AddressModel
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.presets import PRESETS
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.storage_dialog import StorageDialog
from aihub_desktop.system.words import Words
from gui.conftest import OpenStorage
from gui.played import BIG, DENIED, EXPIRED, SHELF, UNSIZED, Player, elsewhere, progress, running
from gui.stage import wait_until
from gui.storage_engine import CLOSED, NAVER, look_at
from gui.storage_stage import StorageStage
from gui.test_models import watched

ZIP = "https://zenodo.example.org/files/corpus.zip?download=1"
GONE = "https://data.example.org/missing.bin"


@pytest.fixture
def stage(open_storage: OpenStorage) -> StorageStage:
    return open_storage()


def banner_buttons(stage: StorageStage) -> list[str]:
    return [button.text() for button in stage.shelves.shelf.banner.buttons()]


# ---- storages


def test_storages_are_listed_and_browsed(stage: StorageStage) -> None:
    assert stage.shelves.list.count() == 2
    assert not stage.shelves.edit.isEnabled()
    stage.choose()
    assert stage.noted("browse") == [{"command": "browse", "endpoint": NAVER, "bucket": "", "prefix": "", "after": ""}]
    stage.open("speech-corpus/roads/busan")
    assert stage.model.text(stage.line("frames.tar"), 1) == "4.88 GB"
    assert stage.noted("browse")[-1]["prefix"] == "roads/busan/"


def test_from_the_keyboard_to_the_queue(stage: StorageStage) -> None:
    stage.choose()
    view = stage.shelves.view
    stage.window.activateWindow()
    view.setFocus()
    view.select_line(stage.line("speech-corpus"))
    QTest.keyClick(view, Qt.Key.Key_Right)
    wait_until(lambda: stage.model.rowCount() > 6, "the bucket")
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.currentIndex().data() == "checkpoints"
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert stage.model.sum().ends == 1
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.currentIndex().data() == "speech-corpus"
    stage.model.tick(stage.line("licence.pdf"), True)
    stage.shelves.target.set_folder("/data/here")
    QTest.keyClick(view, Qt.Key.Key_Return)
    wait_until(lambda: stage.noted("add"), "the download")
    wish = stage.noted("add")[-1]
    assert stage.noted("expand") == [
        {"command": "expand", "endpoint": NAVER, "bucket": "speech-corpus", "prefixes": ["checkpoints/"], "base": ""}
    ]
    assert {file["path"] for file in wish["files"]} == {"licence.pdf", "checkpoints/model-7b.safetensors"}
    assert wish["dataset"] == {
        "source": S3,
        "key": f"{NAVER}/speech-corpus",
        "title": "speech-corpus",
        "package": False,
    }
    wait_until(stage.window.downloads.isVisible, "the page of downloads")
    assert stage.model.sum().files == stage.model.sum().ends == 0


def test_the_mouse_opens_and_ticks(stage: StorageStage) -> None:
    stage.choose()
    view = stage.shelves.view
    place = view.visualRect(stage.model.index(stage.line("speech-corpus"), 0))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place.left() + 12, place.center().y()))
    wait_until(lambda: stage.model.rowCount() > 6, "the bucket")
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place.left() + 32, place.center().y()))
    assert stage.model.tick_state(stage.line("speech-corpus")) is Qt.CheckState.Checked
    assert stage.model.sum().files == 2


def test_a_download_of_several_buckets_goes_into_a_folder_each(stage: StorageStage) -> None:
    stage.choose()
    stage.open("papers")
    stage.open("speech-corpus")
    stage.model.tick(stage.line("README.txt"), True)
    stage.model.tick(stage.line("2024"), True)
    folder = os.path.abspath("/data/here")
    stage.shelves.target.set_folder(folder)
    stage.shelves.target.button.click()
    assert stage.shelves.shelf.strip.isVisible()
    assert "1 of 1" in stage.shelves.shelf.strip.text
    assert not stage.shelves.target.button.isEnabled()
    wait_until(lambda: len(stage.noted("add")) == 2, "the downloads")
    assert {wish["folder"]: len(wish["files"]) for wish in stage.noted("add")} == {
        os.path.join(folder, "speech-corpus"): 1, os.path.join(folder, "papers"): 30,
    }  # fmt: skip


def test_what_unpacking_takes_is_in_sight_as_with_datasets(stage: StorageStage) -> None:
    """Of objects and of web addresses: the sum, the most that the drive will hold, and what is free."""
    stage.choose()
    stage.open("speech-corpus/roads/busan")
    shelf, web = stage.shelves.target, stage.web.target
    stage.web.model.add(Inspected([look_at("https://h/a.zip", None), look_at("https://h/a.z01", None)], {}))
    for target in (shelf, web):
        target.unpacking.setChecked(True)
    stage.model.tick(stage.line("video.mp4"), True)
    assert shelf.peak == "", "no archive is ticked"
    stage.model.tick(stage.line("frames.tar"), True)
    assert shelf.peak == "about 10.4–20.2 GB in total once unpacked"
    assert web.peak == "about 22.9–45.8 MB in total once unpacked"
    for target in (shelf, web):
        target.show_space(DiskSpace(16 << 20, 1 << 40, writable=True, usable=16 << 20))
        assert "free" in target.verdict
        target.unpacking.setChecked(False)
        assert target.peak == ""


def test_looking_into_folders_can_be_cancelled(stage: StorageStage) -> None:
    stage.choose()
    stage.model.tick(stage.line("many"), True)
    stage.shelves.target.set_folder("/data/here")
    stage.shelves.target.button.click()
    QTest.mouseClick(stage.shelves.shelf.strip.cancel, Qt.MouseButton.LeftButton)
    assert stage.shelves.target.button.isEnabled()
    assert not stage.shelves.shelf.strip.isVisible()
    stage.desk.depot.load()
    wait_until(lambda: len(stage.noted("liststorages")) == 2 and stage.desk.depot.known, "the answer after it")
    assert stage.noted("add") == []
    assert stage.model.sum().ends == 1


def test_a_storage_that_lists_no_buckets_opens_them_by_name(stage: StorageStage, open_storage: OpenStorage) -> None:
    stage.choose(CLOSED)
    assert banner_buttons(stage) == ["Storage settings…", "Open a bucket…"]
    stage.shelves.shelf.banner.buttons()[1].click()
    box = stage.window.findChildren(QInputDialog)[-1]
    box.setTextValue("s3://speech-corpus/")
    box.accept()
    wait_until(lambda: stage.model.rowCount() > 4, "the bucket")
    assert not stage.shelves.shelf.banner.isVisible()
    stage.choose(NAVER)
    stage.choose(CLOSED)
    assert stage.model.text(0, 0) == "speech-corpus"
    assert not stage.shelves.shelf.banner.isVisible()


def test_a_new_storage_is_kept_and_tried(stage: StorageStage) -> None:
    stage.shelves.add.click()
    dialog = stage.window.findChildren(StorageDialog)[-1]
    dialog.preset.setCurrentIndex(len(PRESETS) - 1)
    dialog.preset.activated.emit(len(PRESETS) - 1)
    dialog.endpoint.setText("minio.example.com:9000/path")
    assert (dialog.status, dialog.save.isEnabled()) == ("Enter an address such as https://HOST.", False)
    dialog.endpoint.setText("minio.example.com:9000")
    dialog.access_key.setText("AKIDEXAMPLE")
    assert not dialog.save.isEnabled()
    QTest.keyClicks(dialog.secret_key, "very secret")
    assert dialog.secret_key.echoMode() is QLineEdit.EchoMode.Password
    left: list[tuple[str, str]] = []
    dialog.finished.connect(lambda _: left.append((dialog.access_key.text(), dialog.secret_key.text())))
    dialog.save.click()
    wait_until(lambda: stage.desk.depot.chosen is not None, "the storage")
    wish = stage.noted("putstorage")[-1]
    assert wish["storage"]["endpoint"] == "https://minio.example.com:9000"
    assert (wish["storage"]["access"], wish["access_key"], wish["secret_key"]) == (
        "keychain",
        "AKIDEXAMPLE",
        "very secret",
    )
    assert left == [("", "")]
    assert stage.shelves.list.count() == 3
    wait_until(lambda: stage.model.rowCount() == 5, "its buckets")


def test_where_there_is_no_keychain_the_keys_serve_for_the_run(stage: StorageStage) -> None:
    dialog = stage.shelves.ask_for_storage()
    dialog.name.setText("no keychain")
    dialog.access_key.setText("AKIDEXAMPLE")
    dialog.secret_key.setText("very secret")
    dialog.save.click()
    wait_until(dialog.for_run.isVisible, "the other button")
    wait_until(dialog.for_run.isEnabled, "the other button")
    dialog.for_run.click()
    wait_until(lambda: stage.desk.depot.chosen is not None, "the end")
    assert stage.noted("putstorage")[-1]["for_run"] is True


def test_a_test_that_fails_says_why_and_may_be_overruled(stage: StorageStage) -> None:
    dialog = stage.shelves.ask_for_storage(CLOSED)
    assert not dialog.endpoint.isEnabled()
    dialog.save.click()
    wait_until(lambda: dialog.cancel.text() == "Keep it anyway", "the refusal")
    assert dialog.status == "The server denies access (closed.example.com)"
    dialog.cancel.click()
    assert stage.desk.depot.chosen is not None
    assert stage.desk.depot.chosen.endpoint == CLOSED


def test_keys_that_are_kept_need_not_be_typed_again(stage: StorageStage) -> None:
    dialog = stage.shelves.ask_for_storage(NAVER)
    assert dialog.access_key.placeholderText() == "AKIA…7Q"
    assert dialog.save.isEnabled()
    dialog.region.setText("kr-other")
    dialog.save.click()
    wait_until(lambda: stage.desk.depot.chosen is not None, "the end")
    wish = stage.noted("putstorage")[-1]
    assert (wish["storage"]["region"], wish["access_key"], wish["secret_key"]) == ("kr-other", "", None)


def test_a_storage_is_removed_after_a_question(stage: StorageStage) -> None:
    stage.choose()
    stage.shelves.remove.click()
    box = stage.window.findChildren(QMessageBox)[-1]
    next(button for button in box.buttons() if button.text() == "Remove").click()
    wait_until(lambda: stage.shelves.list.count() == 1, "the shorter list")
    assert stage.noted("removestorage")[-1]["endpoint"] == NAVER
    assert stage.desk.depot.chosen is None


# ---- web addresses


def test_addresses_are_pasted_looked_up_and_downloaded(stage: StorageStage) -> None:
    web = stage.web
    stage.page.tabs.setCurrentIndex(1)
    QGuiApplication.clipboard().setText(f"two of them: {ZIP} and\n{GONE}")
    web.paste.click()
    wait_until(lambda: web.model.rowCount() == 2, "what was found")
    assert web.model.files()[0].path == "corpus.zip"
    assert web.model.index(0, addresses.CHECKSUM).data() == "SHA-256"
    assert web.model.index(1, 0).data().startswith("The server does not have it")
    assert web.field.toPlainText() == GONE
    assert web.model.setData(web.model.index(0, 0), "mine.zip")
    web.target.set_folder("/data/here")
    web.target.button.click()
    wait_until(lambda: stage.noted("add"), "the download")
    wish = stage.noted("add")[-1]
    assert wish["dataset"] == {"source": WEB, "key": "", "title": "mine.zip", "package": False}
    assert wish["files"][0]["path"] == "mine.zip"
    wait_until(lambda: web.model.rowCount() == 1, "what is left")


def test_lists_and_checksums_from_files(stage: StorageStage, tmp_path: Path) -> None:
    web, sums = stage.web, tmp_path / "SHA256SUMS"
    sums.write_text(f"{'ab' * 32}  data one.tar\n{'cd' * 32} *sub/two.tar\n")
    web.take_files([sums])
    box = stage.window.findChildren(QInputDialog)[-1]
    box.setTextValue("https://example.org/base")
    box.accept()
    wait_until(lambda: web.model.rowCount() == 2, "what was found")
    asked = stage.noted("inspect")[-1]
    assert asked["addresses"] == ["https://example.org/base/data%20one.tar", "https://example.org/base/sub/two.tar"]
    assert {sum_["value"] for sum_ in asked["checksums"].values()} == {"ab" * 32, "cd" * 32}
    link = tmp_path / "all.meta4"
    link.write_text("<metalink/>")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(link))])
    web.field.insertFromMimeData(mime)
    wait_until(lambda: stage.noted("inspect")[-1]["addresses"] == [link.as_uri()], "the Metalink")
    web.take_files([tmp_path / "nowhere.txt"])
    assert web.banner.isVisibleTo(web)


def test_an_address_list_reads_what_people_paste() -> None:
    found = address_list.read(f"# note\n  {ZIP}\n<{GONE}\n{ZIP}\nSHA256 (a b.bin) = {'0A' * 32}\nnonsense\n")
    assert found.addresses == [ZIP, GONE]
    assert found.sums == {"a b.bin": Checksum(Algorithm.SHA256, "0a" * 32)}
    assert found.checksums(["https://x/y/a%20b.bin?z", ZIP]) == {
        "https://x/y/a%20b.bin?z": Checksum(Algorithm.SHA256, "0a" * 32)
    }
    assert address_list.shown("https://me:pw@h.example/a?X-Amz-Signature=s") == "https://h.example/a?…"


def test_the_table_of_what_was_found(qapp: object) -> None:
    model = AddressModel(Words("en"))
    refused: list[str] = []
    watched(model)
    model.name_refused.connect(refused.append)
    files = [look_at(f"https://h/{name}", None) for name in ("a.bin", "b.bin", "stream")]
    model.add(Inspected(files, {GONE: Problem(Code.NOT_THERE)}))
    assert (model.sum().files, model.sum().unknown) == (3, 1)
    assert model.index(2, addresses.SIZE).data() == "Unknown"
    assert not model.setData(model.index(0, 0), "../up")
    assert not model.setData(model.index(0, 0), "B.bin")
    assert refused == ["../up", "B.bin"]
    assert model.setData(model.index(0, 0), int(Qt.CheckState.Unchecked.value), Qt.ItemDataRole.CheckStateRole)
    assert model.sum().files == 2
    model.add(Inspected(files[:1], {}))
    assert (model.rowCount(), model.sum().files) == (3, 3)
    assert "Address: https://h/b.bin" in model.index(0, addresses.SOURCE).data(Qt.ItemDataRole.AccessibleTextRole)


# ---- the queue


@pytest.fixture
def queue(stage: StorageStage) -> StorageStage:
    stage.window.go(Place.DOWNLOADS)
    player = Player(stage.desk)
    player.begin([*elsewhere(), running()])
    player.progress(progress(Brake.NONE))
    player.elsewhere()
    return stage


def test_how_far_files_of_other_places_are_proved(queue: StorageStage) -> None:
    model = queue.desk.queue
    top = model.index_of(SHELF)
    assert [model.index(row, Column.STATE, top).data() for row in range(3)] == [
        "Checksum OK", "Length only", queue.desk.words.state(FileState.FETCHING),
    ]  # fmt: skip
    assert model.index_of(UNSIZED, Column.SIZE).data() == "3.00 GB"
    assert model.index_of(UNSIZED, Column.PROGRESS).data() == ""


def test_a_pause_asks_nothing_where_nothing_is_lost(queue: StorageStage) -> None:
    page, model = queue.window.downloads, queue.desk.queue
    assert model.unfinished([SHELF, UNSIZED]) == 0
    page.view.select(SHELF)
    assert not page.pausing.finish.isEnabled()
    assert page.pausing.actions() == [page.actions_by_name["pause"]]
    page.actions_by_name["pause"].trigger()
    wait_until(lambda: queue.noted("pause"), "the pause")
    assert queue.noted("pause")[-1] == {"command": "pause", "transfers": [SHELF], "finish": False}
    assert queue.window.farewell.may_close()
    Player(queue.desk).progress(progress())
    page.actions_by_name["pause-all"].trigger()
    wait_until(lambda: len(queue.noted("pause")) == 3, "both")
    assert {(tuple(one["transfers"]), one["finish"]) for one in queue.noted("pause")[1:]} == {
        ((SHELF, UNSIZED), False), ((BIG,), True),
    }  # fmt: skip


def test_a_refused_key_opens_the_storage(queue: StorageStage) -> None:
    page = queue.window.downloads
    page.view.select(DENIED)
    page.banner.buttons()[0].click()
    wait_until(lambda: queue.window.findChildren(StorageDialog), "the dialog")
    assert queue.window.findChildren(StorageDialog)[-1].endpoint.text() == CLOSED
    assert queue.page.isVisible()


def address_dialog(queue: StorageStage) -> AddressDialog:
    """Of the download whose address has expired."""
    queue.window.downloads.view.select(EXPIRED)
    queue.window.downloads.banner.buttons()[0].click()
    wait_until(lambda: queue.window.findChildren(AddressDialog), "the dialog")
    return queue.window.findChildren(AddressDialog)[-1]


def test_an_expired_address_is_replaced(queue: StorageStage) -> None:
    dialog = address_dialog(queue)
    dialog.field.setPlainText("https://bucket.s3.example.com/strange.bin?X-Amz-Signature=new")
    dialog.use.click()
    wait_until(lambda: dialog.status.startswith("This is not a file"), "the refusal")
    assert "Signature" not in dialog.status
    dialog.field.setPlainText("https://bucket.s3.example.com/model.bin?X-Amz-Signature=new")
    dialog.use.click()
    wait_until(lambda: queue.noted("resume"), "the resumption")
    wish = queue.noted("add")[-1]
    assert wish["files"][0]["origin"]["addresses"] == ["https://bucket.s3.example.com/model.bin?X-Amz-Signature=new"]
    assert wish["files"][0]["path"] == "kept name.bin"


def test_an_answer_after_the_new_address_was_given_up_finds_nobody(queue: StorageStage) -> None:
    dialog = address_dialog(queue)
    dialog.field.setPlainText("https://bucket.s3.example.com/model.bin?X-Amz-Signature=new")
    dialog.use.click()
    dialog.reject()
    later: list[FileRows] = []
    queue.desk.link.ask(Rows(0, EXPIRED, 0, 1), FileRows, later.append)
    wait_until(lambda: later and not queue.window.findChildren(AddressDialog), "the answers")
    assert not queue.noted("inspect")


def test_no_cure_leads_to_the_hub_from_elsewhere() -> None:
    for code in FAULT_OF:
        for source in (S3, WEB):
            assert not {Cure.OPEN_PAGE, Cure.ENTER_KEY} & set(cures_of(Problem(code), source)), code
            assert cures_of(Problem(code), source)
        assert not {Cure.EDIT_STORAGE, Cure.NEW_ADDRESS} & set(cures_of(Problem(code), HUB))
    with pytest.raises(ValueError, match=WEB):
        page_of(Dataset(WEB, "", "x"))


# ---- names


def test_everything_that_can_be_used_has_a_name(stage: StorageStage) -> None:
    stage.choose()
    dialog = stage.shelves.ask_for_storage()
    controls = [*stage.page.findChildren(QAbstractButton), *stage.page.findChildren(QLineEdit), *named(stage, dialog)]
    unnamed = [each for each in controls if each.isVisible() and not name_of(each)]
    assert unnamed == []
    dialog.reject()


def named(stage: StorageStage, dialog: StorageDialog) -> list[QWidget]:
    shown: list[QWidget] = [stage.shelves.list, stage.shelves.view, stage.web.view, stage.web.field, stage.page.tabs]
    return [*shown, *dialog.findChildren(QComboBox), *dialog.findChildren(QLineEdit)]


def name_of(widget: Any) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    inside = isinstance(widget.parentWidget(), QLineEdit)  # a field's own little buttons
    return widget.accessibleName() or text or ("inside" if inside else "")


def test_no_warning_of_the_page_in_the_other_language(open_storage: OpenStorage) -> None:
    stage = open_storage("ko")
    stage.choose()
    stage.window.change_language("en")
    assert stage.page.tabs.tabText(1) == "Web addresses"
    assert QApplication.focusWidget() is not stage.web.field
    assert json.dumps(stage.noted("liststorages"))
