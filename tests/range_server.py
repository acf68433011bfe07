"""A web server on loopback that serves made-up content, keeps its connections, and errs in every way that it is told.

Which byte lies where follows from seed and offset alone, so that any byte can be checked. What was asked and what was
sent is written down.
"""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

from loopback import DEADLINE, read_head

from aihub_desktop.system.sockets import RESET, shut

_GATE_SECONDS: Final = 5.0
# No power of two: the pieces of any cutting differ from each other.
_PERIOD: Final = 1_000_003
_BLOCK: Final = 64 << 10
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_PAGE: Final = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@lru_cache(maxsize=32)
def _noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(_PERIOD)


def content(seed: int, start: int, stop: int) -> bytes:
    """The bytes start ≤ i < stop of the content with this seed."""
    noise, out = _noise(seed), bytearray()
    while start < stop:
        at = start % _PERIOD
        part = noise[at : at + stop - start]
        out += part
        start += len(part)
    return bytes(out)


class Way(Enum):
    """What the server does to a request that has this fault. `at`, `rate`, `text`: of the `Fault`."""

    WHOLE = auto()  # 200, whatever was asked, and no word of ranges
    CLAIMS = auto()  # 200, whatever was asked, though it says that it accepts ranges
    LIAR = auto()  # 200 with the range that was asked for, and its Content-Range
    FALSE_LIAR = auto()  # 200 whole, with a Content-Range of what was asked
    OTHER_RANGE = auto()  # 206 with the bytes behind those
    OTHER_TOTAL = auto()  # 206 with a size that is not the file's
    MULTIPART = auto()
    UNSATISFIED = auto()  # 416
    REFUSED = auto()  # 412
    WEAK = auto()  # a weak ETag, nothing more
    DATED = auto()  # a date in place of an ETag
    BARE = auto()  # no validator
    CHUNKED = auto()  # 200 whole without a length
    CLOSING = auto()  # HTTP/1.0, 200 whole, and the end is the end of the connection
    TOO_LONG = auto()  # a Content-Length beyond what is sent; then the end
    TOO_SHORT = auto()  # a Content-Length and range that end before what was asked
    EARLY = auto()  # 206 that begins `at` bytes before what was asked
    CODED = auto()  # gzip, against our wish
    PAGE = auto()  # HTML with 200
    STATUS = auto()  # `at` is the status; `text` its Retry-After
    RESET = auto()  # after `at` bytes of the answer
    CUT = auto()  # the same, with a clean end of the connection
    STALL = auto()  # after `at` bytes nothing comes any more
    SLOW = auto()  # after `at` bytes, `rate` bytes a second
    HANGUP = auto()  # no answer at all: the connection just ends
    SILENT = auto()  # no answer, and no end
    NOT_HTTP = auto()
    WRONG_BYTES = auto()  # the byte at `at` of the file is another one
    ANEW = auto()  # another content of another ETag, as released anew


@dataclass(slots=True, eq=False)
class Fault:
    """Strikes `times` requests of its file (None: all), after `since` others, if they ask for the byte `of`.

    `gate`: a status is said to as many at once as it lets through, or after some seconds to those that came.
    """

    way: Way
    at: int = 0
    rate: int = 0
    text: str = ""
    times: int | None = 1
    since: int = 0
    of: int | None = None
    gate: threading.Barrier | None = None

    def strikes(self, start: int, stop: int) -> bool:
        if self.of is not None and not start <= self.of < stop:
            return False
        if self.since > 0:
            self.since -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


@dataclass(slots=True, eq=False)
class Thing:
    """A file of the server. Every fault that strikes plays a part in the answer."""

    size: int
    seed: int = 1
    etag: str = '"v1"'
    modified: str = "Thu, 26 Nov 2026 10:00:00 GMT"
    faults: list[Fault] = field(default_factory=list)
    rate: int = 0  # bytes a second of each answer, 0 for no limit
    headers: dict[str, str] = field(default_factory=dict)

    def bytes(self, start: int = 0, stop: int | None = None) -> bytes:
        return content(self.seed, start, self.size if stop is None else stop)


@dataclass(slots=True, eq=False)
class Seen:
    """One request, and what was sent for it: `sent` bytes of the file from `start` on."""

    connection: int
    target: str
    headers: dict[str, str]
    status: int = 0
    start: int = 0
    sent: int = 0


