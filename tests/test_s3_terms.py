"""The terms of object storage, as a worker follows them: against real storages, and against liars."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable

import pytest
from loopback import Server, answer, says
from naver import Kept, naver
from objects import FOLDED_KEYS, ODD_KEYS, Writer
from servers import Storage
from test_s3_client import OWN_FOLDS, fresh

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Algorithm, Checksum, Origin, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.storage import Credentials, S3Place, Style, container
from aihub_desktop.sources.connection import Connections, OpenedBody, read_beginning
from aihub_desktop.sources.s3.terms import S3Terms
from aihub_desktop.sources.terms import LEARNS_AT_MOST, Terms

KEYS = Credentials("A" * 20, Secret("very secret"), Secret(""))


def file_of(endpoint: str, bucket: str, key: str, size: int = 0) -> RemoteFile:
    return RemoteFile("s3", container(endpoint, bucket), key, key, SizeRange.exactly(size), origin=Origin())


def opened(terms: Terms, file: RemoteFile, headers: dict[str, str] | None = None) -> OpenedBody:
    """As the protocol says that a lane does it, over a connection for each request."""
    connections = Connections("test/1", 10)
    for _ in range(LEARNS_AT_MOST):
        url, sent = terms.request(file, 0, headers or {})
        answered = connections.open(url, sent)
        if answered.status in (200, 206):
            return answered
        body = read_beginning(answered, 65536, 10)
        if not terms.learns(file, 0, answered.status, answered.headers, body):
            raise terms.refusal(file, 0, answered.status, answered.headers, body)
    raise AssertionError("learns for ever")


def read(terms: Terms, file: RemoteFile, headers: dict[str, str] | None = None) -> bytes:
    answered = opened(terms, file, headers)
    with contextlib.closing(answered.body) as body:
        view, got = memoryview(bytearray(1 << 16)), bytearray()
        while count := body.readinto(view):
            got += view[:count]
    return bytes(got)


def refused(act: Callable[[], object]) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize("name", ["seaweed_storage", "swift_storage"])
def test_ranges_of_odd_keys(name: str, request: pytest.FixtureRequest) -> None:
    storage: Storage = request.getfixturevalue(name)
    bucket = fresh(storage, "terms")
    keys = set(ODD_KEYS) - OWN_FOLDS | (set(FOLDED_KEYS) if name == "swift_storage" else set())
    terms = S3Terms(storage.place())
    with Writer(storage) as writer:
        for key in sorted(keys):
            body = f"data of {key}".encode()
            writer.put(bucket, key, body)
            file = file_of(storage.endpoint, bucket, key)
            assert read(terms, file, {"range": "bytes=5-"}) == body[5:]
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            answered = opened(terms, file, {"range": "bytes=0-3", "if-match": etag})
            assert (answered.status, answered.headers["content-range"]) == (206, f"bytes 0-3/{len(body)}")
            assert Checksum(Algorithm.MD5, etag.strip('"')) in terms.checksums(answered.headers)
            answered.body.close()


def test_a_changed_object_is_not_given(seaweed_storage: Storage) -> None:
    bucket = fresh(seaweed_storage, "changed")
    with Writer(seaweed_storage) as writer:
        writer.put(bucket, "k", b"new content")
    terms = S3Terms(seaweed_storage.place())
    url, headers = terms.request(
        file_of(seaweed_storage.endpoint, bucket, "k"), 0, {"if-match": f'"{"0" * 32}"', "range": "bytes=0-3"}
    )
    answered = Connections("test/1", 10).open(url, headers)
    assert answered.status == 412
    answered.body.close()


def test_the_liar_answers_a_range_with_200(rclone_storage: Storage) -> None:
    """What the lane has to see: status 200 with a Content-Range. The terms give it what it needs to."""
    bucket = fresh(rclone_storage, "liar")
    with Writer(rclone_storage) as writer:
        writer.put(bucket, "k", b"0123456789")
    file = file_of(rclone_storage.endpoint, bucket, "k")
    answered = opened(S3Terms(rclone_storage.place()), file, {"range": "bytes=4-"})
    assert (answered.status, answered.headers.get("content-range")) == (200, "bytes 4-9/10")
    answered.body.close()


def test_a_wrong_region_is_healed_once(swift_storage: Storage) -> None:
    bucket = fresh(swift_storage, "terms-region")
    with Writer(swift_storage) as writer:
        writer.put(bucket, "k", b"1234")
    terms = S3Terms(swift_storage.place(region="eu-west-1"))
    file = file_of(swift_storage.endpoint, bucket, "k")
    assert read(terms, file) == b"1234"
    assert f"/{swift_storage.region}/s3/" in terms.request(file, 0, {})[1]["authorization"]


@pytest.mark.parametrize("name", ["seaweed_storage", "swift_storage", "rclone_storage"])
def test_refusals_of_real_storages(name: str, request: pytest.FixtureRequest) -> None:
    storage: Storage = request.getfixturevalue(name)
    bucket = fresh(storage, "refusals")
    missing = file_of(storage.endpoint, bucket, "no such key")
    assert refused(lambda: opened(S3Terms(storage.place()), missing)).problem.code is Code.NOT_THERE
    keys = storage.credentials
    wrong = storage.place(credentials=Credentials(keys.access_key, Secret("another"), Secret("")))
    problem = refused(lambda: opened(S3Terms(wrong), missing)).problem
    assert problem.code is Code.NO_ACCESS
    assert problem.facts["host"] == "127.0.0.1"
    assert keys.access_key not in str(problem)


def test_naver_proves_every_signature() -> None:
    body = bytes(range(256)) * 64
    with naver({"hub": {"k/데이터+1.zip": Kept(body, part=1000)}}) as double:
        terms = S3Terms(double.place())
        file = file_of(double.endpoint, "hub", "k/데이터+1.zip")
        assert read(terms, file, {"range": "bytes=100-199"}) == body[100:200]
        etag = double.buckets["hub"]["k/데이터+1.zip"].etag
        answered = opened(terms, file, {"if-match": etag})
        assert terms.checksums(answered.headers) == (Checksum(Algorithm.ETAG_PARTS, etag.strip('"')),)
        answered.body.close()
        double.busy = 1
        problem = refused(lambda: opened(terms, file)).problem
        assert (problem.code, problem.facts["retry_after"]) == (Code.SERVER_BUSY, "7")
        double.archived.add("k/데이터+1.zip")
        assert refused(lambda: opened(terms, file)).problem.code is Code.ARCHIVED
        anonymous = S3Terms(double.place(credentials=None))
        assert refused(lambda: opened(anonymous, file)).problem.code is Code.NO_CREDENTIALS
    # Naver's own hosts give no checksums, so none are asked for.
    place = S3Place("https://kr.object.ncloudstorage.com", "", Style.AUTO, KEYS)
    url, headers = S3Terms(place).request(file_of(place.endpoint, "hub", "k"), 0, {})
    assert url == "https://kr.object.ncloudstorage.com/hub/k"
    assert "x-amz-checksum-mode" not in headers
    assert "/kr-standard/s3/" in headers["authorization"]


def told(code: str, message: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, told("AccessDenied"), Code.NO_ACCESS),
        (403, told("InvalidAccessKeyId"), Code.NO_ACCESS),
        (403, told("SignatureDoesNotMatch"), Code.NO_ACCESS),
        (401, b"", Code.NO_ACCESS),
        (403, told("AccessDenied", "Request has expired"), Code.ADDRESS_EXPIRED),
        (400, told("ExpiredToken", "The provided token has expired."), Code.ADDRESS_EXPIRED),
        (403, told("RequestTimeTooSkewed"), Code.CLOCK_WRONG),
        (403, told("InvalidObjectState"), Code.ARCHIVED),
        (404, told("NoSuchKey"), Code.NOT_THERE),
        (404, told("NoSuchBucket"), Code.NOT_THERE),
        (404, b"<html>", Code.NOT_THERE),
        (410, b"", Code.NOT_THERE),
        (503, told("SlowDown"), Code.SERVER_BUSY),
        (503, b"", Code.SERVER_BUSY),
        (429, b"", Code.SERVER_BUSY),
        (500, told("InternalError"), Code.SERVER_ERROR),
        (400, told("RequestTimeout"), Code.SERVER_ERROR),
        (502, b"<html>", Code.SERVER_ERROR),
        (418, b"", Code.SERVER_ERROR),
        (400, told("InvalidBucketName"), Code.BAD_ADDRESS),
        (301, b"", Code.BAD_ADDRESS),
    ],
)
def test_refusals(status: int, body: bytes, code: Code) -> None:
    with Server(says(answer(body, "Retry-After: 3", status=f"{status} X"))) as server:
        terms = S3Terms(S3Place(server.url, "", Style.AUTO, KEYS))
        problem = refused(lambda: opened(terms, file_of(server.url, "bucket", "k"))).problem
        assert problem.code is code
        assert problem.facts["status"] == status
        assert problem.facts.get("retry_after") == ("3" if code is Code.SERVER_BUSY else None)
        assert len(server.heads) == 1


@pytest.mark.parametrize(("status", "code"), [(400, "x" * 50_000), (301, "y" * 50_000)])
def test_no_problem_is_longer_than_a_sentence(status: int, code: str) -> None:
    with Server(says(answer(told(code), status=f"{status} X"))) as server:
        terms = S3Terms(S3Place(server.url, "", Style.AUTO, KEYS))
        problem = refused(lambda: opened(terms, file_of(server.url, "bucket", "k"))).problem
    assert all(len(str(fact)) <= 300 for fact in problem.facts.values())


def test_without_keys_a_refusal_asks_for_some() -> None:
    with Server(says(answer(told("AccessDenied"), status="403 X"))) as server:
        terms = S3Terms(S3Place(server.url, "", Style.AUTO, None))
        file = file_of(server.url, "bucket", "k")
        assert refused(lambda: opened(terms, file)).problem.code is Code.NO_CREDENTIALS
        assert b"authorization" not in server.heads[0].lower()


def test_a_deleted_version_is_not_there() -> None:
    with Server(says(answer(told("MethodNotAllowed"), "x-amz-delete-marker: true", status="405 X"))) as server:
        terms = S3Terms(S3Place(server.url, "", Style.AUTO, KEYS))
        assert refused(lambda: opened(terms, file_of(server.url, "bucket", "k"))).problem.code is Code.NOT_THERE


def test_keys_go_nowhere_that_an_answer_points() -> None:
    with Server(says(answer(b"got them"))) as thief:
        sent = answer(b"", f"Location: {thief.url}/bucket/k", "x-amz-bucket-region: eu-west-1", status="307 X")
        with Server(says(sent)) as server:
            terms = S3Terms(S3Place(server.url, "", Style.AUTO, KEYS))
            assert refused(lambda: opened(terms, file_of(server.url, "bucket", "k"))).problem.code is Code.BAD_ADDRESS
            # The region was believed, once; the address was not.
            assert [b"/eu-west-1/s3/" in head for head in server.heads] == [False, True]
        assert thief.heads == []


def test_objects_of_another_storage_are_refused() -> None:
    terms = S3Terms(S3Place("https://storage.example", "", Style.AUTO, KEYS))
    for dataset, key in (("https://other.example/bucket", "k"), ("https://storage.example/bucket", ""), ("", "k")):
        file = RemoteFile("s3", dataset, key, "k", SizeRange.exactly(1), origin=Origin())
        problem = refused(lambda file=file: terms.request(file, 0, {})).problem  # type: ignore[misc]
        assert problem.code is Code.BAD_ADDRESS


def test_nothing_is_signed_in_the_clear() -> None:
    terms = S3Terms(S3Place("http://storage.example", "", Style.AUTO, KEYS))
    file = file_of("http://storage.example", "bucket", "k")
    assert refused(lambda: terms.request(file, 0, {})).problem.code is Code.INSECURE


def test_a_thread_that_learned_later_asks_again() -> None:
    """Two lanes were refused with the same old region; the second must not take the first one's lesson for its own."""
    terms = S3Terms(S3Place("https://storage.example", "old", Style.AUTO, KEYS))
    file = file_of("https://storage.example", "bucket", "k")
    body = told("AuthorizationHeaderMalformed").replace(b"</Error>", b"<Region>new</Region></Error>")
    lessons: list[bool] = []

    def ask() -> None:
        terms.request(file, 0, {})
        ready.wait(10)
        lessons.append(terms.learns(file, 0, 400, {}, body))

    ready = threading.Barrier(2)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert lessons == [True, True]
    terms.request(file, 0, {})
    assert not terms.learns(file, 0, 400, {}, body)
