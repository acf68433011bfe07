"""`aihub get`: files of one dataset, onto disk and verified."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from pathlib import Path

from aihub_desktop.cli.arguments import UsageError, check_text
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.lab import LabWish, file_lists, need_key
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.run import Batch, Found, carry_out
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.domain.addresses import has_scheme, is_object, shown
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.names import must_not_be_a_device
from aihub_desktop.domain.selection import chosen, unknown_keys
from aihub_desktop.engine.serve import LocalEngine


def get(session: Session, args: argparse.Namespace) -> Exit:
    if is_object(args.to):
        return straight(session, args)
    if named := only_for_storage(args):
        raise UsageError(session.console.words.say("cli.get.only-for-storage", name=named))
    if args.delete_archive and not args.unpack:
        raise UsageError(session.console.words.say("cli.get.delete-needs-unpack"))
    return receive(
        session,
        Request(
            key=args.key, folder=target(session.console, args.to), package=args.package,
            file_keys=tuple(args.file_keys), include=tuple(args.include), exclude=tuple(args.exclude),
            parallel=args.parallel, limit=args.limit, hours=args.hours, patience=args.patience,
            dry_run=args.dry_run, json=args.json, unpack=args.unpack, delete_archive=args.delete_archive,
            connections=args.connections,
        ),
        LabWish.of(session.console.words, args),
    )  # fmt: skip


def straight(session: Session, args: argparse.Namespace) -> Exit:
    """From the hub into object storage."""
    from aihub_desktop.cli.straight import get_to_storage  # noqa: PLC0415 - for those who want it

    return get_to_storage(session, args)


def only_for_storage(args: argparse.Namespace, known: Collection[str] = ()) -> str:
    """An option that was given and means nothing for a folder; "" for none. `known`: those that mean something here."""
    options = ["endpoint", "region", "style", "profile", "anonymous", "part_size", "replace", "yes"]
    options += [] if args.lab else ["connections"]  # a stream of the hub is one connection
    return next(
        (f"--{name.replace('_', '-')}" for name in options if name not in known and getattr(args, name, None)), ""
    )


def target(console: Console, text: str) -> Path:
    """The folder of --to, absolute. Raises `UsageError`."""
    if not text:
        raise UsageError(console.words.say("cli.usage.value-missing", name="--to"))
    if has_scheme(text):
        raise UsageError(console.words.say("cli.get.no-folder", text=shown(text)))
    must_not_be_a_device(text)
    folder = os.path.abspath(os.path.expanduser(text))  # a shell leaves the "~" of --to=~/data alone
    check_text([folder], console.words)  # the folder that we are in may have such a name
    return Path(folder)


def receive(session: Session, request: Request, lab: LabWish | None = None) -> Exit:
    """Carries out `request`; what `lab` has comes from there.

    Raises `ProblemError` and `UsageError` where nothing could be begun.
    """
    lists = file_lists(session, lab)

    def find(engine: LocalEngine) -> Found:
        if not request.dry_run and lab is None:
            key_state(engine)  # before anything else is asked: without a key the rest is in vain
        listed = lists(engine, request.key, request.package)
        if unknown := unknown_keys(listed.files, request.file_keys):
            return Found([], [Refusal(key, Problem(Code.UNKNOWN_FILE)) for key in unknown])
        files = chosen(listed.files, request.file_keys, request.include, request.exclude)
        if not files:
            raise UsageError(session.console.words.say("cli.get.no-match"))
        if not request.dry_run and need_key(files):
            key_state(engine)
        return Found([Batch(listed.dataset, files, in_order=bool(request.file_keys))])

    return carry_out(session, request, find)
