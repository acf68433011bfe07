"""One run that receives files, from what is to be found to its last line: one or several transfers, one verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aihub_desktop.cli import lab
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.listing import records, table, total, total_text
from aihub_desktop.cli.progress import display
from aihub_desktop.cli.report import Refusal, Report
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.session import Session, snapshot
from aihub_desktop.cli.tally import Tally
from aihub_desktop.cli.unpack import archives, unpack_all
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import Add, Added, Cancel, Configure, DiskSpace, FileRow, FileRows, Rows, Space
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.states import FILE_ENDED
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.system import room
from aihub_desktop.system.room import Verdict

_PAGE: Final = 1000


class Batch(NamedTuple):
    """Files of one dataset, bucket or list: what becomes one transfer. `in_order`: they were named in this order;
    `there`: keys of those that need not come.
    """

    dataset: Dataset
    files: list[RemoteFile]
    in_order: bool = False
    there: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """What the wishes of a person came to, and those that came to nothing."""

    batches: Sequence[Batch]
    refused: Sequence[Refusal] = ()

    @property
    def files(self) -> list[RemoteFile]:
        return [file for batch in self.batches for file in batch.files]


Find = Callable[[LocalEngine], Found]
Watch = Callable[[Tally], None]


def carry_out(session: Session, order: Order, find: Find, watch: Watch = lambda tally: None) -> Exit:
    """Receives what `find` finds; `watch` gets the counts of what was begun, which go on to its end.

    Raises `ProblemError` and `UsageError` where nothing could be begun.
    """
    return to_its_end(Run(session, order, find, watch))


def to_its_end(run: Run) -> Exit:
    """Raises as `carry_out`."""
    try:
        return run.carry_out()
    except KeyboardInterrupt:
        run.console.say("cli.interrupted")
        run.report.say_how_to_go_on(run.tally)
        return Exit.INTERRUPTED
    finally:
        run.report.say_end(run.tally)


class Run:
    """By the engine of this run; another way to receive has its own `_begin` and `_follow`."""

    def __init__(self, session: Session, order: Order, find: Find, watch: Watch) -> None:
        self.report = Report(session.console, order)
        self.tally: Tally | None = None
        self._session = session
        self.console: Console = session.console
        self._order = order
        self._find = find
        self._watch = watch
        self._settings = Settings()

    def carry_out(self) -> Exit:
        engine = self._session.engine(self._order.patience)
        try:
            with engine as running:
                ended = self._heeding(running)
        finally:
            # What the streams made durable while they were stopped counts too.
            while self.tally is not None and (event := running.get(0)) is not None:
                self.tally.see(event)
        if self.tally is None:
            return ended
        verdict = self.report.verdict(self.tally)
        return worst([verdict, self._unpack(self.tally)]) if self._order.unpack else verdict

    def _unpack(self, tally: Tally) -> Exit:
        """What came and is whole, whatever became of the rest."""
        order = self._order
        wish = UnpackWish(str(order.folder), archives(row.place for row in tally.done), keep=not order.delete_archive)
        return unpack_all(self.console, [wish], json=order.json)

    def _heeding(self, engine: LocalEngine) -> Exit:
        try:
            return self._work(engine)
        except KeyboardInterrupt:
            # Saving can take seconds on a slow disk; who sees nothing presses again.
            if self.tally is not None:
                self.console.say("cli.stopping")
            raise

    def _work(self, engine: LocalEngine) -> Exit:
        """Everything that needs the engine. The exit code counts where no download was begun."""
        first = snapshot(engine)
        self._settings = first.settings
        if changes := self._order.changes():
            engine.ask(Configure(engine.number(), changes, for_run=True), object)
            self._settings = changed(self._settings, changes)
        found = self._find(engine)
        self.report.tell_refused(found.refused)
        if self._order.dry_run or not found.batches:
            ended = self._rehearse(engine, found) if found.batches else Exit.DONE
            return worst([ended, self.report.verdict_of_refused()])
        self._say_plan(engine, found)
        tally = self._begin(engine, found)
        tally.see(first)
        self.tally = tally
        self._watch(tally)
        self._follow(engine, tally)
        return Exit.DONE

    def _rehearse(self, engine: LocalEngine, found: Found) -> Exit:
        console, files = self.console, found.files
        space = engine.ask(Space(engine.number(), str(self._order.folder), files), DiskSpace)
        if self._order.json:
            size, unknown = total(files)
            records(console, files)
            console.record(
                event="plan",
                files=len(files),
                size_min=size.low,
                size_max=size.high,
                **({"size_unknown": unknown} if unknown else {}),
                free=space.free,
                usable=space.usable,
                need_min=space.need_low,
                need_max=space.need_high,
            )
        else:
            for batch in found.batches:
                if len(found.batches) > 1:
                    console.data(batch.dataset.title or batch.dataset.key)
                table(console, batch.files)
            for line in lab.lines(console.words, files):
                console.data(line)
            console.data(console.words.say("cli.get.space", free=console.words.size(space.free)))
        return exit_of(Code.NO_ROOM) if self._warn_of_space(space, files).fails else Exit.DONE

    def _warn_of_space(self, space: DiskSpace, files: list[RemoteFile]) -> Verdict:
        need = SizeRange(space.need_low, space.need_high, "")
        found = room.verdict(self.console.words, space, need, room.too_large(space, files))
        if found.warns:
            self.console.say("cli.note", text=found.text)
        return found

    def _say_plan(self, engine: LocalEngine, found: Found) -> None:
        words, folder, files = self.console.words, str(self._order.folder), found.files
        for batch in found.batches:
            self.console.say(
                "cli.get.plan", title=batch.dataset.title or batch.dataset.key, n=len(batch.files),
                size=total_text(words, total(batch.files)), folder=folder,
            )  # fmt: skip
        for line in lab.lines(words, files):
            self.console.tell(line)
        with contextlib.suppress(ProblemError):  # of a missing volume the engine tells in its own time
            self._warn_of_space(engine.ask(Space(engine.number(), folder, files), DiskSpace), files)

    def _begin(self, engine: LocalEngine, found: Found) -> Tally:
        tally, folder = Tally(), str(self._order.folder)
        for batch in found.batches:
            wish = Add(engine.number(), batch.dataset, batch.files, folder, in_order=batch.in_order)
            added = engine.ask(wish, Added)
            tally.add(added.transfer, batch.files)
            rows = _rows(engine, added.transfer)
            others = [row for row in rows if not tally.asked_for(row) and row.file.key not in batch.there]
            self._set_aside(engine, batch, others)
            tally.see_files(rows)
        return tally

    def _set_aside(self, engine: LocalEngine, batch: Batch, others: Iterable[FileRow]) -> None:
        """What was wished for the same folder before, and is not now, must not come along."""
        ids = [row.id for row in others if row.state not in FILE_ENDED]
        if not ids:
            return
        engine.ask(Cancel(engine.number(), transfers=[], files=ids), object)
        key = "cli.get.set-aside" if batch.dataset.source == HUB else "cli.fetch.set-aside"
        self.console.say("cli.note", text=self.console.words.say(key, n=len(ids)))

    def _follow(self, engine: LocalEngine, tally: Tally) -> None:
        with display(self.console) as shown:
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
