"""What all parts of the build share: places, the version, and how one of them fails."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
DIST: Final = ROOT / "dist"
NAME: Final = "aihub-desktop"


class BuildError(Exception):
    """A part of the build cannot be made; the text says why."""


def read_version() -> str:
    """Of aihub_desktop/__init__.py, the one place that holds it."""
    text = (ROOT / "aihub_desktop" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__: Final = "(\d+\.\d+\.\d+[^"]*)"$', text, re.MULTILINE)
    if found is None:
        raise BuildError("aihub_desktop/__init__.py names no version")
    return found[1]


VERSION: Final = read_version()


def run(command: Sequence[str | Path], *, folder: Path = ROOT, environ: dict[str, str] | None = None) -> str:
    """Its stdout. Raises `BuildError` with what it said where it failed or is not there."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BuildError(f"{words[0]} is needed and not installed") from None
    if done.returncode != 0:
        raise BuildError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def epoch() -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit, in seconds: what is built twice is the same twice."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    try:
        return int(run(["git", "log", "-1", "--format=%ct"]))
    except (BuildError, ValueError):
        return int((ROOT / "CHANGELOG.md").stat().st_mtime)


def platform_name() -> str:
    """As in the names of what is released: linux-x86_64, windows-x64, macos-arm64 …"""
    machine = platform.machine().lower()
    if sys.platform == "win32":
        return f"windows-{'x64' if machine in ('amd64', 'x86_64') else machine}"
    return f"{'macos' if sys.platform == 'darwin' else 'linux'}-{machine}"
