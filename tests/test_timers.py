"""The timers of README are such as their systems take them, and start what is meant."""

from __future__ import annotations

import plistlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from aihub_desktop.cli.arguments import parse
from aihub_desktop.domain import batchtext
from aihub_desktop.system.words import Words

README: Final = Path(__file__).parent.parent / "README.md"
pytestmark = pytest.mark.skipif(not README.is_file(), reason="not in a checkout")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def is_understood(words: list[str]) -> None:
    assert words[0].removesuffix(".exe").endswith("aihub")
    assert parse(words[1:], Words("en")).command == "sync"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    service, timer = blocks("systemd")
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    is_understood(shlex.split(command))
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("this system gives no systemd-analyze")
    there = shutil.which("true") or "/bin/true"
    (tmp_path / "aihub-sync.service").write_text(service.replace("/usr/local/bin/aihub", there), encoding="utf-8")
    (tmp_path / "aihub-sync.timer").write_text(timer, encoding="utf-8")
    units = [str(tmp_path / f"aihub-sync.{kind}") for kind in ("service", "timer")]
    run = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False)
    said = [text for text in run.stderr.splitlines() if "aihub" in text]  # other units of the machine are not ours
    assert not said
    (moment,) = re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE)
    subprocess.run([program, "calendar", moment], capture_output=True, check=True)


def test_cron_starts_it_with_the_key_in_no_argument(tmp_path: Path) -> None:
    (text,) = blocks("cron")
    *when, command = text.strip().split(" ", 5)
    assert len(when) == 5
    assert "%" not in command  # which is a line's end to cron
    is_understood(shlex.split(command.partition(" || ")[0].partition(')" ')[2]))
    aihub, mail = tmp_path / "aihub", tmp_path / "mail"
    aihub.write_text(f'#!/bin/sh\nprintf %s "$AIHUB_APIKEY" > {tmp_path}/sent\necho "$@" > {tmp_path}/words\nexit 1\n')
    mail.write_text(f"#!/bin/sh\ncat > {tmp_path}/mailed\n")
    for script in (aihub, mail):
        script.chmod(0o755)
    (tmp_path / "key").write_text("secret\n")
    (tmp_path / "sync.txt").write_text("what failed")
    command = command.replace("/usr/local/bin/aihub", str(aihub)).replace("/srv/aihub", str(tmp_path))
    sh = shutil.which("sh")
    if sh is None:
        pytest.skip("this system gives no sh")
    subprocess.run([sh, "-c", command], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    assert (tmp_path / "sent").read_text() == "secret"
    assert "secret" not in (tmp_path / "words").read_text()
    assert (tmp_path / "mailed").read_text() == "what failed"


def test_the_task_of_windows_names_a_command() -> None:
    (text,) = blocks("bat")
    (command,) = re.findall(r'/TR "(.*)"', text)
    assert len(command) <= 261  # the longest that schtasks takes
    is_understood(command.split())


def test_launchd_can_read_its_list() -> None:
    (text,) = blocks("xml")
    told = plistlib.loads(text.encode())
    is_understood(told["ProgramArguments"])
    assert told["Label"] == "aihub.sync"
    assert set(told) == {"Label", "ProgramArguments", "StartCalendarInterval"}


def test_the_batch_of_readme_is_one() -> None:
    (text,) = blocks("json")
    assert batchtext.parse(text.replace("0a…", "0a" * 32).encode()).name == "Labels"
