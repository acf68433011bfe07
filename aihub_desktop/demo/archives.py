"""Archives as the hub's datasets hold them, odd ones too. The zip writer is our own, for the standard library's
writes neither split sets nor names of code page 949 without the UTF-8 flag. Layout: PKWARE's APPNOTE 6.3.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_SPANNED: Final = b"PK\x07\x08"
_DATE: Final = (2026 - 1980) << 9 | 3 << 5 | 2  # 2 March 2026, the same in every run
_UTF8: Final = 0x800
_DESCRIPTOR: Final = 0x8
_MAX32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file inside a zip. `descriptor`: its sizes follow the data, as streaming writers leave them."""

    name: str
    data: bytes
    deflated: bool = False
    encoding: str = "utf-8"
    descriptor: bool = False
    zip64: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry that has been written: where its header lies, and what the directory says of it."""

    entry: Entry
    crc: int
    packed: int
    disk: int
    offset: int


class _Volumes:
    """Bytes dealt out to volumes. A record stays whole, data may run over the edge."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self.done: list[bytes] = []
        self.current = bytearray(_SPANNED if limit else b"")

    @property
    def place(self) -> tuple[int, int]:
        return len(self.done), len(self.current)

    def record(self, record: bytes) -> tuple[int, int]:
        """Writes `record` in one volume; (volume, offset) of its first byte."""
        if self._limit and self.current and len(self.current) + len(record) > self._limit:
            self._turn()
        place = self.place
        self.current += record
        return place

    def data(self, data: bytes) -> None:
        rest = memoryview(data)
        while self._limit and len(rest) > (room := self._limit - len(self.current)):
            self.current += rest[:room]
            rest = rest[room:]
            self._turn()
        self.current += rest

    def _turn(self) -> None:
        self.done.append(bytes(self.current))
        self.current = bytearray()


def zipped(entries: Iterable[Entry]) -> bytes:
    """One zip. Entries with `zip64` get 64-bit fields however small they are."""
    return _written(list(entries), None)[0]


def split_zip(stem: str, entries: Iterable[Entry], limit: int) -> dict[str, bytes]:
    """A zip in volumes of at most `limit` bytes: {"stem.z01": …, "stem.z02": …, …, "stem.zip": …}."""
    volumes = _written(list(entries), limit)
    names = [f"{stem}.z{number:02}" for number in range(1, len(volumes))]
    return dict(zip([*names, f"{stem}.zip"], volumes, strict=True))


def _written(entries: list[Entry], limit: int | None) -> list[bytes]:
    volumes = _Volumes(limit)
    placed = [_put(volumes, entry) for entry in entries]
    directory = [_directory_entry(item) for item in placed]
    # The directory and its end stay together in the last volume: then one offset describes them.
    length = sum(map(len, directory))
    wide = any(entry.zip64 for entry in entries)
    disk, offset = volumes.record(b"".join(directory) + bytes(22 + (76 if wide else 0)))
    del volumes.current[offset + length :]
    if wide:
        volumes.current += _end64(len(entries), length, disk, offset)
    volumes.current += _end(len(entries), length, disk, offset)
    return [*volumes.done, bytes(volumes.current)]


def _put(volumes: _Volumes, entry: Entry) -> _Placed:
    crc = zlib.crc32(entry.data)
    data = _deflated(entry.data) if entry.deflated else entry.data
    name, flags, version = _head(entry)
    shown = (0, 0, 0) if entry.descriptor else (crc, len(data), len(entry.data))
    extra = b""
    if entry.zip64:
        extra = struct.pack("<HHQQ", 1, 16, shown[2], shown[1])
        shown = (shown[0], _MAX32, _MAX32)
    header = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", version, flags, 8 if entry.deflated else 0, 0, _DATE, *shown, len(name), len(extra)
    )
    disk, offset = volumes.record(header + name + extra)
    volumes.data(data)
    if entry.descriptor:
        sizes = struct.pack("<QQ" if entry.zip64 else "<LL", len(data), len(entry.data))
        volumes.record(b"PK\x07\x08" + struct.pack("<L", crc) + sizes)
    return _Placed(entry, crc, len(data), disk, offset)


def _head(entry: Entry) -> tuple[bytes, int, int]:
    """The entry's name, flags and the version needed to read it."""
    marked = _UTF8 if entry.encoding == "utf-8" and not entry.name.isascii() else 0
    return (
        entry.name.encode(entry.encoding),
        marked | (_DESCRIPTOR if entry.descriptor else 0),
        45 if entry.zip64 else 20,
    )


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _directory_entry(placed: _Placed) -> bytes:
    entry = placed.entry
    name, flags, version = _head(entry)
    packed, size, offset, extra = placed.packed, len(entry.data), placed.offset, b""
    if entry.zip64:
        extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset)
        packed = size = offset = _MAX32
    numbers = struct.pack(
        "<4s6H3L5H2L",
        *(b"PK\x01\x02", version, version, flags, 8 if entry.deflated else 0, 0, _DATE),
        *(placed.crc, packed, size, len(name), len(extra), 0, placed.disk, 0, 0, offset),
    )
    return numbers + name + extra


def _end(count: int, length: int, disk: int, offset: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, count, count, length, offset, 0)


def _end64(count: int, length: int, disk: int, offset: int) -> bytes:
    numbers = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, disk, disk, count, count, length, offset)
    return numbers + struct.pack("<4sLQL", b"PK\x06\x07", disk, offset + length, disk + 1)


def tarred(files: Mapping[str, bytes], *, gzipped: bool = False) -> bytes:
    """A tar of the dataset itself (not the hub's answer), packed by gzip if asked for."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(made.getvalue(), 6, mtime=0) if gzipped else made.getvalue()


def workbook(rows: Iterable[Iterable[str]]) -> bytes:
    """A spreadsheet of one sheet, the least that Office opens."""
    cells = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{_escaped(cell)}</t></is></c>' for cell in row) + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{content}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet.xml" ContentType="{content}.worksheet+xml"/></Types>',
        "_rels/.rels": _relation(f"{relation}/officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relation}"><sheets>'
        '<sheet name="목록" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relation(f"{relation}/worksheet", "sheet.xml"),
        "xl/sheet.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return zipped(Entry(name=name, data=(head + text).encode(), deflated=True) for name, text in parts.items())


def _relation(kind: str, target: str) -> str:
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kind}" Target="{target}"/></Relationships>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def document(line: str) -> bytes:
    """A PDF of one page that shows `line` (ASCII)."""
    text = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(made)}\n%%EOF\n"
    return made + tail.encode()
