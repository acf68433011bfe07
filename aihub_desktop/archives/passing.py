"""What is learnt of a file while its bytes pass in order, by its kind. A zip has a reader of its own: `zipstream`.

    .tar            the checksum of every header, and that the entries fill the file      STRUCTURE
    .tar.gz, .tgz   gzip's CRC and length over everything, and the tar in it              ARCHIVE
    .gz             gzip's CRC and length                                                 ARCHIVE
    .json, .csv …   whether it is text, in UTF-8 or cp949                                 LENGTH, "readable"

A file that is not what its name says is no damaged one: of it the length is known and nothing more.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final, Protocol

from isal import igzip_lib

from aihub_desktop.archives.inflate import FAILURES, PORTION
from aihub_desktop.domain.leases import Proof

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_NAME_AT, _SIZE_AT, _SUM_AT, _TYPE_AT = slice(0, 100), slice(124, 136), slice(148, 156), 156
# Of these no data follow, whatever the header says of their size.
_WITHOUT_DATA: Final = frozenset(b"123456")
_PAX, _PAX_FOR_ALL, _SPARSE = ord("x"), ord("g"), ord("S")
_SPARSE_MORE_AT, _MORE_AT = 482, 504
_LONGEST_PAX: Final = 1 << 20
_PAX_SIZE: Final = re.compile(rb"(?:^|\n)[0-9]+ size=([0-9]{1,19})(?=\n)")
_GZIP: Final = b"\x1f\x8b"
# What grows by more than this would hold up the network for hours, and says nothing that is worth it.
_GROWTH: Final = 200
_GROWTH_FREE: Final = 256 << 20
_TEXTS: Final = (".json", ".jsonl", ".ndjson", ".geojson", ".csv", ".tsv", ".txt", ".xml", ".html", ".md", ".yaml")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`damage`: what is wrong, "" for nothing; the proof counts where nothing is."""

    proof: Proof
    note: str = ""
    damage: str = ""


class Look(Protocol):
    """Fed with the bytes of a file in their order, from the first on, cut in any way."""

    def feed(self, view: memoryview) -> None:
        """Nothing of `view` is kept."""
        ...

    def verdict(self) -> Verdict:
        """Once everything was fed."""
        ...


def look_for(place: str) -> Look | None:
    """The way to look at a file of this name; None where its length is all that can be known, and for a zip."""
    name = place.casefold()
    if name.endswith((".tar.gz", ".tgz")):
        return GzipLook(TarLook())
    if name.endswith(".gz"):
        return GzipLook(None)
    if name.endswith(".tar"):
        return TarLook()
    return TextLook() if name.endswith(_TEXTS) else None


