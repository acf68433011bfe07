"""The look for a newer version: what is sent, what is believed, and that nothing is asked unasked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Aihub
from release_site import ReleaseSite, release_site

from aihub_desktop import __version__
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.releases import Release, release_of
from aihub_desktop.domain.settings import Settings, Switch
from aihub_desktop.engine.releases import newest
from aihub_desktop.system import releases

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseSite]:
    with release_site() as made:
        monkeypatch.setenv(releases.VARIABLE, made.url)
        yield made


@pytest.fixture
def aihub(tmp_path: Path) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", DEAD)
    yield made
    made.close()


def test_one_request_that_says_nothing_of_who_asks(site: ReleaseSite) -> None:
    assert newest(site.url) == Release("99.1.0", "https://127.0.0.1/releases/99.1.0")
    newest(site.url)
    for path, headers in site.asked:
        assert path == "/newest.json"
        assert headers.pop("user-agent") == "aihub-desktop"
        assert set(headers) <= {"host", "accept", "accept-encoding", "connection"}
        assert __version__ not in str(headers)
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<!doctype html><title>Log in</title>", Code.WRONG_ANSWER),
        (200, b" " * 10_000_000, Code.WRONG_ANSWER),
        (200, b"[" * 60_000, Code.WRONG_ANSWER),
        (200, b'{"x":' + b"[" * 60_000, Code.WRONG_ANSWER),
        (200, b"", Code.WRONG_ANSWER),
        (200, b"\xff\xfe\x00", Code.WRONG_ANSWER),
        (200, b'{"version": 9, "page": "https://127.0.0.1/"}', Code.WRONG_ANSWER),
        (200, b'{"version": "9.0.0"}', Code.WRONG_ANSWER),
        (404, b"none", Code.SERVER_ERROR),
        (302, b"", Code.SERVER_ERROR),
        (500, b"{}", Code.SERVER_ERROR),
    ],
    ids=("html", "long", "deep", "deep-field", "empty", "no-text", "number", "no-page", "404", "redirect", "500"),
)
def test_a_bad_answer_is_a_problem_and_nothing_else(site: ReleaseSite, status: int, body: bytes, code: Code) -> None:
    site.answer = (status, body)
    with pytest.raises(ProblemError) as caught:
        newest(site.url)
    assert caught.value.problem.code is code


@pytest.mark.parametrize(
    ("version", "page"),
    [
        ("1.0.0", "http://example.org/"),
        ("1.0.0", "https://example.com/"),
        ("1.0.0", "https://example.org@example.com/"),
        ("1.0.0", "https://me@example.org/"),
        ("1.0.0", "https://[example.org/"),
        ("1.0.0", "https://example.org/\n"),
        ("1.0.0", "file:///etc/passwd"),
        ("1.0", "https://example.org/"),
        ("1.0.0 <b>", "https://example.org/"),
        ("1" * 9 + ".0.0", "https://example.org/"),
        ("١.0.0", "https://example.org/"),
    ],
)
def test_what_would_lead_astray_is_no_release(version: str, page: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        release_of(json.dumps({"version": version, "page": page}).encode(), "https://example.org/newest.json")


@pytest.mark.parametrize(
    ("theirs", "ours", "newer"),
    [
        ("1.10.0", "1.9.9", True),
        ("1.9.9", "1.9.9", False),
        ("1.9.8", "1.9.9", False),
        ("2.0.0-rc.1", "1.9.9", False),
        ("2.0.0", "2.0.0-rc.1", True),
        ("2.0.0", "2.0.0rc1", False),
    ],
)
def test_newer_is_what_follows_and_is_finished(theirs: str, ours: str, newer: bool) -> None:
    assert Release(theirs, "").is_newer_than(ours) is newer


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_command_tells_of_it(site: ReleaseSite, aihub: Aihub, language: str) -> None:
    told = aihub("--lang", language, "version", "--check")
    assert told.code == 0
    assert "99.1.0" in told.out
    assert "https://127.0.0.1/releases/99.1.0" in told.out
    assert aihub("version", "--check", "--json").records[0]["newer"] is True
    site.answer = (200, b'{"version": "0.0.1", "page": "https://127.0.0.1/"}')
    told = aihub("version", "--check")
    assert told.code == 0
    assert "0.0.1" not in told.out
    site.answer = (200, b"<html>")
    assert aihub("version", "--check").code == 5


def test_without_an_address_nothing_is_asked(aihub: Aihub) -> None:
    """Whether or not this very build has one."""
    source = (
        "import sys; from aihub_desktop.system import releases; releases.RELEASES = ''; "
        "from aihub_desktop.__main__ import main; sys.exit(main(['version', '--check']))"
    )
    environ = aihub.environment(**{releases.VARIABLE: ""})
    told = subprocess.run([sys.executable, "-c", source], env=environ, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "no release address" in told.stderr
    assert aihub("version").out.splitlines() == [f"aihub {__version__}"]


@pytest.mark.parametrize("named", ["http://example.org/newest.json", "ftp://127.0.0.1/", "file:///x", "nonsense"])
def test_an_address_in_plain_text_is_refused(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv(releases.VARIABLE, named)
    with pytest.raises(ProblemError) as caught:
        releases.address()
    assert caught.value.problem.code is Code.INSECURE


def test_the_switch_at_the_command_line(aihub: Aihub) -> None:
    assert Settings().updates is Switch.OFF
    assert "updates=off" in aihub("settings", "show").out.splitlines()
    assert aihub("settings", "set", "updates=on").code == 0
    assert "updates=on" in aihub("settings", "show").out.splitlines()
    assert aihub("settings", "set", "updates=maybe").code == 2
