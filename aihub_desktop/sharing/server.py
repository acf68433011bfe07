"""Listens, and gives each reader a thread, up to a number: what a file costs is the kernel's work, not Python's."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from aihub_desktop.domain.model import Secret
from aihub_desktop.sharing.limits import Limits
from aihub_desktop.sharing.offer import Offer
from aihub_desktop.sharing.visit import Served, Visit
from aihub_desktop.system.sockets import shut

_log = logging.getLogger(__name__)
_BACKLOG: Final = 128
_LEAVE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5  # whether it is to end: not every system wakes who waits at a door that is closed
_AGAIN_SECONDS: Final = 0.2  # where the system has no descriptor left
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Standing:
    """`answers`: requests that were let in and given something; `refused`: all others. `bytes`: of files."""

    connections: int
    answers: int
    refused: int
    bytes: int


class LabServer:
    """Offers a folder at an address until it is left. A context manager; `heard` is told of each request, by threads.

    Raises `OSError` where the address cannot be had. `port` 0: any that is free.
    """

    def __init__(
        self, offer: Offer, token: Secret, bind: str, port: int, heard: Callable[[Served], None] | None = None,
        *, limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:  # fmt: skip
        self.limits = limits
        self.offer = offer
        self.token = token
        self._heard = heard
        self._lock = threading.Lock()
        self._visits: dict[Visit, tuple[threading.Thread, str]] = {}
        self._leaving = threading.Event()
        self._answers = self._refused = self._bytes = 0
        self._door = socket.create_server((bind, port), family=_family(bind, port), backlog=_BACKLOG)
        self._door.settimeout(_LOOK_SECONDS)
        self._thread = threading.Thread(target=self._receive, name="door", daemon=True)

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    @property
    def standing(self) -> Standing:
        with self._lock:
            return Standing(len(self._visits), self._answers, self._refused, self._bytes)

    def __enter__(self) -> LabServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nobody comes in any more, and who is inside is shown out."""
        self._leaving.set()
        shut(self._door)
        self._thread.join(_LEAVE_SECONDS)
        self._door.close()
        with self._lock:
            visits = list(self._visits.items())
        for visit, _ in visits:
            visit.shut()
        for _, (thread, _) in visits:
            thread.join(_LEAVE_SECONDS)

    # ---- what a visit needs: `visit.Host` ----

    def sent(self, count: int) -> None:
        with self._lock:
            self._bytes += count

    def served(self, served: Served) -> None:
        with self._lock:
            if 200 <= served.status < 400:
                self._answers += 1
            else:
                self._refused += 1
        if self._heard is not None:
            self._heard(served)

    # ---- the door ----

    def _receive(self) -> None:
        while not self._leaving.is_set():
            try:
                sock, address = self._door.accept()
            except TimeoutError:
                continue
            except OSError:
                if self._leaving.wait(_AGAIN_SECONDS):
                    return
                continue
            self._let_in(sock, str(address[0]))

    def _let_in(self, sock: socket.socket, peer: str) -> None:
        visit = Visit(sock, peer, self)
        thread = threading.Thread(target=self._run, args=(visit,), name="visit", daemon=True)
        with self._lock:
            crowd = Counter(known for _, known in self._visits.values())
            most, of_one = self.limits.connections, self.limits.of_one
            is_full = len(self._visits) >= most or crowd[peer] >= of_one or self._leaving.is_set()
            if not is_full:
                self._visits[visit] = thread, peer
        if is_full:
            _send_away(sock)
            return
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            self._forget(visit)
            _send_away(sock)

    def _run(self, visit: Visit) -> None:
        try:
            visit.run()
        except Exception:
            _log.exception("a visit")
        finally:
            self._forget(visit)

    def _forget(self, visit: Visit) -> None:
        with self._lock:
            self._visits.pop(visit, None)


def _send_away(sock: socket.socket) -> None:
    with contextlib.suppress(OSError), sock:
        sock.setblocking(False)
        sock.send(_FULL)


def _family(bind: str, port: int) -> socket.AddressFamily:
    """Raises `OSError` for what is no address of anything."""
    return socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
