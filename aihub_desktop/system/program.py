"""How this program starts itself again: the engine and the workers are further runs of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_COMMAND_LINE: Final = "aihub"
_WINDOW: Final = "aihub-desktop"


def command(*words: str) -> list[str]:
    """The command line of `aihub WORDS…`, fit for an argument list of `subprocess` or `QProcess`.

    A frozen program holds two executables in one folder: the window's would load Qt into every child,
    so children always run the one without.
    """
    if getattr(sys, "frozen", False):
        return [_sibling(_COMMAND_LINE), *words]
    return [sys.executable, "-m", "aihub_desktop", *words]


def window(*words: str) -> list[str]:
    """The command line of `aihub-desktop WORDS…`."""
    if getattr(sys, "frozen", False):
        return [_sibling(_WINDOW), *words]
    return [sys.executable, "-m", "aihub_desktop.gui", *words]


def _sibling(name: str) -> str:
    running = Path(sys.executable)
    return str(running.with_name(name + running.suffix if running.suffix.casefold() == ".exe" else name))
