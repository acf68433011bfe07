"""What is asked of the demo hub on one connection, and what it answers."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from aihub_desktop.demo import pages, tarball
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import Access, DemoDataset, DemoFile
from aihub_desktop.demo.content import Bytes
from aihub_desktop.demo.desk import Desk, Grant, Seen
from aihub_desktop.demo.faults import (
    Answer,
    Asked,
    AtOnce,
    Drop,
    Fault,
    Framing,
    Latency,
    Place,
    Redirect,
    RedirectLoop,
    Refuse,
    Together,
)
from aihub_desktop.demo.habits import Habits
from aihub_desktop.demo.wire import EndedError, Wire, reset

API_VERSION: Final = "0.6"
# The base class keeps it and never asks it anything.
_NO_SERVER: Final = BaseServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
_TEXT: Final = "text/plain;charset=UTF-8"


class Conversation(BaseHTTPRequestHandler):
    """One connection: requests and answers in turn."""

    protocol_version = "HTTP/1.1"
    server_version = "Apache"
    sys_version = ""
    disable_nagle_algorithm = True

    def __init__(self, desk: Desk, role: str, connection: socket.socket, address: object) -> None:
        self._desk = desk
        self._role = role
        super().__init__(connection, address, _NO_SERVER)  # holds the whole conversation

    def do_GET(self) -> None:
        self._begin()
        if self._role == "stream":
            self._route(((r"/shellStream\.do", self._stream),))
        else:
            self._route(
                (
                    (r"/info/dataset\.do", self._datasets),
                    (r"/info/datapckage\.do", self._packages),
                    (r"/info/(?P<pckage>pckage/)?(?P<key>[^/]+)\.do", self._tree),
                    (r"/down/(?P<pckage>pckage/)?(?P<version>[0-9.]+)/(?P<key>[^/]+)\.do", self._down),
                    (r"/api/aihubshell\.do", self._script),
                )
            )

    def do_POST(self) -> None:
        self._begin()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._route(((r"/api/keyValidate\.do", self._key),) if self._role == "api" else ())

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Date":
            ahead = self._desk.habits.clock
            if ahead is None:
                return
            value = self.date_time_string(time.time() + ahead)
        super().send_header(keyword, value)

    def log_message(self, format: str, *args: Any) -> None:
        """The hub keeps its record in `requests`."""

    def _begin(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        given = self.headers.get("apikey")
        self._query = query
        self._path = parts.path
        self._seen = Seen(
            host=self._role,
            method=self.command,
            path=parts.path,
            query=parts.query,
            key_sent=given is not None,
            key_right=given == self._desk.key,
            range=self.headers.get("Range"),
            agent=self.headers.get("User-Agent", ""),
            file_keys=tuple(key for text in query.get("fileSn", []) for key in text.split(",") if key),
        )
        self._desk.requests.add(self._seen)

    def _route(self, routes: tuple[tuple[str, Callable[[dict[str, str | None]], None]], ...]) -> None:
        try:
            for pattern, answer in routes:
                if found := re.fullmatch(pattern, self._path):
                    answer(found.groupdict())
                    return
            self._refuse(Refusal.NO_PAGE)
        except EndedError:
            self.close_connection = True
        finally:
            self._desk.requests.note(self._seen, ended=True)

    # What is asked.

    def _datasets(self, words: dict[str, str | None]) -> None:
        self._info(Asked(Place.LIST), lambda: pages.listing(self._desk.catalogue.datasets))

    def _packages(self, words: dict[str, str | None]) -> None:
        self._info(Asked(Place.LIST), lambda: pages.listing(self._desk.catalogue.packages, packages=True))

    def _tree(self, words: dict[str, str | None]) -> None:
        key = words["key"] or ""
        offer = self._desk.catalogue.dataset(key, package=bool(words["pckage"]))

        def text() -> str | Refusal:
            if offer is None:
                return Refusal.NO_PAGE
            return Refusal.FORBIDDEN if offer.access is Access.HIDDEN else pages.tree(offer)

        self._info(Asked(Place.TREE, key), text)

    def _info(self, asked: Asked, text: Callable[[], str | Refusal]) -> None:
        faults = self._desk.faults.meet(asked)
        if self._struck(faults) or self._refused(faults):
            return
        answer = text()
        if isinstance(answer, Refusal):
            self._refuse(answer)
        else:
            self._send(self._desk.info_status(), answer)

    def _script(self, words: dict[str, str | None]) -> None:
        self._send(HTTPStatus.OK, self._desk.habits.script)

    def _key(self, words: dict[str, str | None]) -> None:
        faults = self._desk.faults.meet(Asked(Place.KEY))
        if self._struck(faults) or self._refused(faults):
            return
        right = self._seen.key_right
        answer = '{"msg":"login success","code":200}' if right else '{"msg":"login fail","code":401}'
        self._send(HTTPStatus.OK, answer, "application/json;charset=UTF-8")

    def _down(self, words: dict[str, str | None]) -> None:
        key = words["key"] or ""
        offer = self._desk.catalogue.dataset(key, package=bool(words["pckage"]))
        files = self._chosen(offer)
        faults = self._desk.faults.meet(Asked(Place.DOWN, key, frozenset(file.key for file in files)))
        since = self._desk.since_last_start()
        if self._struck(faults):
            return
        refusals = {fault.refusal for fault in faults if isinstance(fault, Refuse)}
        refusals |= {Refusal.AT_ONCE for fault in faults if isinstance(fault, AtOnce) and since < fault.seconds}
        refusals |= self._objections(words["version"] or "", offer, files)
        if refusals:
            self._refuse(next(refusal for refusal in Refusal if refusal in refusals))
        elif offer is not None:
            self._redirect(self._desk.grant(offer, files))

    def _chosen(self, offer: DemoDataset | None) -> tuple[DemoFile, ...]:
        """The files that the request names, in the tree's order as at the hub; none if one is not there."""
        if offer is None:
            return ()
        wanted = set(self._seen.file_keys)
        if wanted == {"all"}:
            return offer.files
        found = tuple(file for file in offer.files if file.key in wanted)
        return found if len(found) == len(wanted) else ()

    def _objections(self, version: str, offer: DemoDataset | None, files: tuple[DemoFile, ...]) -> set[Refusal]:
        """Everything that speaks against a download."""
        access = offer.access if offer else Access.APPROVED
        against = {
            Refusal.OUTDATED: version != API_VERSION,
            Refusal.NO_FILE: not files,
            Refusal.KEY: not self._seen.key_right,
            Refusal.NOT_APPROVED: access in (Access.NOT_APPROVED, Access.HIDDEN),
            Refusal.EXPIRED: access is Access.EXPIRED,
        }
        return {refusal for refusal, holds in against.items() if holds}

    def _stream(self, words: dict[str, str | None]) -> None:
        if self._desk.habits.stream_wants_key and not self._seen.key_right:
            self._refuse(Refusal.KEY)
            return
        grant = self._desk.granted(self._query.get("uuid", [""])[0])
        if grant is None:
            self._refuse(Refusal.NO_PAGE)
            return
        self._seen.file_keys = tuple(file.key for file in grant.files)
        asked = Asked(Place.STREAM, grant.offer.key, frozenset(self._seen.file_keys))
        faults = self._desk.faults.meet(asked)
        if self._struck(faults) or self._refused(faults):
            return
        blocks = _answer(grant, faults, self._desk.piece_size, _mtime(self._desk.habits))
        if self._desk.habits.honours_range and self._seen.range is not None:
            self._part(b"".join(blocks), self._seen.range)
        else:
            self._tar(blocks, faults)

    # What is answered.

    def _struck(self, faults: tuple[Fault, ...]) -> bool:
        """Does what a fault does instead of an answer; False if the answer is to be given."""
        self._wait(faults)
        for fault in faults:
            match fault:
                case Drop():
                    reset(self.connection)
                    raise EndedError("dropped")
                case Answer():
                    self._send(HTTPStatus(fault.status), fault.body, fault.kind, dict(fault.headers))
                    return True
                case Redirect():
                    self._redirect(fault.to)
                    return True
                case RedirectLoop():
                    self._redirect(self.path)
                    return True
        return False

    def _wait(self, faults: tuple[Fault, ...]) -> None:
        for fault in faults:
            if isinstance(fault, Together):
                fault.gather()
            elif isinstance(fault, Latency) and self._desk.stopping.wait(fault.seconds):
                raise EndedError("stopped")

    def _refused(self, faults: tuple[Fault, ...]) -> bool:
        """Answers with the first refusal among `faults`; False if there is none."""
        refused = [fault.refusal for fault in faults if isinstance(fault, Refuse)]
        if refused:
            self._refuse(refused[0])
        return bool(refused)

    def _tar(self, blocks: Iterator[Bytes], faults: tuple[Fault, ...]) -> None:
        desk, seen = self._desk, self._seen
        wire = Wire(
            self.connection,
            faults,
            chunk_size=desk.chunk_size,
            stopping=desk.stopping,
            sent=lambda size: desk.requests.note(seen, sent=size),
        )
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/x-tar")
        match wire.framing:
            case Framing.CHUNKED:
                self.send_header("Transfer-Encoding", "chunked")
            case Framing.LENGTH:
                whole = b"".join(blocks)
                blocks = iter((whole,))
                self.send_header("Content-Length", str(len(whole)))
            case Framing.CLOSE:
                self.send_header("Connection", "close")
        self.end_headers()
        desk.requests.note(seen, status=HTTPStatus.OK)
        wire.send(blocks)
        desk.requests.note(seen, whole=True)

    def _part(self, whole: bytes, asked: str) -> None:
        """A 206 with the bytes of "bytes=FIRST-LAST"."""
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first or 0), min(len(whole), int(last or len(whole)) + 1)
        told = {"Content-Range": f"bytes {start}-{stop - 1}/{len(whole)}"}
        self._send(HTTPStatus.PARTIAL_CONTENT, whole[start:stop], "application/x-tar", told)

    def _refuse(self, refusal: Refusal) -> None:
        self._send(refusal.status, refusal.text)

    def _redirect(self, to: str) -> None:
        self._send(HTTPStatus.FOUND, b"", _TEXT, {"Location": to})

    def _send(
        self, status: HTTPStatus, body: str | bytes, kind: str = _TEXT, headers: dict[str, str] | None = None
    ) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self._desk.requests.note(self._seen, status=status)
        self.connection.sendall(data)
        self._desk.requests.note(self._seen, sent=len(data), whole=True)


def _answer(grant: Grant, faults: tuple[Fault, ...], piece_size: int, mtime: int | None) -> Iterator[Bytes]:
    """The bytes of a download, after all faults have had their say. `mtime`: that of all members, if given."""
    files = list(grant.files)
    for fault in faults:
        files = fault.files(files)
    members = tarball.pieces(files, piece_size)
    for fault in faults:
        members = fault.members(members, grant.offer)
    if mtime is not None:
        members = [replace(member, mtime=mtime) for member in members]
    blocks = tarball.blocks(members)
    for fault in faults:
        blocks = fault.blocks(blocks)
    return blocks


def _mtime(habits: Habits) -> int | None:
    """The time that all members bear, None for the usual one."""
    # Of the clock's nanoseconds, so that no two answers of one second are alike.
    return time.time_ns() % (1 << 31) if habits.fresh_times else None
