"""The values everything else speaks of."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final

import msgspec

HUB: Final = "aihub"
S3: Final = "s3"
WEB: Final = "web"


# Counts that come from outside: neither SQLite nor Qt holds more than 63 bits.
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


# `gc=False` below: these come by the hundred thousand and can hold no cycle. The collector's walks over them held the
# window up for 70 ms at a time.


class SizeRange(msgspec.Struct, frozen=True, gc=False):
    """A size known only as rounded text: the true size, in bytes, lies in `low` ≤ size ≤ `high`.

    `shown` is the text of the source ("47 GB"); an exactly known size has low == high.
    """

    low: Count
    high: Count
    shown: str

    @classmethod
    def exactly(cls, size: int) -> SizeRange:
        """A size that the source gives to the byte."""
        return cls(size, size, f"{size} Byte")

    @property
    def is_unknown(self) -> bool:
        return self == UNKNOWN_SIZE

    def allows(self, size: int) -> bool:
        return self.is_unknown or self.low <= size <= self.high


UNKNOWN_SIZE: Final = SizeRange(0, 0, "")


class Dataset(msgspec.Struct, frozen=True):
    """One entry of a source's list. `package` tells a data package from a dataset: keys may coincide."""

    source: str
    key: str
    title: str
    package: bool = False


class Algorithm(StrEnum):
    """Checksums that a place may give. Values are lower-case hex, but for ETAG_PARTS."""

    MD5 = "md5"
    SHA1 = "sha-1"
    SHA256 = "sha-256"
    SHA512 = "sha-512"
    CRC32 = "crc32"
    CRC32C = "crc32c"
    CRC64NVME = "crc64nvme"
    ETAG_PARTS = "etag-parts"  # "HEX-N": the MD5 of the MD5s of N parts, whose length has to be inferred


class Checksum(msgspec.Struct, frozen=True, gc=False):
    """What a place says that a whole file's checksum is."""

    algorithm: Algorithm
    value: str


class PieceHashes(msgspec.Struct, frozen=True, gc=False):
    """Hashes of a file's pieces of `length` bytes each (the last may be shorter), as Metalink gives them."""

    algorithm: Algorithm
    length: int
    values: list[str]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What a place that serves ranges tells of a file beside its name and size.

    `addresses`: where it can be had, the best first; empty for object storage, where bucket and key say it. They may
    hold signatures: for the queue and for requests only, never for manifests, journals, logs. `etag`: its validator
    when it was listed, with its quotes, "" for none. `part_bytes`: the length of the parts that ETAG_PARTS was made
    of, 0 where it is not known. `alone`: of a hub's file, nobody but these addresses is to be asked for it.
    """

    addresses: tuple[str, ...] = ()
    etag: str = ""
    checksums: tuple[Checksum, ...] = ()
    pieces: PieceHashes | None = None
    part_bytes: int = 0
    alone: bool = False


class RemoteFile(msgspec.Struct, frozen=True, gc=False):
    """A file as the source lists it. `path` is the source's own spelling, parts joined by "/": text, not a path.

    `origin` None: a file of the hub, which comes in streams. Otherwise it can be asked for in ranges:

    source "s3": `dataset` is "ENDPOINT/BUCKET" (`storage.container`), `key` the object's key.
    source "web": `dataset` is "", `key` the first address without what is secret or passing in it.
    source "aihub": a machine of the lab has it, and gives it to whoever has its token (`domain.sharing`).
    """

    source: str
    dataset: str
    key: str
    path: str
    size: SizeRange
    package: bool = False
    origin: Origin | None = None

    @property
    def is_of_lab(self) -> bool:
        """A file of the hub that another machine of the lab gives."""
        return self.source == HUB and self.origin is not None

    @property
    def lab(self) -> str:
        """The address of that machine; "" for none."""
        if not self.is_of_lab or self.origin is None or not self.origin.addresses:
            return ""
        return "/".join(self.origin.addresses[0].split("/", 3)[:3])

    def as_it_is_now(self) -> RemoteFile:
        """Without what a list once told of its content, for that is another one by now. What was promised (a checksum,
        the hashes of its pieces, and the size with them) still holds.
        """
        if self.origin is None:
            return self
        promised = tuple(one for one in self.origin.checksums if one.algorithm is not Algorithm.ETAG_PARTS)
        origin = msgspec.structs.replace(self.origin, etag="", checksums=promised, part_bytes=0)
        size = self.size if promised or origin.pieces is not None else UNKNOWN_SIZE
        return msgspec.structs.replace(self, size=size, origin=origin)


class Piece(msgspec.Struct, frozen=True, order=True):
    """Bytes start ≤ i < stop of a file, durable on disk; `digest` is their XXH3-128 in hex.

    The digest tells a changed source or a decayed disk, not an attacker: SHA-256 of the file does that.
    """

    start: int
    stop: int
    digest: str = ""


class Secret:
    """Text that shows itself nowhere by accident. `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def masked(self) -> str:
        """Enough for its owner to recognise it: "1a2b…9f", or dots alone for a short one."""
        return f"{self._text[:4]}…{self._text[-2:]}" if len(self._text) >= 16 else "…"

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


_KEY: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def looks_like_key(text: str) -> bool:
    """The hub's keys are UUIDs of 36 signs."""
    return _KEY.fullmatch(text) is not None
