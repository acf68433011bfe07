"""What the demo hub's conversations share: the catalogue, the grants, the record of requests, the faults."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import count

from aihub_desktop.demo.catalogue import Catalogue, DemoDataset, DemoFile
from aihub_desktop.demo.faults import Faults
from aihub_desktop.demo.habits import Habits


@dataclass(slots=True)
class Seen:
    """One request as the hub saw it. The fields from `status` on grow while it is answered."""

    host: str  # "api" or "stream"
    method: str
    path: str
    query: str
    key_sent: bool
    key_right: bool
    range: str | None
    agent: str
    file_keys: tuple[str, ...] = ()
    status: int = 0
    sent: int = 0
    whole: bool = False  # the answer ended in the way it should
    ended: bool = False  # nothing more will be sent, whole or not


class Requests:
    """What the hub was asked, in order. Safe from any thread."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._news = threading.Condition()

    def __iter__(self) -> Iterator[Seen]:
        """Copies, as they stand now."""
        with self._news:
            return iter([replace(seen) for seen in self._seen])

    def __len__(self) -> int:
        with self._news:
            return len(self._seen)

    def wait(self, holds: Callable[[list[Seen]], bool], seconds: float = 20.0) -> list[Seen]:
        """Waits until `holds` says True of the requests so far. Raises `TimeoutError`."""
        with self._news:
            if not self._news.wait_for(lambda: holds(self._seen), seconds):
                raise TimeoutError(f"not within {seconds} s; {len(self._seen)} requests")
            return [replace(seen) for seen in self._seen]

    def clear(self) -> None:
        with self._news:
            self._seen.clear()

    def add(self, seen: Seen) -> None:
        with self._news:
            self._seen.append(seen)
            self._news.notify_all()

    def note(self, seen: Seen, *, status: int = 0, sent: int = 0, whole: bool = False, ended: bool = False) -> None:
        """`seen` goes on: its status is known, so many bytes more were sent, it ended well, or just ended."""
        with self._news:
            seen.status = status or seen.status
            seen.sent += sent
            seen.whole = seen.whole or whole
            seen.ended = seen.ended or ended
            self._news.notify_all()


@dataclass(slots=True)
class Grant:
    """What a uuid of the stream host stands for, until when, and how often it was answered."""

    offer: DemoDataset
    files: tuple[DemoFile, ...]
    until: float
    served: int = 0


@dataclass(slots=True)
class Desk:
    """The hub's memory: what it offers, whom it let in, what went wrong."""

    catalogue: Catalogue
    key: str
    piece_size: int
    chunk_size: int
    uuid_life: float
    faults: Faults = field(default_factory=Faults)
    requests: Requests = field(default_factory=Requests)
    habits: Habits = field(default_factory=Habits)
    stopping: threading.Event = field(default_factory=threading.Event)
    stream_url: str = ""
    _grants: dict[str, Grant] = field(default_factory=dict)
    _infos: Iterator[int] = field(default_factory=count)
    _last_start: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, offer: DemoDataset, files: tuple[DemoFile, ...]) -> str:
        """The address of the stream with these files."""
        name = str(uuid.uuid4())
        with self._lock:
            self._grants[name] = Grant(offer, files, time.monotonic() + self.uuid_life)
        return f"{self.stream_url}/shellStream.do?uuid={name}"

    def granted(self, name: str) -> Grant | None:
        """What `name` stands for, once for each answer."""
        with self._lock:
            found = self._grants.get(name)
            if found is None or time.monotonic() >= found.until:
                return None
            found.served += 1
            return found if self.habits.serves is None or found.served <= self.habits.serves else None

    def info_status(self) -> HTTPStatus:
        """The right text comes with 502 every other time: a reader that judges by the status fails at once."""
        with self._lock:
            return HTTPStatus.OK if next(self._infos) % 2 else HTTPStatus.BAD_GATEWAY

    def since_last_start(self) -> float:
        """Seconds since a download last began; another one begins now."""
        now = time.monotonic()
        with self._lock:
            last, self._last_start = self._last_start, now
        return now - last
