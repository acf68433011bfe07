"""What the headers of objects tell of their content."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naver import Kept

from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.sources.s3.checksums import (
    likely_part_lengths,
    of_etag,
    of_headers,
    of_listing,
    parts_of,
)

BODY = b"what an object holds"
MD5 = hashlib.md5(BODY).hexdigest()
MIB = 1 << 20


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


CRC32 = zlib.crc32(BODY).to_bytes(4, "big")
SHA256 = hashlib.sha256(BODY).digest()


def test_every_declared_checksum_the_strongest_first() -> None:
    headers = {
        "x-amz-checksum-crc32": b64(CRC32),
        "x-amz-checksum-sha256": b64(SHA256),
        "x-amz-checksum-crc64nvme": b64(bytes(range(8))),
        "x-amz-checksum-sha1": b64(hashlib.sha1(BODY).digest()),
        "x-amz-checksum-type": "FULL_OBJECT",
        "etag": f'"{MD5}"',
    }
    assert of_headers(headers) == (
        Checksum(Algorithm.SHA256, SHA256.hex()),
        Checksum(Algorithm.CRC64NVME, "0001020304050607"),
        Checksum(Algorithm.CRC32, CRC32.hex()),
        Checksum(Algorithm.SHA1, hashlib.sha1(BODY).hexdigest()),
        Checksum(Algorithm.MD5, MD5),
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": f"{b64(CRC32)}-3"},
        {"x-amz-checksum-crc32": b64(CRC32), "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-crc32": b64(CRC32), "content-range": "bytes 0-9/20"},
        {"x-amz-checksum-crc32": b64(CRC32[:3])},
        {"x-amz-checksum-crc32": "no base64!"},
        {"x-amz-checksum-crc32": CRC32.hex()},
        {"x-amz-checksum-crc32": "값"},
        {"etag": f'W/"{MD5}"'},
        {"etag": '"a strange one"'},
        {"etag": f'"{MD5}"', "x-amz-server-side-encryption": "aws:kms"},
        {"etag": f'"{MD5}"', "x-amz-server-side-encryption": "aws:kms:dsse"},
        {"etag": f'"{MD5}"', "x-amz-server-side-encryption-customer-algorithm": "AES256"},
        {},
    ],
)
def test_what_is_no_checksum_of_the_whole(headers: dict[str, str]) -> None:
    assert of_headers(headers) == ()


def test_a_range_of_the_whole_and_a_declared_whole_are_believed() -> None:
    found = (Checksum(Algorithm.CRC32, CRC32.hex()),)
    assert of_headers({"x-amz-checksum-crc32": b64(CRC32), "content-range": "bytes 0-19/20"}) == found
    full = {"x-amz-checksum-crc32": b64(CRC32), "content-range": "bytes 0-9/20", "x-amz-checksum-type": "FULL_OBJECT"}
    assert of_headers(full) == found


def test_etags() -> None:
    assert of_headers({"etag": f'"{MD5.upper()}"', "x-amz-server-side-encryption": "AES256"}) == (
        Checksum(Algorithm.MD5, MD5),
    )
    parts = of_etag(f'"{MD5}-17"')
    assert parts == Checksum(Algorithm.ETAG_PARTS, f"{MD5}-17")
    assert parts_of(parts) == 17
    assert of_etag(f'"{MD5}-10001"') is None
    assert of_etag(f'"{MD5}-0"') is None
    assert of_listing(f'"{MD5}"') == ()
    assert of_listing(f'"{MD5}-2"') == (Checksum(Algorithm.ETAG_PARTS, f"{MD5}-2"),)


@given(size=st.integers(0, 1 << 45), count=st.integers(0, 10_001))
def test_every_guess_cuts_into_so_many_parts(size: int, count: int) -> None:
    guesses = likely_part_lengths(size, count)
    assert len(set(guesses)) == len(guesses)
    assert all(-(-size // length) == count for length in guesses)


@pytest.mark.parametrize("length", [mebi * MIB for mebi in (5, 8, 10, 15, 16, 32, 50, 64, 100, 128)])
@given(size=st.integers(1, 1 << 36))
def test_the_usual_lengths_are_among_the_guesses(length: int, size: int) -> None:
    count = -(-size // length)
    if 1 < count <= 10_000:
        assert length in likely_part_lengths(size, count)


def test_lengths_that_grow_with_the_size_are_found() -> None:
    size, length = 3_000_000 * MIB, 301 * MIB  # so that it stays below 10,000 parts
    assert length in likely_part_lengths(size, -(-size // length))


def test_a_guess_proves_an_etag() -> None:
    body = bytes(range(256)) * 41_000  # 10.5 MB
    kept = Kept(body, part=5 * MIB)
    checksum = of_etag(kept.etag)
    assert checksum is not None
    guesses = likely_part_lengths(len(body), parts_of(checksum))
    assert any(Kept(body, part=length).etag == kept.etag for length in guesses)
