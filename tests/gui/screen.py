"""A real screen for one script: an X server, a window manager, a place for icons, a session bus. Linux only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

# The offscreen platform says so of every window; the bus of its rights; Qt's bridge of a question it has no answer for.
_OF_THE_PLACE: Final = ("This plugin does not support", "dbus-daemon[", "qt.accessibility.atspi: AtSpiAdaptor::applic")
_PROGRAMS: Final = ("Xvfb", "openbox", "trayer", "xdotool", "dbus-run-session")
NEEDS_SCREEN: Final = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, _PROGRAMS)), reason=f"needs Linux with {', '.join(_PROGRAMS)}"
)


@contextmanager
def screen(folder: Path, *companions: list[str]) -> Iterator[dict[str, str]]:
    """The environment in which a program finds the screen, with `companions` (a window manager …) running on it."""
    reading, writing = os.pipe()
    with ExitStack() as stack:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(_end, server)
        os.close(writing)
        with os.fdopen(reading) as told:
            display = f":{told.readline().strip()}"
        kept = {name: value for name, value in os.environ.items() if name not in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
        environment = {
            **kept, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_RUNTIME_DIR": str(folder),
            "XDG_DOWNLOAD_DIR": str(folder / "downloads"), "PYTHONPATH": os.pathsep.join(_paths()),
        }  # fmt: skip
        folder.chmod(0o700)
        for words in companions:
            companion = subprocess.Popen(
                words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )  # fmt: skip
            stack.callback(_end, companion)
        yield environment


def play(
    script: Path, environment: dict[str, str], *words: str, seconds: float = 110, python: str = sys.executable
) -> str:
    """Runs a script on the screen, with a session bus of its own; what it printed. It fails as an assertion does."""
    command = ["dbus-run-session", "--", python, str(script), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert complaints(done.stderr) == []
    return done.stdout


def complaints(errors: str) -> list[str]:
    """What a program said to its standard error, Qt's warnings among it, without what it says of the place alone."""
    return [line for line in errors.splitlines() if line.strip() and not line.startswith(_OF_THE_PLACE)]


def _paths() -> list[str]:
    tests = Path(__file__).parents[1]
    return [str(tests), str(tests.parent)]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()
