"""`aihub batch request`: what this machine holds and is to hold, for a machine that has a network."""

from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path

from aihub_desktop.batch.machine import this_machine
from aihub_desktop.batch.request import SUFFIX, head_of, stock, write_request
from aihub_desktop.batch.whereabouts import Holder, Kind, Whereabouts
from aihub_desktop.cli.arguments import UsageError, check_text
from aihub_desktop.cli.batches import read_batch
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.get import target
from aihub_desktop.cli.session import Session


def run(session: Session, args: argparse.Namespace) -> Exit:
    """Reads no file of the folder: what its ledger tells, and sizes and times, are enough. Needs no network."""
    console = session.console
    batch = read_batch(console, args.batch)
    folder, output = target(console, args.have), output_file(console, args.output, SUFFIX, force=args.force)
    found, machine = stock(folder), this_machine(session.home)
    head = head_of(machine, folder, batch, len(found.held))
    write_request(output, head, found.held)
    Whereabouts(session.home).note(Holder.of(Kind.MACHINE, machine.id, machine.name, str(folder)), found.held)
    held = sum(one.size or 0 for one in found.held)
    if args.json:
        console.record(
            event="request", file=str(output), id=head.id, machine=machine.name, files=head.files, bytes=held,
            left_out=found.doubtful,
        )  # fmt: skip
        return Exit.DONE
    size = console.words.size(held)
    console.data(console.words.say("cli.batch.request.written", path=str(output), n=head.files, size=size))
    if found.doubtful:
        console.note("cli.batch.request.doubtful", n=found.doubtful, folder=str(folder))
    return Exit.DONE


def input_file(console: Console, text: str) -> Path:
    """A document that is there. Raises `UsageError`."""
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if not path.is_file():
        why = os.strerror(errno.EISDIR if path.is_dir() else errno.ENOENT)
        raise UsageError(console.words.say("cli.fetch.unreadable", path=str(path), why=why))
    return path


def output_file(console: Console, text: str, suffix: str, *, force: bool) -> Path:
    """Where a document is to go, with its ending. Raises `UsageError` where there is something already."""
    if not text:
        raise UsageError(console.words.say("cli.usage.value-missing", name="--output"))
    path = Path(os.path.abspath(os.path.expanduser(text)))
    check_text([str(path)], console.words)
    path = path if path.suffix else path.with_name(path.name + suffix)
    if path.exists() and not force:
        raise UsageError(console.words.say("cli.batch.exists", path=str(path)))
    if not path.parent.is_dir():
        raise UsageError(console.words.say("cli.batch.no-folder", path=str(path.parent)))
    return path
