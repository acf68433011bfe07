"""What is to be done of one lease, given out to its hands piece by piece, and what became of each file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Failed, Gather, Proof, Proved, Whole
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.transport.agenda import Agenda
from aihub_desktop.transport.batch import Batch, Small
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.claims import read_claims
from aihub_desktop.transport.crew import Crew
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.easel import Easel
from aihub_desktop.transport.job import OF_THE_DISK, Job, Phase, Sequel
from aihub_desktop.transport.journal import JournalState
from aihub_desktop.transport.reading import Finding
from aihub_desktop.transport.scribe import Scribe, Wishes
from aihub_desktop.transport.spans import Claim, Spans

_LOOK_SECONDS: Final = 0.25  # between two looks whether there is something to do again
_REFUSALS: Final = 5  # in a row, of one file: then its turn comes later
_REFUSED_SECONDS: Final = 1.0  # where a place names no time
_LONGEST_WAIT: Final = 60.0  # for a place that names one; what is longer is waited for by the queue


class Desk:
    """Safe from any thread. `tell` is given the news of the files."""

    def __init__(self, order: Gather, target: Target, durability: Durability, tell: Callable[[AnyNews], None]) -> None:
        self.order = order
        self.target = target
        self.durability = durability
        self.problem: Problem | None = None  # of the whole lease
        self.held = 0.0
        self.stopped = False
        self._tell = tell
        self._change = threading.Condition(threading.RLock())
        self.crew = Crew(order.connections, self._changed)
        self.easel = Easel(order, durability, tell)
        self._jobs = {work.id: Job(work) for work in order.files}
        self._agenda = Agenda(self._jobs.values(), one_writer=order.one_writer)
        self._batch = Batch(target, self._batched)
        self._claims: dict[str, JournalState] | None = None  # read when a name is taken, which is rare

    # ---- the gathering's ----

    def wait(self, seconds: float, staffed: int) -> bool:
        """Whether everything is over, after `seconds` at the latest, or as soon as more than `staffed` are wanted."""

        def over() -> bool:
            return self.stopped or not self._agenda.left

        with self._change:
            self._change.wait_for(lambda: over() or self.crew.wanted > staffed, seconds)
            return over()

    def stop(self, problem: Problem | None) -> None:
        """Nothing more is begun, and what runs ends; `problem`: of the lease."""
        with self._change:
            self.stopped = True
            self.problem = self.problem or problem
            for job in self._agenda.open:
                job.end_claims()
            self._change.notify_all()

    def settle(self) -> None:
        """The hands have left: what they wrote is made durable, and every file let go of. Raises the disk's."""
        self._batch.stop()
        for job in self.open_jobs():
            if job.canvas is not None:
                job.canvas.wake()
            if job.scribe is not None:
                job.scribe.join()
        for job in self._jobs.values():
            if job.phase is not Phase.OVER:
                job.let_go()
        self.durability.flush()

    def open_jobs(self) -> list[Job]:
        with self._change:
            return list(self._agenda.open)

    def _changed(self) -> None:
        with self._change:
            self._change.notify_all()

    # ---- the hands' ----

    def next(self, number: int, speed: float, most: int) -> tuple[Job, Claim | None] | None:
        """What the hand with this number does next: a piece of a file, or a file that nobody has begun (no claim).

        Waits for something to do; None once there is nothing any more. `speed`: bytes a second that it may hope for.
        """
        with self._change:
            while not self.stopped and self._agenda.left:
                now = time.monotonic()
                may_ask = number < self.crew.wanted and not self.crew.is_closed(now)
                task = self._agenda.task(speed, most, now) if may_ask else None
                if task is not None:
                    task[0].hands += 1
                    return task
                self.crew.rests(number, now)
                self._change.wait(_LOOK_SECONDS)
            return None

    def claims(self) -> dict[str, JournalState]:
        """What batches of earlier leases claim that nobody has recorded. Raises the disk's."""
        with self._change:
            if self._claims is None:
                self._claims = read_claims(self.target.folder)
            return self._claims

    def share(self, job: Job, canvas: Canvas, spans: Spans) -> None:
        """The file can be received by many hands from now on."""
        with self._change:
            job.canvas, job.spans, job.phase = canvas, spans, Phase.RANGED
            if self.stopped:
                job.end_claims()
            self._change.notify_all()

    def follow(self, job: Job) -> None:
        """Begins to read behind the hands, once; `job.heard` is known by then."""
        with self._change:
            if job.scribe is None:
                job.hands += 1
                job.scribe = Scribe(job, self.durability, self._wishes(job)).start()

    def leave(self, job: Job, claim: Claim | None = None) -> None:
        """A hand has done with a file, or with its piece of it."""
        with self._change:
            if claim is not None and job.spans is not None:
                job.spans.end(claim)
            job.hands -= 1
            if not job.hands and job.phase in (Phase.OPENING, Phase.RANGED):
                self._left_alone(job)
            self._change.notify_all()

    def restart(self, job: Job) -> None:
        """The file is begun anew once every hand has let go of it: it can't be received as it was tried."""
        with self._change:
            job.restarts = True
            job.end_claims()
            self._change.notify_all()

    def knows_no_ranges(self, job: Job, mirror: int) -> None:
        """The place sends the whole file, whatever is asked: if all do, one hand receives it as a stream."""
        with self._change:
            if not job.bars(mirror):
                job.streams_only = True
                job.unbar()
                self.restart(job)

    def met(self, job: Job, problem: Problem, mirror: int) -> None:
        """A hand met a problem: another try, another address, the end of the file, or that of the lease."""
        with self._change:
            now = time.monotonic()
            match job.sequel(problem, mirror, now):
                case Sequel.STOP:
                    self.stop(problem)
                case Sequel.WAIT:
                    self._refused(job, problem, now)
                case Sequel.FAIL:
                    self._give_up(job, problem)
                case Sequel.AGAIN:
                    pass

    def _refused(self, job: Job, problem: Problem, now: float) -> None:
        text = str(problem.facts.get("retry_after", ""))
        asked = float(text) if text.isascii() and text.isdigit() else 0.0
        if not self.crew.is_closed(now):
            # What befalls several hands at the same moment is one refusal.
            job.refusals += 1
        # What is too long to be waited for here is no reason to wait here: the next files tell whether it is for all.
        is_long = asked > _LONGEST_WAIT
        usual = min(_REFUSED_SECONDS * 2**job.refusals, _LONGEST_WAIT)
        self.crew.refused(_REFUSED_SECONDS if is_long else asked or usual, now)
        if job.refusals >= _REFUSALS or is_long:
            self._give_up(job, problem)
            if self.crew.is_sent_away():
                self.stop(problem)

    def _give_up(self, job: Job, problem: Problem) -> None:
        """The file ends with this problem, once every hand has let go of it."""
        job.problem = job.problem or problem
        job.end_claims()
        self._change.notify_all()

    def _left_alone(self, job: Job) -> None:
        """Nobody has the file now."""
        if self.stopped:
            return  # it is let go of by whoever settles
        if job.problem is not None:
            self._fail(job, job.problem)
        elif job.restarts:
            self._restart(job)
        elif job.phase is Phase.OPENING:
            self._agenda.put_back(job)

    def _restart(self, job: Job) -> None:
        """From what is on disk, by whoever comes next."""
        job.restarts, job.source = False, None
        if job.canvas is not None and job.canvas.reached:
            job.streams_only = True  # what is there is compared with what comes
        job.let_go()
        job.part = job.canvas = job.spans = job.scribe = None
        try:
            self.durability.flush()
        except ProblemError as error:
            self.stop(error.problem)
        else:
            self._agenda.put_back(job)

    # ---- what became of it ----

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
        """A small file is whole in memory: the batch tells what becomes of it."""
        with self._change:
            self._agenda.goes_on(job)
        self._batch.put(small)

    def _batched(self, small: Small) -> None:
        job, lease, problem = self._jobs[small.work.id], self.order.lease, small.problem
        if problem is not None and problem.code in OF_THE_DISK:
            self.stop(problem)
        elif problem is not None:
            self._tell(Failed(lease, small.work.id, problem))
        elif small.proof is None:
            proof = Proof.CHECKSUM if small.note else None
            self._tell(Whole(lease, small.work.id, len(small.data), small.sha256, proof, small.note))
        else:
            proved = Proved(lease, small.work.id, len(small.data), small.sha256, small.proof, small.note)
            batch = {"batch": small.batch, "batch_files": small.batch_files}
            self._tell(msgspec.structs.replace(proved, **batch, modified=small.modified))
        self._end(job)

    def _fail(self, job: Job, problem: Problem) -> None:
        self._end(job)
        try:
            if problem.code in DROPPING and job.part is not None:
                job.part.discard()
        except ProblemError as error:
            self.stop(error.problem)
        job.let_go()
        # Told once nothing of the file is in our hands: the next lease may begin at once.
        self.durability.call(lambda: self._tell(Failed(self.order.lease, job.work.id, problem)))

    def _end(self, job: Job) -> None:
        with self._change:
            self._agenda.end(job)
            self._change.notify_all()

    def _wishes(self, job: Job) -> Wishes:
        spans = job.spans
        assert spans is not None

        def over() -> bool:
            return self.stopped or job.is_ending

        def lost(start: int, stop: int) -> None:
            with self._change:
                if job.pieces is not None:
                    job.turn(job.mirror)  # else it is the disk that lost them
                spans.give_back(start, stop)
                self._change.notify_all()

        def alone() -> None:
            with self._change:
                # Who waits for a connection that never comes, for nothing, is not waited for.
                self._change.wait_for(lambda: spans.is_quiet or over())

        def met(problem: Problem) -> None:
            with self._change:
                self.stop(problem) if problem.code in OF_THE_DISK else self._give_up(job, problem)

        return Wishes(over, lost, alone, partial(self.whole, job), met, lambda: self.leave(job))
