"""`aihub batch …`: each of its commands lives in a module of its own."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session


def batch(session: Session, args: argparse.Namespace) -> Exit:
    """Runs `aihub batch ACTION`: `run` of cli/batch_ACTION.py."""
    module: Any = importlib.import_module(f"aihub_desktop.cli.batch_{args.action}")
    done: Exit = module.run(session, args)
    return done
