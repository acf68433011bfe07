"""`aihub get`: files of one dataset, onto disk and verified."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.cli.arguments import UsageError, check_text
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.listing import records, table, total
from aihub_desktop.cli.progress import display
from aihub_desktop.cli.selection import chosen, unknown_keys
from aihub_desktop.cli.session import Session, key_state, placed, snapshot
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
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.states import FILE_ENDED, FileState
from aihub_desktop.engine.serve import LocalEngine

_MANIFEST: Final = f"{OWN_FOLDER}/manifest-sha256.txt"
Teller = Callable[[str], None]

_PAGE: Final = 1000
_REMIND_SECONDS: Final = 60.0  # between two messages of the same kind about trying again


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for."""

    key: str
    folder: Path
    package: bool = False
    file_keys: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parallel: int | None = None
    patience: float = 600.0
    dry_run: bool = False
    json: bool = False


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
            parallel=args.parallel, patience=args.patience, dry_run=args.dry_run, json=args.json,
        ),
    )  # fmt: skip


def fetch(session: Session, request: Request) -> Exit:
    """Carries out `request`. Raises `ProblemError` and `UsageError` where nothing could be begun."""
    run = _Run(session, request)
    try:
        return run.carry_out()
    except KeyboardInterrupt:
        session.console.say("cli.interrupted")
        run.say_how_to_go_on()
        return Exit.INTERRUPTED
    finally:
        run.say_end()


class _Run:
    """One `get` from its list of files to its last line."""

    def __init__(self, session: Session, request: Request) -> None:
        self._session = session
        self._console: Console = session.console
        self._request = request
        self._began = time.monotonic()
        self._tally: Tally | None = None

    def carry_out(self) -> Exit:
        engine = self._session.engine(self._request.patience)
        try:
            with engine as running:
                ended = self._work(running, snapshot(running))
        finally:
            # What the streams made durable while they were stopped counts too.
            while self._tally is not None and (event := running.get(0)) is not None:
                self._tally.see(event)
        return ended if self._tally is None else self._verdict(self._tally)

    def _work(self, engine: LocalEngine, first: Snapshot) -> Exit:
        """Everything that needs the engine. The exit code counts where no download was begun."""
        request = self._request
        if request.parallel is not None:
            engine.ask(Configure(engine.number(), {"parallel": request.parallel}, for_run=True), object)
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
        self._tally = self._add(engine, listed.dataset, files)
        self._tally.see(first)
        self._follow(engine, self._tally)
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
        self._warn_of_space(space)
        return exit_of(Code.NO_ROOM) if space.need_low > space.usable else Exit.DONE

    def _warn_of_space(self, space: DiskSpace) -> None:
        words, need = self._console.words, SizeRange(space.need_low, space.need_high, "")
        if need.high > space.usable:
            self._console.note("cli.get.too-little-space", size=words.size_range(need), free=words.size(space.usable))

    def _add(self, engine: LocalEngine, dataset: Dataset, files: list[RemoteFile]) -> Tally:
        words, request = self._console.words, self._request
        self._console.say(
            "cli.get.plan", title=dataset.title or dataset.key, n=len(files), size=words.size_range(total(files)),
            folder=str(request.folder),
        )  # fmt: skip
        with contextlib.suppress(ProblemError):  # of a missing volume the engine tells in its own time
            self._warn_of_space(engine.ask(Space(engine.number(), str(request.folder), files), DiskSpace))
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
        reminded: dict[Code, float] = {}
        with display(self._console) as shown:
            while not tally.over:
                # In short waits: on Windows, Ctrl-C is not heard while one lasts.
                if (event := engine.get(0.2)) is not None:
                    tally.see(event)
                for row in tally.newly_ended():
                    self._tell_ended(row, shown.tell)
                if (waiting := tally.waiting) is not None:
                    tally.waiting = None
                    now = time.monotonic()
                    if now - reminded.get(waiting.code, -_REMIND_SECONDS) >= _REMIND_SECONDS:
                        reminded[waiting.code] = now
                        title = self._console.words.problem(waiting).title
                        shown.tell(self._console.words.say("cli.get.waiting", title=title))
                shown.show(tally)

    # ---- what is said ----

    def _tell_ended(self, row: FileRow, tell: Teller) -> None:
        path = row.place or row.file.path
        if row.state is not FileState.DONE:
            title = (
                self._console.words.problem(row.problem).title if row.problem else self._console.words.state(row.state)
            )
            tell(self._console.words.say("cli.get.failed-file", path=path, title=title))
        if self._request.json:
            self._console.record(
                event="file", file_key=row.file.key, path=path, state=row.state, bytes=row.bytes, sha256=row.sha256
            )

    def _verdict(self, tally: Tally) -> Exit:
        for row in tally.newly_ended():
            self._tell_ended(row, self._console.tell)
        self._tell_reasons(tally)
        self._tell_sum(tally)
        exits = [exit_of(row.problem.code) if row.problem else Exit.FAILED for row in tally.lost]
        if tally.problem is not None:
            exits.append(exit_of(tally.problem.code))
        elif not exits and len(tally.done) < tally.wanted:
            exits.append(Exit.FAILED)
        return worst(exits)

    def _tell_reasons(self, tally: Tally) -> None:
        """What to do about each kind of failure, once."""
        if tally.problem is not None:
            self._console.problem(placed(tally.problem, self._request.key, self._request.package))
        counts = Counter(row.problem.code for row in tally.lost if row.problem)
        for code, count in counts.items():
            told = self._console.words.problem(Problem(code))
            self._console.say("cli.get.reason", title=told.title, n=count)
            self._console.tell(told.advice)

    def _tell_sum(self, tally: Tally) -> None:
        words, done, lost = self._console.words, tally.done, tally.lost
        spent = words.duration(time.monotonic() - self._began)
        size = words.size(sum(row.bytes for row in done))
        tell = self._console.tell if self._request.json else self._console.data
        if len(done) == tally.wanted:
            tell(words.say("cli.get.done", n=len(done), bytes=size, duration=spent))
        else:
            tell(
                words.say(
                    "cli.get.partly", n=len(done), wanted=tally.wanted, failed=len(lost) or "", bytes=size,
                    duration=spent,
                )
            )  # fmt: skip
            self.say_how_to_go_on()
        if done:
            tell(words.say("cli.get.manifest", path=str(self._request.folder / _MANIFEST)))

    def say_how_to_go_on(self) -> None:
        if self._tally is not None and self._tally.bytes:
            self._console.say("cli.get.go-on")

    def say_end(self) -> None:
        """The last line of JSON, however the run went. A rehearsal ends with its plan."""
        if not self._request.json or self._request.dry_run:
            return
        done = self._tally.done if self._tally else []
        self._console.record(
            event="end",
            done=len(done),
            failed=len(self._tally.lost) if self._tally else 0,
            bytes=sum(row.bytes for row in done),
            received=self._tally.received if self._tally else 0,
            seconds=round(time.monotonic() - self._began, 3),
        )


def _rows(engine: LocalEngine, transfer: int) -> list[FileRow]:
    rows: list[FileRow] = []
    while True:
        page = engine.ask(Rows(engine.number(), transfer, len(rows), _PAGE), FileRows)
        rows.extend(page.rows)
        if not page.rows or len(rows) >= page.total:
            return rows
