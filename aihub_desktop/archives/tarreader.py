"""A tar's entries and their bytes, in their order: plain, or packed by gzip, bzip2 or xz.

Reads ustar, GNU's long names and numbers, and pax; names longer than `_LONGEST_NAME` are damage. A packed tar is read
once to its end before anything of it is trusted, for its checksum stands there.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final

import xxhash
from isal import igzip_lib

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.inflate import FAILURES, PORTION, Decoder
from aihub_desktop.archives.moments import UNKNOWN, of_seconds
from aihub_desktop.archives.naming import KOREAN, UTF8
from aihub_desktop.archives.volumes import CHUNK, Volumes, Window
from aihub_desktop.archives.zipformat import bad
from aihub_desktop.domain.faults import Code, ProblemError

BLOCK: Final = 512
_LONGEST_NAME: Final = 1 << 16
_LARGEST_MEMORY: Final = 256 << 20  # of an xz dictionary
_FILES: Final = frozenset({0, ord("0"), ord("7")})
_KINDS: Final = {ord("1"): Kind.LINK, ord("2"): Kind.LINK, ord("5"): Kind.FOLDER}
_PAX: Final = re.compile(rb"([0-9]{1,9}) ")
SPARSE: Final = 0x53  # the method of a file with holes, which nobody here can open


class Packing(StrEnum):
    """What is around the tar."""

    NONE = "tar"
    GZIP = "tar.gz"
    BZIP2 = "tar.bz2"
    XZ = "tar.xz"


class _Run:
    """The bytes of the tar in their order."""

    def __init__(self, portions: Iterator[bytes]) -> None:
        self._portions = portions
        self._data = b""
        self._at = 0
        self.place = 0

    def some(self, most: int) -> bytes:
        """At least one byte and at most `most`; b"" at the end."""
        if self._at == len(self._data):
            self._data, self._at = next(self._portions, b""), 0
        part = self._data[self._at : self._at + most] if self._at or most < len(self._data) else self._data
        self._at += len(part)
        self.place += len(part)
        return part

    def exactly(self, size: int) -> bytes:
        """Less at the end only."""
        found = self.some(size)
        while len(found) < size and (more := self.some(size - len(found))):
            found += more
        return found

    def skip(self, size: int) -> None:
        """Raises `ProblemError` BAD_ARCHIVE where the end comes first."""
        while size:
            part = self.some(size)
            if not part:
                raise bad("cut short")
            size -= len(part)


class _Plain(_Run):
    """Of a plain tar: what is not wanted is not read."""

    def __init__(self, volumes: Volumes) -> None:
        super().__init__(iter(()))
        self._volumes = volumes
        self._window = Window(volumes)

    def some(self, most: int) -> bytes:
        size = min(most, CHUNK, self._volumes.size - self.place)
        part = self._window.read(self.place, size) if size < CHUNK else self._volumes.read(self.place, size)
        self.place += size
        return part

    def skip(self, size: int) -> None:
        if self.place + size > self._volumes.size:
            raise bad("cut short")
        self.place += size


class TarArchive:
    """A context manager over one file. Raises `ProblemError`: BAD_ARCHIVE, what the disk says, STOPPED."""

    def __init__(
        self, path: Path, packing: Packing, encoding: str = "", stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.paths = [path]
        self.packing = packing
        self.encoding = encoding or UTF8
        self._chosen = encoding
        self._stopped = stopped
        self._volumes = Volumes(self.paths)
        self.packed = self._volumes.size

    def __enter__(self) -> TarArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._volumes.close()

    @property
    def fingerprint(self) -> str:
        """Of size, beginning and end: the rest would have to be read."""
        ends = self._volumes.read(0, min(self.packed, CHUNK))
        ends += self._volumes.read(max(0, self.packed - CHUNK), min(self.packed, CHUNK))
        return f"{self.packed}-{xxhash.xxh3_128_hexdigest(ends)}"

    def items(self) -> Iterator[Item]:
        """To the very end of the archive: when this is over, a packed tar's checksum was right."""
        for item, _ in self.contents():
            yield item

    def contents(self) -> Iterator[tuple[Item, Iterator[bytes]]]:
        """Each entry with its bytes, which have to be taken before the next one, or not at all."""
        run = _Plain(self._volumes) if self.packing is Packing.NONE else _Run(self._unpacked())
        headers = _Headers(run, self._text)
        while (item := headers.next()) is not None:
            if self._stopped():
                raise ProblemError(Code.STOPPED)
            stop = run.place + item.packed
            yield item, _data(run, item.size)
            run.skip(stop + -stop % BLOCK - run.place)
        while run.some(CHUNK):
            if self._stopped():
                raise ProblemError(Code.STOPPED)

    def _text(self, raw: bytes) -> str:
        for encoding in (self._chosen,) if self._chosen else (UTF8, KOREAN):
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            if encoding == KOREAN and not self._chosen:
                self.encoding = KOREAN
            return text
        return raw.decode(self._chosen or UTF8, "replace")

    def _unpacked(self) -> Iterator[bytes]:
        window, ended = Window(self._volumes), True
        decoder = self._decoder()
        for chunk in window.chunks(0, self.packed):
            data = chunk
            while True:
                if ended and not (data := _padding_off(data)):
                    break
                ended = False
                portion, decoder, data, ended = self._step(decoder, data)
                if portion:
                    yield portion
                if not data and (ended or decoder.needs_input):
                    break
        if not ended:
            raise bad("cut short")

    def _step(self, decoder: Decoder, data: bytes) -> tuple[bytes, Decoder, bytes, bool]:
        """(bytes, the decoder for what follows, what is left of `data`, whether one member has ended)."""
        try:
            portion = decoder.decompress(data, PORTION)
        except FAILURES as error:
            raise bad("cannot be unpacked") from error
        if not decoder.eof:
            return portion, decoder, b"", False
        rest: bytes = getattr(decoder, "unused_data", b"")
        return portion, self._decoder(), rest, True

    def _decoder(self) -> Decoder:
        match self.packing:
            case Packing.GZIP:
                return igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
            case Packing.BZIP2:
                return bz2.BZ2Decompressor()
            case _:
                return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LARGEST_MEMORY)


