"""A web server on loopback that plays what real ones do, page by page; and who asks it as a lane would."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from loopback import DEADLINE, Server, answer

from aihub_desktop.domain.model import UNKNOWN_SIZE, WEB, Origin, RemoteFile
from aihub_desktop.sources.connection import Connections, read_beginning, read_whole
from aihub_desktop.sources.terms import LEARNS_AT_MOST, Terms

DATA: Final = bytes(range(256)) * 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `target`: path and query as sent; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Page = Callable[[Asked], bytes]


class Site(Server):
    """Answers by path; what has no page is a 404. `asked`: all requests, in the order of their answers."""

    def __init__(self, pages: Mapping[str, Page | bytes]) -> None:
        super().__init__(self._play)
        self.pages: dict[str, Page | bytes] = dict(pages)
        self.asked: list[Asked] = []
        self._noting = threading.Lock()

    def count(self) -> Counter[str]:
        """How often each "METHOD /path" was asked."""
        return Counter(f"{each.method} {each.path}" for each in self.asked)

    def _play(self, connection: socket.socket, head: bytes) -> None:
        asked = read_request(head)
        with self._noting:
            self.asked.append(asked)
        page = self.pages.get(asked.path, answer(b"<title>404 Not Found</title>", status="404 Not Found"))
        said = page if isinstance(page, bytes) else page(asked)
        if asked.method == "HEAD":
            said = said[: said.index(b"\r\n\r\n") + 4]
        connection.sendall(said)


def read_request(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return Asked(method, target, {name.lower(): value.strip() for name, value in pairs})


def ranged(data: bytes = DATA, *headers: str) -> Page:
    """A file of a server that knows ranges and HEAD."""

    def page(asked: Asked) -> bytes:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if wanted is None:
            return answer(data, *headers)
        start, stop = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
        if start >= len(data):
            return answer(b"", f"Content-Range: bytes */{len(data)}", status="416 Range Not Satisfiable")
        told = f"Content-Range: bytes {start}-{stop - 1}/{len(data)}"
        return answer(data[start:stop], told, *headers, status="206 Partial Content")

    return page


def no_head(page: Page, status: str = "405 Method Not Allowed") -> Page:
    return lambda asked: answer(b"", status=status) if asked.method == "HEAD" else page(asked)


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


class Expiring:
    """`/give` redirects to `/data?Signature=N`, and each such address answers `times` requests, then 403."""

    def __init__(self, times: int, data: bytes = DATA) -> None:
        self._times, self._page = times, ranged(data)
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}

    def pages(self) -> dict[str, Page | bytes]:
        return {"/give": self._give, "/data": self._data}

    def _give(self, asked: Asked) -> bytes:
        with self._lock:
            target = f"/data?Signature={len(self._left)}"
            self._left[target] = self._times
        return redirect(target)

    def _data(self, asked: Asked) -> bytes:
        with self._lock:
            self._left[asked.target] -= 1
            valid = self._left[asked.target] >= 0
        if valid:
            return self._page(asked)
        return answer(b"<Error><Message>Request has expired</Message></Error>", status="403 Forbidden")


def remote(*addresses: str, name: str = "a.bin") -> RemoteFile:
    return RemoteFile(WEB, "", addresses[0], name, UNKNOWN_SIZE, origin=Origin(addresses))


def fetched(terms: Terms, file: RemoteFile, mirror: int = 0, headers: dict[str, str] | None = None) -> bytes:
    """What a lane would get: the protocol of `sources.terms.Terms`, by one connection a request."""
    with closing(Connections("test/1", DEADLINE, header_timeout=DEADLINE)) as connections:
        for _ in range(LEARNS_AT_MOST + 1):
            address, sent = terms.request(file, mirror, headers or {})
            opened = connections.open(address, sent)
            if opened.status in (200, 206):
                terms.checksums(opened.headers)
                return read_whole(opened).body
            body = read_beginning(opened, 64 << 10, DEADLINE)
            told = (file, mirror, opened.status, opened.headers, body)
            if not terms.learns(*told):
                break
        raise terms.refusal(*told)
