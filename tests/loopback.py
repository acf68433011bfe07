"""Servers of a few lines on loopback, for tests of what goes over the wire byte by byte."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import pytest
import trustme

from aihub_desktop.system.sockets import RESET, shut

DEADLINE: Final = 20.0
_IS_WINE: Final = sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
RESETS: Final = pytest.mark.skipif(_IS_WINE, reason="wine closes a connection in order where a reset is asked for")

# Given the connection and the request's head; the connection is closed when it returns.
Script = Callable[[socket.socket, bytes], None]


def says(answer: bytes) -> Script:
    """A script that sends these bytes, whatever was asked."""

    def script(connection: socket.socket, head: bytes) -> None:
        connection.sendall(answer)

    return script


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Closes with a RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


class Server:
    """Plays `script` for each connection, in a thread of its own. `release` lets scripts that wait for it go on."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heads: list[bytes] = []
        self.connected = threading.Event()
        self.release = threading.Event()
        self._threads: list[threading.Thread] = []
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._welcome)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        shut(self._listener)
        self._listener.close()
        with self._lock:
            for connection in self._live:
                shut(connection)
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        if self._failures and error is None:
            raise self._failures[0]

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def _welcome(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._live.add(connection)
            self._start(lambda connection=connection: self._converse(connection))  # type: ignore[misc]

    def _converse(self, connection: socket.socket) -> None:
        try:
            with contextlib.closing(self._dressed(connection)) as dressed:
                self.connected.set()
                head = read_head(dressed)
                self.heads.append(head)
                if head:
                    self._script(dressed, head)
        except OSError:
            connection.close()
        except BaseException as error:
            self._failures.append(error)
            connection.close()
        finally:
            with self._lock:
                self._live.discard(connection)

    def _dressed(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        # The plain socket ends here; what may be shut later is the one around it.
        dressed = self._tls.wrap_socket(connection, server_side=True)
        with self._lock:
            self._live.add(dressed)
        return dressed


def read_head(connection: socket.socket) -> bytes:
    """A request's head; b"" where the client hung up."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def forwards(routes: Mapping[str, int]) -> Script:
    """A proxy's script: CONNECT to a host of `routes` leads to that port on loopback, any other is refused."""

    def script(connection: socket.socket, head: bytes) -> None:
        method, target, _ = head.decode().split(" ", 2)
        host = target.rpartition(":")[0]
        if method != "CONNECT" or host not in routes:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", routes[host])) as far:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(connection, far)

    return script


def pump(near: socket.socket, far: socket.socket) -> None:
    """Carries bytes both ways until either side ends."""
    while True:
        waiting = isinstance(near, ssl.SSLSocket) and near.pending() > 0
        ready = [near] if waiting else select.select([near, far], [], [])[0]
        for source, target in ((near, far), (far, near)):
            if source in ready:
                data = source.recv(1 << 16)
                if not data:
                    return
                target.sendall(data)


class Delay:
    """Carries connections on to `url`, every byte `seconds` late in both directions; as much as may be under way."""

    def __init__(self, url: str, seconds: float) -> None:
        address = urlsplit(url)
        self._far = (address.hostname or "", address.port or 0)
        self._scheme, self._seconds = address.scheme, seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._live: list[socket.socket] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.carried = 0  # bytes, both ways

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._welcome)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with self._lock:
            for each in (self._listener, *self._live):
                shut(each)
        self._listener.close()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        for each in self._live:
            each.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._lock:
                    self._live.append(near)
                far = socket.create_connection(self._far)
                with self._lock:
                    self._live.append(far)
                for source, target in ((near, far), (far, near)):
                    late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    self._start(partial(self._take, source, late))
                    self._start(partial(self._give, target, late))

    def _take(self, source: socket.socket, late: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"begun"
        while data:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            late.put((time.monotonic() + self._seconds, data))

    def _give(self, target: socket.socket, late: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = late.get()
                self._stopping.wait(max(0.0, due - time.monotonic()))
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
                with self._lock:
                    self.carried += len(data)


class Authority:
    """A certificate authority of the test, and where its certificate lies."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def trusted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on the machine trusts this authority, and no other."""
        monkeypatch.setenv("SSL_CERT_FILE", str(self.file))
        monkeypatch.setenv("SSL_CERT_DIR", str(self.file.parent / "none"))
