"""Run in a name space of its own by `test_cures`: a drive that is too small, and one that is pulled in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QModelIndex

from aihub_desktop.demo import offer
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.app import application
from gui.stage import Stage, wait_until


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def full(stage: Stage, drive: Path) -> dict[str, object]:
    mount("-t", "tmpfs", "-o", "size=16m", "small", drive)
    number = begin(stage, drive, offer.MAIN)
    told = trouble(stage, number)
    mount("-o", "remount,size=200m", drive)
    # By itself: nobody presses anything.
    stage.wait_for(number, TransferState.DONE)
    return {**told, "after": "done"}


def pulled(stage: Stage, drive: Path) -> dict[str, object]:
    kept = drive.with_name("kept")
    kept.mkdir()
    mount("-t", "tmpfs", "-o", "size=200m", "kept", kept)
    mount("--bind", kept, drive)
    stage.desk.configure(limit=3_000_000)
    number = begin(stage, drive, offer.MAIN)
    wait_until(lambda: stage.row(number).bytes > 1_000_000, "some bytes")
    subprocess.run(["umount", "--lazy", drive], check=True)
    told = trouble(stage, number)
    mount("--bind", kept, drive)
    stage.desk.configure(limit=0)
    stage.wait_for(number, TransferState.DONE)
    return {**told, "after": "done"}


def begin(stage: Stage, drive: Path, dataset: str) -> int:
    stage.choose(dataset)
    stage.desk.tree.tick(QModelIndex(), True)
    return stage.download(drive)


def trouble(stage: Stage, number: int) -> dict[str, object]:
    """What the window says of a transfer that waits."""
    wait_until(lambda: stage.row(number).problem is not None, "the word about the drive")
    problem = stage.row(number).problem
    assert problem is not None
    banner = stage.window.downloads.banner
    wait_until(banner.isVisible, "the banner")
    assert stage.desk.words.problem(problem).title in banner.title
    return {"code": problem.code.value, "cures": [button.text() for button in banner.buttons()]}


def main(story: str, folder: Path, hub: str) -> None:
    drive = folder / "drive"
    drive.mkdir()
    stage = Stage(application(sys.argv[:1]), folder / "home", hub).start().ready()
    stage.desk.configure(floor_bytes=0)
    told = {"full": full, "pulled": pulled}[story](stage, drive)
    stage.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
