"""Folders, hub addresses, logs and the ways in which the program starts itself."""

from __future__ import annotations

import logging
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import aihub_desktop
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.settings import DEFAULT_HUB
from aihub_desktop.system import folders, logs, program
from aihub_desktop.system.resources import resource

PACKAGE = Path(aihub_desktop.__file__).parent
ROOT = PACKAGE.parent


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, DEFAULT_HUB), ("https://API.aihub.or.kr/", DEFAULT_HUB), ("https://api.aihub.or.kr:443", DEFAULT_HUB),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"), ("http://[::1]:80", "http://[::1]"),
        ("http://localhost:9", "http://localhost:9"), ("https://mirror.example/hub/", "https://mirror.example/hub"),
    ],
)  # fmt: skip
def test_hub_addresses(given: str | None, expected: str) -> None:
    assert folders.hub(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://api.aihub.or.kr", "http://127.0.0.1.evil.example", "ftp://127.0.0.1", "api.aihub.or.kr", "https://",
        "https://user:secret@api.aihub.or.kr", "https://a/?b=c", "https://a/#b", "http://[::1", "https://a:99999",
        "http://localhost.evil.example", "http://0.0.0.0:80", "http://128.0.0.1",
    ],
)  # fmt: skip
def test_bad_hub_addresses(given: str) -> None:
    with pytest.raises(ProblemError) as caught:
        folders.hub(given)
    assert caught.value.problem.code is Code.INSECURE
    assert "secret" not in str(caught.value)


def test_the_variable_names_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_API_URL", "http://127.0.0.1:1234")
    assert folders.hub() == "http://127.0.0.1:1234"
    assert folders.hub("http://127.0.0.1:5") == "http://127.0.0.1:5"


def test_hubs_never_share_a_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hubs = (
        DEFAULT_HUB, "http://127.0.0.1:1", "http://127.0.0.1:2", "http://[::1]:1", "https://a.example",
        "https://a.example/x", "https://a.example:8443",
    )  # fmt: skip
    homes = [folders.home(hub) for hub in hubs]
    assert len(set(homes)) == len(hubs)
    assert all(home.is_absolute() and ":" not in home.name for home in homes)
    assert all(home.parent.name == "hubs" for home in homes[1:])
    monkeypatch.setenv("AIHUB_HOME", str(tmp_path / "a"))
    assert folders.home("http://127.0.0.1:1") == tmp_path / "a"
    assert folders.home("http://127.0.0.1:1", str(tmp_path / "b")) == tmp_path / "b"


def test_a_relative_home_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert folders.home(DEFAULT_HUB, "state") == tmp_path / "state"


def test_the_program_starts_itself() -> None:
    run = subprocess.run(program.command("--version"), capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == f"aihub {aihub_desktop.__version__}"


@pytest.mark.parametrize(
    ("running", "child", "window"),
    [
        ("/opt/x/aihub-desktop", "/opt/x/aihub", "/opt/x/aihub-desktop"),
        ("/opt/x/aihub.exe", "/opt/x/aihub.exe", "/opt/x/aihub-desktop.exe"),
    ],
)
def test_frozen_it_starts_its_siblings(monkeypatch: pytest.MonkeyPatch, running: str, child: str, window: str) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", running)
    assert [Path(word) for word in program.command("worker")[:1]] == [Path(child)]
    assert program.command("worker", "x")[1:] == ["worker", "x"]
    assert Path(program.window()[0]) == Path(window)


def test_resources_lie_beside_or_inside() -> None:
    assert resource("words", "problems.toml").is_file()
    assert resource("words").parent in (ROOT / "resources", PACKAGE / "resources")


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a checkout, so there is nothing to build")
def test_a_wheel_holds_every_package_and_every_resource() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = set(project["tool"]["setuptools"]["packages"])
    there = {".".join(file.parent.relative_to(ROOT).parts) for file in PACKAGE.rglob("__init__.py")}
    assert named == there | {"aihub_desktop.resources"}
    patterns = project["tool"]["setuptools"]["package-data"]["aihub_desktop.resources"]
    packed = {file for pattern in patterns for file in (ROOT / "resources").glob(pattern)}
    for_readme = ROOT / "resources" / "pictures"
    used = {file for file in (ROOT / "resources").rglob("*") if file.is_file() and file.parent != for_readme}
    assert packed == used


@pytest.fixture
def clean_root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


def test_logs_hold_no_key(tmp_path: Path, clean_root: logging.Logger) -> None:
    key = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert logs.start(tmp_path, "engine")
    assert logs.start(tmp_path, "engine")
    log = logging.getLogger("aihub_desktop.test")
    try:
        raise ValueError(f"key {key.upper()}")
    except ValueError:
        log.exception("asked with %s for %s", key, "데이터")
    written = (tmp_path / "logs" / "engine.log").read_text(encoding="utf-8")
    assert key not in written.casefold()
    assert written.count("<redacted>") == 2
    assert "데이터" in written
    assert written.count("asked with") == 1


def test_logs_stay_small(tmp_path: Path, clean_root: logging.Logger) -> None:
    assert logs.start(tmp_path, "engine")
    for _ in range(60):
        logging.getLogger("aihub_desktop.test").warning("x" * 100_000)
    sizes = [file.stat().st_size for file in (tmp_path / "logs").iterdir()]
    assert 1 < len(sizes) <= 4
    assert max(sizes) <= 1 << 20


def test_no_place_for_logs_is_no_error(tmp_path: Path, clean_root: logging.Logger) -> None:
    (tmp_path / "logs").write_text("in the way")
    assert not logs.start(tmp_path, "engine")
