"""Downloads on real small drives that fill up, are pulled and come back: they go on by themselves, with right bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from disk_player import MB

TESTS: Final = Path(__file__).parent
# What may be received twice at a stop: what the stream held that was not written yet, and the tar's headers.
SLACK: Final = MB


def played(name: str, root: Path) -> dict[str, Any]:
    """What came of the play."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("drives of one's own need unshare and the right to mount in a namespace (Linux)")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-m", "disk_player", name, str(root)],
        capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONPATH": path, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    )  # fmt: skip
    print(run.stdout, run.stderr)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def went_on(found: dict[str, Any], told: str, files: int = 1) -> None:
    """It stopped once, ended by itself with right bytes, and what had come was received once more, but no more."""
    assert [word for word in found["told"] if word not in ("queued", "running")] == [told, "done"]
    assert (found["right"], found["files"]) == (True, files)
    assert found["kept"] >= found["stopped"] - SLACK, "what was received is on the disk"
    assert found["received"] <= found["stopped"] + 6 * MB + SLACK


@pytest.mark.parametrize("play", ["fills_up", "runs_low"])
def test_a_drive_that_fills_up_stops_all_on_it_once(play: str, tmp_path: Path) -> None:
    found = played(play, tmp_path)
    went_on(found, "disk-full")
    assert [word for word in found["second"] if word not in ("queued", "running")] == ["disk-full", "done"]
    if play == "runs_low":
        assert found["faults"] == [], "the floor, not the disk, has stopped it"


def test_what_does_not_fit_waits_before_its_first_byte_and_lets_others_pass(tmp_path: Path) -> None:
    found = played("has_no_room", tmp_path)
    went_on(found, "no-room")
    assert found["asked"] == 0
    assert 5 * MB < found["need"] <= 6 * MB
    assert found["second"][-1] == "done"


@pytest.mark.parametrize("play", ["is_pulled", "is_pulled_as_a_whole"])
def test_nothing_is_made_in_the_place_of_a_drive_that_is_pulled(play: str, tmp_path: Path) -> None:
    found = played(play, tmp_path)
    assert found["made"] == []
    # A worker may notice that the folder is gone before the engine sees why.
    went_on({**found, "told": [word for word in found["told"] if word != "target-missing"]}, "drive-missing")


def test_another_drive_is_taken_at_a_persons_word_alone(tmp_path: Path) -> None:
    found = played("is_exchanged", tmp_path)
    assert (found["made"], found["kept"]) == ([], 0)
    assert found["told"][-1] == "done"
    assert (found["right"], found["files"]) == (True, 1)


def test_a_folder_may_be_carried_to_another_drive(tmp_path: Path) -> None:
    found = played("is_moved", tmp_path)
    assert found["told"][-1] == "done"
    assert (found["right"], found["files"]) == (True, 1)
    assert found["kept"] >= found["stopped"] - SLACK, "what came with the folder counts"


def test_a_drive_that_could_not_be_written_to(tmp_path: Path) -> None:
    went_on(played("is_sealed", tmp_path), "not-writable")


def test_a_folder_that_was_deleted_is_made_again_when_it_is_asked_for(tmp_path: Path) -> None:
    found = played("is_asked_for_again", tmp_path)
    assert found["made"] is False
    assert found["told"][-1] == "done"
    assert (found["right"], found["files"]) == (True, 1)


def test_a_file_too_large_for_the_file_system_fails_alone(tmp_path: Path) -> None:
    found = played("holds_no_large_files", tmp_path)
    assert found["codes"] == {"100001": "file-too-large", "100002": "done"}
    assert found["files"] == 1
