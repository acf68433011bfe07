"""`aihub get KEY --to s3://…`: from the hub straight into object storage, where no disk is large enough."""

from __future__ import annotations

import argparse

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.listing import total, total_text
from aihub_desktop.cli.pushing import Follower, Way, must_stay_here, way
from aihub_desktop.cli.report import Refusal, Report
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import FileList
from aihub_desktop.domain.selection import chosen, unknown_keys
from aihub_desktop.engine.pushing.front import USUAL_PART, key_at_hand, recall
from aihub_desktop.engine.pushing.through import Passage, Through


def get_to_storage(session: Session, args: argparse.Namespace) -> Exit:
    """Raises `ProblemError` and `UsageError` where nothing could be begun."""
    words = session.console.words
    for name, given in _for_folders(args):
        if given:
            raise UsageError(words.say("cli.get.not-for-storage", name=name))
    key = key_at_hand(session.hub)  # before anything else is asked: without it the rest is in vain
    listed = _listed(session, args)
    files = chosen(listed.files, args.file_keys, args.include, args.exclude)
    refused = [Refusal(one, Problem(Code.UNKNOWN_FILE)) for one in unknown_keys(listed.files, args.file_keys)]
    if refused:
        return _refused(session, args, refused)
    if not files:
        raise UsageError(words.say("cli.get.no-match"))
    with way(session, args, args.to) as found:
        passage = Passage(session.hub, listed.dataset, files, key, recall(session.home, session.hub))
        return _pass(session, args, passage, found)


def _for_folders(args: argparse.Namespace) -> list[tuple[str, object]]:
    """Options that mean nothing where an object storage is the target."""
    return [
        *(("--unpack", args.unpack), ("--delete-archive", args.delete_archive)),
        *(("--from", args.lab), ("--only-from", args.only_from), ("--token-file", args.token_file)),
    ]


def _listed(session: Session, args: argparse.Namespace) -> FileList:
    with session.engine() as engine:
        return session.file_list(engine, args.key, args.package)


def _refused(session: Session, args: argparse.Namespace, refused: list[Refusal]) -> Exit:
    report = Report(session.console, Request(key=args.key, folder=session.home, json=args.json))
    report.tell_refused(refused)
    return report.verdict_of_refused()


def _pass(session: Session, args: argparse.Namespace, passage: Passage, found: Way) -> Exit:
    console = session.console
    if not args.dry_run:
        must_stay_here(console, found.depot, yes=args.yes, is_of_hub=True)
        size = total_text(console.words, total(list(passage.files)))
        title = passage.dataset.title or passage.dataset.key
        console.say("cli.get.plan", title=title, n=len(passage.files), size=size, folder=str(found.address))
    follower = Follower(console, found, json=args.json, rehearses=args.dry_run)
    through = Through(
        found.depot, found.record, passage, follower.hear, replace=args.replace,
        part_bytes=args.part_size or USUAL_PART,
    )  # fmt: skip
    return follower.follow(through.rehearse if args.dry_run else through.run, through.progress, through.stop)
