"""Looks into archives and unpacking, in the real window with the real engine and archives made by other programs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packed import tool
from PySide6.QtCore import QObject, QPoint, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QTableView

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TASK_ENDED
from aihub_desktop.gui.inside.left_out_dialog import LeftOutDialog
from aihub_desktop.gui.inside.unpack_dialog import UnpackDialog
from aihub_desktop.gui.inside.window import InsideWindow
from aihub_desktop.gui.models.entries import EntryColumn
from aihub_desktop.gui.side_bar import Place
from gui.conftest import OpenStage
from gui.lateness import TOLD, Lateness
from gui.samples import DAMAGED, LOCKED, dataset, files, korean, picture, shelved
from gui.stage import Stage, wait_until

NOWHERE = "http://127.0.0.1:9"


class Opener(QObject):
    """Stands in for the system's programs: notes what they are asked to open."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open_it(self, address: QUrl) -> None:
        self.opened.append(address.toLocalFile())


@pytest.fixture
def opener() -> Iterator[Opener]:
    opener = Opener()
    # The stubs say bytes, which the binding refuses.
    QDesktopServices.setUrlHandler("file", opener, "open_it")  # type: ignore[arg-type]
    yield opener
    QDesktopServices.unsetUrlHandler("file")


class Looking:
    """One archive that is looked into."""

    def __init__(self, stage: Stage, folder: Path, place: str) -> None:
        stage.window.entrance.look(str(folder), place)
        self.stage = stage
        self.window: InsideWindow = list(stage.window.entrance.looks.values())[-1]
        self.model, self.list, self.preview = self.window.look.model, self.window.list, self.window.preview

    def ready(self) -> Looking:
        wait_until(lambda: self.model.rowCount() and self.model.row_at(0), "the entries")
        return self

    def names(self) -> list[str]:
        return [str(self.model.index(row, EntryColumn.NAME).data()) for row in range(self.model.rowCount())]

    def choose(self, name: str) -> None:
        self.list.view.setCurrentIndex(self.model.index(self.names().index(name), 0))

    def shows(self, found: Callable[[], object], what: str) -> None:
        wait_until(lambda: self.preview.isVisible() and found(), what)

    def press(self, name: str) -> None:
        QTest.mouseClick(self.window.buttons[name], Qt.MouseButton.LeftButton)


@pytest.fixture
def stage(open_stage: OpenStage) -> Stage:
    return open_stage(NOWHERE)


@pytest.fixture
def sample(stage: Stage, tmp_path: Path) -> Looking:
    dataset(tmp_path / "set.zip")
    return Looking(stage, tmp_path, "set.zip").ready()


def test_entries_are_listed_with_what_they_are(sample: Looking) -> None:
    assert sample.names() == [*files(), DAMAGED]
    row = sample.names().index("원천데이터/소리/dialog_0001.wav")
    assert [str(sample.model.index(row, column).data()) for column in EntryColumn][1:] == ["78.2 KB", "144 B", "WAV"]
    assert sample.window.about.text().startswith(f"{len(files()) + 1} files")
    assert sample.list.encoding.currentText() == "Automatic: UTF-8"
    assert sample.window.windowTitle() == "set.zip"