class TarLook:
    """Of a tar as any program writes it: v7, ustar, GNU with long names and sparse files, pax."""

    def __init__(self) -> None:
        self._head = bytearray()  # of the block that is being read
        self._skip = 0  # bytes of an entry's data and padding that are not looked at
        self._pax = bytearray()  # the data of a pax header
        self._pax_left = 0
        self._size: int | None = None  # of the next entry, as its pax header has it
        self._is_sparse = False  # blocks that tell of holes follow
        self._after = 0  # the data behind them
        self._entries = 0
        self._is_over = False
        self._damage = ""

    def feed(self, view: memoryview) -> None:
        while view and not self._is_over:
            if self._skip:
                count = min(self._skip, len(view))
                if self._pax_left:
                    taken = view[: min(count, self._pax_left)]
                    self._pax += taken
                    self._pax_left -= len(taken)
                self._skip -= count
            else:
                count = min(_BLOCK - len(self._head), len(view))
                self._head += view[:count]
                if len(self._head) == _BLOCK:
                    self._read(bytes(self._head))
                    self._head.clear()
            view = view[count:]

    def verdict(self) -> Verdict:
        if not self._entries:
            return Verdict(Proof.LENGTH)  # an empty one says no more than one that is none
        damage = self._damage or ("cut off" if self._skip or self._head else "")
        return Verdict(Proof.STRUCTURE, "tar", damage)

    def _read(self, block: bytes) -> None:
        if self._is_sparse:
            self._is_sparse = bool(block[_MORE_AT])
            self._skip = 0 if self._is_sparse else self._after
        elif block == _ZEROS:
            self._is_over = True
        elif not _is_header(block):
            # The first block tells whether it is a tar at all.
            self._damage, self._is_over = "a wrong checksum" if self._entries else "", True
        else:
            self._entries += 1
            self._enter(block)

    def _enter(self, block: bytes) -> None:
        kind, size = block[_TYPE_AT], _number(block[_SIZE_AT])
        if self._pax:
            found = _PAX_SIZE.search(bytes(self._pax) + b"\n")
            self._size = int(found[1]) if found else None
            self._pax.clear()
        if kind in (_PAX, _PAX_FOR_ALL):
            self._pax_left = min(size, _LONGEST_PAX) if kind == _PAX else 0
        elif self._size is not None:
            size, self._size = self._size, None
        if kind in _WITHOUT_DATA:
            size = 0
        if size < 0:
            self._damage, self._is_over = "a wrong size", True
            return
        padded = -(-size // _BLOCK) * _BLOCK
        if kind == _SPARSE and block[_SPARSE_MORE_AT]:
            self._is_sparse, self._after = True, padded
        else:
            self._skip = padded


class GzipLook:
    """`inner` looks at what was packed."""

    def __init__(self, inner: Look | None) -> None:
        self._inner = inner
        self._decoder: igzip_lib.IgzipDecompressor | None = None
        self._held = b""  # of the head of a member
        self._members = 0
        self._packed = self._unpacked = 0  # bytes
        self._is_over = False
        self._gave_up = False
        self._damage = ""

    def feed(self, view: memoryview) -> None:
        self._packed += len(view)
        data = self._held + bytes(view) if self._held else bytes(view)
        self._held = b""
        while data and not self._is_over:
            data = self._begin(data) if self._decoder is None else self._unpack(self._decoder, data)

    def verdict(self) -> Verdict:
        if not self._members or self._gave_up:
            return Verdict(Proof.LENGTH)
        inner = Verdict(Proof.LENGTH) if self._inner is None else self._inner.verdict()
        cut = "cut off" if self._decoder is not None else ""
        note = "tar.gz" if inner.proof is Proof.STRUCTURE else "gzip"
        return Verdict(Proof.ARCHIVE, note, self._damage or cut or inner.damage)

    def _begin(self, data: bytes) -> bytes:
        if self._members:
            data = data.lstrip(b"\0")  # tapes were filled up with them
        if len(data) < len(_GZIP):
            self._held = data
        elif data.startswith(_GZIP):
            self._decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
            self._members += 1
            return data
        else:
            self._is_over = True  # behind the last member: not gzip's, and nothing to it
        return b""

    def _unpack(self, decoder: igzip_lib.IgzipDecompressor, data: bytes) -> bytes:
        while True:
            try:
                portion = decoder.decompress(data, PORTION)
            except FAILURES:
                self._damage, self._is_over = "cannot be unpacked", True
                return b""
            self._unpacked += len(portion)
            if self._unpacked > _GROWTH_FREE + _GROWTH * self._packed:
                self._gave_up = self._is_over = True
                return b""
            if self._inner is not None and portion:
                self._inner.feed(memoryview(portion))
            if decoder.eof:
                self._decoder = None
                return bytes(decoder.unused_data)
            if decoder.needs_input:
                return b""
            data = b""


class TextLook:
    """UTF-8, with or without its mark, or cp949: what a program of today can read."""

    def __init__(self) -> None:
        # Both at once: where a feed ends inside a sign, it is not known yet which of them the text is.
        self._ways = [codecs.getincrementaldecoder(coding)() for coding in ("utf-8", "cp949")]
        self._is_ascii = True  # so far: then both read it alike

    def feed(self, view: memoryview) -> None:
        if not self._ways:
            return
        data = bytes(view)
        if b"\0" in data:
            self._ways = []
        elif not (self._is_ascii and data.isascii()):
            self._is_ascii = False
            self._ways = [way for way in self._ways if _takes(way, data)]

    def verdict(self) -> Verdict:
        # UTF-8 that ends within a sign was cut off, though its last bytes may mean something in cp949.
        readable = bool(self._ways) and _takes(self._ways[0], b"", final=True)
        return Verdict(Proof.LENGTH, "readable" if readable else "unreadable")


def _takes(way: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        way.decode(data, final)
    except UnicodeDecodeError:
        return False
    return True


def _is_header(block: bytes) -> bool:
    stated = _number(block[_SUM_AT])
    rest = block[: _SUM_AT.start] + b" " * 8 + block[_SUM_AT.stop :]
    unsigned = sum(rest)
    # Some old programs added signed bytes.
    return stated > 0 and (stated == unsigned or stated == unsigned - 256 * sum(byte > 127 for byte in rest))


def _number(field: bytes) -> int:
    """Octal digits, or a binary number that is marked as one; -1 for neither."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.split(b"\0")[0].strip()
    try:
        return int(text or b"0", 8)
    except ValueError:
        return -1
