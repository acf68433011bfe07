"""What unpacking will take, found out before the first byte is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.archives.entry import Item
from aihub_desktop.archives.opening import AnyArchive
from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.volume import nearest, volume_of
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.unpacking import Refused
from aihub_desktop.unpack.limits import are_bomb
from aihub_desktop.unpack.places import Places

_BLOCK: Final = 4096  # what a file of one byte takes on nearly every file system


@dataclass(slots=True)
class Need:
    """`entries`, `bytes`: of all that is wanted. `missing_…`: of what no record has; `missing_room` in whole blocks."""

    entries: int = 0
    bytes: int = 0
    missing_entries: int = 0
    missing_room: int = 0
    folders: int = 0
    largest: int = 0
    largest_name: str = ""
    top: str = ""  # the one folder that everything lies in

    def add(self, item: Item, *, is_missing: bool) -> None:
        self.entries += 1
        self.bytes += item.size
        if item.size > self.largest:
            self.largest, self.largest_name = item.size, item.name[:300]
        if is_missing:
            self.missing_entries += 1
            self.missing_room += item.size + -item.size % _BLOCK


@dataclass(frozen=True, slots=True)
class Room:
    """`files`: how many more the file system takes, None where it sets no number."""

    free: int
    files: int | None
    largest: int | None


def survey(
    archive: AnyArchive,
    places: Places,
    has: Callable[[int], bool],
    refuse: Callable[[Refused], None] = lambda refused: None,
    *,
    any_size: bool = False,
) -> Need:
    """Goes through every entry. Raises `ProblemError`: ARCHIVE_BOMB, BAD_ARCHIVE, STOPPED, the disk's."""
    need, folder = Need(), ""
    for item in archive.items():
        fate = places.fate(item)
        if fate.refused is not None:
            refuse(fate.refused)
        if not fate.place:
            continue
        need.add(item, is_missing=not has(item.number))
        # Entries of one folder mostly stand together: counted too often rather than remembered.
        above = fate.place.rpartition("/")[0]
        if above != folder:
            need.folders, folder = need.folders + 1, above
        if are_bomb(need.bytes, archive.packed) and not any_size:
            raise ProblemError(Code.ARCHIVE_BOMB, name=archive.paths[-1].name)
    if len(places.tops) == 1 and not places.top_files:
        need.top = next(iter(places.tops))
    return need


def room_at(home: Path) -> Room:
    """Of the volume that `home` is on, or will be. Raises `ProblemError`."""
    try:
        place = nearest(home)
        if place is None:
            raise ProblemError(Code.TARGET_MISSING, path=str(home))
        volume = volume_of(place)
        return Room(volume.free, _files_left(place), volume.largest)
    except OSError as error:
        raise disk_error(error, home) from error


def check(need: Need, room: Room, floor: int) -> None:
    """Raises `ProblemError`: NO_ROOM, FILE_TOO_LARGE."""
    if room.largest is not None and need.largest > room.largest:
        raise ProblemError(Code.FILE_TOO_LARGE, name=need.largest_name, size=need.largest)
    if not need.missing_entries:
        return
    wanted = need.missing_room + need.folders * _BLOCK
    if wanted > room.free - floor:
        raise ProblemError(Code.NO_ROOM, need=wanted, free=room.free)
    if room.files is not None and need.missing_entries + need.folders > room.files:
        raise ProblemError(Code.NO_ROOM, need=wanted, free=room.free, why="files")


def _files_left(place: Path) -> int | None:
    if sys.platform == "win32":
        return None
    state = os.statvfs(place)
    return state.f_favail if state.f_files else None