def test_each_kind_is_shown_as_what_it_is(sample: Looking) -> None:
    preview, text = sample.preview, sample.preview.text
    sample.choose("라벨링데이터/IMG_0002.json")
    # The label that was shown before says the same of its place.
    sample.shows(
        lambda: preview.facts.text() == "JSON · 215 B · UTF-8" and '"IMG_0002.jpg"' in text.toPlainText(), "it"
    )
    assert text.toPlainText().startswith('{\n  "image": {')
    assert '"place": "강릉 안목해변"' in text.toPlainText()
    sample.choose("원천데이터/사진/IMG_0001.jpg")
    sample.shows(lambda: preview.picture.isVisible() and not preview.picture.image.isNull(), "the picture")
    assert preview.picture.image.width() == 960
    assert preview.facts.text().endswith("960 × 640")
    sample.choose("메타데이터/화자.csv")
    sample.shows(lambda: text.toPlainText().startswith("이름,나이,지역"), "the table")
    assert preview.facts.text().endswith("CP949")
    sample.choose("원천데이터/소리/dialog_0001.wav")
    sample.shows(lambda: "16 kHz · 16 bits · 1 channel · 2 s" in preview.facts.text(), "the sound")
    sample.choose("도구/setup.exe")
    sample.shows(lambda: text.toPlainText().startswith("0000  4d 5a"), "the bytes")
    assert "program" in preview.facts.text()
    sample.choose(DAMAGED)
    sample.shows(lambda: preview.told == "This entry is damaged", "the damage")


def test_what_is_looked_at_last_is_shown(sample: Looking) -> None:
    for name in sample.names():
        sample.choose(name)  # none of these is waited for
    sample.choose("메타데이터/readme.txt")
    sample.shows(lambda: sample.preview.text.toPlainText() == "바닷가 사진과 라벨\n", "the last")
    assert sample.preview.told == ""


