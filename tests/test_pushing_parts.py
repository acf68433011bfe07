"""What pushing is made of, piece by piece: documents, lands, records, ease, archives that pass."""

from __future__ import annotations

import random
import socket
import threading
from pathlib import Path
from typing import Final

import pytest
from loopback import Server, answer

from aihub_desktop.archives.companion import Companion
from aihub_desktop.demo.archives import Entry, split_zip, zipped
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import HUB, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.storage import S3Place, Style
from aihub_desktop.engine.pushing.arrival import Arrival
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.ease import Ease
from aihub_desktop.engine.pushing.proving import Proving, Trail
from aihub_desktop.engine.pushing.record import Doubted, Ending, Kept, Over, PartSent, Record
from aihub_desktop.engine.pushing.request import Wanted
from aihub_desktop.engine.pushing.streams import groups
from aihub_desktop.sources.s3.addressing import Land, land_of
from aihub_desktop.sources.s3.multipart import (
    LEAST_PART,
    MIB,
    MOST_PARTS,
    USUAL_PART,
    SentPart,
    as_base64,
    as_hex,
    completion,
    part_length,
    read_completed,
    read_parts,
    read_upload,
    read_uploads,
)

_bytes: Final = random.Random(5).randbytes
NAVER: Final = "https://kr.object.ncloudstorage.com"


@pytest.mark.parametrize(
    ("endpoint", "region", "land"),
    [
        (NAVER, "", Land.KOREA),
        ("https://kr.object.gov-ncloudstorage.com", "", Land.KOREA),
        ("https://krs.object.gov-ncloudstorage.com", "", Land.KOREA),
        ("https://kr.object.fin-ncloudstorage.com", "", Land.KOREA),
        ("https://jp.object.ncloudstorage.com", "", Land.ELSEWHERE),
        ("https://kr.ncloudstorage.com", "", Land.KOREA),
        ("https://s3.ap-northeast-2.amazonaws.com", "", Land.KOREA),
        ("https://s3.amazonaws.com", "ap-northeast-2", Land.KOREA),
        ("https://s3.amazonaws.com", "", Land.ELSEWHERE),
        ("https://s3.us-west-2.amazonaws.com", "", Land.ELSEWHERE),
        ("https://s3.ap-northeast-2.example.com", "", Land.ELSEWHERE),
        ("https://kr.object.ncloudstorage.com.example.org", "", Land.ELSEWHERE),
        ("https://storage.example.org", "kr-standard", Land.ELSEWHERE),
        ("http://127.0.0.1:9000", "", Land.HERE),
        ("http://192.168.0.7:9000", "", Land.HERE),
        ("http://minio:9000", "", Land.HERE),
        ("https://kr1-api-object-storage.nhncloudservice.com", "", Land.KOREA),
        ("https://objectstorage.kr-central-2.kakaocloud.com", "", Land.KOREA),
    ],
)
def test_where_a_storage_lies(endpoint: str, region: str, land: Land) -> None:
    assert land_of(endpoint, region) is land


