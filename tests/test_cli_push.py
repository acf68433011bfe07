"""`aihub push` against real object storages."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from carrying import Here
from commandline import Aihub, Run, cut_power, ended
from loopback import Server, answer
from objects import Writer
from pushed import MANIFEST, PART, check_contents, keys_of, lying, push, shelved
from servers import Storage

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.sources.s3.uploads import Uploads, Ways
from aihub_desktop.system.words import Words, catalogue

BUCKET: Final = "pushed-files"
PART_LINE: Final = b'"line":"part"'
_bytes: Final = random.Random(20261127).randbytes
FILES: Final = {
    "01.감성_대화/원천 데이터/큰 파일.zip": _bytes(6_000_000),
    "01.감성_대화/a+b [1].json": b"{}" * 999,
    "empty.txt": b"",
    **{f"many/{number:03}.bin": _bytes(number) for number in range(7, 19)},
}


@pytest.fixture
def aihub(tmp_path: Path, no_profiles: None) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", "http://127.0.0.1:1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def storage(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket(BUCKET)
    return seaweed_storage


def test_a_library_goes_there_once_and_can_be_fetched_and_proved(
    aihub: Aihub, storage: Storage, folder: Path, tmp_path: Path
) -> None:
    shelved(folder, FILES)
    run = push(aihub, storage, folder, f"s3://{BUCKET}/all", "--part-size", "5M")
    assert run.code == 0, run.err
    assert (run.end["sent"], run.end["there"], run.end["failed"], run.end["listed"]) == (15, 0, 0, 15)
    check_contents(lying(storage, BUCKET, "all/"), FILES)
    again = push(aihub, storage, folder, f"s3://{BUCKET}/all/")
    assert again.code == 0, again.err
    assert (again.end["sent"], again.end["there"], again.end["sent_bytes"]) == (0, 15, 0)
    copy = tmp_path / "copy"
    sums = tmp_path / "SUMS"
    sums.write_bytes(lying(storage, BUCKET, "all/")[MANIFEST])
    words = ("--endpoint", storage.endpoint, "--sums", sums, "--to", copy)
    fetched = aihub("fetch", f"s3://{BUCKET}/all/", *words, **keys_of(storage))
    assert fetched.code == 0, fetched.err
    assert (copy / "01.감성_대화/원천_데이터/큰_파일.zip").read_bytes() == FILES["01.감성_대화/원천 데이터/큰 파일.zip"]


def said(aihub: Aihub, words: bytes) -> int:
    """How often the records of the runs so far say this."""
    files = (aihub.home / "push").glob("*.jsonl") if (aihub.home / "push").exists() else ()
    return sum(path.read_bytes().count(words) for path in files)


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Linux and macOS do it")
def test_killed_again_and_again_nothing_is_sent_twice(aihub: Aihub, storage: Storage, folder: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1_000_000))
    print(f"CRASH_SEED={seed}")
    dice = random.Random(seed)
    large = {"large.bin": dice.randbytes(6 * PART + 17), **{f"{number}.bin": dice.randbytes(9) for number in range(9)}}
    shelved(folder, large)
    words = (
        folder,
        f"s3://{BUCKET}/killed/",
        "--part-size",
        "5M",
        "--endpoint",
        storage.endpoint,
        "--connections",
        "2",
    )
    for _ in range(2):
        before, goal = said(aihub, PART_LINE), dice.randint(1, 2)
        killed = aihub.start("push", *words, before=(), **keys_of(storage))
        deadline = time.monotonic() + 30
        while said(aihub, PART_LINE) < before + goal and killed.poll() is None and time.monotonic() < deadline:
            select.select([], [], [], 0.01)
        cut_power(killed)
    known = said(aihub, PART_LINE)
    assert known >= 2
    run = push(aihub, storage, folder, f"s3://{BUCKET}/killed/", "--part-size", "5M")
    assert run.code == 0, run.err
    check_contents(lying(storage, BUCKET, "killed/"), large)
    # Of what a dead run was sending at its end nobody heard: at most one part of each connection and kill.
    assert (
        run.end["passed_bytes"] >= known * PART or run.end["sent_bytes"] <= len(large["large.bin"]) - known * PART + 81
    )
    assert [one for one in run.records if one["event"] == "unfinished"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is told as on Linux and macOS")
def test_ctrl_c_ends_in_good_order_and_says_how_to_go_on(aihub: Aihub, storage: Storage, folder: Path) -> None:
    shelved(folder, {"large.bin": _bytes(4 * PART)})
    to = (str(folder), f"s3://{BUCKET}/stopped/", "--endpoint", storage.endpoint)
    words = ("push", *to, "--part-size", "5M", "--limit", "5M", "--json")
    process = aihub.start(*words, before=(), **keys_of(storage))
    deadline = time.monotonic() + 30
    while not said(aihub, b'"line":"begun"') and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    process.send_signal(signal.SIGINT)
    run = ended(process)
    assert run.code == 130, run.err
    assert run.end["sent"] == 0
    assert Words("en").say("push.go-on") in run.err
    assert push(aihub, storage, folder, f"s3://{BUCKET}/stopped/").code == 0


def test_what_is_damaged_is_named_and_left_out(aihub: Aihub, storage: Storage, folder: Path) -> None:
    shelved(folder, {"good": b"good", "bad": b"bad"})
    (folder / "bad").write_bytes(b"bAd")
    run = push(aihub, storage, folder, f"s3://{BUCKET}/damaged/")
    assert run.code == 1, run.err
    assert [one["path"] for one in run.records if one.get("problem") == "not-as-recorded"] == ["bad"]
    assert Words("en").problem(Problem(Code.NOT_AS_RECORDED)).advice in run.err
    check_contents(lying(storage, BUCKET, "damaged/"), {"good": b"good"})


def test_a_rehearsal_changes_nothing(aihub: Aihub, storage: Storage, folder: Path) -> None:
    shelved(folder, FILES)
    run = push(aihub, storage, folder, f"s3://{BUCKET}/dry/", "--dry-run", "--include", "many/", "--exclude", "*00*")
    assert run.code == 0, run.err
    assert (run.end["wanted"], run.end["sent"]) == (9, 0)
    assert lying(storage, BUCKET, "dry/") == {}


def test_one_dataset_of_several(aihub: Aihub, storage: Storage, folder: Path) -> None:
    shelved(folder, {"a/1": b"1"}, dataset="90001")
    shelved(folder, {"b/2": b"2"}, dataset="90002")
    assert push(aihub, storage, folder, f"s3://{BUCKET}/one/", "--dataset", "90002").code == 0
    check_contents(lying(storage, BUCKET, "one/"), {"b/2": b"2"})


def test_unfinished_uploads_of_others_are_named_and_ended_at_a_person_s_word(
    aihub: Aihub, storage: Storage, folder: Path
) -> None:
    address = f"s3://{BUCKET}/begun/"
    shelved(folder, {"x": b"x"})
    uploads = Uploads(Ways(storage.place()), BUCKET, "test", 5.0)
    uploads.begin("begun/theirs", {})
    run = push(aihub, storage, folder, address)
    assert run.code == 0, run.err
    assert [one["key"] for one in run.records if one["event"] == "unfinished"] == ["begun/theirs"]
    assert Words("en").say("push.strangers", n=1, address=address) in run.err
    assert push(aihub, storage, "--abort", address).end == {"event": "end", "aborted": 0, "left": 1}
    asked = push(aihub, storage, "--abort-all", address)
    assert asked.code == 2, asked.err
    assert push(aihub, storage, "--abort-all", "--yes", address).end == {"event": "end", "aborted": 1, "left": 0}
    assert list(uploads.unfinished("begun/")) == []
    uploads.close()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("s3://bucket/x/",), "push.usage"),
        (("--abort", "DIR", "s3://bucket/x/"), "push.usage-abort"),
        (("DIR", "no-address"), "cli.storage.no-address"),
        (("DIR", "s3://bucket/x/"), "cli.verify.no-manifest"),
        (("DIR", "s3://bucket/x/", "--part-size", "1M"), "cli.usage.part-size"),
    ],
)
def test_slips_of_the_pen(tmp_path: Path, folder: Path, words: tuple[str, ...], text: str) -> None:
    named = [str(folder) if word == "DIR" else word for word in words]
    run = Here(tmp_path / "home")("push", *named, "--endpoint", "http://127.0.0.1:1", "--anonymous")
    assert run.code == 2
    facts = {"address": "no-address", "path": str(folder), "name": "--part-size", "value": "'1M'"}
    wanted = {name: fact for name, fact in facts.items() if f"{{{name}}}" in catalogue()[text]["en"]}
    assert Words("en").say(text, **wanted) in run.err


def test_a_bucket_that_is_none(aihub: Aihub, storage: Storage, folder: Path) -> None:
    shelved(folder, {"x": b"x"})
    run = push(aihub, storage, folder, "s3://no-such-bucket/x/")
    assert run.code == 1, run.err
    assert Words("en").problem(Problem(Code.NOT_THERE)).advice in run.err


# ---- data that may not leave Korea ----


def abroad(connection: socket.socket, head: bytes) -> None:
    """A proxy behind which there is a storage with a foreign name, empty, that takes everything."""
    if b"?uploads=" in head:
        connection.sendall(answer(b"<ListMultipartUploadsResult/>"))
    elif head.startswith(b"GET") and b"prefix=" in head:
        connection.sendall(answer(b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"))
    elif head.startswith(b"GET"):
        connection.sendall(answer(b"<Error><Code>NoSuchKey</Code></Error>", status="404 Not Found"))
    else:
        connection.sendall(answer(b""))


def push_abroad(aihub: Aihub, folder: Path, proxy: str, *words: str) -> Run:
    to = (
        folder,
        "s3://bucket/x/",
        "--endpoint",
        "http://storage.example.org",
        "--anonymous",
        "--json",
        "--patience",
        "1",
    )
    return aihub("push", *to, *words, http_proxy=proxy)


def test_data_of_the_hub_do_not_leave_korea_by_accident(aihub: Aihub, folder: Path) -> None:
    shelved(folder, {"x": b""})
    with Server(abroad) as server:
        run = push_abroad(aihub, folder, server.url)
        assert run.code == 3, run.err
        assert Words("en").say("push.foreign", host="storage.example.org", bucket="bucket") in run.err
        assert Words("en").problem(Problem(Code.LEAVES_KOREA)).advice in run.err
        assert not any(head.startswith(b"PUT") for head in server.heads)
        agreed = push_abroad(aihub, folder, server.url, "--yes")
        assert Words("en").say("push.foreign", host="storage.example.org", bucket="bucket") in agreed.err
        assert any(head.startswith(b"PUT") for head in server.heads)


def test_other_data_may_go_anywhere(aihub: Aihub, folder: Path) -> None:
    shelved(folder, {"x": b""}, source="web")
    with Server(abroad) as server:
        push_abroad(aihub, folder, server.url)
        assert any(head.startswith(b"PUT") for head in server.heads)
