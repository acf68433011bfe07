"""What the bytes of one whole file prove, gathered while they are read once, in their order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from aihub_desktop.archives.passing import Verdict, look_for
from aihub_desktop.archives.ziparchive import ZipVerdict, recall, verify, volume_count
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.sources.aihub.tarstream import TarReader

# What GNU tar, libarchive and Python fill up with zeros. So it tells where such a tar ends.
TAR_RECORD: Final = 10240
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


class Testimony(NamedTuple):
    """`knows_end`: all is there, as the bytes themselves say. `damage`: what is wrong, "" for nothing."""

    knows_end: bool
    proof: Proof = Proof.LENGTH
    note: str = ""
    damage: str = ""


_NOTHING: Final = Testimony(False)


class Witness(Protocol):
    """Of one kind of file. Neither method raises."""

    def feed(self, data: memoryview) -> None: ...

    def testimony(self) -> Testimony:
        """At the end."""


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
        told = self._witness.testimony() if self._witness is not None else _NOTHING
        if told.damage:
            raise ProblemError(Code.BAD_ARCHIVE, why=told.damage)
        if self._is_zip_too:
            told = Testimony(_is_sound_zip(path, progress, stopped))
        note = "split" if self._is_volume and not self._is_zip else told.note
        return Evidence(self.size, sha256, told.proof, note, told.knows_end)


def _is_sound_zip(path: Path, progress: Callable[[int], None], stopped: Callable[[], bool]) -> bool:
    try:
        return verify(path, progress, stopped).is_sound
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return False


def described(verdict: ZipVerdict) -> str:
    """The first damaged entry, and how many more there are."""
    first = verdict.damaged[0]
    more = verdict.damaged_count - 1
    return f"{first.name}: {first.why}" + (f" (+{more})" if more else "")


def _witness(name: str) -> Witness | None:
    if name.endswith((".gz", ".tgz")):
        return _Gzip(name)
    if name.endswith(".tar"):
        return _Tar(name)
    if name.endswith(".pdf"):
        return _Pdf()
    return _Json() if name.endswith((".json", ".geojson")) else None


class _Gzip:
    """Members one after the other, each with its CRC, and the tar in them."""

    def __init__(self, name: str) -> None:
        self._look = look_for(name)

    def feed(self, data: memoryview) -> None:
        if self._look is not None:
            self._look.feed(data)

    def testimony(self) -> Testimony:
        told = self._look.verdict() if self._look is not None else Verdict(Proof.LENGTH)
        return Testimony(told.proof is Proof.ARCHIVE, told.proof, told.note, told.damage)


class _Tar(_Gzip):
    """Its own end says that it is whole, where it fills the record as nearly all writers do."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._reader: TarReader | None = TarReader()
        self._size = 0

    def feed(self, data: memoryview) -> None:
        super().feed(data)
        self._size += len(data)
        try:
            if self._reader is not None:
                deque(self._reader.feed(data), maxlen=0)
        except ProblemError:
            self._reader = None

    def testimony(self) -> Testimony:
        told = super().testimony()
        if self._reader is None:  # odd, such as another tar behind it, which is no proof that it is damaged
            return Testimony(False, damage=told.damage)
        return told._replace(knows_end=self._reader.at_end and self._size % TAR_RECORD == 0)


class _Json:
    """A text that is cut off is none."""

    def __init__(self) -> None:
        self._text: bytearray | None = bytearray()

    def feed(self, data: memoryview) -> None:
        if self._text is not None:
            self._text += data
            if len(self._text) > _LARGEST_JSON:
                self._text = None

    def testimony(self) -> Testimony:
        if self._text is None or not self._text.lstrip().startswith((b"{", b"[")):
            return _NOTHING  # a number that was cut off is a number still
        try:
            msgspec.json.decode(self._text)
        except msgspec.DecodeError:
            return _NOTHING
        return Testimony(True)


class _Pdf:
    """Begins and ends as every one does."""

    def __init__(self) -> None:
        self._head, self._tail = b"", b""

    def feed(self, data: memoryview) -> None:
        self._head = (self._head + bytes(data[:8]))[:8]
        self._tail = (self._tail + bytes(data[-16:]))[-16:]

    def testimony(self) -> Testimony:
        return Testimony(self._head.startswith(b"%PDF-") and self._tail.rstrip().endswith(b"%%EOF"))
