"""Connections that are kept: one request for a range after another, judged, and read from the bare socket.

The first request of a connection goes through httpcore (names, TLS, proxies); those that follow on it are written and
their heads parsed here, for what a request costs is what decides where files are small.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import httpx

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import S3, Checksum, RemoteFile
from aihub_desktop.sources.body import AnswerBody, Wire
from aihub_desktop.sources.connection import Connections, framing_of
from aihub_desktop.sources.heads import Head, read_head, split_head
from aihub_desktop.sources.ranges import Extent, asked_headers, extent, unsatisfied_size
from aihub_desktop.sources.terms import LEARNS_AT_MOST, Terms

_ADDRESS: Final = re.compile(
    r"(?P<origin>https?://[\x21-\x7e]*?)(?P<target>[/?][\x21\x22\x24-\x7e]*)?(?:#[\x21-\x7e]*)?", re.I
)
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_READ_BYTES: Final = 64 << 10
# An error text is short. What is longer is judged by its beginning, and its connection is given up.
_TEXT_BYTES: Final = 64 << 10
_TEXT_SECONDS: Final = 20.0
_PAGES: Final = (".html", ".htm", ".xhtml")


class LaneBody:
    """`place.Body` of a lane's answer. Closed at its clean end, its connection serves the next request."""

    def __init__(self, body: AnswerBody, lane: RangeLane) -> None:
        self._body = body
        self._lane = lane

    def readinto(self, view: memoryview) -> int:
        return self._body.readinto(view)

    def shut(self) -> None:
        self._body.shut()

    def close(self) -> None:
        self._lane.take_back(self._body)


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """`place.Opened`."""

    extent: Extent
    checksums: tuple[Checksum, ...]
    body: LaneBody

    @property
    def start(self) -> int:
        return self.extent.start

    @property
    def stop(self) -> int | None:
        return self.extent.stop

    @property
    def size(self) -> int | None:
        return self.extent.size

    @property
    def etag(self) -> str:
        return self.extent.etag

    @property
    def ranges(self) -> bool:
        return self.extent.ranges


class Ranges:
    """`place.RangePlace` of what `terms` tell of. Times in seconds, as `Connections` has them."""

    def __init__(
        self,
        terms: Terms,
        *,
        user_agent: str,
        connect_timeout: float,
        header_timeout: float = 60.0,
        tick: float = 1.0,
        direct: bool = False,
    ) -> None:
        self._terms = terms
        self._user_agent = user_agent
        self._times = (connect_timeout, header_timeout, tick)
        self._direct = direct

    def lane(self) -> RangeLane:
        return RangeLane(self._terms, self._user_agent, *self._times, direct=self._direct)

    def close(self) -> None:
        """Lanes are closed by those who use them."""


