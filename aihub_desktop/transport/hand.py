"""One connection's worth of work: asks the desk what to do, and does it, until there is nothing more."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from typing import Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Gather, Proof
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.sources.place import Lane, Opened
from aihub_desktop.transport.batch import Small
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.buffer import Buffer
from aihub_desktop.transport.canvas import Stroke
from aihub_desktop.transport.companion import LAG, Companion
from aihub_desktop.transport.desk import Desk, have
from aihub_desktop.transport.disk import disk_error, plain_file
from aihub_desktop.transport.inflow import Inflow
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.journal import Identity, JournalState, read_journal
from aihub_desktop.transport.pace import Pace
from aihub_desktop.transport.part import usable
from aihub_desktop.transport.reserve import Reserve
from aihub_desktop.transport.sink import Sink
from aihub_desktop.transport.spans import Claim, Spans

SMALL: Final = 1 << 20  # what is not longer is held in memory whole
_BLOCK: Final = 1 << 20  # of one write
_FLUSH_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 4.0  # worth of bytes in one request, so that the way to the place and back costs little
_MOST_PIECES: Final = 8  # in one request
_STREAM_BUFFER: Final = 16 << 20
_log = logging.getLogger(__name__)


class Hand:
    """`received`: bytes from the network. `is_waiting`: for an answer, with nothing in hand that could be lost."""

    def __init__(self, number: int, desk: Desk, lane: Lane, brake: Brake, order: Gather) -> None:
        self.received = 0
        self.is_waiting = False
        self.is_reading = False
        self._number = number
        self._desk = desk
        self._lane = lane
        self._brake = brake
        self._order = order
        self._speed = 0.0
        self._view = memoryview(b"")
        self._thread = threading.Thread(target=self._run, name=f"hand-{number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def shut(self) -> None:
        """From any thread: ends what waits for the network."""
        self._lane.shut()

    def _run(self) -> None:
        try:
            while (task := self._desk.next(self._number, self._speed, self._most)) is not None:
                job, claim = task
                problem = self._outcome(job, claim)
                if problem is not None and not self._desk.stopped:
                    self._desk.met(job, problem)
                self._desk.leave(job, claim)
        finally:
            self._lane.close()

    @property
    def _most(self) -> int:
        """Bytes to ask for at once."""
        piece = self._order.piece_bytes
        return int(min(max(piece, self._speed * _ASK_SECONDS), _MOST_PIECES * piece))

    def _outcome(self, job: Job, claim: Claim | None) -> Problem | None:
        try:
            if claim is None:
                self._begin(job)
            else:
                self._fetch(job, claim)
        except ProblemError as error:
            # Where another hand has taken all of it, nobody waits for what went wrong here.
            return (
                None if claim is not None and claim.is_empty and error.problem.fault.value != "local" else error.problem
            )
        except OSError as error:
            return disk_error(error).problem
        except Exception as error:
            _log.exception("receiving %s", job.work.place)
            return Problem(Code.BUG, {"why": type(error).__name__})
        return None

    # ---- a file that nobody has begun ----

    def _begin(self, job: Job) -> None:
        target, work = self._desk.target, job.work
        job.spot = spot = target.spot(work.place)
        state = None
        if target.check_parents(spot):
            state = usable(spot, Identity.of(work), read_journal(spot.journal))
        if state is not None and state.whole is not None:
            self._desk.known(job, state.whole.size, state.whole.sha256)
            return
        size = job.file.size
        if job.streams_only:
            self._stream(job, state, self._open(job, 0, None))
        elif state is None and (size.is_unknown or size.high <= SMALL):
            self._find_out(job, self._open(job, 0, None))
        else:
            self._share(job, state, None if size.is_unknown or size.low != size.high else size.high)

    def _find_out(self, job: Job, answer: Opened) -> None:
        """The answer's header decides how the file is received."""
        job.heard = answer.checksums
        try:
            self._expect(job, answer.size)
        except ProblemError:
            answer.body.close()
            raise
        if answer.size is not None and answer.size <= SMALL:
            self._take_small(job, answer, answer.size)
        elif answer.size is not None and answer.ranges:
            spans = self._share(job, None, None)
            claim = spans.take(1, self._speed)
            assert claim is not None
            spans.learn(answer.size, claim, self._most)
            self._counted(job, claim, answer)
        else:
            job.streams_only = True
            self._stream(job, None, answer)

    def _counted(self, job: Job, claim: Claim, answer: Opened) -> None:
        """As `_fetch`, within the task of opening: the desk counts a hand a task."""
        try:
            self._receive(job, claim, answer)
        finally:
            assert job.spans is not None
            job.spans.end(claim)

    def _share(self, job: Job, state: JournalState | None, size: int | None) -> Spans:
        assert job.spot is not None
        self._desk.target.make_parents(job.spot)
        canvas = self._desk.canvas(job, state)
        if canvas.validator is not None:
            size = canvas.validator.size
        canvas.open()
        spans = Spans(size, have(canvas))
        self._desk.share(job, canvas, spans)
        if spans.is_over:
            self._desk.follow(job)
        return spans

    def _open(self, job: Job, start: int, stop: int | None) -> Opened:
        self.is_waiting = True
        try:
            answer = self._lane.open(job.file, start, stop, job.validator, mirror=job.mirror)
        finally:
            self.is_waiting = False
        return answer

    @staticmethod
    def _expect(job: Job, size: int | None) -> None:
        if size is not None and not job.file.size.allows(size):
            raise ProblemError(Code.WRONG_SIZE, size=size, shown=job.file.size.shown)

    # ---- a small one ----

    def _take_small(self, job: Job, answer: Opened, size: int) -> None:
        assert job.spot is not None
        data = memoryview(bytearray(size))
        at, pace = 0, self._pace()
        self._desk.opened(self._number)
        try:
            while at < size:
                count = self._read(answer, data[at:], pace)
                if count == 0:
                    raise ProblemError(Code.CUT, why="early-end")
                at += count or 0
        finally:
            answer.body.close()
        self._desk.received(size)
        self._desk.moved(job)
        sha256 = hashlib.sha256(data).hexdigest()
        digests = job.digests(size)
        digests.update(data)
        if (wrong := digests.wrong(sha256)) is not None:
            raise ProblemError(Code.WRONG_CHECKSUM, algorithm=wrong.algorithm.value, sha256=sha256)
        note = digests.note()
        plain = not volume_of(job.work.place) and plain_file(job.spot.final) is None
        proof = Proof.CHECKSUM if note else Proof.LENGTH
        self._desk.small(job, Small(job.work, job.spot, data, sha256, proof if plain else None, note))

    # ---- a piece of a large one ----

    def _fetch(self, job: Job, claim: Claim) -> None:
        canvas = job.canvas
        assert canvas is not None
        answer = self._open(job, claim.at, claim.stop)
        if answer.start != claim.at or (answer.stop is None and claim.stop is not None):
            # The place sends the whole file, whatever is asked: one hand receives it as a stream.
            answer.body.close()
            job.streams_only = True
            self._desk.restart(job)
            return
        self._receive(job, claim, answer)

    def _receive(self, job: Job, claim: Claim, answer: Opened) -> None:
        assert job.canvas is not None
        self._desk.opened(self._number)
        claim.shut = answer.body.shut
        self.is_reading = True
        try:
            self._agree(job, claim, answer)
            self._desk.follow(job)
            stroke = job.canvas.begin(claim.at)
            try:
                self._draw(job, claim, answer, stroke)
            finally:
                job.canvas.end(stroke)
        finally:
            self.is_reading = False
            claim.shut = _nothing
            answer.body.close()

    def _agree(self, job: Job, claim: Claim, answer: Opened) -> None:
        """What this answer tells of the file is what the others told."""
        assert job.canvas is not None and job.spans is not None  # noqa: PT018
        self._expect(job, answer.size)
        if not job.mirror % job.mirrors:
            job.canvas.agree(answer.size, answer.etag)
        elif answer.size is not None and job.spans.size not in (None, answer.size):
            raise ProblemError(Code.WRONG_ANSWER, why="size")
        if answer.size is not None and job.spans.size is None:
            job.spans.learn(answer.size, claim, self._most)
        job.heard = job.heard or answer.checksums

    def _draw(self, job: Job, claim: Claim, answer: Opened, stroke: Stroke) -> None:
        """Bytes of the answer, to their places, as long as they are this hand's."""
        if not self._view:
            self._view = memoryview(bytearray(_BLOCK))
        reserve, pace = Reserve(), self._pace()
        reserve.expect(claim.stop or 0)
        filled, flushed, over = 0, time.monotonic(), False
        while not over:
            room = _BLOCK - filled
            if claim.stop is not None:
                room = min(room, claim.stop - claim.at - filled)
            count = None
            try:
                count = self._read(answer, self._view[filled : filled + room], pace) if room > 0 else None
                filled += count or 0
            except ProblemError:
                self._flush(job, claim, stroke, reserve, filled)
                raise
            now = time.monotonic()
            if not count or filled >= _BLOCK // 2 or now - flushed > _FLUSH_SECONDS:
                self._measure(claim, filled, now - flushed)
                pending, filled, flushed = filled, 0, now
                self._flush(job, claim, stroke, reserve, pending)
                over = self._is_over(job, claim, answer, ended=count == 0)

    def _is_over(self, job: Job, claim: Claim, answer: Opened, *, ended: bool) -> bool:
        """Whether there is nothing more to read for this claim. `ended`: the answer came to its clean end."""
        assert job.spans is not None
        if ended and claim.stop is None:
            job.spans.close(claim)
        elif ended and not claim.is_empty:
            raise ProblemError(Code.CUT, why="early-end")
        if not claim.is_empty:
            return False
        more = not ended and claim.stop is not None and (answer.stop or 0) > claim.stop and not self._desk.stopped
        return not (more and job.spans.go_on(claim, self._most))

    def _flush(self, job: Job, claim: Claim, stroke: Stroke, reserve: Reserve, filled: int) -> None:
        """Writes what was read, as far as it is still ours."""
        assert job.canvas is not None and job.spans is not None  # noqa: PT018
        if filled:
            kept = job.spans.advance(claim, filled)
            job.again += filled - kept
            if kept:
                job.canvas.write(stroke, self._view[:kept], reserve)
                self._desk.moved(job)
            self._desk.received(filled)
        else:
            job.canvas.tick(stroke)

    def _measure(self, claim: Claim, count: int, passed: float) -> None:
        speed = count / max(passed, 1e-4)
        self._speed = claim.speed = speed if not self._speed else 0.7 * self._speed + 0.3 * speed

    # ---- a place without ranges ----

    def _stream(self, job: Job, state: JournalState | None, answer: Opened) -> None:
        assert job.spot is not None
        companion = Companion()
        self._desk.target.make_parents(job.spot)
        job.heard = answer.checksums
        job.sink = sink = self._desk.stream(job, state, companion)
        buffer = Buffer(_STREAM_BUFFER, LAG, lambda: sink.on_disk)
        self._desk.opened(self._number)
        inflow = Inflow(answer.body, buffer, self._brake, self._pace())
        self.is_reading = True
        try:
            sink.begin(0, answer.size or 0)
            if self._flow(job, sink, inflow, companion):
                found = sink.conclude(lambda: self._desk.stopped)
                if found is not None:
                    self._expect(job, found.size)
                    self._desk.whole(job, found)
        except ProblemError as error:
            if error.problem.code in DROPPING:
                sink.drop()
            raise
        finally:
            self.is_reading = False
            inflow.shut()
            inflow.finish()
            inflow.join()
            companion.stop()
            sink.let_go()
            # Whoever tries next reads the journal, and needs the file.
            self._desk.durability.flush()

    def _flow(self, job: Job, sink: Sink, inflow: Inflow, companion: Companion) -> bool:
        """True at the clean end."""
        before = 0
        while not self._desk.stopped:
            companion.turn()
            try:
                view = inflow.take(_FLUSH_SECONDS)
            except TimeoutError:
                sink.tick()
            else:
                if not view:
                    return True
                sink.take(view)
                self._desk.moved(job)
            finally:
                count, before = inflow.received - before, inflow.received
                self.received += count
                self._desk.received(count)
                job.again = sink.again
        return False

    # ---- reading ----

    def _pace(self) -> Pace:
        return Pace(self._order.stall_rate, self._order.stall_seconds)

    def _read(self, answer: Opened, view: memoryview, pace: Pace) -> int | None:
        """Bytes that came, 0 at the end, None where none came for a while. Raises CUT, STALLED."""
        allowed = self._brake.allow(len(view))
        if not allowed:
            raise ProblemError(Code.CUT, why="shut")
        began, count = time.monotonic(), None
        with contextlib.suppress(TimeoutError):
            count = answer.body.readinto(view[:allowed])
        if count:
            self._brake.spend(count)
            self.received += count
        if count != 0 and pace.stalls(time.monotonic() - began, count or 0):
            raise ProblemError(Code.STALLED)
        return count


def _nothing() -> None:
    pass
