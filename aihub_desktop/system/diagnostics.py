"""One archive that can be sent in when something is wrong: versions and logs, without what belongs to one person."""

from __future__ import annotations

import json
import locale
import os
import platform
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from aihub_desktop import __version__
from aihub_desktop.domain.redaction import Redaction

_PACKAGES: Final = (
    "awscrt",
    "botocore",
    "httpcore",
    "httpx",
    "isal",
    "keyring",
    "msgspec",
    "PySide6-Essentials",
    "xxhash",
)
_SECRETS: Final = ("AIHUB_APIKEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_LOGS: Final = "logs"


def name(at: float) -> str:
    """Of an archive that was made `at`, seconds since 1970."""
    return f"aihub-diagnostics-{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}.zip"


def write(path: Path, home: Path, hub: str) -> list[str]:
    """Writes the archive; the names of its members. Raises `OSError`, and leaves no half of one then."""
    redaction = Redaction([os.environ.get(each, "") for each in _SECRETS], [str(home), str(Path.home())])
    half = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
            facts = redaction.value(_facts(home, hub))
            archive.writestr("about.json", json.dumps(facts, ensure_ascii=False, indent=2))
            for log in log_files(home):
                archive.writestr(f"{_LOGS}/{log.name}", redaction.text(log.read_text("utf-8", errors="replace")))
            names = archive.namelist()
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)
    return names


def log_files(home: Path) -> list[Path]:
    """The diaries of all roles, the older parts too."""
    try:
        return sorted(path for path in (home / _LOGS).iterdir() if ".log" in path.name and path.is_file())
    except OSError:
        return []


def _facts(home: Path, hub: str) -> dict[str, Any]:
    return {
        "program": __version__,
        "frozen": bool(getattr(sys, "frozen", False)),
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "language": locale.getlocale()[0],
        "encoding": locale.getpreferredencoding(False),
        "time_zone": time.strftime("%z"),
        "hub": hub,
        "packages": dict(_versions()),
        "state": dict(_sizes(home)),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, ""


def _sizes(home: Path) -> Iterator[tuple[str, int]]:
    """What lies in the state folder, in bytes: a broken or missing database shows here."""
    for path in sorted(home.rglob("*")):
        if path.is_file():
            yield path.relative_to(home).as_posix(), path.stat().st_size