class RangeLane:
    """`place.Lane`. At most one answer at a time: the one before is closed first."""

    def __init__(
        self, terms: Terms, user_agent: str, connect_timeout: float, header_timeout: float, tick: float, *,
        direct: bool = False,
    ) -> None:  # fmt: skip
        self._terms = terms
        self._user_agent = user_agent
        self._header_timeout = header_timeout
        self._tick = tick
        # A lane's own, so that `shut` ends the waiting of this one alone.
        self._connections = Connections(
            user_agent, connect_timeout, header_timeout=header_timeout, tick=tick, direct=direct
        )
        self._lock = threading.Lock()
        self._shut = False
        self._kept: tuple[str, Wire] | None = None  # the origin that it leads to
        self._busy: Wire | AnswerBody | None = None
        self._origin = ""  # of the answer that is being read
        self._keeps = False
        self._buffer = bytearray(_READ_BYTES)

    def open(self, file: RemoteFile, start: int, stop: int | None, etag: str, *, mirror: int = 0) -> RangeAnswer:
        wanted = asked_headers(start, stop, etag, match=file.source == S3)
        for _ in range(LEARNS_AT_MOST + 1):
            status, headers, body = self._ask(*self._terms.request(file, mirror, wanted))
            if status in (200, 206):
                return self._judged(file, (start, stop, etag), status, headers, body)
            text = self._beginning(body)
            if status == 412:
                raise ProblemError(Code.CHANGED, why="validator")
            if status == 416:
                raise self._unsatisfied(headers, start)
            if not self._terms.learns(file, mirror, status, headers, text):
                raise self._terms.refusal(file, mirror, status, headers, text)
        raise ProblemError(Code.WRONG_ANSWER, why="redirects")

    def shut(self) -> None:
        with self._lock:
            self._shut = True
            busy, kept = self._busy, self._kept
        self._connections.close()
        if busy is not None:
            busy.shut()
        if kept is not None:
            kept[1].shut()

    def close(self) -> None:
        self.shut()
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is not None:
            kept[1].close()

    def take_back(self, body: AnswerBody) -> None:
        """An answer is done with."""
        with self._lock:
            self._busy = None
        if not self._keeps:
            body.close()
        elif (wire := body.release()) is not None:
            with self._lock:
                self._kept = (self._origin, wire)

    # ---- one request ----

    def _ask(self, address: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], AnswerBody]:
        origin, target = _split(address)
        _check(headers)
        with self._lock:
            kept, self._kept = self._kept, None
            if self._shut:
                if kept is not None:
                    kept[1].close()
                raise ProblemError(Code.CUT, why="shut")
            if kept is not None and kept[0] == origin.origin:
                # Before the lock is let go: `shut` must find it.
                self._busy = kept[1]
        if kept is not None and kept[0] == origin.origin:
            answer = self._again(kept[1], origin, target, headers)
            if answer is not None:
                return answer
        elif kept is not None:
            kept[1].close()
        return self._anew(origin, target, headers)

    def _anew(
        self, origin: _Origin, target: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], AnswerBody]:
        try:
            status, told, body, keeps = self._connections.open_kept(origin.url, target, headers)
        except ProblemError as error:
            raise _ours(error) from None
        return status, told, self._begun(body, origin, keeps)

    def _again(
        self, wire: Wire, origin: _Origin, target: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], AnswerBody] | None:
        """The answer over a connection that served before; None where it serves no more, which is no failure."""
        try:
            with contextlib.suppress(TimeoutError):
                # What comes unasked is an end, or a word about one: the next answer would be taken for it.
                wire.receive(memoryview(self._buffer), 0.0)
                wire.close()
                return None
            wire.send(_written(origin, target, self._user_agent, headers), self._header_timeout)
            head, surplus = self._head(wire)
            if head is None:
                wire.close()
                return None
            framing = framing_of(head.status, head.headers)
        except ProblemError as error:
            wire.close()
            raise _ours(error) from None
        except TimeoutError:
            wire.close()
            raise ProblemError(Code.UNREACHABLE, why="no-answer", host=origin.url.host) from None
        except (OSError, ValueError, KeyError) as error:
            wire.close()
            if isinstance(error, OSError) and not self._shut:
                return None
            raise ProblemError(Code.CUT, why="shut") from None
        body = AnswerBody(wire, framing, surplus, self._tick)
        return head.status, head.headers, self._begun(body, origin, head.keeps)

    def _begun(self, body: AnswerBody, origin: _Origin, keeps: bool) -> AnswerBody:
        with self._lock:
            self._busy, self._origin, self._keeps = body, origin.origin, keeps
            shut = self._shut
        if shut:
            body.close()
            raise ProblemError(Code.CUT, why="shut")
        return body

    def _head(self, wire: Wire) -> tuple[Head | None, bytes]:
        """(head, what came of the body); no head where the connection ended before its first byte."""
        came, view = bytearray(), memoryview(self._buffer)
        deadline = time.monotonic() + self._header_timeout
        while True:
            count = wire.receive(view, max(0.0, deadline - time.monotonic()))
            if not count:
                if came:
                    raise ProblemError(Code.UNREACHABLE, why="closed", host="")
                return None, b""
            came += view[:count]
            while (end := split_head(came)) is not None:
                head = read_head(bytes(came[:end]))
                del came[:end]
                if head.status >= 200:
                    return head, bytes(came)

    # ---- what came ----

    def _judged(
        self,
        file: RemoteFile,
        asked: tuple[int, int | None, str],
        status: int,
        headers: Mapping[str, str],
        body: AnswerBody,
    ) -> RangeAnswer:
        try:
            found = extent(status, headers, *asked)
            if _is_page(file, headers):
                raise ProblemError(Code.WRONG_ANSWER, why="page", status=status)
            checksums = self._terms.checksums(headers)
        except ProblemError:
            self._keeps = False
            self.take_back(body)
            raise
        return RangeAnswer(found, checksums, LaneBody(body, self))

    def _beginning(self, body: AnswerBody) -> bytes:
        text, view = bytearray(), memoryview(self._buffer)
        deadline = time.monotonic() + _TEXT_SECONDS
        with contextlib.suppress(ProblemError):
            while len(text) < _TEXT_BYTES and time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    if not (count := body.readinto(view)):
                        break
                    text += view[:count]
        self.take_back(body)
        return bytes(text)

    @staticmethod
    def _unsatisfied(headers: Mapping[str, str], start: int) -> ProblemError:
        """A range beyond the end: the file is another, shorter one than was asked for."""
        size = unsatisfied_size(headers)
        if size is not None and start < size:
            # By its own word it could have been had: nothing that was received is worth less for that.
            return ProblemError(Code.WRONG_ANSWER, why="range", status=416)
        return ProblemError(Code.CHANGED, why="size", **({} if size is None else {"size": size}))


