"""The checksums that places give, computed while a file is read in order, and which of them proves it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from isal import isal_zlib

from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.sources.s3.checksums import likely_part_lengths


class Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Crc:
    """A cyclic redundancy check. `step(data, before)` gives the next value."""

    def __init__(self, step: Callable[[memoryview, int], int], digits: int) -> None:
        self._step = step
        self._digits = digits
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:0{self._digits}x}"


class PartsDigest:
    """The ETag of an object that was uploaded in parts of `length` bytes: the MD5 of their MD5s, and their number."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._left = length
        self._part = hashlib.md5(usedforsecurity=False)
        self._done: list[bytes] = []

    def update(self, data: memoryview, /) -> None:
        while data:
            self._part.update(data[: self._left])
            count = min(self._left, len(data))
            self._left -= count
            data = data[count:]
            if not self._left:
                self._done.append(self._part.digest())
                self._part, self._left = hashlib.md5(usedforsecurity=False), self._length

    def hexdigest(self) -> str:
        parts = self._done + ([self._part.digest()] if self._left < self._length else [])
        return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def _crc32c(data: memoryview, before: int) -> int:
    from awscrt import checksums  # noqa: PLC0415 - 12 MB that only files with such a checksum need

    return int(checksums.crc32c(data, before))


def _crc64nvme(data: memoryview, before: int) -> int:
    from awscrt import checksums  # noqa: PLC0415

    return int(checksums.crc64nvme(data, before))


_MAKERS: Final[dict[Algorithm, Callable[[], Digest]]] = {
    Algorithm.MD5: lambda: hashlib.md5(usedforsecurity=False),
    Algorithm.SHA1: lambda: hashlib.sha1(usedforsecurity=False),
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.SHA512: hashlib.sha512,
    Algorithm.CRC32: lambda: Crc(isal_zlib.crc32, 8),
    Algorithm.CRC32C: lambda: Crc(_crc32c, 8),
    Algorithm.CRC64NVME: lambda: Crc(_crc64nvme, 16),
}
# Of what a server says by itself one is enough: the strongest that costs nothing more comes first, MD5 at the end.
_PREFERRED: Final = (
    Algorithm.SHA256,
    Algorithm.CRC64NVME,
    Algorithm.CRC32C,
    Algorithm.CRC32,
    Algorithm.SHA512,
    Algorithm.SHA1,
    Algorithm.MD5,
    Algorithm.ETAG_PARTS,
)

# Each costs an MD5 of the whole file.
_MOST_GUESSES: Final = 3


def digest_of_algorithm(algorithm: Algorithm) -> Digest:
    """A fresh one of any but ETAG_PARTS."""
    return _MAKERS[algorithm]()


def chosen(told: Iterable[Checksum], heard: Iterable[Checksum]) -> list[Checksum]:
    """Which checksums are to be proved: all that somebody `told` beforehand, else the best that the place let `heard`.

    What needs no guess; ETAG_PARTS is looked at only where there is nothing else.
    """
    known = [one for one in told if one.algorithm is not Algorithm.ETAG_PARTS]
    strong = [one for one in known if one.algorithm in (Algorithm.SHA256, Algorithm.SHA512)]
    if strong or known:
        return strong or known
    others = [one for one in heard if one.algorithm is not Algorithm.ETAG_PARTS]
    others.sort(key=lambda one: _PREFERRED.index(one.algorithm))
    return others[:1]


class Digests:
    """Of one file, read in order from its start. SHA-256 is computed elsewhere in any case, and told at the end."""

    def __init__(self, checksums: list[Checksum], parts: Checksum | None = None, lengths: Iterable[int] = ()) -> None:
        """`parts`: an ETag of parts that are of one of these `lengths`, if the guess is right."""
        self._checksums = checksums
        self._parts = parts
        self._guesses = [PartsDigest(length) for length in lengths] if parts else []
        self._digests: dict[Algorithm, Digest] = {
            one.algorithm: _MAKERS[one.algorithm]() for one in checksums if one.algorithm is not Algorithm.SHA256
        }

    @classmethod
    def of(cls, told: Iterable[Checksum], heard: Iterable[Checksum], size: int, part_bytes: int = 0) -> Digests:
        """For a file of `size` bytes; `part_bytes` where the length of its parts is known."""
        told, heard = list(told), list(heard)
        checksums = chosen(told, heard)
        parts = next((one for one in (*told, *heard) if one.algorithm is Algorithm.ETAG_PARTS), None)
        if checksums or parts is None:
            return cls(checksums)
        text = parts.value.rpartition("-")[2]
        count = int(text) if text.isascii() and text.isdigit() else 0
        guesses = [part_bytes] if part_bytes else likely_part_lengths(size, count)[:_MOST_GUESSES]
        return cls([], parts, guesses)

    def update(self, data: memoryview) -> None:
        for digest in (*self._digests.values(), *self._guesses):
            digest.update(data)

    def wrong(self, sha256: str) -> Checksum | None:
        """The first that is not right. A guess that fits none proves nothing either way."""
        found = {algorithm: digest.hexdigest() for algorithm, digest in self._digests.items()}
        found[Algorithm.SHA256] = sha256
        return next((one for one in self._checksums if found[one.algorithm] != one.value), None)

    def note(self) -> str:
        """What proves the file when nothing is `wrong`; "" where nothing does."""
        if self._parts and any(guess.hexdigest() == self._parts.value for guess in self._guesses):
            return Algorithm.ETAG_PARTS.value
        return ", ".join(one.algorithm.value for one in self._checksums)
