"""Which set of bags is made for a request: a new one, or one that was begun. Nothing is written here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.bag import BAGIT, FETCH, INFO, MANIFEST, TAG_MANIFEST
from aihub_desktop.batch.bundle_files import (
    COPIED,
    FILES,
    INCOMING,
    MISSING,
    PLAN,
    PROGRAM,
    VERSION,
    BundleHead,
    Found,
    bags_on,
    lines_of,
)
from aihub_desktop.batch.cargo import Cargo
from aihub_desktop.batch.documents import NEW
from aihub_desktop.batch.drives import Drive
from aihub_desktop.batch.layout import PAYLOAD, File, LackError, Room, laid_out
from aihub_desktop.batch.machine import Machine, new_id
from aihub_desktop.batch.request import Request
from aihub_desktop.batch.signature import SUFFIX as SIGNATURE
from aihub_desktop.batch.values import Carried
from aihub_desktop.disk.files import disk_error, plain_file, sync_folder
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.holdings.discard import clear_folders, plain
from aihub_desktop.transport.ledger import moment

_SPARE: Final = 512 << 10  # for the bag's own lists
_DOCUMENTS: Final = (BAGIT, PLAN, COPIED, FILES, MISSING, PROGRAM, INFO, MANIFEST, TAG_MANIFEST, FETCH)
_LISTS: Final = (*_DOCUMENTS, *(name + NEW for name in _DOCUMENTS), TAG_MANIFEST + SIGNATURE)


@dataclass(frozen=True, slots=True)
class OpenBag:
    """A bag of the set, on its drive."""

    head: BundleHead
    drive: Drive
    folder: Path


@dataclass(slots=True)
class BundleSet:
    """What goes where. `older`: bundles on the drives that are none of this set."""

    bags: list[OpenBag]
    carried: list[Carried]
    is_new: bool = True
    is_done: bool = False
    older: list[Found] = field(default_factory=list)


def planned(
    request: Request, cargo: Cargo, drives: Sequence[Drive], by: Machine, *, replace: bool, program_bytes: int = 0
) -> BundleSet:
    """A new set, or the one that was begun for the same request and holds the same. Nothing is written.

    `replace`: what older bundles take up counts as room. Raises `ProblemError`: OTHER_BAG where one that was begun
    holds something else, DRIVE_WANTED where a drive of it is missing, NO_DRIVE_ROOM.
    """
    found = [(drive, one) for drive in drives for one in bags_on(drive)]
    if not replace:
        begun = _begun(request, cargo, found, drives)
        if begun is not None:
            begun.older = [one for _, one in found if one.head.group != begun.bags[0].head.group]
            return begun
    rooms = [_room(drive, cargo, [one for on, one in found if replace and on is drive]) for drive in drives]
    rooms[0].spare += program_bytes
    bundle = _new(request, cargo, drives, rooms, by)
    bundle.older = [one for _, one in found]
    return bundle


def _new(request: Request, cargo: Cargo, drives: Sequence[Drive], rooms: list[Room], by: Machine) -> BundleSet:
    free = sum({room.drive: room.left for room in rooms}.values())
    try:
        files = [File(item.story.place, item.story.size or 0) for item in cargo.items]
        placed = laid_out(files, rooms)
    except LackError as error:
        raise ProblemError(Code.NO_DRIVE_ROOM, need=cargo.bytes, free=free, lack=error.lack) from None
    used = sorted({portion.bag for portions in placed for portion in portions}) or [1]
    numbers = {old: new for new, old in enumerate(used, 1)}
    carried = [
        Carried(item.story, tuple(msgspec.structs.replace(one, bag=numbers[one.bag]) for one in portions))
        for item, portions in zip(cargo.items, placed, strict=True)
    ] + cargo.known
    head = BundleHead(
        VERSION, new_id(), 1, len(used), request.head.id, moment(), request.head.machine, by, len(carried)
    )
    bags = [_bag(head, number, drives[old - 1]) for old, number in numbers.items()]
    return BundleSet(bags, carried)


def _bag(head: BundleHead, number: int, drive: Drive, folder: Path | None = None) -> OpenBag:
    head = msgspec.structs.replace(head, bag=number)
    return OpenBag(head, drive, folder or drive.folder / head.folder_name)


def _room(drive: Drive, cargo: Cargo, leaving: Iterable[Found]) -> Room:
    folders = len({item.story.place.rpartition("/")[0] for item in cargo.items})
    freed = sum(map(_bytes_of, leaving))
    spare = min(_SPARE, drive.free // 16) + (folders + 8) * drive.grain
    return Room(drive.free + freed, drive.largest, drive.grain, spare, drive.device)


def _bytes_of(found: Found) -> int:
    """What goes with it, but for its lists."""
    states = (plain_file(found.folder / path) for path in _payload(found) if _is_plain(found.folder, path))
    return sum(state.st_size for state in states if state is not None)


def _begun(
    request: Request, cargo: Cargo, found: Sequence[tuple[Drive, Found]], drives: Sequence[Drive]
) -> BundleSet | None:
    groups: dict[str, list[tuple[Drive, Found]]] = {}
    for drive, one in found:
        if one.head.request == request.head.id:
            groups.setdefault(one.head.group, []).append((drive, one))
    for members in groups.values():
        unfinished = [one for _, one in members if (one.folder / PLAN).exists()]
        if not unfinished and len({one.head.bag for _, one in members}) < members[0][1].head.bags:
            continue  # the rest of a finished set is elsewhere
        carried = _all_carried([one for _, one in members], unfinished)
        if {(one.story.place, one.story.sha256) for one in carried} == cargo.contents():
            return _resumed(members, carried, drives, is_done=not unfinished)
        if unfinished:
            raise ProblemError(Code.OTHER_BAG, path=str(unfinished[0].folder))
    return None


def _all_carried(members: Sequence[Found], unfinished: Sequence[Found]) -> list[Carried]:
    """A plan has all files of the set; of a finished bag there are only those with a portion in it."""
    if unfinished:
        return list(lines_of(unfinished[0].folder / PLAN))
    found = {one.story.place: one for member in members for one in member.carried() if not one.fetch}
    return list(found.values())


def _resumed(
    members: Sequence[tuple[Drive, Found]], carried: list[Carried], drives: Sequence[Drive], *, is_done: bool
) -> BundleSet:
    head = members[0][1].head
    there = {one.head.bag: _bag(one.head, one.head.bag, drive, one.folder) for drive, one in members}
    free = [drive for drive in drives if all(drive is not bag.drive for bag in there.values())]
    for number in range(1, head.bags + 1):
        if number not in there:
            need = sum(one.length for file in carried for one in file.portions if one.bag == number)
            drive = next((one for one in free if one.free >= need), None)
            if drive is None:
                raise ProblemError(Code.DRIVE_WANTED, number=number, count=head.bags)
            free.remove(drive)
            there[number] = _bag(head, number, drive)
    head = msgspec.structs.replace(head, files=len(carried))
    return BundleSet([there[number] for number in sorted(there)], carried, is_new=False, is_done=is_done)


def drop_older(found: Found, drives: Iterable[Drive]) -> None:
    """Deletes what a bag's lists name and what is made beside that. What else lies there stays, and so do the folders
    that are the `drives` themselves. Raises `ProblemError`.
    """
    root = found.folder
    places = [*_payload(found), *(f"{INCOMING}/{name}" for name in _names_in(root / INCOMING)), *_LISTS]
    try:
        # Without its plan and its bagit.txt it is nobody's bag, so a kill in between leaves none that looks whole.
        for name in (BAGIT, PLAN):
            remove(root / name)
        sync_folder(root)
        gone = [root / place for place in places if _is_plain(root, place)]
        for path in gone:
            remove(path)
        clear_folders(root, [*gone, root / PAYLOAD / "", root / INCOMING / ""])
        if all(root != drive.folder for drive in drives):
            with contextlib.suppress(OSError):  # something else lies in it
                root.rmdir()
        sync_folder(root.parent)
    except OSError as error:
        raise disk_error(error, root) from error


def _payload(found: Found) -> list[str]:
    """By its lines; what they name elsewhere than below data/ is none of its."""
    paths = (one.path for file in found.carried() for one in file.portions if one.bag == found.head.bag)
    return [path for path in paths if path.startswith(f"{PAYLOAD}/")]


def _names_in(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)
    return []


def _is_plain(root: Path, place: str) -> bool:
    """A plain file below the root to which no link leads."""
    try:
        safe_path(place)
        return plain(root, place) is not None
    except (UnsafeNameError, FileNotFoundError):
        return False
