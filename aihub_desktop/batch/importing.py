"""Bags into a folder: every byte is checked while it is copied, and a file has its name and its line in the ledger only
when all of it is right. What is wrong keeps nothing else back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.archives.volumes import Extent, UnreadableError
from aihub_desktop.batch.documents import append_lines, read_appended
from aihub_desktop.batch.incoming import Incoming
from aihub_desktop.batch.landing import Arrival, Landed, Landing, Source, WrongBytesError
from aihub_desktop.batch.standing import Standing, safe_place, standing
from aihub_desktop.batch.values import Carried, Portion, Story
from aihub_desktop.disk.files import disk_error, make_folders, plain_file, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.publish import rename_new
from aihub_desktop.disk.target import Spot, Target, must_not_be_away
from aihub_desktop.disk.volume import volume_of
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.names import OWN_FOLDER, clash_key
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.transport.journal import discard, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp, own_folder

STAGING: Final = f"{OWN_FOLDER}/incoming"
SEEN: Final = "bundles.jsonl"
ASIDE: Final = ".bad"
# These are of one file; everything else that the disk says is of all.
_OF_A_FILE: Final = frozenset(
    {Code.IN_THE_WAY, Code.UNSAFE_NAME, Code.NAME_CLASH, Code.FILE_TOO_LARGE, Code.IN_USE, Code.CHANGED}
)


class Fate(StrEnum):
    """What became of a file of a bundle."""

    ARRIVED = "arrived"
    THERE = "there"  # it was there before
    RECORDED = "recorded"  # its bytes were there before, and are in the ledger now
    WAITING = "waiting"  # the rest of it is on another drive
    LATER = "later"  # it is named in fetch.txt, and nobody has fetched it yet
    NEWER = "newer"  # what is there was proved later, and stays
    WRONG = "wrong"  # its bytes are not those that were put on the drive
    UNREADABLE = "unreadable"
    REFUSED = "refused"


BAD: Final = frozenset({Fate.WRONG, Fate.UNREADABLE, Fate.REFUSED})


@dataclass(frozen=True, slots=True)
class Told:
    """`path`: of the file on the drive that is wrong or cannot be read."""

    story: Story
    fate: Fate
    problem: Problem | None = None
    path: str = ""


class _Seen(msgspec.Struct, frozen=True):
    """A bag that was looked through in this folder."""

    group: str
    bag: int


@dataclass(slots=True)
class Verdict:
    """`wanted`: numbers of the bags that the set still needs."""

    wanted: list[int] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


def made(folder: Path) -> Path:
    """The folder, which is there when this returns. Raises `ProblemError` DRIVE_GONE, the disk's."""
    must_not_be_away(folder, Code.DRIVE_GONE)
    try:
        make_folders(folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


class Import:
    """The bags of one set. `hear` is told of each file that has come to its end."""

    def __init__(
        self,
        folder: Path,
        bags: Sequence[Incoming],
        steps: Steps,
        hear: Callable[[Told], None] = lambda told: None,
        *,
        set_aside: bool = False,
    ) -> None:
        self._target = Target(folder)
        self._ledger = Ledger(folder)
        self._entries: dict[str, Entry] = {}
        self._bags = {bag.head.bag: bag for bag in bags}
        self._steps = steps
        self._hear = hear
        self._set_aside = set_aside
        self._landing = Landing(self._target.folder, STAGING, self._landed, self._failed, steps)
        self._coming: dict[str, Carried] = {}
        self._known: list[tuple[Entry, Told]] = []
        self._names: dict[str, str] = {}
        self._lacking: set[int] = set()
        self.verdict = Verdict()

    def run(self) -> Verdict:
        """Raises `ProblemError` where nothing more can be done; the same call goes on then. `StoppedError`."""
        own_folder(self._target.folder)  # no link
        self._entries = self._ledger.entries()
        self._check_room()
        self._landing.open()
        try:
            for carried in self._files():
                self._take(carried)
            self._landing.flush()
            self._record_known()
        finally:
            self._landing.close()
        self._note_seen()
        return self.verdict

    def _files(self) -> Iterable[Carried]:
        """Each once, though it may have portions in several bags."""
        found: dict[str, Carried] = {}
        for bag in self._bags.values():
            for carried in bag.carried:
                found.setdefault(carried.story.place, carried)
        return sorted(found.values(), key=lambda carried: carried.story.place)

    def _check_room(self) -> None:
        """Before the first byte. Raises `ProblemError` NO_ROOM."""
        try:
            free = volume_of(self._target.folder).free
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        need = sum(
            portion.length
            for bag in self._bags.values()
            for carried in bag.carried
            for portion in carried.portions
            if portion.bag == bag.head.bag and carried.story.place not in self._entries
        )
        if need > free + self._staged():
            raise ProblemError(Code.NO_ROOM, path=str(self._target.folder), need=need, free=free)

    def _staged(self) -> int:
        staging = self._target.folder.joinpath(*STAGING.split("/"))
        return sum(path.stat().st_size for path in staging.glob("*")) if staging.is_dir() else 0

    # ---- a file ----

    def _take(self, carried: Carried) -> None:
        try:
            self._bring(carried)
        except WrongBytesError as error:
            self._tell(Told(carried.story, Fate.WRONG, path=str(error.path)))
        except UnreadableError as error:
            for bag in self._bags.values():
                bag.drive.must_be_there()
            self._tell(Told(carried.story, Fate.UNREADABLE, error.problem, str(error.problem.facts.get("path", ""))))
        except ProblemError as error:
            if error.problem.code not in _OF_A_FILE:
                raise
            self._tell(Told(carried.story, Fate.REFUSED, error.problem))

    def _bring(self, carried: Carried) -> None:
        story = carried.story
        place = self._place(story)
        spot = self._target.spot(place)
        entry = self._entries.get(place)
        stamp = None if (state := plain_file(spot.final)) is None else Stamp.of(state)
        how = standing(self._target, spot, story, entry)
        if how is Standing.STRANGE and self._set_aside:
            self._clear(spot)
            how = Standing.ABSENT
        match how:
            case Standing.THERE | Standing.UNRECORDED:
                self._know(story, place, spot, entry if how is Standing.THERE else None)
            case Standing.NEWER:
                self._tell(Told(story, Fate.NEWER))
            case Standing.STRANGE:
                raise ProblemError(Code.IN_THE_WAY, path=str(spot.final), why="exists")
            case _:
                self._fetch(carried, spot, stamp if how is Standing.OLDER else None)

    def _place(self, story: Story) -> str:
        place = safe_place(story.place)
        if self._names.setdefault(clash_key(place), story.place) != story.place:
            raise ProblemError(Code.NAME_CLASH, name=story.place[:300])
        return place

    def _fetch(self, carried: Carried, spot: Spot, older: Stamp | None) -> None:
        story = carried.story
        sources = self._sources(carried)
        if carried.fetch and not sources:
            self._tell(Told(story, Fate.LATER))
            return
        size = sum(source.extent.length for source in sources) if story.size is None else story.size
        replace = older is not None
        arrival = Arrival(spot.place, spot, size, story.sha256, story.modified, replace, older)
        self._coming[spot.place] = carried
        try:
            sha256 = self._landing.bring(arrival, sources)
        except ProblemError as error:
            if error.problem.code is not Code.CHANGED:
                raise
            sha256 = self._landing.bring(arrival, sources)  # what was begun was of other bytes, and is gone
        if not sha256:
            self._coming.pop(spot.place, None)
            spans = {(one.start, one.stop): one.bag for one in carried.portions}
            self._lacking |= {spans[span] for span in self._landing.lacking(arrival, spans)}
            self._tell(Told(story, Fate.WAITING))

    def _sources(self, carried: Carried) -> list[Source]:
        if carried.have:
            spot = self._target.spot(safe_place(carried.have))
            if not self._target.check_parents(spot) or plain_file(spot.final) is None:
                raise WrongBytesError(spot.final)
            return [Source(Extent(spot.final, 0, carried.story.size or 0), 0, carried.story.sha256)]
        found = [self._source(portion, carried) for portion in carried.portions if portion.bag in self._bags]
        return [source for source in found if source is not None]

    def _source(self, portion: Portion, carried: Carried) -> Source | None:
        bag = self._bags[portion.bag]
        bag.drive.must_be_there()
        source = bag.source(portion, carried)
        if source is None and not carried.fetch:
            raise WrongBytesError(bag.folder / portion.path)  # it was there when the bag was made
        return source

    # ---- what became of it ----

    def _know(self, story: Story, place: str, spot: Spot, entry: Entry | None) -> None:
        """Its bytes are there. What the ledger was told of them later stays."""
        if entry is not None and ((entry.key, entry.dataset) == (story.key, story.dataset) or entry.at > story.at):
            self._tell(Told(story, Fate.THERE))
            return
        state = spot.final.stat()
        self._known.append((story.entry(place, state.st_size, state.st_mtime_ns), Told(story, Fate.RECORDED)))

    def _record_known(self) -> None:
        self._ledger.record([entry for entry, _ in self._known])
        for _, told in self._known:
            self._tell(told)
        self._known.clear()

    def _landed(self, landed: Sequence[Landed]) -> None:
        pairs = [(self._coming.pop(one.label), one) for one in landed]
        entries = [carried.story.entry(one.label, one.size, one.modified) for carried, one in pairs]
        self._ledger.record(entries)
        for (carried, _), entry in zip(pairs, entries, strict=True):
            self._entries[entry.place] = entry
            with contextlib.suppress(ProblemError, OSError):
                self._drop_part(entry)
            self._tell(Told(carried.story, Fate.ARRIVED))

    def _failed(self, label: str, problem: Problem) -> None:
        self._tell(Told(self._coming.pop(label).story, Fate.REFUSED, problem))

    def _tell(self, told: Told) -> None:
        self.verdict.told.append(told)
        self._hear(told)

    def _clear(self, spot: Spot) -> None:
        """What has the name gets another, that nobody has."""
        number = 1
        while True:
            aside = spot.final.with_name(f"{spot.final.name}{ASIDE}{number if number > 1 else ''}")
            try:
                rename_new(Spot(spot.place, aside, spot.final, spot.journal))
                sync_folder(aside.parent)
                return
            except FileExistsError:
                number += 1
            except OSError as error:
                raise disk_error(error, spot.final) from error

    def _drop_part(self, entry: Entry) -> None:
        """A download of the same file that was begun here, and is not needed any more."""
        spot = self._target.spot(entry.place)
        journal = read_journal(spot.journal)
        if journal is None or (journal.identity.dataset, journal.identity.key) != (entry.dataset, entry.key):
            return
        guard = Guard(spot.part)
        try:
            discard(spot)
        finally:
            guard.release()

    def _note_seen(self) -> None:
        """Which bags of the set are still wanted: those that never were here, and those of files that wait."""
        head = next(iter(self._bags.values())).head
        path = own_folder(self._target.folder) / SEEN
        seen = {one.bag for one in read_appended(path, _Seen) if one.group == head.group}
        if new := [_Seen(head.group, number) for number in self._bags if number not in seen]:
            append_lines(path, new)
        seen |= set(self._bags)
        self.verdict.wanted = sorted(set(range(1, head.bags + 1)) - seen | self._lacking)
