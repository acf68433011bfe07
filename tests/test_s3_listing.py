"""The XML of object storage, in the forms in which storages send it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naver import Kept, listed
from tables import line

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.s3.listing import (
    Entry,
    Page,
    StorageError,
    quoted_etag,
    read_buckets,
    read_error,
    read_page,
)

KEYS: Final = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30)


def document(inner: str, root: str = "ListBucketResult") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://s3/">{inner}</{root}>'.encode()


def test_the_second_version() -> None:
    page = read_page(
        document(
            "<Name>b</Name><KeyCount>3</KeyCount><IsTruncated>true</IsTruncated>"
            "<NextContinuationToken>a+b/%3D=</NextContinuationToken>"
            "<EncodingType>url</EncodingType>"
            "<Contents><Key>a+b%2Bc</Key><Size>7</Size><ETag>&quot;0a&quot;</ETag>"
            "<Owner><ID>x</ID><DisplayName>Key</DisplayName></Owner></Contents>"
            "<CommonPrefixes><Prefix>d%20e/</Prefix></CommonPrefixes>"
        )
    )
    assert page == Page([Entry("a b+c", 7, '"0a"')], ["d e/"], "a+b/%3D=", 2)


def test_the_first_version_without_a_marker_goes_on_from_its_last_key() -> None:
    rows = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in ("a", "b"))
    page = read_page(document(f"<Marker></Marker><IsTruncated>true</IsTruncated>{rows}"))
    assert (page.next, page.version) == ("b", 1)
    folder = "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"
    assert read_page(document(f"<Marker/><IsTruncated>true</IsTruncated>{rows}{folder}")).next == "c/"
    named = "<NextMarker>x</NextMarker>"
    assert read_page(document(f"<Marker/>{named}<IsTruncated>true</IsTruncated>{rows}")).next == "x"
    assert read_page(document(f"<Marker/>{named}<IsTruncated>false</IsTruncated>{rows}")).next == ""


def test_prefixed_names_and_no_namespace() -> None:
    body = b"<s3:ListBucketResult xmlns:s3='u'><s3:Contents><s3:Key>k</s3:Key><s3:Size>0</s3:Size></s3:Contents>"
    assert read_page(body + b"</s3:ListBucketResult>").entries == [Entry("k", 0, "")]


@given(
    keys=st.lists(KEYS, unique=True, max_size=8),
    prefix=st.sampled_from(["", "a"]),
    delimiter=st.sampled_from(["", "/"]),
)
def test_what_a_storage_lists_is_read_back(keys: list[str], prefix: str, delimiter: str) -> None:
    bucket = {prefix + key: Kept(key.encode()) for key in keys}
    query = {"encoding-type": "url", "prefix": prefix, "delimiter": delimiter, "max-keys": "3"}
    found: list[str] = []
    marker = ""
    while True:
        page = read_page(listed("bucket", bucket, {**query, "marker": marker}))
        assert page.version == 1
        found += [entry.key for entry in page.entries] + page.prefixes
        for entry in page.entries:
            assert entry == Entry(entry.key, len(bucket[entry.key].body), bucket[entry.key].etag)
        if not page.next:
            break
        assert page.next.encode() > marker.encode()
        marker = page.next
    assert len(set(found)) == len(found)
    assert all(any(key.startswith(name) for name in found) for key in bucket)
    if not delimiter:
        assert sorted(found) == sorted(bucket)


@given(text=st.binary(max_size=300))
def test_no_bytes_do_harm(text: bytes) -> None:
    assert isinstance(read_error(text), StorageError)
    for read in (read_page, read_buckets):
        with pytest.raises(ProblemError) as caught:
            read(text)
        assert caught.value.problem.code is Code.WRONG_ANSWER


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Please log in</body></html>",
        document("<IsTruncated>true</IsTruncated>"),
        document("<Contents><Size>1</Size></Contents>"),
        document("<Contents><Key>k</Key></Contents>"),
        document("<Contents><Key>k</Key><Size>-1</Size></Contents>"),
        document("<Contents><Key>k</Key><Size>1e3</Size></Contents>"),
        document(f"<Contents><Key>k</Key><Size>{10**30}</Size></Contents>"),
        document(f"<Contents><Key>k</Key><Size>{'0' * 20}{10**30}</Size></Contents>"),
        document(f"<Contents><Key>k</Key><Size>{'0' * 20}{'9' * 5000}</Size></Contents>"),
        document(f"<Contents><Key>{'k' * 100_000}</Key><Size>1</Size></Contents>"),
        document(f"{'<a>' * 50}{'</a>' * 50}"),
        document("<Contents><Key>k\x01</Key><Size>1</Size></Contents>"),
        document("", root="ListAllMyBucketsResult"),
        document("<IsTruncated>false</IsTruncated>")[:-5],
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><ListBucketResult><Name>&a;</Name></ListBucketResult>",
        b"<!DOCTYPE x SYSTEM 'http://127.0.0.1/x.dtd'><ListBucketResult/>",
    ],
)
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        read_page(body)
    assert caught.value.problem.code is Code.WRONG_ANSWER


def test_buckets() -> None:
    rows = "".join(f"<Bucket><Name>{name}</Name><CreationDate>x</CreationDate></Bucket>" for name in ("a", "b.c"))
    body = document(f"<Owner><ID>i</ID></Owner><Buckets>{rows}</Buckets>", root="ListAllMyBucketsResult")
    assert read_buckets(body) == ["a", "b.c"]
    assert read_buckets(document("<Buckets/>", root="ListAllMyBucketsResult")) == []


def test_errors() -> None:
    inner = "<Code>AuthorizationHeaderMalformed</Code><Message>m &amp; n</Message><Region>kr</Region>"
    told = StorageError("AuthorizationHeaderMalformed", "m & n", "kr")
    assert read_error(document(inner, root="Error")) == told
    assert read_error(document(f"<Error>{inner}</Error>", root="ErrorResponse")) == told
    assert read_error(b"<html>busy</html>") == StorageError()
    assert read_error(document(inner, root="Error")[:-9]) == StorageError()


@pytest.mark.parametrize(
    ("text", "etag"),
    [
        ('"a1"', '"a1"'),
        ("a1", '"a1"'),
        (" a1-2 ", '"a1-2"'),
        ('W/"a1"', ""),
        ("", ""),
        ('""', ""),
        ('a"b', ""),
        ("é", ""),
    ],
)
def test_etags_get_their_quotes(text: str, etag: str) -> None:
    assert quoted_etag(text) == etag


def test_a_hundred_thousand_entries_take_seconds(record_property: Callable[[str, object], None]) -> None:
    """The bound is wide, for machines differ; the figure is shown."""
    pages = []
    for number in range(100):
        rows = "".join(
            f"<Contents><Key>{escape(quote_plus(f'데이터/원천 {number}/{index:06}.wav', safe='/'))}</Key>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{index:032x}&quot;</ETag><Size>{index}</Size>"
            "<Owner><ID>owner</ID><DisplayName>owner</DisplayName></Owner>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for index in range(1000)
        )
        pages.append(document(f"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{rows}"))
    began = time.perf_counter()
    count = sum(len(read_page(page).entries) for page in pages)
    seconds = time.perf_counter() - began
    assert count == 100_000
    record_property(*line("Object storage", f"pages of 100,000 objects read in {seconds:.2f} s"))
    assert seconds < 30
