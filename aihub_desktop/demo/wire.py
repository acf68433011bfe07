"""One answer's bytes on their way to one reader: framing, pace, and the faults of the wire."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from aihub_desktop.demo.content import Bytes
from aihub_desktop.demo.faults import Cut, Fault, Framed, Framing, Slow, SlowReaderCut, Stall, Way
from aihub_desktop.system.sockets import RESET

_BATCH: Final = 256 << 10


class EndedError(OSError):
    """The answer ended before its end: by a fault, by the reader, or because the hub stops."""


class Wire:
    """Sends one answer. `stopping` is set when the hub is being stopped; `sent` hears of every byte that left."""

    def __init__(
        self,
        connection: socket.socket,
        faults: Iterable[Fault],
        *,
        chunk_size: int,
        stopping: threading.Event,
        sent: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._chunk_size = chunk_size
        self._stopping = stopping
        self._sent = sent
        self._count = 0
        self.framing = Framing.CHUNKED
        self._slow = 0
        self._stall: Stall | None = None
        self._marks: list[Cut | Stall] = []
        for fault in faults:
            match fault:
                case Cut() | Stall():
                    self._marks.append(fault)
                case Slow():
                    self._slow = min(fault.rate, self._slow or fault.rate)
                case Framed():
                    self.framing = fault.framing
                case SlowReaderCut():
                    connection.settimeout(fault.seconds)
        self._marks.sort(key=lambda mark: mark.after)

    def send(self, blocks: Iterable[Bytes]) -> None:
        """The whole answer, its end included. Raises `EndedError` if it ended before."""
        try:
            for batch in _batches(blocks, self._batch_size):
                self._up_to_marks(memoryview(batch))
            if self.framing is Framing.CHUNKED:
                self._connection.sendall(b"0\r\n\r\n")
        except TimeoutError:
            reset(self._connection)
            raise EndedError("slow reader") from None

    @property
    def _rate(self) -> int:
        """Bytes a second; 0: as fast as may be."""
        if self._stall is not None and not self._stall.release.is_set():
            return self._stall.rate
        return self._slow

    @property
    def _batch_size(self) -> int:
        """Small enough for eight batches a second when the pace is limited."""
        rate = self._rate  # read once: a stall may be released at any moment
        return min(_BATCH, max(16, rate // 8)) if rate else _BATCH

    def _up_to_marks(self, batch: memoryview) -> None:
        while self._marks and self._count + len(batch) >= self._marks[0].after:
            mark = self._marks.pop(0)
            before = max(0, mark.after - self._count)
            self._out(batch[:before])
            batch = batch[before:]
            self._obey(mark)
        self._out(batch)

    def _out(self, part: memoryview) -> None:
        while part:
            now, part = part[: self._batch_size], part[self._batch_size :]
            self._connection.sendall(self._framed(now) if self.framing is Framing.CHUNKED else now)
            self._count += len(now)
            self._sent(len(now))
            rate = self._rate
            if self._stopping.wait(len(now) / rate if rate else 0):
                raise EndedError("stopped")

    def _framed(self, part: memoryview) -> bytes:
        size = self._chunk_size
        framed: list[Bytes] = []
        for at in range(0, len(part), size):
            chunk = part[at : at + size]
            framed += (b"%x\r\n" % len(chunk), chunk, b"\r\n")
        return b"".join(framed)

    def _obey(self, mark: Cut | Stall) -> None:
        match mark:
            case Stall():
                self._stall = mark
                mark.reached.set()
                if not mark.rate:
                    self._hold(mark)
            case Cut(way=Way.RESET):
                reset(self._connection)
                raise EndedError("reset")
            case Cut():
                raise EndedError("closed")

    def _hold(self, stall: Stall) -> None:
        while not stall.release.wait(0.02):
            if self._stopping.is_set() or self._gone():
                raise EndedError("given up")

    def _gone(self) -> bool:
        """Whether the reader has hung up: it says nothing while it reads, so any word is its goodbye."""
        try:
            return bool(select.select([self._connection], [], [], 0)[0])
        except (OSError, ValueError):
            return True


def reset(connection: socket.socket) -> None:
    """Ends the connection by a reset: what the reader has not taken yet is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def _batches(blocks: Iterable[Bytes], size: int) -> Iterator[bytearray]:
    """The same bytes in buffers of `size`: a thousand small files are not a thousand packets."""
    held = bytearray()
    for block in blocks:
        view = memoryview(block)
        while view:
            part = view[: size - len(held)]
            held += part
            view = view[len(part) :]
            if len(held) == size:
                yield held
                held = bytearray()
    if held:
        yield held
