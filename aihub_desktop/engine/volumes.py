"""What volumes allow: who may begin, who has to stop, and who goes on by itself. Pure, like the core it belongs to.

    Looked, Surveyed ──→ Room of each volume ──→ plan: NO_ROOM, FILE_TOO_LARGE before the first byte
                                                       DISK_FULL for all on a volume at once
                                                       the transfers whose cause is gone

A volume keeps a floor free, and a transfer begins only where what is surely still to come fits above it. Who
waits is looked at as often as who runs, so nobody has to say that there is room again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aihub_desktop.disk.volume import Mark, Volume
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.names import OWN_FOLDER, PART
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, FileState, TransferState
from aihub_desktop.engine.deeds import Looked, Survey, Surveyed, Word
from aihub_desktop.engine.outcome import Outcome
from aihub_desktop.engine.records import Book, FileRecord, Moment, TransferRecord

SURVEY_SECONDS: Final = 3.0  # at 100 MB/s a floor of 2 GB is met within 300 MB
_HANGS_SECONDS: Final = 60.0  # a share that says nothing for so long is away
_LONGEST_WAIT: Final = 600.0
_MARGIN: Final = 256 << 20  # above the floor before those that were stopped by it go on
# The floor of a small volume: a share of it, else nothing could ever be put on an old memory stick.
_FLOOR_SHARE: Final = 20
# What takes so small a share of the room that is left needs no floor: a few files on a disk that is nearly full.
_TRIFLE_SHARE: Final = 20
# A transfer this near its end may go below the floor: to stop it there would cost more than the floor is worth.
_LAST_SHARE: Final = 2
_TRACES: Final = 20
# They know no holes: each write beyond the end fills all before it. Most sticks have one of them.
_SLOW_TO_SEEK: Final = frozenset({"exfat", "vfat", "msdos", "fat", "fat32", "fuseblk"})

LOST: Final = frozenset({Code.TARGET_MISSING, Code.DRIVE_MISSING})
# What is looked at again until it is gone. An error of the disk takes a person's word: the next try may cost more.
_HEALING: Final = frozenset({Code.NO_ROOM, Code.DISK_FULL, Code.NOT_WRITABLE, *LOST})
_SURVEYED: Final = _HEALING | {Code.DISK_ERROR}


def floor_of(total: int, wanted: int) -> int:
    """How much of a volume of `total` bytes stays free where `wanted` bytes should."""
    return min(wanted, total // _FLOOR_SHARE)


def usable(free: int, total: int, floor: int) -> int:
    """How many bytes may still be taken of a volume."""
    return max(free - floor_of(total, floor), free // _TRIFLE_SHARE)


def place_problem(folder: str, known: Mark | None, here: Mark, *, exists: bool, ours: bool, word: Word) -> Code | None:
    """Why a folder must not be used or, where it does not exist, not be made; None where it may be.

    `known` is the volume of before, `here` the one that holds the folder or would; `ours`: what we left there
    before is there. A person may carry a folder to another drive, but an empty one there is no folder of ours.
    `folder` is free of links.
    """
    if known is None or word is Word.ACCEPTED:
        return None
    same, asked = known.is_same(here), word is Word.ASKED
    if (exists and (same or ours)) or (asked and (same or known.mount == here.mount)):
        # Also where the folder was deleted, or a new drive has taken the place of the old, and a person asks again.
        return None
    if asked and exists and folder != known.mount:
        return None  # somebody has made it in the drive's absence; an empty mount point nobody has
    return Code.TARGET_MISSING if same else Code.DRIVE_MISSING


@dataclass(slots=True, eq=False)
class Room:
    """A volume as it was last seen."""

    volume: Volume
    full: bool = False  # nothing begins here
    again_at: float = 0.0
    wait: float = 0.0

    def filled(self, now: Moment) -> None:
        # Where a quota is used up there seems to be room all the time: then each try comes later than the last.
        self.full, self.again_at = True, now.steady + self.wait


class Volumes:
    """The decisions. `survey_seconds`: how often a volume in use is looked at. `counts`: which transfers move."""

    def __init__(
        self, book: Book, outcome: Outcome, counts: Callable[[TransferRecord], bool], survey_seconds: float
    ) -> None:
        self._book = book
        self._outcome = outcome
        self._counts = counts
        self._every = survey_seconds
        self._next = 0.0
        self._rooms: dict[int, Room] = {}

    # ---- what was seen ----

    def looked(self, answer: Looked, now: Moment) -> None:
        transfer = self._book.transfers.get(answer.transfer)
        if transfer is None or not transfer.loaded:
            return
        if answer.volume is not None:
            self._see(transfer, answer.volume)
            if transfer.volume != (mark := str(answer.volume.mark)):
                self._book.set_transfer(transfer, volume=mark)
        if transfer.berth.spoken:
            self._forget_waits(transfer)
        transfer.berth.admitted = False
        for key, standing in answer.standings.items():
            if (file := self._book.files.get(key)) is not None:
                self._book.allot(file, standing.allocated)
        self._outcome.looked(answer, now)

    def surveyed(self, answer: Surveyed, now: Moment) -> None:
        transfer = self._book.transfers.get(answer.transfer)
        if transfer is None:
            return
        transfer.berth.asked_at = None
        if answer.problem is not None:
            self._tell(transfer, answer.problem)
            transfer.berth.again_at = transfer.berth.wait = 0.0
            return
        if answer.volume is not None:
            self._see(transfer, answer.volume)
        for key, size in answer.allocated.items():
            if (file := self._book.files.get(key)) is not None:
                self._book.allot(file, size)

    def _see(self, transfer: TransferRecord, volume: Volume) -> None:
        berth = transfer.berth
        berth.device, berth.sound = volume.device, True
        room = self._rooms.setdefault(volume.device, Room(volume))
        room.volume = volume

    def _forget_waits(self, transfer: TransferRecord) -> None:
        transfer.berth.spoken = False
        transfer.berth.again_at = transfer.berth.wait = 0.0
        if (room := self._room(transfer)) is not None:
            room.again_at = room.wait = 0.0

    def _tell(self, transfer: TransferRecord, problem: Problem) -> None:
        """Stops the transfer, or says more exactly why it stands."""
        transfer.berth.sound = False
        if transfer.state in TRANSFER_MAY_RUN:
            self._outcome.meet(transfer, problem)
        elif transfer.state is TransferState.NEEDS_USER and transfer.problem:
            old = transfer.problem.code
            nearer = problem.code in LOST if old is Code.DISK_ERROR else old in _HEALING
            if nearer and old is not problem.code:
                self._book.set_transfer(transfer, problem=problem)

    # ---- planning ----

    def plan(self, now: Moment, floor: int) -> list[TransferRecord]:
        """Stops what has to stop. Returns the transfers that go on by themselves now: to be looked at anew."""
        moving = [one for one in self._book.transfers.values() if one.loaded and self._counts(one)]
        moving.sort(key=lambda one: one.turn)  # whoever comes first has the room
        self._ask(moving, now)
        again = [transfer for room in self._rooms.values() for transfer in self._judge(room, moving, now, floor)]
        for transfer in moving:
            if transfer.state in TRANSFER_MAY_RUN and transfer.looked and not transfer.berth.admitted:
                self._admit(transfer, moving, now, floor)
            elif self._heals(transfer, moving, now, floor):
                again.append(transfer)
                transfer.berth.admitted = True  # its room is taken until it was looked at anew
        for transfer in again:
            berth = transfer.berth
            berth.sound, berth.again_at = False, now.steady + berth.wait
            berth.wait = self._longer(berth.wait)
        return again

    def next_moment(self) -> float | None:
        """When `plan` may next have something to ask, by the steady clock; None while nothing is under way."""
        moving = (one for one in self._book.transfers.values() if one.loaded and self._counts(one))
        return self._next if any(self._is_watched(one) for one in moving) else None

    def device_of(self, transfer: int) -> int:
        """Of the volume on which its workers must find the folder; 0 for any."""
        found = self._book.transfers.get(transfer)
        return (found.berth.device or 0) if found else 0

    def is_slow_to_seek(self, transfer: int) -> bool:
        """Whether few should write to its volume, and in order."""
        found = self._book.transfers.get(transfer)
        room = self._room(found) if found else None
        return room is not None and (room.volume.turns or room.volume.file_system.lower() in _SLOW_TO_SEEK)

    def usable(self, volume: Volume, floor: int) -> int:
        """What may still be taken of a volume, beside what is to come of those that run on it."""
        moving = (one for one in self._book.transfers.values() if one.loaded and self._counts(one))
        running = (one for one in moving if one.berth.device == volume.device and one.state in TRANSFER_MAY_RUN)
        return max(0, usable(volume.free, volume.total, floor) - sum(one.still_low for one in running))

    def _is_watched(self, transfer: TransferRecord) -> bool:
        if transfer.state is TransferState.NEEDS_USER:
            return stands_at(transfer, *_SURVEYED)
        return transfer.running > 0 and transfer.berth.device is not None

    def _ask(self, moving: list[TransferRecord], now: Moment) -> None:
        if now.steady < self._next:
            return
        self._next = now.steady + self._every
        for transfer in moving:
            if not self._is_watched(transfer):
                continue
            if (asked_at := transfer.berth.asked_at) is None:
                transfer.berth.asked_at = now.steady
                self._outcome.do(self._survey(transfer))
            elif now.steady - asked_at > _HANGS_SECONDS:
                self._tell(transfer, Problem(Code.DRIVE_MISSING, {"path": transfer.folder}))

    def _survey(self, transfer: TransferRecord) -> Survey:
        leases = self._book.leases_of(transfer)
        parts = {key: self._book.files[key].place for lease in leases for key in lease.files}
        # Of a folder that is in use nobody has carried the content to another drive.
        waits = transfer.state is TransferState.NEEDS_USER
        traces = [OWN_FOLDER, *_left(self._book.files_of(transfer))] if waits else []
        probe = stands_at(transfer, Code.NOT_WRITABLE)
        return Survey(transfer.id, transfer.folder, transfer.volume, parts, traces, probe)

    # ---- full ----

    def _judge(self, room: Room, moving: list[TransferRecord], now: Moment, floor: int) -> list[TransferRecord]:
        """Those who go on, where a volume has room again; where it has none left, all stop."""
        here = [one for one in moving if one.berth.device == room.volume.device]
        standing = [one for one in here if stands_at(one, Code.DISK_FULL)]
        running = [one for one in here if one.state in TRANSFER_MAY_RUN]
        if (standing and not room.full) or self._is_below(room, running, floor):
            room.filled(now)
        if self._reopens(room, standing, running, now, floor):
            room.full, room.wait = False, self._longer(room.wait)
            return standing
        for transfer in running:
            if room.full and (transfer.still_high or transfer.endless):
                self._outcome.meet(transfer, Problem(Code.DISK_FULL, {"path": transfer.folder}))
        return []

    def _reopens(
        self, room: Room, standing: list[TransferRecord], running: list[TransferRecord], now: Moment, floor: int
    ) -> bool:
        if not room.full:
            return False
        if not self._is_clear(room, [*standing, *running], floor):
            room.again_at = room.wait = 0.0
            return False
        return now.steady >= room.again_at and all(one.berth.sound for one in standing)

    def _is_below(self, room: Room, running: list[TransferRecord], floor: int) -> bool:
        free, total = room.volume.free, room.volume.total
        left = sum(one.still_high for one in running if one.berth.admitted)
        endless = any(one.endless for one in running if one.berth.admitted)
        return free < floor_of(total, floor) and (endless or (left > 0 and left > free // _LAST_SHARE))

    def _is_clear(self, room: Room, waiting: list[TransferRecord], floor: int) -> bool:
        """Room enough that nobody has to stop again at once."""
        free, total = room.volume.free, room.volume.total
        keep = floor_of(total, floor)
        margin = min(_MARGIN, total // _FLOOR_SHARE)
        if free >= keep + margin:
            return True
        left = sum(one.still_high for one in waiting)
        return not any(one.endless for one in waiting) and left <= usable(free, total, floor)

    def _longer(self, wait: float) -> float:
        return min(max(2 * wait, 2 * self._every), _LONGEST_WAIT)

    # ---- room ----

    def _admit(self, transfer: TransferRecord, moving: list[TransferRecord], now: Moment, floor: int) -> None:
        room = self._room(transfer)
        if room is not None and room.volume.largest is not None:
            self._refuse_large(transfer, room.volume.largest, room.volume.file_system)
            self._outcome.settle(transfer, now)
            if transfer.state not in TRANSFER_MAY_RUN:
                return
        problem = self._lack(transfer, moving, floor)
        if problem is None:
            transfer.berth.admitted = True
        else:
            self._outcome.meet(transfer, problem)

    def _heals(self, transfer: TransferRecord, moving: list[TransferRecord], now: Moment, floor: int) -> bool:
        berth = transfer.berth
        if not berth.sound:
            return False
        if stands_at(transfer, Code.NO_ROOM) and self._lack(transfer, moving, floor) is not None:
            berth.again_at, berth.wait, berth.sound = 0.0, 0.0, False  # asked anew at the next survey
            return False
        return now.steady >= berth.again_at and stands_at(transfer, Code.NO_ROOM, Code.NOT_WRITABLE, *LOST)

    def _lack(self, transfer: TransferRecord, moving: list[TransferRecord], floor: int) -> Problem | None:
        """Whether what is surely to come of `transfer` does not fit beside those who came before it."""
        room = self._room(transfer)
        if room is None or not (transfer.still_low or transfer.endless):
            return None
        others = [one for one in moving if one is not transfer and one.berth.device == transfer.berth.device]
        taken = sum(
            one.still_low
            for one in others
            if (one.berth.admitted and one.state is not TransferState.PAUSED)
            or (one.state in TRANSFER_MAY_RUN and one.turn < transfer.turn)
        )
        volume = room.volume
        # Of files without a known size all that can be asked is that the floor is there.
        above_floor = not transfer.endless or volume.free >= floor_of(volume.total, floor)
        if above_floor and transfer.still_low + taken <= usable(volume.free, volume.total, floor):
            return None
        facts: dict[str, str | int] = {"need": transfer.still_low, "free": volume.free, "path": transfer.folder}
        more = {"taken": taken, "floor": floor_of(volume.total, floor)}
        return Problem(Code.NO_ROOM, facts | {name: value for name, value in more.items() if value})

    def _refuse_large(self, transfer: TransferRecord, largest: int, file_system: str) -> None:
        for file in self._book.files_of(transfer):
            if file.state is FileState.WAITING and file.remote.size.low > largest:
                facts: dict[str, str | int] = {"name": file.place, "file_system": file_system}
                self._book.set_file(file, state=FileState.FAILED, problem=Problem(Code.FILE_TOO_LARGE, facts))

    def _room(self, transfer: TransferRecord) -> Room | None:
        return None if transfer.berth.device is None else self._rooms.get(transfer.berth.device)


def stands_at(transfer: TransferRecord, *codes: Code) -> bool:
    """Whether it waits for the user, or for the volume, because of one of these."""
    problem = transfer.problem if transfer.state is TransferState.NEEDS_USER else None
    return problem is not None and problem.code in codes


def _left(files: list[FileRecord]) -> Iterator[str]:
    """Names below the folder that some of the files have left there."""
    found = (file.place for file in files if file.bytes and file.state is not FileState.SKIPPED)
    for place in itertools.islice(found, _TRACES):
        yield from (place, place + PART)
