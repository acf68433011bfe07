"""Ground for the window's tests: no display, no keychain, and every warning of Qt is a failure."""

from __future__ import annotations

import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything of Qt is imported
os.environ.pop("QT_SCALE_FACTOR", None)

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from aihub_desktop.gui import theme
from aihub_desktop.gui.app import application
from gui.stage import Stage
from gui.storage_stage import StorageStage

OpenStage = Callable[..., Stage]
OpenStorage = Callable[..., StorageStage]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            # The offscreen platform says so of every window; no other platform does.
            item.add_marker(pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise)", extend=True))


@pytest.fixture(scope="session")
def qapp(qapp_args: list[str]) -> QApplication:
    """The application as the program makes it."""
    app = application(qapp_args)
    app.setPalette(theme.light_palette())
    return app


@pytest.fixture
def open_stage(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStage]:
    """`open_stage(hub_url, language="en", key=None, home=None)`: the program, started. Closed at the end."""
    # A keychain of the machine that runs the tests is none of their business.
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    if sys.platform != "linux":
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path / "downloads"))
    opened: list[Stage] = []

    def open_one(
        hub: str, *, language: str = "en", key: str | None = None, home: Path | None = None, first: bool = False
    ) -> Stage:
        if key is None:
            monkeypatch.delenv("AIHUB_APIKEY", raising=False)
        else:
            monkeypatch.setenv("AIHUB_APIKEY", key)
        stage = Stage(qapp, home or tmp_path / "home", hub, language, first=first)
        opened.append(stage)
        return stage.start()

    yield open_one
    for stage in opened:
        stage.close()


@pytest.fixture
def open_storage(qapp: QApplication, tmp_path: Path) -> Iterator[OpenStorage]:
    """`open_storage(language="en")`: the window on its page for storage, over an engine that is played."""
    opened: list[StorageStage] = []

    def open_one(language: str = "en") -> StorageStage:
        opened.append(StorageStage(tmp_path / "storage", language))
        return opened[-1].start()

    yield open_one
    for stage in opened:
        stage.close()
