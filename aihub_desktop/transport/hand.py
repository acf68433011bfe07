"""One connection's worth of work: asks the desk what to do, and does it, until there is nothing more."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from typing import Final

from aihub_desktop.disk.files import disk_error, plain_file
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.leases import Gather, Proof
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.sources.place import Opened, RangePlace
from aihub_desktop.transport.batch import Small
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.claims import claimed_whole
from aihub_desktop.transport.coverage import merged
from aihub_desktop.transport.desk import Desk
from aihub_desktop.transport.drawing import BLOCK, Drawing
from aihub_desktop.transport.flow import Flow
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.journal import Identity, JournalState, read_journal
from aihub_desktop.transport.part import usable
from aihub_desktop.transport.spans import Claim, Spans
from aihub_desktop.transport.tap import Tap

SMALL: Final = 1 << 20  # what is not longer is held in memory whole
_ASK_TIMES: Final = 50  # as long as the place takes to answer: so much one request brings, and the way costs little
_ASK_SECONDS: Final = 4.0  # at the most: what is read behind the hands waits for the first of them
_MOST_PIECES: Final = 8  # in one request
_log = logging.getLogger(__name__)


class Hand:
    """`is_waiting`: for an answer, with nothing in hand that could be lost."""

    def __init__(self, number: int, desk: Desk, place: RangePlace, brake: Brake, order: Gather) -> None:
        self.is_waiting = False
        self._number = number
        self._desk = desk
        self._place = place
        self._order = order
        self._tap = Tap(order, brake)
        self._lane = place.lane()
        self._lane_is_shut = False
        self._leaves = False
        self._lock = threading.Lock()
        self._mirror = 0  # that the last request went to
        self._speed = 0.0
        self._answers_in = _ASK_SECONDS / _ASK_TIMES  # seconds
        self._view = memoryview(b"")
        self._thread = threading.Thread(target=self._run, name=f"hand-{number}", daemon=True)

    @property
    def received(self) -> int:
        """Bytes from the network."""
        return self._tap.received

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def shut(self) -> None:
        """From any thread: ends what waits for the network, for good."""
        with self._lock:
            self._leaves = True
            lane = self._lane
        lane.shut()

    def _run(self) -> None:
        try:
            while (task := self._desk.next(self._number, self._speed, self._most())) is not None:
                self._do(*task)
        except Exception as error:
            # Nobody else would ever end what this hand has.
            _log.exception("a hand")
            self._desk.stop(Problem(Code.BUG, {"why": type(error).__name__}))
        finally:
            self._lane.close()

    def _do(self, job: Job, claim: Claim | None) -> None:
        problem = self._outcome(job, claim)
        if problem is not None and not self._desk.stopped:
            self._desk.met(job, problem, self._mirror)
        self._desk.leave(job, claim)
        if self._lane_is_shut:
            self._renew_lane()

    def _shut_lane(self) -> None:
        """From any thread: what this hand asks for is wanted no more."""
        with self._lock:
            # Together, lest a lane that has just been renewed be shut, and nobody know.
            lane, self._lane_is_shut = self._lane, True
        lane.shut()

    def _renew_lane(self) -> None:
        with self._lock:
            if self._leaves:
                return
            lane, self._lane, self._lane_is_shut = self._lane, self._place.lane(), False
        lane.close()

    def _most(self) -> int:
        """Bytes to ask for at once."""
        piece = self._order.piece_bytes
        seconds = min(self._answers_in * _ASK_TIMES, _ASK_SECONDS)
        return int(min(max(piece, self._speed * seconds), _MOST_PIECES * piece))

    def _outcome(self, job: Job, claim: Claim | None) -> Problem | None:
        try:
            if claim is None:
                self._begin(job)
            else:
                self._fetch(job, claim)
        except ProblemError as error:
            problem = error.problem
        except OSError as error:
            problem = disk_error(error).problem
        except Exception as error:
            _log.exception("receiving %s", job.work.place)
            problem = Problem(Code.BUG, {"why": type(error).__name__})
        else:
            return None
        if claim is not None and claim.is_empty and problem.fault not in (Fault.LOCAL, Fault.BUG):
            return None  # where another hand has taken all of it, nobody waits for what went wrong here
        return problem

    # ---- a file that nobody has begun ----

    def _begin(self, job: Job) -> None:
        job.spot = spot = self._desk.target.spot(job.work.place)
        state, size = self._state(job, spot), job.file.size
        if state is not None and state.whole is not None:
            self._desk.known(job, state.whole.size, state.whole.sha256)
        elif job.streams_only or (state is not None and _is_of_unknown_content(job, state)):
            self._stream(job, state)
        elif state is None and (size.is_unknown or size.high <= SMALL):
            self._find_out(job)
        else:
            have = merged(state.pieces) if state else []
            self._share(job, state, Spans(_size_of(job, state), have))

    def _state(self, job: Job, spot: Spot) -> JournalState | None:
        """What is there of the file already."""
        if not self._desk.target.check_parents(spot):
            return None
        identity = Identity.of(job.work)
        state = usable(spot, identity, read_journal(spot.journal))
        if state is None and (plain_file(spot.final) or plain_file(spot.part)) is not None:
            # A worker may have died between the claim of its batch and its last word.
            return claimed_whole(spot, identity, self._desk.claims())
        return state

    def _find_out(self, job: Job) -> None:
        """The answer's header decides how the file is received."""
        answer = self._open(job, 0, None)
        try:
            job.heard = answer.checksums
            if answer.size is not None and answer.size <= SMALL:
                self._take_small(job, answer, answer.size)
            elif answer.size is not None and answer.ranges:
                spans = Spans(answer.size)
                # Taken before others hear of it: the answer to it is there.
                claim = spans.take(self._most(), self._speed, time.monotonic())
                assert claim is not None
                claim.drawn = True
                job.takes(self._mirror)
                try:
                    self._share(job, None, spans)
                    self._draw(job, claim, answer)
                finally:
                    spans.end(claim)
            else:
                job.streams_only = True
                self._flow(job, None, answer)
        finally:
            answer.body.close()

    def _share(self, job: Job, state: JournalState | None, spans: Spans) -> None:
        assert job.spot is not None
        if state is not None and state.pieces:
            job.source = 0  # only of the first address the validator is known
        self._desk.target.make_parents(job.spot)
        canvas = self._desk.easel.canvas(job, state)
        canvas.open()
        if canvas.validator is not None and not job.file.size.allows(canvas.validator.size):
            raise ProblemError(Code.CHANGED, why="size")
        self._desk.share(job, canvas, spans)
        if spans.is_over:
            self._desk.follow(job)

    def _open(self, job: Job, start: int, stop: int | None) -> Opened:
        self._mirror = mirror = job.mirror
        self.is_waiting, began = True, time.monotonic()
        try:
            answer = self._lane.open(job.file, start, stop, job.validator(mirror), mirror=mirror)
        except ProblemError as error:
            if error.problem.code is Code.CHANGED and mirror % job.mirrors:
                raise ProblemError(Code.WRONG_ANSWER, why="another") from None
            raise
        finally:
            self.is_waiting = False
        self._answers_in = time.monotonic() - began
        try:
            # Whoever leaves does not wait for those that wait: from then on nothing may be begun.
            if self._desk.stopped:
                raise ProblemError(Code.CUT, why="shut")
            if answer.size is not None and not job.file.size.allows(answer.size):
                raise ProblemError(Code.WRONG_SIZE, size=answer.size, shown=job.file.size.shown)
        except ProblemError:
            answer.body.close()
            raise
        return answer

    # ---- a small one ----

    def _take_small(self, job: Job, answer: Opened, size: int) -> None:
        assert job.spot is not None
        data = memoryview(bytearray(size))
        at, pace = 0, self._tap.pace()
        self._desk.crew.opened(self._number, time.monotonic())
        while at < size:
            count = self._tap.read(answer.body, data[at:], pace)
            if count == 0:
                raise ProblemError(Code.CUT, why="early-end")
            at += count or 0
        answer.body.close()
        self._desk.crew.received(size, time.monotonic())
        job.moved()
        sha256 = hashlib.sha256(data).hexdigest()
        digests = job.digests(size)
        digests.update(data)
        if (wrong := digests.wrong(sha256)) is not None:
            raise ProblemError(Code.WRONG_CHECKSUM, algorithm=wrong.algorithm.value, sha256=sha256)
        self._desk.small(job, Small(job.work, job.spot, data, sha256, _proof(job, digests.note()), digests.note()))

    # ---- a piece of a large one ----

    def _fetch(self, job: Job, claim: Claim) -> None:
        claim.shut = self._shut_lane
        try:
            # Read once it can be taken away: from then on it does not go unheard.
            start, stop = claim.at, claim.stop
            if start == stop:
                return
            answer = self._open(job, start, stop)
        finally:
            claim.shut = _nothing
        try:
            claim.drawn = True
            # Looked at after that is said: where it is empty, the file may be whole and let go of by now.
            if claim.is_empty:
                return
            if not job.takes(self._mirror):
                self._desk.restart(job)
            elif answer.start != start or (answer.stop is None and stop is not None):
                # The place sends the whole file, whatever is asked.
                self._desk.knows_no_ranges(job, self._mirror)
            else:
                self._draw(job, claim, answer)
        finally:
            answer.body.close()

    def _draw(self, job: Job, claim: Claim, answer: Opened) -> None:
        if not self._view:
            self._view = memoryview(bytearray(BLOCK))
        self._desk.crew.opened(self._number, time.monotonic())
        drawing = Drawing(self._desk, self._tap, job, claim, answer, view=self._view, speed=self._speed)
        claim.shut = answer.body.shut
        try:
            drawing.agree(self._mirror, self._most())
            self._desk.follow(job)
            drawing.draw(self._most)
            if (is_flooded := drawing.is_flooded) is not None:
                self._desk.crew.drew(self._number, is_flooded=is_flooded)
        finally:
            claim.shut = _nothing
            self._speed = drawing.speed

    # ---- a place without ranges ----

    def _stream(self, job: Job, state: JournalState | None) -> None:
        answer = self._open(job, 0, None)
        try:
            self._flow(job, state, answer)
        finally:
            answer.body.close()

    def _flow(self, job: Job, state: JournalState | None, answer: Opened) -> None:
        self._desk.crew.opened(self._number, time.monotonic())
        Flow(self._desk, self._tap, job).run(state, answer)


def _proof(job: Job, note: str) -> Proof | None:
    """What a small file is proved by, once it has come whole; None where a check has to look at it."""
    place, spot = job.work.place, job.spot
    assert spot is not None
    if volume_of(place) or plain_file(spot.final) is not None:
        return None
    return Proof.CHECKSUM if note else Proof.LENGTH


def _size_of(job: Job, state: JournalState | None) -> int | None:
    if state is not None and state.validator is not None:
        return state.validator.size
    size = job.file.size
    return None if size.is_unknown or size.low != size.high else size.high


def _is_of_unknown_content(job: Job, state: JournalState) -> bool:
    """Nothing would tell a piece that is received now from one of another release: it has to come whole, and is
    compared."""
    if not state.pieces:
        return False
    if state.validator is None:
        return True
    return not (state.validator.etag or job.told or job.pieces)


def _nothing() -> None:
    pass
