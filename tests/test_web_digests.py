"""Checksums as servers and lists give them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import zlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.sources.web.digests import is_list_of_sums, of_headers, parse_checksum, parse_sums

DATA: Final = b"data"
MD5: Final = Checksum(Algorithm.MD5, hashlib.md5(DATA).hexdigest())
SHA1: Final = Checksum(Algorithm.SHA1, hashlib.sha1(DATA).hexdigest())
SHA256: Final = Checksum(Algorithm.SHA256, hashlib.sha256(DATA).hexdigest())
SHA512: Final = Checksum(Algorithm.SHA512, hashlib.sha512(DATA).hexdigest())
CRC32: Final = Checksum(Algorithm.CRC32, f"{zlib.crc32(DATA):08x}")
CRC32C: Final = Checksum(Algorithm.CRC32C, "0badf00d")
CRC64: Final = Checksum(Algorithm.CRC64NVME, "0badf00d0badf00d")


def b64(checksum: Checksum) -> str:
    return base64.b64encode(bytes.fromhex(checksum.value)).decode()


@pytest.mark.parametrize(
    ("headers", "checksums"),
    [
        ({}, ()),
        ({"repr-digest": f"sha-256=:{b64(SHA256)}:"}, (SHA256,)),
        ({"repr-digest": f"md5=:{b64(MD5)}:, sha-512=:{b64(SHA512)}:;x=1 , adler=:AAAA:"}, (SHA512, MD5)),
        ({"content-digest": f"sha-256=:{b64(SHA256)}:"}, (SHA256,)),
        ({"content-digest": f"sha-256=:{b64(SHA256)}:", "content-range": "bytes 0-3/9"}, ()),
        ({"repr-digest": f"sha-256=:{b64(SHA256)}:", "content-range": "bytes 0-3/9"}, (SHA256,)),
        ({"digest": f"SHA-256={b64(SHA256)},MD5={b64(MD5)},SHA={b64(SHA1)},unixsum=1"}, (SHA256, SHA1, MD5)),
        ({"content-md5": b64(MD5)}, (MD5,)),
        ({"content-md5": b64(MD5), "content-range": "bytes 0-3/4"}, ()),
        ({"x-goog-hash": f"crc32c={b64(CRC32C)}, md5={b64(MD5)}"}, (MD5, CRC32C)),
        ({"x-goog-hash": f"md5={b64(MD5)}", "x-goog-stored-content-encoding": "gzip"}, ()),
        ({"x-amz-checksum-crc64nvme": b64(CRC64), "x-amz-checksum-type": "FULL_OBJECT"}, (CRC64,)),
        ({"x-amz-checksum-sha256": f"{b64(SHA256)}-3"}, ()),
        ({"x-amz-checksum-sha256": b64(SHA256), "x-amz-checksum-type": "COMPOSITE"}, ()),
        ({"x-amz-checksum-sha256": b64(SHA256), "content-range": "bytes 0-3/9"}, ()),
        ({"x-amz-checksum-crc32": b64(CRC32), "x-amz-checksum-sha1": b64(SHA1)}, (SHA1, CRC32)),
        ({"x-ms-blob-content-md5": b64(MD5), "content-range": "bytes 0-3/9"}, (MD5,)),
        # malformed
        ({"repr-digest": f"sha-256={b64(SHA256)}"}, ()),
        ({"repr-digest": "sha-256=:AAAA:"}, ()),
        ({"repr-digest": f"sha-256=:{b64(MD5)}:, md5=:!:, sha=:{b64(SHA1)}:"}, (SHA1,)),
        ({"content-md5": SHA256.value, "digest": "=,,=;", "x-goog-hash": "md5"}, ()),
    ],
)
def test_checksums_of_headers(headers: dict[str, str], checksums: tuple[Checksum, ...]) -> None:
    assert of_headers(headers) == checksums


@given(st.dictionaries(st.sampled_from(["repr-digest", "digest", "content-md5", "x-goog-hash"]), st.text()))
def test_no_header_is_an_error(headers: dict[str, str]) -> None:
    of_headers(headers)


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        (f"{SHA256.value}  a.zip\n", {"a.zip": SHA256}),
        (f"{SHA256.value} *a.zip\r\n{MD5.value}  b c.zip\r\n", {"a.zip": SHA256, "b c.zip": MD5}),
        (f"{SHA1.value.upper()}  ./d/가.zip", {"d/가.zip": SHA1}),
        (f"{SHA512.value}   a", {" a": SHA512}),
        (f"{MD5.value}\ta.zip", {"a.zip": MD5}),
        (f"\\{MD5.value}  a\\\\b\\nc", {"a\\b\nc": MD5}),
        (f"SHA256 (a (1).zip) = {SHA256.value}\nMD5 (b) = {MD5.value}\n", {"a (1).zip": SHA256, "b": MD5}),
        (f"SHA3-256 (a) = {SHA256.value}\nSHA256 (b) = {SHA256.value}", {"b": SHA256}),
        (f"# a list\n\n{MD5.value}  a\n", {"a": MD5}),
        (f"\ufeff{MD5.value}  a", {"a": MD5}),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
            f"{MD5.value}  a\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n",
            {"a": MD5},
        ),
    ],
)
def test_lists_of_checksums(text: str, sums: dict[str, Checksum]) -> None:
    assert parse_sums(text, "SHA256SUMS") == sums


@pytest.mark.parametrize("name", ["a.tar.gz.sha256", "a.tar.gz.sha256sum", "a.tar.gz.sha256.txt"])
def test_a_bare_checksum_is_of_what_the_list_is_called_after(name: str) -> None:
    assert parse_sums(f"{SHA256.value}\n", name) == {"a.tar.gz": SHA256}


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("", "SHA256SUMS", "empty"),
        ("<html>404</html>", "SHA256SUMS", "line"),
        (f"{MD5.value}  a\nnonsense\n", "md5sums", "line"),
        (f"SHA3-256 (a) = {SHA256.value}\n", "checksums.txt", "empty"),
        (f"{SHA512.value}  a", "a.b2sum", "algorithm"),
        (f"{SHA256.value}  a", "SHA3-256SUMS", "algorithm"),
    ],
)
def test_what_is_no_list_is_refused(text: str, name: str, why: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_sums(text, name)
    assert (caught.value.problem.code, caught.value.problem.facts) == (Code.BAD_LIST, {"name": name, "why": why})


@given(
    st.dictionaries(st.text(min_size=1).filter(lambda name: name.strip() == name), st.binary(min_size=32, max_size=32))
)
def test_what_sha256sum_would_write_is_read(wanted: dict[str, bytes]) -> None:
    lines = []
    for name, digest in wanted.items():
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f"{chr(92) * (escaped != name)}{digest.hex()}  {escaped}\n")
    if lines:
        found = parse_sums("".join(lines), "SHA256SUMS")
        assert {name.removeprefix("./") for name in wanted} == set(found)


@given(st.text())
def test_any_text_is_a_list_of_checksums_or_refused(text: str) -> None:
    with contextlib.suppress(ProblemError):
        assert parse_sums(text, "md5sums")


def test_names_of_lists() -> None:
    lists = [
        "SHA256SUMS",
        "md5sums",
        "sha1sum.txt",
        "MD5SUMS.txt",
        "a.zip.sha256",
        "a.md5",
        "SHA-512SUMS",
        "data-sha256.txt",
    ]
    assert all(map(is_list_of_sums, [*lists, "checksums.txt", "checksum"]))
    assert not any(map(is_list_of_sums, ["a.zip", "sha256.py", "md5sums.zip", "amd5", "readme.txt", ""]))


@pytest.mark.parametrize(
    "text", [f"sha-256:{SHA256.value}", f"sha256:{SHA256.value.upper()}", f" SHA-256={SHA256.value} "]
)
def test_a_checksum_that_a_person_writes(text: str) -> None:
    assert parse_checksum(text) == SHA256


def test_all_kinds_of_checksums_are_read() -> None:
    for checksum in (MD5, SHA1, SHA256, SHA512, CRC32, CRC32C, CRC64):
        assert parse_checksum(f"{checksum.algorithm}:{checksum.value}") == checksum


@pytest.mark.parametrize(
    "text",
    ["", "sha-256", "sha-256:", f"sha-256:{MD5.value}", f"sha3:{SHA256.value}", "md5:" + "g" * 32, "etag-parts:1"],
)
def test_what_is_no_checksum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"checksum|in hex"):
        parse_checksum(text)
