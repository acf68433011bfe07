"""Batch files at the command line: read, and turned into what a run receives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.endpoint import Choice
from aihub_desktop.cli.fetch import Search
from aihub_desktop.cli.lab import FileLists, need_key
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import placed
from aihub_desktop.cli.run import Batch, Find, Found
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.domain import addresses, batchtext
from aihub_desktop.domain.addresses import Wish
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import FileList
from aihub_desktop.domain.model import HUB, S3, RemoteFile
from aihub_desktop.domain.selection import chosen, name_on_disk, unknown_keys
from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings.balance import Scope


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


@dataclass(slots=True)
class Listing:
    """What a batch comes to now. `scopes`: of which datasets and buckets this is surely all that it wishes; `stale`:
    the hub could not be asked, and an older list was taken.
    """

    batches: list[Batch] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    stale: list[Problem] = field(default_factory=list)


def finder(session: Session, batch: BatchFile, file_list: FileLists | None = None) -> Find:
    """What finds the files of `batch`: each dataset and bucket becomes a transfer. What is not to be had keeps nothing
    else back. `file_list` gives the files of a dataset, by default as the hub lists them now.
    """

    def find(engine: LocalEngine) -> Found:
        listing = listed(session, engine, batch, file_list)
        batches, refused = with_key(engine, listing.batches)
        return Found(batches, [*listing.refused, *refused])

    return find


def with_key(engine: LocalEngine, batches: Sequence[Batch]) -> tuple[list[Batch], list[Refusal]]:
    """What can be begun: without a key nothing of the hub."""
    of_hub = [one for one in batches if need_key(one.files)]
    if not of_hub:
        return list(batches), []
    try:
        key_state(engine)
    except ProblemError as error:
        return [one for one in batches if one not in of_hub], [
            Refusal(one.dataset.key, error.problem) for one in of_hub
        ]
    return list(batches), []


def listed(
    session: Session, engine: LocalEngine, batch: BatchFile, file_list: FileLists | None = None
) -> Listing:  # fmt: skip
    """As the hub and the other places list it now. Raises `UsageError` where no storage is meant for sure."""
    listing = Listing()
    for wish in batch.datasets:
        try:
            found = (file_list or session.file_list)(engine, wish.key, wish.package)
        except ProblemError as error:
            listing.refused.append(Refusal(wish.key, error.problem))
        else:
            _take(listing, wish, found)
    if batch.addresses:
        # Nothing but its answer tells whether what lies behind an address is still the same.
        search = Search(session, engine, Choice(batch.endpoint or None), ask_all=True)
        elsewhere = search.found([wish_of(one) for one in batch.addresses])
        listing.batches += elsewhere.batches
        listing.refused += elsewhere.refused
        listing.scopes += _prefixes(batch, elsewhere)
    _set_apart(listing)
    return listing


def _set_apart(listing: Listing) -> None:
    """Of files that would have one name on disk the first counts: else each would replace the other for ever."""
    taken: dict[str, RemoteFile] = {}
    for number, batch in enumerate(listing.batches):
        files = []
        for file in batch.files:
            if (first := taken.setdefault(name_on_disk(file), file)) is file:
                files.append(file)
            else:
                problem = Problem(Code.NAME_CLASH, {"name": file.path[:300], "other": first.path[:300]})
                listing.refused.append(Refusal(file.path, problem))
        listing.batches[number] = batch._replace(files=files)
    listing.batches = [batch for batch in listing.batches if batch.files]


def _take(listing: Listing, wish: DatasetWish, found: FileList) -> None:
    unknown = unknown_keys(found.files, wish.files)
    refused = [Refusal(f"{wish.key} {key}", _unknown(wish)) for key in unknown]
    files = chosen(found.files, wish.files, wish.include, wish.exclude)
    if not files and not refused:
        refused = [Refusal(" ".join((wish.key, *wish.include)), _unknown(wish))]
    listing.refused += refused
    if files:
        listing.batches.append(Batch(found.dataset, files))
    if found.problem is not None:
        listing.stale.append(found.problem)
    elif not refused and found.asked_at:  # what a machine of the lab has need not be all of it
        listing.scopes.append(Scope(HUB, wish.key, wish.package))


def _prefixes(batch: BatchFile, found: Found) -> list[Scope]:
    """Of object storage: what lies below the prefixes that could be listed."""
    refused = {one.wanted for one in found.refused}
    containers = {
        split_container(one.dataset.key)[1]: one.dataset.key for one in found.batches if one.dataset.source == S3
    }
    prefixes = [addresses.object_address(one.address) for one in batch.addresses if addresses.is_object(one.address)]
    return [
        Scope(S3, containers[one.bucket], prefix=one.key)
        for one in prefixes
        if one.is_prefix and one.bucket in containers and str(one) not in refused
    ]


def wish_of(one: AddressWish) -> Wish:
    return Wish(one.address, one.mirrors, one.out, addresses.checksum(one.checksum) if one.checksum else None)


def _unknown(wish: DatasetWish) -> Problem:
    return placed(Problem(Code.UNKNOWN_FILE), wish.key, wish.package)
