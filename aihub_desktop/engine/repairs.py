"""Broken files are made ready to be fetched again, for every face: where each comes from, which may be replaced, what
of them is good still. Then they are downloads like any other.

    Repair of a folder of the library ─┐            marked in the log, good pieces saved
    Prepare, of what a look just found ┴─ Prepared ─────────────────────────────────────→ Add … settled in the end
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.findings import BROKEN
from aihub_desktop.domain.holdings import Misfit, Summary
from aihub_desktop.domain.model import WEB, Dataset, RemoteFile
from aihub_desktop.domain.states import TRANSFER_ENDED
from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine import inventory
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.records import Book
from aihub_desktop.holdings import repair
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.store.holdings import Held
from aihub_desktop.store.queue import QueueStore

Reply = Callable[[Any, Problem | None], None]
Run = Callable[[str, Callable[[], Any], Reply], None]
_Pairs = list[tuple[Seen, RemoteFile]]


@dataclass(slots=True, eq=False)
class _Mending:
    """One folder on its way to `Prepared`."""

    folder: str
    rehearse: bool
    reply: Reply
    groups: list[tuple[tuple[str, bool], list[Seen]]] = field(default_factory=list)  # of the hub, not listed yet
    of_places: _Pairs = field(default_factory=list)
    of_hub: _Pairs = field(default_factory=list)
    batches: list[m.FileList] = field(default_factory=list)
    refused: list[m.Unmended] = field(default_factory=list)

    def refuse(self, ones: Iterable[tuple[Seen, Problem]]) -> None:
        self.refused += [m.Unmended(one.path, problem) for one, problem in ones]


class Repairs:
    """Lives on the engine's loop. `run` does a job that blocks in the lane of a folder; `add` obeys `Add`."""

    def __init__(
        self, store: QueueStore, book: Book, copies: Copies, run: Run, add: Callable[[m.Add], int | None]
    ) -> None:  # fmt: skip
        self._store, self._book, self._copies = store, book, copies
        self._run, self._add = run, add
        self._unsettled: dict[str, repair.Entries] = {}  # by folder: entries of what comes again

    def begin(self, held: Held, reply: Reply) -> None:
        """Replies with `Repaired`; BAD_COMMAND where nothing is damaged, else why nothing of it can be had."""
        misfits = [one for one in held.verdict.misfits if one.finding in BROKEN] if held.verdict else []
        if not misfits:
            raise ProblemError(Code.BAD_COMMAND, what="nothing-to-repair")

        def then(found: m.Prepared | None, problem: Problem | None) -> None:
            if found is None or not found.batches:
                first = found.refused[0].problem if found and found.refused else None
                reply(None, problem or first or Problem(Code.BAD_COMMAND, {"what": "nothing-to-repair"}))
            else:
                self._fetch(held.folder, found, reply)

        self._prepare(_Mending(held.folder, False, then), misfits, held.summary)

    def prepare(self, command: m.Prepare, reply: Reply) -> None:
        self._prepare(_Mending(command.folder, command.rehearse, reply), command.misfits, None)

    def expect(self, folder: str, seen: Iterable[Seen]) -> None:
        """These come again by a download that somebody else adds."""
        self._unsettled[folder] = {**self._unsettled.get(folder, {}), **repair.entries(seen)}

    def transfers(self, rows: Iterable[m.TransferRow]) -> None:
        """Rows that changed: where nothing more comes into a folder, what came is compared with what was."""
        for folder in {row.folder for row in rows if row.state in TRANSFER_ENDED} & set(self._unsettled):
            transfers = self._book.transfers.values()
            if all(one.state in TRANSFER_ENDED for one in transfers if one.folder == folder):
                before = self._unsettled.pop(folder)
                self._run(folder, partial(repair.settle, Path(folder), before), lambda *_: None)

    # ---- inside ----

    def _prepare(self, mending: _Mending, misfits: Sequence[Misfit], known: Summary | None) -> None:
        def seen(found: list[Seen] | None, problem: Problem | None) -> None:
            if found is None:
                mending.reply(None, problem)
            else:
                self._sort(mending, found)
                self._list(mending)

        self._run(mending.folder, partial(inventory.broken, mending.folder, known, misfits), seen)

    def _sort(self, mending: _Mending, seen: list[Seen]) -> None:
        """Files of web addresses and storages are as they were asked for, signatures and checksums among it."""
        wanted = repair.wanted(seen)
        mending.refuse(wanted.lost)
        mending.groups = list(wanted.hub.items())
        asked = {row.place: row for row in self._store.files_at(mending.folder, [one.path for one in seen])}
        for (source, key), pairs in wanted.places.items():
            batches: dict[Dataset, list[RemoteFile]] = defaultdict(list)
            for one, told in pairs:
                row = asked.get(one.path)
                transfer = None if row is None else self._book.transfers.get(row.transfer)
                same = row is not None and (row.file.source, row.file.key) == (told.source, told.key)
                file = row.file if row is not None and same else told
                dataset = transfer.dataset if transfer is not None and same else _dataset(source, key)
                batches[dataset].append(file)
                mending.of_places.append((one, file))
            mending.batches += [m.FileList(dataset, files, "", 0.0) for dataset, files in batches.items()]

    def _list(self, mending: _Mending) -> None:
        """The hub's files as it lists them now, one dataset after the other."""
        if not mending.groups:
            self._make_ready(mending)
            return
        (key, package), ones = mending.groups.pop()

        def listed(answer: m.FileList | m.DatasetList | m.Outlines | None, problem: Problem | None) -> None:
            if isinstance(answer, m.FileList):
                found, gone = repair.listed(ones, answer.files)
                mending.refuse(gone)
                mending.of_hub += found
                if found:
                    files = [file for _, file in found]
                    mending.batches.append(msgspec.structs.replace(answer, files=files, notice=""))
            else:
                about = {} if package else {"dataset": key}
                why = problem or Problem(Code.UNREACHABLE)
                why = Problem(why.code, {**about, **why.facts})
                mending.refuse((one, why) for one in ones)
            self._list(mending)

        self._copies.handle(m.ListFiles(0, key, package, refresh=True), listed)

    def _make_ready(self, mending: _Mending) -> None:
        def ready(saved: int | None, problem: Problem | None) -> None:
            if saved is None:
                mending.reply(None, problem)
            else:
                mending.reply(m.Prepared(mending.batches, mending.refused, saved), None)

        pairs = [*mending.of_hub, *mending.of_places]
        if mending.rehearse or not pairs:
            ready(0, None)
            return
        job = partial(repair.make_ready, Path(mending.folder), pairs, mending.of_places)
        self._unsettled[mending.folder] = repair.entries(one for one, _ in pairs)
        self._run(mending.folder, job, ready)

    def _fetch(self, folder: str, found: m.Prepared, reply: Reply) -> None:
        try:
            numbers = [self._add(m.Add(0, one.dataset, one.files, folder)) for one in found.batches]
        except ProblemError as error:
            reply(None, error.problem)
            return
        reason = found.refused[0].problem if found.refused else None
        reply(m.Repaired(numbers[0] or 0, len(found.refused), found.saved, reason), None)


def _dataset(source: str, key: str) -> Dataset:
    """Of files that nobody remembers to have asked for, such as those of another machine."""
    return Dataset(source, key, "" if source == WEB else f"s3://{split_container(key)[1]}/")
