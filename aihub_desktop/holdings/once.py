"""Archives of a batch that were unpacked to their end, so that they are not opened again as long as they are the same.

    FOLDER/.aihub/unpacked.jsonl    ["PLACE", "SHA256"] a line; of a split set the hash of its volumes' hashes

What stands is in the records of unpacking, and this is needed by nothing: without it an archive is opened once more.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.disk.patience import contents
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.holdings.told import UNREADABLE
from aihub_desktop.holdings.writing import replaced
from aihub_desktop.transport.ledger import Entry, own_folder

NAME: Final = "unpacked.jsonl"


class Archive(msgspec.Struct, frozen=True, array_like=True):
    """An archive and what it is made of; of a split set the place of its last volume."""

    place: str
    sha256: str


def archives(entries: Sequence[Entry], places: Iterable[str]) -> list[Archive]:
    """Those of proved files that lie at `places`."""
    sets: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if (volume := volume_of(entry.place)) is not None:
            sets[volume[0]].append(entry)
    known = {entry.place: entry for entry in entries}
    return [Archive(place, _hash(known[place], sets)) for place in places]


def done(folder: Path | str) -> set[Archive]:
    """What was unpacked to its end, as far as it is remembered."""
    found = set()
    with contextlib.suppress(ProblemError, OSError):
        path = own_folder(native(folder)) / NAME
        if plain_file(path) is not None:
            for line in contents(path).split(b"\n"):
                with contextlib.suppress(*UNREADABLE):
                    found.add(msgspec.json.decode(line, type=Archive))
    return found


def remember(folder: Path | str, archives: Iterable[Archive]) -> None:
    """These, in place of what was known of their places. Where nothing can be written nothing is remembered."""
    new = {one.place: one for one in archives}
    if not new:
        return
    kept = [one for one in done(folder) if one.place not in new]
    with contextlib.suppress(ProblemError, OSError), replaced(own_folder(native(folder)) / NAME) as file:
        lines = sorted([*kept, *new.values()], key=lambda one: one.place)
        file.writelines(msgspec.json.encode(one) + b"\n" for one in lines)


def _hash(entry: Entry, sets: dict[str, list[Entry]]) -> str:
    volume = volume_of(entry.place)
    volumes = sets[volume[0]] if volume is not None else [entry]
    if len(volumes) == 1:
        return entry.sha256
    parts = sorted((volume_of(one.place) or ("", 0), one.sha256) for one in volumes)
    return hashlib.sha256("\n".join(sha256 for _, sha256 in parts).encode()).hexdigest()
