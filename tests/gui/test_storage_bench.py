"""How late the window comes while a folder of 100,000 objects is loaded page by page and scrolled."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer

from gui.conftest import OpenStorage
from gui.lateness import TOLD, Lateness
from gui.stage import wait_until
from gui.storage_engine import MANY


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """As the program does at its start: else the collector would walk over everything that the other tests left."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@TOLD
def test_a_hundred_thousand_objects_without_stutter(open_storage: OpenStorage) -> None:
    stage = open_storage()
    stage.choose()
    folder = stage.open("many/photos")
    bar = stage.shelves.view.verticalScrollBar()
    scroll = QTimer(interval=15)
    # To the end, where the next page is asked for, and now and then somewhere else.
    places = iter(range(1 << 30))
    scroll.timeout.connect(lambda: bar.setValue(bar.maximum() * (3 if next(places) % 8 else 1) // 3))
    lateness, begun = Lateness(), time.monotonic()
    scroll.start()
    wait_until(lambda: folder.complete, "all pages")
    wait_until(lambda: bar.value() > MANY - 100, "the end")
    scroll.stop()
    lateness.stop()
    print(f"\n{len(folder.entries)} objects in {time.monotonic() - begun:.1f} s; {lateness}")
    own = sorted(lateness.own)
    assert len(folder.entries) == MANY
    assert stage.model.rowCount() == MANY + 6
    assert own[int(len(own) * 0.99)] < 0.020


def test_ticking_and_filtering_them_holds_nothing_up(open_storage: OpenStorage) -> None:
    stage = open_storage()
    stage.choose()
    folder = stage.open("many/photos")
    while not folder.complete:
        stage.model.ask(folder)
        wait_until(lambda: not folder.asked, "a page")
    lateness = Lateness()
    stage.model.tick(stage.line("photos"), True)
    stage.shelves.filter.setText("0777")
    wait_until(lambda: stage.model.rowCount() < 500, "what matches")
    assert stage.model.sum().files == MANY
    stage.shelves.filter.clear()
    wait_until(lambda: stage.model.rowCount() > MANY, "all of them")
    lateness.stop()
    print(f"\n{lateness}")
    assert lateness.own_worst < 0.1
