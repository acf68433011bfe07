"""Which file of the tree a name on disk means, and how pieces of one file lie together. Pure.

On disk blanks are "_" and Korean may be decomposed; folders above may be missing or may be more than the tree's;
browsers put " (1)" behind a name that was taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import Extent
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.names import match_key, split_piece
from aihub_desktop.transport.routing import Placement

_SECOND: Final = re.compile(r"(?P<stem>.+?)_?\([0-9]{1,3}\)(?P<end>\.[^.]+)?", re.DOTALL)
# Where a tree has one name in more folders than this, no size could tell which it is.
_TOLD_BY_SIZE: Final = 64


class Names:
    """The files of a tree by their names."""

    def __init__(self, works: Iterable[WorkFile]) -> None:
        self._by_end: dict[str, list[WorkFile]] = defaultdict(list)
        for work in works:
            for end in _ends(match_key(work.file.path)):
                self._by_end[end].append(work)

    def matches(self, path: str, size: int | None = None) -> list[WorkFile]:
        """The files that `path` (below the folder, parts joined by "/") may mean: those with which it shares the
        most parts, from the name upwards. Of several, those that may have this size, if any.
        """
        key = match_key(path)
        found = self._nearest(key)
        if not found and (second := _SECOND.fullmatch(key.rpartition("/")[2])):
            found = self._nearest(key[: len(key) - len(second[0])] + second["stem"] + (second["end"] or ""))
        if 1 < len(found) <= _TOLD_BY_SIZE and size is not None:
            return [work for work in found if work.file.size.allows(size)] or found
        return found

    def piece(self, path: str) -> tuple[list[WorkFile], int] | None:
        """(files, number) for a path like NAME.part1073741824 that is no file of the tree itself."""
        found = split_piece(path)
        works = self.matches(found[0]) if found else []
        return (works, found[1]) if found and works else None

    def _nearest(self, key: str) -> list[WorkFile]:
        return next((self._by_end[end] for end in _ends(key) if end in self._by_end), [])


def _ends(path: str) -> Iterator[str]:
    """The path itself, then without its first folder, and so on to the name."""
    yield path
    while slash := path.find("/") + 1:
        path = path[slash:]
        yield path


class Scrap(NamedTuple):
    """One piece: `number` as its name has it; `size` as it should be, of which `have` bytes are there."""

    number: int
    path: Path
    at: int
    size: int
    have: int


class Joined(NamedTuple):
    """Pieces in order from the start of the file. `is_gapless`: none is missing between them, none is cut off."""

    extents: tuple[Extent, ...]
    size: int
    is_gapless: bool


def join(scraps: Iterable[Scrap]) -> Joined:
    """Numbers are byte offsets, or as far as the sizes prove it, counted. Of a piece that is there twice the longer."""
    placement, extents, end = Placement(), list[Extent](), 0
    numbers: set[int] = set()
    for scrap in sorted(scraps, key=lambda scrap: (scrap.number, -scrap.have)):
        if scrap.number in numbers:
            continue
        numbers.add(scrap.number)
        try:
            start = placement.offset(scrap.number, scrap.size)
        except ProblemError:
            return Joined(tuple(extents), end, False)
        known = end - start
        if known < 0:
            return Joined(tuple(extents), end, False)
        if scrap.have > known:
            extents.append(Extent(scrap.path, scrap.at + known, scrap.have - known))
            end = start + scrap.have
        if scrap.have < scrap.size:
            return Joined(tuple(extents), end, False)
    return Joined(tuple(extents), end, bool(numbers))
