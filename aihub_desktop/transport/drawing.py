"""One answer to a request for a range, onto the canvas: as long as what comes belongs to this hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from aihub_desktop.disk.reserve import Reserve
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.place import Opened
from aihub_desktop.transport.canvas import Canvas, Stroke
from aihub_desktop.transport.desk import Desk
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.spans import Claim, Spans
from aihub_desktop.transport.tap import Tap

# Of one write. As good as any larger one, and it stays in the processor's cache from the socket to the disk. Of 1 MiB
# the page cache takes folios so large that a virtual machine may have to ask its host for them: eight times as slow.
BLOCK: Final = 256 << 10
_LEAST: Final = 4 << 10  # of one write
_MANY_READS: Final = 16
_FLUSH_SECONDS: Final = 0.5
_MEMORY_SECONDS: Final = 0.5  # so much of the past says how fast a connection is


class Drawing:
    """Used once. `speed`: of its connection, in bytes a second."""

    def __init__(
        self, desk: Desk, tap: Tap, job: Job, claim: Claim, answer: Opened, *, view: memoryview, speed: float
    ) -> None:
        """`view`: `BLOCK` bytes for what has been read and is not written yet."""
        assert job.canvas is not None and job.spans is not None  # noqa: PT018
        self.speed = speed
        self._desk = desk
        self._tap = tap
        self._view = view
        self._job = job
        self._claim = claim
        self._answer = answer
        self._canvas: Canvas = job.canvas
        self._spans: Spans = job.spans
        self._reserve = Reserve()
        self._reads = self._full = 0
        # Of a small piece no more than its quarter waits to be written.
        self._block = min(BLOCK // 2, max(_LEAST, desk.order.piece_bytes // 4))

    def agree(self, mirror: int, most: int) -> None:
        """What this answer tells of the file is what the others told. Raises CHANGED, WRONG_ANSWER."""
        size, is_first = self._answer.size, not mirror % self._job.mirrors
        try:
            self._canvas.agree(size, self._answer.etag if is_first else "")
        except ProblemError as error:
            if is_first or error.problem.code is not Code.CHANGED:
                raise
            raise ProblemError(Code.WRONG_ANSWER, why="size") from None
        if size is not None:
            self._spans.learn(size, self._claim, most)
        self._job.heard = self._job.heard or self._answer.checksums

    @property
    def is_flooded(self) -> bool | None:
        """Whether there was always more to read than was taken; of a short piece nobody can say."""
        return None if self._reads < _MANY_READS else self._full >= self._reads - self._reads // 8

    def draw(self, most: Callable[[], int]) -> None:
        """Every byte that comes and is wanted is written when this returns, or raises. `most`: see `Spans.go_on`."""
        stroke = self._canvas.begin(self._claim.at)
        try:
            self._draw(stroke, most)
        finally:
            self._canvas.end(stroke)

    def _draw(self, stroke: Stroke, most: Callable[[], int]) -> None:
        pace, flushed, filled, over = self._tap.pace(), time.monotonic(), 0, False
        self._reserve.expect(self._claim.stop or 0)
        while not over:
            count = None
            try:
                if (room := self._room(filled)) > 0:
                    count = self._tap.read(self._answer.body, self._view[filled : filled + room], pace)
                    self._reads, self._full = self._reads + 1, self._full + (count == room)
                filled += count or 0
                self._claim.held = filled
            except ProblemError:
                self._flush(stroke, filled, time.monotonic())
                raise
            now = time.monotonic()
            if not count or filled >= self._block or now - flushed > _FLUSH_SECONDS:
                self._measure(filled, now - flushed)
                self._flush(stroke, filled, now)
                filled, flushed = 0, now
                # A connection that lags is given up: a new one may well be as fast as the others.
                over = self._is_over(most, ended=count == 0) or self._spans.lags(self._claim, now)

    def _room(self, filled: int) -> int:
        room = 2 * self._block - filled if self._block == BLOCK // 2 else self._block - filled
        return room if self._claim.stop is None else min(room, self._claim.stop - self._claim.at - filled)

    def _is_over(self, most: Callable[[], int], *, ended: bool) -> bool:
        """Whether there is nothing more to read for this claim. `ended`: the answer came to its clean end."""
        claim = self._claim
        if ended and claim.stop is None:
            self._spans.close(claim)
        elif ended and not claim.is_empty:
            raise ProblemError(Code.CUT, why="early-end")
        if not claim.is_empty:
            return False
        stop = self._answer.stop or 0
        more = not ended and claim.stop is not None and stop > claim.stop and not self._job.is_ending
        return not (more and not self._desk.stopped and self._spans.go_on(claim, min(most(), stop - claim.at)))

    def _flush(self, stroke: Stroke, filled: int, now: float) -> None:
        """Writes what was read, as far as it is still ours."""
        if not filled:
            self._canvas.tick(stroke)
            return
        kept = self._spans.advance(self._claim, filled, now)
        self._job.again += filled - kept
        if kept:
            self._canvas.write(stroke, self._view[:kept], self._reserve)
            self._job.moved()
        self._desk.crew.received(filled, now)

    def _measure(self, count: int, passed: float) -> None:
        if passed > 0:
            weight = passed / (passed + _MEMORY_SECONDS) if self.speed else 1.0
            self.speed = self._claim.speed = (1 - weight) * self.speed + weight * count / passed
