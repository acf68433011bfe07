"""`aihub diagnostics`: versions and logs in one archive that can be sent in."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.system import diagnostics as archive


def diagnostics(session: Session, args: argparse.Namespace) -> Exit:
    path = Path(args.file or archive.name(time.time()))
    if path.is_dir():
        path /= archive.name(time.time())
    try:
        names = archive.write(path, session.home, session.hub)
    except OSError as error:
        raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=error.strerror or "") from None
    session.console.data(str(path.absolute()))
    session.console.note("cli.diagnostics.written", n=len(names))
    return Exit.DONE
