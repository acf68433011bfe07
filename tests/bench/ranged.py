"""A server of ranges with lines of its own: each connection at its own pace, and an account of every byte sent.

    python -m tests.bench.ranged < SHELF       one line of JSON in; {"url": …} out; until the end of stdin

nginx limits each answer and gives it its first second at once, so that many short answers come faster than the limit.
Here the pace belongs to the connection, whatever is asked over it, as a line's does.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from .extents import Extents
from .origin import Pace

_ETAG: Final = '"bench"'
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)$")
_LARGEST: Final = 256 << 10
_SMALLEST: Final = 4096
_SLICES: Final = 100  # a second: in so many steps a pace is kept
_LONGEST_WAIT: Final = 1.0


class Shelf(msgspec.Struct, frozen=True):
    """The one file, and the lines to it: `rate` bytes a second of each connection, `total` of all; 0 for no limit.

    Once `falls_at` bytes have been sent in all (0: never), one of the connections that send, the middle one by
    arrival, falls to `falls_to` of its rate for the rest of its life.
    """

    path: str
    rate: int = 0
    total: int = 0
    falls_at: int = 0
    falls_to: float = 0.01


@dataclass(slots=True)
class Line:
    """One connection."""

    rate: int
    pace: Pace
    sending: bool = False


@dataclass(slots=True)
class Account:
    """What was sent so far: `count` bytes, `fresh` of them for the first time; how often who asked."""

    count: int = 0
    extents: Extents = field(default_factory=Extents)
    connections: int = 0
    answers: int = 0
    fallen: int = 0
    most: int = 0  # connections that sent at the same time

    def plain(self) -> dict[str, Any]:
        told: dict[str, Any] = {"sent": self.count, "fresh": self.extents.count, "connections": self.connections}
        return told | {"answers": self.answers, "fallen": self.fallen, "most": self.most}


class Server:
    """Serves `shelf` under any name at one port of loopback."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._file = os.open(shelf.path, os.O_RDONLY)
        self._size = os.fstat(self._file).st_size
        self._total = Pace(shelf.total)
        self._lines: list[Line] = []
        self._news = threading.Condition()
        self.account = Account()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/{Path(shelf.path).name}"
        threading.Thread(target=self._welcome, daemon=True).start()

    def seen(self) -> dict[str, Any]:
        with self._news:
            return self.account.plain() | {"sending": sum(line.sending for line in self._lines)}

    def await_fresh(self, count: int) -> None:
        """Returns once so many bytes have been sent for the first time, or after a second."""
        with self._news:
            self._news.wait_for(lambda: self.account.extents.count >= count, _LONGEST_WAIT)

    def _welcome(self) -> None:
        while True:
            connection, _ = self._door.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        line = Line(self._shelf.rate, Pace(self._shelf.rate))
        with self._news:
            self.account.connections += 1
            self._lines.append(line)
        try:
            with contextlib.suppress(OSError), contextlib.closing(connection), connection.makefile("rb") as words:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while first := words.readline().split():
                    self._answer(connection, line, first[0] == b"HEAD", _headers(words.readline))
        finally:
            with self._news:
                self._lines.remove(line)

    def _answer(self, connection: socket.socket, line: Line, bare: bool, headers: dict[str, str]) -> None:
        start, stop = 0, self._size
        asked = _RANGE.match(headers.get("range", ""))
        if asked:
            start = int(asked[1])
            stop = min(self._size, int(asked[2]) + 1) if asked[2] else self._size
        status = "206 Partial Content" if asked else "200 OK"
        head = [f"HTTP/1.1 {status}", "Content-Type: application/octet-stream", f"Content-Length: {stop - start}"]
        if asked and not start < stop:
            head, start, stop = ["HTTP/1.1 416 Range Not Satisfiable", "Content-Length: 0"], 0, 0
        elif asked:
            head.append(f"Content-Range: bytes {start}-{stop - 1}/{self._size}")
        head += ["Accept-Ranges: bytes", f"ETag: {_ETAG}"]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        if not bare:
            self._body(connection, line, start, stop)

    def _body(self, connection: socket.socket, line: Line, start: int, stop: int) -> None:
        with self._news:
            line.sending = True
            self.account.answers += 1
            self.account.most = max(self.account.most, sum(each.sending for each in self._lines))
        try:
            while start < stop:
                count = min(stop - start, self._slice(line))
                line.pace.wait(count)
                self._total.wait(count)
                self._send(connection, start, count)
                start += count
        finally:
            with self._news:
                line.sending = False

    def _slice(self, line: Line) -> int:
        paces = [rate for rate in (line.rate, self._shelf.total) if rate]
        return max(_SMALLEST, min(_LARGEST, *(rate // _SLICES for rate in paces))) if paces else _LARGEST

    def _send(self, connection: socket.socket, start: int, count: int) -> None:
        stop = start + count
        while start < stop:
            if sys.platform == "win32":
                raise OSError("no sendfile here")
            gone = os.sendfile(connection.fileno(), self._file, start, stop - start)
            self._enter(start, start + gone)
            start += gone

    def _enter(self, start: int, stop: int) -> None:
        with self._news:
            account, falls_at = self.account, self._shelf.falls_at
            account.count += stop - start
            account.extents.add(start, stop)
            self._news.notify_all()
            busy = [line for line in self._lines if line.sending]
            if falls_at and not account.fallen and account.count >= falls_at and busy:
                account.fallen = 1
                line = busy[len(busy) // 2]
                line.rate = max(1, int(line.rate * self._shelf.falls_to))
                line.pace = Pace(line.rate)


def _headers(next_line: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    while text := next_line().decode("latin-1").strip():
        name, _, value = text.partition(":")
        found[name.lower()] = value.strip()
    return found


def _watch(server: Server, samples: list[tuple[float, int]]) -> None:
    while True:
        samples.append((time.monotonic(), server.account.count))
        time.sleep(0.05)


def main() -> int:
    """Each further line on stdin asks for the account, the answer is one line: `seen` gives all, with the samples;
    a number waits for so many bytes that were never sent before, but no longer than a second."""
    server = Server(msgspec.json.decode(sys.stdin.buffer.readline(), type=Shelf))
    samples: list[tuple[float, int]] = []
    threading.Thread(target=_watch, args=(server, samples), daemon=True).start()
    _line({"url": server.url})
    for question in sys.stdin.buffer:
        if question.strip() == b"seen":
            _line(server.seen() | {"samples": samples})
        else:
            server.await_fresh(int(question))
            _line(server.seen())
    return 0


def _line(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    sys.exit(main())
