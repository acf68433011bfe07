"""The volumes of an archive as one run of bytes: a single file, NAME.z01 … NAME.zip, or what lies in parts of files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from aihub_desktop.disk.files import OpenFile, disk_problem
from aihub_desktop.domain.faults import Code, ProblemError

AHEAD: Final = 256 << 10  # small entries come by the dozen with one read
_ONE: Final = 4 << 10  # and of large ones nothing is wanted but the header
CHUNK: Final = 1 << 20


class Extent(NamedTuple):
    """`length` bytes of the file at `path`, from `at` on. Some of them, one after the other, are a file to be."""

    path: Path
    at: int
    length: int


class UnreadableError(ProblemError):
    """What was to be read cannot be read (any more): no matter of whatever is written meanwhile."""


class Volumes:
    """Each volume is a file, or the extents that make one. A context manager. Raises `UnreadableError` with what the
    disk says, SHORT where an extent is not there any more; BAD_ARCHIVE for bytes beyond the end.
    """

    def __init__(self, volumes: Sequence[Path | Sequence[Extent]]) -> None:
        self._files: dict[Path, OpenFile] = {}  # those that were named whole stay open
        self._current: OpenFile | None = None  # one at a time of the others, for pieces come by the thousand
        try:
            found = [[self._whole(one)] if isinstance(one, Path) else list(one) for one in volumes]
        except OSError as error:
            self.close()
            raise UnreadableError.of(disk_problem(error)) from error
        ends = list(accumulate(sum(extent.length for extent in extents) for extents in found))
        self.starts = [0, *ends][:-1]
        self.size = ends[-1] if ends else 0
        self._extents = [extent for extents in found for extent in extents]
        self._begins = [0, *accumulate(extent.length for extent in self._extents)][:-1]

    def __enter__(self) -> Volumes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        if self._current is not None:
            self._current.close()

    def volume_at(self, offset: int) -> int:
        """The number of the volume that holds this byte, from 0."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes, across volumes."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ProblemError(Code.BAD_ARCHIVE, why="beyond the end")
        data = bytearray(size)
        self.read_into(offset, memoryview(data))
        return bytes(data)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fills `view`, which must lie within."""
        while view:
            number = bisect_right(self._begins, offset) - 1
            extent, inner = self._extents[number], offset - self._begins[number]
            try:
                count = self._file(extent.path).read_at(extent.at + inner, view[: extent.length - inner])
            except OSError as error:
                raise UnreadableError.of(disk_problem(error, extent.path)) from error
            if count == 0:
                raise self._lack(extent.path)
            offset += count
            view = view[count:]

    def blocks(self, start: int, stop: int, buffer: memoryview) -> Iterator[tuple[int, memoryview]]:
        """(offset, bytes) from `start` to `stop`; each is valid until the next is asked for."""
        while start < stop:
            part = buffer[: min(len(buffer), stop - start)]
            self.read_into(start, part)
            yield start, part
            start += len(part)

    def _whole(self, path: Path) -> Extent:
        if path not in self._files:
            self._files[path] = OpenFile(path, write=False)
        return Extent(path, 0, self._files[path].size())

    def _file(self, path: Path) -> OpenFile:
        file = self._files.get(path) or self._current
        if file is None or file.path != path:
            if self._current is not None:
                self._current.close()
                self._current = None
            file = self._current = OpenFile(path, write=False)
        return file

    def _lack(self, path: Path) -> ProblemError:
        if path in self._files:  # an archive like any that was cut off
            return ProblemError(Code.BAD_ARCHIVE, why="beyond the end")
        return UnreadableError(Code.SHORT, path=str(path), why="bytes are gone")


class Window:
    """Small reads in rising order, served from larger ones, which grow while no byte is left out between them."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes
        self._data = b""
        self._start = 0
        self._ahead = _ONE // 2

    def read(self, offset: int, size: int) -> bytes:
        if not (self._start <= offset and offset + size <= self._start + len(self._data)):
            goes_on = self._start <= offset <= self._start + len(self._data)
            self._ahead = min(AHEAD, 2 * self._ahead) if goes_on else _ONE
            self._data = self._volumes.read(offset, max(size, min(self._ahead, self._volumes.size - offset)))
            self._start = offset
        return self._data[offset - self._start : offset - self._start + size]

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes start ≤ i < stop, in handy portions."""
        while start < stop:
            ready = self._start + len(self._data) - start
            if self._start <= start and ready > 0:
                data = self.read(start, min(ready, stop - start))
            else:
                data = self._volumes.read(start, min(CHUNK, stop - start))
            yield data
            start += len(data)
