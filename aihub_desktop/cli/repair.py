"""`aihub repair`: what is missing or broken comes again; all else stays as it is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aihub_desktop.cli.endpoint import Choice, endpoint_in_use
from aihub_desktop.cli.exits import Exit, worst
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.run import Batch, Found, carry_out
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.cli.verify import must_have_manifest, proofread
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.findings import BROKEN, HARMLESS, Depth, Finding
from aihub_desktop.domain.model import S3, WEB, Dataset, RemoteFile
from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings import repair as holdings
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.verify import Report

_YES: Final = ("y", "yes", "예", "네", "ㅇ", "ㅛ")


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
        if not (self._console.watched and sys.stdin is not None and sys.stdin.isatty()):
            return False
        self._console.say("cli.repair.question", n=changed)
        return sys.stdin.readline().strip().casefold() in _YES

    def _settle(self, before: holdings.Entries) -> None:
        with suppress(ProblemError):  # of a folder that is away, the run itself has told
            outcome = holdings.settle(self._request.folder, before)
            if outcome.other:
                self._console.note("cli.repair.other-bytes", n=len(outcome.other))

    # ---- where it comes from ----

    def _found(self, engine: LocalEngine, chosen: Sequence[Seen]) -> Found:
        wanted = holdings.wanted(chosen)
        refused = list(wanted.lost)
        batches: list[Batch] = []
        fetched: list[Seen] = []
        if wanted.hub and not self._request.dry_run:
            key_state(engine)
        for (dataset, package), ones in wanted.hub.items():
            batch, pairs, gone = self._of_dataset(engine, dataset, package, ones)
            batches += batch
            refused += gone
            fetched += pairs
        for (source, dataset), known in wanted.places.items():
            self._introduce(engine, source, dataset)
            batches.append(Batch(Dataset(source, dataset, _title(source, dataset)), [file for _, file in known]))
            fetched += [one for one, _ in known]
        if not self._request.dry_run:
            holdings.mark(self._request.folder, fetched)
            self._save([pair for known in wanted.places.values() for pair in known])
        return Found(batches, [Refusal(one.path, problem) for one, problem in refused])

    def _save(self, pairs: Sequence[tuple[Seen, RemoteFile]]) -> None:
        if saved := holdings.save(self._request.folder, pairs):
            self._console.note("cli.repair.saved", size=self._console.words.size(saved))

    def _of_dataset(
        self, engine: LocalEngine, dataset: str, package: bool, ones: Sequence[Seen]
    ) -> tuple[list[Batch], list[Seen], list[tuple[Seen, Problem]]]:
        """What can be had of it, or why nothing can: the files of other datasets are not held up by that."""
        try:
            listing = self._session.file_list(engine, dataset, package)
        except ProblemError as error:
            return [], [], [(one, error.problem) for one in ones]
        found, gone = holdings.listed(ones, listing.files)
        files = [file for _, file in found]
        return ([Batch(listing.dataset, files)] if files else []), [one for one, _ in found], gone

    def _introduce(self, engine: LocalEngine, source: str, dataset: str) -> None:
        if source == S3:
            choice = replace(self._request.storage, endpoint=split_container(dataset)[0])
            endpoint_in_use(engine, self._console.words, choice)


def _title(source: str, dataset: str) -> str:
    return "" if source == WEB else f"s3://{split_container(dataset)[1]}/"
