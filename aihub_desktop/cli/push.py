"""`aihub push`: a library's verified files, put into object storage and proved there."""

from __future__ import annotations

import argparse
from pathlib import Path

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.get import target
from aihub_desktop.cli.pushing import Follower, Way, must_stay_here, way
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.verify import must_have_manifest
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.selection import meant_by
from aihub_desktop.engine.pushing.front import USUAL_PART, abandon, strangers
from aihub_desktop.engine.pushing.shelf import Shelf, wanted


def push(session: Session, args: argparse.Namespace) -> Exit:
    """Raises `ProblemError` and `UsageError` where nothing could be begun."""
    words = session.console.words
    aborts = args.abort or args.abort_all
    if len(args.places) != (1 if aborts else 2):
        raise UsageError(words.say("push.usage-abort" if aborts else "push.usage"))
    with way(session, args, args.places[-1]) as found:
        if aborts:
            return _abort(session, args, found)
        return _push(session, args, target(session.console, args.places[0]), found)


def _push(session: Session, args: argparse.Namespace, folder: Path, found: Way) -> Exit:
    console = session.console
    must_have_manifest(console, folder)
    entries = wanted(folder, meant_by(args.include, args.exclude), args.dataset)
    if not entries:
        raise UsageError(console.words.say("push.no-match", path=str(folder)))
    is_of_hub = any(entry.source in (HUB, "") for entry in entries)
    if not args.dry_run:
        must_stay_here(console, found.depot, yes=args.yes, is_of_hub=is_of_hub)
    follower = Follower(console, found, json=args.json, rehearses=args.dry_run)
    shelf = Shelf(
        found.depot, found.record, folder, entries, follower.hear, replace=args.replace,
        part_bytes=args.part_size or USUAL_PART,
    )  # fmt: skip
    return follower.follow(shelf.rehearse if args.dry_run else shelf.run, shelf.progress, found.depot.stop)


def _abort(session: Session, args: argparse.Namespace, found: Way) -> Exit:
    """Ends uploads that were begun and never completed; objects are left alone."""
    console = session.console
    found.depot.land()
    others = strangers(found.depot, found.record)
    for one in others:
        console.say("push.stranger", name=one.key, since=one.since)
    everything = args.abort_all and bool(others)
    if everything and not args.yes:
        if console.can_ask:
            console.say("push.abort-question", n=len(others))
        if not console.agrees():
            raise UsageError(console.words.say("push.abort-unasked"))
    ours = abandon(found.depot, found.record, others if everything else ())
    left = 0 if everything else len(others)
    if args.json:
        gone = [*((one.key, one.upload, True) for one in ours)]
        gone += [(one.key, one.upload, False) for one in others] if everything else []
        for key, upload, is_ours in gone:
            console.record(event="aborted", key=key, upload=upload, ours=is_ours)
        console.record(event="end", aborted=len(gone), left=left)
    console.say("push.aborted", n=len(ours) + (len(others) if everything else 0), left=left, address=str(found.address))
    return Exit.DONE
