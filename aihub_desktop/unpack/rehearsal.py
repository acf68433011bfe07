"""What unpacking would do, without a byte written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from aihub_desktop.archives.opening import last_volume, open_archive
from aihub_desktop.disk.files import native
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.unpacking import Refused, UnpackWish
from aihub_desktop.unpack import preflight
from aihub_desktop.unpack.limits import FLOOR
from aihub_desktop.unpack.places import Places
from aihub_desktop.unpack.record import record_of
from aihub_desktop.unpack.site import Site
from aihub_desktop.unpack.tally import Tally


class Rehearsal(msgspec.Struct, frozen=True):
    """`into` as of `Unpacked`. `missing_…`: of what no earlier run has unpacked. `problem`: why it would not begin."""

    place: str
    into: str = ""
    encoding: str = ""
    entries: int = 0
    bytes: int = 0
    missing_entries: int = 0
    missing_bytes: int = 0  # on disk, in whole blocks
    free: int = 0
    refused: list[Refused] = []
    refused_count: int = 0
    problem: Problem | None = None


def rehearse(wish: UnpackWish, place: str, stopped: Callable[[], bool] = lambda: False) -> Rehearsal:
    """Of one archive of the wish. Never raises `ProblemError`: that is the `problem`."""
    folder = native(wish.folder)
    try:
        return _rehearsed(wish, folder, place, stopped)
    except ProblemError as error:
        return Rehearsal(place, problem=error.problem)


def _rehearsed(wish: UnpackWish, folder: Path, place: str, stopped: Callable[[], bool]) -> Rehearsal:
    site = Site.of(folder, last_volume(native(folder / place)), wish.into)
    tally = Tally(place)
    with open_archive(site.archive, wish.encoding, stopped) as archive:
        done = record_of(site.home, site.shown, site.into, archive.fingerprint)
        places = Places(wish.patterns, any_size=wish.any_size)
        need = preflight.survey(archive, places, done.has, tally.refuse, any_size=wish.any_size)
        room, problem = preflight.room_at(site.home), None
        try:
            preflight.check(need, room, FLOOR)
        except ProblemError as error:
            problem = error.problem
        return Rehearsal(
            place, site.seen_from(folder), archive.encoding, need.entries, need.bytes, need.missing_entries,
            need.missing_room, room.free, tally.refused, tally.refused_count, problem,
        )  # fmt: skip
