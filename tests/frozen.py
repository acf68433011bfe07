"""The frozen program of this checkout, built once for all tests, and once for all processes of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

if sys.platform != "win32":
    import fcntl

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "dist" / "aihub-desktop"
_LICENCES: Final = FOLDER / "LICENCES.txt"  # the last that is written of it
_MADE: Final = ROOT / "build" / "made"


@pytest.fixture(scope="session")
def frozen() -> Path:
    """The folder with `aihub` and `aihub-desktop`. It is built anew when anything that goes into it is newer."""
    build("freeze", _LICENCES, newest)
    return FOLDER


@pytest.fixture(scope="session")
def package(frozen: Path) -> Path:
    """The deb of this version."""
    version = subprocess.run(
        [frozen / "aihub", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    made = ROOT / "dist" / f"aihub-desktop_{version}_amd64.deb"
    build("deb", made, lambda: max(newest(), _LICENCES.stat().st_mtime))
    return made


def build(target: str, made: Path, changed: Callable[[], float]) -> None:
    """Runs installer/build.py, unless `made` is newer than what it is made of. Another process that is at it is waited
    for.
    """
    _MADE.mkdir(parents=True, exist_ok=True)
    with (_MADE / f"{target}.lock").open("w") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists() and made.stat().st_mtime > changed():
            return
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        command = [sys.executable, "installer/build.py", target]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def newest() -> float:
    """When the last of what is built from was written."""
    folders = [ROOT / "aihub_desktop", ROOT / "resources", ROOT / "installer"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return max(path.stat().st_mtime for path in [*files, ROOT / "CHANGELOG.md", ROOT / "pyproject.toml"])
