"""Worker processes: begun when needed, fed with leases, listened to, stopped for certain.

A worker is the same program with the word `worker`: JSON lines in by its stdin, news out by its stdout. The end
of stdin tells it to stop, so workers never outlive an engine, however that ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import (
    Adopt,
    AnyNews,
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

_log = logging.getLogger(__name__)

Loan = Receive | Gather | Check | Verify | Unpack | Adopt

# A worker has this long to make durable what came; after it, it is ended and the bytes since its last mark are lost.
STOP_SECONDS: Final = 20.0
_LOG_BYTES: Final = 1 << 20
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW  # else each worker of the window opens a console
else:
    _FLAGS = 0


class _Worker:
    """One process, the leases it holds, and the thread that listens to it."""

    def __init__(self, command: list[str], stderr: IO[bytes], post: Callable[[AnyNews], None]) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "AIHUB_APIKEY"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment, creationflags=_FLAGS
        )
        self.leases: set[int] = set()
        self._post = post
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, name="worker-news", daemon=True)
        self._listener.start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, message: Loan | Rate | Chart | Drop) -> None:
        assert self.process.stdin is not None
        # A worker that died is noticed by its listener, which gives its leases back.
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(wire.line(message))
            self.process.stdin.flush()

    def begin(self, message: Loan) -> None:
        with self._lock:
            self.leases.add(message.lease)
        self.send(message)
        if not self.alive:
            self._give_back()

    def finish(self) -> None:
        """Closes stdin: the worker makes durable what it has and ends."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def reap(self, deadline: float) -> None:
        """Waits for the end until `deadline` (steady clock), then ends the process."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._listener.join()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for text in lines:
                try:
                    news = wire.news(text)
                except wire.WireError:
                    _log.error("a worker said what is no news")
                    continue
                if isinstance(news, Ended):
                    with self._lock:
                        self.leases.discard(news.lease)
                self._post(news)
        self.process.wait()
        self.finish()  # our end of the pipe to it; it read the other one no more
        self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            lost, self.leases = sorted(self.leases), set()
        for lease in lost:
            status = self.process.returncode
            self._post(Ended(lease, Problem(Code.WORKER_LOST, {"status": -1 if status is None else status})))


def _is_brief(work: Loan) -> bool:
    """A name is given, and nothing is read: done sooner than a process begins. Volumes of a set are read, whatever was
    proved of each: only together they are an archive."""
    return isinstance(work, Check) and len(work.files) == 1 and work.files[0].proof is not None


class Pool:
    """Up to `size` workers. `post` is called from their listening threads with each piece of news."""

    def __init__(self, command: list[str], size: int, logs: Path, post: Callable[[AnyNews], None]) -> None:
        self._command = command
        self._size = size
        self._post = post
        self._workers: list[_Worker] = []
        self._halts: dict[int, float] = {}
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / "workers.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            os.replace(log, logs / "workers.log.1")
        self._stderr = log.open("ab")

    def begin(self, work: Loan) -> None:
        """Lends the work to the worker that has least. Raises OSError where no process can be made."""
        self._workers = [worker for worker in self._workers if worker.alive]
        idle = min(self._workers, key=lambda worker: len(worker.leases), default=None)
        if idle is None or (idle.leases and not _is_brief(work) and len(self._workers) < self._size):
            idle = _Worker(self._command, self._stderr, self._post)
            self._workers.append(idle)
        idle.begin(work)

    def warm(self) -> None:
        """Work will come in a moment: a worker begins to begin. Raises OSError where no process can be made."""
        if not any(worker.alive for worker in self._workers):
            self._workers = [_Worker(self._command, self._stderr, self._post)]

    def halt(self, lease: int) -> None:
        """Asks for the lease back. `enforce` sees to it that it comes."""
        for worker in self._workers:
            if lease in worker.leases:
                worker.send(Drop(lease))
                self._halts[lease] = time.monotonic() + STOP_SECONDS

    def adjust(self, word: Rate | Chart) -> None:
        """Tells the worker that has the lease; one that has not begun yet begins with the rate in its order."""
        for worker in self._workers:
            if word.lease in worker.leases:
                worker.send(word)

    def enforce(self) -> None:
        """Ends workers that keep a lease which was asked back. Call it now and then."""
        if not self._halts:
            return
        held = {lease: worker for worker in self._workers for lease in worker.leases}
        for lease, deadline in list(self._halts.items()):
            if lease not in held:
                del self._halts[lease]
            elif time.monotonic() > deadline:
                _log.error("a worker kept lease %d and was ended", lease)
                held[lease].process.kill()
                del self._halts[lease]

    def close(self) -> None:
        """Stops all workers; what they received is durable. Returns when no process and no thread is left."""
        for worker in self._workers:
            worker.finish()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            worker.reap(deadline)
        self._workers = []
        self._stderr.close()
