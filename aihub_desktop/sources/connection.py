"""Connections over http: opened by httpcore (TLS, proxies, header), read by ourselves once the header has come.

httpcore parses through h11, which copies each body several times. So its stream is one of ours that hands out a
header and not a byte more; then the bare socket is taken from it, and `body.AnswerBody` reads on from there.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx
import truststore

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.body import AnswerBody, Counted, Framing, UntilClosed, wire_of
from aihub_desktop.sources.chunked import Dechunker
from aihub_desktop.sources.hosts import is_loopback, plain_host
from aihub_desktop.system.sockets import shut

LARGEST_ANSWER: Final = 64 << 20  # the hub's largest tree is under 1 MB
ANSWER_SECONDS: Final = 120.0  # for the whole of a small answer
_READ_BYTES: Final = 256 << 10
_STEP_SECONDS: Final = 1.0

_HEADER_END: Final = re.compile(rb"\n\r?\n")
# An address without its scheme, whose path and query need no encoding any more.
_WRITTEN: Final = re.compile(
    r"[^/?#]+(?P<target>(?:[/?](?:[A-Za-z0-9/?:@!$&'()*+,;=._~\-]|%[0-9A-Fa-f]{2})*)?)(?:#.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """An answer whose header has come. Whoever opened it closes `body`."""

    status: int
    headers: httpx.Headers
    url: str
    body: AnswerBody
    version: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer, whole. Names of headers in lower case, or in any."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Opens one connection for each request; usable from several threads at once.

    `connect_timeout` is for TCP and TLS each, `header_timeout` for the whole header of the answer, `tick` is that
    of `sources.place.Body`; all in seconds. Trust is the system's; proxies are those of the environment or the
    system, but loopback is always reached directly, and with `direct` everything is: a proxy would see what is sent.

    Every method raises `ProblemError`: UNREACHABLE (facts "why" and "host") for what fails before the header is
    whole, TLS_UNTRUSTED, CUT for what fails in a body, HUB_ERROR for a coded body. Redirects are not followed.
    """

    def __init__(
        self, user_agent: str, connect_timeout: float, *, header_timeout: float = 60.0, tick: float = 1.0,
        direct: bool = False,
    ) -> None:  # fmt: skip
        self._direct = direct
        self._user_agent = user_agent
        self._connect_timeout = connect_timeout
        self._header_timeout = header_timeout
        self._tick = tick
        self._opening = _Opening()

    def use_user_agent(self, user_agent: str) -> None:
        """For every request from now on."""
        self._user_agent = user_agent

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The whole answer, whatever its status; BAD_ANSWER for more than 64 MiB."""
        return read_whole(self.open(url, headers))

    def post(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """As `get`, by POST without a body."""
        return read_whole(self._request("POST", url, {"Content-Length": "0", **(headers or {})}))

    def open(self, url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> OpenedBody:
        """The answer up to its header, whatever its status. `method`: GET or HEAD."""
        return self._request(method, url, headers or {})

    def open_kept(
        self,
        origin: httpx.URL,
        target: bytes,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        content: Iterable[bytes | memoryview] | None = None,
    ) -> tuple[int, Mapping[str, str], AnswerBody, bool]:
        """(status, headers, body, whether the connection may serve another request) of a request for `target`.

        `target` goes out as it is: a name may hold what looks like a path to be tidied up. `content` is sent as the
        request's body, whose length is among the headers.
        """
        url = httpcore.URL(scheme=origin.raw_scheme, host=origin.raw_host, port=origin.port, target=target)
        opened = self._sent(method, origin, url, list(headers.items()), content)
        opened.headers.encoding = "iso-8859-1"  # as the heads that follow are read; httpx would guess
        through = origin.scheme == "http" and self._proxy_for(origin) is not None
        said = opened.headers.get("connection", "").lower()
        keeps = not through and said != "close" and opened.version == b"HTTP/1.1"
        return opened.status, opened.headers, opened.body, keeps

    def certificate(self, url: str, trust: ssl.SSLContext | None = None) -> bytes:
        """The certificate (DER) of the https server at `url`, reached as a request would reach it; none is sent.

        `trust` judges it, in place of the system's. b"" where the server shows none.
        """
        address = _parsed(url)
        request = httpcore.Request("GET", _core_url(address), extensions={"timeout": self._timeouts()})
        try:
            with self._pool(address, trust, _certified_of(address.raw_host.decode("ascii"))) as pool:
                pool.handle_request(request).close()
        except _CertifiedError as seen:
            return seen.certificate
        except ProblemError:
            raise
        except Exception as error:
            raise problem_of(error, address.host) from None
        raise ProblemError(Code.UNREACHABLE, why="tls", host=address.host)

    def close(self) -> None:
        """From any thread: ends what waits for a header. Bodies that were given out live on."""
        self._opening.close()

    def _request(self, method: str, url: str, headers: Mapping[str, str]) -> OpenedBody:
        address = _parsed(url)
        return self._sent(
            method, address, _core_url(address, target_of(url)), [("Connection", "close"), *headers.items()]
        )

    def _sent(
        self,
        method: str,
        address: httpx.URL,
        target: httpcore.URL,
        headers: list[tuple[str, str]],
        content: Iterable[bytes | memoryview] | None = None,
    ) -> OpenedBody:
        usual = [
            ("Host", address.netloc.decode("ascii")),
            ("User-Agent", self._user_agent),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
        ]
        request = httpcore.Request(
            method,
            target,
            # As bytes: httpcore takes ASCII alone for text, and a validator goes back as it came.
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in (*usual, *headers)],
            content=None if content is None else map(bytes, content),
            extensions={"timeout": self._timeouts()},
        )
        try:
            with self._pool(address) as pool:
                return self._taken(method, pool.handle_request(request), str(address))
        except ProblemError:
            raise
        except Exception as error:
            # `from None`: what httpcore and h11 say may repeat a header, and so the key.
            raise problem_of(error, address.host) from None

    def _pool(
        self, address: httpx.URL, trust: ssl.SSLContext | None = None, encrypted: Encrypted | None = None
    ) -> httpcore.ConnectionPool:
        proxy = self._proxy_for(address)
        # A context of its own for each connection: truststore holds a lock of the context while it shakes hands,
        # so one slow server would hold up all.
        return httpcore.ConnectionPool(
            ssl_context=(trust or _trust()) if address.scheme == "https" else None,
            proxy=None if proxy is None else _core_proxy(proxy),
            max_connections=1,
            network_backend=_Backend(self._opening, self._header_timeout, encrypted),
        )

    def _proxy_for(self, address: httpx.URL) -> httpx.URL | None:
        return None if self._direct else _proxy_for(address)

    def _timeouts(self) -> dict[str, float]:
        return {"connect": self._connect_timeout, "read": self._header_timeout, "write": self._header_timeout}

    def _taken(self, method: str, response: httpcore.Response, url: str) -> OpenedBody:
        stream = response.extensions["network_stream"]
        assert isinstance(stream, _HeaderStream)
        headers = httpx.Headers(response.headers)
        framing = framing_of(response.status, headers)
        if method == "HEAD":
            framing = Counted(0)
        bare, surplus = stream.give_away()
        response.close()
        body = AnswerBody(wire_of(bare), framing, surplus, self._tick)
        return OpenedBody(response.status, headers, url, body, response.extensions.get("http_version", b""))


def read_whole(opened: OpenedBody, limit: int = LARGEST_ANSWER, seconds: float = ANSWER_SECONDS) -> Answer:
    """Reads a small answer to its end and closes it.

    Raises `ProblemError`: CUT, BAD_ANSWER for more than `limit` bytes, UNREACHABLE (why "slow") after `seconds`.
    """
    read = bytearray()
    for part in _parts(opened, seconds):
        read += part
        if len(read) > limit:
            raise ProblemError(Code.BAD_ANSWER, why="too-long")
    return Answer(opened.status, opened.headers, bytes(read))


def read_beginning(opened: OpenedBody, limit: int, seconds: float) -> bytes:
    """The first bytes of an answer, as many as could be had, and closes it: an error text may be cut or endless."""
    read = bytearray()
    with contextlib.suppress(ProblemError):
        for part in _parts(opened, seconds):
            read += part
            if len(read) >= limit:
                break
    return bytes(read[:limit])


def _parts(opened: OpenedBody, seconds: float) -> Iterator[memoryview]:
    deadline = time.monotonic() + seconds
    view = memoryview(bytearray(_READ_BYTES))
    with contextlib.closing(opened.body):
        while True:
            with contextlib.suppress(TimeoutError):
                count = opened.body.readinto(view)
                if not count:
                    return
                yield view[:count]
            if time.monotonic() > deadline:
                raise ProblemError(Code.UNREACHABLE, why="slow", host=plain_host(opened.url))


class _Opening:
    """The sockets of connections whose header has not come yet, so that `close` can end the wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def add(self, sock: socket.socket) -> None:
        with self._lock:
            if self._closed:
                raise httpcore.ConnectError("closed")
            self._sockets.add(sock)

    def remove(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(sock)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for sock in self._sockets:
                shut(sock)


# Hears of each TLS connection that was made: (its stream, the name that was asked for).
Encrypted = Callable[[httpcore.NetworkStream, str | None], None]


class _CertifiedError(Exception):
    """Not a failure: the certificate was seen, which is all that was wanted of the connection."""

    def __init__(self, certificate: bytes) -> None:
        super().__init__("seen")
        self.certificate = certificate


def _certified_of(host: str) -> Encrypted:
    """Stops at the TLS connection with `host`, and goes on at that with a proxy on the way."""

    def encrypted(stream: httpcore.NetworkStream, name: str | None) -> None:
        if name == host:
            # By position: what httpcore has here is Python's inner object, which knows no name for it.
            certificate = stream.get_extra_info("ssl_object").getpeercert(True)
            stream.close()
            raise _CertifiedError(certificate or b"")

    return encrypted


class _ClosedError(httpcore.ReadError):
    """The other side hung up before its header was whole."""


class _HeaderStream(httpcore.NetworkStream):
    """Hands out what it reads up to the end of a header; what came behind waits for whoever takes the stream."""

    def __init__(
        self, inner: httpcore.NetworkStream, opening: _Opening, header_timeout: float, encrypted: Encrypted | None
    ) -> None:
        self._inner = inner
        self._opening = opening
        self._header_timeout = header_timeout
        self._encrypted = encrypted
        self._deadline: float | None = None
        self._tail = b""  # of what was handed out: the header's end may be split over two reads
        self._surplus = b""
        self._given = False
        try:
            opening.add(self._socket())
        except httpcore.ConnectError:
            inner.close()
            raise

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # A server that drips its header must not last for ever: the time is for all of it.
        self._deadline = self._deadline or time.monotonic() + self._header_timeout
        data = self._surplus or self._next(max_bytes, self._deadline)
        if not data:
            raise _ClosedError
        self._surplus = b""
        found = _HEADER_END.search(self._tail + data)
        if found is None:
            self._tail = (self._tail + data)[-2:]
            return data
        stop = found.end() - len(self._tail)
        self._tail, self._surplus = b"", data[stop:]
        return data[:stop]

    def _next(self, max_bytes: int, deadline: float) -> bytes:
        """Waits in steps: what closes in the moment before a wait wakes nobody on Windows."""
        while (left := deadline - time.monotonic()) > 0:
            if self._opening.closed:
                raise _ClosedError
            with contextlib.suppress(httpcore.ReadTimeout):
                return self._inner.read(max_bytes, timeout=min(left, _STEP_SECONDS))
        raise httpcore.ReadTimeout("header")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        if not self._given:
            self._opening.remove(self._socket())
            self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._opening.remove(self._socket())
        encrypted = self._inner.start_tls(ssl_context, server_hostname, timeout)
        if self._encrypted is not None:
            self._encrypted(encrypted, server_hostname)
        return _HeaderStream(encrypted, self._opening, self._header_timeout, self._encrypted)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def give_away(self) -> tuple[httpcore.NetworkStream, bytes]:
        """The stream below and what was read of the body; from now on `close` leaves it open."""
        self._opening.remove(self._socket())
        self._given = True
        return self._inner, self._surplus

    def _socket(self) -> socket.socket:
        sock: socket.socket = self._inner.get_extra_info("socket")
        return sock


class _Backend(httpcore.NetworkBackend):
    def __init__(self, opening: _Opening, header_timeout: float, encrypted: Encrypted | None) -> None:
        self._opening = opening
        self._header_timeout = header_timeout
        self._encrypted = encrypted
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        return _HeaderStream(stream, self._opening, self._header_timeout, self._encrypted)


def framing_of(status: int, headers: Mapping[str, str]) -> Framing:
    """How this body ends. Whoever parsed the headers has refused contradicting ones before."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise ProblemError(Code.HUB_ERROR, status=status, why="coded-body", text="Content-Encoding")
    if status in (204, 304):
        return Counted(0)
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].strip().lower() != "chunked":
            raise ProblemError(Code.HUB_ERROR, status=status, why="coded-body", text="Transfer-Encoding")
        return Dechunker()
    if "content-length" in headers:
        return Counted(int(headers["content-length"]))
    return UntilClosed()


def _parsed(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise ProblemError(Code.UNREACHABLE, why="address", host="") from None
    if address.scheme not in ("http", "https") or not address.host or not 0 < (address.port or 80) < 65536:
        raise ProblemError(Code.UNREACHABLE, why="address", host=address.host[:80])
    return address


def target_of(url: str) -> bytes:
    """What is asked of the host: path and query as they are written, where they are ready to be sent.

    httpx folds "/./" and "/../", which are signs like others in the keys of object storage.
    """
    _, _, rest = url.partition("://")
    found = _WRITTEN.fullmatch(rest)
    if found is None:
        return _parsed(url).raw_path
    path = found["target"].encode("ascii")
    return path if path.startswith(b"/") else b"/" + path


def _core_url(url: httpx.URL, target: bytes | None = None) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target or url.raw_path)


def _trust() -> ssl.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(url: str) -> httpx.URL | None:
    """The proxy by which a request to `url` would go. Raises `ProblemError` UNREACHABLE for one of no use."""
    proxy = _proxy_for(_parsed(url))
    if proxy is not None:
        _core_proxy(proxy)
    return proxy


def _proxy_for(address: httpx.URL) -> httpx.URL | None:
    """The proxy that the environment, or Windows' or macOS's settings, name for this address."""
    # A proxy's loopback is not ours, and what loopback may see in plain text no proxy may.
    if is_loopback(address.host) or urllib.request.proxy_bypass(address.host):
        return None
    proxies = urllib.request.getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named:
        return None
    try:
        return httpx.URL(named if "://" in named else f"http://{named}")
    except httpx.InvalidURL:
        raise ProblemError(Code.UNREACHABLE, why="proxy", host=address.host) from None


def _core_proxy(url: httpx.URL) -> httpcore.Proxy:
    if url.scheme not in ("http", "https"):
        raise ProblemError(Code.UNREACHABLE, why="proxy-kind", host=url.host[:80])
    return httpcore.Proxy(
        _core_url(url.copy_with(raw_path=b"/")),
        auth=(url.username.encode(), url.password.encode()) if url.userinfo else None,
        ssl_context=_trust() if url.scheme == "https" else None,
    )


def problem_of(error: Exception, host: str) -> ProblemError:
    """The one place where errors of httpcore, ssl and sockets become ours."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ProblemError(Code.TLS_UNTRUSTED, host=host, why=str(getattr(cause, "verify_message", ""))[:120])
    why = next((why for kind, why in _WHY if any(isinstance(cause, kind) for cause in causes)), None)
    if why is None:
        raise error
    return ProblemError(Code.UNREACHABLE, why=why, host=host)


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


# From the special to the general: the first that fits any of the causes names the failure.
_WHY: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (socket.gaierror, "dns"),
    (UnicodeError, "dns"),  # a name that cannot be asked for
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (_ClosedError, "closed"),
    (httpcore.ProxyError, "proxy"),
    (httpcore.ConnectTimeout, "connect-timeout"),
    (httpcore.TimeoutException, "no-answer"),
    (TimeoutError, "connect-timeout"),  # of a bare socket
    (httpcore.ProtocolError, "not-http"),
    (ssl.SSLError, "tls"),
    (httpcore.NetworkError, "network"),
    (OSError, "network"),
)
