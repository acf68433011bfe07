"""What the engine finds when it looks at a folder of the library: off its loop, for the drive may hang."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.volume import Mark, Volume, is_unmounted, nearest, real_path, volume_of
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.findings import Finding
from aihub_desktop.domain.holdings import (
    DAMAGE,
    HeldFile,
    HoldingRow,
    HoldingState,
    Misfit,
    Summary,
    Verdict,
    is_archive,
)
from aihub_desktop.domain.messages import Discarded, FileList
from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.engine.copies import tree_name
from aihub_desktop.engine.deeds import Word
from aihub_desktop.engine.volumes import place_problem
from aihub_desktop.holdings.discard import discard
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.summary import moment_of, signature, summarise
from aihub_desktop.store.holdings import Held
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp

_STATES: Final = {
    Code.DRIVE_MISSING: HoldingState.AWAY,
    Code.TARGET_MISSING: HoldingState.GONE,
    Code.NO_LEDGER: HoldingState.GONE,
}


@dataclass(frozen=True, slots=True)
class Tree:
    """The kept copy of a dataset's tree, as it lies in the store."""

    body: bytes
    asked_at: float

    def paths(self) -> dict[str, str] | None:
        """By file key; None where the copy cannot be read."""
        try:
            return {file.key: file.path for file in msgspec.json.decode(self.body, type=FileList).files}
        except msgspec.MsgspecError:
            return None


@dataclass(frozen=True, slots=True)
class Inventory:
    """`summary` as it was where nothing has changed."""

    summary: Summary
    volume: Volume


def take_stock(folder: str, known: Summary | None, tree: Tree | None) -> Inventory:
    """The folder as it is now. Reads the ledger only where it, or the tree, is another than before.

    Raises DRIVE_MISSING, TARGET_MISSING, NO_LEDGER where drive, folder or ledger are not there, and what the disk says.
    """
    volume = find(folder, known)
    tree_at = 0.0 if tree is None else tree.asked_at
    if known is None or known.seen != signature(folder) or known.tree_at != tree_at:
        summary = msgspec.structs.replace(summarise(folder, None if tree is None else tree.paths()), tree_at=tree_at)
    else:
        summary = known
    mark = str(volume.mark)
    return Inventory(summary if summary.volume == mark else msgspec.structs.replace(summary, volume=mark), volume)


def find(folder: str, known: Summary | None) -> Volume:
    """The volume of a folder that is there, with its ledger. Raises as `take_stock` does."""
    path, mark = Path(folder), Mark.of(known.volume if known else "")
    try:
        if (above := nearest(path)) is None:
            raise ProblemError(Code.DRIVE_MISSING, path=folder)
        volume, exists = volume_of(above), path.is_dir()
    except OSError as error:
        raise disk_error(error, path) from error
    ours = exists and signature(folder) != ""
    code = place_problem(real_path(path), mark, volume.mark, exists=exists, ours=ours, word=Word.NONE)
    if code is None and not ours:
        code = Code.NO_LEDGER if exists else _missing(path, above)
    if code is not None:
        raise ProblemError(code, path=folder)
    return volume


def _missing(path: Path, above: Path) -> Code:
    return Code.DRIVE_MISSING if is_unmounted(path, above) else Code.TARGET_MISSING


def copy_of(held: Held) -> str:
    """Under what the store keeps the tree of its dataset, "" for one that has none."""
    dataset = held.summary.dataset if held.summary else None
    return tree_name(dataset.key, dataset.package) if dataset is not None and dataset.source == HUB else ""


def named(dataset: Dataset, *known: Iterable[Dataset]) -> Dataset:
    """With the first title that is known: as it was asked for, as it was before, as the catalogue has it."""
    key = (dataset.source, dataset.key, dataset.package)
    same = (other for ones in known for other in ones if (other.source, other.key, other.package) == key)
    return next((other for other in same if other.title), dataset)


def row_of(held: Held, problem: Problem | None) -> HoldingRow:
    """As faces get it. `problem`: of the last look."""
    verdict = held.verdict and msgspec.structs.replace(held.verdict, misfits=[])
    title = held.summary.dataset.title if held.summary else ""
    return HoldingRow(
        held.id, held.folder, _state(held, problem), held.added_at, title, held.summary, verdict, problem
    )  # fmt: skip


def _state(held: Held, problem: Problem | None) -> HoldingState:
    if problem is not None:
        return _STATES.get(problem.code, HoldingState.UNREADABLE)
    if held.verdict is not None and held.verdict.damaged:
        return HoldingState.DAMAGED
    return HoldingState.NEWER if held.summary and held.summary.newer else HoldingState.RIGHT


def throw_away(folder: str, known: Summary | None) -> Discarded:
    """Deletes what the ledger names. Raises as `find` does; DRIVE_MISSING also where it is another drive's folder."""
    volume, mark = find(folder, known), Mark.of(known.volume if known else "")
    if mark is not None and not mark.is_same(volume.mark):
        raise ProblemError(Code.DRIVE_MISSING, path=folder)
    return discard(folder)


class Shown:
    """The ledger of the folder that is looked at, kept from page to page. One caller at a time for each folder."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[str, str], list[Entry]] = (("", ""), [])

    def page(self, held: Held, offset: int, limit: int, *, damaged: bool) -> tuple[list[HeldFile], int]:
        """(files by place, how many there are). Raises as `find` does."""
        find(held.folder, held.summary)
        of, entries = self._kept
        now = (held.folder, signature(held.folder))
        if of != now:
            entries = sorted(Ledger(held.folder).entries().values(), key=lambda entry: entry.place)
            self._kept = now, entries
        verdict = held.verdict
        found = {misfit.place: misfit.finding for misfit in verdict.misfits} if verdict else {}
        if damaged:
            return _damaged(entries, found, offset, limit)
        rows = entries[offset : offset + limit]
        return [_told(entry, found.get(entry.place) or _right(entry, verdict)) for entry in rows], len(entries)


def _right(entry: Entry, verdict: Verdict | None) -> str:
    """ "ok" where the verification looked at this very file, and every misfit of it is known."""
    if verdict is None or not verdict.is_known_whole:
        return ""
    at = moment_of(entry.at)
    return "ok" if at is not None and at <= verdict.at else ""


def _damaged(entries: list[Entry], found: Mapping[str, Finding], offset: int, limit: int) -> tuple[list[HeldFile], int]:
    known = {entry.place: entry for entry in entries}
    places = [place for place, finding in found.items() if finding in DAMAGE]
    rows = [
        _told(known[place], found[place]) if place in known else HeldFile(place, "", finding=found[place])
        for place in places[offset : offset + limit]
    ]
    return rows, len(places)


def _told(entry: Entry, finding: str) -> HeldFile:
    return HeldFile(entry.place, entry.sha256, entry.size, entry.proof, entry.note, entry.at, finding)


def broken(folder: str, known: Summary | None, misfits: Iterable[Misfit]) -> list[Seen]:
    """Each with what the ledger tells of it. Raises as `find` does."""
    find(folder, known)
    entries = Ledger(folder).entries()
    found = []
    for misfit in misfits:
        entry = entries.get(unicodedata.normalize("NFC", misfit.place.removeprefix("./")))
        stamp = Stamp(misfit.size, misfit.modified) if misfit.size >= 0 else None
        sha256 = "" if entry is None else entry.sha256
        found.append(Seen(misfit.place, misfit.finding, stamp=stamp, sha256=sha256, entry=entry))
    return found


def archives(folder: str) -> list[str]:
    """Those that the ledger names, in their order."""
    return sorted(entry.place for entry in Ledger(folder).entries().values() if is_archive(entry.place))
