"""The library: the folders that hold what was downloaded, and the tasks that are at work on them.

    Record ──→ a folder enters     transfer over ──→ it is looked at, and unpacked where that was wished
    ListHoldings ──→ rows at once, as they are remembered ──→ LibraryChanged, as the folders are

What the store keeps is a cache: whatever is lost there is read from the folder again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import msgspec

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.holdings import HoldingRow, Summary, Verdict
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.domain.tasks import TaskKind, TaskState
from aihub_desktop.engine import inventory
from aihub_desktop.engine.adoptions import Adoptions
from aihub_desktop.engine.comparisons import Comparisons
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.deeds import Record
from aihub_desktop.engine.errands import Errands
from aihub_desktop.engine.inventory import Inventory, Tree
from aihub_desktop.engine.outbox import Outbox
from aihub_desktop.engine.pool import Pool
from aihub_desktop.engine.preparing import Preparing, absolute
from aihub_desktop.engine.records import Book
from aihub_desktop.engine.repairs import Repairs
from aihub_desktop.engine.tasks import Outcome, Tasks
from aihub_desktop.engine.unpackings import Unpackings
from aihub_desktop.store.holdings import Held
from aihub_desktop.store.queue import QueueStore

# While files come one after another a look at each would read the whole ledger again and again.
_LOOK_SECONDS: Final = 30.0
_TREE_SECONDS: Final = 86_400.0

Reply = Callable[[Any, Problem | None], None]
OfLibrary = (
    m.ListHoldings | m.AddHolding | m.RemoveHolding | m.Restore | m.Discard | m.HoldingFiles | m.Repair | m.Begin
    | m.Stop | m.ListLeftOut | m.Recognise | m.Finds | m.Prepare | m.Compare
)  # fmt: skip


class Library:
    """Lives on the engine's loop. `add` does what the command `Add` does, and says the number of the transfer.

    `is_quiet`: folders are noted as they come, and looked at only when somebody asks.
    """

    def __init__(
        self, store: QueueStore, book: Book, *, errands: Errands, pool: Pool, outbox: Outbox, copies: Copies,
        add: Callable[[m.Add], int | None], is_quiet: bool,
    ) -> None:  # fmt: skip
        self._store, self._book, self._errands = store, book, errands
        self._outbox, self._copies, self._add = outbox, copies, add
        self._is_quiet = is_quiet
        self._tasks = Tasks(pool, outbox.tasks, self._task_ended)
        self.hear = self._tasks.hear  # what a worker says of a task
        self.is_at_work = self._tasks.is_at_work
        self._preparing = Preparing(self._tasks, copies, self._run, self._summary_of, self._must_rest)
        self._adoptions = Adoptions(self._tasks, book, copies, self._run, add=add, notice=outbox.notice)
        self.must_leave_alone = self._adoptions.must_leave_alone
        self._unpackings = Unpackings(store, book, self._preparing)
        self._repairs = Repairs(store, book, copies, self._run, add)
        self._comparisons = Comparisons(self._run, self._must_rest, self._repairs.expect)
        self._shown = inventory.Shown()
        self._held = {held.id: held for held in store.holdings.all()}
        self._problems: dict[int, Problem] = {}  # of the last look at each
        self._looked: dict[int, float] = {}  # when that was; steady clock
        self._asked: set[str] = set()  # trees that were asked for of themselves, in this run
        self._removed: dict[int, Held] = {}  # taken off the list in this run

    def starts(self) -> None:
        """The engine has begun: what was still to be unpacked goes on."""
        if not self._is_quiet:
            self.transfers([transfer.row() for transfer in self._book.transfers.values() if transfer.unpack])

    # ---- what a face asks ----

    def handle(self, command: OfLibrary, reply: Reply) -> None:
        """Answers through `reply`, on the loop. Raises `ProblemError`: BAD_COMMAND, AT_WORK, the store's."""
        match command:
            case m.ListHoldings(fresh=fresh):
                self._list(reply, fresh=fresh)
            case m.Stop(task=task):
                self._tasks.stop(task)
                reply(None, None)
            case m.Finds(task=task):
                reply(m.FoundFiles(self._tasks.finds(task)), None)
            case m.ListLeftOut(task=task, offset=offset, limit=limit):
                reply(self._tasks.left_out(task, offset, limit), None)
            case m.Begin():
                self._preparing.obey(command, reply)
            case m.Restore(holding=number):
                reply(self._restore(number), None)
            case m.AddHolding() | m.Recognise() | m.Prepare() | m.Compare():
                self._handle_folder(command, absolute(command.folder), reply)
            case _:
                self._handle_one(command, self._known(command.holding), reply)

    def _handle_folder(
        self, command: m.AddHolding | m.Recognise | m.Prepare | m.Compare, folder: str, reply: Reply
    ) -> None:
        """Of folders that need not be on the list."""
        match command:
            case m.AddHolding():
                self._take_in(folder, reply)
            case m.Recognise():
                self._adoptions.recognise(folder, reply)
            case m.Compare():
                self._comparisons.begin(folder, command, reply)
            case m.Prepare():
                # What an earlier run of the command line left in the queue does not move.
                if not self._is_quiet:
                    self._must_rest(folder)
                self._repairs.prepare(command, reply)

    def _list(self, reply: Reply, *, fresh: bool) -> None:
        waiting = set(self._held)

        def answer(seen: int = 0) -> None:
            waiting.discard(seen)
            if not (fresh and waiting):
                reply(m.Library([self._row(held) for held in self._held.values()], self._tasks.rows()), None)

        for held in list(self._held.values()):
            self._look(held, seen=answer if fresh else None)
        if not fresh or not waiting:
            answer()

    def _handle_one(
        self, command: m.RemoveHolding | m.Discard | m.HoldingFiles | m.Repair, held: Held, reply: Reply
    ) -> None:
        match command:
            case m.RemoveHolding():
                self._remove(held.id)
                reply(None, None)
            case m.Discard():
                self._discard(held, reply)
            case m.HoldingFiles(offset=offset, limit=limit, damaged=damaged):
                job = partial(self._shown.page, held, offset, limit, damaged=damaged)
                self._run(held.folder, job, lambda page, problem: reply(page and m.HeldFiles(*page), problem))
            case m.Repair():
                self._must_rest(held.folder)
                self._repairs.begin(held, reply)

    def _known(self, number: int) -> Held:
        if number not in self._held:
            raise ProblemError(Code.BAD_COMMAND, what="no-holding", holding=number)
        return self._held[number]

    def _run(self, folder: str, job: Callable[[], Any], then: Reply) -> None:
        # Not behind the looks of downloads, which may take minutes.
        self._errands.run_apart(f"library {folder}", job, then)

    # ---- folders ----

    def _take_in(self, folder: str, reply: Reply) -> None:
        def then(found: Inventory | None, problem: Problem | None) -> None:
            if found is None:
                reply(None, problem)
                return
            held = self._enter(folder)
            self._seen(held.id, found, None)
            reply(self._row(self._held[held.id]), None)

        self._run(folder, partial(inventory.take_stock, folder, None, None), then)

    def _enter(self, folder: str) -> Held:
        for held in self._held.values():
            if held.folder == folder:
                return held
        now = time.time()
        held = Held(self._store.holdings.enter(folder, now), folder, now)
        self._held[held.id] = held
        return held

    def _remove(self, number: int) -> None:
        self._store.holdings.remove(number)
        self._problems.pop(number, None)
        if (held := self._held.pop(number, None)) is not None:
            self._removed[number] = held
            self._outbox.library([], [number])

    def _restore(self, number: int) -> HoldingRow:
        """Under a new number: none is given twice."""
        if number not in self._removed:
            raise ProblemError(Code.BAD_COMMAND, what="no-holding", holding=number)
        old = self._removed.pop(number)
        held = self._enter(old.folder)
        self._keep(msgspec.structs.replace(held, summary=old.summary, verdict=old.verdict))
        self._look(self._held[held.id])
        return self._row(self._held[held.id])

    def _discard(self, held: Held, reply: Reply) -> None:
        self._must_rest(held.folder)

        def then(done: m.Discarded | None, problem: Problem | None) -> None:
            if done is not None:
                self._remove(held.id)
            reply(done, problem)

        self._run(held.folder, partial(inventory.throw_away, held.folder, held.summary), then)

    def _must_rest(self, folder: str) -> None:
        """Raises AT_WORK while anybody else may write there."""
        transfers = self._book.transfers.values()
        at_work = any(one.folder == folder and one.state not in TRANSFER_ENDED for one in transfers)
        if at_work or self._tasks.is_at_work(folder):
            raise ProblemError(Code.AT_WORK, path=folder)

    # ---- looking ----

    def _look(self, held: Held, *, again: bool = True, seen: Callable[[int], None] | None = None) -> None:
        """`again`: with the tree of the dataset, which may turn out only by this look. `seen` hears of its end."""
        self._looked[held.id] = time.monotonic()
        tree = self._tree(held)

        def then(found: Inventory | None, problem: Problem | None) -> None:
            self._seen(held.id, found, problem)
            now = self._held.get(held.id)
            if again and now is not None and tree is None and self._tree(now) is not None:
                self._look(now, again=False, seen=seen)
            elif seen is not None:
                seen(held.id)

        self._run(held.folder, partial(inventory.take_stock, held.folder, held.summary, tree), then)

    def _seen(self, number: int, found: Inventory | None, problem: Problem | None) -> None:
        held = self._held.get(number)
        if held is None:
            return
        before = self._row(held)
        self._problems.pop(number, None)
        if problem is not None:
            self._problems[number] = problem
        if found is not None:
            asked = (one.dataset for one in self._book.transfers.values() if one.folder == held.folder)
            before_that = (held.summary.dataset,) if held.summary else ()
            dataset = inventory.named(found.summary.dataset, asked, before_that, self._copies.known_datasets())
            self._keep(msgspec.structs.replace(held, summary=msgspec.structs.replace(found.summary, dataset=dataset)))
        if (now := self._row(self._held[number])) != before:
            self._outbox.library([now], [])
        self._ask_tree(self._held[number])

    def _keep(self, held: Held) -> None:
        if self._held[held.id] != held:
            self._held[held.id] = held
            self._store.holdings.keep(held)

    def _row(self, held: Held) -> HoldingRow:
        return inventory.row_of(held, self._problems.get(held.id))

    def _tree(self, held: Held) -> Tree | None:
        name = inventory.copy_of(held)
        kept = self._store.kept(name) if name else None
        return None if kept is None else Tree(*kept)

    # ---- what happens elsewhere in the engine ----

    def recorded(self, records: Iterable[Record]) -> None:
        """Files have come into the ledgers of these folders."""
        places: dict[str, set[str]] = defaultdict(set)
        for record in records:
            places[record.folder].add(record.file.place)
        for folder, new in places.items():
            held = self._enter(folder)
            if held.verdict is not None and held.verdict.misfits:
                self._keep(held := msgspec.structs.replace(held, verdict=_mended(held.verdict, new)))
            if not self._is_quiet and time.monotonic() - self._looked.get(held.id, 0.0) > _LOOK_SECONDS:
                self._look(held)

    def transfers(self, rows: Iterable[m.TransferRow]) -> None:
        """Rows of transfers that changed."""
        rows = list(rows)
        self._repairs.transfers(rows)
        for row in rows:
            if row.state not in (TransferState.DONE, TransferState.FAILED) or not row.done:
                continue
            if not self._is_quiet:
                for held in [held for held in self._held.values() if held.folder == row.folder]:
                    self._look(held)
            if row.unpack:
                self._unpackings.begin(row)

    def after(self, command: m.ListDatasets | m.ListFiles | m.ListOutlines, reply: Reply) -> Reply:
        """`reply`, and then a look: a tree that was fetched may tell that the dataset was released anew."""

        def both(value: Any, problem: Problem | None) -> None:
            reply(value, problem)
            for held in list(self._held.values()) if isinstance(value, m.FileList) else []:
                known = held.summary
                if known is not None and known.dataset == msgspec.structs.replace(
                    value.dataset, title=known.dataset.title
                ) and known.tree_at != value.asked_at:  # fmt: skip
                    self._look(held)

        return both

    def _ask_tree(self, held: Held) -> None:
        """Once a day the hub is asked whether it lists these files still."""
        name = inventory.copy_of(held)
        kept = self._store.kept(name) if name else None
        is_new = kept is not None and time.time() - kept[1] < _TREE_SECONDS
        if self._is_quiet or not name or name in self._asked or is_new or held.summary is None:
            return
        self._asked.add(name)
        wish = m.ListFiles(0, held.summary.dataset.key, held.summary.dataset.package, refresh=True)
        self._copies.handle(wish, self.after(wish, lambda *_: None))

    # ---- tasks ----

    def _summary_of(self, folder: str) -> Summary | None:
        return next((held.summary for held in self._held.values() if held.folder == folder), None)

    def _task_ended(self, outcome: Outcome) -> None:
        self._unpackings.task_ended(outcome.row.id)
        if self._adoptions.left_a_ledger(outcome):
            self._enter(outcome.row.folder)
        self._adoptions.fetch_rest(outcome)
        held = next((one for one in self._held.values() if one.folder == outcome.row.folder), None)
        if held is None:
            return
        if outcome.verdict is not None:
            before = self._row(held)
            self._keep(msgspec.structs.replace(held, verdict=outcome.verdict))
            if (now := self._row(self._held[held.id])) != before:
                self._outbox.library([now], [])
        if outcome.row.state is not TaskState.STOPPED or outcome.row.kind is TaskKind.ADOPT:
            self._look(self._held[held.id])


def _mended(verdict: Verdict, places: set[str]) -> Verdict:
    """The verdict without files that came anew since."""
    counts = dict(verdict.counts)
    for misfit in verdict.misfits:
        if misfit.place in places:
            counts[misfit.finding] -= 1
    left = [misfit for misfit in verdict.misfits if misfit.place not in places]
    return msgspec.structs.replace(verdict, counts=counts, misfits=left)
