"""What only a real screen shows: the window manager, the place for icons."""

from __future__ import annotations

from pathlib import Path

import pytest

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from gui.screen import NEEDS_SCREEN, play, screen


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
