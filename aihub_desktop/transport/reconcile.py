"""Where each file of a queue stands on disk. Reads only: the disk is the truth, the queue follows."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from enum import StrEnum
from pathlib import Path

import msgspec

from aihub_desktop.disk.files import disk_error, plain_file
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.publish import is_half_published
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.disk.volume import allocated
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.names import JOURNAL, PART, UnsafeNameError, clash_key, safe_path, taken_names
from aihub_desktop.transport.claims import read_claims, sweep_claims
from aihub_desktop.transport.journal import Identity, JournalState, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp


class StandingKind(StrEnum):
    """What lies on disk for one file."""

    DONE = "done"  # under its final name, and in the ledger
    PUBLISHED = "published"  # under its final name, not in the ledger yet: to be checked once more
    WHOLE = "whole"  # every byte is there, to be checked
    PARTIAL = "partial"  # some pieces are durable
    NOTHING = "nothing"
    IN_THE_WAY = "in-the-way"  # something else has one of its names


class Standing(msgspec.Struct, frozen=True):
    """`bytes` are durable; `size` and `sha256` are known once whole; `proof` of what is done, else "".

    `allocated`: bytes of the disk that a NAME.part takes up of which more is to come.
    """

    kind: StandingKind
    bytes: int = 0
    size: int | None = None
    sha256: str = ""
    proof: str = ""
    allocated: int = 0


NOTHING = Standing(StandingKind.NOTHING)
_IN_THE_WAY = Standing(StandingKind.IN_THE_WAY)


def look(folder: Path | str, files: list[WorkFile]) -> dict[int, Standing]:
    """How each file stands, by id. A place that is no safe path stands for nothing. An archive that was deleted once
    everything in it stood on disk is done.

    Changes nothing, but that the journal of a file that is in the ledger goes.

    Raises `ProblemError`: what the disk says, IN_THE_WAY where the ledger's own folder is a link.
    """
    target = Target(folder)
    book = Ledger(folder)
    ledger, departed = book.entries(), book.departed()
    names, claims = _Names(target), read_claims(folder)
    found = {}
    for work in files:
        standing = NOTHING if names.lack(work.place) else _standing(target, work, ledger, claims)
        entry = departed.get(unicodedata.normalize("NFC", work.place)) if departed else None
        is_unpacked = standing == NOTHING and entry is not None and entry.is_of(work.file)
        found[work.id] = _final(entry, entry.size or 0) if is_unpacked and entry is not None else standing
    return found


class _Names:
    """The names in the folders of a target, read once: of 20,000 new files none has to be asked for by itself."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: dict[str, frozenset[str] | None] = {}

    def lack(self, place: str) -> bool:
        """Surely nothing lies there. Where a name differs in its case alone, the disk has to be asked."""
        parent, _, name = place.rpartition("/")
        if parent not in self._known:
            self._known[parent] = self._read(parent)
        names = self._known[parent]
        return names is not None and not any(clash_key(one) in names for one in taken_names(name))

    def _read(self, parent: str) -> frozenset[str] | None:
        """None where that cannot be told."""
        try:
            spot = self._target.spot(f"{parent}/x" if parent else "x")
            if not self._target.check_parents(spot):
                return frozenset()
            return frozenset(clash_key(name) for name in os.listdir(spot.final.parent))
        except (ProblemError, OSError):
            return None


def forget_journal(target: Target, place: str) -> None:
    """After the proof was recorded. A NAME.part that is a second name of the final file goes too.

    For small files what counts is the cost of this: where no part is left it is one look and one unlink.

    Raises `ProblemError`.
    """
    try:
        final = os.path.join(target.folder, str(safe_path(place)).replace("/", os.sep))
    except UnsafeNameError as error:
        raise ProblemError(Code.UNSAFE_NAME, name=error.name[:300], why=error.why) from error
    try:
        if os.path.lexists(final + PART) and is_half_published(spot := target.spot(place)):
            remove(spot.part)
        remove(final + JOURNAL)
    except OSError as error:
        raise disk_error(error, Path(final + JOURNAL)) from error


