"""The set-up: what it says, what it finds missing, and that the outcome of what it starts is passed on."""

from __future__ import annotations

import re
import runpy
import shutil
import signal
import string
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent
RUN: Final = ROOT / "installer/run.py"


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    return runpy.run_path(str(RUN), run_name="installer")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    words = tomllib.loads((ROOT / "installer/words.toml").read_text(encoding="utf-8"))
    korean, english = words["ko"], words["en"]
    assert korean.keys() == english.keys()
    assert {key for key in korean if placeholders(korean[key]) != placeholders(english[key])} == set()


def test_everything_it_says_has_words_and_all_words_are_said() -> None:
    words = tomllib.loads((ROOT / "installer/words.toml").read_text(encoding="utf-8"))
    said = set(re.findall(r'(?:say|SetupError)\("([\w-]+)"', RUN.read_text(encoding="utf-8")))
    assert said == words["en"].keys()


@pytest.mark.parametrize(("language", "start"), [("ko", "시스템"), ("en", "Installing")])
def test_it_speaks_the_language_of_the_system(
    run: dict[str, Any], language: str, start: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIHUB_LANG", raising=False)
    monkeypatch.setenv("LC_ALL", f"{language}_XX.UTF-8")
    run["say"]("packages", names="libegl1")
    said = capsys.readouterr()
    assert said.err.startswith(start)
    assert "libegl1" in said.err
    assert said.out == ""


def test_without_a_task_it_explains_itself() -> None:
    done = subprocess.run([sys.executable, RUN], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "installer/run.py demo" in done.stderr


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="only Debian and its kin have packages to look for")
def test_only_what_is_missing_is_installed(run: dict[str, Any]) -> None:
    missing: Callable[[list[str]], list[str]] = run["missing_packages"]
    assert missing(["dpkg", "surely-no-such-package"]) == ["surely-no-such-package"]
    assert missing(["awk"]) == [], "a package that another one provides counts as installed"


def test_the_exit_status_of_what_was_started_is_its_own(run: dict[str, Any]) -> None:
    assert run["start"]([sys.executable, "-c", "raise SystemExit(7)"], None) == 7


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to die of")
def test_a_death_by_signal_is_told_as_a_shell_tells_it(run: dict[str, Any]) -> None:
    death = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run["start"]([sys.executable, "-c", death], None) == 128 + signal.SIGTERM
