"""Buckets, pages and whole prefixes, of real storages and of the strict double of Naver's."""

from __future__ import annotations

import base64
import datetime
import hashlib
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import botocore.auth
import pytest
import trustme
from loopback import Server, answer, forwards, says
from naver import Kept, Naver, naver
from objects import FOLDED_KEYS, ODD_KEYS, Writer
from servers import Storage, seaweed

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Algorithm, Checksum, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.storage import Credentials, S3Place, Style
from aihub_desktop.sources.s3.client import S3

AGENT = "test/1"
MIB = 1 << 20
OWN_FOLDS = {"a//b", "//lead", "x/../y", "./dot", "x/./z", "..", "trail/", "two//", "a\\b", "a/b", "lead"}


@pytest.fixture
def double() -> Iterator[Naver]:
    with naver() as started:
        yield started


@pytest.fixture(params=["seaweed", "swift", "rclone"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(f"{request.param}_storage")
    return found


def code_of(act: Callable[[], object]) -> Code:
    with pytest.raises(ProblemError) as caught:
        act()
    return caught.value.problem.code


def fresh(storage: Storage, name: str) -> str:
    """A bucket of this test alone: storages serve a whole run."""
    bucket = f"{name}-{len(S3(storage.place(), AGENT).buckets())}"
    with Writer(storage) as writer:
        writer.make_bucket(bucket)
    return bucket


# Real storages


def test_odd_keys_are_listed_and_described_as_they_are(storage: Storage) -> None:
    bucket = fresh(storage, "odd")
    with Writer(storage) as writer:
        for key in ODD_KEYS:
            writer.put(bucket, key, key.encode())
    client = S3(storage.place(), AGENT)
    assert bucket in client.buckets()
    assert client.test() is True
    files = {file.key: file for file in client.expand(bucket, [""])}
    assert set(files) - OWN_FOLDS == set(ODD_KEYS) - OWN_FOLDS
    for key in set(ODD_KEYS) - OWN_FOLDS:
        told = client.file(bucket, key)
        assert told.size == files[key].size == SizeRange.exactly(len(key.encode()))
        assert told.origin is not None
        assert told.origin.etag == f'"{hashlib.md5(key.encode()).hexdigest()}"'


def test_keys_that_paths_would_fold_stay(swift_storage: Storage) -> None:
    bucket = fresh(swift_storage, "folded")
    with Writer(swift_storage) as writer:
        for key in FOLDED_KEYS:
            writer.put(bucket, key, b"data of " + key.encode())
    client = S3(swift_storage.place(), AGENT)
    assert {file.key for file in client.expand(bucket, [""])} == set(FOLDED_KEYS)
    assert all(client.file(bucket, key).size.low == len(key) + 8 for key in FOLDED_KEYS)
    assert client.page(bucket, "a/") == client.page(bucket, "a/")
    assert client.page(bucket, "a/").folders == [""]
    assert [file.key for file in client.page(bucket, "a//").files] == ["a//b"]


def test_more_than_a_page(seaweed_storage: Storage) -> None:
    bucket = fresh(seaweed_storage, "many")
    with Writer(seaweed_storage) as writer:
        for number in range(1203):
            writer.put(bucket, f"d/{number:05}", b"x")
        writer.put(bucket, "e/one", b"y")
    client = S3(seaweed_storage.place(), AGENT)
    counts: list[int] = []
    files = client.expand(bucket, ["d/"], "d/", each_page=counts.append)
    assert [file.path for file in files] == [f"{number:05}" for number in range(1203)]
    assert counts == [1000, 1203]
    first = client.page(bucket, "d/")
    second = client.page(bucket, "d/", first.next)
    assert (len(first.files), len(second.files), second.next) == (1000, 203, "")
    assert client.page(bucket).folders == ["d", "e"]


def test_parts_whose_length_the_storage_tells(seaweed_storage: Storage) -> None:
    bucket = fresh(seaweed_storage, "parts")
    parts = [b"a" * (5 * MIB + 1), b"b" * (5 * MIB + 1), b"c"]
    with Writer(seaweed_storage) as writer:
        writer.put_parts(bucket, "parts.bin", parts)
        writer.put(bucket, "one.bin", b"one")
    client = S3(seaweed_storage.place(), AGENT)
    file = client.file(bucket, "parts.bin")
    assert file.origin is not None
    assert [each.algorithm for each in file.origin.checksums if each.algorithm is not Algorithm.CRC64NVME] == [
        Algorithm.ETAG_PARTS
    ]
    assert client.part_lengths(file) == [5 * MIB + 1]
    assert client.part_lengths(client.file(bucket, "one.bin")) == []


def test_parts_whose_length_has_to_be_guessed(swift_storage: Storage) -> None:
    bucket = fresh(swift_storage, "guess")
    with Writer(swift_storage) as writer:
        writer.put_parts(bucket, "parts.bin", [b"a" * 5 * MIB, b"c"])
    client = S3(swift_storage.place(), AGENT)
    listed = client.expand(bucket, [""])[0]
    guesses = client.part_lengths(listed)
    assert 5 * MIB in guesses
    assert listed.origin is not None
    whole = Kept(b"a" * 5 * MIB + b"c", part=5 * MIB)
    assert listed.origin.etag == whole.etag


def test_checksums_that_were_sent_along_come_back(seaweed_storage: Storage) -> None:
    bucket = fresh(seaweed_storage, "sums")
    body = b"proved"
    with Writer(seaweed_storage) as writer:
        writer.put(bucket, "k", body, x_amz_checksum_sha256=base64.b64encode(hashlib.sha256(body).digest()).decode())
    origin = S3(seaweed_storage.place(), AGENT).file(bucket, "k").origin
    assert origin is not None
    assert Checksum(Algorithm.SHA256, hashlib.sha256(body).hexdigest()) in origin.checksums


def test_a_wrong_secret_and_an_unknown_key(storage: Storage) -> None:
    keys = storage.credentials
    wrong = Credentials(keys.access_key, Secret("another secret"), Secret(""))
    assert code_of(S3(storage.place(credentials=wrong), AGENT).buckets) is Code.NO_ACCESS
    assert code_of(S3(storage.place(credentials=wrong), AGENT).test) is Code.NO_ACCESS
    unknown = Credentials("test:NOBODY", keys.secret_key, Secret(""))
    assert code_of(S3(storage.place(credentials=unknown), AGENT).test) is Code.NO_ACCESS


@pytest.mark.parametrize("name", ["seaweed_storage", "rclone_storage"])
def test_without_keys_some_are_asked_for(name: str, request: pytest.FixtureRequest) -> None:
    """Swift takes an unsigned request for one of its own kind, and says nothing that could be understood."""
    storage: Storage = request.getfixturevalue(name)
    client = S3(storage.place(credentials=None), AGENT)
    assert code_of(lambda: client.page("whatever")) is Code.NO_CREDENTIALS
    assert code_of(client.buckets) is Code.NO_CREDENTIALS


def test_what_is_not_there(storage: Storage) -> None:
    bucket = fresh(storage, "empty")
    client = S3(storage.place(), AGENT)
    assert code_of(lambda: client.page("no-such-bucket-anywhere")) is Code.NOT_THERE
    assert code_of(lambda: client.file(bucket, "no such key")) is Code.NOT_THERE
    assert client.expand(bucket, [""]) == []


def test_a_wrong_region_is_healed(swift_storage: Storage) -> None:
    """Swift alone minds; its answer names the right one. HEAD says no reasons, so GET is asked for them."""
    bucket = fresh(swift_storage, "region")
    with Writer(swift_storage) as writer:
        writer.put(bucket, "k", b"1234")
        writer.put(bucket, "nothing", b"")
    for region in ("", "eu-west-1"):
        assert len(S3(swift_storage.place(region=region), AGENT).expand(bucket, [""])) == 2
        assert S3(swift_storage.place(region=region), AGENT).file(bucket, "nothing").size.low == 0
        assert S3(swift_storage.place(region=region), AGENT).file(bucket, "k").size.low == 4
        assert bucket in S3(swift_storage.place(region=region), AGENT).buckets()


def test_a_wrong_clock_is_told(
    seaweed_storage: Storage, swift_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(hours=2)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: late)
    for storage in (seaweed_storage, swift_storage):
        assert code_of(S3(storage.place(region=storage.region), AGENT).buckets) is Code.CLOCK_WRONG


def test_a_presigned_address_needs_no_more(storage: Storage) -> None:
    bucket = fresh(storage, "presigned")
    with Writer(storage) as writer:
        writer.put(bucket, "a b+한글.txt", b"granted")
    client = S3(storage.place(region=storage.region), AGENT)
    address = urlsplit(client.presigned(bucket, "a b+한글.txt", 60))
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request("GET", f"{address.path}?{address.query}")
    assert connection.getresponse().read() == b"granted"
    connection.close()


def test_buckets_as_hosts_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("storage.test", "*.storage.test").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with seaweed(tmp_path, certificate=certificate, domain="storage.test") as storage:
        port = urlsplit(storage.endpoint).port or 0
        # No name leads there, but a proxy takes every host of the domain to this machine.
        hosts = dict.fromkeys(("storage.test", "bucket.storage.test"), port)
        with Server(forwards(hosts)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            place = S3Place("https://storage.test", "", Style.VIRTUAL, storage.credentials)
            client = S3(place, AGENT)
            with Writer(storage, ssl.create_default_context(cafile=tmp_path / "ca.pem")) as writer:
                writer.make_bucket("bucket")
                writer.put("bucket", "한 글+.txt", b"data")
            assert client.buckets() == ["bucket"]
            assert [file.key for file in client.page("bucket").files] == ["한 글+.txt"]
            assert client.file("bucket", "한 글+.txt").size.low == 4
            assert any(b"CONNECT bucket.storage.test:443" in head for head in proxy.heads)


# Naver's


def test_naver_is_asked_by_marker_at_most_a_thousand_at_a_time(double: Naver) -> None:
    keys = [f"데이터/원천 {number:04}/a+b {number}.wav" for number in range(1203)]
    double.buckets["hub"] = {key: Kept(key.encode()) for key in keys}
    client = S3(double.place(), AGENT)
    assert client.buckets() == ["hub"]
    files = client.expand("hub", ["데이터/"], "데이터/")
    assert [file.key for file in files] == keys
    assert files[3] == RemoteFile(
        "s3",
        f"{double.endpoint}/hub",
        keys[3],
        keys[3].removeprefix("데이터/"),
        SizeRange.exactly(len(keys[3].encode())),
        origin=files[3].origin,
    )
    first = client.page("hub", "데이터/")
    assert len(first.folders) == 1000
    assert first.folders[2] == "원천 0002"
    second = client.page("hub", "데이터/", first.next)
    assert (len(second.folders), second.next) == (203, "")


def test_the_newer_way_to_list_is_tried_once(double: Naver) -> None:
    """The double's host is none of Naver's, so its limits have to be found out."""
    double.buckets["hub"] = {"k": Kept(b"1")}
    client = S3(double.place(), AGENT)
    for _ in range(3):
        assert [file.key for file in client.page("hub").files] == ["k"]
    assert sum("list-type=2" in target for _, target in double.asked) == 1
    assert len(double.asked) == 4


def test_folder_marks_are_no_files_and_other_keys_stay(double: Naver) -> None:
    double.buckets["hub"] = {
        key: Kept(body) for key, body in {"a/": b"", "a/b/": b"", "a/c/": b"data", "a/../x": b"1", "a//": b""}.items()
    }
    client = S3(double.place(), AGENT)
    assert [file.path for file in client.expand("hub", ["a/"], "a/")] == ["../x", "c/"]
    shelf = client.page("hub", "a/")
    assert (shelf.folders, shelf.files) == (["..", "", "b", "c"], [])


def test_prefixes_give_each_object_once(double: Naver) -> None:
    double.buckets["hub"] = {key: Kept(b"") for key in ("a/1", "a/b/2", "c/3", "d")}
    client = S3(double.place(), AGENT)
    keys = [file.key for file in client.expand("hub", ["c/", "a/b/", "a/", "a/", "d"])]
    assert keys == ["c/3", "a/1", "a/b/2", "d"]


def test_a_wrong_region_that_nobody_names(double: Naver) -> None:
    assert code_of(S3(double.place(region="us-east-1"), AGENT).buckets) is Code.NO_ACCESS


def test_busy_and_archived(double: Naver) -> None:
    double.buckets["hub"] = {"k": Kept(b"1")}
    client = S3(double.place(), AGENT)
    double.busy = 1
    with pytest.raises(ProblemError) as caught:
        client.page("hub")
    assert caught.value.problem.code is Code.SERVER_BUSY
    assert caught.value.problem.facts["retry_after"] == "7"
    double.archived.add("k")
    assert code_of(lambda: client.file("hub", "k")) is Code.ARCHIVED


# Answers of no storage


def client_of(server: Server) -> S3:
    keys = Credentials("A" * 20, Secret("very secret"), Secret(""))
    return S3(S3Place(server.url, "", Style.PATH, keys), AGENT)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (answer(b"<html>Please log in</html>", "Content-Type: text/html"), Code.WRONG_ANSWER),
        (answer(b"", "Location: https://evil.example/b", status="302 Found"), Code.BAD_ADDRESS),
        (answer(b"<html>", status="502 Bad Gateway"), Code.SERVER_ERROR),
        (answer(b"", status="429 Too Many Requests"), Code.SERVER_BUSY),
        (answer(b"<html>", status="403 Forbidden"), Code.NO_ACCESS),
    ],
)
def test_answers_of_no_storage(sent: bytes, code: Code) -> None:
    with Server(says(sent)) as server:
        client = client_of(server)
        assert code_of(lambda: client.page("bucket")) is code


def test_a_storage_that_gives_one_page_for_ever() -> None:
    row = "<Contents><Key>k</Key><Size>1</Size></Contents>"
    page = f"<ListBucketResult><Marker/><IsTruncated>true</IsTruncated>{row}</ListBucketResult>"
    with Server(says(answer(page.encode()))) as server:
        client = client_of(server)
        assert code_of(lambda: client.expand("bucket", [""])) is Code.WRONG_ANSWER
        assert [head.count(b"marker=k") for head in server.heads] == [0, 1]


def test_a_storage_that_leads_round_in_a_circle() -> None:
    """Two pages, each of which names the other as the next: their objects would fill the memory."""

    def script(connection: socket.socket, head: bytes) -> None:
        row = "<Contents><Key>k</Key><Size>1</Size></Contents>"
        following = "b" if b"token=a" in head else "a"
        rows = f"<NextContinuationToken>{following}</NextContinuationToken>{row}"
        page = f"<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated>{rows}</ListBucketResult>"
        connection.sendall(answer(page.encode()))

    with Server(script) as server:
        client = client_of(server)
        pages: list[int] = []

        def count(files: int) -> None:
            pages.append(files)
            assert len(pages) < 20

        with pytest.raises(ProblemError) as caught:
            client.expand("bucket", [""], each_page=count)
        assert caught.value.problem.code is Code.WRONG_ANSWER
        assert len(server.heads) == 3


def test_old_storages_answer_the_newer_way_by_the_older() -> None:
    page = b"<ListBucketResult><Marker/><IsTruncated>false</IsTruncated></ListBucketResult>"
    with Server(says(answer(page))) as server:
        assert client_of(server).page("bucket").next == ""
        assert len(server.heads) == 1


def test_keys_that_may_not_list_buckets_are_good() -> None:
    refusal = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    with Server(says(answer(refusal, status="403 Forbidden"))) as server:
        client = client_of(server)
        assert client.test() is False
        assert code_of(client.buckets) is Code.NO_ACCESS
        assert code_of(S3(S3Place(server.url, "", Style.PATH, None), AGENT).test) is Code.NO_CREDENTIALS


def test_no_problem_shows_a_secret() -> None:
    said = f"{'A' * 20} signed very secret as {'0a' * 32} for AKIAIOSFODNN7EXAMPLE"
    refusal = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{said}</Message></Error>".encode()
    with Server(says(answer(refusal, status="403 Forbidden"))) as server:
        with pytest.raises(ProblemError) as caught:
            client_of(server).page("bucket")
        assert caught.value.problem.facts["text"] == "SignatureDoesNotMatch: … signed … as … for …"
        assert b"very secret" not in b"".join(server.heads)


def test_a_closed_client_asks_no_more(double: Naver) -> None:
    client = S3(double.place(), AGENT)
    client.close()
    assert code_of(client.buckets) is Code.UNREACHABLE
