"""The journal beside the bytes: what of NAME.part is durable, in append-only lines with their own checksums.

    1a2b3c4d {"line":"identity","version":1,"source":"aihub","dataset":"86","package":false,"key":"7","path":"…", …}
    5e6f7a8b {"line":"span","start":0,"stop":67108864,"digest":"…"}
    9c0d1e2f {"line":"whole","size":67108864,"sha256":"…"}

The eight signs in front are the CRC-32 of the rest of the line. A power cut can tear the last lines: reading ends
at the first one that is not right, and the next append cuts it off. A line is appended only after the bytes that it
claims are durable, and is durable itself before anyone hears of it.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import OpenFile, disk_error, plain_file, sync_folder
from aihub_desktop.disk.patience import contents, remove
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import HUB, Piece
from aihub_desktop.transport.coverage import latest, merged

VERSION: Final = 1
_AHEAD: Final = 4096
_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Line(msgspec.Struct, frozen=True, tag_field="line", tag=str.lower):
    """One line."""


class Identity(Line, frozen=True):
    """What the bytes are bytes of: the first line. `size` is the text that the source showed."""

    version: int
    source: str
    dataset: str
    package: bool
    key: str
    path: str
    size: str

    @classmethod
    def of(cls, work: WorkFile) -> Identity:
        file = work.file
        # Of an address the size may be known at one time and not at another. Of the hub's files what is there is kept,
        # wherever the rest comes from.
        shown = file.size.shown if file.source == HUB else ""
        return cls(VERSION, file.source, file.dataset, file.package, file.key, file.path, shown)


class Span(Line, frozen=True):
    """Bytes start ≤ i < stop are durable; `digest` is their XXH3-128 in hex."""

    start: int
    stop: int
    digest: str


class Validator(Line, frozen=True):
    """Of a file that comes in ranges: its size and validator, as the first answer told them. Later ones must agree."""

    size: int
    etag: str


class WholeLine(Line, frozen=True, tag="whole"):
    """Every byte of the file is durable, the tar's end was seen, the size fits. `place`: in a journal of many files."""

    size: int
    sha256: str
    place: str = ""


AnyLine = Identity | Span | Validator | WholeLine


class JournalState(msgspec.Struct, frozen=True):
    """What a journal claims. `length`: the bytes of it that are right; the next append cuts off what follows."""

    identity: Identity
    pieces: tuple[Piece, ...]
    whole: WholeLine | None
    length: int
    validator: Validator | None = None

    @property
    def bytes(self) -> int:
        return sum(piece.stop - piece.start for piece in self.pieces)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(AnyLine)
# What comes of bytes that are no text, and of a thousand brackets, is no DecodeError.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encoded(line: AnyLine) -> bytes:
    text = _encoder.encode(line)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_lines(data: bytes, *, start: int = 0, until_whole: bool = False) -> tuple[list[AnyLine], int]:
    """The lines from `start` up to the first that is not right, and where that begins. `until_whole`: of one file."""
    lines: list[AnyLine] = []
    length = start
    while (stop := data.find(b"\n", length) + 1) > 0:
        line = _line(data[length : stop - 1])
        if line is None or isinstance(line, Identity) != (not lines):
            break
        lines.append(line)
        length = stop
        if until_whole and isinstance(line, WholeLine):
            break
    return lines, length


def read_journal(path: Path) -> JournalState | None:
    """None where there is no journal, or none whose first line is right. Changes nothing.

    Raises `ProblemError`: IN_THE_WAY for something that is no file, else what the disk says.
    """
    if plain_file(path) is None:
        return None
    try:
        lines, length = read_lines(contents(path))
    except FileNotFoundError:
        return None  # recorded and removed since we looked
    except OSError as error:
        raise disk_error(error, path) from error
    return _state(lines, length) if lines else None


def _state(lines: list[AnyLine], length: int) -> JournalState:
    identity = lines[0]
    assert isinstance(identity, Identity)
    pieces = tuple(latest(Piece(line.start, line.stop, line.digest) for line in lines if isinstance(line, Span)))
    validators = [line for line in lines if isinstance(line, Validator)]
    return JournalState(identity, pieces, _whole(lines[-1], pieces), length, validators[-1] if validators else None)


def read_journals(data: bytes) -> list[tuple[str, JournalState]]:
    """(place, state) of the whole files in a journal of many. Ends at the first line that is not right."""
    found: list[tuple[str, JournalState]] = []
    at = 0
    while at < len(data):
        lines, stop = read_lines(data, start=at, until_whole=True)
        if not lines or not isinstance(last := lines[-1], WholeLine):
            break
        found.append((last.place, _state(lines, stop - at)))
        at = stop
    return found


def discard(spot: Spot) -> None:
    """Drops journal and bytes, the journal first: it never claims bytes that are gone. Raises `ProblemError`."""
    try:
        if remove(spot.journal):
            sync_folder(spot.journal.parent)
        remove(spot.part)
    except OSError as error:
        raise disk_error(error) from error


class Journal:
    """The writing end. Owned by one thread at a time. A few KiB are taken ahead of the lines, as zeros: where the
    disk is full, what came before can still be claimed."""

    def __init__(self, path: Path, identity: Identity, length: int) -> None:
        """`length`: the bytes of it that are right already, 0 for a new one. Nothing is opened yet."""
        self.folder = path.parent
        self.name_is_safe = length > 0  # else the folder must be synced before anything is claimed
        self._path = path
        self._identity = identity
        self._length = length
        self._file: OpenFile | None = None

    def prepare(self) -> None:
        """Takes room on disk for what is to come. Raises `OSError`."""
        self._open()

    def append(self, lines: Iterable[Span | Validator | WholeLine]) -> None:
        """The lines are durable when this returns, though the name of a new journal may not be. Raises `OSError`."""
        file = self._open()
        text = b"".join(encoded(line) for line in lines)
        file.write_at(self._length, memoryview(text))
        file.sync()
        self._length += len(text)
        with contextlib.suppress(OSError):
            self._reserve(file)

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(self._length)
            self._file.close()
            self._file = None

    def _open(self) -> OpenFile:
        if self._file is None:
            self._file = OpenFile(self._path, create=True)
            # What follows the last right line is cut off, lest a new line makes an old one readable again.
            self._file.truncate(self._length)
            if not self._length:
                text = encoded(self._identity)
                self._file.write_at(0, memoryview(text))
                self._length = len(text)
            self._reserve(self._file)
        return self._file

    def _reserve(self, file: OpenFile) -> None:
        size = file.size()
        if size < self._length + _AHEAD // 2:
            file.write_at(size, memoryview(bytes(_AHEAD)))


def _whole(last: AnyLine, pieces: tuple[Piece, ...]) -> WholeLine | None:
    if isinstance(last, WholeLine) and merged(pieces) == ([(0, last.size)] if last.size else []):
        return last
    return None


def _line(text: bytes) -> AnyLine | None:
    if text[8:9] != b" " or text[:8] != b"%08x" % zlib.crc32(text[9:]):
        return None
    try:
        line = _decoder.decode(text[9:])
    except UNREADABLE:
        return None
    match line:
        case Identity(version=version):
            right = version == VERSION
        case Span(start=start, stop=stop, digest=digest):
            right = 0 <= start < stop and _DIGEST.fullmatch(digest) is not None
        case Validator(size=size):
            right = size >= 0
        case WholeLine(size=size, sha256=sha256):
            right = size >= 0 and _SHA256.fullmatch(sha256) is not None
    return line if right else None
