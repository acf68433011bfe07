"""What may lie in a folder of one dataset's files, and where the bytes of each are. Values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent
from aihub_desktop.domain.adoption import Origin, State
from aihub_desktop.domain.leases import WorkFile


@dataclass(frozen=True, slots=True)
class Find:
    """Something that has to do with a file of the tree; `work` None where it cannot be told with which.

    `path`: what a person sees, below the folder. `size`: bytes that are there. `in_place`: under its final name
    already. `knows_end`: that these are all the bytes is known from elsewhere than the rounded size of the tree.
    `others`: other orders in which the pieces of a wrong merge may belong together.
    """

    path: str
    origin: Origin
    state: State
    work: WorkFile | None
    size: int
    extents: tuple[Extent, ...] = ()
    in_place: bool = False
    knows_end: bool = True
    others: tuple[tuple[Extent, ...], ...] = ()

    @property
    def single(self) -> Path | None:
        """The one file that holds these bytes and no others, if there is one."""
        if self.origin is Origin.FILE and len(self.extents) == 1:
            return self.extents[0].path
        return None


ADOPTABLE: Final = frozenset({State.WHOLE, State.MISJOINED})


@dataclass(slots=True)
class Survey:
    """All that was found for one dataset. `works`: the files of the tree that can have a place on disk."""

    folder: Path
    target: Path
    works: list[WorkFile]
    finds: list[Find] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # folders

    def by_work(self) -> dict[int, list[Find]]:
        """Finds that could be adopted, by the file's id, the best first."""
        found: dict[int, list[Find]] = {}
        for find in self.finds:
            if find.work is not None and find.state in ADOPTABLE:
                others = [replace(find, extents=extents, others=()) for extents in find.others]
                found.setdefault(find.work.id, []).extend([find, *others])
        for finds in found.values():
            finds.sort(key=_preference)
        return found

    def recorded(self) -> set[int]:
        return {find.work.id for find in self.finds if find.work is not None and find.state is State.RECORDED}

    def copied(self) -> list[Find]:
        """Whole files that lie elsewhere, and without `move` take their room a second time."""
        best = [finds[0] for finds in self.by_work().values()]
        return [find for find in best if find.single is not None and not find.in_place and find.state is State.WHOLE]

    def missing(self) -> list[WorkFile]:
        """Files of the tree of which nothing was found that could be adopted."""
        there = self.recorded() | set(self.by_work())
        return [work for work in self.works if work.id not in there]


_ORIGINS: Final = {Origin.PART: 0, Origin.FILE: 1, Origin.PIECES: 2, Origin.TAR: 3}


def _preference(find: Find) -> tuple[bool, bool, int, str]:
    return (find.state is not State.WHOLE, not find.in_place, _ORIGINS[find.origin], find.path)
