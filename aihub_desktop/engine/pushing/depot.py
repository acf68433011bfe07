"""The place that files are pushed to: a prefix of a bucket, asked by several hands, each with a connection of its own.

Whatever fails is tried again as `domain.retry` rules, and for as long as the user's patience lasts while nothing moves.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from aihub_desktop.domain.faults import Code, Fault, Problem, ProblemError
from aihub_desktop.domain.retry import Verdict, rule
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.storage import S3Place
from aihub_desktop.engine.orders import agent
from aihub_desktop.engine.pushing.ease import Ease
from aihub_desktop.sources.s3.addressing import Land, land_of
from aihub_desktop.sources.s3.client import S3
from aihub_desktop.sources.s3.uploads import Uploads, Ways
from aihub_desktop.transport.brake import Brake

T = TypeVar("T")
LONGEST_KEY: Final = 1024  # bytes, everywhere
MEMORY: Final = 384 << 20  # bytes of parts that wait or are sent, unless a single part is larger


class Depot:
    """`prefix` ends with a slash or is empty. Usable from several threads at once; raises only `ProblemError`."""

    def __init__(self, place: S3Place, bucket: str, prefix: str, settings: Settings, patience: float) -> None:
        self.place = place
        self.bucket = bucket
        self.prefix = prefix
        self.settings = settings
        self.brake = Brake(settings.limit)
        self.sent = 0  # bytes of objects and parts that the storage has taken in this run
        self.patience = patience
        self.stopped = threading.Event()
        self._ways = Ways(place)
        self._ease = Ease(settings.connections)
        self._own = threading.local()
        self._all: list[Uploads] = []
        self._lock = threading.Lock()
        self._moved_at = time.monotonic()

    @property
    def is_stopped(self) -> bool:
        return self.stopped.is_set()

    def key_of(self, path: str) -> str:
        """The object of a file. Raises BAD_ADDRESS for a name that no storage takes."""
        key = self.prefix + path
        if len(key.encode()) > LONGEST_KEY:
            raise ProblemError(Code.BAD_ADDRESS, address=key[:200], why="too long")
        return key

    def land(self) -> Land:
        """Where what is pushed would lie. Asks the bucket, which tells whether it is there and open, too."""
        return land_of(self.place.endpoint, self.persistently(lambda uploads: uploads.region()))

    def listed(self) -> dict[str, int] | None:
        """(key, size) of everything below the prefix; None where these keys may not list."""
        client = S3(self.place, *agent(self.settings))
        try:
            files = self.persistently(lambda uploads: client.expand(self.bucket, [self.prefix], each_page=self._paged))
        except ProblemError as error:
            if error.problem.code is Code.NO_ACCESS:
                return None
            raise
        finally:
            client.close()
        return {file.key: file.size.low for file in files}

    def persistently(self, act: Callable[[Uploads], T]) -> T:
        """What `act` gives with this thread's connection, however often it takes. Raises what is not to be tried again,
        and STOPPED.
        """
        attempts = 0
        while True:
            self.must_go_on()
            try:
                with self._ease.turn():
                    self.must_go_on()
                    value = act(self._uploads())
                self._moved_at = time.monotonic()
                self._ease.well()
                return value
            except ProblemError as error:
                self.must_go_on()
                attempts += 1
                self._wait(error.problem, attempts)

    def must_go_on(self) -> None:
        """Raises STOPPED where it must not."""
        if self.stopped.is_set():
            raise ProblemError(Code.STOPPED)

    def pause(self, seconds: float) -> None:
        """Raises STOPPED as soon as that is so."""
        if self.stopped.wait(seconds):
            raise ProblemError(Code.STOPPED)

    def took(self, count: int) -> None:
        """The storage has taken so many bytes more."""
        with self._lock:
            self.sent += count

    def stop(self) -> None:
        """Ends what is under way, soon. From any thread."""
        self.stopped.set()
        self.brake.release()
        self._ease.end()
        with self._lock:
            for uploads in self._all:
                uploads.shut()

    def close(self) -> None:
        with self._lock:
            for uploads in self._all:
                uploads.close()

    def _paged(self, count: int) -> None:
        self.must_go_on()

    def _wait(self, problem: Problem, attempts: int) -> None:
        ruling = rule(problem, attempts, self.settings, random.random())
        impatient = time.monotonic() - self._moved_at + ruling.delay > self.patience
        if ruling.verdict is not Verdict.AGAIN or impatient or _is_senseless(problem):
            raise ProblemError.of(problem)
        if problem.fault is Fault.BUSY:
            self._ease.busy(ruling.delay)
        else:
            self.pause(ruling.delay)

    def _uploads(self) -> Uploads:
        found: Uploads | None = getattr(self._own, "uploads", None)
        if found is None:
            name, seconds = agent(self.settings)
            found = self._own.uploads = Uploads(self._ways, self.bucket, name, seconds, self.brake)
            with self._lock:
                self._all.append(found)
            if self.is_stopped:
                found.shut()
        return found


def _is_senseless(problem: Problem) -> bool:
    """Whether the storage does not understand the request, or will not: it will be no better the next time."""
    text = str(problem.facts.get("text", ""))
    return problem.code is Code.SERVER_ERROR and problem.facts.get("status") == 400 and "Timeout" not in text


class Room:
    """Bytes that may be in memory at once; one thing that is larger than all of it may be there alone."""

    def __init__(self, most: int = MEMORY) -> None:
        self._most = most
        self._used = 0
        self._change = threading.Condition(threading.Lock())

    def take(self, count: int) -> None:
        """Waits for it."""
        with self._change:
            self._change.wait_for(lambda: not self._used or self._used + count <= self._most)
            self._used += count

    def give_back(self, count: int) -> None:
        with self._change:
            self._used -= count
            self._change.notify_all()
