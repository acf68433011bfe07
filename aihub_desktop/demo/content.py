"""The bytes of a file of the demo hub: made when first asked for, the same in every run."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Final, Protocol

Bytes = bytes | memoryview

# No power of two: a piece that lands a whole number of KiB or MiB off its place then differs from what belongs there.
_PERIOD: Final = (1 << 20) - 3


class Content(Protocol):
    """Bytes of known size that can be read again from any place."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, stop: int) -> Iterator[Bytes]:
        """The bytes start ≤ i < stop, in buffers of up to 1 MiB."""
        ...


class Made:
    """Content that `make` gives, kept once made. Safe from any thread."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._bytes: bytes | None = None

    @property
    def size(self) -> int:
        return len(self._all())

    def read(self, start: int, stop: int) -> Iterator[Bytes]:
        whole = memoryview(self._all())[start:stop]
        for at in range(0, len(whole), 1 << 20):
            yield whole[at : at + (1 << 20)]

    def _all(self) -> bytes:
        with self._lock:
            if self._bytes is None:
                self._bytes = self._make()
            return self._bytes


class Noise:
    """`size` bytes that look random and cost neither memory nor time: for benchmarks of any length."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size: Final = size
        self._tile = memoryview(noise(_PERIOD, seed))

    def read(self, start: int, stop: int) -> Iterator[Bytes]:
        stop = min(stop, self.size)
        while start < stop:
            place = start % _PERIOD
            found = self._tile[place : place + stop - start]
            yield found
            start += len(found)


class Altered:
    """Other bytes of the same size: those at `places` are inverted."""

    def __init__(self, content: Content, places: frozenset[int]) -> None:
        self.size: Final = content.size
        self._content = content
        self._places = places

    def read(self, start: int, stop: int) -> Iterator[Bytes]:
        for buffer in self._content.read(start, stop):
            hit = [place - start for place in self._places if start <= place < start + len(buffer)]
            start += len(buffer)
            yield _inverted(buffer, hit) if hit else buffer


class Resized:
    """The same bytes, cut off at `size` or filled up to it with noise."""

    def __init__(self, content: Content, size: int) -> None:
        self.size: Final = size
        self._content = content

    def read(self, start: int, stop: int) -> Iterator[Bytes]:
        stop = min(stop, self.size)
        old = self._content.size
        yield from self._content.read(start, min(stop, old))
        if stop > max(start, old):
            yield from Noise(self.size, seed=1).read(max(start, old), stop)


def noise(size: int, seed: int) -> bytes:
    """Bytes that no compressor shrinks, the same for the same seed everywhere."""
    return random.Random(seed).randbytes(size)


def whole(content: Content) -> bytes:
    return b"".join(content.read(0, content.size))


def sha256(content: Content) -> str:
    digest = hashlib.sha256()
    for buffer in content.read(0, content.size):
        digest.update(buffer)
    return digest.hexdigest()


def _inverted(buffer: Bytes, places: list[int]) -> bytes:
    changed = bytearray(buffer)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)
