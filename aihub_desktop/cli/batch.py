"""`aihub batch`: each of its commands lives in a module of its own."""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Final

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session

# (module, function), imported when it is the one to run.
_COMMANDS: Final = {
    "request": ("asking", "request"),
    "bundle": ("bundling", "bundle"),
    "import": ("arriving", "arrive"),
    "who": ("who", "who"),
}


def batch(session: Session, args: argparse.Namespace) -> Exit:
    module, name = _COMMANDS[args.action]
    found: Any = importlib.import_module(f"aihub_desktop.cli.{module}")
    ended: Exit = getattr(found, name)(session, args)
    return ended
