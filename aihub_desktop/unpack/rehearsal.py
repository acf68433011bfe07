"""What unpacking would do, without a byte written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.archives.opening import AnyArchive, last_volume, open_archive
from aihub_desktop.disk.files import native
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.unpacking import Rehearsal, UnpackWish
from aihub_desktop.unpack import preflight
from aihub_desktop.unpack.limits import FLOOR
from aihub_desktop.unpack.places import Places
from aihub_desktop.unpack.record import record_of
from aihub_desktop.unpack.site import Site
from aihub_desktop.unpack.tally import Tally

_LOOKED_AT: Final = 5000
_NAMED: Final = 5


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
            need.missing_room, room.free, tally.refused, tally.refused_count, problem, _names(archive, wish.patterns),
            need.folders if need.missing_entries else 0, FLOOR, room.files,
        )  # fmt: skip


def _names(archive: AnyArchive, patterns: Sequence[str]) -> list[str]:
    """By which a person sees whether the encoding is right: plain ones say nothing."""
    telling: list[str] = []
    plain: list[str] = []
    places = Places(patterns)
    for item in itertools.islice(archive.items(), _LOOKED_AT):
        if places.fate(item).place:
            (plain if item.raw.isascii() else telling).append(item.name)
        if len(telling) == _NAMED:
            break
    return (telling + plain)[:_NAMED]
