"""Split archives: NAME.z01, NAME.z02 … NAME.zip are one archive in volumes, and only all of them can be proved."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

_VOLUME: Final = re.compile(r"(?P<stem>.+)\.(?:zip|z(?!0+$)(?P<number>[0-9]{2,5}))", re.IGNORECASE | re.DOTALL)

K = TypeVar("K")


def volume_of(path: str) -> tuple[str, int] | None:
    """(set's name, place in the set) for a name that could be a volume; NAME.zip is the last: place 0."""
    found = _VOLUME.fullmatch(path)
    if found is None:
        return None
    return found["stem"].casefold(), int(found["number"] or 0)


def whole_sets(paths: Mapping[K, str] | Iterable[tuple[K, str]]) -> dict[K, tuple[K, ...]]:
    """For each file that is a volume of a set that is all here: the keys of all its volumes, in order.

    A set is all here when NAME.zip and NAME.z01 to NAME.zN are, without a gap. What cannot be proved
    together (volumes without their set) is left out: each such file stands for itself.
    """
    found: dict[str, dict[int, K]] = defaultdict(dict)
    for key, path in paths.items() if isinstance(paths, Mapping) else paths:
        if (volume := volume_of(path)) is not None:
            found[volume[0]][volume[1]] = key
    sets: dict[K, tuple[K, ...]] = {}
    for volumes in found.values():
        if len(volumes) > 1 and set(volumes) == set(range(len(volumes))):
            unit = tuple(volumes[number] for number in [*range(1, len(volumes)), 0])
            sets.update(dict.fromkeys(unit, unit))
    return sets
