"""One round of `aihub sync`: a folder is brought to what a batch says.

listed by hub and places ─ weighed against the disk ─→ fetched what lacks ─→ unpacked what is new ─→ deleted what
                                                       nobody wishes any more, if that was asked for
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aihub_desktop.cli.batches import Listing, listed, with_key
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.lab import LabWish, file_lists
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.run import Batch, Found, carry_out
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.tally import Tally
from aihub_desktop.cli.unpack import archives, unpack_all
from aihub_desktop.domain.batchfile import BatchFile
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import Depth
from aihub_desktop.domain.messages import Discarded
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings import once, renewal
from aihub_desktop.holdings.balance import Balance, balance, make_ready, proved, settle
from aihub_desktop.holdings.discard import prune
from aihub_desktop.holdings.staging import Staging
from aihub_desktop.holdings.turn import Turn
from aihub_desktop.system.words import Fact

_LINE_SECONDS: Final = 10.0
# After another failure nothing is deleted; where the disk is full it may be just that what helps.
_MAY_DELETE: Final = (Exit.DONE, Exit.DISK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder(Order):
    """How a round is gone about. `yes`: nobody is asked before something is deleted; `lab`: a machine that is
    asked before the hub; `dask`: the scheduler of the cluster whose workers receive.
    """

    deep: bool = False
    delete: bool = False
    yes: bool = False
    lab: LabWish | None = None
    dask: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of a round: counts of files, and what went wrong. Times in seconds since 1970."""

    name: str
    folder: str
    began: float = field(default_factory=time.time)
    ended: float = 0.0
    exit: Exit = Exit.DONE
    wished: int = 0
    right: int = 0  # before anything was fetched
    broken: int = 0
    older: int = 0  # released anew since
    lacking: int = 0
    surplus: int = 0
    deleted: Discarded | None = None
    unpacked: int = 0
    refused: list[Refusal] = field(default_factory=list)
    tally: Tally | None = None
    title: str = ""  # of what kept the round from being one

    @property
    def came(self) -> int:
        return len(self.tally.done) if self.tally is not None else 0

    @property
    def bytes(self) -> int:
        return sum(row.bytes for row in self.tally.done) if self.tally is not None else 0


