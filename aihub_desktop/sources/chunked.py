"""Chunked transfer coding, undone in place. Pure, no I/O.

What was received lies in a buffer; the chunk sizes and line ends between the data are squeezed out by moving the
data together at its front. A read that falls within one chunk moves nothing at all.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

LONGEST_LINE: Final = 4096  # a chunk size with its extensions, or one trailer
MOST_TRAILERS: Final = 100

# The line end after a chunk and the next size, when they lie in the buffer whole: nearly always.
_BETWEEN: Final = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")
# Blanks after the size are not in the grammar, but old servers pad it.
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?")


class _Expects(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class Dechunker:
    """One chunked body. Any cutting of the same bytes gives the same data."""

    def __init__(self) -> None:
        self._expects = _Expects.SIZE
        self._left = 0  # bytes of the chunk still to come
        self._line = bytearray()
        self._trailers = 0

    @property
    def at_end(self) -> bool:
        return self._expects is _Expects.NOTHING

    def take(self, view: memoryview) -> int:
        """Undoes the coding of the received bytes in `view`: how many bytes of data now lie at its front.

        Bytes behind the end of the body are dropped. Raises `ProblemError` CUT for what is not chunked coding.
        """
        at, kept, stop = 0, 0, len(view)
        while at < stop:
            match self._expects:
                case _Expects.DATA:
                    at, kept = self._data(view, at, kept)
                case _Expects.NOTHING:
                    break
                case _:
                    at = self._between(view, at)
        return kept

    def end(self) -> None:
        """The connection has ended. Raises `ProblemError` CUT if the body has not."""
        if not self.at_end:
            raise ProblemError(Code.CUT, why="early-end")

    def _data(self, view: memoryview, at: int, kept: int) -> tuple[int, int]:
        """Moves the data of chunks that follow one another: where to go on, and where the next data belong."""
        left, stop = self._left, len(view)
        while (end := at + left) <= stop:
            if at != kept:
                view[kept : kept + left] = view[at:end]
            kept += left
            found = _BETWEEN.match(view, end)
            if found is None:
                self._left, self._expects = 0, _Expects.DATA_END
                return end, kept
            at, left = found.end(), int(found[1], 16)
            if not left:
                self._begin_chunk(0)
                return at, kept
        if at != kept:
            view[kept : kept + stop - at] = view[at:stop]
        self._left = end - stop
        return stop, kept + stop - at

    def _between(self, view: memoryview, at: int) -> int:
        """Reads what stands between two chunks, at least a byte of it: where to go on."""
        part = bytes(view[at : at + LONGEST_LINE])
        newline = part.find(b"\n")
        self._line += part if newline < 0 else part[: newline + 1]
        if len(self._line) > LONGEST_LINE:
            raise _malformed()
        if newline < 0:
            return at + len(part)
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise _malformed()
        self._take_line(line[:-2])
        return at + newline + 1

    def _take_line(self, line: bytes) -> None:
        match self._expects:
            case _Expects.DATA_END:
                if line:
                    raise _malformed()
                self._expects = _Expects.SIZE
            case _Expects.SIZE:
                found = _SIZE.fullmatch(line)
                if found is None:
                    raise _malformed()
                self._begin_chunk(int(found[1], 16))
            case _:
                self._trailers += 1
                if self._trailers > MOST_TRAILERS:
                    raise _malformed()
                if not line:
                    self._expects = _Expects.NOTHING

    def _begin_chunk(self, size: int) -> None:
        self._left = size
        self._expects = _Expects.DATA if size else _Expects.TRAILER


def _malformed() -> ProblemError:
    return ProblemError(Code.CUT, why="malformed-chunk")
