"""What only a real screen shows: the window manager, the place for icons."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.system.program import window
from gui.screen import NEEDS_SCREEN, play, screen

SYSTEM_PYTHON: Final = "/usr/bin/python3"  # what speaks for a screen reader is a package of the system


@NEEDS_SCREEN
def test_closing_hides_while_something_is_under_way(
    catalogue: Catalogue, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    runtime = tmp_path / "run"
    runtime.mkdir()
    with DemoHub(catalogue) as hub, screen(runtime, ["openbox"], ["trayer"]) as environment:
        hub.faults.add(Slow(rate=300_000))
        script = Path(__file__).with_name("played_on_screen.py")
        assert "played" in play(script, environment, str(tmp_path / "home"), hub.url, str(folder))


def has_reader() -> bool:
    """Whether the system's own Python can speak for a screen reader."""
    seen = subprocess.run([SYSTEM_PYTHON, "-c", "import pyatspi"], capture_output=True, check=False)
    return seen.returncode == 0


@NEEDS_SCREEN
def test_the_main_story_by_what_a_screen_reader_has(
    catalogue: Catalogue, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every control of every page has a name and a role; search, choice, ticks, download and verdict need no eye."""
    if not Path(SYSTEM_PYTHON).exists() or not has_reader():
        pytest.skip("needs the system's Python with pyatspi")
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    runtime, home = tmp_path / "run", tmp_path / "home"
    runtime.mkdir()
    home.mkdir()
    (home / "window.ini").write_text("[General]\nwelcomed=true\n", encoding="utf-8")
    with DemoHub(catalogue) as hub, screen(runtime, ["openbox"]) as environment:
        environment["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "1"
        command = window("--home", str(home), "--api-url", hub.url, "--lang", "en")
        script = Path(__file__).with_name("assistive.py")
        told = json.loads(play(script, environment, str(folder), *command, python=SYSTEM_PYTHON).splitlines()[-1])
    assert told["unnamed"] == {}
    assert "Done, verified" in told["story"]
    assert (folder / ".aihub" / "manifest-sha256.txt").exists()
