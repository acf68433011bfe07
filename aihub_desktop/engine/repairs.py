"""What a verification found damaged is asked for again, and is a download like any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile
from aihub_desktop.engine import inventory
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.records import Book
from aihub_desktop.store.holdings import Held
from aihub_desktop.store.queue import QueueStore
from aihub_desktop.transport.ledger import Entry

Reply = Callable[[Any, Problem | None], None]
Run = Callable[[str, Callable[[], Any], Reply], None]
_Wishes = dict[Dataset, dict[str, RemoteFile]]  # by dataset and place


class Repairs:
    """Lives on the engine's loop. `run` does a job that blocks in the lane of a folder; `add` obeys `Add`."""

    def __init__(
        self, store: QueueStore, book: Book, copies: Copies, run: Run, add: Callable[[m.Add], int | None]
    ) -> None:  # fmt: skip
        self._store, self._book, self._copies = store, book, copies
        self._run, self._add = run, add

    def begin(self, held: Held, reply: Reply) -> None:
        """Replies with `Added`; BAD_COMMAND where nothing is damaged, or nobody knows where it came from.

        Everything is known before the first file is touched.
        """

        def listed(answer: m.FileList | m.DatasetList | m.Outlines | None, _: Problem | None) -> None:
            tree = answer.files if isinstance(answer, m.FileList) else []
            self._run(held.folder, partial(inventory.damaged, held), partial(self._found, held, tree, reply))

        dataset = held.summary.dataset if held.summary else None
        if dataset is not None and dataset.source == HUB:
            self._copies.handle(m.ListFiles(0, dataset.key, dataset.package), listed)
        else:
            listed(None, None)

    def _found(
        self, held: Held, tree: list[RemoteFile], reply: Reply, entries: list[Entry] | None, problem: Problem | None
    ) -> None:  # fmt: skip
        wishes = {} if entries is None else self._wishes(held, entries, tree)
        if not wishes:
            reply(None, problem or Problem(Code.BAD_COMMAND, {"what": "nothing-to-repair"}))
            return
        places = {place for files in wishes.values() for place in files}
        known = [entry for entry in entries or [] if entry.place in places]
        self._run(held.folder, partial(inventory.make_way, held, known), partial(self._ask, held, wishes, reply))

    def _ask(self, held: Held, wishes: _Wishes, reply: Reply, _: None, problem: Problem | None) -> None:
        if problem is not None:
            reply(None, problem)
            return
        orders = [m.Add(0, dataset, list(files.values()), held.folder) for dataset, files in wishes.items()]
        try:
            numbers = [self._add(order) for order in orders]
        except ProblemError as error:
            reply(None, error.problem)
            return
        reply(m.Added(numbers[0] or 0), None)

    def _wishes(self, held: Held, entries: list[Entry], tree: list[RemoteFile]) -> _Wishes:
        """As the tree has the files now, else as they were asked for before."""
        asked = {row.place: row for row in self._store.files_at(held.folder, [entry.place for entry in entries])}
        by_key, by_path = {file.key: file for file in tree}, {file.path: file for file in tree}
        wishes: _Wishes = defaultdict(dict)
        for entry in entries:
            row = asked.get(entry.place)
            file = by_key.get(entry.key) or by_path.get(entry.path)
            if entry.source == HUB and file is not None and held.summary is not None:
                wishes[held.summary.dataset][entry.place] = file
            elif row is not None and row.transfer in self._book.transfers:
                wishes[self._book.transfers[row.transfer].dataset][entry.place] = row.file
        return wishes