@dataclass(slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    start: int
    body: memoryview
    version: str = "1.1"
    chunked: bool = False
    closes: bool = False


class RangeServer:
    """`things` by target ("/a/b?c"). Up within `with`; after that no thread of it is left."""

    def __init__(self, things: dict[str, Thing], tls: ssl.SSLContext | None = None) -> None:
        self.things = things
        self.seen: list[Seen] = []
        self.connections = 0
        self.release = threading.Event()
        self.on_request: Callable[[Seen], None] = lambda seen: None
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def sent(self, target: str) -> int:
        """Bytes of this file that were sent, of all answers together."""
        with self._lock:
            return sum(one.sent for one in self.seen if one.target == target)

    def asked(self, target: str) -> list[Seen]:
        with self._lock:
            return [one for one in self.seen if one.target == target]

    def wait(self, holds: Callable[[list[Seen]], bool], seconds: float = DEADLINE) -> None:
        """Until the requests so far are what is waited for."""
        with self._change:
            assert self._change.wait_for(lambda: holds(self.seen), seconds), "never came"

    def wait_sent(self, target: str, count: int) -> None:
        """Until so many bytes of this file were sent."""
        self.wait(lambda seen: sum(one.sent for one in seen if one.target == target) >= count)

    def hang_up(self) -> None:
        """Every connection ends, without a word."""
        with self._lock:
            for connection in self._live:
                shut(connection)

    def __enter__(self) -> Self:
        self._start(self._welcome)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        shut(self._listener)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        if self._failures and error is None:
            raise self._failures[0]

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    if self.release.is_set():
                        connection.close()
                        return
                    self._live.add(connection)
                    self.connections += 1
                    number = self.connections
                self._start(lambda connection=connection, number=number: self._converse(connection, number))  # type: ignore[misc]

    def _converse(self, connection: socket.socket, number: int) -> None:
        dressed = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                dressed = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._live.discard(connection)
                    self._live.add(dressed)
            while head := read_head(dressed):
                if not self._serve(dressed, head, number):
                    break
        except (OSError, ValueError):
            pass  # the client went, or we were told to
        except BaseException as error:
            self._failures.append(error)
        finally:
            with self._lock:
                self._live.discard(dressed)
                self._live.discard(connection)
            dressed.close()

    def _serve(self, connection: socket.socket, head: bytes, number: int) -> bool:
        """True if the connection may serve another request."""
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        seen = Seen(number, first.split(" ")[1], headers)
        self.on_request(seen)
        with self._change:
            self.seen.append(seen)
            thing = self.things.get(seen.target)
            faults = [] if thing is None else self._striking(thing, headers)
            self._change.notify_all()
        if thing is None:
            seen.status = 404
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")
            return True
        ways = {fault.way: fault for fault in faults}
        if Way.SILENT in ways:
            self.release.wait()
        if Way.SILENT in ways or Way.HANGUP in ways:
            return False
        if Way.NOT_HTTP in ways:
            connection.sendall(b"220 smtp ready\r\n\r\n")
            return False
        answer = _answer(thing, headers, ways)
        seen.status, seen.start = answer.status, answer.start
        connection.sendall(_head(answer))
        return self._send(connection, answer, seen, ways, thing.rate) and not answer.closes

    @staticmethod
    def _striking(thing: Thing, headers: dict[str, str]) -> list[Fault]:
        start, stop = _range(headers, thing.size) or (0, thing.size)
        return [fault for fault in thing.faults if fault.strikes(start, stop)]

    def _send(self, connection: socket.socket, answer: _Answer, seen: Seen, ways: dict[Way, Fault], rate: int) -> bool:
        began, body = time.monotonic(), answer.body
        while seen.sent < len(body):
            block = min(_BLOCK, len(body) - seen.sent, *([max(1, rate // 20)] if rate else []))
            for way in (Way.RESET, Way.CUT, Way.STALL, Way.SLOW):
                if (fault := ways.get(way)) is not None and way is not Way.SLOW:
                    block = min(block, max(0, fault.at - seen.sent))
                elif fault is not None and seen.sent >= fault.at:
                    block, rate, began = max(1, fault.rate // 20), fault.rate, began or time.monotonic()
            if not block:
                return self._break_off(connection, ways)
            part = body[seen.sent : seen.sent + block]
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part) if answer.chunked else part)
            with self._change:
                seen.sent += len(part)
                self._change.notify_all()
            if rate and not self.release.is_set():
                self.release.wait(len(part) / rate)
        if answer.chunked:
            connection.sendall(b"0\r\n\r\n")
        return Way.TOO_LONG not in ways

    def _break_off(self, connection: socket.socket, ways: dict[Way, Fault]) -> bool:
        if Way.STALL in ways:
            self.release.wait()
        elif Way.RESET in ways:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return False


def _range(headers: dict[str, str], size: int) -> tuple[int, int] | None:
    asked = _RANGE.fullmatch(headers.get("range", ""))
    return None if asked is None else (int(asked[1]), min(size, int(asked[2]) + 1 if asked[2] else size))


def _head(answer: _Answer) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/{answer.version} {answer.status} Answer\r\n{lines}\r\n".encode("latin-1")


def _said(body: bytes, status: int = 200, kind: str = "text/html", **more: str) -> _Answer:
    headers = {"Content-Type": kind, "Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    return _Answer(status, headers, 0, memoryview(body))


def _validators(thing: Thing, ways: dict[Way, Fault]) -> dict[str, str]:
    etag = '"v2"' if Way.ANEW in ways else thing.etag
    if Way.BARE in ways:
        return {}
    if Way.WEAK in ways:
        return {"ETag": f"W/{etag}"}
    return {"Last-Modified": thing.modified} if Way.DATED in ways else {"ETag": etag, "Last-Modified": thing.modified}


def _answer(thing: Thing, headers: dict[str, str], ways: dict[Way, Fault]) -> _Answer:
    if Way.PAGE in ways:
        return _said(_PAGE)
    if Way.REFUSED in ways:
        return _said(b"", 412)
    if (fault := ways.get(Way.STATUS)) is not None:
        if fault.gate is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                fault.gate.wait(_GATE_SECONDS)
        return _said(b"not now", fault.at, "text/plain", **({"Retry_After": fault.text} if fault.text else {}))
    validators = _validators(thing, ways)
    current = set(validators.values())
    if "if-match" in headers and headers["if-match"] not in current:
        return _said(b"", 412)
    span = _range(headers, thing.size)
    if Way.UNSATISFIED in ways or (span is not None and span[0] >= thing.size):
        return _said(b"", 416, Content_Range=f"bytes */{thing.size}")
    if "if-range" in headers and headers["if-range"] not in current:
        span = None
    answer = _data(thing, span, ways)
    answer.headers = {"Content-Type": "application/octet-stream", **validators, **thing.headers, **answer.headers}
    return answer


def _bytes_of(thing: Thing, start: int, stop: int, ways: dict[Way, Fault]) -> bytes:
    data = bytearray(content(thing.seed + 1000, start, stop) if Way.ANEW in ways else thing.bytes(start, stop))
    wrong = ways.get(Way.WRONG_BYTES)
    if wrong is not None and start <= wrong.at < stop:
        data[wrong.at - start] ^= 0xFF
    return bytes(data)


def _data(thing: Thing, span: tuple[int, int] | None, ways: dict[Way, Fault]) -> _Answer:
    size = thing.size
    if span is None or ways.keys() & {Way.WHOLE, Way.CLAIMS, Way.FALSE_LIAR, Way.CHUNKED, Way.CLOSING, Way.CODED}:
        return _whole(thing, span, ways)
    start, stop = span
    total = size
    if Way.OTHER_RANGE in ways:
        start, stop = start + 1, min(size, stop + 1)
    if Way.EARLY in ways:
        start = max(0, start - ways[Way.EARLY].at)
    if Way.TOO_SHORT in ways:
        stop -= (stop - start) // 2
    if Way.OTHER_TOTAL in ways:
        total += 1
    body = _bytes_of(thing, start, stop, ways)
    headers = {
        "Content-Length": str(len(body) + (100 if Way.TOO_LONG in ways else 0)),
        "Content-Range": f"bytes {start}-{stop - 1}/{total}",
    }
    if Way.MULTIPART in ways:
        headers["Content-Type"] = "multipart/byteranges; boundary=x"
    return _Answer(200 if Way.LIAR in ways else 206, headers, start, memoryview(body))


def _whole(thing: Thing, span: tuple[int, int] | None, ways: dict[Way, Fault]) -> _Answer:
    body = _bytes_of(thing, 0, thing.size, ways)
    if Way.CODED in ways:
        body = gzip.compress(body, 1)
    length = len(body) + 100 if Way.TOO_LONG in ways else len(body) // 2 if Way.TOO_SHORT in ways else len(body)
    headers = {"Content-Length": str(length)}
    if Way.CODED in ways:
        headers["Content-Encoding"] = "gzip"
    if Way.CHUNKED in ways or Way.CLOSING in ways:
        headers = {"Transfer-Encoding": "chunked"} if Way.CHUNKED in ways else {}
    elif Way.FALSE_LIAR in ways and span is not None:
        headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{thing.size}"
    elif Way.WHOLE not in ways:
        headers["Accept-Ranges"] = "bytes"
    closing = Way.CLOSING in ways
    version = "1.0" if closing else "1.1"
    return _Answer(200, headers, 0, memoryview(body), version, chunked=Way.CHUNKED in ways, closes=closing)
