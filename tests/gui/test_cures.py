"""Every state with a button, through to its cure: real refusals of the hub, a real certificate, real drives."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme
from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from aihub_desktop.demo import offer
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Refuse, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.names import safe_path
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.cures import Cure, cures_of
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.parts import EmptyPlace
from gui.conftest import OpenStage
from gui.screen import complaints
from gui.stage import Stage, press, wait_until


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the window would have had opened."""
    found: list[str] = []

    def opens(url: QUrl) -> bool:
        found.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", opens)
    return found


def begin(stage: Stage, folder: Path, dataset: str = offer.ZIP64) -> int:
    stage.choose(dataset)
    stage.desk.tree.tick(QModelIndex(), True)
    return stage.download(folder)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal.NOT_APPROVED, Code.NOT_APPROVED),
        (Refusal.EXPIRED, Code.APPROVAL_EXPIRED),
        (Refusal.FORBIDDEN, Code.FORBIDDEN),
        (Refusal.ABROAD, Code.ABROAD),
        (Refusal.OUTDATED, Code.API_OUTDATED),
    ],
)
def test_what_the_hub_refuses_is_said_and_goes_on_after_its_cure(
    request: pytest.FixtureRequest, hub: DemoHub, opened: list[str], refusal: Refusal, code: Code
) -> None:
    open_stage, folder = request.getfixturevalue("open_stage"), request.getfixturevalue("folder")
    refused = hub.faults.add(Refuse(refusal=refusal))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    number = begin(stage, folder)
    row = stage.wait_for(number, TransferState.NEEDS_USER)
    assert row.problem is not None
    assert row.problem.code is code
    banner = stage.window.downloads.banner
    assert banner.isVisible()
    assert stage.desk.words.problem(row.problem).title in banner.title
    if Cure.OPEN_PAGE in cures_of(row.problem):
        press(stage, Cure.OPEN_PAGE)
        assert opened[-1].endswith(f"dataSetSn={offer.ZIP64}")
    hub.faults.remove(refused)
    press(stage, Cure.TRY_AGAIN)
    stage.wait_for(number, TransferState.DONE)
    wait_until(lambda: not banner.isVisible(), "the end of the banner")


def test_back_from_the_page_it_is_tried_again_by_itself(
    open_stage: OpenStage, hub: DemoHub, folder: Path, opened: list[str], qapp: QApplication
) -> None:
    """The person applies there and comes back; nobody presses anything here."""
    refused = hub.faults.add(Refuse(refusal=Refusal.NOT_APPROVED))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    number = begin(stage, folder)
    stage.wait_for(number, TransferState.NEEDS_USER)
    asked = len(hub.requests)
    come = partial(qapp.applicationStateChanged.emit, Qt.ApplicationState.ApplicationActive)
    come()
    press(stage, Cure.OPEN_PAGE)
    assert opened
    assert len(hub.requests) == asked, "whoever was not sent to the page has not come from it"
    hub.faults.remove(refused)
    come()
    stage.wait_for(number, TransferState.DONE)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the machine's own keychain would answer")
def test_a_download_whose_key_is_gone_goes_on_with_another(open_stage: OpenStage, hub: DemoHub, folder: Path) -> None:
    """The key was for that run alone: at the next start there is none."""
    slow = hub.faults.add(Slow(rate=300_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    number = begin(stage, folder, offer.SPLIT)
    wait_until(lambda: stage.row(number).bytes > 100_000, "some bytes")
    stage.close()
    hub.faults.remove(slow)
    again = open_stage(hub.url).ready()
    row = again.wait_for(number, TransferState.NEEDS_USER)
    assert row.problem is not None
    assert row.problem.code is Code.NO_KEY
    press(again, Cure.ENTER_KEY)
    dialog = again.window.findChildren(KeyDialog)[-1]
    dialog.field.setText(DEMO_KEY)
    dialog.save.click()
    wait_until(lambda: dialog.for_run.isVisible() and dialog.for_run.isEnabled(), "the word about the keychain")
    dialog.for_run.click()
    again.wait_for(number, TransferState.DONE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder whose files are open")
def test_a_folder_that_is_gone_is_begun_anew(
    open_stage: OpenStage, hub: DemoHub, folder: Path, catalogue: Catalogue
) -> None:
    slow = hub.faults.add(Slow(rate=300_000))
    stage = open_stage(hub.url, key=DEMO_KEY).ready()
    number = begin(stage, folder, offer.SPLIT)
    wait_until(lambda: stage.row(number).bytes > 100_000, "some bytes")
    shutil.rmtree(folder)
    wait_until(
        lambda: (problem := stage.row(number).problem) is not None and problem.code is Code.TARGET_MISSING,
        "the word about the folder",
    )
    hub.faults.remove(slow)
    press(stage, Cure.BEGIN_ANEW)
    stage.wait_for(number, TransferState.DONE)
    assert not [path for path in folder.rglob("*") if path.name.endswith((".part", ".journal"))]
    for file in stage.desk.tree.files():
        assert safe_path(file.path).under(folder).read_bytes() == catalogue.bytes_of(file.key)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA(organization_name="회사 보안 장비")


@pytest.fixture
def guarded(catalogue: Catalogue, authority: trustme.CA) -> Iterator[DemoHub]:
    """The hub behind a certificate of a company's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with DemoHub(catalogue, tls=context) as hub:
        yield hub


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere the trust store belongs to the system")
def test_a_company_certificate_is_named_and_trusted_once_it_is_installed(
    open_stage: OpenStage, guarded: DemoHub, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(trustme.CA().cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    stage = open_stage(guarded.url, key=DEMO_KEY)
    wait_until(lambda: stage.desk.catalogue.problem is not None, "the word about the certificate")
    problem = stage.desk.catalogue.problem
    assert problem is not None
    assert problem.code is Code.TLS_UNTRUSTED
    assert "trust store" in stage.desk.words.problem(problem).advice
    roots.write_bytes(authority.cert_pem.bytes())
    places = stage.window.datasets.findChildren(EmptyPlace)
    button = next(place.button for place in places if place.button.isVisible())
    assert button.text() == stage.desk.words.say(f"gui.cure.{Cure.TRY_AGAIN}")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    stage.ready()
    number = begin(stage, tmp_path / "to")
    stage.wait_for(number, TransferState.DONE)


@pytest.mark.parametrize("story", ["full", "pulled"])
def test_drives(story: str, tmp_path: Path, catalogue: Catalogue) -> None:
    """In a name space of its own, where this test may mount."""
    start = ["unshare", "-Urm"]
    if shutil.which("unshare") is None or subprocess.run([*start, "true"], check=False).returncode:
        pytest.skip("drives of one's own need unshare and the right to mount in a namespace (Linux)")
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent)])
    none = "unix:path=/nonexistent"
    environment = {**os.environ, "PYTHONPATH": path, "AIHUB_APIKEY": DEMO_KEY, "DBUS_SESSION_BUS_ADDRESS": none}
    with DemoHub(catalogue) as hub:
        command = [*start, sys.executable, "-m", "gui.played_drives", story, str(tmp_path), hub.url]
        run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    assert complaints(run.stderr) == []
    assert (
        json.loads(run.stdout)
        == {
            "full": {"code": "no-room", "cures": ["Try now", "Open folder"], "after": "done"},
            "pulled": {"code": "drive-missing", "cures": ["Try now"], "after": "done"},
        }[story]
    )