def _padding_off(data: bytes) -> bytes:
    """Tapes were filled up with zeros, and so are some files."""
    return data.lstrip(b"\0")


def _data(run: _Run, size: int) -> Iterator[bytes]:
    while size:
        part = run.some(min(size, CHUNK))
        if not part:
            raise bad("cut short")
        size -= len(part)
        yield part


class _Headers:
    """Header after header, with the long names and records that stand before each."""

    def __init__(self, run: _Run, text: Callable[[bytes], str]) -> None:
        self._run = run
        self._text = text
        self._number = 0
        self._whole: dict[bytes, bytes] = {}  # pax records for the whole rest

    def next(self) -> Item | None:
        """The next entry, None at the end of the archive. Its data begin where the run stands."""
        own: dict[bytes, bytes] = {}
        while True:
            block = self._run.exactly(BLOCK)
            if len(block) < BLOCK:
                raise bad("cut short")
            if not any(block):
                return None
            _check(block)
            kind = block[156]
            if kind in b"LKxg":
                self._extend(kind, self._record(_number(block[124:136])), own)
            else:
                return self._item(block, kind, self._whole | own)

    def _record(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_NAME:
            raise bad("a header is too long")
        data = self._run.exactly(size + -size % BLOCK)[:size]
        if len(data) < size:
            raise bad("cut short")
        return data

    def _extend(self, kind: int, data: bytes, own: dict[bytes, bytes]) -> None:
        if kind == ord("L"):
            own[b"path"] = data.rstrip(b"\0")
        elif kind != ord("K"):
            (own if kind == ord("x") else self._whole).update(_records(data))

    def _item(self, block: bytes, kind: int, more: dict[bytes, bytes]) -> Item:
        raw = more.get(b"path", b"") or _plain_name(block)
        packed = _pax_size(more) if b"size" in more else _number(block[124:136])
        if packed < 0:
            raise bad("a negative size")
        sparse = kind == ord("S") or any(name.startswith(b"GNU.sparse") for name in more)
        form = Kind.FILE if kind in _FILES or sparse else _KINDS.get(kind, Kind.OTHER)
        if form is Kind.FILE and raw.endswith(b"/"):
            form = Kind.FOLDER  # so very old ones have it
        if kind == ord("S"):
            self._skip_map(block)
        has_data = kind not in b"123456"
        number, self._number = self._number, self._number + 1
        size = packed if has_data else 0
        return Item(
            number, raw, self._text(raw), form, size, size, self._run.place, method=SPARSE if sparse else 0,
            opens=not sparse, modified=_modified(block, more),
        )  # fmt: skip

    def _skip_map(self, block: bytes) -> None:
        more = block[482]
        while more:
            more = self._run.exactly(BLOCK)[504:505] not in (b"", b"\0")


def _check(block: bytes) -> None:
    stated = _number(block[148:156])
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if stated != unsigned and stated != unsigned - 256 * sum(1 for sign in block[:148] + block[156:] if sign > 127):
        raise bad("a header's checksum is wrong")


def _number(field: bytes) -> int:
    """Octal signs, or GNU's 256-based form."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big", signed=False) & ~(0x80 << 8 * (len(field) - 1)) if field[0] == 0x80 else -1
    text = field.strip(b" \0")
    try:
        return int(text or b"0", 8)
    except ValueError:
        raise bad("a header holds no number") from None


def _plain_name(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _records(data: bytes) -> dict[bytes, bytes]:
    """Pax: "LENGTH NAME=VALUE\\n", the length of the whole line."""
    found: dict[bytes, bytes] = {}
    while data:
        head = _PAX.match(data)
        length = int(head[1]) if head else 0
        line = data[head.end() : length] if head else b""
        if not line.endswith(b"\n") or b"=" not in line:
            raise bad("a broken pax header")
        name, _, value = line[:-1].partition(b"=")
        found[name] = value
        data = data[length:]
    return found


def _modified(block: bytes, more: dict[bytes, bytes]) -> int:
    """A time that is none is no damage."""
    whole, _, part = more.get(b"mtime", b"").partition(b".")
    if whole.isdigit() and len(whole) < 16:
        return of_seconds(int(whole), int(part[:9].ljust(9, b"0")) if part.isdigit() else 0)
    try:
        return of_seconds(_number(block[136:148]))
    except ProblemError:
        return UNKNOWN


def _pax_size(more: dict[bytes, bytes]) -> int:
    try:
        return int(more[b"size"])
    except ValueError:
        raise bad("a broken pax header") from None


def is_header(block: bytes) -> bool:
    """Whether a tar may begin with this block."""
    if len(block) < BLOCK:
        return False
    try:
        _check(block)
    except ProblemError:
        return False
    return True


def unzipped_head(data: bytes, packing: Packing) -> bytes:
    """The first bytes of what is packed, b"" if that cannot be told."""
    try:
        match packing:
            case Packing.GZIP:
                return zlib.decompressobj(31).decompress(data, BLOCK)
            case Packing.BZIP2:
                return bz2.BZ2Decompressor().decompress(data, BLOCK)
            case Packing.XZ:
                return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LARGEST_MEMORY).decompress(data, BLOCK)
            case _:
                return data[:BLOCK]
    except FAILURES:
        return b""
