"""Pictures of batch files in the window: saved, opened, compared with a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QApplication, QDialog, QWidget

from aihub_desktop.demo import offer
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import batchtext
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.contents import Pick
from aihub_desktop.domain.messages import DiskSpace
from aihub_desktop.gui.batches.open_dialog import OpenDialog
from aihub_desktop.gui.batches.save_dialog import SaveDialog

from .stage import Stage, linger, wait_until
from .storage_engine import NAVER
from .storage_stage import StorageStage

_GB = 1 << 30
D = TypeVar("D", bound=QDialog)


class BatchShow:
    """With the real engine; what is of storages with one that is played."""

    def __init__(self, app: QApplication, into: Path, number: int, temporary: Path, language: str) -> None:
        self._app, self._into, self._number = app, into, number
        self._temporary, self._language = temporary, language

    def run(self) -> int:
        """The number of the last picture."""
        with DemoHub(offer.standard()) as hub:
            stage = Stage(self._app, self._temporary / "batch", hub.url, self._language)
            stage.window.resize(1120, 740)
            stage.start()
            try:
                stage.ready()
                self._of_hub(stage)
            finally:
                stage.close()
        played = StorageStage(self._temporary / "played", self._language)
        played.start()
        try:
            self._of_storage(played)
            self._compared(played)
        finally:
            played.close()
        return self._number

    def _snap(self, name: str, widget: QWidget) -> None:
        linger(0.25)
        self._number += 1
        path = self._into / f"{self._number:02}-{name}.png"
        assert widget.grab().save(str(path)), path

    def _of_hub(self, stage: Stage) -> None:
        panel, tree = stage.window.datasets.files, stage.desk.tree
        stage.choose(offer.MAIN)
        panel.picks.chips[Pick.LABELS].click()
        self._snap("batch-to-save", stage.window)
        panel.target.batch.click()
        dialog = _last(stage, SaveDialog)
        self._snap("batch-save-labels", dialog)
        dialog.save_to(str(self._temporary / "라벨.aihubbatch"))
        self._snap("batch-saved", dialog)
        dialog.reject()
        tree.untick_all()
        tree.tick_keys({file.key for file in tree.files()[:2]})
        panel.target.batch.click()
        dialog = _last(stage, SaveDialog)
        self._snap("batch-save-keys", dialog)
        dialog.save_to(str(self._temporary / "없는 폴더" / "라벨.aihubbatch"))
        self._snap("batch-save-refused", dialog)
        dialog.reject()
        stage.window.arrivals.open([str(self._temporary / "라벨.aihubbatch")])
        opened = _last(stage, OpenDialog)
        wait_until(lambda: opened.listing.lines[0].standings, "the look at the folder")
        self._snap("batch-open", opened)
        opened.reject()
        bad = self._temporary / "고친 것.aihubbatch"
        bad.write_text('{\n  "aihubbatch": 1,\n  "datasets": [{"key": "90001", "keys": []}]\n}\n', encoding="utf-8")
        stage.window.arrivals.open([str(bad)])
        self._snap("batch-bad", stage.window)

    def _of_storage(self, stage: StorageStage) -> None:
        stage.choose()
        stage.open("speech-corpus/음성")
        stage.model.tick(stage.line("2024"), True)
        stage.model.tick(stage.line("licence.pdf"), True)
        self._snap("batch-storage", stage.window)
        stage.shelves.target.batch.click()
        dialog = _last(stage, SaveDialog)
        self._snap("batch-save-storage", dialog)
        dialog.reject()
        stage.page.tabs.setCurrentIndex(1)
        stage.web.field.setPlainText(
            "\n".join(f"https://data.example.ac.kr/2024/part-{n}.zip?token=secret{n}" for n in range(9))
        )
        stage.web.look_up()
        wait_until(stage.web.model.rowCount, "what was found")
        stage.web.target.batch.click()
        dialog = _last(stage, SaveDialog)
        self._snap("batch-save-web", dialog)
        dialog.reject()

    def _compared(self, stage: StorageStage) -> None:
        """The played engine has no hub: the datasets of this batch cannot be had."""
        batch = BatchFile(
            1, "겨울 음성 학습 2027", "자료",
            (DatasetWish("71631", "감성 대화 말뭉치", include=("02.라벨링데이터/",)),),
            tuple(
                AddressWish(address)
                for address in (
                    "s3://speech-corpus/음성/2022/", "s3://speech-corpus/roads/busan/", "s3://speech-corpus/licence.pdf",
                    "https://zenodo.example.org/records/1234/files/corpus-2024.zip",
                    "https://data.example.ac.kr/old/missing-part-3.bin",
                )
            ),
            NAVER, True,
        )  # fmt: skip
        path = self._temporary / "겨울 음성.aihubbatch"
        path.write_bytes(batchtext.written(batch))
        stage.window.batches.open(path)
        dialog = _last(stage, OpenDialog)
        wait_until(lambda: any(line.standings for line in dialog.listing.lines), "the look at the folder")
        self._snap("batch-compared", dialog)
        dialog._spaced(dialog.target, DiskSpace(3 * _GB, 200 * _GB, True, usable=2 * _GB))
        self._snap("batch-no-room", dialog)
        dialog.carrying.link.click()
        self._snap("batch-carry", dialog)
        dialog.reject()


def _last(stage: Stage | StorageStage, kind: type[D]) -> D:
    wait_until(lambda: [one for one in stage.window.findChildren(kind) if one.isVisible()], "the dialog")
    return [one for one in stage.window.findChildren(kind) if one.isVisible()][-1]
