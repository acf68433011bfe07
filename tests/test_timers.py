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
    assert not faults_of(service, timer, tmp_path)
    (moment,) = re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE)
    subprocess.run([analyze(), "calendar", moment], capture_output=True, check=True)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("service", "Type=", "Typ="),
        ("service", "ExecStart=", "ExecStart=relative/"),
        ("timer", "OnCalendar=", "OnCalendar=some day "),
        ("timer", "[Timer]", "[Tiimer]"),
    ],
)
def test_a_broken_unit_would_be_told(tmp_path: Path, kind: str, right: str, wrong: str) -> None:
    units = dict(zip(("service", "timer"), blocks("systemd"), strict=True))
    assert right in units[kind]
    units[kind] = units[kind].replace(right, wrong, 1)
    assert faults_of(units["service"], units["timer"], tmp_path)


def analyze() -> str:
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    return program


def faults_of(service: str, timer: str, folder: Path) -> list[str]:
    """What systemd says against the two. Its exit code counts the faults of units that it loads besides, which are the
    machine's: the machine's own sum is told by a unit that is surely right.
    """
    there = shutil.which("true") or "/bin/true"
    files = {"aihub-sync.service": service.replace("/usr/local/bin/aihub", there), "aihub-sync.timer": timer}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    right = folder / "right.service"
    right.write_text(f"[Service]\nType=oneshot\nExecStart={there}\n", encoding="utf-8")
    usual = subprocess.run([analyze(), "verify", str(right)], capture_output=True, text=True, check=False)
    run = subprocess.run(
        [analyze(), "verify", *(str(folder / name) for name in files)], capture_output=True, text=True, check=False
    )
    said = [text for text in run.stderr.splitlines() if "aihub" in text]
    if run.returncode != usual.returncode and not said:
        said = [f"exit {run.returncode}: {run.stderr}"]
    return said


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
        pytest.skip("sh is not installed")
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
