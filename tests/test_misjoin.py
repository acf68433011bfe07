"""The right order of pieces that were merged in a wrong one, also at the hub's own sizes."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from leavings import SEED, archive

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.archives.ziparchive import verify
from aihub_desktop.holdings.cuts import Cut, textual_orders
from aihub_desktop.holdings.misjoin import right_orders

GIB = 1 << 30


def merged(data: bytes, length: int, order: list[int]) -> bytes:
    pieces = [data[at : at + length] for at in range(0, len(data), length)]
    return b"".join(pieces[place] for place in order)


def orders_of(data: bytes, path: Path, hints: tuple[int, ...] = ()) -> list[bytes]:
    path.write_bytes(data)
    found = []
    for extents in right_orders(path, len(data), hints):
        with Volumes([extents]) as data_of:
            found.append(data_of.read(0, data_of.size))
    return found


def test_any_order_of_pieces_of_any_length(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    for _ in range(60):
        length = dice.choice([16384, 30_000, 65536, 100_000])
        count = dice.randrange(2, 25)
        data = archive((count - 1) * length + dice.randrange(length // 4, length), dice.randrange(1 << 30))
        order = list(range(-(-len(data) // length)))
        dice.shuffle(order)
        if order != sorted(order):
            assert data in orders_of(merged(data, length, order), tmp_path / "a.zip"), (length, order)


def test_what_does_not_fit_is_no_order(tmp_path: Path) -> None:
    data = archive(500_000)
    assert orders_of(data[:-30], tmp_path / "a.zip") == []
    assert orders_of(random.Random(SEED).randbytes(300_000), tmp_path / "a.zip") == []
    assert orders_of(b"", tmp_path / "a.zip") == []
    assert orders_of(b"PK\x05\x06" * 5000, tmp_path / "a.zip") == []


def test_few_headers_leave_several_orders_of_which_one_is_right(tmp_path: Path) -> None:
    data = archive(11 * 65536 + 900, entries=2)
    order = sorted(range(12), key=str)
    found = orders_of(merged(data, 65536, order), tmp_path / "a.zip")
    assert data in found
    path = tmp_path / "b.zip"
    sound = []
    for one in found:
        path.write_bytes(one)
        if verify(path).is_sound:
            sound.append(one)
    assert set(sound) == {data}


@pytest.mark.parametrize("count", [11, 12, 13, 25, 101, 131])
def test_the_hubs_own_pieces(tmp_path: Path, count: int) -> None:
    """Holes in a file stand for 1 GiB pieces: of 131 GiB only headers are looked at."""
    size = (count - 1) * GIB + 12_345_678
    path = tmp_path / "large.zip"
    (order,) = list(textual_orders(count, GIB))[:1]
    cut = Cut(size, GIB, order[-1])
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in zip_of_holes(size):
            for place, byte in enumerate(data):
                piece, inner = divmod(at + place, GIB)
                file.seek(cut.start(order[piece]) + inner)
                file.write(bytes([byte]))
    assert path.stat().st_size == size
    found = right_orders(path, size)
    assert found == [cut.extents(path, order)]
    assert sum(extent.length for extent in found[0]) == size
    assert found[0][0] == Extent(path, 0, GIB)


def zip_of_holes(size: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of all that is no zero in a zip64 of stored zeros, about 300 MB each."""
    each, at, directory = 300_000_000, 0, b""
    crc = zlib.crc32(b"")
    number = 0
    while at + each + 4096 < size - 200_000:
        name = f"{number:06}.wav".encode()
        yield at, struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, crc, each, each, len(name), 0) + name
        extra = struct.pack("<HHQ", 1, 8, at)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, crc, each, each, len(name), len(extra), 0, 0, 0, 0,
            0xFFFFFFFF,
        ) + name + extra  # fmt: skip
        at += 30 + len(name) + each
        number += 1
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, number, number, len(directory),
        start := size - len(directory) - 56 - 20 - 22,
    )  # fmt: skip
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, number, number, len(directory), 0xFFFFFFFF, 0)
    yield start, directory + end64 + locator + end