def test_a_long_text_is_cut_and_says_so(stage: Stage, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "long.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("long.txt", "가나다라마바사\n" * 60_000)
        archive.writestr("long.json", "[" + '{"가": [1, 2]},' * 60_000 + "0]")
        archive.writestr("empty.txt", b"")
        archive.writestr("large.png", b"\x89PNG\r\n\x1a\n" + bytes(60 << 20))
    look = Looking(stage, tmp_path, "long.zip").ready()
    look.choose("long.json")
    look.shows(lambda: "only the first 256 KB" in look.preview.facts.text(), "the cut")
    assert look.preview.text.toPlainText().startswith('[\n  {\n    "가": [1, 2]\n  },')
    look.choose("long.txt")
    look.shows(lambda: look.preview.text.toPlainText().startswith("가나다라마바사\n가"), "the text")
    assert "only the first 256 KB" in look.preview.facts.text()
    look.choose("empty.txt")
    look.shows(lambda: look.preview.told == "The file is empty", "that there is nothing")
    look.choose("large.png")
    look.shows(lambda: look.preview.told == "This picture is too large for a preview", "why not")


def test_typing_finds_enter_opens_escape_closes(sample: Looking, opener: Opener, stage: Stage) -> None:
    view, search = sample.list.view, sample.list.search
    QTest.keyClicks(view, "readme")
    assert search.text() == "readme"
    wait_until(lambda: sample.model.rowCount() == 1 and sample.list.current(), "the one")
    assert sample.window.about.text() == f"1 of {len(files()) + 1}"
    QTest.keyClick(search, Qt.Key.Key_Down)
    wait_until(view.hasFocus, "the list")
    sample.shows(sample.preview.text.toPlainText, "the text")
    QTest.keyClick(view, Qt.Key.Key_Return)
    wait_until(lambda: opener.opened, "its program")
    (path,) = map(Path, opener.opened)
    assert (path.name, path.read_text(encoding="utf-8")) == ("readme.txt", "바닷가 사진과 라벨\n")
    private = stage.home / "opened"
    assert path.is_relative_to(private)
    if sys.platform != "win32":  # where the folder of a person is his alone
        assert private.stat().st_mode & 0o077 == 0
        assert path.stat().st_mode & 0o111 == 0
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    QTest.keyClick(view, Qt.Key.Key_Escape)
    wait_until(lambda: not stage.window.entrance.looks, "the end of the look")
    stage.close()
    assert not private.exists(), "nothing of it is left behind"


def test_what_a_crash_left_is_gone_at_the_next_start(open_stage: OpenStage, tmp_path: Path) -> None:
    left = tmp_path / "home/opened/1/secret.pdf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"secret")
    open_stage(NOWHERE)
    assert not left.exists()


@pytest.mark.parametrize("name", ["도구/view.html", "도구/setup.exe", "도구/picture.png"])
def test_what_might_run_something_is_not_opened(sample: Looking, opener: Opener, name: str) -> None:
    sample.choose(name)
    sample.shows(lambda: sample.preview.head, "its beginning")
    sample.press("open")
    wait_until(sample.window.banner.isVisible, "why not")
    assert name.rpartition("/")[2] in sample.window.banner.accessibleName()
    assert opener.opened == []
    assert not (sample.stage.home / "opened").exists()


def test_entries_are_saved_and_what_could_not_be_is_told(sample: Looking, tmp_path: Path) -> None:
    out = tmp_path / "저장"
    out.mkdir()
    sample.choose("원천데이터/사진/IMG_0001.jpg")
    sample.window.save_to(str(out))
    wait_until(lambda: "saved to" in sample.window.about.text(), "the end of it")
    assert (out / "IMG_0001.jpg").read_bytes() == files()["원천데이터/사진/IMG_0001.jpg"]
    assert not sample.window.banner.isVisible()
    sample.list.view.selectAll()
    sample.window.save_to(str(out))
    wait_until(sample.window.banner.isVisible, "what was saved")
    assert sample.window.banner.accessibleName().startswith(f"{len(files())} files were saved")
    assert DAMAGED in sample.window.banner.accessibleDescription()
    assert len(list(out.iterdir())) == len(files()) + 1, "what was there stays, beside the new one"
    assert not (out / DAMAGED.rpartition("/")[2]).exists()


def test_heads_sort_and_the_third_press_brings_back_the_order(sample: Looking) -> None:
    header = sample.list.view.horizontalHeader()
    before = sample.names()

    def press(column: EntryColumn) -> None:
        at = QPoint(header.sectionViewportPosition(column) + 10, 5)
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    press(EntryColumn.SIZE)
    wait_until(lambda: sample.names()[-1:] == ["원천데이터/사진/큰 그림.bmp"], "the largest last")
    press(EntryColumn.SIZE)
    wait_until(lambda: sample.names()[:1] == ["원천데이터/사진/큰 그림.bmp"], "the largest first")
    press(EntryColumn.SIZE)
    wait_until(lambda: sample.names() == before, "the order of the archive")


def test_names_are_read_anew_in_another_encoding(stage: Stage, tmp_path: Path) -> None:
    korean(tmp_path / "old.zip")
    look = Looking(stage, tmp_path, "old.zip").ready()
    assert look.list.encoding.currentText() == "Automatic: Korean (CP949)"
    assert look.names()[0] == "한글 폴더/대화 기록 1.txt"
    look.list.encoding.setCurrentIndex(1)
    wait_until(lambda: look.model.rowCount() and "\ufffd" in look.names()[0], "broken names")
    look.list.encoding.setCurrentIndex(2)
    wait_until(lambda: look.names() and look.names()[0] == "한글 폴더/대화 기록 1.txt", "whole names")
    look.choose(LOCKED)
    look.shows(lambda: look.preview.told == "This entry cannot be opened: encrypted", "why")
    assert not look.window.buttons["open"].isEnabled()
    assert not look.window.buttons["save"].isEnabled()


def test_archives_of_other_programs(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": 1}')
    (tmp_path / "b.bin").write_bytes(noise(200_000, 1))
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.json", "폴더/a.json")
    for command in (
        [tool("7z"), "a", "-tzip", "-ppassword", "locked.zip", "a.json"],
        [tool("zip"), "-q", "-s", "64k", "split.zip", "a.json", "b.bin"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    look = Looking(stage, tmp_path, "t.tar.gz").ready()
    assert look.names() == ["폴더/a.json"]
    look.shows(lambda: look.preview.text.toPlainText() == '{\n  "a": 1\n}', "the entry")
    look = Looking(stage, tmp_path, "locked.zip").ready()
    look.shows(lambda: "encrypted" in look.preview.told, "that it is locked")
    look = Looking(stage, tmp_path, "split.z01").ready()
    assert sorted(look.names()) == ["a.json", "b.bin"]
    look.choose("b.bin")
    look.shows(lambda: look.preview.text.toPlainText().startswith("0000  "), "its bytes")


def test_what_cannot_be_opened_says_why(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04" + bytes(3000))
    look = Looking(stage, tmp_path, "bad.zip")
    wait_until(look.window.wrong.isVisible, "the damage")
    assert look.window.wrong.accessibleName() == "The archive is damaged (its end is missing)"
    assert not any(look.window.buttons[name].isEnabled() for name in ("open", "save", "unpack"))
    look = Looking(stage, tmp_path, "none.zip")
    wait_until(look.window.wrong.isVisible, "that it is not there")


def test_a_look_goes_on_when_the_engine_is_started_again(sample: Looking, stage: Stage) -> None:
    lost: list[object] = []
    again: list[object] = []
    stage.desk.lost.connect(lost.append)
    sample.window.look.opened.connect(again.append)
    stage.desk.found.emit()  # a snapshot of the same engine changes nothing
    assert sample.window.buttons["unpack"].isEnabled()
    os.kill(stage.link.pid, 9)
    wait_until(lambda: lost, "the engine's end")
    stage.desk.restart()
    wait_until(lambda: again and sample.model.row_at(0), "the entries again")
    sample.choose("메타데이터/readme.txt")
    sample.shows(lambda: sample.preview.text.toPlainText().startswith("바닷가"), "one of them")


def test_what_is_closed_in_the_middle_is_not_told_of_what_comes(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "받은 것"
    folder.mkdir()
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", noise(1 << 20, number))
    korean(folder / "old.zip")
    holding(stage, folder, "set.zip", "old.zip")
    out = tmp_path / "out"
    out.mkdir()
    look = Looking(stage, folder, "set.zip").ready()
    look.list.view.selectAll()
    look.window.save_to(str(out))
    assert look.window.buttons["stop"].isVisible()
    look.window.close()
    stage.window.library.actions_by_name["unpack"].trigger()
    stage.window.findChildren(UnpackDialog)[-1].reject()
    stage.window.library.actions_by_name["unpack"].trigger()
    dialog = planned(stage)
    dialog.unpack.click()
    dialog.reject()
    unpacked(stage, folder)
    panel = stage.window.library.panel
    wait_until(panel.strip.left_out.isVisible, "the way to the list")
    panel.strip.left_out.click()
    stage.window.findChildren(LeftOutDialog)[-1].reject()
    # Whatever is still to come has come once another answer has.
    again = Looking(stage, folder, "old.zip").ready()
    again.shows(again.preview.text.toPlainText, "another answer")
    for path in out.iterdir():
        assert path.stat().st_size == 1 << 20, "what was saved is whole"


def test_everything_has_a_name_for_those_who_listen(sample: Looking, tmp_path: Path) -> None:
    sample.stage.window.entrance.unpack(str(tmp_path), ["set.zip"])
    dialog = sample.window.findChildren(UnpackDialog)[-1]
    for window in (sample.window, dialog):
        for kind in (QLineEdit, QComboBox, QTableView, QPlainTextEdit):
            for widget in window.findChildren(kind):
                if widget.isVisible() and "qt_" not in widget.objectName():
                    assert widget.accessibleName(), (window, widget)
        for button in window.findChildren(QAbstractButton):
            if button.isVisible() and not isinstance(button.parent(), QLineEdit):
                assert button.text() or button.accessibleName(), (window, button)
    dialog.reject()
    sample.stage.window.change_language("ko")
    assert sample.window.buttons["unpack"].text() == "압축 풀기…"


@pytest.fixture
def frozen() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
@TOLD
def test_two_hundred_thousand_entries_without_stutter(stage: Stage, tmp_path: Path) -> None:
    many = 200_000
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(many):
            archive.writestr(zipfile.ZipInfo(f"라벨링데이터/{number // 1000:04}/label_{number:07}.json"), b"{}")
    lateness = Lateness()
    look = Looking(stage, tmp_path, "many.zip").ready()
    bar, scroll, steps = look.list.view.verticalScrollBar(), QTimer(interval=15), iter(range(1 << 30))
    scroll.timeout.connect(lambda: bar.setValue(next(steps) * 7919 % max(1, bar.maximum())))
    until = time.monotonic() + 3.0
    scroll.start()
    wait_until(lambda: time.monotonic() > until, "three seconds of it")
    scroll.stop()
    look.list.search.setText("label_0199")
    wait_until(lambda: look.model.rowCount() == 1000, "those that are found")
    look.list.search.setText("")
    wait_until(lambda: look.model.rowCount() == many, "all of them")
    look.list.view.selectAll()
    lateness.stop()
    print(f"\n{lateness}")
    own = sorted(lateness.own)
    assert own[int(len(own) * 0.99)] < 0.030
    assert not look.window.buttons["save"].isEnabled(), "so many are for unpacking"


# ---- unpacking -----------------------------------------------------------------------------------


def holding(stage: Stage, folder: Path, *places: str) -> None:
    shelved(folder, *places)
    stage.window.go(Place.LIBRARY)
    stage.window.library.door.add(str(folder))
    wait_until(lambda: stage.desk.library.files.rowCount() == len(places), "the folder")


def planned(stage: Stage) -> UnpackDialog:
    dialog = stage.window.findChildren(UnpackDialog)[-1]
    wait_until(lambda: dialog.plan.is_whole, "the plan")
    return dialog


def unpacked(stage: Stage, folder: Path) -> None:
    library = stage.desk.library

    def is_over() -> bool:
        row = next(row for row in library.folders.rows() if row.folder == str(folder))
        task = library.running(row)
        return task is not None and task.state in TASK_ENDED

    wait_until(is_over, "the end of unpacking")


def test_unpacking_tells_before_what_it_takes(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "받은 것"
    folder.mkdir()
    dataset(folder / "set.zip")
    korean(folder / "old.zip")
    holding(stage, folder, "set.zip", "old.zip")
    stage.window.library.actions_by_name["unpack"].trigger()
    dialog = planned(stage)
    assert dialog.amount.text().startswith(f"{len(files()) + 1 + 2} files, ")
    assert " available" in dialog.room.text()
    assert dialog.encoding.currentText() == "Automatic: Korean (CP949)"
    assert "한글 폴더/대화 기록 1.txt" in [label.accessibleName() for label in dialog.names]
    dialog.encoding.setCurrentIndex(1)
    wait_until(lambda: dialog.plan.is_whole and any("\ufffd" in name for name in dialog.plan.names), "broken names")
    dialog.encoding.setCurrentIndex(0)
    dialog.delete.setChecked(True)
    dialog.only.setText("*.json; *.csv")
    wait_until(lambda: dialog.plan.is_whole and dialog.plan.entries == 13, "a smaller plan")
    assert dialog.wish().patterns == ["*.json", "*.csv"]
    assert dialog.wish().keep, "what was not wished for would go with the archive"
    dialog.only.setText("nothing like it")
    wait_until(lambda: dialog.plan.is_whole and not dialog.plan.entries, "an empty plan")
    assert (dialog.amount.text(), dialog.unpack.isEnabled()) == ("No file matches", False)
    dialog.reject()
    assert sorted(path.name for path in folder.iterdir() if path.name != ".aihub") == ["old.zip", "set.zip"]


def test_what_is_left_out_is_told_with_reasons_copied_and_kept(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "받은 것"
    folder.mkdir()
    dataset(folder / "set.zip")
    korean(folder / "=old.zip")
    holding(stage, folder, "set.zip", "=old.zip")
    stage.window.library.actions_by_name["unpack"].trigger()
    dialog = planned(stage)
    into = tmp_path / "풀린 것"
    dialog.unpack_into(str(into))
    wait_until(lambda: dialog.plan.is_whole and dialog.unpack.isEnabled(), "the plan anew")
    assert str(into) in dialog.where.currentText()
    dialog.unpack.click()
    unpacked(stage, folder)
    assert (into / "메타데이터/readme.txt").exists()
    strip = stage.window.library.panel.strip
    wait_until(strip.left_out.isVisible, "the way to the list")
    strip.left_out.click()
    told = stage.window.findChildren(LeftOutDialog)[-1]
    wait_until(lambda: told.model.rowCount() == 2, "the list")
    told.copy.click()
    wait_until(lambda: "copied" in told.about.text(), "the copy")
    lines = QGuiApplication.clipboard().text().split("\n")
    assert sorted(lines[1:]) == [f"{DAMAGED}\tdamaged\tset.zip", f"{LOCKED}\tencrypted\t=old.zip"]
    told.save_to(str(tmp_path / "list.csv"))
    wait_until(lambda: told.about.text() == "Saved", "the file")
    kept = (tmp_path / "list.csv").read_text(encoding="utf-8-sig")
    assert f"{LOCKED},encrypted,'=old.zip" in kept, "a sheet does not reckon with it"
    told.save_to(str(tmp_path / "no such folder/list.csv"))
    wait_until(lambda: told.about.text().startswith("Could not be saved"), "why not")
    told.accept()


def test_an_archive_is_deleted_when_that_was_wished_and_all_of_it_stands(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "받은 것"
    folder.mkdir()
    with zipfile.ZipFile(folder / "good.zip", "w") as archive:
        archive.writestr("a.png", picture(20, 20))
        archive.writestr("b.txt", b"1")
    holding(stage, folder, "good.zip")
    panel = stage.window.library.panel
    panel.view.setCurrentIndex(stage.desk.library.files.index(0, 0))
    wait_until(panel.look_button.isEnabled, "the button")
    panel.look_button.click()
    look = next(iter(stage.window.entrance.looks.values()))
    wait_until(look.buttons["unpack"].isEnabled, "the look")
    look.buttons["unpack"].click()
    dialog = look.findChildren(UnpackDialog)[-1]
    wait_until(lambda: dialog.plan.is_whole, "the plan")
    dialog.delete.setChecked(True)
    dialog.unpack.click()
    if sys.platform == "win32":  # some versions keep the name until the last who reads there has gone
        wait_until((folder / "good/b.txt").exists, "the entries")
        look.close()
    wait_until(lambda: not (folder / "good.zip").exists(), "the end of the archive")
    assert (folder / "good/b.txt").read_bytes() == b"1"


def test_a_finished_download_is_looked_into(hub: DemoHub, open_stage: OpenStage, tmp_path: Path) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.choose(offer.ZIP64)
    stage.desk.tree.tick(stage.desk.tree.index(0, 0), True)
    number = stage.download(tmp_path / "받은 것")
    stage.wait_for(number, TransferState.DONE)
    downloads, queue = stage.window.downloads, stage.desk.queue
    assert not downloads.actions_by_name["look"].isEnabled()
    above = queue.index_of(number)
    downloads.view.expand(above)
    wait_until(lambda: queue.rowCount(above) and str(queue.index(0, 0, above).data()), "its files")
    place = next(
        at for at in range(queue.rowCount(above)) if str(queue.index(at, 0, above).data()).endswith(".zip")
    )  # fmt: skip
    downloads.view.setCurrentIndex(queue.index(place, 0, above))
    wait_until(downloads.actions_by_name["look"].isEnabled, "the action")
    downloads.actions_by_name["look"].trigger()
    look = next(iter(stage.window.entrance.looks.values()))
    wait_until(look.look.model.rowCount, "the entries")
