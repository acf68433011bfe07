"""Archives that a face looks into, and what unpacking would do: read beside the loop, nothing of it is kept.

Each look has two lanes: in one its list is paged, in the other the archive is read, so that a list scrolls on while
an entry comes from the far end of a tar.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from aihub_desktop.archives.inside import Reading, take_out, why_closed
from aihub_desktop.archives.listing import ENCODINGS, Listing, View
from aihub_desktop.archives.opening import AnyArchive, open_archive
from aihub_desktop.disk.files import native
from aihub_desktop.disk.volume import volume_of
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.inside import (
    LARGEST_PART,
    LONGEST_PAGE,
    MOST_TAKEN,
    Entries,
    EntryPart,
    Inside,
    LookState,
    Taken,
    TakenOut,
)
from aihub_desktop.domain.names import UnsafeNameError, entry_path
from aihub_desktop.domain.unpacking import Refusal, Refused, Rehearsal
from aihub_desktop.engine import inventory
from aihub_desktop.engine.errands import Errands
from aihub_desktop.unpack.limits import FLOOR, is_bomb
from aihub_desktop.unpack.rehearsal import rehearse

_SAME_NAMES: Final = 10_000
_NAMED: Final = 100  # entries that a rehearsal would leave out; all are counted

Reply = Callable[[Any, Problem | None], None]
OfLooks = (
    m.FindArchives | m.Rehearse | m.LookInside | m.ShowLook | m.ListEntries | m.ReadEntry | m.TakeOut | m.EndLook
)  # fmt: skip


class Looks:
    """Lives on the engine's loop."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._looks: dict[int, _Look] = {}
        self._rehearsals: dict[str, int] = {}  # folder → the last that was asked for
        self._count = itertools.count(1)

    def handle(self, command: OfLooks, reply: Reply) -> None:
        """Answers through `reply`, on the loop. Raises `ProblemError` BAD_COMMAND."""
        match command:
            case m.FindArchives(folder=folder):
                job = partial(_archives, _absolute(folder))
                self._errands.run_apart(f"archives {folder}", job, reply)
            case m.Rehearse():
                self._rehearse(command, reply)
            case m.LookInside():
                self._begin(command, reply)
            case _:
                self._ask(command, self._known(command.look), reply)

    def close(self) -> None:
        """What is asked for is STOPPED."""
        self._rehearsals.clear()
        for look in self._looks.values():
            look.end()

    def _known(self, number: int) -> _Look:
        if number not in self._looks:
            raise ProblemError(Code.BAD_COMMAND, what="no-look", look=number)
        return self._looks[number]

    def _begin(self, command: m.LookInside, reply: Reply) -> None:
        if command.look in self._looks:
            raise ProblemError(Code.BAD_COMMAND, what="look", look=command.look)
        look = self._looks[command.look] = _Look(Path(_absolute(command.path)))

        def then(found: Inside | None, problem: Problem | None) -> None:
            if found is None and self._looks.get(command.look) is look:
                self._end(command.look)
            reply(found, problem)

        self._errands.run_apart(f"look {command.look}", look.open, then)

    def _ask(
        self, command: m.ShowLook | m.ListEntries | m.ReadEntry | m.TakeOut | m.EndLook, look: _Look, reply: Reply
    ) -> None:
        match command:
            case m.ShowLook():
                reply(LookState(look.listing.files), None)
            case m.EndLook(look=number):
                self._end(number)
                reply(None, None)
            case m.ListEntries():
                self._errands.run_apart(f"list {command.look}", partial(look.page, command), reply)
            case m.ReadEntry():
                self._errands.run_apart(f"look {command.look}", partial(look.read, command, look.turn()), reply)
            case m.TakeOut(halt=True):
                look.halt()
                reply(None, None)
            case m.TakeOut():
                folder = _absolute(command.folder)
                self._errands.run_apart(f"look {command.look}", partial(look.take, command, folder), reply)

    def _end(self, number: int) -> None:
        look = self._looks.pop(number)
        look.end()
        # Behind what is still at work there.
        self._errands.run_apart(f"look {number}", look.close, lambda value, problem: None)

    def _rehearse(self, command: m.Rehearse, reply: Reply) -> None:
        wish = command.wish
        folder = _absolute(wish.folder)
        if not wish.places:
            raise ProblemError(Code.BAD_COMMAND, what="places")
        number = self._rehearsals[folder] = next(self._count)

        def job() -> Rehearsal:
            found = rehearse(wish, wish.places[0], lambda: self._rehearsals.get(folder) != number)
            return msgspec.structs.replace(found, refused=found.refused[:_NAMED])

        self._errands.run_apart(f"rehearse {folder}", job, reply)


