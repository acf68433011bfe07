"""The volumes of an archive as one run of bytes: a single file, or NAME.z01 … NAME.zip."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Final

from aihub_desktop.disk.files import OpenFile, disk_error
from aihub_desktop.domain.faults import Code, ProblemError

AHEAD: Final = 256 << 10  # small entries come by the dozen with one read
_ONE: Final = 4 << 10  # and of large ones nothing is wanted but the header
CHUNK: Final = 1 << 20


class Volumes:
    """A context manager. Raises `ProblemError`: what the disk says, BAD_ARCHIVE for bytes beyond the end."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files: list[OpenFile] = []
        try:
            for path in paths:
                self._files.append(OpenFile(path, write=False))
            sizes = [file.size() for file in self._files]
        except OSError as error:
            self.close()
            raise disk_error(error) from error
        self.starts = [0, *accumulate(sizes)][:-1]
        self.size = sum(sizes)

    def __enter__(self) -> Volumes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for file in self._files:
            file.close()

    def volume_at(self, offset: int) -> int:
        """The number of the volume that holds this byte, from 0."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes, across volumes."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ProblemError(Code.BAD_ARCHIVE, why="beyond the end")
        data = bytearray(size)
        view = memoryview(data)
        while view:
            number = self.volume_at(offset)
            try:
                count = self._files[number].read_at(offset - self.starts[number], view)
            except OSError as error:
                raise disk_error(error, self._files[number].path) from error
            if count == 0:
                raise ProblemError(Code.BAD_ARCHIVE, why="beyond the end")
            offset += count
            view = view[count:]
        return bytes(data)


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
