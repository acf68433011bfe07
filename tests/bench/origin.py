"""The hub of the benchmarks: the demo hub's texts, and answers that lie ready on disk, sent at a given pace.

    python -m tests.bench.origin < OFFER       one line of JSON in; {"url": …} out; until the end of stdin

Why not the demo hub: it holds every archive in memory, knows no round trip, and its pace is a pause after each batch,
so that a stream of "20 MB/s" comes at 19. Here a body goes from the page cache to the socket by sendfile (over TLS:
from a mapping), and the pace is kept against the clock. `servers` compares the two, and nginx.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import socket
import ssl
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from aihub_desktop.demo import pages
from aihub_desktop.demo.catalogue import DemoDataset
from aihub_desktop.demo.content import Noise
from aihub_desktop.demo.tarball import BLOCK, Member

from .contents import CHUNK, FRAME, framed

DATASET: Final = "90001"
_BURST: Final = 0.05  # seconds: what a stream may catch up after the server was late
_SLICE: Final = 128  # chunks in one go, 1 MiB
_PACED: Final = 16


class Offered(msgspec.Struct, frozen=True):
    """A file: `size` bytes of the image's content from its chunk `skip` on, round and round."""

    path: str
    size: int
    image: str
    skip: int = 0


class Offer(msgspec.Struct, frozen=True):
    """`rate` bytes a second of each stream, `total` of all; 0 for no limit. `round_trip` in seconds.

    The round trip is charged where a far server's is felt: once for each connection, once for each answer.
    Bytes that flow are not held up by it, as on a line whose window is open wide.
    """

    files: list[Offered]
    rate: int = 0
    total: int = 0
    round_trip: float = 0.0
    certificate: str = ""  # key and chain in one file: https


class Pace:
    """At most `rate` bytes a second for all who call `wait`, kept against the clock."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, count: int) -> None:
        """Returns when `count` bytes more may go."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - _BURST) + count / self._rate
            until = self._free_at
        if until > now:
            time.sleep(until - now)


@dataclass(slots=True)
class Stream:
    """One answer as the server saw it, for the record; times by the monotonic clock of the machine."""

    began: float
    ended: float = 0.0


class Origin:
    """Serves `offer` on two ports of loopback, as the hub has two hosts."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        contents = {file.path: Noise(file.size) for file in offer.files}  # nothing but their sizes is asked
        self._dataset = DemoDataset(DATASET, "Benchmark", lambda: contents)
        self._files = dict(zip([file.key for file in self._dataset.files], offer.files, strict=True))
        self._images = {file.image: _mapped(file.image) for file in offer.files}
        self._grants: dict[str, list[Offered]] = {}
        self._total = Pace(offer.total)
        self._tls = None
        if offer.certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(offer.certificate)
        self._doors = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(2)]
        self.url, self._stream_url = (
            f"{'https' if self._tls else 'http'}://127.0.0.1:{door.getsockname()[1]}" for door in self._doors
        )
        self.streams: list[Stream] = []
        self.sent = 0
        for door in self._doors:
            threading.Thread(target=self._welcome, args=(door,), daemon=True).start()

    def _welcome(self, door: socket.socket) -> None:
        while True:
            connection, _ = door.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), contextlib.closing(connection):
            time.sleep(self._offer.round_trip)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection), connection.makefile("rb") as lines:
                while words := lines.readline().split():
                    while lines.readline().strip():
                        pass
                    time.sleep(self._offer.round_trip)
                    self._answer(connection, words[1].decode())

    def _answer(self, connection: socket.socket, target: str) -> None:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path == "/shellStream.do":
            self._stream(connection, self._grants[query["uuid"][0]])
        elif parts.path.startswith("/down/"):
            wanted = query["fileSn"][0].split(",")
            name = str(uuid.uuid4())
            self._grants[name] = [file for key, file in self._files.items() if key in wanted]
            _say(connection, "302 Found", "", f"Location: {self._stream_url}/shellStream.do?uuid={name}")
        elif parts.path == "/info/dataset.do":
            _say(connection, "200 OK", pages.listing([self._dataset]))
        elif parts.path == f"/info/{DATASET}.do":
            _say(connection, "200 OK", pages.tree(self._dataset))
        elif parts.path == "/api/keyValidate.do":
            _say(connection, "200 OK", '{"msg":"login success","code":200}')
        else:
            _say(connection, "404 Not Found", "페이지가 존재하지 않습니다.")

    def _stream(self, connection: socket.socket, files: list[Offered]) -> None:
        stream = Stream(time.monotonic())
        self.streams.append(stream)
        pace = Pace(self._offer.rate)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n"
        try:
            for file in files:
                member = Member(name=f"{file.path}.part0", stop=file.size)
                connection.sendall(head + framed(member.header()))
                self._body(connection, file, pace)
                head = framed(bytes(-file.size % BLOCK))
            connection.sendall(head + framed(bytes(2 * BLOCK)) + b"0\r\n\r\n")
        finally:
            stream.ended = time.monotonic()

    def _body(self, connection: socket.socket, file: Offered, pace: Pace) -> None:
        image = self._images[file.image]
        count = len(image) // FRAME
        at, whole = file.skip % count, file.size // CHUNK
        while whole:
            chunks = min(whole, count - at, _PACED if self._offer.rate or self._offer.total else _SLICE)
            pace.wait(chunks * CHUNK)
            self._total.wait(chunks * CHUNK)
            self._send(connection, file.image, at * FRAME, chunks * FRAME)
            self.sent += chunks * CHUNK
            at, whole = (at + chunks) % count, whole - chunks
        begin = at * FRAME + len(b"2000\r\n")
        connection.sendall(framed(image[begin : begin + file.size % CHUNK]))
        self.sent += file.size % CHUNK

    def _send(self, connection: socket.socket, image: str, start: int, count: int) -> None:
        if sys.platform == "win32" or self._tls is not None:
            connection.sendall(self._images[image][start : start + count])
            return
        while count:
            gone = os.sendfile(connection.fileno(), _descriptor(image), start, count)
            start, count = start + gone, count - gone


_OPEN: Final[dict[str, int]] = {}


def _descriptor(image: str) -> int:
    if image not in _OPEN:
        _OPEN[image] = os.open(image, os.O_RDONLY)
    return _OPEN[image]


def _mapped(image: str) -> memoryview:
    with Path(image).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _say(connection: socket.socket, status: str, text: str, *headers: str) -> None:
    body = text.encode()
    head = [f"HTTP/1.1 {status}", "Content-Type: text/plain;charset=UTF-8", f"Content-Length: {len(body)}", *headers]
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def _watch(origin: Origin, samples: list[tuple[float, int]]) -> None:
    while True:
        samples.append((time.monotonic(), origin.sent))
        time.sleep(0.05)


def main() -> int:
    """Each further line on stdin asks what was sent since the last one; the answer is one line."""
    origin = Origin(msgspec.json.decode(sys.stdin.buffer.readline(), type=Offer))
    samples: list[tuple[float, int]] = []
    threading.Thread(target=_watch, args=(origin, samples), daemon=True).start()
    _line({"url": origin.url})
    for _ in sys.stdin.buffer:
        _line({"streams": [(each.began, each.ended) for each in origin.streams], "samples": samples})
        origin.streams.clear()
        samples.clear()
    return 0


def _line(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    sys.exit(main())
