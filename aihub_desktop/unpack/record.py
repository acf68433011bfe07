"""What was unpacked from what: FOLDER/.aihub/unpacked/ID.jsonl, append-only lines, each with its own checksum.

    1a2b3c4d {"line":"head","version":1,"place":"a/TL1.zip","fingerprint":"…","into":"a/TL1"}
    5e6f7a8b {"line":"done","files":[[0,"a/TL1/1.json",312,912873421,"",0], …]}
    9c0d1e2f {"line":"over","entries":312,"bytes":97344,"refused":0}
    …        {"line":"leaving","volumes":["TL1.z01","TL1.zip"]}

A line is appended only when the files that it names are durable under their final names. A torn last line is cut off;
files that no line names are proved by their bytes.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import xxhash

from aihub_desktop.disk.files import OpenFile, disk_error, make_folders, plain_file, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.transport.ledger import own_folder

VERSION: Final = 1
FOLDER: Final = "unpacked"
_SUFFIX: Final = ".jsonl"
_LONGEST_LINE: Final = 64 << 20  # four thousand files with the longest names are a tenth of it


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file that stands on disk, whole and verified. `number` of its entry; `sha256` "" where it was not needed.

    `modified`: the file's own time then, in nanoseconds since 1970; 0 where it is not known, as in old records.
    """

    number: int
    place: str
    size: int
    crc: int
    sha256: str = ""
    modified: int = 0


class Line(msgspec.Struct, frozen=True, tag_field="line", tag=str.lower):
    """One line."""


class Head(Line, frozen=True):
    """`place` of the archive, relative to the folder or absolute if it lies elsewhere; `into`: where its files lie."""

    version: int
    place: str
    fingerprint: str
    into: str


class Done(Line, frozen=True):
    files: list[Standing]


class Over(Line, frozen=True):
    """Everything that was wanted stands. `refused`: entries that do not."""

    entries: int
    bytes: int
    refused: int


class Leaving(Line, frozen=True):
    """The ledger knows of every file: these volumes, absolute or relative to the folder, are no longer needed."""

    volumes: list[str]


AnyLine = Head | Done | Over | Leaving
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(AnyLine)


class UnpackedPlace(NamedTuple):
    """A file that was unpacked: `archive` as its record names it."""

    place: str
    size: int
    crc: int
    sha256: str
    archive: str


def unpacked_places(folder: Path) -> Iterator[UnpackedPlace]:
    """What was unpacked in `folder`, as far as its records tell, one record after the other; a place may come again.

    Raises `ProblemError`: IN_THE_WAY, what the disk says.
    """
    try:
        names = sorted(os.listdir(own_folder(folder) / FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise disk_error(error) from error
    for name in names:
        if name.endswith(_SUFFIX):
            archive = ""
            for line, _ in read_lines(own_folder(folder) / FOLDER / name):
                if isinstance(line, Head):
                    archive = line.place
                elif isinstance(line, Done):
                    yield from (UnpackedPlace(one.place, one.size, one.crc, one.sha256, archive) for one in line.files)


def record_path(folder: Path, place: str, into: str) -> Path:
    """Of the archive at `place` that is unpacked to `into`. Raises `ProblemError` IN_THE_WAY."""
    return own_folder(folder) / FOLDER / (xxhash.xxh3_64_hexdigest(f"{place}\n{into}".encode()) + _SUFFIX)


def read_lines(path: Path) -> Iterator[tuple[AnyLine, int]]:
    """The lines up to the first that is not right, each with the length of the record up to its end."""
    if plain_file(path) is None:
        return
    length = 0
    try:
        with path.open("rb") as file:
            while text := file.readline(_LONGEST_LINE):
                line = _decoded(text)
                if line is None or isinstance(line, Head) != (length == 0):
                    return
                length += len(text)
                yield line, length
    except OSError as error:
        raise disk_error(error, path) from error


def _encoded(line: AnyLine) -> bytes:
    text = _encoder.encode(line)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _decoded(text: bytes) -> AnyLine | None:
    if text[-1:] != b"\n" or text[8:9] != b" " or text[:8] != b"%08x" % zlib.crc32(text[9:-1]):
        return None
    try:
        line = _decoder.decode(text[9:-1])
    except msgspec.DecodeError:
        return None
    return None if isinstance(line, Head) and line.version != VERSION else line


class Marks:
    """Which entries stand, one bit each, as the record of this very archive has it."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.length = 0  # of the record, as far as it is of this archive
        self.over: Over | None = None

    def has(self, number: int) -> bool:
        return number >> 3 < len(self._bits) and bool(self._bits[number >> 3] & 1 << (number & 7))

    def read(self, path: Path, fingerprint: str) -> None:
        """What the record says of another archive counts for nothing. Raises `ProblemError`."""
        for line, length in read_lines(path):
            if isinstance(line, Head) and line.fingerprint != fingerprint:
                return
            self.length = length
            self.take(line)

    def take(self, line: AnyLine) -> None:
        if isinstance(line, Over):
            self.over = line
        elif isinstance(line, Done):
            for one in line.files:
                self._mark(one.number)

    def _mark(self, number: int) -> None:
        at = number >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits) + 1024))
        self._bits[at] |= 1 << (number & 7)


def record_of(folder: Path, place: str, into: str, fingerprint: str) -> Marks:
    """For a look. Raises `ProblemError`."""
    marks = Marks()
    marks.read(record_path(folder, place, into), fingerprint)
    return marks


class Record:
    """The record of one archive and the folder that it is unpacked to, held by one process. A context manager.

    Raises `ProblemError`: IN_USE where another run has it, what the disk says.
    """

    def __init__(self, folder: Path, place: str, into: str) -> None:
        self.path = record_path(folder, place, into)
        self.stage = self.path.with_suffix("")
        own = self.path.parent
        self._head = Head(VERSION, place, "", into)
        self._marks = Marks()
        try:
            make_folders(own)
            _must_be_folder(own)
            fresh = plain_file(self.path) is None
            self._guard = Guard(self.path, fresh=fresh)
            if fresh:
                sync_folder(own)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def close(self) -> None:
        self._guard.release()

    @property
    def over(self) -> Over | None:
        return self._marks.over

    def recall(self, fingerprint: str) -> None:
        """Takes up what the record says of this very archive; what it says of another one is dropped."""
        self._marks.read(self.path, fingerprint)
        self._head = msgspec.structs.replace(self._head, fingerprint=fingerprint)

    def has(self, number: int) -> bool:
        """Whether that entry stands."""
        return self._marks.has(number)

    def standing(self) -> Iterator[Standing]:
        """Every file, as the record has it: the last line of a number counts. Read from disk anew."""
        for line, _ in read_lines(self.path):
            if isinstance(line, Done):
                yield from line.files

    def append(self, line: Done | Over | Leaving) -> None:
        """Durable when this returns. Raises `OSError`."""
        length = self._marks.length
        text = (b"" if length else _encoded(self._head)) + _encoded(line)
        file = OpenFile(self.path)
        try:
            # What follows the last right line is cut off, lest a new line makes an old one readable again.
            file.truncate(length)
            file.write_at(length, memoryview(text))
            file.sync()
        finally:
            file.close()
        self._marks.length += len(text)
        self._marks.take(line)


def _must_be_folder(own: Path) -> None:
    if own.is_symlink() or not own.is_dir():
        raise FileExistsError(17, "not a folder", str(own))
