"""What may lie in a folder of one dataset's files, and where the bytes of each are. Values, and a way to read them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from aihub_desktop.disk.files import OpenFile, disk_problem
from aihub_desktop.domain.adoption import Origin, State
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile

BLOCK: Final = 1 << 20


class Extent(NamedTuple):
    """`length` bytes of the file at `path`, from `at` on. A tuple of them, one after the other, is a file to be."""

    path: Path
    at: int
    length: int


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

    def of(self, work: WorkFile) -> list[Find]:
        """What could become this file, the best first."""
        return self.by_work().get(work.id, [])

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


class UnreadableError(ProblemError):
    """What was found cannot be read (any more): a matter of this find alone."""


class View:
    """Extents read as one run of bytes. A context manager; every method raises `UnreadableError` with what the disk
    says, SHORT where a file has become shorter than it was.
    """

    def __init__(self, extents: Sequence[Extent]) -> None:
        self._extents = extents
        self._starts = [0, *accumulate(extent.length for extent in extents)]
        self.size = self._starts[-1]
        self._file: OpenFile | None = None
        self._path: Path | None = None

    def __enter__(self) -> View:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        file, self._file, self._path = self._file, None, None
        if file is not None:
            file.close()

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes. Raises BAD_ARCHIVE for bytes beyond either end."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ProblemError(Code.BAD_ARCHIVE, why="beyond the end")
        data = bytearray(size)
        self.read_into(offset, memoryview(data))
        return bytes(data)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fills `view`, which must lie within."""
        while view:
            number = bisect_right(self._starts, offset) - 1
            extent, inner = self._extents[number], offset - self._starts[number]
            part = view[: extent.length - inner]
            count = self._read_some(extent.path, extent.at + inner, part)
            offset += count
            view = view[count:]

    def blocks(self, start: int, stop: int, buffer: memoryview) -> Iterator[tuple[int, memoryview]]:
        """(offset, bytes) from `start` to `stop`; each is valid until the next is asked for."""
        while start < stop:
            part = buffer[: min(len(buffer), stop - start)]
            self.read_into(start, part)
            yield start, part
            start += len(part)

    def _read_some(self, path: Path, offset: int, view: memoryview) -> int:
        try:
            if self._path != path or self._file is None:
                self.close()
                self._file, self._path = OpenFile(path, write=False), path
            count = self._file.read_at(offset, view)
        except OSError as error:
            raise UnreadableError.of(disk_problem(error, path)) from error
        if count == 0:
            raise UnreadableError(Code.SHORT, path=str(path), why="bytes are gone")
        return count
