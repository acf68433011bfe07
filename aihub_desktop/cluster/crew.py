"""The workers of a Dask cluster, as one who asks has them: who is there, who can receive, and what came of a task.

roster (a thread) ──→ Joined, Left           every two seconds
look, submit      ──→ Looked, Ended, Lost    whenever Dask says so
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from aihub_desktop import __version__
from aihub_desktop.cluster.ground import Call
from aihub_desktop.cluster.orders import Answer, Result, told
from aihub_desktop.domain.faults import Code, Problem, ProblemError

_CONNECT_SECONDS: Final = 20.0
# What came of a task is a few lines; the worker that has them may have died since.
_RESULT_SECONDS: Final = 30.0
_ROSTER_SECONDS: Final = 2.0
# A process that was stopped stays on the list for minutes, and would have whoever asks it wait as long.
_ANSWER_SECONDS: Final = 5.0
# Workers beat every half second to every few seconds; one that has not for so long is frozen, or its machine is away.
STILL_SECONDS: Final = 60.0
LOST_SECONDS: Final = 60.0  # a scheduler that has not answered for so long does not come back by itself
_VERSION: Final = "aihub_desktop:__version__"


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker that has this program in this version, with so many threads."""

    worker: str
    threads: int


@dataclass(frozen=True, slots=True)
class Left:
    """`tasks` were with it, where it is not dead for Dask, but frozen: it may go on with them at any moment."""

    worker: str
    tasks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a worker said to the question; `problem`: why it cannot receive."""

    worker: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Ended:
    number: int
    result: Result


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came of it. `problem` None: Dask has dropped it, and it may be given to another."""

    number: int
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The scheduler is out of reach."""

    problem: Problem


News = Joined | Left | Looked | Ended | Lost | Gone


class Crew:
    """A context manager. `still`: seconds after which a worker without a beat counts as gone; `lost`: the same of the
    scheduler. Raises `ProblemError`: NO_DASK, NO_CLUSTER.
    """

    def __init__(self, address: str, still: float = STILL_SECONDS, lost: float = LOST_SECONDS) -> None:
        distributed = self._distributed = _distributed()
        self._address = address
        try:
            # Dask would try a closed door again and again, all the time that it is given.
            parts = urlsplit(address)
            socket.create_connection((parts.hostname or "", parts.port or 0), _CONNECT_SECONDS).close()
            # What TLS needs stands in Dask's own configuration, as for every client of the cluster.
            self._client: Any = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise ProblemError(Code.NO_CLUSTER, address=address, why=_why(error)) from None
        self._news: queue.SimpleQueue[News | None] = queue.SimpleQueue()
        self._futures: dict[int, Any] = {}
        self._numbers: dict[str, int] = {}  # of tasks, by Dask's keys
        self._looks: list[Any] = []
        self._pulses, self._lost = Pulses(still), lost
        self._closing = threading.Event()
        self._roster = threading.Thread(target=self._watch, name="roster", daemon=True)

    def __enter__(self) -> Crew:
        self._roster.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # Some of what Dask does at the end wants a scheduler, which may be gone.
        with contextlib.suppress(Exception):
            self._client.close(timeout=5)

    def news(self, timeout: float) -> News | None:
        with contextlib.suppress(queue.Empty):
            return self._news.get(timeout=timeout)
        return None

    def listen(self, topic: str, hear: Callable[[Any], None]) -> None:
        """`hear` gets (moment, message) of what workers say there, in a thread of Dask's."""
        self._client.subscribe_topic(topic, hear)

    def wake(self) -> None:
        """`news` gives None at once. From any thread."""
        self._news.put(None)

    def answer(self, event: str) -> None:
        """Whoever waits for this event goes on."""
        with contextlib.suppress(Exception):  # a scheduler that is gone is told by the roster
            self._distributed.Event(event, client=self._client).set()

    def look(self, worker: str, question: Call) -> None:
        """`Looked` follows, as soon as it has a thread free."""
        future = self._send(question, f"aihub-look-{secrets.token_hex(4)}-{worker}", [worker])
        future.add_done_callback(lambda done: self._news.put(Looked(worker, _answer(done))))
        self._looks.append(future)  # let go of, it would be forgotten

    def submit(self, number: int, task: Call, workers: Iterable[str]) -> None:
        """`Ended` or `Lost` follows. Any of `workers` may have it, and another of them if that one dies."""
        key = f"aihub-{task.name}-{task.run[:8]}-{number}"
        self._numbers[key] = number
        future = self._futures[number] = self._send(task, key, list(workers))
        future.add_done_callback(lambda done: self._news.put(_outcome(number, done)))

    def cancel(self, number: int) -> None:
        """`Lost` follows, unless it has ended."""
        if (future := self._futures.pop(number, None)) is not None:
            future.cancel()

    def forget(self, number: int) -> None:
        self._futures.pop(number, None)

    def _send(self, call: Call, key: str, workers: list[str]) -> Any:
        return self._client.submit(
            call.act, call.order, key=key, pure=False, workers=workers, allow_other_workers=False
        )

    # ---- who is there ----

    def _watch(self) -> None:
        known: dict[str, int] = {}
        heard_at = time.monotonic()
        while not self._closing.wait(_ROSTER_SECONDS if known else 0.2):
            try:
                told = self._ask(self._client.scheduler.identity, n_workers=-1)["workers"]
                heard_at = time.monotonic()
                beating = self._pulses.beating({name: one["last_seen"] for name, one in told.items()}, heard_at)
                self._compare(known, {name: told[name]["nthreads"] for name in beating}, told.keys())
            except Exception as error:  # whatever Dask raises where the line is away
                logging.getLogger(__name__).info("the roster: %r", error)
                if time.monotonic() - heard_at > self._lost:
                    self._news.put(Gone(Problem(Code.NO_CLUSTER, {"address": self._address})))
                    return

    def _ask(self, act: Any, **words: Any) -> Any:
        return self._client.sync(act, callback_timeout=_ANSWER_SECONDS, **words)

    def _compare(self, known: dict[str, int], there: dict[str, int], listed: Collection[str]) -> None:
        for worker in known.keys() - there.keys():
            keys = self._ask(self._client.scheduler.processing, workers=[worker])[worker] if worker in listed else ()
            del known[worker]
            self._news.put(Left(worker, tuple(self._numbers[key] for key in keys if key in self._numbers)))
        unfit: list[Looked] = []
        for worker in [worker for worker in there if worker not in known]:
            if (theirs := self._version(worker)) is None:
                continue  # it left meanwhile, or is asked again
            known[worker] = there[worker]
            if theirs == __version__:
                self._news.put(Joined(worker, there[worker]))
            else:
                facts: dict[str, str | int] = {"ours": __version__, **({"theirs": theirs} if theirs else {})}
                unfit.append(Looked(worker, Answer(Problem(Code.OTHER_VERSION, facts))))
        for one in unfit:  # who may be fit is known first, or all would seem to be unfit
            self._news.put(one)

    def _version(self, worker: str) -> str | None:
        """Of this program, "" where it is not there; None where the worker does not answer."""
        try:
            # Nothing of ours needs to be there for this question.
            told = self._client.run(
                pkgutil.resolve_name, _VERSION, workers=[worker], on_error="return", callback_timeout=_ANSWER_SECONDS
            )
        except TimeoutError:
            return None
        if worker not in told:
            return None
        return told[worker] if isinstance(told[worker], str) else ""


