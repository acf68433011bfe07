"""Shortcuts: each does what the list says, none is missing in it, and none means two things at once."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QTreeWidgetItem

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.gui import keys
from aihub_desktop.gui.keys_dialog import KeysDialog
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage
from gui.stage import Stage, wait_until

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def stage(open_stage: OpenStage, hub: DemoHub) -> Stage:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.activateWindow()
    return stage


def of_the_window(stage: Stage) -> list[QKeySequence]:
    window = stage.window
    return [
        *(key for shortcut in window.findChildren(QShortcut) for key in shortcut.keys()),  # noqa: SIM118 - no dict
        *(key for action in window.findChildren(QAction) for key in action.shortcuts()),
        *(button.shortcut() for button in window.findChildren(QAbstractButton)),
    ]


def test_every_shortcut_stands_in_the_list(stage: Stage) -> None:
    listed = [key for group, names in keys.KEYS.items() for name in names for key in keys.sequences(group, name)]
    # A letter behind "&" is a mnemonic, which the button itself shows; we have none.
    missing = {key.toString() for key in of_the_window(stage) if not key.isEmpty() and key not in listed}
    assert missing == set()


@pytest.mark.parametrize("group", keys.KEYS)
def test_no_keys_mean_two_things(qapp: object, group: str) -> None:
    everywhere = [] if group == "everywhere" else [key for name in keys.KEYS["everywhere"] for key in keys_of(name)]
    own = [key.toString() for name in keys.KEYS[group] for key in keys.sequences(group, name)]
    counts = Counter(own + everywhere)
    # A window of its own has its own "Find"; Space does what fits the cell.
    twice = {key for key, count in counts.items() if count > 1}
    assert twice <= {"inside": {"Ctrl+F", "Find"}, "lists": {"Space"}}.get(group, set())
    assert all(own), "each has keys on this platform"


def keys_of(name: str) -> list[str]:
    return [key.toString() for key in keys.sequences("everywhere", name)]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_list_comes_by_f1_and_from_the_settings(stage: Stage, language: str) -> None:
    stage.program.speak(language)
    QTest.keyClick(stage.window, Qt.Key.Key_F1)
    dialog = stage.window.findChildren(KeysDialog)[-1]
    assert dialog.isVisible()
    rows = [item for at in range(dialog.list.topLevelItemCount()) if (item := dialog.list.topLevelItem(at))]
    below = [child for row in rows for at in range(row.childCount()) if (child := row.child(at))]
    assert len(below) == sum(map(len, keys.KEYS.values()))
    assert all(item.text(0) and item.text(1) for item in below)
    assert told(below, Words(language).say("gui.keys.downloads.up")) == keys.told("downloads", "up")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    wait_until(lambda: not stage.window.findChildren(KeysDialog), "its end")
    stage.window.go(Place.SETTINGS)
    stage.window.settings.about.links["keys"].click()
    assert stage.window.findChildren(KeysDialog)[-1].isVisible()


def told(rows: list[QTreeWidgetItem], text: str) -> str:
    return next(row.text(1) for row in rows if row.text(0) == text)


def test_find_leads_to_the_field_of_the_page_that_is_shown(stage: Stage) -> None:
    window = stage.window
    window.go(Place.DOWNLOADS)
    QTest.keyClick(window, Qt.Key.Key_F, CONTROL)
    assert window.downloads.isVisible()
    assert window.focusWidget() is window.downloads.bar.field
    window.go(Place.LIBRARY)
    QTest.keyClick(window, Qt.Key.Key_F, CONTROL)
    assert window.focusWidget() is window.datasets.search


def test_the_window_is_closed_by_keys(stage: Stage) -> None:
    QTest.keyClick(stage.window, Qt.Key.Key_Comma, CONTROL)
    assert stage.window.settings.isVisible()
    QTest.keyClick(stage.window, Qt.Key.Key_W, CONTROL)
    wait_until(lambda: stage.gone, "the end")
