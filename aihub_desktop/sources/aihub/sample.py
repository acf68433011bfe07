"""One small file received several times in several ways, to learn what nobody has published of the hub's streams.

Nothing of it is kept: bytes are counted, hashed and thrown away, and never more of them are read than was agreed.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from aihub_desktop.domain.checkup import Fact, Finding, Topic, found
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret
from aihub_desktop.domain.names import match_key, split_piece
from aihub_desktop.sources.aihub.client import (
    ERROR_BYTES,
    ERROR_SECONDS,
    MOST_REDIRECTS,
    REDIRECTS,
    error_of,
    key_header,
    may_be_tar,
    next_url,
    stream_path,
)
from aihub_desktop.sources.aihub.errors import Wanted, shown
from aihub_desktop.sources.aihub.tarstream import Chunk, End, Member, TarReader
from aihub_desktop.sources.connection import Connections, OpenedBody, read_beginning
from aihub_desktop.sources.hosts import is_insecure, plain_host

SAMPLE_BYTES: Final = 16 << 20  # of one stream: a file that is larger is compared so far
SAMPLES: Final = 5  # whole samples that the questions below take at most, but for the order of several files
TAR_BYTES: Final = 64 << 10  # by so much a tar is longer than its files, at most: long names, padding, its end
_READ_BYTES: Final = 256 << 10
_STALL_SECONDS: Final = 30.0
# Of an answer's header this much is worth knowing; the rest may name a person's network or session.
_TOLD: Final = (
    "content-type", "content-length", "transfer-encoding", "accept-ranges", "content-disposition", "server",
    "connection", "etag", "last-modified", "location",
)  # fmt: skip
_PART: Final = (512, 1535)  # first and last byte of the range that is asked for


class Allowance:
    """The bytes that a person agreed to. Safe from any thread."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self, wanted: int) -> int:
        """So many may be read now, at most `wanted`. What is not read in the end is to be given back."""
        with self._lock:
            given = min(wanted, self._left)
            self._left -= given
            return given

    def give_back(self, unread: int) -> None:
        with self._lock:
            self._left += unread


class Taken(msgspec.Struct, frozen=True):
    """One answer, read up to its end or to the bound (then not `whole`)."""

    received: int
    whole: bool
    seconds: float
    digest: str  # of all bytes
    content: str  # of the members' bytes alone
    members: tuple[str, ...]


class Ticket(msgspec.Struct, frozen=True):
    """The hub's leave to receive: the address of the stream, and what the answer looked like."""

    address: str
    status: int
    headers: str


class Tap:
    """Opens streams one by one, as the rules for the key and the hub's dislike of hasty starts have it.

    `spread`: seconds between two starts. Every method raises `ProblemError`.
    """

    def __init__(self, hub: str, connections: Connections, key: Secret, allowance: Allowance, spread: float) -> None:
        self.hub = hub
        self._connections = connections
        self._key = key
        self._allowance = allowance
        self._spread = spread
        self._next_start = 0.0
        self._starting = threading.Lock()

    def ticket(self, dataset: Dataset, file_keys: list[str]) -> Ticket:
        """Asks the api. Where it gave the tar itself, without a redirect, its own address is the stream's."""
        with self._starting:
            time.sleep(max(0.0, self._next_start - time.monotonic()))
            self._next_start = time.monotonic() + self._spread
        url = f"{self.hub}{stream_path(dataset, file_keys)}"
        opened = self._open(url, with_key=True)
        is_redirect = opened.status in REDIRECTS
        if not is_redirect and not may_be_tar(opened):
            raise self._refusal(opened, with_key=True)
        opened.body.close()
        return Ticket(next_url(opened) if is_redirect else url, opened.status, _told(opened))

    def stream(self, address: str, *, with_key: bool, headers: Mapping[str, str] | None = None) -> OpenedBody:
        """The stream behind a ticket, its header read. Whoever asked closes it."""
        opened = self._open(address, with_key=with_key, headers=headers)
        for _ in range(MOST_REDIRECTS):
            if opened.status not in REDIRECTS:
                break
            opened.body.close()
            opened = self._open(next_url(opened), with_key=with_key, headers=headers)
        if may_be_tar(opened) or opened.status == 206:
            return opened
        raise self._refusal(opened, with_key=with_key)

    def taken(self, opened: OpenedBody, most: int = SAMPLE_BYTES) -> Taken:
        """Reads and closes. CUT and STALLED as in any download; NOT_A_TAR and its like for a text."""
        reading = _Reading(most)
        with contextlib.closing(opened.body):
            self.read(opened, reading.take, reading.wants)
        return reading.taken()

    def read(self, opened: OpenedBody, take: Callable[[memoryview], None], wants: Callable[[], int]) -> None:
        """Hands on what comes until `wants` (bytes) or the allowance is at its end, or the answer is."""
        buffer = memoryview(bytearray(_READ_BYTES))
        patience = time.monotonic() + _STALL_SECONDS
        while wanted := self._allowance.take(min(wants(), _READ_BYTES)):
            count = 0
            try:
                count = opened.body.readinto(buffer[:wanted])
            except TimeoutError:
                if time.monotonic() > patience:
                    raise ProblemError(Code.STALLED) from None
                continue
            finally:
                self._allowance.give_back(wanted - count)
            if not count:
                return
            patience = time.monotonic() + _STALL_SECONDS
            take(buffer[:count])

    def _open(self, url: str, *, with_key: bool, headers: Mapping[str, str] | None = None) -> OpenedBody:
        if is_insecure(self.hub, url):
            raise ProblemError(Code.INSECURE, host=plain_host(url))
        key = key_header(self.hub, url, self._key if with_key else None)
        return self._connections.open(url, {**key, **(headers or {})})

    def _refusal(self, opened: OpenedBody, *, with_key: bool) -> ProblemError:
        beginning = read_beginning(opened, ERROR_BYTES, ERROR_SECONDS)
        return error_of(opened, beginning, Wanted.STREAM, self._key if with_key else None)


