"""The body of one answer, read from the bare socket into the caller's own buffer.

Wire (a socket that never waits longer than told) ─▶ Framing (chunks, a length, or the end) ─▶ AnswerBody
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from typing import Final, Protocol

import httpcore

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.system.sockets import shut

# Windows has no poll; its select takes any socket, while select elsewhere fails above 1,024 descriptors.
_Selector: Final[type[selectors.BaseSelector]] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Framing(Protocol):
    """How the end of a body is known. `take` and `end` as in `chunked.Dechunker`."""

    @property
    def at_end(self) -> bool: ...

    def take(self, view: memoryview) -> int: ...

    def end(self) -> None: ...


class Counted:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.overran = False  # bytes came behind its end: whatever they are, they answer nothing

    @property
    def at_end(self) -> bool:
        return self._left == 0

    def take(self, view: memoryview) -> int:
        count = min(self._left, len(view))
        self.overran |= count < len(view)
        self._left -= count
        return count

    def end(self) -> None:
        if self._left:
            raise ProblemError(Code.CUT, why="early-end")


class UntilClosed:
    """A body that ends with its connection: nothing tells its end from a cut."""

    def __init__(self) -> None:
        self.at_end = False

    def take(self, view: memoryview) -> int:
        return len(view)

    def end(self) -> None:
        self.at_end = True


class Wire(Protocol):
    def receive(self, view: memoryview, seconds: float) -> int:
        """Between 1 and len(view) bytes, 0 at the end. Raises `TimeoutError` after `seconds`, else `OSError`."""
        ...

    def send(self, data: bytes | memoryview, seconds: float) -> None:
        """All of `data`. Raises `TimeoutError` after `seconds`, else `OSError`."""
        ...

    def shut(self) -> None:
        """From any thread: wakes a `receive` that waits, which then gives 0 or raises `OSError`."""
        ...

    def close(self) -> None: ...


class SocketWire:
    """A bare socket, plain or TLS.

    The socket itself never waits, a selector does: so one call can empty all TLS records (16 KiB each) that
    have come, and a wait that ran out leaves nothing half done.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._failure: OSError | None = None
        self._closing = threading.Lock()
        sock.setblocking(False)
        self._selector = _Selector()
        self._selector.register(sock, selectors.EVENT_READ)

    def receive(self, view: memoryview, seconds: float) -> int:
        if self._failure is not None:
            raise self._failure
        count = self._first(view, seconds)
        return self._rest(view, count) if self._tls and count else count

    def send(self, data: bytes | memoryview, seconds: float) -> None:
        deadline, view = time.monotonic() + seconds, memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(selectors.EVENT_WRITE, deadline)
            except ssl.SSLWantReadError:
                self._wait(selectors.EVENT_READ, deadline)

    def shut(self) -> None:
        with self._closing:
            shut(self._sock)

    def close(self) -> None:
        with self._closing:
            self._selector.close()
            self._sock.close()

    def _first(self, view: memoryview, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._sock.recv_into(view)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(selectors.EVENT_READ, deadline)
            except ssl.SSLWantWriteError:
                self._wait(selectors.EVENT_WRITE, deadline)

    def _wait(self, event: int, deadline: float) -> None:
        self._selector.modify(self._sock, event)
        left = deadline - time.monotonic()
        if not self._selector.select(max(0.0, left)) and left <= 0:
            raise TimeoutError

    def _rest(self, view: memoryview, count: int) -> int:
        """What has come already, without waiting for more."""
        while count < len(view):
            try:
                more = self._sock.recv_into(view[count:])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                # The bytes before the failure are good; the failure is told by the next call.
                self._failure = error
                break
            if not more:
                break
            count += more
        return count


class StreamWire:
    """A stream without a bare socket, as TLS through a TLS proxy is."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._closing = threading.Lock()

    def receive(self, view: memoryview, seconds: float) -> int:
        try:
            data = self._stream.read(len(view), timeout=max(seconds, 0.001))  # 0 would mean: never wait
        except httpcore.ReadTimeout:
            raise TimeoutError from None
        except httpcore.ReadError as error:
            # Many servers hang up without TLS's own farewell. As in Python's SSLSocket that is an end; whether it
            # came too early the framing knows.
            if isinstance(error.__cause__, ssl.SSLEOFError):
                return 0
            raise ConnectionError("read error") from error
        view[: len(data)] = data
        return len(data)

    def send(self, data: bytes | memoryview, seconds: float) -> None:
        try:
            self._stream.write(bytes(data), timeout=max(seconds, 0.001))
        except httpcore.WriteTimeout:
            raise TimeoutError from None
        except httpcore.WriteError as error:
            raise ConnectionError("write error") from error

    def shut(self) -> None:
        sock = self._stream.get_extra_info("socket")
        with self._closing:
            shut(sock)

    def close(self) -> None:
        with self._closing:
            self._stream.close()


def wire_of(stream: httpcore.NetworkStream) -> Wire:
    """The bare socket of a stream where it has one."""
    sock = stream.get_extra_info("socket")
    # An SSLObject (not an SSLSocket's own) means that TLS is done beside the socket, in memory.
    if sock is None or isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject):
        return StreamWire(stream)
    return SocketWire(sock)


class AnswerBody:
    """`sources.place.Body` over a wire. `surplus`: bytes of the body that came with the header."""

    def __init__(self, wire: Wire, framing: Framing, surplus: bytes, tick: float) -> None:
        self._wire = wire
        self._framing = framing
        self._surplus = surplus
        self._tick = tick
        self._shut = False

    def readinto(self, view: memoryview) -> int:
        if not len(view):
            raise ValueError("an empty view")
        deadline: float | None = None
        while not self._framing.at_end:
            # Framing alone gives no byte of data: the wait goes on, within the same tick.
            seconds = self._tick if deadline is None else deadline - time.monotonic()
            deadline = deadline or time.monotonic() + self._tick
            received = self._receive(view, max(0.0, seconds))
            if not received:
                self._framing.end()
            elif count := self._framing.take(view[:received]):
                return count
        return 0

    def shut(self) -> None:
        self._shut = True
        self._wire.shut()

    def close(self) -> None:
        self._wire.close()

    def release(self) -> Wire | None:
        """Instead of `close`: the wire, if another request may go over it; else it is closed."""
        framing = self._framing
        if isinstance(framing, Counted) and framing.at_end and not (framing.overran or self._surplus or self._shut):
            return self._wire
        self._wire.close()
        return None

    def _receive(self, view: memoryview, seconds: float) -> int:
        if self._surplus:
            part, self._surplus = self._surplus[: len(view)], self._surplus[len(view) :]
            view[: len(part)] = part
            return len(part)
        try:
            received = self._wire.receive(view, seconds)
        except TimeoutError:
            if self._shut:
                raise ProblemError(Code.CUT, why="shut") from None
            raise
        except (OSError, ValueError, KeyError) as error:  # the latter two: the selector of a closed socket
            raise ProblemError(Code.CUT, why="shut" if self._shut else _reason(error)) from error
        if self._shut:
            raise ProblemError(Code.CUT, why="shut")
        return received


def _reason(error: Exception) -> str:
    match error:
        case ConnectionResetError():
            return "reset"
        case ssl.SSLError():
            return "tls"
        case _:
            return "lost"