def sweep(folder: Path | str, files: list[WorkFile]) -> None:
    """Of files that are done: a power cut between the record and the end may have left the journal behind."""
    target = Target(folder)
    with contextlib.suppress(ProblemError):
        sweep_claims(folder, {entry.place: entry.sha256 for entry in Ledger(folder).entries().values()})
    for work in files:
        with contextlib.suppress(ProblemError):  # it is in nobody's way
            spot = target.spot(work.place)
            journal, final = read_journal(spot.journal), plain_file(spot.final)
            if journal is None or final is None or journal.identity != Identity.of(work):
                continue
            if _was_published(spot, journal, final.st_size, has_part=plain_file(spot.part) is not None):
                forget_journal(target, work.place)


def may_replace(spot: Spot, entry: Entry | None) -> bool:
    """The final name is free, or of a file that we made and that has not been touched since, or that was found broken
    and has not been touched since that.
    """
    state = plain_file(spot.final)
    if state is None:
        return True
    if entry is None or entry.key == "":
        return False
    return entry.size == state.st_size or is_broken(entry, state)


def is_broken(entry: Entry, state: os.stat_result) -> bool:
    """Whether this very file was read and found to hold other bytes than those that were proved."""
    return entry.broken is not None and entry.broken == Stamp.of(state)


def _standing(target: Target, work: WorkFile, ledger: dict[str, Entry], claims: dict[str, JournalState]) -> Standing:
    try:
        spot = target.spot(work.place)
        if not target.check_parents(spot):
            return NOTHING
        place = unicodedata.normalize("NFC", work.place)
        return _at_spot(spot, work, ledger.get(place), read_journal(spot.journal) or claims.get(place))
    except ProblemError as error:
        if error.problem.code is Code.UNSAFE_NAME:
            return NOTHING
        if error.problem.code is Code.IN_THE_WAY:
            return _IN_THE_WAY
        raise


def _at_spot(spot: Spot, work: WorkFile, entry: Entry | None, journal: JournalState | None) -> Standing:
    final, part = plain_file(spot.final), plain_file(spot.part)
    if journal is not None and journal.identity != Identity.of(work):
        journal = None
    if final is not None:
        was_published = journal is not None and _was_published(spot, journal, final.st_size, has_part=part is not None)
        trusted = None if entry is not None and is_broken(entry, final) else entry
        standing = _at_final(work, trusted, final.st_size, journal if was_published else None)
        if standing is not None or not may_replace(spot, entry):
            return standing or _IN_THE_WAY
    if part is None:
        return NOTHING
    standing = NOTHING if journal is None else _received(journal, part.st_size)
    if standing.kind is StandingKind.WHOLE:
        return standing
    return msgspec.structs.replace(standing, allocated=allocated(part))


def _at_final(work: WorkFile, entry: Entry | None, size: int, published: JournalState | None) -> Standing | None:
    """What stands under the final name, where it is ours. `published`: the journal of the run that put it there."""
    is_recorded = entry is not None and entry.is_of(work.file) and entry.size == size
    if published is not None and not (is_recorded and entry and entry.sha256 == _sha256(published)):
        return _published(published)
    return _final(entry, size) if is_recorded and entry else None


def _was_published(spot: Spot, journal: JournalState, size: int, *, has_part: bool) -> bool:
    whole = journal.whole is not None and journal.whole.size == size
    return whole and (not has_part or is_half_published(spot))


def _sha256(journal: JournalState) -> str:
    return journal.whole.sha256 if journal.whole else ""


def _final(entry: Entry, size: int) -> Standing:
    return Standing(StandingKind.DONE, size, size, entry.sha256, entry.proof)


def _published(journal: JournalState) -> Standing:
    assert journal.whole is not None
    size = journal.whole.size
    return Standing(StandingKind.PUBLISHED, size, size, journal.whole.sha256)


def _received(journal: JournalState, size: int) -> Standing:
    whole = journal.whole
    if whole is not None and whole.size == size:
        return Standing(StandingKind.WHOLE, whole.size, whole.size, whole.sha256)
    count = sum(max(0, min(piece.stop, size) - piece.start) for piece in journal.pieces)
    return Standing(StandingKind.PARTIAL, count) if count else NOTHING