class Pulses:
    """Which workers beat, by the moments of their last beats as the scheduler's clock has them; ours judges."""

    def __init__(self, still: float) -> None:
        self._still = still
        self._heard: dict[str, tuple[float, float]] = {}  # its last beat, and when it was new to us

    def beating(self, seen: Mapping[str, float], now: float) -> list[str]:
        """Of one that is met for the first time the others tell how long it has been still."""
        newest = max(seen.values(), default=0.0)
        for worker, at in seen.items():
            before = self._heard.get(worker)
            if before is None:
                self._heard[worker] = (at, now - (newest - at))
            elif at != before[0]:
                self._heard[worker] = (at, now)
        return [worker for worker in seen if now - self._heard[worker][1] < self._still]


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error))[:200]


def _answer(done: Any) -> Answer:
    """Also where the client was closed meanwhile: Dask would have this wait, and the end of the program with it."""
    try:
        return told(done.result(timeout=_ANSWER_SECONDS), Answer)
    except Exception as error:
        return Answer(Problem(Code.BUG, {"why": type(error).__name__}))


def _outcome(number: int, done: Any) -> News:
    """In a thread of Dask's: its own exceptions, those of the worker and what cannot be read all end the task."""
    if done.status == "cancelled":
        return Lost(number, None)
    try:
        return Ended(number, told(done.result(timeout=_RESULT_SECONDS), Result))
    except msgspec.ValidationError:
        return Lost(number, Problem(Code.BUG, {"why": "result"}))
    except Exception as error:
        return Lost(number, _problem(error))


def _problem(error: Exception) -> Problem | None:
    match type(error).__name__:
        case "KilledWorker":  # as many workers died of it as the cluster allows
            return Problem(Code.WORKER_LOST)
        case "CancelledError" | "FutureCancelledError" | "TimeoutError":
            return None
    return Problem(Code.BUG, {"why": type(error).__name__})


def _distributed() -> Any:
    """Raises `ProblemError` NO_DASK."""
    try:
        import distributed  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        raise ProblemError(Code.NO_DASK) from None
    for name in list(logging.root.manager.loggerDict):
        # What it says goes where our own log goes; on a terminal it would stand between lines for people.
        if name.partition(".")[0] in ("distributed", "tornado", "bokeh"):
            logging.getLogger(name).handlers.clear()
            logging.getLogger(name).propagate = True
    logging.getLogger("distributed").setLevel(logging.ERROR)
    return distributed
