"""The look for a newer version in the window: only after a yes, once a day, and a link at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from release_site import ReleaseSite, release_site

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.settings import Switch
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.system import releases
from gui.conftest import OpenStage
from gui.stage import wait_until


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseSite]:
    with release_site() as made:
        monkeypatch.setenv(releases.VARIABLE, made.url)
        yield made


def test_asked_after_a_yes_and_once_a_day(
    open_stage: OpenStage, hub: DemoHub, site: ReleaseSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(QUrl(url).toString()))
    stage = open_stage(hub.url).ready()
    stage.window.go(Place.SETTINGS)
    page = stage.window.settings.version
    assert not page.wanted.isChecked()
    assert page.link.isHidden()
    assert site.asked == []
    page.wanted.click()
    wait_until(lambda: not page.link.isHidden(), "the newer version")
    assert "99.1.0" in page.link.text()
    page.link.click()
    assert opened == ["https://127.0.0.1/releases/99.1.0"]
    page.wanted.click()
    wait_until(page.link.isHidden, "the link's end")
    page.wanted.click()
    wait_until(lambda: not page.link.isHidden(), "what is known already")
    stage.close()
    again = open_stage(hub.url, home=tmp_path / "home").ready()
    wait_until(lambda: again.desk.settings.updates is Switch.ON, "the settings")
    assert not again.window.settings.version.link.isHidden()
    assert len(site.asked) == 1


def test_a_day_later_it_is_asked_again_and_a_bad_answer_says_nothing(
    open_stage: OpenStage, hub: DemoHub, site: ReleaseSite
) -> None:
    site.answer = (200, b"<html>log in</html>")
    stage = open_stage(hub.url).ready()
    page = stage.window.settings.version
    page.wanted.click()
    wait_until(lambda: stage.desk.settings.updates is Switch.ON and site.asked, "the request")
    site.answer = (200, b'{"version": "99.1.0", "page": "https://127.0.0.1/"}')
    wait_until(lambda: not stage.window.settings.releases.busy, "its end")
    assert page.link.isHidden()
    for asked in (1, "rubbish", 1 << 60):
        before = len(site.asked)
        stage.desk.preferences.setValue("releases/asked", asked)
        stage.desk.configure(parallel=3 + before)
        wait_until(lambda before=before: len(site.asked) > before, "the next request")  # type: ignore[misc]
        wait_until(lambda: not stage.window.settings.releases.busy, "its end")
    assert not page.link.isHidden()


def test_a_build_without_an_address_has_no_switch(
    open_stage: OpenStage, hub: DemoHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(releases.VARIABLE, raising=False)
    monkeypatch.setattr(releases, "RELEASES", "")
    stage = open_stage(hub.url).ready()
    stage.window.go(Place.SETTINGS)
    assert stage.window.settings.version.parent() is None
    assert not stage.window.settings.version.isVisible()
    stage.desk.configure(updates="on")
    wait_until(lambda: stage.desk.settings.updates is Switch.ON, "the setting")
    assert not stage.window.settings.releases.busy