class Sample:
    """The questions, in their order: each builds upon what those before it found out."""

    def __init__(self, tap: Tap, dataset: Dataset, file: RemoteFile) -> None:
        self._tap = tap
        self._dataset = dataset
        self._file = file
        self._first: Taken | None = None  # with the key, from an address of its own
        self._with_key = True

    def file(self) -> Finding:
        """The smallest file, as a download would receive it."""
        began = time.monotonic()
        try:
            ticket = self._ticket()
            opened = self._tap.stream(ticket.address, with_key=True)
            self._first = self._tap.taken(opened)
        except ProblemError as error:
            return found(Topic.FILE, "failed", error.problem, dataset=self._dataset.key, file_key=self._file.key)
        facts: dict[str, Fact] = {
            "dataset": self._dataset.key,
            "file_key": self._file.key,
            "bytes": self._first.received,
            "milliseconds": round((time.monotonic() - began) * 1000),
            "api_status": ticket.status,
            "api_headers": ticket.headers,
            "stream_host": plain_host(ticket.address),
            "stream_status": opened.status,
            "stream_headers": _told(opened),
        }
        return found(Topic.FILE, "received", **facts)

    def stream_key(self) -> Finding:
        """Whether the stream host wants the key: it is asked once without."""
        try:
            ticket = self._ticket()
        except ProblemError as error:
            return found(Topic.STREAM_KEY, "unknown", error.problem)
        refusal = self._failure(ticket, with_key=False)
        if refusal is None:
            self._with_key = False
            return found(Topic.STREAM_KEY, "not-needed")
        if refusal.code in (Code.UNREACHABLE, Code.CUT, Code.STALLED, Code.HUB_BUSY):
            return found(Topic.STREAM_KEY, "unknown", refusal)
        return found(Topic.STREAM_KEY, "needed")

    def address(self) -> Finding:
        """Whether one address serves twice."""
        try:
            ticket = self._ticket()
            self._tap.taken(self._tap.stream(ticket.address, with_key=self._with_key))
        except ProblemError as error:
            return found(Topic.ADDRESS, "unknown", error.problem)
        refusal = self._failure(ticket, with_key=self._with_key)
        if refusal is None:
            return found(Topic.ADDRESS, "again")
        if refusal.code in (Code.UNREACHABLE, Code.STALLED, Code.HUB_BUSY):
            return found(Topic.ADDRESS, "unknown", refusal)
        return found(Topic.ADDRESS, "once")

    def sameness(self) -> Finding:
        """Whether two answers are the same bytes."""
        first = self._first
        try:
            second = self._tap.taken(self._tap.stream(self._ticket().address, with_key=self._with_key))
        except ProblemError as error:
            return found(Topic.SAMENESS, "unknown", error.problem)
        if first is None or not (first.received == second.received or (first.whole and second.whole)):
            return found(Topic.SAMENESS, "unknown")
        compared = first.received
        if first.digest == second.digest:
            return found(Topic.SAMENESS, "identical", bytes=compared)
        same = first.content == second.content
        return found(Topic.SAMENESS, "headers-differ" if same else "different", bytes=compared)

    def range(self) -> Finding:
        """Whether a part of a stream can be asked for: 206 with the right Content-Range, 200, or a refusal."""
        start, stop = _PART
        try:
            opened = self._tap.stream(
                self._ticket().address, with_key=self._with_key, headers={"Range": f"bytes={start}-{stop}"}
            )
        except ProblemError as error:
            if error.problem.code is Code.HUB_ERROR:
                return found(Topic.RANGE, "refused", status=error.problem.facts.get("status", 0))
            return found(Topic.RANGE, "unknown", error.problem)
        opened.body.close()
        given = opened.headers.get("content-range", "")
        honoured = opened.status == 206 and given.startswith(f"bytes {start}-{stop}/")
        facts: dict[str, Fact] = {"status": opened.status, "content_range": shown(given)}
        return found(Topic.RANGE, "honoured" if honoured else "ignored", **facts)

    def naming(self) -> Finding:
        """How the members of the tar are called: pieces by byte offset, or bare, and what becomes of blanks."""
        if self._first is None or not self._first.members:
            return found(Topic.NAMING, "unknown")
        name = self._first.members[0]
        piece = split_piece(name)
        bare = name if piece is None or match_key(name) == match_key(self._file.path) else piece[0]
        if match_key(bare) != match_key(self._file.path):
            return found(Topic.NAMING, "other", pieces=len(self._first.members))
        blanks = "none" if " " not in self._file.path else "kept" if " " in bare else "underscores"
        code = "bare" if bare == name else "offsets"
        return found(Topic.NAMING, code, blanks=blanks, pieces=len(self._first.members))

    def order(self, group: list[RemoteFile]) -> Finding:
        """Whose order the members of an answer follow. `group`: a few small files, in the order of the tree."""
        if len(group) < 2:
            return found(Topic.ORDER, "unknown")
        asked = sorted(group, key=lambda file: _by_number(file.key), reverse=True)
        if asked == group:
            asked = asked[1:] + asked[:1]
        try:
            ticket = self._tap.ticket(self._dataset, [file.key for file in asked])
            taken = self._tap.taken(self._tap.stream(ticket.address, with_key=self._with_key))
        except ProblemError as error:
            return found(Topic.ORDER, "unknown", error.problem)
        came = _came(taken.members, group)
        orders = {
            "of-the-tree": group,
            "of-the-request": asked,
            "of-the-keys": sorted(group, key=lambda file: _by_number(file.key)),
        }
        code = next((code for code, files in orders.items() if came == [file.key for file in files]), "other")
        return found(Topic.ORDER, code if len(came) == len(group) else "unknown", files=len(group))

    @property
    def with_key(self) -> bool:
        """Whether the stream host is to be given the key, as far as was found out."""
        return self._with_key

    def _ticket(self) -> Ticket:
        return self._tap.ticket(self._dataset, [self._file.key])

    def _failure(self, ticket: Ticket, *, with_key: bool) -> Problem | None:
        try:
            self._tap.taken(self._tap.stream(ticket.address, with_key=with_key))
        except ProblemError as error:
            return error.problem
        return None


