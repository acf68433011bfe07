"""Zips of deflated entries, made once: a few contents over and over, `size` bytes altogether; the rest is stored.

What it takes to unpack them goes by their packed bytes: a GB of either takes the same time, whatever comes out.
"""

from __future__ import annotations

import random
import struct
import zlib
from array import array
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple

from .contents import CHUNK, Image, image

_DATE: Final = (2026 - 1980) << 9 | 3 << 5 | 2
_CONTENTS: Final = 4
_SMALL: Final = 64 << 20


class Kind(NamedTuple):
    """`entry`: bytes of an entry, unpacked."""

    name: str
    entry: int
    make: Callable[[random.Random, int], bytes]


class _Entry(NamedTuple):
    crc: int
    length: int
    packed: bytes


def deflated_zip(folder: Path, size: int, kind: Kind) -> Image:
    return image(folder / f"{kind.name}-{size}", size, partial(_zip, size, kind))


def growth(kind: Kind) -> float:
    """How many times as long it is unpacked."""
    entry = _entry(kind, 0, kind.entry)
    return entry.length / len(entry.packed)


def packed(kind: Kind, size: int) -> int:
    """About the size of a zip out of which `size` bytes come."""
    return int(size / growth(kind)) // CHUNK * CHUNK


def _text(dice: random.Random, size: int) -> bytes:
    """Such as labels are, of names and numbers that do not repeat."""
    parts, total = [], 0
    while total < size:
        label, number, place = dice.randbytes(6).hex(), dice.randrange(10**9), dice.random()
        part = f'{{"id": {number}, "라벨": "{label}", "x": {place:.5f}}}\n'.encode()
        parts.append(part)
        total += len(part)
    return b"".join(parts)


def _sound(dice: random.Random, size: int) -> bytes:
    """Samples of 16 bits, 4,000 at a time as loud as 8 to 12 of them can be."""
    parts, total = [], 0
    while total < size:
        quiet = dice.randrange(4, 9)
        part = array("h", [sample >> quiet for sample in array("h", dice.randbytes(8_000))]).tobytes()
        parts.append(part)
        total += len(part)
    return b"".join(parts)


TEXT: Final = Kind("text", 8 << 20, _text)
SOUND: Final = Kind("sound", 2 << 20, _sound)


def _zip(size: int, kind: Kind) -> Iterator[bytes]:
    entries, offset, directory = 0, 0, b""
    blocks = [_entry(kind, seed, (1 << 20) if size < _SMALL else kind.entry) for seed in range(_CONTENTS)]
    left = size - 22
    while True:
        crc, length, packed = blocks[entries % len(blocks)]
        name, method = f"entry-{entries:05}.json".encode(), 8
        cost = 76 + 2 * len(name)
        if left < len(packed) + 2 * cost:
            packed, method = random.Random(size).randbytes(left - cost), 0
            crc, length = zlib.crc32(packed), len(packed)
        facts = struct.pack("<5H3L2H", 20, 0, method, 0, _DATE, crc, len(packed), length, len(name), 0)
        yield b"PK\x03\x04" + facts + name
        yield packed
        directory += b"PK\x01\x02\x14\x00" + facts + struct.pack("<3H2L", 0, 0, 0, 0, offset) + name
        offset += 30 + len(name) + len(packed)
        entries, left = entries + 1, left - len(packed) - cost
        if method == 0:
            break
    yield directory
    yield b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, entries, entries, len(directory), offset, 0)


@cache
def _entry(kind: Kind, seed: int, size: int) -> _Entry:
    content = kind.make(random.Random(seed), size)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return _Entry(zlib.crc32(content), len(content), packer.compress(content) + packer.flush())
