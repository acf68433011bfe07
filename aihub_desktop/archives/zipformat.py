"""The records of a zip as bytes: end of central directory, its zip64 kin, entries, local headers. Pure.

After PKWARE's APPNOTE.TXT, sections 4.3 to 4.5. Every function raises `ProblemError` BAD_ARCHIVE, fact "why".
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final, NamedTuple

from aihub_desktop.domain.faults import Code, ProblemError

END_SIZE: Final = 22
LOCATOR_SIZE: Final = 20
END64_SIZE: Final = 56
ENTRY_SIZE: Final = 46
LOCAL_SIZE: Final = 30
LONGEST_TAIL: Final = END_SIZE + 0xFFFF

ENTRY_SIGNATURE: Final = b"PK\x01\x02"
LOCAL_SIGNATURE: Final = b"PK\x03\x04"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"
_END_SIGNATURE: Final = b"PK\x05\x06"
_END64_SIGNATURE: Final = b"PK\x06\x06"
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4xH2x4H3L2H2xH2x2L")
_ENTRY_LENGTHS: Final = struct.Struct("<4s24x3H")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_LOCAL_SAME: Final = struct.Struct("<4s4xH16x2H")
_FULL16: Final = 0xFFFF
_FULL32: Final = 0xFFFFFFFF
_ZIP64: Final = 1
_UNICODE_NAME: Final = 0x7075
_UNIX: Final = frozenset({3, 19})  # the systems that write a mode: Unix, macOS

FLAG_ENCRYPTED: Final = 1 << 0
FLAG_DESCRIPTOR: Final = 1 << 3
FLAG_UTF8: Final = 1 << 11


@dataclass(frozen=True, slots=True)
class End:
    """Where the directory lies: `offset` counts from the start of volume `directory_disk`, `disk` is the last one."""

    disk: int
    directory_disk: int
    entries: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Locator:
    """Where the zip64 end record lies, and how many volumes there are."""

    disk: int
    offset: int
    disks: int


class Entry(NamedTuple):
    """One entry of the directory. `offset` of its local header counts from the start of volume `disk`."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    disk: int
    offset: int
    mode: int = 0  # as Unix has it, where the archive was made there
    stamp: int = 0  # MS-DOS's date and time, of whatever zone
    extra: bytes = b""

    @property
    def text(self) -> bytes:
        """The name in UTF-8, where the archive has it twice. Whoever renames an entry may know nothing of that."""
        field = _extra_field(self.extra, _UNICODE_NAME) if self.extra else b""
        if len(field) > 5 and field[0] == 1 and int.from_bytes(field[1:5], "little") == zlib.crc32(self.name):
            return field[5:]
        return b""

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & FLAG_ENCRYPTED)

    def shown(self) -> str:
        """The name for people: old Korean archives write cp949 without saying so."""
        for coding in ("utf-8", "cp949"):
            try:
                return self.name.decode(coding)[:200]
            except UnicodeDecodeError:
                continue
        return self.name.decode("ascii", "backslashreplace")[:200]


class Local(NamedTuple):
    """A local header: `length` with name and extra field, after which the data begins.

    `packed` and `size` count for nothing where a descriptor follows the data. `is_wide`: it has 64-bit sizes.
    """

    name: bytes
    method: int
    length: int
    flags: int
    packed: int
    size: int
    is_wide: bool

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & FLAG_ENCRYPTED)

    @property
    def has_descriptor(self) -> bool:
        return bool(self.flags & FLAG_DESCRIPTOR)


def bad(why: str) -> ProblemError:
    return ProblemError(Code.BAD_ARCHIVE, why=why)


def find_end(tail: bytes) -> int:
    """Where the end record begins in the last bytes of the archive. One that ends the file is preferred."""
    loose = -1
    at = tail.rfind(_END_SIGNATURE)
    while at >= 0:
        if at + END_SIZE <= len(tail):
            stop = at + END_SIZE + int.from_bytes(tail[at + 20 : at + 22], "little")
            if stop == len(tail):
                return at
            if stop < len(tail) and loose < 0:
                loose = at
        at = tail.rfind(_END_SIGNATURE, 0, at + 3)
    if loose < 0:
        raise bad("no end of directory")
    return loose


