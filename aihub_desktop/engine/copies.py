"""The hub's lists and trees: asked for when wanted, kept, and shown from the copy where the hub is away."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from aihub_desktop.domain.contents import folder_names
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.marks import Outline
from aihub_desktop.domain.messages import DatasetList, FileList, ListDatasets, ListFiles, ListOutlines, Outlines
from aihub_desktop.domain.model import HUB, Dataset, SizeRange
from aihub_desktop.engine.errands import Errands
from aihub_desktop.sources.place import Listing, Source
from aihub_desktop.store.queue import QueueStore

_log = logging.getLogger(__name__)

Reply = Callable[[DatasetList | FileList | Outlines | None, Problem | None], None]
DATASETS: Final = "datasets"  # the name that the copy of the list is kept under
_KINDS: Final = {"tree": False, "package": True}  # of copies of trees, and whether they are those of packages


class _Leaf(msgspec.Struct, gc=False):
    path: str
    size: SizeRange


class _Tree(msgspec.Struct):
    """Of a `FileList` what an outline needs: two thirds of its text are passed over."""

    files: list[_Leaf]


class Copies:
    """Lives on the engine's loop."""

    def __init__(self, store: QueueStore, source: Source, errands: Errands) -> None:
        self._store = store
        self._source = source
        self._errands = errands

    def handle(self, command: ListDatasets | ListFiles | ListOutlines, reply: Reply) -> None:
        """Answers from the copy at once, unless there is none or a fresh one is asked for."""
        match command:
            case ListDatasets():
                self._datasets(command, reply)
            case ListFiles():
                self._files(command, reply)
            case ListOutlines():
                copies = self._store.copies([f"{kind}/" for kind in _KINDS])
                self._errands.run(lambda: Outlines(_outlines(copies)), reply)

    def _datasets(self, command: ListDatasets, reply: Reply) -> None:
        kept = self._kept(DATASETS, DatasetList)
        if kept is not None and not command.refresh:
            reply(kept, None)
            return

        def then(value: list[Dataset] | None, problem: Problem | None) -> None:
            if value is None:
                reply(kept and msgspec.structs.replace(kept, problem=problem), None if kept else problem)
                return
            self._keep(DATASETS, fresh := DatasetList(value, time.time()))
            reply(fresh, None)

        self._errands.run(self._source.datasets, then)

    def _files(self, command: ListFiles, reply: Reply) -> None:
        name = tree_name(command.dataset, command.package)
        kept = self._kept(name, FileList)
        if kept is not None and not command.refresh:
            reply(kept, None)
            return
        dataset = self._dataset(command)

        def then(value: Listing | None, problem: Problem | None) -> None:
            if value is None:
                # What the hub no longer has is not shown from the copy as if it could be had.
                gone = problem is not None and problem.code in (Code.UNKNOWN_DATASET, Code.FORBIDDEN)
                old = None if gone else kept
                reply(old and msgspec.structs.replace(old, problem=problem), None if old else problem)
                return
            self._keep(name, fresh := FileList(dataset, value.files, value.notice, time.time()))
            reply(fresh, None)

        self._errands.run(lambda: self._source.files(dataset), then)

    def known_datasets(self) -> list[Dataset]:
        """The last copy of the hub's list, empty where there is none."""
        kept = self._kept(DATASETS, DatasetList)
        known: list[Dataset] = kept.datasets if kept else []
        return known

    def _dataset(self, command: ListFiles) -> Dataset:
        for dataset in self.known_datasets():
            if dataset.key == command.dataset and dataset.package == command.package:
                return dataset
        return Dataset(HUB, command.dataset, "", command.package)

    def _kept(self, name: str, kind: type[Any]) -> Any:
        found = self._store.kept(name)
        try:
            return None if found is None else msgspec.json.decode(found[0], type=kind)
        except msgspec.MsgspecError:
            return None  # written by another version: the hub is asked again

    def _keep(self, name: str, value: DatasetList | FileList) -> None:
        try:
            self._store.keep(name, msgspec.json.encode(value), value.asked_at)
        except ProblemError as error:
            # The list is good even where no copy of it can be kept.
            _log.warning("no copy of %s: %s", name, error)


def _outlines(copies: list[tuple[str, bytes]]) -> list[Outline]:
    reader, found = msgspec.json.Decoder(_Tree), []
    for name, body in copies:
        kind, _, key = name.partition("/")
        with contextlib.suppress(msgspec.MsgspecError):  # written by another version
            files = reader.decode(body).files
            names = folder_names(file.path for file in files)
            low, high = sum(file.size.low for file in files), sum(file.size.high for file in files)
            found.append(Outline(key, _KINDS[kind], names, len(files), low, high))
    return found


def tree_name(key: str, package: bool) -> str:
    """Under what the store keeps the copy of a dataset's tree."""
    return f"{'package' if package else 'tree'}/{key}"
