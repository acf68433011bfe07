"""Batch files in the real window, with the real engine and the demo hub: saved, opened again, what lacks fetched."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QModelIndex, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QPlainTextEdit, QTreeView

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import batchtext
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.contents import Pick
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.messages import Configure, DiskSpace, Space
from aihub_desktop.domain.model import S3, WEB, Algorithm, Checksum, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.batches.open_dialog import OpenDialog
from aihub_desktop.gui.batches.save_dialog import SaveDialog
from aihub_desktop.gui.batches.selection import of_addresses
from aihub_desktop.gui.front_door import FrontDoor
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.batch import BatchColumn
from aihub_desktop.gui.parts import ElidedLabel
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.program import window
from gui.conftest import OpenStage, OpenStorage
from gui.stage import Stage, wait_until
from gui.storage_engine import NAVER
from gui.test_models import watched
from gui.test_presence import drop

LEFT = Qt.MouseButton.LeftButton


def written(path: Path, batch: BatchFile) -> Path:
    path.write_bytes(batchtext.written(batch))
    return path


def saving(stage: Stage) -> SaveDialog:
    wait_until(lambda: stage.window.findChildren(SaveDialog), "the dialog")
    return stage.window.findChildren(SaveDialog)[-1]


def opened(stage: Stage, path: Path) -> OpenDialog:
    stage.window.arrivals.open([str(path)])
    return shown(stage)


def shown(stage: Stage) -> OpenDialog:
    wait_until(lambda: stage.window.findChildren(OpenDialog), "the dialog")
    dialog = stage.window.findChildren(OpenDialog)[-1]
    watched(dialog.model)
    wait_until(lambda: dialog.listing.known, "the lists")
    wait_until(lambda: all(line.standings for line in dialog.listing.lines if line.files), "the look at the folder")
    return dialog


def state(dialog: OpenDialog, row: int = 0) -> str:
    return str(dialog.model.index(row, BatchColumn.STATE).data())


def labels_saved(stage: Stage, path: Path) -> None:
    """By the quick pick, and through the dialog."""
    stage.choose(offer.MAIN)
    QTest.mouseClick(stage.window.datasets.files.picks.chips[Pick.LABELS], LEFT)
    target = stage.window.datasets.files.target
    target.unpacking.setChecked(False)
    QTest.mouseClick(target.batch, LEFT)
    dialog = saving(stage)
    assert dialog.lasting.isChecked()
    assert "02.라벨링데이터/" in dialog.inside[0].accessibleName()
    dialog.name.setText("라벨만")
    QTest.mouseClick(dialog.save, LEFT)
    box = dialog.findChildren(QFileDialog)[-1]
    assert Path(box.selectedFiles()[0]).name == "라벨만.aihubbatch"
    box.reject()
    dialog.save_to(str(path))
    assert str(path) in dialog.status.text()
    dialog.reject()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows gives every name a home")
def test_a_home_of_nobody_is_a_folder_like_any_other(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    target = stage.window.datasets.files.target
    for typed in ("~nobody-of-this-name/data", "~/../up"):
        target.set_folder(typed)
        assert Path(target.folder()).is_absolute()
        assert ".." not in target.folder()
    batch = BatchFile(1, "", "~nobody-of-this-name", (DatasetWish(offer.MAIN),))
    dialog = opened(stage, written(tmp_path / "a.aihubbatch", batch))
    assert dialog.target == str(tmp_path / "~nobody-of-this-name")
    dialog.folder.setEditText("~nobody-of-this-name")
    assert Path(dialog.target).is_absolute()
    dialog.reject()


def test_a_batch_goes_to_where_its_datasets_lie(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    """Also where that is known later, as when a batch file starts the program."""
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    path = written(tmp_path / "a.aihubbatch", BatchFile(1, "", "", (DatasetWish(offer.MAIN),)))
    first, second = (opened(stage, path) for _ in range(2))
    second.folder.setEditText(str(tmp_path / "elsewhere"))
    stage.choose(offer.MAIN)
    stage.desk.tree.tick_keys({stage.desk.tree.files()[0].key})
    stage.wait_for(stage.download(tmp_path / "here"), TransferState.DONE)
    wait_until(lambda: first.target == str(tmp_path / "here"), "the folder of the library")
    wait_until(lambda: "1 there" in state(first), "the look at it")
    assert second.target == str(tmp_path / "elsewhere")
    assert opened(stage, path).target == str(tmp_path / "here")
    for dialog in stage.window.findChildren(OpenDialog):
        dialog.reject()


def test_an_answer_after_the_dialog_is_closed_finds_nobody(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    dialog = opened(stage, written(tmp_path / "a.aihubbatch", BatchFile(1, "", "", (DatasetWish(offer.MAIN),))))
    for _ in range(20):
        dialog._look()
    dialog.reject()
    later: list[DiskSpace] = []
    stage.link.ask(Space(0, str(tmp_path)), DiskSpace, later.append)
    wait_until(lambda: later and not stage.window.findChildren(OpenDialog), "the answers")


def test_saved_from_a_selection_opened_again_and_just_what_lacks_is_fetched(
    open_stage: OpenStage, hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.link.tell(Configure(0, {"spread": 0.05}))
    path = tmp_path / "labels.aihubbatch"
    labels_saved(stage, path)
    batch = batchtext.parse(path.read_bytes())
    assert (batch.name, batch.to, batch.unpack) == ("라벨만", "", False)
    (wish,) = batch.datasets
    assert (wish.key, wish.files, wish.include) == (offer.MAIN, (), ("02.라벨링데이터/",))

    # Two of the four are there, and one of these is damaged later.
    right, broken, *missing = stage.desk.tree.files(ticked=True)
    stage.desk.tree.untick_all()
    stage.desk.tree.tick_keys({right.key, broken.key})
    number = stage.download(folder)
    stage.wait_for(number, TransferState.DONE)
    lacking = {one.key: folder.joinpath(*one.path.replace(" ", "_").split("/")) for one in (broken, *missing)}
    lacking[broken.key].write_bytes(b"not what it was")

    dialog = opened(stage, path)
    assert [row.id for row in stage.desk.queue.transfers()] == [number]  # nothing begins by itself
    dialog.folder.setEditText(str(folder))
    wait_until(lambda: dialog.listing.lines[0].counts()[Standing.THERE] == 1, "the look at the other folder")
    assert state(dialog) == "2 missing · 1 broken · 1 there"
    asked = len(hub.requests)
    QTest.mouseClick(dialog.download, LEFT)
    wait_until(lambda: not stage.window.findChildren(OpenDialog), "the end of the dialog")
    assert stage.window.side.list.currentRow() == Place.DOWNLOADS
    wait_until(lambda: stage.row(number).done == 4, "four files")
    assert stage.wait_for(number, TransferState.DONE).failed == 0
    assert {key: path.read_bytes() for key, path in lacking.items()} == {
        key: hub.catalogue.bytes_of(key) for key in lacking
    }
    # Nothing came that was right already.
    again = [key for seen in list(hub.requests)[asked:] if seen.host == "api" for key in seen.file_keys]
    assert sorted(again) == sorted(lacking)

    dialog = opened(stage, path)
    dialog.folder.setEditText(str(folder))
    wait_until(lambda: state(dialog) == "All there", "everything there")
    assert not dialog.download.isEnabled()
    assert dialog.amount.text() == "All 4 files are there"
    dialog.reject()


def test_a_release_since_is_told_and_comes_by_its_names(
    open_stage: OpenStage, hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    top = "감정 음성"
    old = {
        f"{top}/01.라벨/a.json": b"a" * 900,
        f"{top}/01.라벨/b.json": b"b" * 800,
        f"{top}/02.원천/c.wav": b"c" * 70_000,
    }
    hub.offer(Catalogue.of(old, key="90001"))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    path = written(
        tmp_path / "a.aihubbatch", BatchFile(1, to="받은 것", datasets=(DatasetWish("90001", include=("01.라벨/",)),))
    )
    dialog = opened(stage, path)
    assert dialog.target == str(folder)  # beside the file
    assert state(dialog) == "2 missing"
    QTest.mouseClick(dialog.download, LEFT)
    wait_until(stage.desk.queue.transfers, "the download")
    number = stage.desk.queue.transfers()[0].id
    assert stage.wait_for(number, TransferState.DONE).files == 2
    newer = {
        f"{top}/01.라벨/z.json": b"z" * 500,
        f"{top}/01.라벨/a.json": b"A" * 3_000,
        f"{top}/01.라벨/b.json": b"b" * 800,
    }
    hub.offer(Catalogue.of(newer, key="90001"))
    dialog = opened(stage, path)
    assert state(dialog) == "1 missing · 2 released anew"
    QTest.mouseClick(dialog.download, LEFT)
    wait_until(lambda: stage.row(number).done == 3, "the new release")
    assert stage.wait_for(number, TransferState.DONE).failed == 0
    assert (folder / "감정_음성/01.라벨/a.json").read_bytes() == b"A" * 3_000
    assert (folder / "감정_음성/01.라벨/z.json").read_bytes() == b"z" * 500


def test_what_the_engine_refuses_is_said_and_may_be_tried_again(
    open_stage: OpenStage, hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    """While a download is at work in the folder, nothing of it may be marked as broken."""
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.CP949)
    files = stage.desk.tree.files()
    stage.desk.tree.tick_keys({files[0].key})
    number = stage.download(folder)
    stage.wait_for(number, TransferState.DONE)
    (folder / files[0].path.replace(" ", "_")).write_bytes(b"another")
    slow = hub.faults.add(Slow(rate=20_000))
    stage.choose(offer.CP949)
    stage.desk.tree.tick_keys({file.key for file in files[1:]})
    target = stage.window.datasets.files.target
    target.set_folder(str(folder))
    target.button.click()  # joins the download of before
    stage.wait_for(number, TransferState.RUNNING)
    path = written(tmp_path / "a.aihubbatch", BatchFile(1, to=folder.name, datasets=(DatasetWish(offer.CP949),)))
    dialog = opened(stage, path)
    QTest.mouseClick(dialog.download, LEFT)
    wait_until(lambda: dialog.room.text().startswith("A download or a task"), "the refusal")
    assert dialog.download.isEnabled()
    hub.faults.remove(slow)
    stage.wait_for(number, TransferState.DONE)
    QTest.mouseClick(dialog.download, LEFT)
    wait_until(lambda: not stage.window.findChildren(OpenDialog), "the end of the dialog")
    stage.wait_for(number, TransferState.DONE)
    wait_until(lambda: stage.row(number).done == len(files), "all of it")


def test_without_a_key_it_is_asked_for_first(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url).ready()
    path = written(tmp_path / "a.aihubbatch", BatchFile(1, to="x", datasets=(DatasetWish(offer.ZIP64),)))
    dialog = opened(stage, path)
    QTest.mouseClick(dialog.download, LEFT)
    asking = dialog.findChildren(KeyDialog)[-1]
    assert asking.isVisible()
    assert stage.desk.queue.transfers() == []
    asking.reject()
    assert dialog.download.isEnabled()


# ---- the ways in


def test_dropped_by_ctrl_o_or_with_a_second_start_it_is_shown_and_nothing_begins(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    path = written(tmp_path / "두 번째.AIHUBBATCH", BatchFile(1, "둘", datasets=(DatasetWish(offer.ZIP64),)))
    drop(stage, QUrl.fromLocalFile(str(path)))
    assert "둘" in [label.accessibleName() for label in shown(stage).findChildren(ElidedLabel)]
    close_all(stage)

    stage.window.go(Place.STORAGE)
    stage.window.storage.tabs.setCurrentIndex(1)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    stage.window.storage.web.field.insertFromMimeData(data)  # dropped on the field for addresses
    shown(stage)
    close_all(stage)

    stage.window.activateWindow()
    wait_until(stage.window.isActiveWindow, "the window in front")
    QTest.keyClick(stage.window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    box = stage.window.findChildren(QFileDialog)[-1]
    assert Path(box.directory().absolutePath()) == tmp_path  # where the last one was
    box.fileSelected.emit(str(path))
    box.reject()
    shown(stage)
    close_all(stage)

    door = FrontDoor(stage.home)
    assert door.open()
    door.called.connect(stage.program.called)
    command = window("--home", str(stage.home), "--api-url", hub.url, path.name)
    second = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: second.poll() is not None, "the end of the second start")
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    assert state(shown(stage)).endswith(" missing")
    close_all(stage)
    door.close()
    assert stage.desk.queue.transfers() == []
    assert not stage.window.headline.isVisible()


def close_all(stage: Stage) -> None:
    for dialog in stage.window.findChildren(OpenDialog):
        dialog.reject()
    wait_until(lambda: not stage.window.findChildren(OpenDialog), "the end of the dialog")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n  "aihubbatch": 1,\n  "datasets": [{"key": "90001", "keys": []}]\n}', ("line 3", "column", "keys")),
        ('{"aihubbatch": 1, "datasets": [', ("line 1", "ends in the middle")),
        ('{"aihubbatch": 9}', ("newer version",)),
        ("", ("line 1",)),
        (None, ("No such file",)),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_its_place(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path, text: str | None, told: tuple[str, ...]
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    path = tmp_path / "bad.aihubbatch"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    stage.window.arrivals.open([str(path)])
    assert stage.window.headline.isVisible()
    assert all(part in stage.window.headline.banner.title for part in (str(path), *told)), (
        stage.window.headline.banner.title
    )
    assert not stage.window.findChildren(OpenDialog)


def test_what_is_not_to_be_had_keeps_nothing_else_back(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    batch = BatchFile(
        1, datasets=(DatasetWish("77"), DatasetWish(offer.ZIP64, files=("1", "2")), DatasetWish(offer.CP949)),
        addresses=(AddressWish("s3://bucket/set/"), AddressWish("http://127.0.0.1:9/none.zip")),
    )  # fmt: skip
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    dialog = opened(stage, written(tmp_path / "a.aihubbatch", batch))
    lines = dialog.listing.lines
    assert [line.problem is not None for line in lines] == [True, True, False, True, True]
    assert lines[1].gone == 2
    assert "which object storage" in state(dialog, 3)
    assert dialog.download.isEnabled()
    wait_until(dialog.room.text, "what is free")
    hub.stop()
    close_all(stage)
    dialog = opened(stage, tmp_path / "a.aihubbatch")  # the last copy has to do
    assert dialog.listing.lines[2].old is not None
    assert "compared with the list of" in dialog.model.index(2, BatchColumn.STATE).data(Qt.ItemDataRole.ToolTipRole)
    hub.start()
    assert dialog.refresh.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_F5)
    assert not dialog.download.isEnabled()
    wait_until(lambda: dialog.listing.known and dialog.listing.lines[2].standings, "the lists anew")
    assert dialog.listing.lines[2].old is None
    assert dialog.download.isEnabled()


def test_it_says_how_a_machine_without_a_network_gets_it(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    path = written(tmp_path / "그 배치.aihubbatch", BatchFile(1, datasets=(DatasetWish(offer.ZIP64),)))
    dialog = opened(stage, path)
    dialog.folder.setEditText(str(tmp_path / "a b"))
    height = dialog.height()
    dialog.carrying.link.click()
    assert dialog.carrying.field.isVisible()
    assert dialog.height() > height
    dialog.carrying.copy.click()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["aihub", "batch", name] for name in ("request", "bundle", "import")
    ]
    assert shlex.split(lines[0])[3:6] == [path.name, "--have", "DIR"]
    assert shlex.split(lines[1])[-2:] == ["--from", str(tmp_path / "a b")]
    dialog.carrying.link.click()
    assert dialog.height() == height


# ---- what is saved


def test_single_files_are_saved_by_key_or_at_a_tick_by_name(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.MAIN)
    tree = stage.desk.tree
    target = stage.window.datasets.files.target
    assert not target.batch.isEnabled()
    file = next(file for file in tree.files() if file.path.endswith("TS_02.시장·항구.zip"))
    tree.tick_keys({file.key})
    QTest.mouseClick(target.batch, LEFT)
    dialog = saving(stage)
    assert not dialog.lasting.isChecked()
    assert "file key" in dialog.form_note.text()
    dialog.folder.setText(str(tmp_path / "data"))
    dialog.save_to(str(tmp_path / "a.aihubbatch"))
    batch = batchtext.parse((tmp_path / "a.aihubbatch").read_bytes())
    assert batch.datasets[0].files == (file.key,)
    assert batch.to == "data"  # beside the file
    dialog.lasting.setChecked(True)
    dialog.save_to(str(tmp_path / "b.aihubbatch"))
    assert batchtext.parse((tmp_path / "b.aihubbatch").read_bytes()).datasets[0].include == (file.path,)
    dialog.save_to(str(tmp_path / "none" / "b.aihubbatch"))
    assert "b.aihubbatch" in dialog.status.text() or "write" in dialog.status.text()
    assert not (tmp_path / "none").exists()
    dialog.reject()
    tree.tick(QModelIndex(), True)
    QTest.mouseClick(target.batch, LEFT)
    wait_until(lambda: len(stage.window.findChildren(SaveDialog)) == 1, "the other dialog")
    dialog = saving(stage)
    assert not dialog.lasting.isVisible()
    assert dialog.batch(tmp_path / "c").datasets == (DatasetWish(offer.MAIN, stage.desk.chosen.title),)  # type: ignore[union-attr]
    dialog.reject()


def test_downloads_and_files_of_the_queue_are_saved(
    open_stage: OpenStage, hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.link.tell(Configure(0, {"spread": 0.05}))
    stage.choose(offer.CP949)
    stage.desk.tree.tick(QModelIndex(), True)
    number = stage.download(folder)
    stage.wait_for(number, TransferState.DONE)
    page = stage.window.downloads
    page.view.select(number)
    stage.window.activateWindow()
    page.view.setFocus()
    QTest.keyClick(page.view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    whole = saving(stage)
    assert whole.batch(tmp_path / "a").datasets == (DatasetWish(offer.CP949, stage.row(number).dataset.title),)
    whole.reject()
    wait_until(lambda: not stage.window.findChildren(SaveDialog), "its end")
    top = stage.desk.queue.index_of(number)
    page.view.expand(top)
    wait_until(lambda: stage.desk.queue.rowCount(top) > 1, "the files")
    flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
    page.view.selectionModel().setCurrentIndex(stage.desk.queue.index(1, 0, top), flags)
    page.batching.action.trigger()
    single = saving(stage)
    (wish,) = single.batch(tmp_path / "a").datasets
    assert len(wish.files or wish.include) == 1
    single.reject()


def test_objects_and_folders_of_a_storage_are_saved(open_storage: OpenStorage, tmp_path: Path) -> None:
    stage = open_storage()
    stage.choose()
    stage.open("speech-corpus/음성")
    stage.model.tick(stage.line("2024"), True)
    stage.model.tick(stage.line("licence.pdf"), True)
    stage.shelves.target.batch.click()
    wait_until(lambda: stage.window.findChildren(SaveDialog), "the dialog")
    dialog = stage.window.findChildren(SaveDialog)[-1]
    batch = dialog.batch(tmp_path / "a.aihubbatch")
    assert batch.endpoint == NAVER
    assert [one.address for one in batch.addresses] == [
        "s3://speech-corpus/licence.pdf",
        "s3://speech-corpus/음성/2024/",
    ]
    dialog.save_to(str(tmp_path / "a.aihubbatch"))
    dialog.reject()
    assert not stage.noted("add")
    stage.window.arrivals.open([str(tmp_path / "a.aihubbatch")])
    wait_until(lambda: stage.window.findChildren(OpenDialog), "the dialog")
    shown_again = stage.window.findChildren(OpenDialog)[-1]
    watched(shown_again.model)
    wait_until(lambda: any(line.standings for line in shown_again.listing.lines), "the look at the folder")
    assert [len(line.files) for line in shown_again.listing.lines] == [1, 13]
    shown_again.unpack.setChecked(True)
    QTest.mouseClick(shown_again.download, LEFT)
    wait_until(lambda: stage.noted("add"), "the download")
    assert stage.noted("compare")[-1]["ready"] is True
    wish = stage.noted("add")[-1]
    assert wish["unpack"] is True
    assert 0 < len(wish["files"]) < 14
    assert wish["dataset"]["source"] == "s3"


def test_folders_whose_files_would_share_names_are_saved_object_by_object() -> None:
    def one(key: str) -> RemoteFile:
        return RemoteFile(S3, f"{NAVER}/b", key, key, SizeRange.exactly(5), origin=Origin())

    files, folders = [one("2023/a.wav"), one("2024/a.wav")], [("b", "2023/"), ("b", "2024/")]
    found = of_addresses("b", files, folders)
    assert [(wish.address, wish.out) for wish in found.addresses] == [
        ("s3://b/2023/a.wav", "2023/a.wav"), ("s3://b/2024/a.wav", "2024/a.wav"),
    ]  # fmt: skip
    apart = of_addresses("b", [one("2023/a.wav"), one("2024/b.wav")], folders)
    assert [wish.address for wish in apart.addresses] == ["s3://b/2023/", "s3://b/2024/"]


def test_addresses_are_saved_without_what_is_secret(open_storage: OpenStorage, tmp_path: Path) -> None:
    signed = "https://example.org/a.zip?X-Amz-Signature=abc&token=geheim"
    digest = Checksum(Algorithm.SHA256, "0a" * 32)
    origin = Origin((signed, "https://mirror.example.org/a.zip", "https://me:pw@host.org/a.zip"), checksums=(digest,))
    file = RemoteFile(WEB, "", "https://example.org/a.zip", "자료/a.zip", SizeRange.exactly(5), origin=origin)
    found = of_addresses("web", [file])
    assert found.bare == 1
    raw = batchtext.written(BatchFile(1, addresses=found.addresses))
    assert not any(secret in raw for secret in (b"abc", b"geheim", b"pw"))
    assert json.loads(raw)["addresses"] == [
        {
            "address": "https://example.org/a.zip", "mirrors": ["https://mirror.example.org/a.zip"],
            "out": "자료/a.zip", "checksum": f"sha-256:{'0a' * 32}",
        }
    ]  # fmt: skip
    stage = open_storage("ko")
    stage.window.batches.save(found)
    dialog = stage.window.findChildren(SaveDialog)[-1]
    assert "서명" in dialog.notes.text()
    dialog.reject()


def test_everything_in_the_dialogs_has_a_name(open_storage: OpenStorage, tmp_path: Path) -> None:
    stage = open_storage()
    path = written(tmp_path / "a.aihubbatch", BatchFile(1, addresses=(AddressWish("https://a.example.org/a.zip"),)))
    stage.window.batches.open(path)
    stage.window.batches.save(of_addresses("web", []))
    dialogs = [*stage.window.findChildren(OpenDialog), *stage.window.findChildren(SaveDialog)]
    assert len(dialogs) == 2
    for dialog in dialogs:
        kinds = (QAbstractButton, QComboBox, QPlainTextEdit, QTreeView)
        for widget in [one for kind in kinds for one in dialog.findChildren(kind)]:
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            inner = isinstance(widget.parent(), QComboBox)
            assert text or widget.accessibleName() or inner, widget
        dialog.reject()