class _Look:
    """`turn`, `halt` and `end` are the loop's, the rest that of a lane."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: AnyArchive | None = None
        self.listing = Listing("")
        self._reading: tuple[int, Reading] | None = None
        self._ended = False
        self._turn = self._halts = 0
        self._stops: Callable[[], bool] = lambda: self._ended

    # ---- from the loop ----

    def turn(self) -> int:
        """Another entry is asked for."""
        self._turn += 1
        return self._turn

    def halt(self) -> None:
        self._halts += 1

    def end(self) -> None:
        self._ended = True

    # ---- in a lane ----

    def open(self) -> Inside:
        archive = open_archive(self._path, stopped=self._must_stop)
        self._archive = archive
        self.listing.read(archive, lambda: self._ended)
        listing = self.listing
        return Inside(listing.files, listing.bytes, archive.packed, listing.encoding)

    def _must_stop(self) -> bool:
        return self._stops()

    def close(self) -> None:
        archive, self._archive, self._reading = self._archive, None, None
        # At once, and not when the collector comes by: an archive and its look know each other.
        self.listing = Listing("")
        if archive is not None:
            archive.__exit__(None, None, None)

    def page(self, wish: m.ListEntries) -> Entries:
        if wish.encoding not in ENCODINGS:
            raise ProblemError(Code.BAD_COMMAND, what="encoding")
        view = View(wish.find, wish.order, wish.descending, wish.encoding)
        return Entries(*self.listing.page(view, wish.offset, min(wish.limit, LONGEST_PAGE)))

    def read(self, wish: m.ReadEntry, turn: int) -> EntryPart:
        self._stops = lambda: self._ended or self._turn != turn
        reading = self._reading[1] if self._reading is not None and self._reading[0] == wish.entry else None
        if reading is None or reading.at != wish.offset:
            item = self.listing.item(wish.entry)
            if why_closed(item) is not None:
                raise ProblemError(Code.BAD_COMMAND, what="closed")
            reading = Reading(self._open(), item)
        self._reading = None  # what goes wrong in the middle is begun anew
        reading.skip(wish.offset - reading.at)
        data = reading.take(min(wish.limit, LARGEST_PART))
        self._reading = (wish.entry, reading)
        return EntryPart(data, reading.is_done)

    def _open(self) -> AnyArchive:
        if self._archive is None or self._ended:
            raise ProblemError(Code.STOPPED)
        return self._archive

    def take(self, wish: m.TakeOut, folder: str) -> TakenOut:
        halts = self._halts
        self._stops = lambda: self._ended or self._halts != halts
        self._reading = None
        wanted, refused = self._wanted(wish, native(folder))
        files: list[Taken] = []
        if not wanted:
            return TakenOut(files, refused)
        try:
            _must_fit([item.size for _, item, _ in wanted], native(folder))
            for place, problem in take_out(self._open(), [pair[1:] for pair in wanted], self._stops):
                row, item, path = wanted[place]
                if problem is None:
                    files.append(Taken(row, os.path.join(folder, path.name)))
                else:
                    refused.append(Refused(item.name, Refusal.DAMAGED))
        except ProblemError as error:
            return TakenOut(files, refused, error.problem)
        return TakenOut(files, refused)

    def _wanted(self, wish: m.TakeOut, folder: Path) -> tuple[list[tuple[int, Any, Path]], list[Refused]]:
        if len(wish.entries) > MOST_TAKEN or wish.encoding not in ENCODINGS:
            raise ProblemError(Code.BAD_COMMAND, what="entries")
        wanted: list[tuple[int, Any, Path]] = []
        refused: list[Refused] = []
        taken: set[str] = set()
        for row in dict.fromkeys(wish.entries):
            item, name = self.listing.item(row), self.listing.name(row, wish.encoding)
            why = why_closed(item) or (Refusal.BOMB if is_bomb(item) else None)
            path = None if why else _free_place(folder, name, taken)
            if path is None:
                refused.append(Refused(name, why or Refusal.UNSAFE_NAME))
            else:
                wanted.append((row, item, path))
        return wanted, refused


def _archives(folder: str) -> m.Archives:
    return m.Archives(inventory.archives(folder))


def _free_place(folder: Path, name: str, taken: set[str]) -> Path | None:
    """Where an entry may lie in `folder`: under its name, with a number if that is taken. None where it has no name."""
    with contextlib.suppress(UnsafeNameError):
        plain = str(entry_path(name.replace("\\", "/").rpartition("/")[2])[0])
        stem, end = os.path.splitext(plain)
        for number in range(1, _SAME_NAMES):
            one = plain if number == 1 else f"{stem} ({number}){end}"
            if one.casefold() not in taken and not os.path.lexists(folder / one):
                taken.add(one.casefold())
                return folder / one
    return None


def _must_fit(sizes: Sequence[int], folder: Path) -> None:
    """Raises `ProblemError`: NO_ROOM, FILE_TOO_LARGE, the disk's."""
    try:
        volume = volume_of(folder)
    except OSError as error:
        raise ProblemError(Code.TARGET_MISSING, path=str(folder), why=error.strerror or "") from None
    if volume.largest is not None and max(sizes) > volume.largest:
        raise ProblemError(Code.FILE_TOO_LARGE, size=max(sizes))
    if sum(sizes) > volume.free - FLOOR:
        raise ProblemError(Code.NO_ROOM, need=sum(sizes), free=volume.free)


def _absolute(path: str) -> str:
    """Another process's relative path means nothing here. Raises BAD_COMMAND."""
    if "\0" in path or not os.path.isabs(path):
        raise ProblemError(Code.BAD_COMMAND, what="folder")
    return os.path.normpath(path)
