"""One file that comes from the hub and goes on into the storage, in order and in one pass.

pieces ──▶ not passed yet ──▶ hashed, looked at; gathered into a part, and the part handed over
      └──▶ passed already ──▶ compared with what passed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import xxhash

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.engine.pushing.inparts import InParts
from aihub_desktop.engine.pushing.proving import Proving

SMALL: Final = 8 << 20  # what may be as large goes in one piece, whole in memory


class Arrival:
    """Fed by one thread. `parts` None: it stays in memory until it is whole. Raises `ProblemError`."""

    def __init__(self, file: RemoteFile, proving: Proving, parts: InParts | None) -> None:
        self.seen = False
        self.proving = proving
        self.parts = parts
        self._file = file
        self._length = SMALL if parts is None else parts.part_bytes
        self._body = bytearray()  # of the part that is gathered
        self._marks: list[str] = []  # of parts that were handed over
        self._at = 0
        self._passing: xxhash.xxh3_128 | None = None  # of a part that passes again, from its beginning

    @property
    def size(self) -> int:
        return self.proving.size

    @property
    def body(self) -> bytearray:
        """What no part has yet."""
        return self._body

    def begin(self, offset: int, size: int) -> None:
        """What `take` is given next are the bytes offset ≤ i < offset + size. Raises WRONG_SIZE, MISPLACED."""
        self.seen = True
        shown = self._file.size
        if offset + size > shown.high:
            raise ProblemError(Code.WRONG_SIZE, size=offset + size, shown=shown.shown)
        if offset > self.size:
            raise ProblemError(Code.MISPLACED, number=offset)
        self._at, self._passing = offset, None

    def take(self, view: memoryview) -> None:
        """The next bytes."""
        known = min(max(0, self.size - self._at), len(view))
        if known:
            self._compare(view[:known])
        if fresh := view[known:]:
            self.proving.take(fresh)
            self._gather(fresh)
        self._at += len(fresh)

    def conclude(self, stopped: Callable[[], bool]) -> None:
        """The tar's end was seen. Raises MISSING_MEMBER, SHORT."""
        if not self.seen:
            raise ProblemError(Code.MISSING_MEMBER)
        if self.size < self._file.size.low:
            raise ProblemError(Code.SHORT)

    def flush(self) -> None:
        """The last part is handed over."""
        if self.parts is not None and (self._body or not self._marks):
            self._hand_over()

    def _gather(self, view: memoryview) -> None:
        while view:
            part = view[: self._length - len(self._body)]
            self._body += part
            view = view[len(part) :]
            if len(self._body) == self._length and self.parts is not None:
                self._hand_over()

    def _hand_over(self) -> None:
        assert self.parts is not None
        body, self._body = self._body, bytearray()
        self._marks.append(xxhash.xxh3_128_hexdigest(body))
        self.parts.part(len(self._marks), memoryview(body))

    def _compare(self, view: memoryview) -> None:
        """Bytes that passed before in this answer. Those of a part whose beginning does not pass again are let be."""
        while view:
            number, inner = divmod(self._at, self._length)
            part = view[: self._length - inner]
            if number == len(self._marks):
                if self._body[inner : inner + len(part)] != part:
                    raise ProblemError(Code.OVERLAPPING)
            else:
                self._compare_with(self._marks[number], inner, part)
            self._at += len(part)
            view = view[len(part) :]

    def _compare_with(self, mark: str, inner: int, part: memoryview) -> None:
        if not inner:
            self._passing = xxhash.xxh3_128()
        if self._passing is not None:
            self._passing.update(part)
            if inner + len(part) == self._length and self._passing.hexdigest() != mark:
                raise ProblemError(Code.OVERLAPPING)
