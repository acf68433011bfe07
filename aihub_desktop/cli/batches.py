"""Batch files at the command line: read, and turned into what a run receives."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.endpoint import Choice
from aihub_desktop.cli.fetch import Search
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import placed
from aihub_desktop.cli.run import Batch, Find, Found
from aihub_desktop.cli.selection import chosen, unknown_keys
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.domain import addresses, batchtext
from aihub_desktop.domain.addresses import Wish
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import FileList
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.engine.serve import LocalEngine

FileLists = Callable[[LocalEngine, str, bool], FileList]


def read_batch(console: Console, path: Path | str) -> BatchFile:
    """The batch file at `path`. Raises `ProblemError` BAD_BATCH (where, and why), BATCH_NEWER; `UsageError` where it
    cannot be read.
    """
    file = Path(os.path.abspath(os.path.expanduser(path)))
    try:
        with file.open("rb") as opened:
            raw = opened.read(batchtext.LARGEST + 1)
    except OSError as error:
        text = console.words.say("cli.fetch.unreadable", path=str(file), why=error.strerror or "")
        raise UsageError(text) from None
    try:
        return batchtext.parse(raw)
    except ProblemError as error:
        raise ProblemError(error.problem.code, **{**error.problem.facts, "path": str(file)}) from None


def finder(session: Session, batch: BatchFile, file_list: FileLists | None = None) -> Find:
    """What finds the files of `batch`: each dataset and bucket becomes a transfer. What is not to be had keeps nothing
    else back. `file_list` gives the files of a dataset, by default as the hub lists them now.
    """
    listed = file_list or session.file_list

    def find(engine: LocalEngine) -> Found:
        batches: list[Batch] = []
        refused: list[Refusal] = []
        for wish in batch.datasets:
            try:
                listing = listed(engine, wish.key, wish.package)
            except ProblemError as error:
                refused.append(Refusal(wish.key, error.problem))
                continue
            files, lost = files_of(wish, listing)
            refused += lost
            batches += [Batch(listing.dataset, files)] if files else []
        if batches and (problem := _no_key(engine)) is not None:
            refused += [Refusal(one.dataset.key, problem) for one in batches]
            batches = []
        if batch.addresses:
            storage = Choice(batch.endpoint or None)
            elsewhere = Search(session, engine, storage).found([wish_of(one) for one in batch.addresses])
            batches += elsewhere.batches
            refused += elsewhere.refused
        return Found(batches, refused)

    return find


def files_of(wish: DatasetWish, listed: FileList) -> tuple[list[RemoteFile], list[Refusal]]:
    """Those that a wish means, and what it names that there is not."""
    unknown = unknown_keys(listed.files, wish.files)
    refused = [Refusal(f"{wish.key} {key}", _unknown(wish)) for key in unknown]
    files = chosen(listed.files, wish.files, wish.include, wish.exclude)
    if not files and not refused:
        refused = [Refusal(" ".join((wish.key, *wish.include)), _unknown(wish))]
    return files, refused


def wish_of(one: AddressWish) -> Wish:
    return Wish(one.address, (), one.out, addresses.checksum(one.checksum) if one.checksum else None)


def _unknown(wish: DatasetWish) -> Problem:
    return placed(Problem(Code.UNKNOWN_FILE), wish.key, wish.package)


def _no_key(engine: LocalEngine) -> Problem | None:
    """Why the hub would send nothing."""
    try:
        key_state(engine)
    except ProblemError as error:
        return error.problem
    return None
