"""Journals of many small files at once, in the target's own folder.

    FOLDER/.aihub/batch-1a2b3c4d.journal    lines as in NAME.part.journal, of one file after the other

A journal beside each of 20,000 files would cost as much as the files. One of a batch says the same: it is durable
before any of them gets its name, and it goes once the ledger has them all. What is left of one, because the power
went, is read at the next look: a file that it claims is known, and needs no more than its check.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.disk.files import OpenFile, disk_error, native, plain_file, sync_folder
from aihub_desktop.disk.patience import contents, remove
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.transport.journal import Identity, JournalState, Span, WholeLine, encoded, read_journals
from aihub_desktop.transport.ledger import own_folder

_NAME: Final = re.compile(r"batch-[0-9a-f]{16}\.journal")


class Claim(NamedTuple):
    """A whole file that is durable."""

    work: WorkFile
    size: int
    digest: str  # XXH3-128 of all of it, in hex
    sha256: str


def write_claims(folder: Path | str, claims: Iterable[Claim]) -> str:
    """They are durable when this returns, under the name that it gives. Raises `ProblemError`."""
    own = own_folder(native(folder))
    name = f"batch-{secrets.token_hex(8)}.journal"
    text = b"".join(_lines(claim) for claim in claims)
    try:
        if not own.is_dir():
            own.mkdir(exist_ok=True)
            sync_folder(own.parent)
        file = OpenFile(own / name, fresh=True)
        try:
            file.write_at(0, memoryview(text))
            file.sync()
        finally:
            file.close()
        sync_folder(own)
    except OSError as error:
        raise disk_error(error, own / name) from error
    return name


def read_claims(folder: Path | str) -> dict[str, JournalState]:
    """What batches that are left claim, by place in NFC. Raises `ProblemError`."""
    found: dict[str, JournalState] = {}
    for path in _batches(folder):
        found |= _read(path)
    return found


def claimed_whole(spot: Spot, identity: Identity, claims: Mapping[str, JournalState]) -> JournalState | None:
    """What a batch claims of a file that is there, under its final name or before. Raises `ProblemError`."""
    state = claims.get(unicodedata.normalize("NFC", spot.place))
    if state is None or state.whole is None or state.identity != identity:
        return None
    found = [one for one in (plain_file(spot.final), plain_file(spot.part)) if one is not None]
    return state if any(one.st_size == state.whole.size for one in found) else None


def drop_claims(folder: Path | str, name: str) -> None:
    """The ledger has all of a batch. That it goes is not made durable: `sweep_claims` clears up."""
    if _NAME.fullmatch(name):
        with contextlib.suppress(OSError, ProblemError):
            remove(own_folder(native(folder)) / name)


def sweep_claims(folder: Path | str, recorded: Mapping[str, str]) -> None:
    """Removes batches of which nothing is left to be learned: each file is in the ledger (`recorded`: SHA-256 by
    place), or is not there under any name.
    """
    for path in _batches(folder):
        claims = _read(path)
        if all(_is_settled(native(folder), place, state, recorded) for place, state in claims.items()):
            drop_claims(folder, path.name)


def _is_settled(folder: Path, place: str, state: JournalState, recorded: Mapping[str, str]) -> bool:
    whole = state.whole
    if whole is None or recorded.get(place) == whole.sha256:
        return True
    try:
        spot = Target(folder).spot(place)
        return plain_file(spot.final) is None and plain_file(spot.part) is None
    except ProblemError as error:
        # Whatever a batch says, nothing of ours lies at a place that is none.
        return error.problem.code is Code.UNSAFE_NAME


def _batches(folder: Path | str) -> list[Path]:
    try:
        own = own_folder(native(folder))
        return sorted(path for path in own.iterdir() if _NAME.fullmatch(path.name) and plain_file(path) is not None)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error(error) from error


def _read(path: Path) -> dict[str, JournalState]:
    try:
        states = read_journals(contents(path))
    except FileNotFoundError:
        return {}  # its worker's engine has just recorded it
    except OSError as error:
        raise disk_error(error, path) from error
    return {unicodedata.normalize("NFC", place): state for place, state in states if state.whole is not None}


def _lines(claim: Claim) -> bytes:
    span = encoded(Span(0, claim.size, claim.digest)) if claim.size else b""
    identity = encoded(Identity.of(claim.work))
    return identity + span + encoded(WholeLine(claim.size, claim.sha256, claim.work.place))
