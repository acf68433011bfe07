"""The window's own process, ended at any moment: what it started ends with it, and it complains of nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Final

import pytest

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.system.program import window
from gui.played_ending import KILL, SCENES, WAYS
from gui.screen import complaints
from gui.stage import alive, wait_until

SEED: Final = int(os.environ.get("ENDING_SEED", random.randrange(1 << 32)))
ROUNDS: Final = int(os.environ.get("ENDING_ROUNDS", "1"))
MARK: Final = "ENDING_MARK"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: a process tells its environment there")


class Ground:
    """The environment of one program, by which everything that it starts is found."""

    def __init__(self, tmp_path: Path) -> None:
        self.home, self.mark = tmp_path / "home", uuid.uuid4().hex
        self.home.mkdir()
        (self.home / "window.ini").write_text("[General]\nwelcomed=true\n", encoding="utf-8")
        tests = Path(__file__).parents[1]
        self.environment = {
            **os.environ, MARK: self.mark, "AIHUB_APIKEY": DEMO_KEY, "QT_QPA_PLATFORM": "offscreen",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "XDG_DOWNLOAD_DIR": str(tmp_path / "downloads"),
            "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)]),
        }  # fmt: skip

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)

    def left(self) -> list[str]:
        """The command lines of what still runs."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes() and alive(int(folder.name)):
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("scene", SCENES)
def test_in_the_middle_of_anything(qapp: object, ground: Ground, hub: DemoHub, scene: str, number: int) -> None:
    chance = random.Random(f"{SEED} {scene} {number}")
    way, delay = chance.choice(list(WAYS)), round(chance.choice([0, chance.random() * 0.3]), 3)
    print(f"ENDING_SEED={SEED}: {scene}, {way} after {delay} s")
    hub.faults.add(Slow(rate=400_000))
    words = [str(ground.home), hub.url, scene, way, str(delay)]
    with ground.start([sys.executable, "-m", "gui.played_ending", *words]) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == (-KILL if way == "killed" else 0), errors
    assert complaints(errors) == []
    wait_until(lambda: not ground.left(), f"the end of {ground.left()}")


@pytest.mark.parametrize("number", range(ROUNDS * 2))
def test_in_the_middle_of_the_start(qapp: object, ground: Ground, hub: DemoHub, number: int) -> None:
    """From outside, wherever it is: before the first line of ours a signal ends Python itself."""
    chance = random.Random(f"{SEED} {number}")
    how, delay = chance.choice([int(signal.SIGTERM), KILL]), chance.random() * 1.5
    if first := chance.random() < 0.5:
        (ground.home / "window.ini").unlink()
    print(f"ENDING_SEED={SEED}: signal {how} after {delay:.3f} s{', the first start of all' if first else ''}")
    with ground.start(window("--home", str(ground.home), "--api-url", hub.url)) as process:
        threading.Timer(delay, process.send_signal, [how]).start()
        _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -how), errors
    assert complaints(errors) == []
    wait_until(lambda: not ground.left(), f"the end of {ground.left()}")
