"""Connections that are kept: one request after another, its answer read from the bare socket.

The first request of a connection goes through httpcore (names, TLS, proxies); those that follow on it are written and
their heads parsed here, for what a request costs is what decides where files are small.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import httpx

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.body import AnswerBody, Counted, Wire
from aihub_desktop.sources.connection import Connections, framing_of
from aihub_desktop.sources.heads import Head, read_head, split_head

_ADDRESS: Final = re.compile(
    r"(?P<origin>https?://[\x21-\x7e]*?)(?P<target>[/?][\x21\x22\x24-\x7e]*)?(?:#[\x21-\x7e]*)?", re.I
)
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_READ_BYTES: Final = 64 << 10
# An error text is short. What is longer is judged by its beginning, and its connection is given up.
_TEXT_BYTES: Final = 64 << 10
_TEXT_SECONDS: Final = 20.0
_SENT_AT_ONCE: Final = 256 << 10  # so that a limit, and an end, are heeded within a large body

Told = tuple[int, Mapping[str, str], AnswerBody]  # status, headers, body


class Allowance(Protocol):
    """How fast a body may be sent; `transport.brake.Brake` is one."""

    def allow(self, most: int) -> int:
        """How many bytes may be sent now; waits for them. 0: no more, never."""
        ...

    def spend(self, count: int) -> None: ...


class KeptLine:
    """Used by one thread; `shut` by any. At most one answer at a time: the one before is taken back first."""

    def __init__(
        self, user_agent: str, connect_timeout: float, header_timeout: float, tick: float, *, direct: bool = False
    ) -> None:
        self._user_agent = user_agent
        self._header_timeout = header_timeout
        self._tick = tick
        # A line's own, so that `shut` ends the waiting of this one alone.
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

    def ask(
        self,
        address: str,
        headers: Mapping[str, str],
        method: str = "GET",
        body: memoryview | bytes = b"",
        allowance: Allowance | None = None,
    ) -> Told:
        """The answer, whatever its status. `headers` tell the length of `body`, which may be sent twice.

        Raises `ProblemError`: BAD_ADDRESS, UNREACHABLE, TLS_UNTRUSTED, WRONG_ANSWER for a coded body, CUT once shut.
        """
        origin, target = _split(address)
        _check(headers)
        asked = _Asked(method, origin, target, headers, memoryview(body), allowance)
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
            answer = self._again(kept[1], asked)
            if answer is not None:
                return answer
        elif kept is not None:
            kept[1].close()
        return self._anew(asked)

    def take_back(self, body: AnswerBody, *, keeps: bool = True) -> None:
        """An answer is done with. At its clean end its connection serves the next request, unless not to be kept."""
        with self._lock:
            self._busy = None
        if not (self._keeps and keeps):
            body.close()
        elif (wire := body.release()) is not None:
            with self._lock:
                self._kept = (self._origin, wire)

    def beginning(self, body: AnswerBody, most: int = _TEXT_BYTES, seconds: float = _TEXT_SECONDS) -> bytes:
        """The first bytes of a body, as many as could be had, and takes it back: error texts may be cut or endless."""
        text, view = bytearray(), memoryview(self._buffer)
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ProblemError):
            while len(text) < most and time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    if not (count := body.readinto(view)):
                        break
                    text += view[:count]
        self.take_back(body)
        return bytes(text)

    def shut(self) -> None:
        """Ends what waits or reads at once; nothing can be asked any more."""
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

    def _anew(self, asked: _Asked) -> Told:
        content = asked.pieces() if asked.body else None
        try:
            status, told, body, keeps = self._connections.open_kept(
                asked.origin.url, asked.target, asked.headers, method=asked.method, content=content
            )
        except ProblemError as error:
            raise _ours(error) from None
        return status, told, self._begun(body, asked.origin, keeps)

    def _again(self, wire: Wire, asked: _Asked) -> Told | None:
        """The answer over a connection that served before; None where it serves no more, which is no failure."""
        try:
            with contextlib.suppress(TimeoutError):
                # What comes unasked is an end, or a word about one: the next answer would be taken for it.
                wire.receive(memoryview(self._buffer), 0.0)
                wire.close()
                return None
            head, surplus, keeps = self._exchange(wire, asked)
            if head is None:
                wire.close()
                return None
            framing = Counted(0) if asked.method == "HEAD" else framing_of(head.status, head.headers)
        except ProblemError as error:
            wire.close()
            raise _ours(error) from None
        except TimeoutError:
            wire.close()
            raise ProblemError(Code.UNREACHABLE, why="no-answer", host=asked.origin.url.host) from None
        except (OSError, ValueError, KeyError) as error:
            wire.close()
            if isinstance(error, OSError) and not self._shut:
                return None
            raise ProblemError(Code.CUT, why="shut") from None
        body = AnswerBody(wire, framing, surplus, self._tick)
        return head.status, head.headers, self._begun(body, asked.origin, head.keeps and keeps)

    def _exchange(self, wire: Wire, asked: _Asked) -> tuple[Head | None, bytes, bool]:
        """(head, what came of the body, whether all of the request was taken)."""
        try:
            wire.send(_written(asked, self._user_agent), self._header_timeout)
            for piece in asked.pieces():
                wire.send(piece, self._header_timeout)
        except OSError:
            # A server that refuses a large body may answer and hang up before it has come.
            with contextlib.suppress(OSError, ProblemError):
                head, surplus = self._head(wire)
                if head is not None and not self._shut:
                    return head, surplus, False
            raise
        return *self._head(wire), True

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


@dataclass(frozen=True, slots=True)
class _Origin:
    origin: str
    url: httpx.URL


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request."""

    method: str
    origin: _Origin
    target: bytes
    headers: Mapping[str, str]
    body: memoryview
    allowance: Allowance | None

    def pieces(self) -> Iterator[memoryview]:
        """The body, no faster than allowed. Raises CUT where nothing is allowed any more."""
        view = self.body
        while view:
            count = min(len(view), _SENT_AT_ONCE)
            if self.allowance is not None:
                count = self.allowance.allow(count)
                self.allowance.spend(count)
            if not count:
                raise ProblemError(Code.CUT, why="shut")
            yield view[:count]
            view = view[count:]


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


def _written(asked: _Asked, user_agent: str) -> bytes:
    lines = {"Host": asked.origin.url.netloc.decode("ascii"), "User-Agent": user_agent, "Accept": "*/*"}
    text = "".join(
        f"{name}: {value}\r\n" for name, value in {**lines, "Accept-Encoding": "identity", **asked.headers}.items()
    )
    return asked.method.encode() + b" " + asked.target + b" HTTP/1.1\r\n" + text.encode("latin-1") + b"\r\n"


def _check(headers: Mapping[str, str]) -> None:
    """A name or value with the end of a line in it would be a header of somebody else's. Raises BAD_ADDRESS."""
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise ProblemError(Code.BAD_ADDRESS)


def _ours(error: ProblemError) -> ProblemError:
    """A coded body is no data; the hub's words for it would mislead."""
    problem = error.problem
    if problem.code is Code.HUB_ERROR:
        return ProblemError(Code.WRONG_ANSWER, **problem.facts)
    return error
