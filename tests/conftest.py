"""Ground for all tests: the demo hub on loopback, a folder, and no way out of this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from servers import rclone_storage, seaweed_storage, swift_storage
from tables import pytest_terminal_summary

from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import standard

# Hooks and fixtures are found by their names here.
__all__ = ["pytest_terminal_summary", "rclone_storage", "seaweed_storage", "swift_storage"]

# A slow machine is no failure of the program: what a property needs is bounded in examples, not in milliseconds.
settings.register_profile("bounded", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bounded")

# What a machine may export and no test must lean on: proxies, certificates, and this program's own variables.
_FOREIGN: Final = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    *("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
    *("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AIHUB_APIKEY", "AIHUB_API_URL", "AIHUB_HOME", "AIHUB_LANG"),
)


collect_ignore = [] if sys.platform == "win32" else ["test_windows.py"]

# CI installs every program that a test asks for. What is skipped there can only be what its machine refuses to anybody,
# or what belongs to the hub and is no part of the project.
_MAY_BE_SKIPPED_IN_CI: Final = (
    *("the hub's", "of the hub", "this machine lets nobody", "this machine gives no", "this system gives no"),
    *("this file system", "the right to mount", "may not trace", "cannot follow", "refused:"),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that is left out in CI for another reason has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") and sys.platform == "linux":
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(phrase in reason for phrase in _MAY_BE_SKIPPED_IN_CI):
            report.outcome, report.longrepr = "failed", f"{item.nodeid} is skipped in CI: {reason}"
    return report


class OutsideError(AssertionError):
    """A test reached for the world beyond loopback."""


class _LoopbackSocket(socket.socket):
    """A socket that connects within this machine only."""

    def connect(self, address: Any) -> None:
        _check(self, address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        _check(self, address)
        return super().connect_ex(address)


def _check(connection: socket.socket, address: Any) -> None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    try:
        inside = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        inside = host in ("", "localhost")
    if not inside:
        raise OutsideError(f"tests stay on loopback, not {host}")


_NO_RIGHT: Final = 1314  # ERROR_PRIVILEGE_NOT_HELD


def _made_link(*words: Any, _make: Callable[..., None] = os.symlink, **options: Any) -> None:
    """A link, or the test is left out: Windows lets not everybody make one, and wine says that it did and did not."""
    try:
        _make(*words, **options)
    except OSError as error:
        if getattr(error, "winerror", None) != _NO_RIGHT:
            raise
        pytest.skip(f"this machine lets nobody make links: {error.strerror}")
    if not os.path.lexists(words[1]):
        pytest.skip("this machine lets nobody make links, and says that it did")


@pytest.fixture(autouse=True)
def own_ground(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Loopback only, and nothing of the machine's own settings."""
    monkeypatch.setattr(socket, "socket", _LoopbackSocket)
    if sys.platform == "win32":
        request.getfixturevalue("tmp_path")  # with a link of pytest's own
        monkeypatch.setattr(os, "symlink", _made_link)
    for name in list(os.environ):
        if name.upper() in _FOREIGN:
            monkeypatch.delenv(name)


@pytest.fixture
def no_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own keys to object storages."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The standard catalogue; what one test made of it serves the next."""
    return standard()


@pytest.fixture
def hub(catalogue: Catalogue) -> Iterator[DemoHub]:
    """A demo hub over the standard catalogue, up, with no faults."""
    with DemoHub(catalogue) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to download into."""
    made = tmp_path / "받은 것"
    made.mkdir()
    return made
