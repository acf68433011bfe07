"""Addresses, lists of them and lists of checksums, as people write them."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain import addresses, sums
from aihub_desktop.domain.addresses import AddressError, ListError, ObjectAddress, Wish
from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.domain.storage import plain_endpoint

SHA = "ab" * 32
MD5 = "cd" * 16


@pytest.mark.parametrize(
    ("text", "bucket", "key", "is_prefix"),
    [
        ("s3://data/a/b c.zip", "data", "a/b c.zip", False), ("s3://data/a/", "data", "a/", True),
        ("s3://data", "data", "", True), ("s3://data/", "data", "", True), ("S3://my.bucket-1/한글?#%41", "my.bucket-1",
        "한글?#%41", False), ("s3://data//x", "data", "/x", False),
    ],
)  # fmt: skip
def test_addresses_of_objects(text: str, bucket: str, key: str, is_prefix: bool) -> None:
    address = addresses.object_address(text)
    assert (address.bucket, address.key, address.is_prefix) == (bucket, key, is_prefix)
    assert addresses.is_object(text)
    assert addresses.object_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["s3://", "s3:///key", "s3://a", "s3://bu cket/x", "s3://user@host/x", f"s3://data/{'k' * 1025}", "s3:/a/b"]
)
def test_what_is_no_address_of_an_object(text: str) -> None:
    with pytest.raises(AddressError):
        addresses.object_address(text)


def test_web_addresses() -> None:
    assert addresses.web_address("https://example.org/a%20b?x=1#part") == "https://example.org/a%20b?x=1"
    assert addresses.web_address("HTTP://[::1]:8080/") == "http://[::1]:8080/"
    assert addresses.host("https://me:word@example.org:8443/x") == "example.org:8443"
    assert addresses.host("no address") == ""


@pytest.mark.parametrize(
    "text",
    [
        "ftp://example.org/x", "example.org/x", "https://", "http:///x", "https://a b/", "https://h:99999/", "file:///x",
        "https://[::1/x", "https://h/a\nHost: other", "", "https://h/\x00",
    ],
)  # fmt: skip
def test_what_is_no_web_address(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        addresses.web_address(text)
    assert text == "" or text not in str(caught.value)


def test_what_is_shown_of_an_address() -> None:
    assert addresses.shown("https://me:word@h/a/b.zip?X-Amz-Signature=abc#t=secret") == "https://h/a/b.zip?…"
    assert addresses.shown("ftp://me@h/a") == "ftp://h/a"
    assert addresses.shown("https://h/a@b") == "https://h/a@b"


@given(st.text(max_size=60))
def test_nothing_unexpected_comes_of_any_text(text: str) -> None:
    for read in (addresses.web_address, addresses.object_address, addresses.checksum, addresses.parse_list, sums.parse):
        with contextlib.suppress(ValueError):
            read(text)
    addresses.shown(text)
    addresses.host(text)


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        (f"sha-256:{SHA}", Checksum(Algorithm.SHA256, SHA)), (f"SHA256={SHA.upper()}", Checksum(Algorithm.SHA256, SHA)),
        (f"md5: {MD5} ", Checksum(Algorithm.MD5, MD5)), ("crc32c:0011aaFF", Checksum(Algorithm.CRC32C, "0011aaff")),
        (f"sha1:{'0' * 40}", Checksum(Algorithm.SHA1, "0" * 40)),
        ("crc64nvme:0123456789abcdef", Checksum(Algorithm.CRC64NVME, "0123456789abcdef")),
    ],
)  # fmt: skip
def test_checksums(text: str, checksum: Checksum) -> None:
    assert addresses.checksum(text) == checksum


@pytest.mark.parametrize("text", ["", "sha-256", SHA, f"sha-256:{SHA[1:]}", f"sha-256:{'x' * 64}", "crc9:ab", ":"])
def test_what_is_no_checksum(text: str) -> None:
    with pytest.raises(ValueError, match="no checksum"):
        addresses.checksum(text)


def test_a_list() -> None:
    text = (
        "\ufeff# mirrors of one file\r\n"
        "https://a/x.zip\thttps://b/x.zip\t https://c/x.zip\r\n"
        f"  out=data/x 1.zip\r\n\tchecksum=sha-256={SHA}\r\n  split=5\r\n"
        "\r\n   # indented comment\r\n"
        "s3://bucket/key with blanks\n"
        "ftp://judged later"
    )
    assert addresses.parse_list(text) == [
        Wish(
            "https://a/x.zip", ("https://b/x.zip", "https://c/x.zip"), "data/x 1.zip", Checksum(Algorithm.SHA256, SHA)
        ),
        Wish("s3://bucket/key with blanks"),
        Wish("ftp://judged later"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0), ("# nothing\n\n", 0), ("  out=x\n", 1), ("https://a/x\n checksum=sha-256=12\n", 2),
        ("https://a/x\nhttps://\0/x", 2),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_read(text: str, line: int) -> None:
    with pytest.raises(ListError) as caught:
        addresses.parse_list(text)
    assert caught.value.line == line


# Lists of checksums.


def test_sums_of_all_forms() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
        f"{SHA}  a b.zip\r\n{SHA.upper()} *./dir/c.zip\n\\{MD5}  new\\nline\\\\x\n"
        f"SHA256 (d (1).zip) = {SHA}\nMD5 (e) = {MD5}\nSHA512/256 (f) = {SHA}\nSHA1 (wrong) = {SHA}\n"
        "nonsense\nabc  too short\n"
    )
    sha, md5 = Checksum(Algorithm.SHA256, SHA), Checksum(Algorithm.MD5, MD5)
    assert sums.parse(text) == {
        "a b.zip": sha, "dir/c.zip": sha, "new\nline\\x": md5, "d (1).zip": sha, "e": md5,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "hello\n", "12  short\n", "# only\n"])
def test_what_is_no_list_of_sums(text: str) -> None:
    with pytest.raises(sums.SumsError):
        sums.parse(text)


def test_sums_find_their_files() -> None:
    one, two = Checksum(Algorithm.SHA256, SHA), Checksum(Algorithm.MD5, MD5)
    listed = {"a/x": one, "b/x": two, "c\\y": one, "z": two}
    assert sums.matched(listed, ["a/x", "elsewhere/y", "z", "none"]) == {"a/x": one, "elsewhere/y": one, "z": two}
    assert sums.matched(listed, ["c/x"]) == {}  # two lines of that name
    assert sums.matched(listed, ["p/z", "q/z"]) == {}  # two files of that name


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
@pytest.mark.parametrize("options", [[], ["-b"], ["--tag"]])
def test_what_sha256sum_writes(tmp_path: Path, options: list[str]) -> None:
    names = ["가 나.zip", "back\\slash", "new\nline", "paren) = x"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    told = subprocess.run(["sha256sum", *options, "--", *names], cwd=tmp_path, capture_output=True, check=True)
    assert sums.parse(told.stdout.decode()) == {
        name: Checksum(Algorithm.SHA256, hashlib.sha256(name.encode()).hexdigest()) for name in names
    }


@pytest.mark.parametrize("text", ["a b", "x\ny", " ", "https:// x", "ftp://x", "https://h/path", "https://u@h", "h:0x"])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        plain_endpoint(text)


def test_an_address_says_itself() -> None:
    assert str(ObjectAddress("data", "a/b")) == "s3://data/a/b"
