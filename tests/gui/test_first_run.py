"""The first start, as a person meets it: one screen, a key or the demo, and then never again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.welcome import Welcome
from gui.conftest import OpenStage
from gui.stage import Stage, alive, family, wait_until


def welcome(stage: Stage) -> Welcome:
    assert stage.window.welcome is not None
    return stage.window.welcome


def test_a_key_that_the_hub_takes_opens_the_catalogue(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = open_stage(hub.url, first=True).ready()
    page = welcome(stage)
    assert page.isVisible()
    assert not stage.window.datasets.isVisible()
    assert not page.start.isEnabled()
    page.key.field.setText("11111111-2222-3333-4444-555555555555")
    assert page.start.isEnabled()
    # No keychain here: it is kept until the window is closed, and the button says so by what it does next.
    QTest.mouseClick(page.start, Qt.MouseButton.LeftButton)
    wait_until(lambda: page.key.only_for_run, "the word about the keychain")
    assert page.key.field.hasFocus()
    assert page.key.field.height() >= page.folder.height(), "none is squeezed"
    QTest.mouseClick(page.start, Qt.MouseButton.LeftButton)
    refusal = stage.desk.words.problem(Problem(Code.KEY_REJECTED)).title
    wait_until(lambda: page.key.status == refusal, "the hub's word")
    assert page.isVisible(), "a wrong key goes no further"
    page.key.field.setText(DEMO_KEY)
    QTest.keyClick(page.key.field, Qt.Key.Key_Return)
    wait_until(stage.window.datasets.isVisible, "the catalogue")
    assert stage.desk.key.origin
    assert stage.window.side.list.currentRow() == Place.DATASETS
    stage.close()
    assert open_stage(hub.url, first=True).window.welcome is None, "never again"


def test_the_key_can_wait_and_the_folder_is_kept(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    stage = open_stage(hub.url, first=True, language="ko").ready()
    page = welcome(stage)
    wanted = tmp_path / "데이터"
    wanted.mkdir()
    page._choose.click()
    dialog = page.findChildren(QFileDialog)[-1]
    dialog.fileSelected.emit(str(wanted))
    dialog.reject()
    wait_until(lambda: page.folder.text() == str(wanted), "the folder")
    page.later.click()
    assert stage.window.datasets.isVisible()
    stage.choose("90008")
    assert stage.window.datasets.files.target.folder().startswith(str(wanted))


def test_with_a_key_of_the_environment_there_is_nothing_to_type(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, first=True, key=DEMO_KEY).ready()
    page = welcome(stage)
    assert not page.key.isVisible()
    assert page.start.isEnabled()
    page.start.click()
    assert stage.window.datasets.isVisible()


def test_what_comes_from_outside_is_shown_at_once(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    """Who follows a link wants to see the dataset; a key is asked for once it is needed."""
    stage = open_stage(hub.url, first=True).ready()
    stage.window.headline.tell("something", "to be seen")
    assert stage.window.headline.banner.isVisible(), "also above the first screen"
    stage.program.called([])
    assert welcome(stage).isVisible(), "a second start alone changes nothing"
    stage.program.called(["aihub:90008"])
    assert not welcome(stage).isVisible()
    assert stage.window.side.isVisible()
    assert stage.window.datasets.isVisible()
    wait_until(lambda: stage.desk.chosen is not None and stage.desk.chosen.key == "90008", "the dataset")


def test_whoever_has_a_queue_is_not_new(open_stage: OpenStage, hub: DemoHub, tmp_path: Path) -> None:
    """The command line was here before."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "queue.sqlite").touch()
    assert open_stage(hub.url, first=True).window.welcome is None


def test_the_demo_is_one_click_away(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real command; without a display it downloads in its own folder, so here it is only seen to run."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    stage = open_stage(hub.url, first=True).ready()
    page = welcome(stage)
    page.demo.click()
    page.demo.click()
    (demo,) = page._demos  # a second click while it opens is no second demo
    processes = family(demo.pid)
    assert any(map(alive, processes))
    if sys.platform != "win32":
        assert os.getpgid(demo.pid) == demo.pid, "it outlives this window"
    demo.terminate()
    demo.wait(20)
    assert page.isVisible()
