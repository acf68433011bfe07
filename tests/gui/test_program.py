"""The program as it is started: arguments, the end by a signal, light and dark."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage, QPalette
from PySide6.QtWidgets import QApplication, QMessageBox

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.gui import theme
from aihub_desktop.gui.__main__ import main
from aihub_desktop.gui.side_bar import Place, SideBar
from aihub_desktop.system.program import window
from aihub_desktop.system.words import Words
from gui.contrast import contrast
from gui.screen import complaints
from gui.stage import alive, family, wait_until


@pytest.mark.parametrize("palette", [theme.light_palette(), theme.dark_palette()], ids=["light", "dark"])
def test_words_stand_out_in_light_and_dark(qapp: QApplication, palette: QPalette) -> None:
    window_colour, base = palette.window().color(), palette.base().color()
    assert contrast(palette.text().color(), base) > 7
    assert contrast(theme.faint(palette), base) > 4.5
    assert contrast(theme.faint(palette, QPalette.ColorRole.Window), window_colour) > 4.5
    assert contrast(palette.windowText().color(), theme.wash(palette)) > 7
    assert contrast(theme.warning(palette), theme.wash(palette)) > 3
    assert contrast(theme.accent(palette), base) > 3
    assert contrast(palette.color(QPalette.ColorRole.Link), window_colour) > 4.5
    assert contrast(palette.placeholderText().color(), base) > 4


def test_version_needs_no_display(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("aihub-desktop ")


def test_an_address_without_encryption_is_refused_in_words(qapp: QApplication, tmp_path: Path) -> None:
    said: list[str] = []

    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        said.append(box.text())
        box.accept()

    QTimer.singleShot(300, answer)
    assert main(["--api-url", "http://example.com", "--home", str(tmp_path / "home"), "--lang", "ko"]) == 2
    assert "http://example.com" in said[0]
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_it_as_a_click_does(
    qapp: QApplication, hub: DemoHub, tmp_path: Path, number: signal.Signals
) -> None:
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    command = window("--home", str(tmp_path / "home"), "--api-url", hub.url)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        hub.requests.wait(lambda seen: any("datapckage" in request.path for request in seen))
        processes = family(process.pid)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert complaints(errors) == []
    assert (tmp_path / "home" / "window.ini").exists()
    wait_until(lambda: not any(map(alive, processes)), "the end of every process")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_needs_the_person_is_told_apart_in_the_side_bar(qapp: QApplication, language: str) -> None:
    """By a sign and a frame, which are seen without colours too, and in words."""
    words, side = Words(language), SideBar()
    side.speak(words)
    item = side.list.item(Place.DOWNLOADS)
    seen: dict[tuple[int, int], QImage] = {}
    for count, needs in ((0, 0), (2, 0), (5, 2), (1234, 1200)):
        side.set_downloads(words, count, needs, "")
        seen[count, needs] = side.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        spoken = item.data(Qt.ItemDataRole.AccessibleTextRole)
        assert f"{count:,}" in spoken
        assert not needs or f"{needs:,}" in spoken
        assert item.toolTip() == spoken
    assert all(one != other for one, other in itertools.combinations(seen.values(), 2))
