"""The thread that reads a file behind the hands that write it, to the end of it; and what it then is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from aihub_desktop.archives.companion import Companion
from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.follower import LAG, Follower
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.reading import Finding, Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a scribe asks of those that it works for; all of it may be called from its thread."""

    over: Callable[[], bool]  # nobody wants the file any more
    lost: Callable[[int, int], None]  # these bytes have to be fetched again
    alone: Callable[[], None]  # waits until no hand can write to the file any more, or it is over
    whole: Callable[[Finding], None]
    met: Callable[[Problem], None]
    left: Callable[[], None]  # the scribe's last word


class Scribe:
    """Of one file that has a canvas and spans."""

    def __init__(self, job: Job, durability: Durability, wishes: Wishes) -> None:
        self._job = job
        self._durability = durability
        self._wishes = wishes

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        companion = Companion(LAG)
        try:
            self._wishes.whole(self._read(companion))
        except StoppedError:
            pass
        except ProblemError as error:
            self._wishes.met(error.problem)
        except Exception as error:
            _log.exception("reading what came")
            self._wishes.met(Problem(Code.BUG, {"why": type(error).__name__}))
        companion.stop()
        self._wishes.left()

    def _read(self, companion: Companion) -> Finding:
        job, wishes = self._job, self._wishes
        canvas, spans, spot = job.canvas, job.spans, job.spot
        assert canvas is not None and spans is not None and spot is not None  # noqa: PT018

        def fresh() -> Reading:
            return Reading(spot, companion, job.digests(spans.size or 0))

        follower = Follower(
            canvas, companion, fresh, lambda: spans.size, wishes.lost, stopped=wishes.over, pieces=job.pieces
        )
        found = follower.run()
        # The last marks are handed over by the hands that leave.
        wishes.alone()
        if wishes.over():
            raise StoppedError
        canvas.claim_rest(found.size)
        file = canvas.open()
        if file.size() > found.size:
            file.truncate(found.size)
        self._durability.flush()
        if not job.file.size.allows(found.size):
            raise ProblemError(Code.WRONG_SIZE, size=found.size, shown=job.file.size.shown)
        return found
