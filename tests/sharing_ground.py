"""A library on disk and a server over it, for tests of sharing; and requests as anybody can write them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aihub_desktop.domain.sharing import lab_token
from aihub_desktop.sharing.limits import Limits
from aihub_desktop.sharing.offer import Offer
from aihub_desktop.sharing.server import LabServer
from aihub_desktop.sharing.visit import Served
from aihub_desktop.transport.ledger import Entry, Ledger

TOKEN: Final = "right-token-0123456789"
BEARER: Final = f"Authorization: Bearer {TOKEN}"
SECONDS: Final = 20.0


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@dataclass
class Shelf:
    """A library. `put` adds a finished file to it."""

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)

    def put(self, place: str, data: bytes, **facts: str) -> bytes:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        known = {"source": "aihub", "dataset": "1", "key": str(len(self.files) + 1), "path": place, **facts}
        modified = path.stat().st_mtime_ns
        digest = hashlib.sha256(data).hexdigest()
        Ledger(self.folder).record([Entry(place, digest, len(data), proof="length", modified=modified, **known)])  # type: ignore[arg-type]
        self.files[place] = data
        return data


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool  # as long as was announced


@dataclass
class Door:
    """A server that is up."""

    server: LabServer
    heard: list[Served]
    port: int
    _news: threading.Condition

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int) -> list[Served]:
        """Waits until so many requests are over."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= count, SECONDS), self.heard
            return list(self.heard)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def get(self, target: str, *lines: str, method: str = "GET", token: str | None = BEARER) -> Answer:
        """One request, written as it stands: no client of ours tidies it up."""
        head = [f"{method} {target} HTTP/1.1", "Host: lab", "Connection: close", *([token] if token else []), *lines]
        return self.raw("\r\n".join(head).encode("latin-1") + b"\r\n\r\n", is_head=method == "HEAD")

    def raw(self, data: bytes, *, is_head: bool = False) -> Answer:
        with self.connect() as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(data)
            return answer(received(sock), is_head=is_head)


def received(sock: socket.socket) -> bytes:
    """All that comes until the other side ends it, in whatever way."""
    came = bytearray()
    with contextlib.suppress(ConnectionError):
        while block := sock.recv(1 << 16):
            came += block
    return bytes(came)


def answer(raw: bytes, *, is_head: bool = False) -> Answer:
    """Reads the one answer that `raw` is."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1]) if first.startswith("HTTP/1.1 ") else 0
    if headers.get("transfer-encoding") == "chunked":
        body, whole = _unchunked(body)
    else:
        whole = is_head or len(body) == int(headers.get("content-length", len(body)))
    return Answer(status, headers, body, whole)


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        if not count:
            return bytes(body), True
        body += data[:count]
        data = data[count + 2 :]
    return bytes(body), False


@contextlib.contextmanager
def door(folder: Path, limits: Limits = Limits(), port: int = 0) -> Iterator[Door]:  # noqa: B008 - frozen
    heard: list[Served] = []
    news = threading.Condition()

    def hear(served: Served) -> None:
        with news:
            heard.append(served)
            news.notify_all()

    with (
        Offer(folder) as offer,
        LabServer(offer, lab_token(TOKEN), "127.0.0.1", port, hear, limits=limits) as server,
    ):
        yield Door(server, heard, server.port, news)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
