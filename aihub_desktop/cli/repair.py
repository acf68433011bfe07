"""`aihub repair`: what is missing or broken comes again; all else stays as it is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aihub_desktop.cli.endpoint import Choice, endpoint_in_use
from aihub_desktop.cli.exits import Exit, worst
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.run import Batch, Found, carry_out
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.cli.verify import must_have_manifest, proofread
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import BROKEN, HARMLESS, Depth, Finding
from aihub_desktop.domain.holdings import Misfit
from aihub_desktop.domain.messages import Prepare, Prepared
from aihub_desktop.domain.model import HUB, S3
from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings import repair as holdings
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.verify import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request(Order):
    storage: Choice
    yes: bool


def repair(session: Session, args: argparse.Namespace) -> Exit:
    """Looks, then fetches what is broken. Raises `ProblemError` and `UsageError` where nothing could be begun."""
    console = session.console
    request = _Request(
        folder=Path(os.path.abspath(args.folder)), storage=_choice(args), yes=args.yes,
        parallel=args.parallel, connections=args.connections, limit=args.limit, hours=args.hours,
        patience=args.patience, dry_run=args.dry_run, json=args.json,
    )  # fmt: skip
    must_have_manifest(console, request.folder)
    inventory = _Inventory(session, request)
    report = proofread(request.folder, inventory.hear, depth=Depth.QUICK if args.quick else Depth.DEEP)
    return inventory.mend(report)


def _choice(args: argparse.Namespace) -> Choice:
    return Choice(None, args.region, args.style, args.profile, args.anonymous)


class _Inventory:
    """What was found broken, and what becomes of it."""

    def __init__(self, session: Session, request: _Request) -> None:
        self._session = session
        self._console = session.console
        self._request = request
        self._broken: list[Seen] = []

    def hear(self, seen: Sequence[Seen]) -> None:
        for one in seen:
            if one.finding not in HARMLESS:
                self._hear_harm(one)

    def _hear_harm(self, seen: Seen) -> None:
        if seen.finding in BROKEN:
            self._broken.append(seen)
        if self._request.json:
            self._console.record(event="finding", path=seen.path, finding=seen.finding)
        elif seen.finding is not Finding.UNPROVED:
            self._console.tell(self._console.words.say(f"cli.verify.{seen.finding}", path=seen.path))

    def mend(self, report: Report) -> Exit:
        """FAILED where something was left as it is."""
        counts = report.counts
        exits = [Exit.FAILED] if counts[Finding.UNSAFE] or counts[Finding.SKIPPED] else []
        if counts[Finding.UNPROVED]:
            exits.append(Exit.FAILED)
            self._console.note("cli.repair.unproved", n=counts[Finding.UNPROVED])
        chosen = self._chosen()
        if len(chosen) < len(self._broken):
            exits.append(Exit.FAILED)
            self._console.note("cli.repair.left", n=len(self._broken) - len(chosen))
        if not chosen:
            self._say_nothing()
            return worst(exits)
        before = holdings.entries(chosen)
        try:
            exits.append(carry_out(self._session, self._request, lambda engine: self._found(engine, chosen)))
        finally:
            if not self._request.dry_run:
                self._settle(before)
        if Exit.INTERRUPTED in exits:
            return Exit.INTERRUPTED
        return worst(exits)

    def _say_nothing(self) -> None:
        if self._request.json:
            nothing = dict.fromkeys(("done", "failed", "bytes", "received", "again"), 0)
            self._console.record(event="end", **nothing, again_because=[], seconds=0.0)
        else:
            self._console.data(self._console.words.say("cli.repair.nothing"))

    def _chosen(self) -> list[Seen]:
        """All that is missing or cannot be read, and what has changed where a person agrees: it may be his own work."""
        changed = sum(one.finding is Finding.CHANGED for one in self._broken)
        if not changed or self._request.dry_run or self._request.yes or self._agrees(changed):
            return self._broken
        return [one for one in self._broken if one.finding is not Finding.CHANGED]

    def _agrees(self, changed: int) -> bool:
        if not self._console.can_ask:
            return False
        self._console.say("cli.repair.question", n=changed)
        return self._console.agrees()

    def _settle(self, before: holdings.Entries) -> None:
        with suppress(ProblemError):  # of a folder that is away, the run itself has told
            outcome = holdings.settle(self._request.folder, before)
            if outcome.other:
                self._console.note("cli.repair.other-bytes", n=len(outcome.other))

    # ---- where it comes from ----

    def _found(self, engine: LocalEngine, chosen: Sequence[Seen]) -> Found:
        entries = [one.entry for one in chosen if one.entry is not None]
        if not self._request.dry_run and any(entry.source == HUB and entry.key for entry in entries):
            key_state(engine)
        for bucket in sorted({entry.dataset for entry in entries if entry.source == S3}):
            choice = replace(self._request.storage, endpoint=split_container(bucket)[0])
            endpoint_in_use(engine, self._console.words, choice)
        wish = Prepare(
            engine.number(), str(self._request.folder), [_misfit(one) for one in chosen], self._request.dry_run
        )  # fmt: skip
        # What is good of large files is copied meanwhile, which takes as long as it takes.
        prepared = engine.ask(wish, Prepared, float("inf"))
        for listing in prepared.batches:
            self._session.say_age(listing)
        if prepared.saved:
            self._console.note("cli.repair.saved", size=self._console.words.size(prepared.saved))
        refused = [Refusal(one.place, one.problem) for one in prepared.refused]
        return Found([Batch(listing.dataset, listing.files) for listing in prepared.batches], refused)


def _misfit(one: Seen) -> Misfit:
    return Misfit(one.path, one.finding, *((one.stamp.size, one.stamp.modified) if one.stamp else ()))
