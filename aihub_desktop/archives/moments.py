"""When an entry was last written to, in nanoseconds since 1970, from the many ways in which archives say it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

UNKNOWN: Final = 0
_SECOND: Final = 1_000_000_000
_NTFS: Final = 0x000A
_EXTENDED: Final = 0x5455
_TICKS: Final = 10_000_000  # a second
_TICKS_BEFORE_1970: Final = 116_444_736_000_000_000  # since 1601
_LAST: Final = (1 << 63) - 1  # of nanoseconds in 64 bits: the year 2262


def of_zip(stamp: int, extra: bytes) -> int:
    """`stamp`: date and time of MS-DOS, in the zone of whoever packed it, which is taken for ours. UTC in the extra
    field goes before.
    """
    return (_of_fields(extra) if extra else UNKNOWN) or of_dos(stamp)


def of_seconds(seconds: int, nanoseconds: int = 0) -> int:
    """UNKNOWN for what lies before 1970, or where no file system can follow."""
    found = seconds * _SECOND + nanoseconds
    return found if 0 < found <= _LAST else UNKNOWN


def _of_fields(extra: bytes) -> int:
    found = UNKNOWN
    for kind, field in _fields(extra):
        if kind == _NTFS and field[4:8] == b"\1\0\x18\0" and len(field) >= 16:
            seconds, ticks = divmod(int.from_bytes(field[8:16], "little") - _TICKS_BEFORE_1970, _TICKS)
            return of_seconds(seconds, ticks * 100)
        if kind == _EXTENDED and len(field) >= 5 and field[0] & 1:
            found = of_seconds(int.from_bytes(field[1:5], "little", signed=True))
    return found


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        stop = at + 4 + int.from_bytes(extra[at + 2 : at + 4], "little")
        yield int.from_bytes(extra[at : at + 2], "little"), extra[at + 4 : stop]
        at = stop


@lru_cache(1024)
def of_dos(stamp: int) -> int:
    """Neighbours in an archive were often written in the same two seconds."""
    day, clock = stamp >> 16, stamp & 0xFFFF
    month, date = day >> 5 & 15, day & 31
    if not (1 <= month <= 12 and date and clock >> 11 < 24 and (clock >> 5 & 63) < 60):
        return UNKNOWN
    parts = ((day >> 9) + 1980, month, date, clock >> 11, clock >> 5 & 63, (clock & 31) * 2, 0, 0, -1)
    try:
        return of_seconds(int(time.mktime(parts)))
    except (OverflowError, ValueError):
        return UNKNOWN
