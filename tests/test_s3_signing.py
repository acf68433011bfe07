"""Addresses and signatures of object storage, against botocore and against what servers accept."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Pair
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials, S3Place, Style
from aihub_desktop.sources.connection import target_of
from aihub_desktop.sources.s3.addressing import (
    address,
    implied_region,
    is_virtual,
    lists_by_marker,
    regional_endpoint,
)
from aihub_desktop.sources.s3.requests import Requests
from aihub_desktop.sources.s3.signing import Signer

KEYS: Final = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI"), Secret(""))
TEMPORARY: Final = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI"), Secret("a token/with+signs="))
OBJECT_KEYS: Final = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        ("https://kr.object.ncloudstorage.com", "kr-standard"),
        ("https://sg.object.ncloudstorage.com", "sg-standard"),
        ("https://jp.object.ncpstorage.com", "jp-standard"),
        ("https://kr.object.gov-ncloudstorage.com", "gov-standard"),
        ("https://krs.object.gov-ncloudstorage.com", "gov2-standard"),
        ("https://kr.object.fin-ncloudstorage.com", "fin-standard"),
        ("https://kr.ncloudstorage.com", "kr"),
        ("https://s3.ap-northeast-2.amazonaws.com", "ap-northeast-2"),
        ("https://s3-us-west-2.amazonaws.com", "us-west-2"),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://s3.amazonaws.com", ""),
        ("https://s3.eu-central-2.wasabisys.com", "eu-central-2"),
        ("https://minio.example.com", ""),
        ("http://127.0.0.1:9000", ""),
    ],
)
def test_the_region_that_an_endpoint_implies(endpoint: str, region: str) -> None:
    assert implied_region(endpoint) == region


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://kr.object.ncloudstorage.com", True),
        ("https://krs.object.gov-ncloudstorage.com", True),
        ("https://kr.ncloudstorage.com", False),
        ("https://kr.object.ncloudstorage.com.example.com", False),
        ("https://s3.amazonaws.com", False),
    ],
)
def test_naver_lists_by_marker_alone(endpoint: str, known: bool) -> None:
    assert lists_by_marker(endpoint) is known


@pytest.mark.parametrize(
    ("endpoint", "style", "bucket", "virtual"),
    [
        ("https://s3.amazonaws.com", Style.AUTO, "bucket", True),
        ("https://s3.amazonaws.com", Style.AUTO, "with.dots", False),
        ("https://s3.amazonaws.com", Style.AUTO, "Under_score", False),
        ("https://s3.amazonaws.com", Style.PATH, "bucket", False),
        ("https://kr.ncloudstorage.com", Style.AUTO, "bucket", True),
        ("https://kr.object.ncloudstorage.com", Style.AUTO, "bucket", False),
        ("https://minio.example.com", Style.AUTO, "bucket", False),
        ("https://minio.example.com", Style.VIRTUAL, "bucket", True),
        ("http://minio.example.com", Style.VIRTUAL, "with.dots", True),
        ("http://127.0.0.1:9000", Style.VIRTUAL, "bucket", False),
        ("http://localhost:9000", Style.VIRTUAL, "bucket", True),
        ("https://minio.example.com", Style.VIRTUAL, "evil.example/", False),
        ("https://minio.example.com", Style.VIRTUAL, "a..b", False),
    ],
)
def test_where_the_bucket_stands(endpoint: str, style: Style, bucket: str, virtual: bool) -> None:
    assert is_virtual(endpoint, style, bucket) is virtual


def test_addresses() -> None:
    assert address("https://h", Style.AUTO, "") == "https://h/"
    assert address("https://h:9000", Style.PATH, "b", "a//b/../c d+%") == "https://h:9000/b/a//b/../c%20d%2B%25"
    assert address("https://h:9000", Style.VIRTUAL, "b", "k") == "https://b.h:9000/k"
    assert address("https://h", Style.PATH, "b", query={"prefix": "a/ b"}) == "https://h/b?prefix=a%2F%20b"
    assert address("https://h", Style.PATH, "tenant:b", "k") == "https://h/tenant%3Ab/k"


@pytest.mark.parametrize("bucket", ["..", ".", "a/b"])
def test_what_is_no_buckets_name_is_refused(bucket: str) -> None:
    with pytest.raises(ProblemError) as caught:
        address("https://h", Style.PATH, bucket, "k")
    assert caught.value.problem.code is Code.BAD_ADDRESS


def test_another_host_for_another_region_with_aws_alone() -> None:
    assert regional_endpoint("https://s3.amazonaws.com", "eu-west-1") == "https://s3.eu-west-1.amazonaws.com"
    assert regional_endpoint("https://s3.us-east-1.amazonaws.com", "us-east-1") == "https://s3.us-east-1.amazonaws.com"
    assert regional_endpoint("https://s3.amazonaws.com", "evil.example/x") == "https://s3.amazonaws.com"
    assert regional_endpoint("https://minio.example.com", "eu-west-1") == "https://minio.example.com"


@given(key=OBJECT_KEYS)
def test_every_key_is_sent_as_it_is(key: str) -> None:
    target = target_of(address("https://h", Style.PATH, "b", key))
    assert unquote(target.decode("ascii").removeprefix("/b/"), errors="strict") == key


@given(key=OBJECT_KEYS, prefix=OBJECT_KEYS)
def test_a_signature_is_botocores(key: str, prefix: str) -> None:
    url = address("https://h.example:9000", Style.PATH, "bucket", key, {"prefix": prefix, "list-type": "2"})
    made = Signer(KEYS).headers("GET", url, "kr-standard", {"range": "bytes=0-9", "x-amz-checksum-mode": "ENABLED"})
    # Made from another form of the same request: what is asked as parameters, with the time that ours was given.
    own = {name: made[name] for name in ("x-amz-date", "x-amz-content-sha256", "x-amz-checksum-mode")}
    request = AWSRequest("GET", url.partition("?")[0], headers=own, params={"prefix": prefix, "list-type": "2"})
    request.context["timestamp"] = made["x-amz-date"]
    reference = S3SigV4Auth(Pair("AKIDEXAMPLE", "wJalrXUtnFEMI"), "s3", "kr-standard")
    text = reference.string_to_sign(request, reference.canonical_request(request))
    assert made["authorization"].endswith(f"Signature={reference.signature(text, request)}")
    assert made["range"] == "bytes=0-9"
    assert "range" not in made["authorization"]


def test_the_token_of_temporary_keys_is_signed() -> None:
    made = Signer(TEMPORARY).headers("GET", "https://h/b/k", "r", {})
    assert made["x-amz-security-token"] == "a token/with+signs="
    assert "x-amz-security-token" in made["authorization"]
    address_of_it = Signer(TEMPORARY).presigned("https://h/b/k", "r", 60)
    assert "X-Amz-Security-Token=a%20token%2Fwith%2Bsigns%3D" in address_of_it


def test_a_presigned_address_lives_a_week_at_most() -> None:
    made = Signer(KEYS).presigned("https://h/b/a%20b//..", "r", 10**9)
    assert urlsplit(made).path == "/b/a%20b//.."
    assert "X-Amz-Expires=604800" in made


def test_no_log_shows_what_is_signed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Signer(TEMPORARY).headers("GET", "https://h/b/k", "r", {})
    assert caplog.text == ""


def test_nothing_is_signed_in_the_clear() -> None:
    requests = Requests(S3Place("http://storage.example", "", Style.AUTO, KEYS))
    with pytest.raises(ProblemError) as caught:
        requests.make("bucket", "key")
    assert caught.value.problem.code is Code.INSECURE
    open_to_all = Requests(S3Place("http://storage.example", "", Style.AUTO, None)).make("bucket", "key")
    assert open_to_all.url == "http://storage.example/bucket/key"
    assert open_to_all.headers == {}


def test_without_keys_there_is_no_presigned_address() -> None:
    with pytest.raises(ProblemError) as caught:
        Requests(S3Place("https://storage.example", "", Style.AUTO, None)).presigned("bucket", "key")
    assert caught.value.problem.code is Code.NO_CREDENTIALS


def test_a_learned_region_of_aws_is_another_host() -> None:
    requests = Requests(S3Place("https://s3.amazonaws.com", "", Style.AUTO, KEYS))
    assert requests.make("b1c", "k").url == "https://b1c.s3.amazonaws.com/k"
    header = {"x-amz-bucket-region": "ap-northeast-2"}
    assert requests.learns("b1c", "us-east-1", 301, header, b"")
    assert not requests.learns("b1c", "ap-northeast-2", 301, header, b"")
    assert requests.make("b1c", "k").url == "https://b1c.s3.ap-northeast-2.amazonaws.com/k"
    assert requests.region("other") == "us-east-1"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {"x-amz-bucket-region": "eu-west-1"}, b""),
        (301, {"location": "https://evil.example/"}, b""),
        (400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>\xed\x95\x9c</Region></Error>"),
        (400, {}, b"<html>"),
    ],
)
def test_what_teaches_nothing(status: int, headers: dict[str, str], body: bytes) -> None:
    requests = Requests(S3Place("https://s3.amazonaws.com", "", Style.AUTO, KEYS))
    assert not requests.learns("bucket", "us-east-1", status, headers, body)


@pytest.mark.parametrize(
    "inner", ["<Region>eu-west-1</Region>", "<Message>the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>"]
)
def test_an_error_names_the_region(inner: str) -> None:
    requests = Requests(S3Place("https://storage.example", "", Style.AUTO, KEYS))
    body = f"<Error><Code>AuthorizationHeaderMalformed</Code>{inner}</Error>".encode()
    assert requests.learns("bucket", "us-east-1", 400, {}, body)
    assert requests.region("bucket") == "eu-west-1"
