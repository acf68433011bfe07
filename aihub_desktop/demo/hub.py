"""The demo hub: two servers, the api and the stream host that it redirects downloads to."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import sys
import threading
from types import TracebackType
from typing import Self

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.conversation import Conversation
from aihub_desktop.demo.desk import Desk, Requests
from aihub_desktop.demo.faults import Faults
from aihub_desktop.demo.habits import Habits
from aihub_desktop.system.sockets import shut


class DemoHub:
    """The hub, served on 127.0.0.1 from `start` (or `with`) to `stop`; may be started again on the same ports.

    `piece_size`: bytes of one piece in a tar (the hub's own: 1 GiB). `tls`: a server's context; both hosts then
    speak https and a certificate must cover 127.0.0.1 and `stream_host`. `uuid_life`: seconds that a redirect holds.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        piece_size: int = 1 << 20,
        chunk_size: int = 8 << 10,
        tls: ssl.SSLContext | None = None,
        api_port: int = 0,
        # Another name than the api's, as at the hub; on Windows "localhost" would cost two seconds for ::1 first.
        stream_host: str = "127.0.0.1" if sys.platform == "win32" else "localhost",
        uuid_life: float = 600.0,
        key: str = DEMO_KEY,
    ) -> None:
        self._desk = Desk(catalogue, key, piece_size, chunk_size, uuid_life)
        self._tls = tls
        self._ports = {"api": api_port, "stream": 0}
        self._stream_host = stream_host
        self._listeners: list[_Listener] = []

    @property
    def url(self) -> str:
        """The api's address; it holds from the first start on."""
        return f"{self._scheme}://127.0.0.1:{self._ports['api']}"

    @property
    def stream_url(self) -> str:
        return f"{self._scheme}://{self._stream_host}:{self._ports['stream']}"

    @property
    def faults(self) -> Faults:
        return self._desk.faults

    @property
    def habits(self) -> Habits:
        """May be changed while the hub runs."""
        return self._desk.habits

    @habits.setter
    def habits(self, habits: Habits) -> None:
        self._desk.habits = habits

    @property
    def requests(self) -> Requests:
        return self._desk.requests

    @property
    def catalogue(self) -> Catalogue:
        return self._desk.catalogue

    def offer(self, catalogue: Catalogue) -> None:
        """Offers `catalogue` from now on, as after a release."""
        self._desk.catalogue = catalogue

    def lead_streams_to(self, url: str) -> None:
        """Redirects name `url` from now on, where something listens that carries on to `stream_url`."""
        self._desk.stream_url = url

    def start(self) -> None:
        """Raises `OSError` if a port is taken."""
        self._desk.stopping.clear()
        with contextlib.ExitStack() as bound:
            listeners = []
            for role in self._ports:
                listener = _Listener(role, self._ports[role], self._desk, self._tls)
                bound.callback(listener.close)
                self._ports[role] = listener.port
                listeners.append(listener)
            bound.pop_all()
        self._listeners = listeners
        self._desk.stream_url = self.stream_url
        for listener in self._listeners:
            listener.begin()

    def stop(self) -> None:
        """Refuses connections and ends those that are open; answers under way break off."""
        self._desk.stopping.set()
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()

    def hang_up(self) -> None:
        """Ends every open connection; new ones are welcome."""
        for listener in self._listeners:
            listener.hang_up()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _scheme(self) -> str:
        return "https" if self._tls else "http"


class _Listener:
    """One port, a thread for each connection, and an end that leaves none behind."""

    def __init__(self, role: str, port: int, desk: Desk, tls: ssl.SSLContext | None) -> None:
        self._role = role
        self._desk = desk
        self._tls = tls
        self._door = socket.create_server(("127.0.0.1", port), backlog=128)
        self._bell, self._rung = socket.socketpair()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._loop = threading.Thread(target=self._welcome, name=f"demo-{role}", daemon=True)

    @property
    def port(self) -> int:
        port: int = self._door.getsockname()[1]
        return port

    def begin(self) -> None:
        self._loop.start()

    def end(self) -> None:
        """Returns once every connection is closed and every thread has ended."""
        self._bell.send(b"!")
        self._loop.join()
        self.close()
        self.hang_up()
        with self._lock:
            threads = list(self._open)
        for thread in threads:
            thread.join(10)

    def close(self) -> None:
        for each in (self._door, self._bell, self._rung):
            each.close()

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open.values():
                shut(connection)

    def _welcome(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._door, selectors.EVENT_READ)
            selector.register(self._rung, selectors.EVENT_READ)
            while all(ready.fileobj is not self._rung for ready, _ in selector.select()):
                with contextlib.suppress(OSError):  # whoever knocked has gone again
                    self._meet(*self._door.accept())

    def _meet(self, connection: socket.socket, address: object) -> None:
        thread = threading.Thread(target=self._converse, args=(connection, address), daemon=True)
        with self._lock:
            self._open[thread] = connection
        thread.start()

    def _converse(self, connection: socket.socket, address: object) -> None:
        try:
            if self._tls is not None:
                connection = self._wrapped(connection, self._tls)
            Conversation(self._desk, self._role, connection, address)
        except (OSError, ValueError):
            pass  # the peer went away, or the connection was shut by `hang_up`: both are daily bread
        finally:
            with self._lock:
                connection = self._open.pop(threading.current_thread())
            shut(connection, socket.SHUT_WR)
            connection.close()

    def _wrapped(self, connection: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        wrapped = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open[threading.current_thread()] = wrapped
        if self._desk.stopping.is_set():
            shut(wrapped)
        wrapped.do_handshake()
        return wrapped
