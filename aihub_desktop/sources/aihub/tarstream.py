"""A tar as it arrives: fed with whatever the network gave, it says what lies in it. Pure, no I/O.

Reads what GNU tar, pax and ustar writers make: GNU long names, pax records (path, size), sizes in base 256, the
ustar prefix. The data of members is handed on as slices of what was fed: nothing is copied, nothing is kept.

    header ─▶ data ─▶ padding ─▶ header … ─▶ zero block ─▶ zero block ─▶ end, then zeros only
      └─▶ record (long name, pax) ─▶ padding ─▶ header
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.aihub.errors import of_stream_head

BLOCK: Final = 512
HEAD_BYTES: Final = 4096
LONGEST_NAME: Final = 64 << 10
LONGEST_PAX: Final = 1 << 20
# Writers fill the last record with zeros: 10 KiB usually. A sender of endless zeros must come to an end.
LONGEST_TRAIL: Final = 16 << 20
LARGEST_MEMBER: Final = (1 << 62) - 1

_ZEROS: Final = bytes(BLOCK)
_OCTAL: Final = re.compile(rb" *([0-7]*)[ ]*(?:\x00.*)?", re.DOTALL)
_PAX_RECORD: Final = re.compile(rb"([0-9]{1,20}) ")
# Of pax records only these are kept: a stream may bring new ones for ever.
_PAX_KEYS: Final = (b"path", b"size")
_SPARSE: Final = b"GNU.sparse."


class Kind(StrEnum):
    """What a member is. Only FILE is ever written to disk."""

    FILE = "file"
    DIRECTORY = "directory"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    DEVICE = "device"
    FIFO = "fifo"
    SPARSE = "sparse"
    OTHER = "other"


class Member(msgspec.Struct, frozen=True):
    """A member begins. `size` bytes of data follow as chunks; none for directories, links, devices and fifos.

    `name` is as the tar has it; bytes that are neither UTF-8 nor cp949 come as lone surrogates, which
    `safe_path` refuses. What follows a SPARSE member may be misread: refuse it and read no further.
    """

    name: str
    size: int
    kind: Kind


class Chunk(msgspec.Struct, frozen=True):
    """The next bytes of the member that began last: a slice of the view that was fed, valid until it is reused."""

    data: memoryview


class End(msgspec.Struct, frozen=True):
    """Both zero blocks were seen: the tar is whole."""


_KINDS: Final[dict[int, Kind]] = {
    ord("0"): Kind.FILE,
    0: Kind.FILE,
    ord("7"): Kind.FILE,  # "contiguous": a plain file everywhere
    ord("1"): Kind.HARDLINK,
    ord("2"): Kind.SYMLINK,
    ord("3"): Kind.DEVICE,
    ord("4"): Kind.DEVICE,
    ord("5"): Kind.DIRECTORY,
    ord("6"): Kind.FIFO,
    ord("S"): Kind.SPARSE,
}
_WITHOUT_DATA: Final = frozenset({Kind.HARDLINK, Kind.SYMLINK, Kind.DEVICE, Kind.DIRECTORY, Kind.FIFO})
_RECORD_LIMITS: Final[dict[int, int]] = {
    ord("L"): LONGEST_NAME,
    ord("K"): LONGEST_NAME,
    ord("x"): LONGEST_PAX,
    ord("g"): LONGEST_PAX,
    ord("X"): LONGEST_PAX,  # Solaris' spelling of "x"
}


class TarReader:
    """One tar stream. Any cutting of the same bytes into feeds gives the same events, but for cuts in the data."""

    def __init__(self) -> None:
        self.at_end = False
        self._head = bytearray()
        self._started = False  # a first header, or a zero block, was right
        self._block = bytearray()
        self._zero_seen = False
        self._left = 0  # bytes of data or of a record still to come
        self._padding = 0
        self._record: bytearray | None = None  # None while data passes
        self._record_type = 0
        self._is_announced = False  # a record says what the next header's member is
        self._long_name: bytes | None = None
        self._pax: dict[bytes, bytes] = {}
        self._pax_of_all: dict[bytes, bytes] = {}
        self._trail = 0

    @property
    def head(self) -> bytes:
        """The first bytes of the stream, at most 4096: what to look at if it is no tar."""
        return bytes(self._head)

    def feed(self, view: memoryview) -> Iterator[Member | Chunk | End]:
        """What `view` brings, in order. The iterator must be run to its end before the next feed.

        Raises `ProblemError`: BROKEN_TAR; for a stream that is no tar from its first block on, what its text
        says (`errors.of_stream_head`), mostly NOT_A_TAR.
        """
        if not self._started:
            self._head += view[: HEAD_BYTES - len(self._head)]
        at, stop = 0, len(view)
        while at < stop:
            if self._left:
                part = view[at : at + self._left]
                self._left -= len(part)
                at += len(part)
                if self._record is None:
                    yield Chunk(part)
                else:
                    self._gather(part)
            elif self._padding:
                skipped = min(self._padding, stop - at)
                self._padding -= skipped
                at += skipped
            elif self.at_end:
                self._check_trail(view[at:])
                return
            else:
                part = view[at : at + BLOCK - len(self._block)]
                at += len(part)
                if event := self._fill(part):
                    yield event

    def finish(self) -> None:
        """To be called at the clean end of the stream.

        Raises `ProblemError`: SHORT where the tar's own end was not seen; for a text shorter than a block, what
        it says (`errors.of_stream_head`).
        """
        if self.at_end:
            return
        if self._head and not self._started:
            raise of_stream_head(self.head)
        raise ProblemError(Code.SHORT)

    def _fill(self, part: memoryview) -> Member | End | None:
        self._block += part
        if len(self._block) < BLOCK:
            return None
        block = bytes(self._block)
        self._block.clear()
        if block == _ZEROS:
            return self._take_zeros()
        if self._zero_seen:
            raise _broken("a lone zero block")
        return self._take_header(block)

    def _take_zeros(self) -> End | None:
        self._started = True
        if self._is_announced:
            raise _broken("an end where a member was announced")
        if self._zero_seen:
            self.at_end = True
            return End()
        self._zero_seen = True
        return None

    def _take_header(self, block: bytes) -> Member | None:
        if not _checksum_fits(block):
            raise _broken("a wrong checksum") if self._started else of_stream_head(self.head)
        self._started = True
        size = _number(block[124:136])
        kind = block[156]
        if kind in _RECORD_LIMITS:
            self._begin_record(kind, size)
            return None
        return self._begin_member(block, size)

    def _begin_record(self, kind: int, size: int) -> None:
        if size > _RECORD_LIMITS[kind]:
            raise _broken("a record too long")
        self._record, self._record_type = bytearray(), kind
        self._left, self._padding = size, -size % BLOCK
        if not size:
            self._end_record(b"")

    def _gather(self, part: memoryview) -> None:
        assert self._record is not None
        self._record += part
        if not self._left:
            self._end_record(bytes(self._record))

    def _end_record(self, record: bytes) -> None:
        self._record = None
        match chr(self._record_type):
            case "L":
                self._is_announced = True
                self._long_name = record.split(b"\0", 1)[0]
            case "g":
                self._pax_of_all = _merged(self._pax_of_all, _pax_records(record))
            case "x" | "X":
                self._is_announced = True
                self._pax |= _pax_records(record)
            case _:  # "K": the long name of a link's target; links are refused by their kind
                pass

    def _begin_member(self, block: bytes, size: int) -> Member:
        pax = _merged(self._pax_of_all, self._pax)
        raw = pax.get(b"path") or self._long_name or _short_name(block)
        kind = _kind(block, pax, raw)
        size = _decimal(pax[b"size"]) if b"size" in pax else size
        if kind in _WITHOUT_DATA:
            size = 0
        self._pax, self._long_name, self._is_announced = {}, None, False
        self._left, self._padding = size, -size % BLOCK
        name = _decoded(raw)
        return Member(name.rstrip("/") if kind is Kind.DIRECTORY else name, size, kind)

    def _check_trail(self, rest: memoryview) -> None:
        self._trail += len(rest)
        if self._trail > LONGEST_TRAIL or bytes(rest).count(0) != len(rest):
            raise _broken("data after the end")


def _broken(why: str) -> ProblemError:
    return ProblemError(Code.BROKEN_TAR, why=why)


def _checksum_fits(block: bytes) -> bool:
    field = _OCTAL.fullmatch(block[148:156])
    if field is None or not field[1]:
        return False
    found = int(field[1], 8)
    rest = block[:148] + block[156:]
    total = sum(rest) + 8 * 0x20
    # Old writers summed signed bytes: each byte from 0x80 on counts 256 less.
    return found == total or found == total - 256 * sum(byte >= 0x80 for byte in rest)


def _number(field: bytes) -> int:
    """A size: octal text, or base 256 where the first bit is set."""
    if field[0] & 0x80:
        number = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40 or number > LARGEST_MEMBER:
            raise _broken("an impossible size")
        return number
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise _broken("an impossible size")
    return int(found[1] or b"0", 8)


def _decimal(text: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,19}", text) or int(text) > LARGEST_MEMBER:
        raise _broken("an impossible size")
    return int(text)


def _short_name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    # GNU's own magic is "ustar  \0": there the prefix's place holds times.
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _kind(block: bytes, pax: dict[bytes, bytes], name: bytes) -> Kind:
    kind = _KINDS.get(block[156], Kind.OTHER)
    if block[156] == 0 and name.endswith(b"/"):
        return Kind.DIRECTORY  # how writers before ustar said it
    if kind is Kind.FILE and _SPARSE in pax:
        return Kind.SPARSE
    return kind


def _decoded(name: bytes) -> str:
    for coding in ("utf-8", "cp949"):
        try:
            return name.decode(coding)
        except UnicodeDecodeError:
            continue
    return name.decode("utf-8", "surrogateescape")


def _pax_records(record: bytes) -> dict[bytes, bytes]:
    """The "LENGTH KEY=VALUE\\n" lines of a pax header that matter; zeros after the last one are allowed."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(record) and record[at]:
        found = _PAX_RECORD.match(record, at)
        if found is None:
            raise _broken("a pax record without length")
        stop = at + int(found[1])
        key, equals, value = record[found.end() : stop].partition(b"=")
        if not equals or not key or stop > len(record) or not value.endswith(b"\n"):
            raise _broken("a malformed pax record")
        if key in _PAX_KEYS:
            records[key] = value[:-1]
        elif key.startswith(_SPARSE) and value != b"\n":
            records[_SPARSE] = b"any"
        at = stop
    return records


def _merged(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Later records win; an empty value takes the record back, as pax has it."""
    if not old and not new:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value}
