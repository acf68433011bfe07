"""Metalinks: what they give, and what no Metalink may hold."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import UNKNOWN_SIZE, Algorithm, Checksum, Origin, PieceHashes, RemoteFile, SizeRange
from aihub_desktop.sources.web.metalink import LARGEST, read_metalink

SHA: Final = hashlib.sha256(b"").hexdigest()
SHA1: Final = hashlib.sha1(b"").hexdigest()
FOUR: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink" xmlns:x="urn:other">
  <generator>test</generator>
  <file name="가/a b.zip">
    <size>250</size><x:size>7</x:size>
    <identity>a</identity><version>1.0</version><language>ko</language>
    <hash type="sha-256">{SHA.upper()}</hash>
    <hash type="whirlpool">00</hash>
    <pieces length="100" type="sha-1"><hash>{SHA1}</hash><hash>{SHA1}</hash><hash>{SHA1}</hash></pieces>
    <metaurl mediatype="torrent" priority="1">http://h/a.torrent</metaurl>
    <url>https://last/a.zip?a=1&amp;b=2</url>
    <url location="de" priority="1">https://de/a.zip</url>
    <url location="kr" priority="1">https://kr/a.zip?token=hidden</url>
    <url priority="1">ftp://h/a.zip</url>
    <url location="de" priority="1">https://de/a.zip</url>
  </file>
  <file name="../../b"><url>http://h/b</url></file>
  <file name="c"><url>ftp://h/c</url></file>
</metalink>"""
THREE: Final = f"""<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="a">
  <size>150</size>
  <verification><hash type="md5">{"0" * 32}</hash>
    <pieces type="sha1" length="100"><hash piece="1">{"1" * 40}</hash><hash piece="0">{"0" * 40}</hash></pieces>
  </verification>
  <resources maxconnections="1"><url type="http" preference="10">http://worse/a</url>
    <url type="ftp" preference="100">ftp://h/a</url><url type="http" preference="90">http://better/a</url></resources>
</file></files></metalink>"""


def four(inside: str) -> bytes:
    return f'<metalink xmlns="urn:ietf:params:xml:ns:metalink">{inside}</metalink>'.encode()


def test_version_four() -> None:
    metalink = read_metalink(FOUR.encode())
    origin = Origin(
        addresses=("https://kr/a.zip?token=hidden", "https://de/a.zip", "https://last/a.zip?a=1&b=2"),
        checksums=(Checksum(Algorithm.SHA256, SHA),),
        pieces=PieceHashes(Algorithm.SHA1, 100, [SHA1] * 3),
    )
    assert metalink.files == [
        RemoteFile("web", "", "https://kr/a.zip", "가/a b.zip", SizeRange.exactly(250), origin=origin),
        RemoteFile("web", "", "http://h/b", "b", UNKNOWN_SIZE, origin=Origin(addresses=("http://h/b",))),
    ]
    assert metalink.left_out == ["c"]


def test_version_three() -> None:
    origin = Origin(
        addresses=("http://better/a", "http://worse/a"),
        checksums=(Checksum(Algorithm.MD5, "0" * 32),),
        pieces=PieceHashes(Algorithm.SHA1, 100, ["0" * 40, "1" * 40]),
    )
    assert read_metalink(THREE.encode()).files == [
        RemoteFile("web", "", "http://better/a", "a", SizeRange.exactly(150), origin=origin)
    ]


def test_another_encoding() -> None:
    text = FOUR.replace("UTF-8", "UTF-16")
    assert read_metalink(text.encode("utf-16")) == read_metalink(FOUR.encode())


@pytest.mark.parametrize(
    "pieces",
    [
        f'<pieces length="100" type="sha-1"><hash>{SHA1}</hash></pieces>',  # too few for the size
        f'<pieces length="100" type="whirlpool">{"<hash>0</hash>" * 3}</pieces>',
    ],
)
def test_hashes_of_pieces_that_cannot_be_used_are_left_out(pieces: str) -> None:
    [file] = read_metalink(four(f'<file name="a"><size>250</size>{pieces}<url>http://h/a</url></file>')).files
    assert file.origin is not None
    assert file.origin.pieces is None


BOMB: Final = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "xml"),
        (b"<html></html>", "xml"),
        (b"<metalink/>", "xml"),
        (FOUR.encode()[:300], "xml"),
        (FOUR.encode() + b"<more/>", "xml"),
        (b"\xff\xfe\xff", "xml"),
        (BOMB.encode() + FOUR.partition("?>")[2].replace("test", "&b;").encode(), "dtd"),
        (b'<!DOCTYPE m SYSTEM "file:///etc/passwd">' + four(""), "dtd"),
        (four(""), "empty"),
        (four('<file name="a"><url>ftp://h/a</url></file>'), "empty"),
        (four('<file name="a"><size>many</size><url>http://h/a</url></file>'), "number"),
        (four(f'<file name="a"><size>{1 << 63}</size><url>http://h/a</url></file>'), "number"),
        (four('<file name="a"><hash type="sha-256">12</hash><url>http://h/a</url></file>'), "checksum"),
        (four('<file name="a"><pieces length="0" type="md5"/><url>http://h/a</url></file>'), "number"),
        (four('<file name="a"><url priority="x">http://h/a</url></file>'), "number"),
        (four(f'<file name="a"><url>http://h/{"a" * 20_000}</url></file>'), "too-long"),
        (four("<file>" * 20 + "</file>" * 20), "too-long"),
        (b" " * (LARGEST + 1), "too-long"),
    ],
)
def test_what_is_no_metalink_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_metalink(data)
    assert (caught.value.problem.code, caught.value.problem.facts) == (Code.BAD_LIST, {"why": why})


@given(st.data())
def test_a_damaged_metalink_is_read_or_refused(data: st.DataObject) -> None:
    text = bytearray((FOUR if data.draw(st.booleans()) else THREE).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    with contextlib.suppress(ProblemError):
        assert read_metalink(bytes(text)).files
