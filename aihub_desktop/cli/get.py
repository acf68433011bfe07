"""`aihub get`: files of one dataset, onto disk and verified."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import Final

from aihub_desktop.cli.arguments import UsageError, check_text
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of
from aihub_desktop.cli.listing import records, table, total
from aihub_desktop.cli.progress import display
from aihub_desktop.cli.report import Report
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.selection import chosen, unknown_keys
from aihub_desktop.cli.session import Session, key_state, snapshot
from aihub_desktop.cli.tally import Tally
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import (
    Add,
    Added,
    Cancel,
    Configure,
    DiskSpace,
    FileRow,
    FileRows,
    Rows,
    Snapshot,
    Space,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.states import FILE_ENDED
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.system import room
from aihub_desktop.system.room import Verdict

_PAGE: Final = 1000


def get(session: Session, args: argparse.Namespace) -> Exit:
    if not args.to:
        raise UsageError(session.console.words.say("cli.usage.value-missing", name="--to"))
    folder = os.path.abspath(os.path.expanduser(args.to))  # a shell leaves the "~" of --to=~/data alone
    check_text([folder], session.console.words)  # the folder that we are in may have such a name
    return fetch(
        session,
        Request(
            key=args.key, folder=Path(folder), package=args.package,
            file_keys=tuple(args.file_keys), include=tuple(args.include), exclude=tuple(args.exclude),
            parallel=args.parallel, limit=args.limit, hours=args.hours, patience=args.patience,
            dry_run=args.dry_run, json=args.json,
        ),
    )  # fmt: skip


def fetch(session: Session, request: Request) -> Exit:
    """Carries out `request`. Raises `ProblemError` and `UsageError` where nothing could be begun."""
    run = _Run(session, request)
    try:
        return run.carry_out()
    except KeyboardInterrupt:
        session.console.say("cli.interrupted")
        run.report.say_how_to_go_on(run.tally)
        return Exit.INTERRUPTED
    finally:
        run.report.say_end(run.tally)


class _Run:
    """One `get` from its list of files to its last line."""

    def __init__(self, session: Session, request: Request) -> None:
        self.report = Report(session.console, request)
        self.tally: Tally | None = None
        self._session = session
        self._console: Console = session.console
        self._request = request

    def carry_out(self) -> Exit:
        engine = self._session.engine(self._request.patience)
        try:
            with engine as running:
                ended = self._heeding(running)
        finally:
            # What the streams made durable while they were stopped counts too.
            while self.tally is not None and (event := running.get(0)) is not None:
                self.tally.see(event)
        return ended if self.tally is None else self.report.verdict(self.tally)

    def _heeding(self, engine: LocalEngine) -> Exit:
        try:
            return self._work(engine, snapshot(engine))
        except KeyboardInterrupt:
            # Saving can take seconds on a slow disk; who sees nothing presses again.
            if self.tally is not None:
                self._console.say("cli.stopping")
            raise

    def _work(self, engine: LocalEngine, first: Snapshot) -> Exit:
        """Everything that needs the engine. The exit code counts where no download was begun."""
        request = self._request
        if changes := request.changes():
            engine.ask(Configure(engine.number(), changes, for_run=True), object)
        if not request.dry_run:
            key_state(engine)  # before anything else is asked: without a key the rest is in vain
        listed = self._session.file_list(engine, request.key, request.package)
        unknown = unknown_keys(listed.files, request.file_keys)
        for key in unknown:
            self._console.problem(Problem(Code.UNKNOWN_FILE, {"file_key": key}))
        if unknown:
            return exit_of(Code.UNKNOWN_FILE)
        files = chosen(listed.files, request.file_keys, request.include, request.exclude)
        if not files:
            raise UsageError(self._console.words.say("cli.get.no-match"))
        if request.dry_run:
            return self._rehearse(engine, files)
        self.tally = self._add(engine, listed.dataset, files)
        self.tally.see(first)
        self._follow(engine, self.tally)
        return Exit.DONE

    def _rehearse(self, engine: LocalEngine, files: list[RemoteFile]) -> Exit:
        size = total(files)
        space = engine.ask(Space(engine.number(), str(self._request.folder), files), DiskSpace)
        if self._request.json:
            records(self._console, files)
            self._console.record(
                event="plan",
                files=len(files),
                size_min=size.low,
                size_max=size.high,
                free=space.free,
                usable=space.usable,
                need_min=space.need_low,
                need_max=space.need_high,
            )
        else:
            table(self._console, files)
            self._console.data(self._console.words.say("cli.get.space", free=self._console.words.size(space.free)))
        return exit_of(Code.NO_ROOM) if self._warn_of_space(space, files).fails else Exit.DONE

    def _warn_of_space(self, space: DiskSpace, files: list[RemoteFile]) -> Verdict:
        need = SizeRange(space.need_low, space.need_high, "")
        found = room.verdict(self._console.words, space, need, room.too_large(space, files))
        if found.warns:
            self._console.say("cli.note", text=found.text)
        return found

    def _add(self, engine: LocalEngine, dataset: Dataset, files: list[RemoteFile]) -> Tally:
        words, request = self._console.words, self._request
        self._console.say(
            "cli.get.plan", title=dataset.title or dataset.key, n=len(files), size=words.size_range(total(files)),
            folder=str(request.folder),
        )  # fmt: skip
        with contextlib.suppress(ProblemError):  # of a missing volume the engine tells in its own time
            self._warn_of_space(engine.ask(Space(engine.number(), str(request.folder), files), DiskSpace), files)
        added = engine.ask(Add(engine.number(), dataset, files, str(request.folder)), Added)
        tally = Tally(added.transfer, files)
        rows = _rows(engine, added.transfer)
        others = [row.id for row in rows if not tally.asked_for(row) and row.state not in FILE_ENDED]
        if others:
            engine.ask(Cancel(engine.number(), transfers=[], files=others), object)
            self._console.note("cli.get.set-aside", n=len(others))
        tally.see_files(rows)
        return tally

    def _follow(self, engine: LocalEngine, tally: Tally) -> None:
        with display(self._console) as shown:
            while not tally.over:
                # In short waits: on Windows, Ctrl-C is not heard while one lasts.
                if (event := engine.get(0.2)) is not None:
                    tally.see(event)
                self.report.tell_news(tally, shown.tell)
                shown.show(tally)


def _rows(engine: LocalEngine, transfer: int) -> list[FileRow]:
    rows: list[FileRow] = []
    while True:
        page = engine.ask(Rows(engine.number(), transfer, len(rows), _PAGE), FileRows)
        rows.extend(page.rows)
        if not page.rows or len(rows) >= page.total:
            return rows
