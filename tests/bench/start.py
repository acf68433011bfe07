"""How long a person waits for the window: to its first picture, and to the catalogue in it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import standard

from .figures import Figures, Report, Target, in_turn
from .ground import ROOT, Ground, environment
from .spending import spending

COLD, WARM = "cold", "warm"
SEEN: Final = ("painted", "catalogue")
_PROMISED: Final = 1.5  # seconds
_CACHES: Final = Path("/proc/sys/vm/drop_caches")


def run(ground: Ground) -> Report:
    home = ground.folder / "start"
    home.mkdir(parents=True, exist_ok=True)
    # Behind the first start's screen.
    (home / "window.ini").write_text("[General]\nwelcomed=true\n", encoding="utf-8")
    report = Report(
        "the start of the window, with its engine",
        [
            "Seconds from the start of the process to the first whole picture, and to the list of datasets in it.",
            f"{COLD}: nothing of program, Python or Qt in the page cache ({_way()}). Offscreen.",
        ],
    )
    with DemoHub(standard()) as hub:
        _start(hub.url, home)  # what the first start of all makes is there: its copy of the catalogue among it
        tasks: dict[str, Callable[[], Figures]] = {
            COLD: partial(_cold, hub.url, home, sweeping=not ground.small),
            WARM: partial(_start, hub.url, home),
        }
        in_turn(report, tasks, ground.pairs)
    for figure in SEEN:
        value = statistics.median(report.values(COLD, figure))
        report.targets.append(Target(f"seconds, {figure}, {COLD}", value, _PROMISED))
    return report


def _start(hub: str, home: Path) -> Figures:
    variables = environment(QT_QPA_PLATFORM="offscreen", DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent")
    command = [sys.executable, "-m", f"{__package__}.started", str(home), hub]
    began = time.monotonic()
    with spending() as spent:
        done = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    seen: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**{name: seen[name] - began for name in SEEN}, "CPU s": spent.cpu or 0.0}


def _cold(hub: str, home: Path, *, sweeping: bool) -> Figures:
    """Not `sweeping`: a small run takes nothing but our own files out of the cache that others live on."""
    if sys.platform == "win32":
        raise OSError("nothing here empties the cache")
    os.sync()
    if not sweeping:
        _forget(ROOT / "aihub_desktop")
    elif os.access(_CACHES, os.W_OK):
        _CACHES.write_text("3")
    else:
        for folder in (Path(sys.prefix), Path(sys.base_prefix, "lib"), ROOT):
            _forget(folder)
    return _start(hub, home)


def _way() -> str:
    return "the kernel's drop_caches" if os.access(_CACHES, os.W_OK) else "posix_fadvise, file by file"


def _forget(folder: Path) -> None:
    """The kernel keeps what a running program has mapped."""
    if sys.platform in ("win32", "darwin"):
        raise OSError("no posix_fadvise here")
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
