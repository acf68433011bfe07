"""What the bytes of one whole file prove, gathered while they are read once, in their order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec
from isal import isal_zlib

from aihub_desktop.archives.inflate import FAILURES
from aihub_desktop.archives.ziparchive import ZipVerdict, recall, verify, volume_count
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.sources.aihub.tarstream import TarReader

# Read by a parser that holds all of it.
_LARGEST_JSON: Final = 8 << 20
# Zips by another name. Whoever opens them may be content with less than we are, so they are not called damaged.
_ZIPS_TOO: Final = (".xlsx", ".docx", ".pptx", ".hwpx", ".npz", ".jar")


class Evidence(NamedTuple):
    """`knows_end`: the bytes themselves say that they are all. `sha256` is always that of the whole file."""

    size: int
    sha256: str
    proof: Proof
    note: str
    knows_end: bool


class Witness(Protocol):
    """Of one kind of file. Neither method raises."""

    def feed(self, data: memoryview) -> None: ...

    def is_sound(self) -> bool | None:
        """At the end: whether all is there and right; None where that cannot be told."""


class Reader:
    """Hears the bytes of one file; `finish` says what they prove. `alone`: not together with volumes of its set."""

    def __init__(self, place: str, *, alone: bool = True) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        name = place.casefold()
        self._is_zip = name.endswith(".zip") and alone
        self._is_zip_too = name.endswith(_ZIPS_TOO)
        self._is_volume = volume_of(place) is not None
        self._zip = ZipStream() if self._is_zip else None
        self._witness = _witness(name)

    def feed(self, data: memoryview) -> None:
        self.size += len(data)
        self._sha256.update(data)
        if self._zip is not None:
            for portion in self._zip.feed(data):
                portion.unpack()
        if self._witness is not None:
            self._witness.feed(data)

    def finish(self, path: Path, progress: Callable[[int], None], stopped: Callable[[], bool]) -> Evidence:
        """`path` holds the bytes that were heard. Raises BAD_ARCHIVE (fact "why"), the disk's codes, `StoppedError`."""
        sha256 = self._sha256.hexdigest()
        if self._is_zip and self._zip is not None:
            if volume_count(path) > 1:
                return Evidence(self.size, sha256, Proof.LENGTH, "split", False)
            verdict = recall(path, self._zip.seen, stopped) or verify(path, progress, stopped)
            if not verdict.is_sound:
                raise ProblemError(Code.BAD_ARCHIVE, why=described(verdict))
            return Evidence(self.size, sha256, verdict.proof, verdict.note, True)
        sound = self._witness.is_sound() if self._witness is not None else None
        if sound is False:
            raise ProblemError(Code.BAD_ARCHIVE, why="cannot be unpacked")
        if self._is_zip_too:
            sound = _is_sound_zip(path, progress, stopped)
        note = "split" if self._is_volume and not self._is_zip else ""
        return Evidence(self.size, sha256, Proof.LENGTH, note, sound is True)


def _is_sound_zip(path: Path, progress: Callable[[int], None], stopped: Callable[[], bool]) -> bool | None:
    try:
        return verify(path, progress, stopped).is_sound or None
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None


def described(verdict: ZipVerdict) -> str:
    """The first damaged entry, and how many more there are."""
    first = verdict.damaged[0]
    more = verdict.damaged_count - 1
    return f"{first.name}: {first.why}" + (f" (+{more})" if more else "")


def _witness(name: str) -> Witness | None:
    if name.endswith((".gz", ".tgz")):
        return _Gzip()
    if name.endswith(".tar"):
        return _Tar()
    if name.endswith(".pdf"):
        return _Pdf()
    return _Json() if name.endswith((".json", ".geojson")) else None


class _Gzip:
    """Members one after the other, each with its CRC."""

    def __init__(self) -> None:
        self._decoder = isal_zlib.decompressobj(wbits=31)
        self._begun = self._ended = self._broken = False
        self._other = False

    def feed(self, data: memoryview) -> None:
        rest: bytes | memoryview = data
        while len(rest) and not (self._broken or self._other):
            if self._ended and self._is_no_member(bytes(rest[:1])):
                return
            rest = self._take(rest)

    def is_sound(self) -> bool | None:
        if self._other or not self._begun:
            return None  # something behind it, or no gzip at all: other programs may know better
        return self._ended and not self._broken

    def _is_no_member(self, first: bytes) -> bool:
        if first == b"\x1f":
            self._decoder, self._ended = isal_zlib.decompressobj(wbits=31), False
            return False
        self._other = True
        return True

    def _take(self, data: bytes | memoryview) -> bytes:
        if not self._begun and bytes(data[:1]) != b"\x1f":
            self._other = True
            return b""
        self._begun = True
        try:
            while True:
                # What comes out is not wanted, only that it comes: a portion at a time, for a bomb is small.
                self._decoder.decompress(bytes(data), 1 << 20)
                data = self._decoder.unconsumed_tail
                if self._decoder.eof or not data:
                    break
        except FAILURES:
            self._broken = True
            return b""
        self._ended = self._decoder.eof
        return self._decoder.unused_data


class _Tar:
    """Its own end says that it is whole. What is odd in a tar is no proof that it is damaged."""

    def __init__(self) -> None:
        self._reader = TarReader()
        self._odd = False

    def feed(self, data: memoryview) -> None:
        if self._odd:
            return
        try:
            deque(self._reader.feed(data), maxlen=0)
        except ProblemError:
            self._odd = True

    def is_sound(self) -> bool | None:
        return True if self._reader.at_end and not self._odd else None


class _Json:
    """A text that is cut off is none."""

    def __init__(self) -> None:
        self._text: bytearray | None = bytearray()

    def feed(self, data: memoryview) -> None:
        if self._text is not None:
            self._text += data
            if len(self._text) > _LARGEST_JSON:
                self._text = None

    def is_sound(self) -> bool | None:
        if self._text is None or not self._text.lstrip().startswith((b"{", b"[")):
            return None  # a number that was cut off is a number still
        try:
            msgspec.json.decode(self._text)
        except msgspec.DecodeError:
            return None
        return True


class _Pdf:
    """Begins and ends as every one does."""

    def __init__(self) -> None:
        self._head, self._tail = b"", b""

    def feed(self, data: memoryview) -> None:
        self._head = (self._head + bytes(data[:8]))[:8]
        self._tail = (self._tail + bytes(data[-16:]))[-16:]

    def is_sound(self) -> bool | None:
        return True if self._head.startswith(b"%PDF-") and self._tail.rstrip().endswith(b"%%EOF") else None
