"""Files that are written whole or not at all, and lists of JSON lines that are read a line at a time.

Such a list begins with its head, and the head says how many lines follow: one that was cut off is told from a whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, TypeVar

import msgspec

from aihub_desktop.disk.files import OpenFile, disk_error, plain_file, sync_folder
from aihub_desktop.disk.patience import patiently_replace, remove
from aihub_desktop.domain.faults import Code, ProblemError

# Not all that a decoder meets is a DecodeError.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
NEW: Final = ".new"
# A head may hold a batch with its file keys; of everything else a line is a few hundred bytes.
_LONGEST_HEAD: Final = 64 << 20
_LONGEST_LINE: Final = 1 << 20
_BLOCK: Final = 1 << 20

H = TypeVar("H")
L = TypeVar("L")


def write_document(path: Path, blocks: Iterable[bytes]) -> None:
    """Durable under its name when this returns; what had the name is replaced. Raises `ProblemError`."""
    fresh = path.with_name(path.name + NEW)
    try:
        remove(fresh)
        file = OpenFile(fresh, fresh=True)
        try:
            at = 0
            for block in _gathered(blocks):
                file.write_at(at, memoryview(block))
                at += len(block)
            file.sync()
        finally:
            file.close()
        patiently_replace(fresh, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            remove(fresh)
        raise disk_error(error, path) from error


def append_lines(path: Path, lines: Iterable[msgspec.Struct]) -> None:
    """Durable when this returns. What a torn line left before is ended first. Raises `ProblemError`."""
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    is_new = plain_file(path) is None
    try:
        file = OpenFile(path, create=True)
        try:
            size = file.size()
            last = bytearray(1)
            if size and file.read_at(size - 1, memoryview(last)) and last != b"\n":
                text = b"\n" + text
            file.write_at(size, memoryview(text))
            file.sync()
        finally:
            file.close()
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error


def read_appended(path: Path, kind: type[L]) -> list[L]:
    """Those that can be read; none where there is no such file. Raises `ProblemError`."""
    if plain_file(path) is None:
        return []
    decoder, found = msgspec.json.Decoder(kind), []
    try:
        with path.open("rb") as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                with contextlib.suppress(*UNREADABLE):
                    found.append(decoder.decode(line))
    except OSError as error:
        raise disk_error(error, path) from error
    return found


def encoded(head: msgspec.Struct, lines: Iterable[msgspec.Struct]) -> Iterator[bytes]:
    """A list as it is written."""
    yield msgspec.json.encode(head) + b"\n"
    for line in lines:
        yield msgspec.json.encode(line) + b"\n"


class Paper:
    """What is read of one list. A context manager. Raises `ProblemError`: what the disk says, IN_THE_WAY for what is no
    plain file, BAD_DOCUMENT with "line" for what cannot be read, DOCUMENT_NEWER for that of a newer program.
    """

    def __init__(self, path: Path, kind: str, version: int) -> None:
        """`kind`: the key of the head that has the version."""
        self._path, self._kind, self._version = path, kind, version
        self._line = 0
        try:
            if plain_file(path) is None:
                raise FileNotFoundError(2, os.strerror(2), str(path))
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise disk_error(error, path) from error

    def __enter__(self) -> Paper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def head(self, kind: type[H]) -> H:
        line = self._next(_LONGEST_HEAD)
        self._check_version(line)
        return self._decoded(line, msgspec.json.Decoder(kind))

    def lines(self, kind: type[L], count: int) -> Iterator[L]:
        """Exactly `count` of them, and nothing behind them."""
        decoder = msgspec.json.Decoder(kind)
        for _ in range(count):
            yield self._decoded(self._next(_LONGEST_LINE), decoder)
        if self._read(2):
            self._line += 1
            raise self.refusal("document-longer")

    def refusal(self, why: str) -> ProblemError:
        return ProblemError(Code.BAD_DOCUMENT, path=str(self._path), line=self._line, why=why[:200])

    def _check_version(self, line: bytes) -> None:
        try:
            version = msgspec.json.decode(line, type=dict[str, msgspec.Raw]).get(self._kind)
            number = None if version is None else msgspec.json.decode(version, type=int)
        except UNREADABLE:
            number = None
        if number is None:
            raise self.refusal("document-other")
        if number > self._version:
            raise ProblemError(Code.DOCUMENT_NEWER, path=str(self._path))

    def _next(self, longest: int) -> bytes:
        self._line += 1
        line = self._read(longest)
        if not line.endswith(b"\n"):
            raise self.refusal("document-cut" if len(line) < longest else "document-line")
        return line

    def _read(self, longest: int) -> bytes:
        try:
            return self._file.readline(longest)
        except OSError as error:
            raise disk_error(error, self._path) from error

    def _decoded(self, line: bytes, decoder: msgspec.json.Decoder[L]) -> L:
        try:
            return decoder.decode(line)
        except UNREADABLE as error:
            raise self.refusal(str(error)) from None


def _gathered(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines by the megabyte: a write for each would be what costs."""
    held = bytearray()
    for block in blocks:
        held += block
        if len(held) >= _BLOCK:
            yield bytes(held)
            held.clear()
    yield bytes(held)
