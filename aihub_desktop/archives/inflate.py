"""Packed data to its bytes, a portion at a time and never more than asked for. One interface for every method."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, Protocol, cast

from isal import igzip_lib

PORTION: Final = 1 << 20
# A larger dictionary than this is not worth the memory: such an entry is not opened.
LARGEST_DICTIONARY: Final = 1 << 30
# What is unpacked at once, which costs a quarter of a decoder made for portions: by what is stated of its size, and
# packed: whatever an entry says of itself, this unpacks to 17 MB at most.
_SMALL: Final = 1 << 20
_SMALL_PACKED: Final = 16 << 10
_ISAL_ERROR: Final = cast(type[Exception], igzip_lib.IsalError)  # its stub calls it an instance
FAILURES: Final = (_ISAL_ERROR, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class Method(IntEnum):
    """The methods of packing that we can undo."""

    STORED = 0
    DEFLATED = 8
    BZIPPED = 12
    LZMA = 14


_OPENED: Final = frozenset(Method)


class Decoder(Protocol):
    """As `bz2.BZ2Decompressor` has it."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Stored:
    """Data that was not packed."""

    eof = False
    needs_input = True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        del max_length  # one portion in is one portion out
        return data


class Inflated:
    """Deflate by zlib, which is slower than ISA-L: the second opinion before data is called damaged."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(-15)
        self._held_back = False

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._held_back

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        portion = self._decoder.decompress(self._decoder.unconsumed_tail + data, max(0, max_length))
        self._held_back = len(portion) == max_length
        return portion


class Lzma:
    """Method 14: two bytes of version, two of length, five of properties, then the raw stream."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head = b""
        self._decoder: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._decoder is not None and self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return self._decoder is None or self._decoder.needs_input

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._decoder is None:
            self._head += data
            if len(self._head) < 9:
                return b""
            self._decoder, data = self._made(), self._head[9:]
        return self._decoder.decompress(data, max_length)

    def _made(self) -> lzma.LZMADecompressor:
        if self._head[2:4] != b"\x05\x00" or self._head[4] >= 9 * 5 * 5:
            raise ValueError("unknown properties")
        rest, lc = divmod(self._head[4], 9)
        pb, lp = divmod(rest, 5)
        # A dictionary larger than the data is never reached back into.
        stated = int.from_bytes(self._head[5:9], "little")
        dictionary = max(4096, min(stated, self._size))
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def can_open(method: int, size: int) -> bool:
    """Whether there is a way to open data of this method; without making one."""
    return method in _OPENED and (method != Method.LZMA or size <= LARGEST_DICTIONARY)


def decoders(method: int, size: int) -> list[Decoder]:
    """Ways to open data of this method, in the order to try them; none for what cannot be opened."""
    match method:
        case Method.STORED:
            return [Stored()]
        case Method.DEFLATED:
            return [igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE), Inflated()]
        case Method.BZIPPED:
            return [bz2.BZ2Decompressor()]
        case Method.LZMA if can_open(method, size):
            return [Lzma(size)]
        case _:
            return []


def is_small(packed: int, size: int) -> bool:
    """Whether `at_once` may be tried."""
    return packed <= _SMALL_PACKED and size <= _SMALL


def at_once(method: int, data: bytes | memoryview, size: int) -> bytes | None:
    """All of a small entry, of any length. None for other methods, and for what a decoder has to say what is wrong."""
    if method == Method.STORED:
        return bytes(data)
    if method != Method.DEFLATED:
        return None
    try:
        return igzip_lib.decompress(data, igzip_lib.DECOMP_DEFLATE, bufsize=size + 1)
    except FAILURES:
        return None


def unpacked(decoder: Decoder, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data in portions of at most 1 MiB. Raises one of `FAILURES` for a damaged stream."""
    for chunk in chunks:
        data = chunk
        while True:
            portion = decoder.decompress(data, PORTION)
            if portion:
                yield portion
            if decoder.eof:
                return
            if decoder.needs_input:
                break
            data = b""