class _Reading:
    """What becomes of the bytes of one answer."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._began = time.monotonic()
        self._reader = TarReader()
        self._digest, self._content = hashlib.sha256(), hashlib.sha256()
        self._members: list[str] = []
        self._received = 0
        self._ended = False

    def wants(self) -> int:
        return self._left

    def take(self, view: memoryview) -> None:
        self._left -= len(view)
        self._received += len(view)
        self._digest.update(view)
        for event in self._reader.feed(view):
            match event:
                case Chunk(data=data):
                    self._content.update(data)
                case Member(name=name):
                    self._members.append(name)
                case End():
                    self._ended = True

    def taken(self) -> Taken:
        if self._left and not self._ended:
            self._reader.finish()  # says why this is no tar, or that it is not whole
        seconds = time.monotonic() - self._began
        hashes = self._digest.hexdigest(), self._content.hexdigest()
        return Taken(self._received, self._ended, seconds, *hashes, tuple(self._members))


def _told(opened: OpenedBody) -> str:
    return "; ".join(f"{name}: {shown(opened.headers[name])}" for name in _TOLD if name in opened.headers)


def _by_number(key: str) -> tuple[int, str]:
    return (int(key) if key.isdecimal() else 0, key)


def _came(members: tuple[str, ...], group: list[RemoteFile]) -> list[str]:
    """The file keys in the order in which their first members came."""
    keys = {match_key(file.path): file.key for file in group}
    came: list[str] = []
    for name in members:
        piece = split_piece(name)
        key = keys.get(match_key(name)) or (keys.get(match_key(piece[0])) if piece else None)
        if key is not None and key not in came:
            came.append(key)
    return came
