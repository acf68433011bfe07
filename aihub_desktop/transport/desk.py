"""What is to be done of one lease, given out to its hands piece by piece, and what became of each file."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Failed, Gather, Proved, Safe, Whole
from aihub_desktop.domain.line import Line
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.domain.streams import Streams
from aihub_desktop.transport.batch import Batch, Small
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.companion import Companion
from aihub_desktop.transport.coverage import merged
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.follower import Follower
from aihub_desktop.transport.job import Job, Phase
from aihub_desktop.transport.journal import Identity, JournalState
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.reading import Finding, Reading
from aihub_desktop.transport.sink import Sink
from aihub_desktop.transport.spans import Claim, Spans
from aihub_desktop.transport.target import Target
from aihub_desktop.transport.ziparchive import StoppedError

# These end one file and let the others go on; of the rest the disk's end the lease.
_OF_ONE_FILE: Final = frozenset(
    {Code.IN_THE_WAY, Code.IN_USE, Code.FILE_TOO_LARGE, Code.NOT_WRITABLE, Code.UNSAFE_NAME, Code.NAME_CLASH}
)
_OF_THE_DISK: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.TARGET_MISSING, Code.DRIVE_MISSING})
_TRIES: Final = 3  # of each address in a row, without a byte
_PAUSE: Final = 0.25  # seconds before the next try, doubled each time
_LONGEST_PAUSE: Final = 4.0
_REFUSALS: Final = 5  # in a row, of one file: then its turn comes later
_REFUSED_SECONDS: Final = 1.0  # where a place names no time
_LONGEST_WAIT: Final = 60.0  # for a place that names one; what is longer is waited for by the queue
_EASED_SECONDS: Final = 30.0  # so long people are told of it
_UNKNOWN_SPEED: Final = 1_000_000.0  # bytes a second, of a connection that has brought nothing yet
_MOST_OPEN: Final = 3  # large files at once: the one that ends, the next, and one that waits for its disk
_log = logging.getLogger(__name__)


class Desk:
    """Safe from any thread. `tell` is given the news of the files."""

    def __init__(self, order: Gather, target: Target, durability: Durability, tell: Callable[[AnyNews], None]) -> None:
        self.order = order
        self.target = target
        self.durability = durability
        self.problem: Problem | None = None  # of the whole lease
        self.has_opened = False
        self.held = 0.0
        self._tell = tell
        self._change = threading.Condition(threading.RLock())
        self._jobs = [Job(work) for work in order.files]
        self._waiting = deque(self._jobs)
        self._open: list[Job] = []
        self._left = len(self._jobs)
        self._stopped = False
        self._batch = Batch(target, self._batched)
        self._by_work = {work.id: job for work, job in zip(order.files, self._jobs, strict=True)}
        self._streams = Streams()
        self._line = Line()
        self._busy: set[int] = set()  # hands to which the place gave an answer since they last had nothing to do
        self._closed_until = 0.0
        self._eased_at = float("-inf")

    # ---- the gathering's ----

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def wanted(self) -> int:
        """How many hands are to work."""
        return max(1, min(self._streams.wanted, self.order.connections))

    def wait(self, seconds: float, staffed: int) -> bool:
        """Whether everything is over, after `seconds` at the latest, or as soon as more than `staffed` are wanted."""
        with self._change:
            self._change.wait_for(lambda: self._is_over or self.wanted > staffed, seconds)
            return self._is_over

    @property
    def _is_over(self) -> bool:
        return self._stopped or not self._left

    def stop(self, problem: Problem | None) -> None:
        """Nothing more is begun, and what runs ends; `problem`: of the lease."""
        with self._change:
            self._stopped = True
            self.problem = self.problem or problem
            for job in self._open:
                self._end_claims(job)
            self._change.notify_all()

    def settle(self) -> None:
        """The hands have left: what they wrote is made durable, and every file let go of."""
        self._batch.stop()
        for job in self._open:
            if job.canvas is not None:
                job.canvas.wake()
            if job.scribe is not None:
                job.scribe.join()
        for job in self._jobs:
            if job.phase is not Phase.OVER:
                self._let_go(job)
        self.durability.flush()

    def open_jobs(self) -> list[Job]:
        with self._change:
            return list(self._open)

    # ---- how many ----

    def judge(self, now: float) -> None:
        with self._change:
            self._line.note(now)
            self._streams.judge(self._line, self.order.connections, now)
            self._change.notify_all()

    def is_eased(self, now: float) -> bool:
        return now - self._eased_at < _EASED_SECONDS

    def opened(self, number: int) -> None:
        """The place's answer to a hand has begun."""
        if number in self._busy:
            return
        with self._change:
            self.has_opened = True
            self._busy.add(number)
            self._streams.opened(len(self._busy))
            self._line.streams(len(self._busy), time.monotonic())
            self._change.notify_all()

    def _rests(self, number: int) -> None:
        if number in self._busy:
            self._busy.discard(number)
            self._line.streams(len(self._busy), time.monotonic())

    def received(self, count: int) -> None:
        with self._change:
            self._line.note(time.monotonic(), received=count)

    @property
    def busy(self) -> int:
        return len(self._busy)

    # ---- the hands' ----

    def next(self, number: int, speed: float, most: int) -> tuple[Job, Claim | None] | None:
        """What the hand with this number does next: a piece of a file, or a file that nobody has begun (no claim).

        Waits for something to do; None once there is nothing any more. `speed`: bytes a second that it may hope for.
        """
        with self._change:
            while not self._stopped and self._left:
                if (task := self._task(number, speed or _UNKNOWN_SPEED, most)) is not None:
                    task[0].hands += 1
                    return task
                self._rests(number)
                self._change.wait(_PAUSE)
            return None

    def _task(self, number: int, speed: float, most: int) -> tuple[Job, Claim | None] | None:
        now = time.monotonic()
        if number >= self.wanted or now < self._closed_until:
            return None
        open_to_all = [job for job in self._open if job.phase is Phase.RANGED and not job.is_ending]
        ranged = [(job, job.spans) for job in open_to_all if job.spans is not None and now >= job.not_before]
        for job, spans in ranged:
            if (claim := spans.take(most, speed)) is not None:
                return job, claim
        if (first := self._first_waiting(now)) is not None:
            first.phase = Phase.OPENING
            self._open.append(first)
            return first, None
        for job, spans in ranged:
            if (claim := spans.steal(speed)) is not None:
                return job, claim
        return None

    def _first_waiting(self, now: float) -> Job | None:
        large = sum(job.canvas is not None for job in self._open)
        if large >= (1 if self.order.one_writer else _MOST_OPEN):
            return None
        for _ in range(len(self._waiting)):
            job = self._waiting.popleft()
            if job.phase is not Phase.OVER and now >= job.not_before:
                return job
            if job.phase is not Phase.OVER:
                self._waiting.append(job)
        return None

    def share(self, job: Job, canvas: Canvas, spans: Spans) -> None:
        """The file can be received by many hands from now on."""
        with self._change:
            job.canvas, job.spans, job.phase = canvas, spans, Phase.RANGED
            if self._stopped:
                spans.cut_off()
            self._change.notify_all()

    def leave(self, job: Job, claim: Claim | None = None) -> None:
        """A hand has done with a file, or with its piece of it."""
        with self._change:
            if claim is not None and job.spans is not None:
                job.spans.end(claim)
            job.hands -= 1
            if not job.hands and job.phase in (Phase.OPENING, Phase.RANGED):
                self._left_alone(job)
            self._change.notify_all()

    def _left_alone(self, job: Job) -> None:
        """Nobody has the file now."""
        if job.problem is not None:
            self._fail(job)
        elif self._stopped:
            return
        elif job.restarts:
            self._restart(job)
        elif job.phase is Phase.OPENING:
            self._put_back(job)

    def _restart(self, job: Job) -> None:
        """From what is on disk, by whoever comes next."""
        part, job.part, job.canvas, job.spans, job.scribe = job.part, None, None, None, None
        job.restarts = False
        if part is not None:
            part.let_go()
            self.durability.flush()
        self._put_back(job)

    def _put_back(self, job: Job) -> None:
        job.phase, job.sink = Phase.WAITING, None
        self._open.remove(job)
        self._waiting.appendleft(job)

    def restart(self, job: Job) -> None:
        """The file is begun anew once every hand has let go of it: it can't be received as it was tried."""
        with self._change:
            job.restarts = True
            self._end_claims(job)

    def _end_claims(self, job: Job) -> None:
        if job.spans is not None:
            job.spans.cut_off()
        if job.canvas is not None:
            job.canvas.wake()
        self._change.notify_all()

    # ---- what became of it ----

    def moved(self, job: Job) -> None:
        """Bytes came: whatever was tried before does not count."""
        job.tries = job.refusals = 0

    def met(self, job: Job, problem: Problem) -> None:
        """A hand met a problem: another try, another address, the end of the file, or that of the lease."""
        with self._change:
            now = time.monotonic()
            if problem.code in _OF_THE_DISK:
                self.stop(problem)
            elif problem.code in (Code.SERVER_BUSY, Code.HUB_BUSY):
                self._refused(job, problem, now)
            elif problem.fault is Fault.TRANSIENT and problem.code not in _OF_ONE_FILE | DROPPING:
                self._try_again(job, problem, now)
            elif job.mirror + 1 < job.mirrors and problem.code not in _OF_ONE_FILE and job.canvas is None:
                job.mirror += 1
            else:
                self.fail(job, problem)

    def _refused(self, job: Job, problem: Problem, now: float) -> None:
        text = str(problem.facts.get("retry_after", ""))
        asked = float(text) if text.isascii() and text.isdigit() else 0.0
        job.refusals += 1
        self._eased_at = now
        self._streams.refused(max(1, len(self._busy) // 2), now)
        if job.refusals >= _REFUSALS or asked > _LONGEST_WAIT:
            self.fail(job, problem)
        else:
            self._closed_until = max(self._closed_until, now + (asked or _REFUSED_SECONDS * 2**job.refusals))

    def _try_again(self, job: Job, problem: Problem, now: float) -> None:
        job.tries += 1
        if job.tries >= _TRIES * job.mirrors:
            self.fail(job, problem)
            return
        job.mirror += 1
        job.not_before = now + min(_LONGEST_PAUSE, _PAUSE * 2**job.tries)

    def fail(self, job: Job, problem: Problem) -> None:
        """The file ends with this problem, once every hand has let go of it."""
        with self._change:
            job.problem = job.problem or problem
            self._end_claims(job)

    def _fail(self, job: Job) -> None:
        assert job.problem is not None
        problem, id_ = job.problem, job.work.id
        self._end(job)
        if problem.code in DROPPING:
            self._drop(job)
        self._let_go(job)
        # Told once nothing of the file is in our hands: the next lease may begin at once.
        self.durability.call(lambda: self._tell(Failed(self.order.lease, id_, problem)))

    def _drop(self, job: Job) -> None:
        try:
            if job.part is not None:
                job.part.discard()
        except ProblemError as error:
            self.stop(error.problem)

    def _let_go(self, job: Job) -> None:
        if job.part is not None:
            job.part.let_go()

    def _end(self, job: Job) -> None:
        with self._change:
            if job.phase is not Phase.OVER:
                job.phase = Phase.OVER
                self._left -= 1
            if job in self._open:
                self._open.remove(job)
            self._change.notify_all()

    def whole(self, job: Job, found: Finding) -> None:
        """Every byte is written, and read: claimed, then told."""
        news = Whole(self.order.lease, job.work.id, found.size, found.sha256, found.proof, found.note)
        holder = job.sink or job.part
        assert holder is not None
        holder.claim(found.size, found.sha256, lambda: self._tell(news))
        self._end(job)

    def known(self, job: Job, size: int, sha256: str) -> None:
        """An earlier run has received it whole."""
        self._tell(Whole(self.order.lease, job.work.id, size, sha256))
        self._end(job)

    def small(self, job: Job, small: Small) -> None:
        """A small file is whole in memory."""
        with self._change:
            job.phase = Phase.WRITING  # the hand goes on; the batch tells what became of it
            self._open.remove(job)
        self._batch.put(small)

    def _batched(self, small: Small) -> None:
        job = self._by_work[small.work.id]
        if small.problem is not None:
            if small.problem.code in _OF_THE_DISK:
                self.stop(small.problem)
            else:
                self._tell(Failed(self.order.lease, small.work.id, small.problem))
        elif small.proof is None:
            self._tell(Whole(self.order.lease, small.work.id, len(small.data), small.sha256))
        else:
            news = Proved(self.order.lease, small.work.id, len(small.data), small.sha256, small.proof, small.note)
            self._tell(news)
        self._end(job)

    # ---- making what a file needs ----

    def safe(self, job: Job) -> Callable[[int, int], None]:
        return lambda total, new: self._tell(Safe(self.order.lease, job.work.id, total, new))

    def canvas(self, job: Job, state: JournalState | None) -> Canvas:
        assert job.spot is not None
        job.part = Part(job.spot, Identity.of(job.work), state, self.durability)
        return Canvas(
            job.part, state, self.durability, self.safe(job),
            # Half in the making, half on its way to the disk: together a piece is what a power cut takes.
            mark_bytes=max(1, self.order.piece_bytes // 2), mark_seconds=self.order.mark_seconds,
        )  # fmt: skip

    def stream(self, job: Job, state: JournalState | None, companion: Companion) -> Sink:
        assert job.spot is not None
        return Sink(
            job.spot, Identity.of(job.work), state, self.safe(job), low=job.file.size.low,
            durability=self.durability, companion=companion, mark_bytes=self.order.piece_bytes,
            mark_seconds=self.order.mark_seconds, digests=job.digests(job.file.size.high),
        )  # fmt: skip

    def follow(self, job: Job) -> None:
        """Begins to read behind the hands, once; `job.heard` is known by then."""
        with self._change:
            if job.scribe is None:
                job.hands += 1
                job.scribe = threading.Thread(target=self._scribe, args=(job,), name="scribe", daemon=True)
                job.scribe.start()

    def _scribe(self, job: Job) -> None:
        try:
            self.whole(job, self._read(job))
        except StoppedError:
            pass
        except ProblemError as error:
            self._scribe_met(job, error.problem)
        except Exception as error:
            _log.exception("reading what came")
            self._scribe_met(job, Problem(Code.BUG, {"why": type(error).__name__}))
        self.leave(job)

    def _scribe_met(self, job: Job, problem: Problem) -> None:
        if problem.code in _OF_THE_DISK:
            self.stop(problem)
        else:
            self.fail(job, problem)

    def _read(self, job: Job) -> Finding:
        canvas, spans, spot = job.canvas, job.spans, job.spot
        assert canvas is not None and spans is not None and spot is not None  # noqa: PT018
        companion = Companion()

        def fresh() -> Reading:
            return Reading(spot, companion, job.digests(spans.size or 0))

        def over() -> bool:
            return self._stopped or job.is_ending

        def lost(start: int, stop: int) -> None:
            job.mirror += 1
            spans.give_back(start, stop)
            with self._change:
                self._change.notify_all()

        found = Follower(canvas, fresh, lambda: spans.size, lost, stopped=over, pieces=job.pieces).run()
        with self._change:
            # The last marks are handed over by the hands that leave.
            self._change.wait_for(lambda: job.hands == 1 or over())
        if over():
            raise StoppedError
        file = canvas.open()
        if file.size() > found.size:
            file.truncate(found.size)
        self.durability.flush()
        if not job.file.size.allows(found.size):
            raise ProblemError(Code.WRONG_SIZE, size=found.size, shown=job.file.size.shown)
        return found


def have(canvas: Canvas) -> list[tuple[int, int]]:
    """The spans that earlier runs left."""
    return merged(canvas.earlier)
