"""`aihub library`: what was downloaded, folders that come and go, and what cannot be done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Aihub

from aihub_desktop.cli.exits import Exit
from aihub_desktop.demo import offer
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.holdings import HoldingState
from aihub_desktop.domain.messages import Library, ListHoldings
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.system.words import Words


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


@pytest.fixture
def held(aihub: Aihub, folder: Path) -> Path:
    assert aihub("get", offer.ZIP64, "--to", folder).code == 0
    return folder


def test_it_is_empty_at_first(aihub: Aihub) -> None:
    run = aihub("library")
    assert (run.code, run.out) == (0, "")
    assert "empty" in run.err
    assert aihub("library", "--json").records == []


def test_what_was_downloaded_is_listed(aihub: Aihub, held: Path) -> None:
    (record,) = aihub("library", "--json").records
    assert (record["folder"], record["state"], record["dataset"]) == (str(held), "right", offer.ZIP64)
    assert (record["files"] > 0, record["bytes"] > 0, record["newer"], record["damaged"]) == (True, True, 0, None)
    assert sum(record["proofs"].values()) == record["files"]
    run = aihub("library", AIHUB_LANG="ko")
    assert run.code == 0
    assert str(held) in run.out
    assert "이상 없음" in run.out


def test_a_folder_that_is_gone_is_told_from_memory(aihub: Aihub, held: Path) -> None:
    (before,) = aihub("library", "--json").records
    shutil.rmtree(held)
    (record,) = aihub("library", "--json").records
    assert record["state"] in (HoldingState.GONE, HoldingState.AWAY)
    assert (record["files"], record["bytes"]) == (before["files"], before["bytes"])
    assert record["problem"]["code"] in ("target-missing", "drive-missing")


def test_a_folder_is_put_in_and_taken_out(aihub: Aihub, held: Path, tmp_path: Path) -> None:
    carried = tmp_path / "다른 곳"
    shutil.copytree(held, carried)
    assert aihub("library", "add", carried).code == 0
    assert {record["folder"] for record in aihub("library", "--json").records} == {str(held), str(carried)}
    assert aihub("library", "remove", carried).code == 0
    assert [record["folder"] for record in aihub("library", "--json").records] == [str(held)]
    assert (carried / ".aihub").is_dir()
    again = aihub("library", "remove", carried)
    assert again.code == 2
    assert "not in the library" in again.err


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_folder_without_a_ledger_is_refused(aihub: Aihub, folder: Path, language: str) -> None:
    run = aihub("library", "add", folder, AIHUB_LANG=language)
    assert run.code == 1
    assert str(folder) in run.err
    assert aihub("library", "--json").records == []
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_matter_of_the_disk(aihub: Aihub, tmp_path: Path) -> None:
    assert aihub("library", "add", tmp_path / "none").code == 4
    assert aihub("library", "add").code == 2


# ---- while a window holds the state folder -------------------------------------------------------


@pytest.fixture
def window(aihub: Aihub, held: Path, hub: DemoHub) -> Iterator[LocalEngine]:
    """Its engine: it has the lock, and writes to the queue."""
    engine = LocalEngine(aihub.home, hub.url, [])
    engine.start()
    yield engine
    engine.close()


@pytest.mark.usefixtures("window")
def test_the_list_is_shown_beside_a_window(aihub: Aihub, held: Path) -> None:
    (record,) = aihub("library", "--json").records
    assert (record["folder"], record["state"], record["dataset"]) == (str(held), "right", offer.ZIP64)
    assert (record["files"] > 0, sum(record["proofs"].values())) == (True, record["files"])
    shutil.rmtree(held)
    assert aihub("library", "--json").records[0]["state"] in (HoldingState.GONE, HoldingState.AWAY)


def test_what_the_window_remembers_is_told_of_a_drive_that_is_away(
    aihub: Aihub, held: Path, window: LocalEngine
) -> None:
    window.ask(ListHoldings(window.number(), fresh=True), Library)
    held.rename(held.with_name("elsewhere"))
    (record,) = aihub("library", "--json").records
    assert record["state"] in (HoldingState.GONE, HoldingState.AWAY)
    assert (record["files"] > 0, record["dataset"]) == (True, offer.ZIP64)


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("action", ["add", "remove"])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_list_is_changed_in_the_window(aihub: Aihub, held: Path, action: str, language: str) -> None:
    run = aihub("library", action, held, AIHUB_LANG=language)
    assert run.code == Exit.USER, run.err
    assert Words(language).say("cli.library.busy") in run.err
    assert Words(language).problem(Problem(Code.ENGINE_BUSY)).advice in run.err
    assert len(aihub("library", "--json").records) == 1


@pytest.mark.usefixtures("window")
def test_what_needs_no_queue_works_beside_a_window(aihub: Aihub, held: Path) -> None:
    archive = next(path for path in held.rglob("*.zip") if ".aihub" not in path.parts)
    assert aihub("verify", held).code == 0
    assert aihub("look", archive).code == 0
    assert aihub("unpack", held).code == 0
    assert aihub("verify", held, "--quick").code == 0
