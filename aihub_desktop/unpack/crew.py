"""Several hands at one zip: each with a thread and a reader of its own, and lots of entries from one queue."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aihub_desktop.archives.zipreader import ZipArchive, ZipReader
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.unpack.hand import Bench, Hand, Job
from aihub_desktop.unpack.landing import Landed, Landing

_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Crew:
    """`wait` is called in the thread of `run`, often; `give_up` by a hand that cannot go on."""

    archive: ZipArchive
    bench: Bench
    landing: Landing
    threads: int
    wait: Callable[[], None]
    give_up: Callable[[Problem], None]

    def run(self, lots: Iterable[list[Job]]) -> None:
        """Every lot was taken, or given up, when this returns."""
        waiting: queue.Queue[list[Job] | None] = queue.Queue(4 * self.threads)
        hands = [
            threading.Thread(target=self._work, args=(waiting,), name="unpack", daemon=True)
            for _ in range(self.threads)
        ]
        for hand in hands:
            hand.start()
        try:
            for jobs in lots:
                self._offer(waiting, jobs, hands)
        finally:
            for _ in hands:
                self._offer(waiting, None, hands)
            for hand in hands:
                while hand.is_alive():
                    hand.join(_WAIT_SECONDS)
                    self.wait()

    def _offer(
        self, waiting: queue.Queue[list[Job] | None], jobs: list[Job] | None, hands: list[threading.Thread]
    ) -> None:
        while any(hand.is_alive() for hand in hands):
            self.wait()
            with contextlib.suppress(queue.Full):
                waiting.put(jobs, timeout=_WAIT_SECONDS)
                return

    def _work(self, waiting: queue.Queue[list[Job] | None]) -> None:
        try:
            with self.archive.reader() as reader:
                hand = Hand(self.bench)
                while (jobs := waiting.get()) is not None:
                    self.landing.put(done(hand, reader, jobs, self.bench.stopped))
        except ProblemError as error:
            self.give_up(error.problem)
        except Exception as error:
            self.give_up(Problem(Code.BUG, {"why": type(error).__name__}))
            raise


def done(hand: Hand, reader: ZipReader, jobs: Iterable[Job], stopped: Callable[[], bool]) -> list[Landed]:
    """What of the jobs came to a whole file; none that was still to come once `stopped` says so."""
    landed = []
    for job in jobs:
        if stopped():
            break
        if (one := hand.from_zip(reader, job)) is not None:
            landed.append(one)
    return landed