class Round:
    """Carries out one round; `outcome` tells of it, also where it ended early."""

    def __init__(self, session: Session, order: SyncOrder, batch: BatchFile, outcome: Outcome) -> None:
        self._session, self._console = session, session.console
        self._order, self._batch = order, batch
        self.outcome = outcome
        self._files: list[RemoteFile] = []
        self._listing = Listing()
        self._found = Balance()

    def run(self) -> Exit:
        """Raises `ProblemError` and `UsageError` where nothing could be begun, SYNC_BUSY among them."""
        with contextlib.nullcontext() if self._order.dry_run else Turn(self._order.folder):
            exits = [self._fetch()]
            if Exit.INTERRUPTED in exits:
                return Exit.INTERRUPTED
            exits += [exit_of(problem.code) for problem in self._listing.stale]
            if self._batch.unpack and not self._order.dry_run:
                exits.append(self._unpack())
            exits.append(self._prune(worst(exits)))
        return worst(exits)

    # ---- fetching ----

    def _fetch(self) -> Exit:
        try:
            if self._order.dask and not self._order.dry_run:
                # What it brings along is slow to load, and optional.
                from aihub_desktop.cli.spread import spread_out  # noqa: PLC0415

                return spread_out(self._session, self._order, self._find, self._watch)
            return carry_out(self._session, self._order, self._find, self._watch)
        finally:
            if not self._order.dry_run:
                settle(self._order.folder, self._found)

    def _watch(self, tally: Tally) -> None:
        self.outcome.tally = tally

    def _find(self, engine: LocalEngine) -> Found:
        order = self._order
        self._listing = listing = listed(self._session, engine, self._batch, file_lists(self._session, order.lab))
        self._files = [file for one in listing.batches for file in one.files]
        if not order.dry_run:
            self._bring_home()
        depth = Depth.DEEP if order.deep else Depth.QUICK
        self._found = found = balance(
            order.folder,
            self._files,
            listing.scopes,
            depth=depth,
            remember=not order.dry_run,
            progress=self._progress(),
        )
        self._count(found)
        batches, refused = _lacking(listing.batches, found), list(listing.refused)
        if not order.dry_run:
            # On a cluster each worker has a key of its own.
            batches, without_key = (batches, []) if order.dask else with_key(engine, batches)
            refused += without_key
            if batches and (saved := make_ready(order.folder, found)):
                self._console.note("cli.repair.saved", size=self._console.words.size(saved))
        self.outcome.refused = refused
        if listing.stale:
            self.outcome.title = self._console.words.problem(listing.stale[0]).title
        return Found(batches, refused)

    def _bring_home(self) -> None:
        """What workers of a cluster had received when a run before ended."""
        home = Staging(self._order.folder).bring_all(lambda: self._console.say("cli.sync.dask.waiting"))
        if home.entries:
            size = self._console.words.size(sum(one.size or 0 for one in home.entries))
            self._console.note("cli.sync.dask.home", n=len(home.entries), size=size)

    def _progress(self) -> Callable[[int], None]:
        due = time.monotonic() + _LINE_SECONDS

        def progress(read: int) -> None:
            nonlocal due
            if read and time.monotonic() >= due:
                due = time.monotonic() + _LINE_SECONDS
                self._console.say("cli.sync.reading", bytes=self._console.words.size(read))

        return progress

    def _count(self, found: Balance) -> None:
        outcome, console = self.outcome, self._console
        outcome.wished, outcome.right = len(self._files), len(found.right)
        outcome.broken, outcome.older = len(found.broken), len(found.older)
        outcome.lacking, outcome.surplus = len(found.lacking), len(found.surplus)
        for one, _ in found.broken:
            console.say(f"cli.verify.{one.finding}", path=one.path)
            if self._order.json:
                console.record(event="finding", path=one.path, finding=one.finding)
        if not outcome.lacking:
            if self._files:
                console.say("cli.sync.in-step", n=outcome.wished)
            return
        console.say(
            "cli.sync.lacking", n=outcome.wished, right=outcome.right, lacking=outcome.lacking,
            broken=outcome.broken or "", older=outcome.older or "",
        )  # fmt: skip

    # ---- what comes after ----

    def _unpack(self) -> Exit:
        """What is whole and was not unpacked yet, whatever became of the rest."""
        folder, batch = self._order.folder, self._batch
        whole = proved(folder, self._files)
        known = once.done(folder)
        found = once.archives(whole, archives(entry.place for entry in whole))
        new = {one.place: one for one in found if batch.delete_archives or one not in known}
        if not new:
            return Exit.DONE
        ended: list[once.Archive] = []
        exits = [self._clear(place) for place in new]
        wish = UnpackWish(str(folder), list(new), keep=not batch.delete_archives)
        try:
            exits.append(
                unpack_all(
                    self._console, [wish], json=self._order.json, complete=lambda place: ended.append(new[place])
                )
            )
        finally:
            self.outcome.unpacked = len(ended)
            once.remember(folder, ended)
        return worst(exits)

    def _clear(self, place: str) -> Exit:
        """Of an older release of the archive; what cannot be cleared is told again by the unpacking itself."""
        try:
            if count := renewal.clear(self._order.folder, place):
                self._console.note("cli.sync.cleared", path=place, n=count)
        except ProblemError as error:
            return exit_of(error.problem.code)
        return Exit.DONE

    def _prune(self, so_far: Exit) -> Exit:
        surplus, console = self._found.surplus, self._console
        if not surplus:
            return Exit.DONE
        size = console.words.size(sum(entry.size or 0 for entry in surplus))
        facts: dict[str, Fact] = {"n": len(surplus), "size": size}
        if self._order.json:
            console.records([{"event": "surplus", "path": entry.place, "bytes": entry.size} for entry in surplus])
        if not self._order.delete or self._order.dry_run:
            console.note("cli.sync.would-delete" if self._order.delete else "cli.sync.surplus", **facts)
            return Exit.DONE
        if so_far not in _MAY_DELETE:
            console.note("cli.sync.not-deleted", **facts)
            return Exit.DONE
        if not self._order.yes:
            console.say("cli.sync.question", **facts)
            if not console.agrees():
                return Exit.DONE
        self.outcome.deleted = gone = prune(self._order.folder, [entry.place for entry in surplus])
        console.say("cli.sync.deleted", n=gone.files, size=console.words.size(gone.bytes), kept=gone.kept or "")
        return Exit.FAILED if gone.kept else Exit.DONE


def _lacking(batches: Sequence[Batch], found: Balance) -> list[Batch]:
    """Of each batch what has to come."""
    wanted = {id(file) for file in found.lacking}
    lacking = []
    for one in batches:
        files = [file for file in one.files if id(file) in wanted]
        there = frozenset(file.key for file in one.files if id(file) not in wanted)
        lacking += [Batch(one.dataset, files, there=there)] if files else []
    return lacking
