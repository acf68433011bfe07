"""`aihub version`: which this is, and with `--check` whether there is a newer one."""

from __future__ import annotations

import argparse

from aihub_desktop import __version__
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.engine.releases import newest
from aihub_desktop.system import releases


def version(session: Session, args: argparse.Namespace) -> Exit:
    console = session.console
    if args.check:
        return _check(session, json=args.json)
    if args.json:
        console.record(version=__version__)
    else:
        console.data(f"aihub {__version__}")
    return Exit.DONE


def _check(session: Session, *, json: bool) -> Exit:
    console = session.console
    address = releases.address()
    if not address:
        console.say("cli.version.none", version=__version__)
        return Exit.USAGE
    found = newest(address)
    newer = found.is_newer_than(__version__)
    if json:
        console.record(ours=__version__, version=found.version, page=found.page, newer=newer)
    elif newer:
        console.data(console.words.say("cli.version.newer", version=found.version, ours=__version__, page=found.page))
    else:
        console.data(console.words.say("cli.version.newest", version=__version__))
    return Exit.DONE
