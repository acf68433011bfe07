"""What the headers of an object tell of its content. Pure.

An ETag is the MD5 of an object that was put in one piece, unless it was encrypted with keys of its owner; of one that
was put in parts it is "HEX-N", the MD5 of the MD5s of N parts, whose length is not told.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from aihub_desktop.domain.model import Algorithm, Checksum

_HEADER: Final = "x-amz-checksum-"
# Bytes of each, so that a part's checksum or a text is not taken for one.
_LENGTHS: Final[dict[str, tuple[Algorithm, int]]] = {
    "sha256": (Algorithm.SHA256, 32),
    "crc64nvme": (Algorithm.CRC64NVME, 8),
    "crc32c": (Algorithm.CRC32C, 4),
    "crc32": (Algorithm.CRC32, 4),
    "sha1": (Algorithm.SHA1, 20),
    "sha512": (Algorithm.SHA512, 64),
    "md5": (Algorithm.MD5, 16),
}
_PLAIN: Final = re.compile(r'"?([0-9a-f]{32})"?', re.IGNORECASE)
_PARTS: Final = re.compile(r'"?([0-9a-f]{32})-([1-9][0-9]{0,4})"?', re.IGNORECASE)
_RANGE: Final = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")

_MIB: Final = 1 << 20
MOST_PARTS: Final = 10_000
# What the common programs cut by, the likeliest first: aws and boto3 8, s3fs and MinIO's client 10 and 16, rclone and
# Hadoop 5, 64, 100 and 128, s5cmd 50, s4cmd and Cyberduck 10, s3cmd 15; some count in millions.
_USUAL_PARTS: Final = (
    *(mebi * _MIB for mebi in (8, 5, 16, 64, 10, 50, 15, 100, 128, 32, 20, 25, 256, 512, 1024, 6, 7, 12, 24, 48, 96)),
    *(mega * 1_000_000 for mega in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 250, 256, 500, 1000)),
)


def of_headers(headers: Mapping[str, str]) -> tuple[Checksum, ...]:
    """Of the whole object, from the header (names in lower case) of an answer to GET or HEAD."""
    found = [*_declared(headers)]
    etag = of_etag(headers.get("etag", "")) if _etag_tells(headers) else None
    if etag is not None and all(checksum.algorithm is not etag.algorithm for checksum in found):
        found.append(etag)
    return tuple(found)


def of_etag(etag: str) -> Checksum | None:
    """MD5 or ETAG_PARTS, for the ETag of an object that is known to have no encryption of its own; None for others."""
    if found := _PLAIN.fullmatch(etag):
        return Checksum(Algorithm.MD5, found[1].lower())
    if (found := _PARTS.fullmatch(etag)) and int(found[2]) <= MOST_PARTS:
        return Checksum(Algorithm.ETAG_PARTS, f"{found[1].lower()}-{found[2]}")
    return None


def of_listing(etag: str) -> tuple[Checksum, ...]:
    """From a list, which does not tell of encryption: only "HEX-N", a mismatch with which proves nothing anyway.

    The MD5 comes with the header of the answer that brings the bytes.
    """
    checksum = of_etag(etag)
    return (checksum,) if checksum is not None and checksum.algorithm is Algorithm.ETAG_PARTS else ()


def parts_of(checksum: Checksum) -> int:
    """N of "HEX-N"."""
    return int(checksum.value.rpartition("-")[2])


def likely_part_lengths(size: int, count: int) -> list[int]:
    """Lengths in bytes that cut `size` bytes into exactly `count` parts, the likeliest first; never an empty guess.

    Beside the usual ones: the least number of whole MiB that does it, as programs that stay below 10,000 parts choose.
    """
    if count < 1 or size < count:
        return []
    if count == 1:
        return [size]
    least = -(-size // count)
    rounded = -(-least // _MIB) * _MIB
    lengths = dict.fromkeys((*_USUAL_PARTS, rounded, least))
    return [length for length in lengths if -(-size // length) == count]


def _declared(headers: Mapping[str, str]) -> list[Checksum]:
    kind = headers.get(f"{_HEADER}type", "").strip().upper()
    if kind == "COMPOSITE" or (kind != "FULL_OBJECT" and _is_part(headers)):
        return []
    found = []
    for name, (algorithm, length) in _LENGTHS.items():
        raw = _decoded(headers.get(f"{_HEADER}{name}", ""))
        if len(raw) == length:
            found.append(Checksum(algorithm, raw.hex()))
    return found


def _decoded(text: str) -> bytes:
    """b"" for what is no base64: "…-N" is a checksum of the parts' checksums."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_part(headers: Mapping[str, str]) -> bool:
    """Whether the answer is of a part of the object; some storages then give the checksum of that part."""
    found = _RANGE.fullmatch(headers.get("content-range", ""))
    return found is not None and int(found[2]) - int(found[1]) + 1 != int(found[3])


def _etag_tells(headers: Mapping[str, str]) -> bool:
    if "x-amz-server-side-encryption-customer-algorithm" in headers:
        return False
    return not headers.get("x-amz-server-side-encryption", "").lower().startswith("aws:kms")