@pytest.mark.parametrize("size", [1, LEAST_PART, 100 << 30, 160_000 * MIB, 10 << 40, (10 << 40) - 1])
def test_no_object_has_more_parts_than_storages_take(size: int) -> None:
    length = part_length(size)
    assert length >= USUAL_PART
    assert -(-size // length) <= MOST_PARTS
    assert part_length(1, LEAST_PART) == LEAST_PART


def test_documents_of_uploads() -> None:
    assert read_upload(b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>") == "u"
    digest = "ab" * 32
    row = f"<PartNumber>2</PartNumber><ETag>&quot;e&quot;</ETag><Size>7</Size><ChecksumSHA256>{as_base64(digest)}"
    page = f"<ListPartsResult><IsTruncated>true</IsTruncated><Part>{row}</ChecksumSHA256></Part></ListPartsResult>"
    assert read_parts(page.encode()) == ([SentPart(2, 7, '"e"', digest)], 2)
    key = "<EncodingType>url</EncodingType><Upload><Key>a+b%2F</Key><UploadId>u</UploadId></Upload>"
    (upload,) = read_uploads(f"<ListMultipartUploadsResult>{key}</ListMultipartUploadsResult>".encode()).uploads
    assert (upload.key, upload.upload) == ("a b/", "u")
    assert b"<ChecksumSHA256>" in completion([SentPart(1, 1, '"e"')], ["x"])
    assert b"Checksum" not in completion([SentPart(1, 1, '"e"')], [])
    assert as_hex("no base64!") == as_hex("") == as_hex("AAAA") == ""


@pytest.mark.parametrize("document", [b"", b"<Error><Code>InternalError</Code></Error>", b"<html/>", b"{}"])
def test_what_is_no_word_of_completion(document: bytes) -> None:
    for read in (read_completed, read_upload, read_parts, read_uploads):
        with pytest.raises(ProblemError) as caught:
            read(document)
        assert caught.value.problem.code is Code.WRONG_ANSWER


def test_a_record_survives_its_run_and_a_torn_line(tmp_path: Path) -> None:
    record = Record(tmp_path, NAVER, "bucket", "p/")
    record.begin("p/a", "u1", 5, "")
    record.begin("p/b", "u2", 5, "")
    record.add(PartSent("u1", 1, 5, '"e"', "s"))
    record.add(Over("u2"))
    record.add(Doubted("p/d"))
    record.add(Ending(Kept("p/e", 1, "", "s", "file"), '"e"'))
    record.add(Kept("p/k", 1, '"e"', "s"))
    with pytest.raises(ProblemError) as caught:
        Record(tmp_path, NAVER, "bucket", "p/")
    assert caught.value.problem.code is Code.IN_USE
    record.close()
    (path,) = (tmp_path / "push").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b'{"line":"kept","key":"p/torn"')
    record.spool(3).write_bytes(b"left behind")
    again = Record(tmp_path, NAVER, "bucket", "p/")
    assert [one.upload for one in again.all_begun()] == ["u1"]
    assert not again.spool(3).exists()
    assert again.parts("u1")[1].etag == '"e"'
    assert again.is_doubted("p/d")
    ending = again.ending("p/e")
    assert ending is not None
    assert ending.fits("file", 1, '"e"')
    assert not ending.fits("other", 1, '"e"')
    assert again.kept("p/k") is not None
    assert again.kept("p/torn") is None
    again.close()
    other = Record(tmp_path, NAVER, "bucket", "other/")
    assert other.all_begun() == []
    other.close()


def test_fewer_at_once_where_a_storage_is_busy() -> None:
    ease = Ease(4)
    ease.busy(0.0)
    held = [threading.Event() for _ in range(3)]
    leave = threading.Event()

    def hold(event: threading.Event) -> None:
        with ease.turn():
            event.set()
            leave.wait(10)

    threads = [threading.Thread(target=hold, args=(event,)) for event in held]
    for thread in threads:
        thread.start()
    assert sum(event.wait(0.3) for event in held) == 2
    leave.set()
    for thread in threads:
        thread.join()
    assert all(event.is_set() for event in held)


# ---- archives that pass ----


def passes(tmp_path: Path, volumes: list[bytes], step: int = 70_001) -> tuple[Proof | None, str]:
    companion, trail = Companion(1 << 30), Trail(tmp_path / "spool", len(volumes))
    found: tuple[Proof | None, str] = (None, "")
    provings = [Proving(f"s.z{number:02}", companion, trail, number) for number in range(len(volumes))]
    try:
        for proving, body in zip(provings, volumes, strict=True):
            for at in range(0, len(body), step):
                proving.take(memoryview(body)[at : at + step])
        for proving in provings:
            finding = proving.finding(lambda: False)
            found = (finding.proof, finding.note)
    finally:
        companion.stop()
        trail.close()
    assert not (tmp_path / "spool").exists()
    return found


ENTRIES: Final = [
    *(Entry(name=f"{number}.txt", data=_bytes(60_000) * 3, deflated=True) for number in range(4)),
    Entry(name="stored", data=_bytes(200_000)),
]


def test_a_zip_is_proved_while_it_passes(tmp_path: Path) -> None:
    assert passes(tmp_path, [zipped(ENTRIES)]) == (Proof.ARCHIVE, "")
    assert passes(tmp_path, [*split_zip("s", ENTRIES, 300_000).values()]) == (Proof.ARCHIVE, "")


def test_damage_is_seen_while_it_passes(tmp_path: Path) -> None:
    right = zipped(ENTRIES)
    for at in (2_000, 100_000, len(right) - 100_000):
        body = bytearray(right)
        body[at] ^= 1
        with pytest.raises(ProblemError) as caught:
            passes(tmp_path, [bytes(body)])
        assert caught.value.problem.code is Code.BAD_ARCHIVE
        assert "sha256" in caught.value.problem.facts


def test_what_cannot_be_followed_has_its_length(tmp_path: Path) -> None:
    assert passes(tmp_path, [b"prepended" + zipped(ENTRIES)]) in [(Proof.LENGTH, "unfollowed"), (Proof.ARCHIVE, "")]
    volumes = [*split_zip("s", ENTRIES, 300_000).values()]
    assert passes(tmp_path, volumes[-1:]) == (Proof.LENGTH, "unfollowed")


def test_pieces_that_pass_twice_are_compared() -> None:
    companion = Companion(1 << 30)
    arrival = Arrival(RemoteFile(HUB, "1", "k", "a", SizeRange(0, 100, "")), Proving("a", companion, None), None)
    arrival.begin(0, 6)
    arrival.take(memoryview(b"abcdef"))
    arrival.begin(3, 6)
    arrival.take(memoryview(b"defghi"))
    assert bytes(arrival.body) == b"abcdefghi"
    arrival.begin(0, 3)
    with pytest.raises(ProblemError) as caught:
        arrival.take(memoryview(b"abX"))
    assert caught.value.problem.code is Code.OVERLAPPING
    with pytest.raises(ProblemError) as caught:
        arrival.begin(10, 3)
    assert caught.value.problem.code is Code.MISPLACED
    companion.stop()


def test_what_is_asked_for_together() -> None:
    def wanted(key: str, place: str, size: int) -> Wanted:
        return Wanted(RemoteFile(HUB, "1", key, place, SizeRange.exactly(size)), place, place)

    small = [wanted(f"s{number}", f"s{number}", 1000) for number in range(120)]
    heavy = [wanted(f"h{number}", f"h{number}", 8 << 20) for number in range(9)]
    volumes = [wanted("v2", "x.zip", 1 << 30), wanted("v0", "x.z01", 1 << 30)]
    large = [wanted("l", "large", 1 << 40)]
    found = [[one.file.key for one in group] for group in groups([*small, *heavy, *volumes, *large])]
    assert found[:2] == [["v0", "v2"], ["l"]]
    assert [len(group) for group in found[2:]] == [50, 50, 27, 2]


# ---- where a bucket lies ----


def test_a_bucket_lies_where_its_storage_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of AWS every region leads to every bucket: the name that a person gave tells nothing of where it lies."""

    def aws(connection: socket.socket, head: bytes) -> None:
        is_there = b"s3.us-west-2.amazonaws.com" in head
        status = "200 OK" if is_there else "301 Moved Permanently"
        connection.sendall(answer(b"", "x-amz-bucket-region: us-west-2", status=status))

    with Server(aws) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        place = S3Place("http://s3.ap-northeast-2.amazonaws.com", "ap-northeast-2", Style.PATH, None)
        depot = Depot(place, "bucket", "", Settings(), 1.0)
        assert depot.land() is Land.ELSEWHERE
        depot.close()
