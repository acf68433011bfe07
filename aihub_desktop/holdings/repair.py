"""What of a folder is to be fetched again, and from where. The broken file stays until the new one is proved.

A file that holds other bytes than were proved is *marked* in the log, with its size and time: only this very file may
then be replaced, by the step that gives a proved file its name. Nothing is moved or deleted before.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.findings import BROKEN, Finding
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import HUB, S3, WEB, Algorithm, Checksum, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.salvage import salvage
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.pieces import sweep_pieces

Entries = Mapping[str, Entry]  # by place, in NFC

# From what says most about a file to what says least.
_STRENGTH: Final = {proof.value: rank for rank, proof in enumerate((*reversed(Proof),), 1)}


@dataclass(slots=True)
class Wanted:
    """Broken files by where they come from. `hub`: by (dataset, package); their keys have to be looked up there, for
    a dataset that was released anew has others. `places`: by (source, dataset), ready to be fetched.
    """

    hub: dict[tuple[str, bool], list[Seen]] = field(default_factory=lambda: defaultdict(list))
    places: dict[tuple[str, str], list[tuple[Seen, RemoteFile]]] = field(default_factory=lambda: defaultdict(list))
    lost: list[tuple[Seen, Problem]] = field(default_factory=list)  # of these nothing can be fetched


def wanted(seen: Iterable[Seen]) -> Wanted:
    """Where the broken ones of `seen` come from."""
    found = Wanted()
    for one in seen:
        if one.finding not in BROKEN:
            continue
        entry = one.entry
        if entry is None or not entry.key or entry.source not in (HUB, S3, WEB):
            found.lost.append((one, Problem(Code.UNKNOWN_ORIGIN)))
        elif entry.source == HUB:
            found.hub[entry.dataset, entry.package].append(one)
        else:
            found.places[entry.source, entry.dataset].append((one, remote(entry)))
    return found


def remote(entry: Entry) -> RemoteFile:
    """The file of a web address or an object storage, as it was fetched. A checksum that somebody gave holds still."""
    same = entry.proof == Proof.CHECKSUM and entry.note == Algorithm.SHA256
    origin = Origin(
        (entry.key,) if entry.source == WEB else (),
        "",
        (Checksum(Algorithm.SHA256, entry.sha256),) if same else (),
    )
    size = SizeRange.exactly(entry.size or 0)
    return RemoteFile(entry.source, entry.dataset, entry.key, entry.path or entry.place, size, origin=origin)


def listed(
    seen: Sequence[Seen], files: Iterable[RemoteFile]
) -> tuple[list[tuple[Seen, RemoteFile]], list[tuple[Seen, Problem]]]:
    """Each broken file of a dataset with what the hub lists now, and those that it lists no more.

    A key that is gone, or names another path: the dataset was released anew.
    """
    by_key = {file.key: file for file in files}
    found: list[tuple[Seen, RemoteFile]] = []
    gone: list[tuple[Seen, Problem]] = []
    for one in seen:
        assert one.entry is not None
        file = by_key.get(one.entry.key)
        if file is not None and _place(file) == _nfc(one.entry.place):
            found.append((one, file))
        else:
            gone.append((one, Problem(Code.RELEASED_ANEW, {"dataset": one.entry.dataset, "name": one.path[:300]})))
    return found, gone


def entries(seen: Iterable[Seen]) -> Entries:
    """What the log tells of them."""
    return {_nfc(one.entry.place): one.entry for one in seen if one.entry is not None}


def save(folder: Path, pairs: Iterable[tuple[Seen, RemoteFile]]) -> int:
    """How many bytes of broken files are good and need not come again. Raises `ProblemError`."""
    ones = [(one, file) for one, file in pairs if one.finding is not Finding.MISSING and one.entry is not None]
    return sum(salvage(folder, file, one.entry.place, one.sha256) for one, file in ones if one.entry is not None)


def mark(folder: Path, seen: Iterable[Seen]) -> None:
    """Enters in the log which files may be replaced. Raises `ProblemError`."""
    ones = [one for one in seen if one.finding in BROKEN and one.finding is not Finding.MISSING]
    Ledger(folder).record(
        [msgspec.structs.replace(one.entry, broken=one.stamp) for one in ones if one.entry is not None and one.stamp]
    )


def make_ready(
    folder: Path, pairs: Iterable[tuple[Seen, RemoteFile]], in_ranges: Iterable[tuple[Seen, RemoteFile]]
) -> int:
    """All of `pairs` may be replaced; of those that come in ranges the good pieces stay. How many bytes these have.

    Raises `ProblemError`.
    """
    mark(folder, [one for one, _ in pairs])
    return save(folder, in_ranges)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Places of files that came again. `other`: with other bytes than at first."""

    same: tuple[str, ...]
    other: tuple[str, ...]


def settle(folder: Path, before: Entries) -> Outcome:
    """After the run. Bytes that are those of before are proved as well as they were before: a volume of a split set
    that came alone could not be, for the others were not read. `before`: the entries by place in NFC.

    Raises `ProblemError`.
    """
    ledger = Ledger(folder)
    now = ledger.entries()
    came = {place: now[place] for place in before if place in now and now[place].broken is None}
    came = {place: entry for place, entry in came.items() if entry != before[place]}
    same = {place: entry for place, entry in came.items() if entry.sha256 == before[place].sha256}
    ledger.record(
        [
            msgspec.structs.replace(entry, proof=before[place].proof, note=before[place].note)
            for place, entry in same.items()
            if _STRENGTH.get(before[place].proof, 0) > _STRENGTH.get(entry.proof, 0)
        ]
    )
    sweep_pieces(folder, {entry.sha256 for entry in now.values()})
    return Outcome(tuple(same), tuple(place for place in came if place not in same))


def _place(file: RemoteFile) -> str:
    try:
        return str(safe_path(file.path))
    except UnsafeNameError:
        return ""


def _nfc(path: str) -> str:
    return unicodedata.normalize("NFC", path.removeprefix("./"))
