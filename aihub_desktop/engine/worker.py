"""The worker process: takes leases on stdin, moves bytes in threads, tells news on stdout."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import (
    Adopt,
    AnyNews,
    AnyWork,
    Chart,
    Check,
    Drop,
    Ended,
    Gather,
    Rate,
    Receive,
    Unpack,
    Verify,
)
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.storage import AnyPlace, LabPlace, S3Place
from aihub_desktop.engine.adopting import Adopting
from aihub_desktop.engine.hosting import Emptying, Verifying
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.sources.lab.terms import LabTerms
from aihub_desktop.sources.lanes import Ranges
from aihub_desktop.sources.place import Body, RangePlace
from aihub_desktop.sources.s3.terms import S3Terms
from aihub_desktop.sources.terms import Terms
from aihub_desktop.sources.web.terms import WebTerms
from aihub_desktop.transport.check import Checking
from aihub_desktop.transport.gather import Gathering
from aihub_desktop.transport.receive import Reception

_log = logging.getLogger(__name__)

# The hub makes its tar when it is asked for; how long it may think before the first byte is not known.
_HEADER_SECONDS: Final = 180.0
_NICENESS: Final = 5
# Temporary keys make another place of a storage every few minutes, for as long as a worker lives.
_MOST_PLACES: Final = 8


class _Job(Protocol):
    def run(self) -> None: ...

    def drop(self) -> None: ...


class Worker:
    """Runs leases until `close`. `report` may be called from any thread."""

    def __init__(self, report: Callable[[AnyNews], None]) -> None:
        self._report = report
        self._jobs: dict[int, _Job] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._hubs: dict[tuple[str, str, float, bool, bool], AIHub] = {}
        self._places: dict[tuple[AnyPlace, str, float], Ranges] = {}
        self._lock = threading.Lock()

    def take(self, work: AnyWork) -> None:
        match work:
            case Drop():
                if (job := self._job(work.lease)) is not None:
                    job.drop()
            case Rate():
                if isinstance(job := self._job(work.lease), Reception | Gathering):
                    job.limit(work.rate)
            case Chart():
                if isinstance(job := self._job(work.lease), Reception | Gathering):
                    job.chart(work.file)
            case _:
                self._start(work.lease, self._job_of(work))

    def _job_of(self, work: Receive | Gather | Check | Verify | Unpack | Adopt) -> _Job:
        match work:
            case Receive():
                return Reception(work, lambda: self._open(work), self._report)
            case Gather():
                return Gathering(work, self._place(work), self._report)
            case Check():
                return Checking(work, self._report)
            case Verify():
                return Verifying(work, self._report)
            case Unpack():
                return Emptying(work, self._report)
            case Adopt():
                return Adopting(work, self._report)

    def close(self) -> None:
        """Drops every lease and waits until each has made durable what it had.

        A lease that still waits for an answer has nothing to save, and is not waited for.
        """
        with self._lock:
            jobs = [(job, self._threads[lease]) for lease, job in self._jobs.items()]
        for job, _ in jobs:
            job.drop()
        for job, thread in jobs:
            while thread.is_alive() and not (isinstance(job, Reception | Gathering) and job.is_idle):
                thread.join(0.05)

    def _job(self, lease: int) -> _Job | None:
        with self._lock:
            return self._jobs.get(lease)

    def _start(self, lease: int, job: _Job) -> None:
        thread = threading.Thread(target=self._run, args=(lease, job), name=f"lease-{lease}", daemon=True)
        with self._lock:
            self._jobs[lease], self._threads[lease] = job, thread
        thread.start()

    def _run(self, lease: int, job: _Job) -> None:
        try:
            job.run()
        except Exception as error:
            # Without its end a lease would be waited for as long as this worker lives.
            _log.exception("lease %d", lease)
            self._report(Ended(lease, Problem(Code.BUG, {"why": type(error).__name__})))
        finally:
            with self._lock:
                del self._jobs[lease], self._threads[lease]

    def _open(self, order: Receive) -> Body:
        first = order.files[0].file
        dataset = Dataset(first.source, first.dataset, "", first.package)
        return self._hub(order).open_stream(dataset, [item.file.key for item in order.files], order.key)

    def _hub(self, order: Receive) -> AIHub:
        name = (order.hub, order.user_agent, order.connect_timeout, order.stream_key, order.address_again)
        with self._lock:
            if name not in self._hubs:
                self._hubs[name] = AIHub(
                    order.hub,
                    user_agent=order.user_agent,
                    connect_timeout=order.connect_timeout,
                    header_timeout=_HEADER_SECONDS,
                    stream_key=order.stream_key,
                    address_again=order.address_again,
                )
            return self._hubs[name]

    def _place(self, order: Gather) -> RangePlace:
        """Kept from lease to lease, for what was learned of it: regions, redirects."""
        name = (order.place, order.user_agent, order.connect_timeout)
        with self._lock:
            found = self._places.pop(name, None)
            if found is None:
                # A proxy on the way would see the token.
                direct = isinstance(order.place, LabPlace)
                found = Ranges(
                    _terms(order.place), user_agent=order.user_agent, connect_timeout=order.connect_timeout,
                    direct=direct,
                )  # fmt: skip
            self._places[name] = found
            if len(self._places) > _MOST_PLACES:
                del self._places[next(iter(self._places))]
            return found


def _terms(place: AnyPlace) -> Terms:
    match place:
        case S3Place():
            return S3Terms(place)
        case LabPlace():
            return LabTerms(place)
    return WebTerms(place)


class _Voice:
    """Writes news to a pipe, whole lines only. A pipe whose reader is gone is no reason to stop saving."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def say(self, news: AnyNews) -> None:
        with self._lock, contextlib.suppress(OSError):
            if not self._pipe.closed:
                self._pipe.write(wire.line(news))
                self._pipe.flush()

    def close(self) -> None:
        """What a reader who is gone never took would else be tried once more, and complained of, at the very end."""
        with self._lock, contextlib.suppress(OSError):
            self._pipe.close()


if sys.platform == "win32":

    def _step_back() -> None:
        """The window, and whatever else a person looks at, comes first."""
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        kernel.SetPriorityClass.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), subprocess.BELOW_NORMAL_PRIORITY_CLASS)

else:

    def _step_back() -> None:
        """The window, and whatever else a person looks at, comes first."""
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)


def main() -> int:
    """Runs until the end of stdin. Ctrl-C belongs to the engine, which ends us by closing the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _step_back()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(levelname)s %(message)s")
    # Whatever prints by accident must not end up between the news.
    voice = _Voice(os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(voice.say)
    for text in sys.stdin.buffer:
        try:
            worker.take(wire.work(text))
        except wire.WireError:
            _log.error("the engine said what is no work")
    worker.close()
    voice.close()
    return 0
