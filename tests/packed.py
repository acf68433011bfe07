"""Archives for tests: made by other programs, by Python's own modules, and byte by byte where none would make them."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.unpacking import Unpacked, UnpackNews, UnpackWish
from aihub_desktop.unpack.job import Unpacking

DATE = (2026 - 1980) << 9 | 3 << 5 | 2


def tool(name: str) -> str:
    """The path of a program of the system; without it the test is left out."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*words: str | Path, folder: Path) -> None:
    subprocess.run(list(map(str, words)), cwd=folder, check=True, capture_output=True, timeout=60)


def zipped(path: Path, entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info, data


@dataclass(frozen=True, slots=True)
class Raw:
    """An entry written as it is, whatever it says of itself. `at`: where its header is said to begin."""

    name: bytes
    data: bytes = b""
    flags: int = 0
    method: int = 0
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    mode: int = 0
    at: int | None = None
    local_name: bytes | None = None


def raw_zip(path: Path, entries: Sequence[Raw]) -> Path:
    body, directory = b"", b""
    for one in entries:
        packed = one.data if one.packed is None else one.packed
        size = len(one.data) if one.size is None else one.size
        crc = zlib.crc32(one.data) if one.crc is None else one.crc
        local = one.name if one.local_name is None else one.local_name
        facts = (20, one.flags, one.method, 0, DATE, crc, len(packed), size)
        at = len(body) if one.at is None else one.at
        if one.at is None:
            body += b"PK\x03\x04" + struct.pack("<5H3L2H", *facts, len(local), 0) + local + packed
        made_by = 3 << 8 | 20 if one.mode else 20
        directory += b"PK\x01\x02" + struct.pack("<H", made_by)
        directory += struct.pack("<5H3L2H", *facts, len(one.name), 0)
        directory += struct.pack("<3H2L", 0, 0, 0, one.mode << 16, at) + one.name
    end = struct.pack("<4H2LH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)
    return path


def zeros(name: bytes, size: int) -> Raw:
    """An entry that grows a thousandfold, and is what it says."""
    packed, crc = _packed_zeros(size)
    return Raw(name, packed=packed, method=8, size=size, crc=crc)


@cache
def _packed_zeros(size: int) -> tuple[bytes, int]:
    packer, crc = zlib.compressobj(9, zlib.DEFLATED, -15), 0
    portion, packed = bytes(1 << 20), b""
    for _ in range(size >> 20):
        packed += packer.compress(portion)
        crc = zlib.crc32(portion, crc)
    return packed + packer.flush(), crc


def link(target: str) -> Raw:
    return Raw(b"link", target.encode(), mode=stat.S_IFLNK | 0o777)


def unpacked(folder: Path, *places: str, threads: int = 2, floor: int = 0, **wish: object) -> list[Unpacked]:
    """What became of each archive, in the order of the news."""
    news = told(folder, *places, threads=threads, floor=floor, **wish)
    return [one for one in news if isinstance(one, Unpacked)]


def told(folder: Path, *places: str, threads: int = 2, floor: int = 0, **wish: object) -> list[UnpackNews]:
    news: list[UnpackNews] = []
    wished = UnpackWish(str(folder), list(places), **wish)  # type: ignore[arg-type]
    Unpacking(wished, news.append, threads=threads, floor=floor).run()
    return news


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but our own, and nothing that is a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        assert not path.is_symlink(), place
        if path.is_file() and place.parts[0] != OWN_FOLDER:
            found[place.as_posix()] = path.read_bytes()
    return found


def leftovers(folder: Path) -> list[str]:
    """What lies in our own folder beside records and the ledger: nothing, once a run is over."""
    kept = {"manifest-sha256.txt", "log.jsonl"}
    return [
        str(path.relative_to(folder))
        for path in (folder / OWN_FOLDER).rglob("*")
        if not (path.name in kept or path.suffix == ".jsonl" or path.name == "unpacked")
    ]