def parse_end(record: bytes) -> End:
    _, disk, directory_disk, _, entries, size, offset, _ = _END.unpack(record)
    return End(disk, directory_disk, entries, size, offset)


def parse_locator(record: bytes) -> Locator | None:
    signature, disk, offset, disks = _LOCATOR.unpack(record)
    return Locator(disk, offset, disks) if signature == _LOCATOR_SIGNATURE else None


def parse_end64(record: bytes) -> End | None:
    signature, _, _, _, disk, directory_disk, _, entries, size, offset = _END64.unpack(record)
    return End(disk, directory_disk, entries, size, offset) if signature == _END64_SIGNATURE else None


def entry_length(data: bytes, at: int = 0) -> int:
    """The length of the whole record that begins at `at`, of which `ENTRY_SIZE` bytes are in `data`."""
    signature, name, extra, comment = _ENTRY_LENGTHS.unpack_from(data, at)
    if signature != ENTRY_SIGNATURE:
        raise bad("the directory is broken")
    return ENTRY_SIZE + int(name + extra + comment)


def parse_entry(data: bytes, at: int = 0) -> Entry:
    """The record that begins at `at`; all of it is in `data`."""
    fields = _ENTRY.unpack_from(data, at)
    made_by, flags, method, clock, date, crc, packed, size, name_length, extra_length, disk, mode, offset = fields
    start = at + ENTRY_SIZE
    stop = start + name_length
    name = data[start:stop]
    mode = mode >> 16 if made_by >> 8 in _UNIX else 0
    if not extra_length:
        return Entry(name, flags, method, crc, packed, size, disk, offset, mode, date << 16 | clock)
    extra = data[stop : stop + extra_length]
    if _FULL32 in (size, packed, offset) or disk == _FULL16:
        wide = _Wide(_extra_field(extra, _ZIP64))
        # The order is fixed, and only what is saturated is there.
        size = wide.number(size, _FULL32, 8)
        packed = wide.number(packed, _FULL32, 8)
        offset = wide.number(offset, _FULL32, 8)
        disk = wide.number(disk, _FULL16, 4)
    return Entry(name, flags, method, crc, packed, size, disk, offset, mode, date << 16 | clock, extra)


def local_length(fixed: bytes) -> int:
    """The length of the local header that begins with these `LOCAL_SIZE` bytes."""
    if fixed[:4] != LOCAL_SIGNATURE:
        raise bad("no local header")
    name, extra = struct.unpack_from("<2H", fixed, 26)
    return LOCAL_SIZE + int(name + extra)


def header_length(record: bytes, name: bytes, method: int) -> int:
    """The length of the local header of an entry that the directory has by this name and method.

    `record`: its fixed part and as many bytes more as the name has.
    """
    signature, method_here, name_length, extra_length = _LOCAL_SAME.unpack_from(record)
    if signature != LOCAL_SIGNATURE:
        raise bad("no local header")
    if method_here != method or name_length != len(name) or record[LOCAL_SIZE:] != name:
        raise bad("header and directory differ")
    return LOCAL_SIZE + int(name_length + extra_length)


def parse_local(record: bytes) -> Local:
    """`record` as long as `local_length` says."""
    fields = _LOCAL.unpack_from(record)
    flags, method, packed, size, name_length = (fields[i] for i in (2, 3, 7, 8, 9))
    wide = _extra_field(record[LOCAL_SIZE + name_length :], _ZIP64)
    if wide:
        numbers = _Wide(wide)
        size = numbers.number(size, _FULL32, 8)
        packed = numbers.number(packed, _FULL32, 8)
    name = record[LOCAL_SIZE : LOCAL_SIZE + name_length]
    return Local(name, method, len(record), flags, packed, size, bool(wide))


class _Wide:
    """The 64-bit forms of saturated fields, in the order of the record."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, short: int, full: int, width: int) -> int:
        if short != full:
            return short
        if len(self._data) < width:
            # A field that happens to be full without a zip64 record stands for itself.
            return short
        found, self._data = self._data[:width], self._data[width:]
        return int.from_bytes(found, "little")


def _extra_field(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == wanted:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return b""
