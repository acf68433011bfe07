"""The documents of an upload in parts: read, and the one that is written. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.s3.listing import plain_text, quoted_etag, read_document

MIB: Final = 1 << 20
MOST_PARTS: Final = 10_000
LEAST_PART: Final = 5 * MIB  # of every part but the last, everywhere
USUAL_PART: Final = 16 * MIB  # with 8 connections 160 MB are in memory, and a part takes no longer than a blink
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


class SentPart(NamedTuple):
    """A part that the storage has. `sha256` in hex, as it knows it: "" where it tells none."""

    number: int
    size: int
    etag: str
    sha256: str = ""


class Unfinished(NamedTuple):
    """An upload that was begun and never completed. `since`: as the storage tells it."""

    key: str
    upload: str
    since: str


class PartsPage(NamedTuple):
    """One answer to ListParts. `next`: the number to ask on from, 0 at the end."""

    parts: list[SentPart]
    next: int


class UploadsPage(NamedTuple):
    """One answer to ListMultipartUploads. `next`: the markers (key, upload), None at the end."""

    uploads: list[Unfinished]
    next: tuple[str, str] | None


def part_length(size: int, wanted: int = USUAL_PART) -> int:
    """Bytes of each part but the last, so that `size` bytes are at most 10,000 of them."""
    least = -(-size // MOST_PARTS)
    return max(wanted, LEAST_PART, -(-least // MIB) * MIB)


def read_upload(document: bytes) -> str:
    """The upload that was begun. Raises `ProblemError` WRONG_ANSWER."""
    # The latter is how rclone's server spells it.
    read = read_document(document, "InitiateMultipartUploadResult", "InitiateMultipartUpload")
    upload = read.top.get("UploadId", "")
    if not upload:
        raise ProblemError(Code.WRONG_ANSWER, why="no-upload")
    return upload


def read_parts(document: bytes) -> PartsPage:
    """Raises `ProblemError` WRONG_ANSWER."""
    read = read_document(document, "ListPartsResult")
    parts = [
        SentPart(
            _number(record.get("PartNumber", "")),
            _number(record.get("Size", "")),
            quoted_etag(record.get("ETag", "")),
            as_hex(record.get("ChecksumSHA256", "")),
        )
        for kind, record in read.records
        if kind == "Part"
    ]
    is_cut = read.top.get("IsTruncated") == "true" and parts
    return PartsPage(parts, parts[-1].number if is_cut else 0)


def read_uploads(document: bytes) -> UploadsPage:
    """Raises `ProblemError` WRONG_ANSWER."""
    read = read_document(document, "ListMultipartUploadsResult")
    decoded = read.top.get("EncodingType") == "url"
    uploads = [
        Unfinished(
            plain_text(record.get("Key", ""), decoded), record.get("UploadId", ""), record.get("Initiated", "")[:40]
        )
        for kind, record in read.records
        if kind == "Upload"
    ]
    following = (plain_text(read.top.get("NextKeyMarker", ""), decoded), read.top.get("NextUploadIdMarker", ""))
    is_cut = read.top.get("IsTruncated") == "true" and following[0]
    return UploadsPage(uploads, following if is_cut else None)


def completion(parts: Sequence[SentPart], checksums: Sequence[str]) -> bytes:
    """What asks for the parts to become an object, in order. `checksums`: SHA-256 of each in base64, or none at all."""
    rows = []
    for place, part in enumerate(parts):
        checksum = f"<ChecksumSHA256>{checksums[place]}</ChecksumSHA256>" if checksums else ""
        rows.append(f"<Part><PartNumber>{part.number}</PartNumber><ETag>{escape(part.etag)}</ETag>{checksum}</Part>")
    name = 'CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return f"<{name}>{''.join(rows)}</CompleteMultipartUpload>".encode()


def read_completed(document: bytes) -> str:
    """The ETag of the object. Raises `ProblemError` WRONG_ANSWER for anything but the word that it is there: an error
    may come with the status 200, for a storage answers before it has done.
    """
    return quoted_etag(read_document(document, "CompleteMultipartUploadResult").top.get("ETag", ""))


def as_hex(checksum: str) -> str:
    """A SHA-256 as S3 writes it, in hex; "" for what is none."""
    try:
        raw = base64.b64decode(checksum.strip(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 32 else ""


def as_base64(digest: str) -> str:
    """A digest in hex as S3 writes it."""
    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text.strip()):
        raise ProblemError(Code.WRONG_ANSWER, why="part")
    return int(text)