@dataclass(frozen=True, slots=True)
class _Origin:
    origin: str
    url: httpx.URL


def _split(address: str) -> tuple[_Origin, bytes]:
    """(scheme, host and port; the rest as it is). Raises BAD_ADDRESS."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ProblemError(Code.BAD_ADDRESS, address=address[:200].partition("?")[0].rpartition("@")[2])
    target = found["target"] or "/"
    return _origin(found["origin"]), (target if target.startswith("/") else f"/{target}").encode("ascii")


@lru_cache(maxsize=1024)
def _origin(text: str) -> _Origin:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if not url.host or url.userinfo or not 0 < (url.port or 80) < 65536:
        raise ProblemError(Code.BAD_ADDRESS, address=url.host[:200])
    return _Origin(text.lower(), url)


def _written(origin: _Origin, target: bytes, user_agent: str, headers: Mapping[str, str]) -> bytes:
    lines = {"Host": origin.url.netloc.decode("ascii"), "User-Agent": user_agent, "Accept": "*/*"}
    text = "".join(
        f"{name}: {value}\r\n" for name, value in {**lines, "Accept-Encoding": "identity", **headers}.items()
    )
    return b"GET " + target + b" HTTP/1.1\r\n" + text.encode("latin-1") + b"\r\n"


def _check(headers: Mapping[str, str]) -> None:
    """A name or value with the end of a line in it would be a header of somebody else's. Raises BAD_ADDRESS."""
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise ProblemError(Code.BAD_ADDRESS)


def _is_page(file: RemoteFile, headers: Mapping[str, str]) -> bool:
    """A login page, or an error that says that all is well: HTML where a file of another kind is asked for."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    attached = headers.get("content-disposition", "").lower().startswith("attachment")
    return kind in ("text/html", "application/xhtml+xml") and not attached and not file.path.lower().endswith(_PAGES)


def _ours(error: ProblemError) -> ProblemError:
    """A coded body is no data; the hub's words for it would mislead."""
    problem = error.problem
    if problem.code is Code.HUB_ERROR:
        return ProblemError(Code.WRONG_ANSWER, **problem.facts)
    return error
