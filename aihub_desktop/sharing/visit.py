"""One connection of a reader: its requests one after the other, each within its time and its size.

h11 reads heads and writes ours: what is doubtful in a head (two lengths, a folded line, a name with a blank) is its
business, and it refuses it. What it must not see are the bytes of files.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol

import h11
import msgspec

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.sharing.limits import Limits
from aihub_desktop.sharing.offer import Offer
from aihub_desktop.sharing.routing import Headers, Refused, Request, Thing, Wanted, judged, part_of, plain_headers
from aihub_desktop.sharing.sending import GoneError, Line, TooSlowError
from aihub_desktop.system.sockets import RESET, shut
from aihub_desktop.transport.manifest import manifest_line

_LINGER_SECONDS: Final = 1.0
_BLOCK: Final = 64 << 10
_READ: Final = 4 << 10  # of a head; h11 judges its length between two reads
_GREETING: Final = b"AI Hub Desktop shares this folder, read-only: /files.json, /manifest-sha256.txt, /files/PLACE\n"


@dataclass(frozen=True, slots=True)
class Served:
    """One answer, for the log. `target` without its query. `whole`: all that was announced went out."""

    peer: str
    method: str
    target: str
    status: int
    bytes: int
    whole: bool
    seconds: float


class Host(Protocol):
    """Whoever receives visits."""

    @property
    def offer(self) -> Offer: ...

    @property
    def token(self) -> Secret: ...

    @property
    def limits(self) -> Limits: ...

    def sent(self, count: int) -> None:
        """So many bytes of files went out. From any thread."""
        ...

    def served(self, served: Served) -> None:
        """A request is over. From any thread."""
        ...


class Visit:
    """`run` in a thread of its own; the socket is closed at its end."""

    def __init__(self, sock: socket.socket, peer: str, host: Host) -> None:
        self._sock = sock
        self._peer = peer
        self._host = host
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=host.limits.head)
        self._line = Line(sock, host.limits, self._count)
        self._bytes = 0
        self._status = 0

    def run(self) -> None:
        """Raises nothing for what a reader does."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            idle = self._host.limits.head_seconds
            while (request := self._request(idle)) is not None and self._answered(request):
                self._http.start_next_cycle()
                idle = self._host.limits.idle_seconds
        except h11.RemoteProtocolError as error:
            self._refuse_garbage(error)
        except (OSError, TooSlowError, h11.LocalProtocolError):
            self._end_at_once()
        finally:
            self._sock.close()

    def shut(self) -> None:
        """From any thread: ends what waits or sends."""
        shut(self._sock)

    # ---- what is asked ----

    def _request(self, idle: float) -> Request | None:
        """None for a connection that ends, or brings nothing in time. Raises `OSError`, h11's RemoteProtocolError."""
        begun = bool(self._http.trailing_data[0])  # the next request came with the last one
        deadline = time.monotonic() + (self._host.limits.head_seconds if begun else idle)
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._sock.recv(_READ)
            except TimeoutError:
                return None
            if not begun:
                begun, deadline = True, time.monotonic() + self._host.limits.head_seconds
            self._http.receive_data(data)
        if not isinstance(event, h11.Request):
            return None
        return Request(event.method, event.target, list(event.headers))

    def _answered(self, request: Request) -> bool:
        """Whether the connection can serve another request."""
        began, self._bytes, self._status = time.monotonic(), 0, 0
        whole = False
        try:
            self._answer(request)
            whole = True
        except GoneError:
            self._end_at_once()
            return False
        finally:
            target = request.target.partition(b"?")[0].decode("ascii", "replace")
            spent = time.monotonic() - began
            method = request.method.decode("ascii", "replace")
            self._host.served(Served(self._peer, method, target, self._status, self._bytes, whole, spent))
        return self._is_done()

    def _is_done(self) -> bool:
        while self._http.their_state is h11.SEND_BODY:
            if self._http.next_event() is h11.NEED_DATA:
                break  # a body that nobody wants
        if (self._http.our_state, self._http.their_state) == (h11.DONE, h11.DONE):
            return True
        self._linger()
        return False

    # ---- what is given ----

    def _answer(self, request: Request) -> None:
        wanted = judged(request, self._host.token)
        if isinstance(wanted, Refused):
            self._refuse(wanted)
            return
        try:
            self._give(request, wanted)
        except ProblemError:  # the folder is away, or its ledger cannot be read
            if self._status:
                raise GoneError from None
            self._refuse(Refused(HTTPStatus.SERVICE_UNAVAILABLE, ((b"retry-after", b"10"),)))

    def _give(self, request: Request, wanted: Wanted) -> None:
        match wanted.thing:
            case Thing.FILE:
                self._file(request, wanted.place)
            case Thing.LIST:
                self._stream(request, b"application/json", _list_of(self._host.offer, wanted.dataset))
            case Thing.MANIFEST:
                self._stream(request, b"text/plain; charset=utf-8", _manifest_of(self._host.offer))
            case Thing.GREETING:
                self._stream(request, b"text/plain; charset=utf-8", [_GREETING])

    def _file(self, request: Request, place: str) -> None:
        file = self._host.offer.open(place)
        if file is None:
            self._refuse(Refused(HTTPStatus.NOT_FOUND))
            return
        try:
            part = part_of(request, file.size, file.sha256)
            head = self._head(part.status, part.headers)
            if request.method == b"HEAD" or part.start == part.stop:
                self._line.send(head)
                self._ended()
                return
            self._line.send_file(head, file, part.start, part.stop)
            # h11 counts what is announced, so it has to hear of it; the bytes themselves it need not see.
            self._http.send_with_data_passthrough(h11.Data(data=_Sent(part.stop - part.start)))  # type: ignore[arg-type]
            self._ended()
        finally:
            file.close()

    def _stream(self, request: Request, kind: bytes, blocks: Iterable[bytes]) -> None:
        """What is written while it is sent."""
        self._line.send(self._head(HTTPStatus.OK, plain_headers(kind)))
        for block in blocks if request.method == b"GET" else ():
            self._line.send(self._http.send(h11.Data(data=block)) or b"")
            self._bytes += len(block)
        self._line.send(self._http.send(h11.EndOfMessage()) or b"")

    def _refuse(self, refused: Refused) -> None:
        ends = ((b"connection", b"close"),) if refused.ends else ()
        self._line.send(self._head(refused.status, (*refused.headers, (b"content-length", b"0"), *ends)))
        self._ended()

    def _head(self, status: HTTPStatus, headers: Headers) -> bytes:
        self._status = int(status)
        usual = [(b"date", formatdate(usegmt=True).encode()), (b"server", b"aihub")]
        response = h11.Response(status_code=int(status), headers=[*usual, *headers], reason=status.phrase.encode())
        return self._http.send(response) or b""

    def _ended(self) -> None:
        self._line.send(self._http.send(h11.EndOfMessage()) or b"")

    def _count(self, count: int) -> None:
        self._bytes += count
        self._host.sent(count)

    # ---- the end ----

    def _refuse_garbage(self, error: h11.RemoteProtocolError) -> None:
        status = HTTPStatus(error.error_status_hint)
        with contextlib.suppress(OSError, TooSlowError, h11.LocalProtocolError):
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._refuse(Refused(status, ends=True))
                self._host.served(Served(self._peer, "-", "-", int(status), 0, whole=True, seconds=0.0))
                self._linger()

    def _linger(self) -> None:
        """What the reader still sends is taken for a moment: a reset might overtake our answer."""
        deadline = time.monotonic() + _LINGER_SECONDS
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while (left := deadline - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv(_BLOCK):
                    return

    def _end_at_once(self) -> None:
        """No reader takes what it has for the whole."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


class _Sent:
    """Stands for bytes that went out by themselves."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


def _list_of(offer: Offer, dataset: str) -> Iterator[bytes]:
    """A JSON array with an object a line, a block at a time."""
    encoder = msgspec.json.Encoder()
    lines = (encoder.encode(file) for file in offer.files(dataset))
    yield b"["
    yield from _in_blocks((b"\n" if number == 0 else b",\n") + line for number, line in enumerate(lines))
    yield b"\n]\n"


def _manifest_of(offer: Offer) -> Iterator[bytes]:
    yield from _in_blocks(manifest_line(file.place, file.sha256) for file in offer.files())


def _in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
