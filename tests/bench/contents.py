"""What the benchmarks transfer: made once, and kept on disk the way it goes over the wire, in HTTP chunks.

A server that makes a tar while it sends takes the time of whoever is measured. So the chunks of a body lie ready,
`FRAME` bytes for every `CHUNK` bytes of content, and what differs between two answers, the tar's header, is a few
chunks of its own.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK: Final = 8192  # as servers of the hub's kind (Tomcat) send them
FRAME: Final = CHUNK + 8
_DATE: Final = (2026 - 1980) << 9 | 3 << 5 | 2


def framed(data: bytes | memoryview) -> bytes:
    """One chunk of HTTP."""
    return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if data else b""


@dataclass(frozen=True, slots=True)
class Image:
    """A body on disk, in chunks. `size` and `sha256` are those of the content without them."""

    path: Path
    size: int
    sha256: str


def stored_zip(folder: Path, size: int, entries: int) -> Image:
    """A zip of stored entries, `size` bytes altogether; the bytes of the entries are random, from a fixed seed."""
    return image(folder / f"zip-{size}-{entries}", size, lambda: _zip(size, entries))


def noise(folder: Path, size: int) -> Image:
    """Random bytes from a fixed seed."""
    return image(folder / f"noise-{size}", size, lambda: _noise(size))


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it is, for servers that give out files."""

    path: Path
    size: int
    sha256: str


def bare(folder: Path, size: int) -> Content:
    """Random bytes from a fixed seed, alone in a folder of their own."""
    path = folder / f"bare-{size}" / f"bench-{size}.bin"
    note = path.parent.with_suffix(".json")
    if not note.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for part in _noise(size):
                digest.update(part)
                file.write(part)
        note.write_text(json.dumps({"sha256": digest.hexdigest()}))
    return Content(path, size, json.loads(note.read_text())["sha256"])


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many files of one size in one folder. `sums`: SHA-256 by name."""

    folder: Path
    size: int
    sums: dict[str, str]


def crowd(folder: Path, count: int, size: int) -> Crowd:
    """Random bytes from fixed seeds, in files whose names do not repeat."""
    place = folder / f"crowd-{count}-{size}"
    note = place.with_suffix(".json")
    if not note.exists():
        place.mkdir(parents=True, exist_ok=True)
        sums = {}
        for seed in range(count):
            data, name = random.Random(seed).randbytes(size), f"file-{seed:06}.bin"
            (place / name).write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        note.write_text(json.dumps(sums))
    return Crowd(place, size, json.loads(note.read_text()))


def _noise(size: int) -> Iterator[bytes]:
    for seed, start in enumerate(range(0, size, 1 << 20)):
        yield random.Random(seed).randbytes(min(1 << 20, size - start))


def _zip(size: int, entries: int) -> Iterator[bytes]:
    names = [f"entry-{number:04}.bin".encode() for number in range(entries)]
    data = size - sum(76 + 2 * len(name) for name in names) - 22  # 30 + 46 bytes of headers each, 22 at the end
    sizes = [data // entries] * (entries - 1)
    sizes.append(data - sum(sizes))
    directory, offset = b"", 0
    for seed, (name, length) in enumerate(zip(names, sizes, strict=True)):
        content = random.Random(seed).randbytes(length)
        facts = struct.pack("<5H3L2H", 20, 0, 0, 0, _DATE, zlib.crc32(content), length, length, len(name), 0)
        yield b"PK\x03\x04" + facts + name
        yield content
        directory += b"PK\x01\x02\x14\x00" + facts + struct.pack("<3H2L", 0, 0, 0, 0, offset) + name
        offset += 30 + len(name) + length
    yield directory
    yield b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, entries, entries, len(directory), offset, 0)


def image(path: Path, size: int, make: Callable[[], Iterable[bytes]]) -> Image:
    """What `make` gives, in chunks, made once. Raises `ValueError` where it is not of `size`."""
    if size % CHUNK:
        raise ValueError(f"{size} is no multiple of {CHUNK}")
    note = path.with_suffix(".json")
    if note.exists():
        return Image(path, size, json.loads(note.read_text())["sha256"])
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunks in _in_chunks(make()):
            digest.update(chunks)
            file.write(b"".join(framed(chunks[at : at + CHUNK]) for at in range(0, len(chunks), CHUNK)))
    if path.stat().st_size != size // CHUNK * FRAME:
        raise ValueError(f"{path.name} came out in another size")
    note.write_text(json.dumps({"sha256": digest.hexdigest()}))
    return Image(path, size, digest.hexdigest())


def _in_chunks(parts: Iterable[bytes]) -> Iterator[memoryview]:
    """The same bytes in views whose sizes are multiples of a chunk."""
    held = b""
    for part in parts:
        held += part
        whole = len(held) // CHUNK * CHUNK
        yield memoryview(held)[:whole]
        held = held[whole:]
