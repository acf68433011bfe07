"""About, log and diagnostics: what a person reads or sends in when something is wrong."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from commandline import Aihub
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog

from aihub_desktop import __version__
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.gui.about_dialog import AboutDialog
from aihub_desktop.gui.log_dialog import LogDialog, tail
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system import diagnostics
from aihub_desktop.system.licences import components
from gui.conftest import OpenStage
from gui.stage import wait_until


def test_every_part_has_a_licence_and_its_text() -> None:
    parts = components()
    names = [part.name for part in parts]
    assert names[:2] == ["aihub-desktop", "Python"]
    assert {"httpx", "PySide6_Essentials", "shiboken6", "keyring"} <= set(names)
    assert len(set(names)) == len(names)
    for part in parts:
        assert part.licence, part.name
        assert part.version, part.name
        assert part.text, part.name
    assert "LGPL" in next(part.licence for part in parts if part.name == "PySide6_Essentials")


def test_the_about_dialog_shows_them(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.go(Place.SETTINGS)
    about = AboutDialog(stage.desk, stage.window)
    about.open()
    wait_until(about.list.count, "the licences, which are read in a thread")
    assert about.list.count() == len(about.components)
    assert "Apache License" in about.text.toPlainText()
    about.list.setCurrentRow(1)
    assert "Python" in about.text.toPlainText()
    about.reject()


def test_the_log_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "window.log").write_text(
        "2026-11-27 10:00:00,000 1 INFO a: one\n2026-11-27 10:00:02,000 1 ERROR a: three\nTraceback\n  four\n", "utf-8"
    )
    (logs / "engine.log.1").write_text("2026-11-27 10:00:01,000 2 INFO b: 둘\n", "utf-8")
    (logs / "broken.log").write_bytes(b"\xff\xfe nothing\n")
    assert [line.split(maxsplit=1)[1].rpartition(": ")[2] for line in tail(tmp_path)][1:] == [
        "one", "둘", "three", "Traceback", "four",
    ]  # fmt: skip
    assert tail(tmp_path / "nowhere") == []


def test_the_log_dialog_filters_and_copies(open_stage: OpenStage, hub: DemoHub) -> None:
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    (stage.home / "logs").mkdir(exist_ok=True)
    (stage.home / "logs" / "worker-9.log").write_text("2026-11-27 10:00:00,000 1 INFO a: a needle in hay\n", "utf-8")
    log = LogDialog(stage.desk, stage.window)
    log.open()
    wait_until(lambda: "a needle in hay" in log.text.toPlainText(), "the log")
    log.filter.setText("NEEDLE")
    assert log.text.toPlainText().count("\n") == 0
    log.copy.click()
    assert "a needle in hay" in QGuiApplication.clipboard().text()
    log.filter.setText("nowhere at all")
    assert log.text.toPlainText() == ""
    wait_until(log.refresh.isEnabled, "the end of reading")
    log.reject()


def test_dialogs_go_when_they_are_closed(open_stage: OpenStage, hub: DemoHub) -> None:
    """Also while the log is being read; and none stands on the screen when the window has gone."""
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.go(Place.SETTINGS)
    links = stage.window.settings.about.links
    for _ in range(5):
        for name in ("log", "about"):
            links[name].click()
            dialog = stage.window.findChildren(QDialog)[-1]
            assert dialog.isVisible()
            dialog.reject()
    wait_until(lambda: not stage.window.findChildren(QDialog), "their end")
    links["log"].click()
    stage.window.leave()
    wait_until(lambda: stage.gone, "the end")
    assert [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()] == []


SECRET = "12345678-1234-1234-1234-123456789012"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "engine.log").write_text(
        f"key {SECRET} for https://kim:pw@proxy.example, from 192.168.7.21 in C:\\Users\\kim\\논문 and {home}\n",
        "utf-8",
    )
    return home


def test_diagnostics_hold_nothing_of_a_person(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", "a key of no known shape")
    (state / "logs" / "engine.log.1").write_text("a key of no known shape\n", "utf-8")
    written = tmp_path / "out.zip"
    names = diagnostics.write(written, state, "https://api.aihub.or.kr")
    assert sorted(names) == ["about.json", "logs/engine.log", "logs/engine.log.1"]
    with zipfile.ZipFile(written) as archive:
        texts = [archive.read(name).decode() for name in names]
        facts = json.loads(archive.read("about.json"))
    assert facts["program"] == __version__
    assert facts["state"]["logs/engine.log"] > 0
    for word in (SECRET, "kim", "pw@", "7.21", "no known shape", str(state)):
        assert not any(word in text for text in texts), word


def test_diagnostics_that_cannot_be_written_leave_nothing(state: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(OSError, match=r"."):
        diagnostics.write(tmp_path / "folder.zip", state, "")
    assert not (tmp_path / "folder.zip.part").exists()


def test_the_command_says_where_it_is(hub: DemoHub, tmp_path: Path) -> None:
    aihub = Aihub(tmp_path / "home", hub.url)
    into = tmp_path / "여기"
    into.mkdir()
    done = aihub("diagnostics", into)
    assert done.code == 0, done.err
    written = Path(done.out.strip())
    assert written.parent == into
    assert zipfile.is_zipfile(written)
    assert aihub("diagnostics", tmp_path / "nowhere" / "x.zip").code == 4


def test_one_click_saves_them_and_opens_the_folder(
    open_stage: OpenStage, hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    monkeypatch.setattr("aihub_desktop.gui.pages.settings._downloads", lambda: downloads)
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    stage.window.go(Place.SETTINGS)
    about = stage.window.settings.about
    about.links["diagnostics"].click()
    wait_until(lambda: opened, "the folder")
    assert Path(opened[0].toLocalFile()) == downloads
    (written,) = downloads.glob("aihub-diagnostics-*.zip")
    assert str(written) in about.told.text()
