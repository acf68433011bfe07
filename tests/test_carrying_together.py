"""What others do at the same time, and what lies beside: nothing of it is mixed, deleted or believed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from carrying import FEW as FILES
from carrying import LINKS, Here, bags, drive, drives, here, holds, library, there, validate
from engines import final_files

from aihub_desktop.batch import drives as drives_of
from aihub_desktop.batch import importing
from aihub_desktop.batch.drives import held_for, look_at
from aihub_desktop.batch.machine import Machine
from aihub_desktop.batch.report import ReportHead, write_report
from aihub_desktop.batch.values import Held
from aihub_desktop.disk.volume import volume_of
from aihub_desktop.holdings.turn import Turn
from aihub_desktop.transport.ledger import Ledger

__all__ = ["drive", "here", "there"]  # fixtures are found by their names here


def test_a_second_import_into_the_same_folder_waits_for_the_first(here: Here, there: Path, drive: Path) -> None:
    """Both would write their small files under the same names, and one could give the other's a name."""
    with Turn(there):
        ended = here.take(there, drive)
    assert ended.code == 3, ended.err
    assert final_files(there) == {}
    assert here.take(there, drive).code == 0
    holds(there, FILES)


def test_a_second_bundle_at_the_same_time_is_refused(here: Here, folder: Path, there: Path, tmp_path: Path) -> None:
    library(folder, FILES)
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    here.home.mkdir(exist_ok=True)
    with held_for([look_at(drive)], here.home):
        assert here.bundle(request, folder, drive).code == 3
    assert bags(drive) == []
    assert here.bundle(request, folder, drive).code == 0


def test_what_lies_beside_a_bundle_stays_when_it_is_replaced(
    here: Here, folder: Path, there: Path, drive: Path, tmp_path: Path
) -> None:
    """A person copied the bag's content to the top of a drive that has other things."""
    (bag,) = bags(drive)
    top = tmp_path / "drive-top"
    shutil.copytree(bag, top)
    (top / "photos").mkdir()
    (top / "photos" / "one.jpg").write_bytes(b"mine")
    (top / "data" / "mine.txt").write_bytes(b"mine")
    ended = here.bundle(here.request(there, tmp_path), folder, top, replace="")
    assert ended.code == 0, ended.err
    assert (top / "photos" / "one.jpg").read_bytes() == b"mine"
    assert (top / "data" / "mine.txt").read_bytes() == b"mine"
    assert not (top / "bagit.txt").exists()
    assert not (top / "data" / "three.bin").exists()
    validate(*bags(top))


@LINKS
def test_a_staging_folder_that_leads_away_is_not_used(here: Here, there: Path, drive: Path, tmp_path: Path) -> None:
    away = tmp_path / "drive-away"
    away.mkdir()
    (away / "small-1").write_bytes(b"mine")
    (there / ".aihub").mkdir()
    (there / ".aihub" / "incoming").symlink_to(away)
    ended = here.take(there, drive)
    assert ended.code == 4, ended.err
    assert [one.name for one in away.iterdir()] == ["small-1"]


@LINKS
def test_the_program_is_not_put_through_a_link(
    here: Here, folder: Path, there: Path, tmp_path: Path
) -> None:  # fmt: skip
    library(folder, FILES)
    program = tmp_path / "drive-program"
    program.write_bytes(b"#!/bin/sh\n")
    request, (drive,), away = here.request(there, tmp_path), drives(tmp_path, 1), tmp_path / "drive-away"
    away.mkdir()
    (drive / "aihub-program").symlink_to(away)
    assert here.bundle(request, folder, drive, with_program=str(program)).code == 4
    assert list(away.iterdir()) == []


def _in_batch(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda head: head["batch"].update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        _in_batch("addresses", [{"address": "https://example.org/a", "checksum": "bogus"}]),
        _in_batch("addresses", [{"address": "file:///etc/passwd"}]),
        _in_batch("addresses", [{"address": "https://example.org/a", "out": "../a"}]),
        _in_batch("datasets", [{"key": "90001/../../secret"}]),
        _in_batch("aihubbatch", 7),
        lambda head: head.update(file_system="\x1b[2J"),
        lambda head: head.update(at="\x1b[2J"),
    ],
)
def test_a_request_says_only_what_this_program_would_have_written(
    here: Here, folder: Path, there: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    library(folder, FILES)
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    head, *rest = request.read_bytes().splitlines(keepends=True)
    told = json.loads(head)
    change(told)
    request.write_bytes(json.dumps(told).encode() + b"\n" + b"".join(rest))
    ended = here.bundle(request, folder, drive)
    assert ended.code in (2, 3), ended.err
    assert "Traceback" not in ended.err
    assert list(drive.iterdir()) == []


def test_a_document_that_is_not_there_is_named_as_one(here: Here, folder: Path, tmp_path: Path) -> None:
    library(folder, FILES)
    (drive,) = drives(tmp_path, 1)
    for ended in (here.bundle(tmp_path / "none", folder, drive), here("batch", "who", "--add", "none.aihubreport")):
        assert ended.code == 2
        assert "cannot be read" in ended.err
        assert "folder" not in ended.err


def test_two_folders_of_one_drive_have_its_room_once(
    here: Here, folder: Path, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(folder, FILES)
    request, two = here.request(there, tmp_path), drives(tmp_path, 2)
    monkeypatch.setattr(drives_of, "volume_of", lambda path: msgspec.structs.replace(volume_of(path), free=4_000_000))
    ended = here.bundle(request, folder, *two)
    assert ended.code != 0
    assert all(list(one.iterdir()) == [] for one in two)


def test_an_older_bundle_takes_no_newer_line_away(
    here: Here, folder: Path, there: Path, drive: Path, tmp_path: Path
) -> None:
    """The bytes are the same, and the ledger has them under the key of a newer release."""
    library(there, FILES, at="2026-09-09T03:04:05+00:00", key=500)
    before = Ledger(there).entries()
    ended = here.take(there, drive)
    assert ended.code == 0, ended.err
    assert Ledger(there).entries() == before


def test_what_is_written_meanwhile_is_not_replaced(
    here: Here, folder: Path, there: Path, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older release is there; while the newer one is copied, a person saves something under its name."""
    library(there, {"three.bin": b"old" * 2_000_000}, at="2025-01-02T03:04:05+00:00")
    true = importing.Import._fetch

    def slowly(self: Any, carried: Any, spot: Any, older: Any) -> None:
        if older is not None:
            spot.final.write_bytes(b"mine")
        true(self, carried, spot, older)

    monkeypatch.setattr(importing.Import, "_fetch", slowly)
    ended = here.take(there, drive)
    assert ended.code == 4, ended.out
    assert (there / "three.bin").read_bytes() == b"mine"


def test_news_that_are_older_do_not_count(here: Here, tmp_path: Path) -> None:
    machine = Machine("0" * 32, "lab")

    def told(at: str, place: str) -> Path:
        path = tmp_path / f"{place}.aihubreport"
        held = [Held(place, "1" * 64, 1, "aihub", "90001", False, "1")]
        write_report(path, ReportHead(1, machine, "/data", (), at, 1), held)
        return path

    for path in (told("2026-09-09T00:00:00+00:00", "new"), told("2026-01-01T00:00:00+00:00", "old")):
        assert here("batch", "who", "--add", path).code == 0
    assert [one["path"] for one in here("batch", "who", "90001", "--json").records] == ["new"]
