"""Pictures of looks into archives and of unpacking, with the real engine and real archives."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from aihub_desktop.domain.tasks import TASK_ENDED
from aihub_desktop.gui.inside.left_out_dialog import LeftOutDialog
from aihub_desktop.gui.inside.unpack_dialog import UnpackDialog
from aihub_desktop.gui.inside.window import InsideWindow
from aihub_desktop.gui.side_bar import Place

from .samples import DAMAGED, dataset, korean, shelved
from .stage import Stage, linger, wait_until

NOWHERE = "http://127.0.0.1:9"


class InsideShow:
    """After the other shows: `number` is that of the last picture before."""

    def __init__(self, app: QApplication, into: Path, number: int, temporary: Path, language: str) -> None:
        self._into, self._number = into, number
        self._folder = temporary / "553 바닷가 식물 사진"
        self._folder.mkdir()
        dataset(self._folder / "사진_Training.zip")
        korean(self._folder / "대화.zip")
        (self._folder / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(3000))
        self._stage = Stage(app, temporary / "home", NOWHERE, language)

    def run(self) -> None:
        stage = self._stage
        shelved(self._folder, "사진_Training.zip", "대화.zip", "broken.zip")
        stage.window.resize(1120, 740)
        stage.start()
        stage.window.go(Place.LIBRARY)
        try:
            stage.window.library.door.add(str(self._folder))
            wait_until(lambda: stage.desk.library.files.rowCount() == 3, "the files")
            stage.window.library.panel.view.setCurrentIndex(stage.desk.library.files.index(2, 0))
            self._snap("library-archives")
            self._look()
            self._unpack()
        finally:
            stage.close()

    def _look(self) -> None:
        look = self._open("사진_Training.zip")
        for text, name in (
            ("IMG_0001.jpg", "picture"), ("IMG_0003.json", "json"), ("화자", "table"), ("wav", "sound"),
            ("setup.exe", "bytes"), (DAMAGED.rpartition("/")[2], "damaged"),
        ):  # fmt: skip
            self._find(look, text)
            if name != "damaged":  # one with the list as it was found
                self._unfilter(look)
            self._snap(f"inside-{name}", look)
        self._find(look, "view.html")
        look.buttons["open"].click()
        self._snap("inside-not-opened", look)
        look.banner.hide()
        self._find(look, "")
        look.list.view.selectAll()
        look.save_to(str(self._folder))
        wait_until(look.banner.isVisible, "what was saved")
        self._snap("inside-saved", look)
        look.list.search.setText("없는 이름")
        wait_until(lambda: not look.look.model.rowCount(), "no hit")
        self._snap("inside-no-hit", look)
        look.close()
        look = self._open("대화.zip")
        self._find(look, "pdf")
        self._snap("inside-locked", look)
        self._find(look, "")
        look.list.encoding.setCurrentIndex(1)
        wait_until(lambda: "\ufffd" in str(look.look.model.index(0, 0).data()), "other names")
        self._snap("inside-wrong-encoding", look)
        look.close()
        self._stage.window.entrance.look(str(self._folder), "broken.zip")
        look = next(iter(self._stage.window.entrance.looks.values()))
        wait_until(look.wrong.isVisible, "the damage")
        self._snap("inside-broken", look)
        look.close()

    def _open(self, place: str) -> InsideWindow:
        self._stage.window.entrance.look(str(self._folder), place)
        look = next(iter(self._stage.window.entrance.looks.values()))
        wait_until(look.look.model.rowCount, "the entries")
        return look

    @staticmethod
    def _find(look: InsideWindow, text: str) -> None:
        look.list.search.setText(text)
        row = look.look.model.row_at
        wait_until(lambda: (first := row(0)) is not None and text.casefold() in first.name.casefold(), text)
        wait_until(lambda: look.preview.row == row(0), "its preview")

    @staticmethod
    def _unfilter(look: InsideWindow) -> None:
        """The whole list, with the entry that was found."""
        model, wanted = look.look.model, look.preview.row
        look.list.search.clear()
        wait_until(lambda: model.rowCount() > 1 and model.row_at(model.rowCount() - 1), "the whole list")
        place = next(at for at in range(model.rowCount()) if model.row_at(at) == wanted)
        look.list.view.setCurrentIndex(model.index(place, 0))
        look.list.view.setFocus()

    def _unpack(self) -> None:
        window = self._stage.window
        window.entrance.unpack(str(self._folder), ["사진_Training.zip"])
        dialog = window.findChildren(UnpackDialog)[-1]
        wait_until(lambda: dialog.plan.is_whole, "the plan")
        self._snap("unpack-one", dialog)
        dialog.delete.setChecked(True)
        self._snap("unpack-and-delete", dialog)
        dialog.only.setText("*.json; *.jpg")
        wait_until(lambda: dialog.plan.wish.patterns and dialog.plan.is_whole, "the plan")
        self._snap("unpack-some", dialog)
        dialog.reject()
        window.entrance.unpack(str(self._folder), None)
        dialog = window.findChildren(UnpackDialog)[-1]
        wait_until(lambda: dialog.plan.is_whole, "the plan")
        dialog.nested.setChecked(True)
        self._snap("unpack-all", dialog)
        dialog.unpack.click()
        library = self._stage.desk.library
        wait_until(
            lambda: (row := library.chosen) and (task := library.running(row)) and task.state in TASK_ENDED, "it"
        )
        self._snap("library-unpacked")
        window.library.panel.strip.left_out.click()
        told = window.findChildren(LeftOutDialog)[-1]
        wait_until(told.model.rowCount, "the list")
        self._snap("left-out", told)
        told.accept()

    def _snap(self, name: str, widget: QWidget | None = None) -> None:
        linger(0.35)
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert (widget or self._stage.window).grab().save(str(path)), path
