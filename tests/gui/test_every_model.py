"""Every model of the window under Qt's own tester, attached before anything comes and on through real work."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex

import aihub_desktop.gui
from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.adoption import Fate, FoundFile, Lot, Origin, State
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.models.finds import FindsModel
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system.words import Words
from gui.conftest import OpenStage, OpenStorage
from gui.played_library import LibraryPlayer
from gui.stage import wait_until
from gui.test_models import watched

# These are of a dialog, and tested beside it.
IN_DIALOGS = {"BatchModel", "EntriesModel", "LeftOutModel"}


def all_models() -> set[str]:
    """The names of all models that are used as they are: those that no other is made of."""
    for found in pkgutil.walk_packages(aihub_desktop.gui.__path__, "aihub_desktop.gui."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)

    def below(kind: type) -> set[type]:
        kinds: list[type] = kind.__subclasses__()
        return set().union(*(below(each) for each in kinds)) if kinds else {kind}

    return {kind.__name__ for kind in below(QAbstractItemModel) if kind.__module__.startswith("aihub_desktop")}


def watch_all(*roots: object) -> set[str]:
    """Testers for every model of ours below `roots`; the names of their kinds."""
    found: set[str] = set()
    for root in roots:
        for model in root.findChildren(QAbstractItemModel):  # type: ignore[attr-defined]
            if type(model).__module__.startswith("aihub_desktop"):
                watched(model)
                found.add(type(model).__name__)
    return found


def finds() -> set[str]:
    model = FindsModel(Words("ko"))
    watched(model)
    row = FoundFile("자료/가.zip", "가 (1).zip", Origin.FILE, State.WHOLE, Lot.ELSEWHERE, 10, fate=Fate.ADOPTED)
    model.fill([row], is_over=False)
    model.fill([row, row], is_over=True)
    model.fill([], is_over=True)
    return {FindsModel.__name__}


def test_no_model_breaks_the_rules_of_its_views(
    open_stage: OpenStage, open_storage: OpenStorage, hub: DemoHub, folder: Path
) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY)
    tested = watch_all(stage.desk, stage.window) | finds()
    stage.ready()
    stage.choose(offer.SPLIT)
    stage.desk.tree.tick(QModelIndex(), True)
    number = stage.download(folder)
    view = stage.window.downloads.view
    view.expand(stage.desk.queue.index_of(number, Column.NAME))
    stage.wait_for(number, TransferState.DONE)
    stage.window.settings.pace.table.show_week("mon-fri 19-7")
    stage.window.go(Place.LIBRARY)
    library = stage.desk.library
    wait_until(lambda: library.folders.rows() and library.folders.rows()[0].summary, "the folder")
    stage.window.library.mark(library.folders.rows()[0].id)
    wait_until(lambda: library.files.rowCount() > 0, "its files")
    stage.window.library.actions_by_name["deep"].trigger()
    wait_until(lambda: library.folders.rows()[0].verdict, "the verdict")
    stage.window.change_language("ko")
    played = open_storage()
    tested |= watch_all(played.desk, played.window)
    played.choose()
    played.open("speech-corpus/roads/busan")
    LibraryPlayer(played.desk).begin()
    assert all_models() - tested - IN_DIALOGS == set()


@pytest.mark.parametrize("name", sorted(IN_DIALOGS))
def test_those_of_dialogs_are_models_of_the_program(name: str) -> None:
    assert name in all_models()
