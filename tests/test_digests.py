"""Every checksum against a reference, in whatever portions the bytes come; and which of them is to be proved."""

from __future__ import annotations

import hashlib
import random
import zlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.transport.digests import Digests, PartsDigest, chosen, digest_of_algorithm

MIB: Final = 1 << 20
CHECK: Final = b"123456789"


def digest(algorithm: Algorithm, data: bytes, cut: int = 1 << 20) -> str:
    made = digest_of_algorithm(algorithm)
    for at in range(0, len(data), cut):
        made.update(memoryview(data)[at : at + cut])
    return made.hexdigest()


def parts_etag(data: bytes, length: int) -> str:
    md5s = [hashlib.md5(data[at : at + length]).digest() for at in range(0, len(data), length)]
    return f"{hashlib.md5(b''.join(md5s)).hexdigest()}-{len(md5s)}"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        (Algorithm.CRC32, "cbf43926"),
        (Algorithm.CRC32C, "e3069283"),
        (Algorithm.CRC64NVME, "ae8b14860a799888"),
        (Algorithm.MD5, "25f9e794323b453885f5181f1b624d0b"),
        (Algorithm.SHA1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        (Algorithm.SHA256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        (Algorithm.SHA512, hashlib.sha512(CHECK).hexdigest()),
    ],
)
def test_known_values(algorithm: Algorithm, value: str) -> None:
    for cut in (1, 2, 4, 100):
        assert digest(algorithm, CHECK, cut) == value


@pytest.mark.parametrize(
    ("algorithm", "value"), [(Algorithm.CRC32, "0" * 8), (Algorithm.CRC32C, "0" * 8), (Algorithm.CRC64NVME, "0" * 16)]
)
def test_of_nothing(algorithm: Algorithm, value: str) -> None:
    assert digest(algorithm, b"") == value


@given(data=st.binary(max_size=3000), cut=st.integers(1, 3000))
def test_as_the_references_have_them(data: bytes, cut: int) -> None:
    assert digest(Algorithm.CRC32, data, cut) == f"{zlib.crc32(data):08x}"
    for algorithm, name in ((Algorithm.MD5, "md5"), (Algorithm.SHA1, "sha1"), (Algorithm.SHA512, "sha512")):
        assert digest(algorithm, data, cut) == hashlib.new(name, data).hexdigest()
    assert digest(Algorithm.CRC32C, data, cut) == f"{_bitwise(data, 0x82F63B78, 32):08x}"


def _bitwise(data: bytes, polynomial: int, bits: int) -> int:
    value = mask = (1 << bits) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ mask


@given(data=st.binary(max_size=300))
def test_crc64nvme_bit_by_bit(data: bytes) -> None:
    assert digest(Algorithm.CRC64NVME, data, 7) == f"{_bitwise(data, 0x9A6C9329AC4BC9B5, 64):016x}"


@given(data=st.binary(min_size=1, max_size=3000), length=st.integers(1, 1000), cut=st.integers(1, 3000))
def test_the_etag_of_parts(data: bytes, length: int, cut: int) -> None:
    made = PartsDigest(length)
    for at in range(0, len(data), cut):
        made.update(memoryview(data)[at : at + cut])
    assert made.hexdigest() == parts_etag(data, length)


def test_lengths_of_parts_are_guessed() -> None:
    data = random.Random(7).randbytes(11 * MIB)
    for length in (5 * MIB, 8 * MIB, 10 * MIB, 5_000_000):
        etag = Checksum(Algorithm.ETAG_PARTS, parts_etag(data, length))
        digests = Digests.of([], [etag], len(data))
        digests.update(memoryview(data))
        assert digests.wrong("") is None
        assert digests.note() == "etag-parts"


def test_a_known_length_of_parts_needs_no_guess() -> None:
    data = random.Random(8).randbytes(3 * MIB)
    etag = Checksum(Algorithm.ETAG_PARTS, parts_etag(data, 123_457))
    for length, note in ((123_457, "etag-parts"), (0, "")):
        digests = Digests.of([etag], [], len(data), length)
        digests.update(memoryview(data))
        assert (digests.wrong(""), digests.note()) == (None, note)


@pytest.mark.parametrize("value", ["abc", "abc-", "abc-x", "abc-0", "-", ""])
def test_an_etag_of_parts_that_is_none_proves_nothing(value: str) -> None:
    digests = Digests.of([Checksum(Algorithm.ETAG_PARTS, value)], [], MIB)
    digests.update(memoryview(bytes(MIB)))
    assert (digests.wrong(""), digests.note()) == (None, "")


def test_a_wrong_one_is_found() -> None:
    right = Checksum(Algorithm.MD5, hashlib.md5(CHECK).hexdigest())
    wrong = Checksum(Algorithm.CRC32, "00000000")
    digests = Digests([right, wrong])
    digests.update(memoryview(CHECK))
    assert digests.wrong("") == wrong
    alone = Digests([right])
    alone.update(memoryview(CHECK))
    assert (alone.wrong(""), alone.note()) == (None, "md5")
    sha = Checksum(Algorithm.SHA256, "ab")
    assert Digests([sha]).wrong("ab") is None
    assert Digests([sha]).wrong("cd") == sha


def some(*names: Algorithm) -> list[Checksum]:
    return [Checksum(name, name.value) for name in names]


A = Algorithm


@pytest.mark.parametrize(
    ("told", "heard", "expected"),
    [
        ([], [], []),
        ([A.MD5], [A.SHA256], [A.MD5]),  # what somebody told beforehand is what is wanted
        ([A.MD5, A.SHA256, A.SHA512], [], [A.SHA256, A.SHA512]),
        ([A.MD5, A.SHA1, A.CRC32], [], [A.MD5, A.SHA1, A.CRC32]),
        ([A.ETAG_PARTS], [A.CRC32], [A.CRC32]),
        ([], [A.ETAG_PARTS], []),
        ([], [A.MD5, A.CRC32C], [A.CRC32C]),
        ([], [A.MD5, A.SHA1, A.SHA512, A.CRC32, A.CRC64NVME, A.SHA256], [A.SHA256]),
        ([], [A.ETAG_PARTS, A.MD5], [A.MD5]),
    ],
)
def test_which_are_to_be_proved(told: list[Algorithm], heard: list[Algorithm], expected: list[Algorithm]) -> None:
    assert [one.algorithm for one in chosen(some(*told), some(*heard))] == expected
