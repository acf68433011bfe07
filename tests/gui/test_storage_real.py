"""Object storage and web addresses in the window, with the real engine, real servers and real bytes."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from objects import Writer
from PySide6.QtWidgets import QWidget
from servers import ACCESS_KEY, SECRET_KEY, Storage, nginx

from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.pages.shelves import ShelvesPanel
from aihub_desktop.gui.side_bar import Place
from gui.conftest import OpenStage
from gui.stage import Stage, wait_until

NOBODY = "http://127.0.0.1:9"  # no hub is needed for any of this


def noise(size: int) -> bytes:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    return random.Random(seed).randbytes(size)


def only_transfer(stage: Stage) -> int:
    wait_until(stage.desk.queue.transfers, "the transfer")
    return stage.desk.queue.transfers()[0].id


def states_of_files(stage: Stage, transfer: int, count: int) -> set[str]:
    model = stage.desk.queue
    top = model.index_of(transfer)
    stage.window.downloads.view.expand(top)
    wait_until(lambda: model.rowCount(top) == count, "the rows of its files")
    return {str(model.index(row, Column.STATE, top).data()) for row in range(count)}


def test_addresses_of_a_web_server_from_the_field_to_verified_files(
    open_stage: OpenStage, tmp_path: Path, folder: Path
) -> None:
    root, own = tmp_path / "root", tmp_path / "nginx"
    for made in (root, own):
        made.mkdir()
    data = {"large.bin": noise(9_000_000), "small.txt": b"small"}
    for name, content in data.items():
        (root / name).write_bytes(content)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in data.items()))
    with nginx(root, own) as address:
        stage = open_stage(NOBODY)
        stage.window.go(Place.STORAGE)
        web = stage.window.storage.web
        stage.window.storage.tabs.setCurrentIndex(1)
        web.field.setPlainText("\n".join([*(f"{address}/{name}" for name in data), f"{address}/nowhere.bin"]))
        web.take_files([sums])
        wait_until(lambda: web.model.rowCount() == 3, "what was found")
        assert web.model.sum().size.low == 9_000_005
        assert web.field.toPlainText() == f"{address}/nowhere.bin"
        web.target.set_folder(str(folder))
        web.target.button.click()
        row = stage.wait_for(only_transfer(stage), TransferState.DONE)
    assert (row.files, row.done, row.failed, row.dataset.title) == (2, 2, 0, "127.0.0.1")
    assert {name: (folder / name).read_bytes() for name in data} == data
    assert states_of_files(stage, row.id, 2) == {"Checksum OK"}


@pytest.fixture
def shop(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket("window")
        for number in range(1_100):
            writer.put("window", f"many/{number:04}.txt", b"%d" % number)
        writer.put("window", "deep/er/large.bin", noise(6_000_000))
        writer.put("window", "top.txt", b"top")
    return seaweed_storage


def test_object_storage_from_its_keys_to_verified_files(open_stage: OpenStage, shop: Storage, folder: Path) -> None:
    stage = open_stage(NOBODY)
    stage.window.go(Place.STORAGE)
    panel = stage.window.storage.shelves
    model = stage.desk.depot.shelf
    wait_until(lambda: stage.desk.depot.known, "the storages")
    enter(panel, shop)
    wait_until(lambda: model.tree.root.complete, "the buckets")
    bucket = next(each for each in model.tree.root.folders if each.name == "window")
    model.open_folder(bucket)
    wait_until(lambda: bucket.complete, "the bucket")
    many = next(each for each in bucket.folders if each.name == "many")
    model.open_folder(many)
    wait_until(lambda: many.next is not None, "the first page")
    assert len(many.entries) == 1_000
    panel.view.verticalScrollBar().setValue(panel.view.verticalScrollBar().maximum())
    wait_until(lambda: many.complete, "the last page")
    assert len(many.entries) == 1_100
    for line in range(model.rowCount()):
        if model.text(line, 0) in ("deep", "top.txt", "0007.txt"):
            model.tick(line, True)
    panel.target.set_folder(str(folder))
    panel.target.button.click()
    row = stage.wait_for(only_transfer(stage), TransferState.DONE)
    assert (row.files, row.done, row.dataset.title) == (3, 3, "window")
    assert (folder / "many" / "0007.txt").read_bytes() == b"7"
    assert (folder / "deep" / "er" / "large.bin").stat().st_size == 6_000_000
    assert states_of_files(stage, row.id, 3) == {"Checksum OK"}


def enter(panel: ShelvesPanel, shop: Storage) -> None:
    """As a person would; where there is no keychain the keys serve for the run."""
    dialog = panel.ask_for_storage()
    closed: list[QWidget] = []
    dialog.finished.connect(lambda _: closed.append(panel))
    dialog.endpoint.setText(shop.endpoint)
    dialog.region.clear()
    dialog.access_key.setText(ACCESS_KEY)
    dialog.secret_key.setText(SECRET_KEY)
    dialog.save.click()
    wait_until(lambda: closed or (dialog.for_run.isVisible() and dialog.for_run.isEnabled()), "the word about the keys")
    if not closed:
        dialog.for_run.click()
        wait_until(lambda: closed, "the end of the dialog")
