"""`aihub sync`: brings a folder to what a batch says, from any state, once or every so often."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from aihub_desktop.cli import summary
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.batches import read_batch
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.get import only_for_storage, target
from aihub_desktop.cli.lab import LabWish
from aihub_desktop.cli.logged import LoggedConsole
from aihub_desktop.cli.rounds import Outcome, Round, SyncOrder
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.addresses import is_object
from aihub_desktop.domain.batchfile import BatchFile
from aihub_desktop.domain.faults import Code, ProblemError

# A machine that slept meanwhile has to notice that the time has come: its steady clock stood still.
_LONGEST_WAIT: Final = 600.0


def sync(session: Session, args: argparse.Namespace) -> Exit:
    """One round, or with --every one after the other until it is interrupted."""
    console = session.console
    if args.delete and not (args.yes or args.dry_run) and (args.every or not console.can_ask):
        raise UsageError(console.words.say("cli.sync.delete-needs-yes"))
    summary_file = _file(args.summary)
    if summary_file is not None and not summary_file.parent.is_dir():
        raise UsageError(console.words.say("cli.sync.no-place", path=args.summary))
    _check_target(console, args)
    if args.dask:
        _check_cluster(console, args)
    with _logged(session, args) as logged:
        return _Keeper(logged, args, summary_file).keep()


def _check_target(console: Console, args: argparse.Namespace) -> None:
    """Raises `UsageError` for options that mean nothing there."""
    if not is_object(args.to):
        if named := only_for_storage(args, known=("connections", "yes")):
            raise UsageError(console.words.say("cli.get.only-for-storage", name=named))
        return
    if not args.dask:
        raise UsageError(console.words.say("cli.sync.storage-needs-dask"))
    for name in ("delete", "deep"):
        if getattr(args, name):
            raise UsageError(console.words.say("cli.get.not-for-storage", name=f"--{name}"))


def _check_cluster(console: Console, args: argparse.Namespace) -> None:
    """What is known before anybody is asked. Raises `UsageError`, `ProblemError` NO_DASK."""
    if args.lab is not None:
        raise UsageError(console.words.say("cli.usage.not-both", name="--from", other="--dask"))
    if importlib.util.find_spec("distributed") is None:
        raise ProblemError(Code.NO_DASK)


@contextlib.contextmanager
def _logged(session: Session, args: argparse.Namespace) -> Iterator[Session]:
    if (path := _file(args.log)) is None:
        yield session
        return
    console = LoggedConsole(session.console.words, path, args.log_size, args.log_keep)
    try:
        yield replace(session, console=console)
    finally:
        console.close()


def _file(text: str | None) -> Path | None:
    return Path(os.path.abspath(os.path.expanduser(text))) if text else None


class _Keeper:
    """Rounds of one command."""

    def __init__(self, session: Session, args: argparse.Namespace, summary_file: Path | None) -> None:
        self._session, self._args, self._summary = session, args, summary_file
        self._console: Console = session.console

    def keep(self) -> Exit:
        every: int | None = self._args.every
        first = True
        while True:
            outcome, usage = self._round()
            # What is wrong with the words of the command or of its file will not mend itself before it has begun.
            again = every is not None and outcome.exit is not Exit.INTERRUPTED and not (first and usage)
            until = max(outcome.began + every, time.time()) if again and every else None
            ended = self._end(outcome, until)
            if until is None or every is None:
                return ended
            first = False
            try:
                _wait(until, every)
            except KeyboardInterrupt:
                self._console.say("cli.interrupted")
                return Exit.INTERRUPTED

    def _round(self) -> tuple[Outcome, bool]:
        """Its outcome, and whether it was not understood what is to be done. Never raises but for bugs."""
        outcome, usage = Outcome(self._args.file, self._args.to), False
        try:
            batch = read_batch(self._console, self._args.file)
            order = self._order(batch)
            outcome.name = batch.name or Path(self._args.file).name
            outcome.folder = order.address or str(order.folder)
            outcome.exit = self._carry_out(order, batch, outcome)
        except UsageError as error:
            self._console.say("cli.error", title=error.text)
            outcome.title, outcome.exit, usage = error.text, Exit.USAGE, True
        except ProblemError as error:
            self._console.problem(error.problem)
            outcome.title = self._console.words.problem(error.problem).title
            outcome.exit = exit_of(error.problem.code)
            usage = outcome.exit is Exit.USAGE
        except KeyboardInterrupt:
            self._console.say("cli.interrupted")
            outcome.exit = Exit.INTERRUPTED
        outcome.ended = time.time()
        return outcome, usage

    def _carry_out(self, order: SyncOrder, batch: BatchFile, outcome: Outcome) -> Exit:
        if not order.address:
            return Round(self._session, order, batch, outcome).run()
        from aihub_desktop.cli.crossing import Crossing  # noqa: PLC0415 - brings Dask along

        return Crossing(self._session, self._args, order, batch, outcome).run()

    def _order(self, batch: BatchFile) -> SyncOrder:
        """Raises `UsageError` where no folder is named."""
        args, console = self._args, self._console
        to = args.to
        if not to and batch.to:
            # So that a batch on a drive can mean a folder beside itself, and a timer needs no working directory.
            beside = os.path.dirname(os.path.abspath(os.path.expanduser(args.file)))
            to = os.path.join(beside, os.path.expanduser(batch.to))
        if not to:
            raise UsageError(console.words.say("cli.sync.no-folder"))
        address = to if is_object(to) else ""
        return SyncOrder(
            folder=self._session.home if address else target(console, to), address=address,
            deep=args.deep, delete=args.delete, yes=args.yes,
            lab=LabWish.of(console.words, args),
            parallel=args.parallel, connections=args.connections, limit=args.limit, hours=args.hours,
            patience=args.patience, dry_run=args.dry_run, json=args.json, dask=args.dask or "",
        )  # fmt: skip

    def _end(self, outcome: Outcome, until: float | None) -> Exit:
        """The last words of a round. DISK where its summary could not be written."""
        if self._args.json:
            self._console.record(**summary.record(outcome, until))
        elif until is not None:
            self._console.say("cli.sync.next", at=self._console.words.moment(until))
        if self._summary is None or self._args.dry_run:
            return outcome.exit
        try:
            summary.write(self._summary, summary.text(self._console.words, outcome, until))
        except ProblemError as error:
            self._console.problem(error.problem)
            return outcome.exit if outcome.exit is Exit.INTERRUPTED else worst([outcome.exit, Exit.DISK])
        return outcome.exit


def _wait(until: float, longest: float) -> None:
    """`longest` seconds at most, though the clock be put back meanwhile. Raises `KeyboardInterrupt` at once where the
    program is told to end.
    """
    latest = time.monotonic() + longest
    while (left := min(until - time.time(), latest - time.monotonic())) > 0:
        time.sleep(min(left, _LONGEST_WAIT))
