"""`sharing`: whoever has no token sees nothing, and whoever has one sees what the ledger names and nothing else."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from sharing_ground import BEARER, SECONDS, TOKEN, Door, Shelf, answer, descriptors, door, noise, received

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.sharing import lab_token
from aihub_desktop.holdings.times import Times
from aihub_desktop.holdings.verify import verify
from aihub_desktop.sharing.limits import Limits
from aihub_desktop.sharing.offer import Offer
from aihub_desktop.sharing.server import LabServer
from aihub_desktop.sharing.token import OpenToOthersError, fresh_token, is_let_in, keep_token, read_token
from aihub_desktop.transport.ledger import Entry, Ledger

POSIX: Final = pytest.mark.skipif(sys.platform == "win32", reason="this system gives no such links or rights")
SMALL: Final = "가 나/label.json"
LARGE: Final = "data/large.bin"
SECRET: Final = b"nobody's business"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "library")
    made.put(LARGE, noise(3 << 20, 1))
    made.put(SMALL, b'{"a": 1}')
    made.put("empty", b"")
    (tmp_path / "outside").write_bytes(SECRET)
    return made


@pytest.fixture
def open_door(shelf: Shelf) -> Iterator[Door]:
    with door(shelf.folder) as opened:
        yield opened


def look_at(folder: Path) -> None:
    """As `aihub verify` does."""
    with Times(folder) as times:
        assert verify(folder, report=times.hear).is_right
        times.keep()


def url_of(place: str) -> str:
    return f"/files/{quote(place)}"


# ---- who is let in ----


@pytest.mark.parametrize(
    "line",
    [
        None,
        "Authorization: Bearer",
        "Authorization: Bearer wrong-token-0123456789",
        f"Authorization: Bearer {TOKEN}x",
        f"Authorization: Bearer {TOKEN[:-1]}",
        f"Authorization: Basic {TOKEN}",
        f"Authorization: {TOKEN}",
        f"Authorization: Bearer {TOKEN}, Bearer {TOKEN}",
        f"Cookie: token={TOKEN}",
        "Authorization: Bearer \xe9\xe9\xe9\xe9",
    ],
)
@pytest.mark.parametrize("target", ["/", "/files.json", "/files/data/large.bin", "/no/such"])
def test_without_the_token_nothing_is_told(open_door: Door, line: str | None, target: str) -> None:
    told = open_door.get(target, token=line)
    assert (told.status, told.body) == (401, b"")
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert "etag" not in told.headers


def test_a_token_in_the_address_lets_nobody_in(open_door: Door) -> None:
    assert open_door.get(f"/?token={TOKEN}", token=None).status == 401
    assert TOKEN not in repr(open_door.wait_for(1))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PROPFIND", "get"])
def test_other_methods_are_refused(open_door: Door, shelf: Shelf, method: str) -> None:
    target = "lab:80" if method == "CONNECT" else url_of(SMALL)
    told = open_door.get(target, method=method)
    assert (told.status, told.headers["allow"]) == (405, "GET, HEAD")
    assert open_door.get(target, method=method, token=None).status == 401
    assert (shelf.folder / SMALL).read_bytes() == shelf.files[SMALL]


def test_a_request_with_a_body_is_refused(open_door: Door) -> None:
    assert open_door.get(url_of(SMALL), "Content-Length: 5").status == 400
    assert open_door.get(url_of(SMALL), "Transfer-Encoding: chunked").status == 400


def test_tokens() -> None:
    token = fresh_token()
    assert token != fresh_token()
    assert TOKEN not in repr(lab_token(TOKEN))
    assert is_let_in(f"bearer {token.reveal()}".encode(), token)
    for text in (
        "",
        "short",
        "two words that are long enough",
        "ümlaut-ümlaut-ümlaut",
        "x" * 257,
        "a" * 16 + "\r\nX: y",
    ):
        with pytest.raises(ValueError, match="no token"):
            lab_token(text)


@POSIX
def test_a_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lab-token"
    assert read_token(path) is None
    token = fresh_token()
    keep_token(path, token)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_token(path) == token
    keep_token(path, fresh_token())
    assert read_token(path) != token
    path.chmod(0o640)
    with pytest.raises(OpenToOthersError):
        read_token(path)


# ---- what is given ----


def test_whole_files(open_door: Door, shelf: Shelf) -> None:
    for place, data in shelf.files.items():
        told = open_door.get(url_of(place))
        assert (told.status, told.body, told.whole) == (200, data, True)
        assert told.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        assert told.headers["accept-ranges"] == "bytes"
        head = open_door.get(url_of(place), method="HEAD")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(data)))
        assert head.headers["etag"] == told.headers["etag"]
    assert open_door.server.standing.bytes == sum(map(len, shelf.files.values()))


def test_lists(open_door: Door, shelf: Shelf) -> None:
    shelf.put("other/two.bin", b"two", dataset="2")
    shelf.put("web.bin", b"web", source="web", dataset="", key="https://example.org/web.bin")
    listed = json.loads(open_door.get("/files.json").body)
    assert {one["place"]: (one["size"], one["sha256"]) for one in listed} == {
        place: (len(data), hashlib.sha256(data).hexdigest()) for place, data in shelf.files.items()
    }
    assert all(open_door.get(one["url"]).body == shelf.files[one["place"]] for one in listed)
    assert listed[0]["file_key"] == "1"
    assert [one["place"] for one in json.loads(open_door.get("/files.json?dataset=2").body)] == ["other/two.bin"]
    assert json.loads(open_door.get("/files.json?dataset=3").body) == []
    manifest = open_door.get("/manifest-sha256.txt")
    assert manifest.body.decode() == (shelf.folder / ".aihub" / "manifest-sha256.txt").read_text(encoding="utf-8")
    head = open_door.get("/files.json", method="HEAD")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=5-9", 206, (5, 10)),
        ("bytes=5-", 206, (5, None)),
        ("bytes=-7", 206, (-7, None)),
        ("bytes=-99999999999", 206, (0, None)),
        ("bytes=1-999999999999999999", 206, (1, None)),
        ("Bytes = 5 - 9", 206, (5, 10)),
        ("bytes=3145727-3145727", 206, (3145727, None)),
        ("bytes=3145728-", 416, None),
        ("bytes=3145728-3145729", 416, None),
        ("bytes=-0", 416, None),
        # What is no range of bytes, or several of them, is no reason to refuse: the whole file is an answer, too.
        ("bytes=9-5", 200, (0, None)),
        ("bytes=-", 200, (0, None)),
        ("bytes=", 200, (0, None)),
        ("bytes=a-b", 200, (0, None)),
        ("bytes=0-1,4-5", 200, (0, None)),
        ("bytes=9999999999999999999999999-", 200, (0, None)),
        ("items=0-1", 200, (0, None)),
        ("bytes=+1-2", 200, (0, None)),
    ],
)
def test_ranges(open_door: Door, shelf: Shelf, asked: str, status: int, span: tuple[int, int | None] | None) -> None:
    data = shelf.files[LARGE]
    told = open_door.get(url_of(LARGE), f"Range: {asked}")
    assert (told.status, told.whole) == (status, True)
    if span is None:
        assert (told.body, told.headers["content-range"]) == (b"", f"bytes */{len(data)}")
        return
    assert told.body == data[slice(*span)]
    if status == 206:
        start = len(data) + span[0] if span[0] < 0 else span[0]
        assert told.headers["content-range"] == f"bytes {start}-{start + len(told.body) - 1}/{len(data)}"


def test_a_range_is_for_a_get_alone(open_door: Door, shelf: Shelf) -> None:
    """RFC 9110, 14.2: of any other method it is to be ignored."""
    told = open_door.get(url_of(LARGE), "Range: bytes=5-9", method="HEAD")
    assert (told.status, told.headers["content-length"]) == (200, str(len(shelf.files[LARGE])))
    assert open_door.get(url_of(LARGE), "Range: bytes=999999999-", method="HEAD").status == 200


def test_ranges_of_an_empty_file(open_door: Door) -> None:
    assert open_door.get(url_of("empty"), "Range: bytes=0-").status == 416
    assert open_door.get(url_of("empty"), "Range: bytes=-5").status == 416


def test_conditions(open_door: Door, shelf: Shelf) -> None:
    etag = f'"{hashlib.sha256(shelf.files[LARGE]).hexdigest()}"'

    def status(*lines: str) -> int:
        return open_door.get(url_of(LARGE), *lines).status

    assert status("Range: bytes=0-1", f"If-Range: {etag}") == 206
    assert status("Range: bytes=0-1", 'If-Range: "other"') == 200
    assert status("Range: bytes=0-1", f"If-Range: W/{etag}") == 200
    assert status("Range: bytes=0-1", "If-Range: Fri, 27 Nov 2026 07:00:00 GMT") == 200
    assert status(f"If-Match: {etag}") == status("If-Match: *") == status(f'If-Match: "a", {etag}') == 200
    assert status('If-Match: "other"') == 412
    assert status(f"If-None-Match: {etag}") == status(f"If-None-Match: W/{etag}") == 304
    assert status('If-None-Match: "other"') == 200


def test_connections_are_kept_and_requests_may_come_together(open_door: Door, shelf: Shelf) -> None:
    line = f"GET {url_of(SMALL)} HTTP/1.1\r\nHost: lab\r\n{BEARER}\r\n".encode()
    with open_door.connect() as sock:
        sock.sendall((line + b"\r\n") * 50 + line + b"Connection: close\r\n\r\n")
        came = received(sock)
    assert came.count(b"HTTP/1.1 200 ") == came.count(shelf.files[SMALL]) == 51
    assert len({served.status for served in open_door.wait_for(51)}) == 1
    old = open_door.raw(f"GET {url_of(SMALL)} HTTP/1.0\r\n{BEARER}\r\n\r\n".encode())
    assert old.body == shelf.files[SMALL]


# ---- what is not given ----

_TRICKS: Final = (
    "/files/../outside", "/files/%2e%2e/outside", "/files/data/../../outside", "/files/%2e%2e%2foutside",
    "/files/..%2foutside", "/files/%252e%252e%252foutside", "/files//etc/passwd", "/files/%2fetc%2fpasswd",
    "//etc/passwd",
    "/files/..%5coutside", "/files/..\\outside", "/files/C:/Windows/win.ini", "/files/C:%5cWindows%5cwin.ini",
    "/files/%5c%5chost%5cshare", "/files/data/large.bin%00.txt", "/files/%00", "/files/data/large.bin/",
    "/files/data/large.bin/.", "/files/./data/large.bin", "/files/data//large.bin",
    "/files/DATA/large.bin",
    "/files/.aihub/manifest-sha256.txt", "/files/.aihub/log.jsonl", "/files/.aihub/", "/files/", "/files",
    "/files/data",
    "/files/data/", "/files/stranger", "/files/half.zip.part", "/files/half.zip.part.journal", "/files/%ff%fe",
    "/files/%c0%ae%c0%ae/outside", "/files/%e0%80%ae%e0%80%ae/outside", "/outside", "/../outside", "/files.json/..",
    "/files/data/large.bin;x", "/files/data%2flarge.bin%20", "/files/data/large.bin.", "/files/data/large.bin::$DATA",
    "/files/~root/.bashrc", "/files/%uff0e%uff0e/outside", "/files/.%2e/outside", "*", "http://lab/outside",
)  # fmt: skip


@pytest.mark.parametrize("target", _TRICKS)
def test_tricks_with_paths(open_door: Door, shelf: Shelf, target: str) -> None:
    for name in ("stranger", "half.zip.part", "half.zip.part.journal"):
        (shelf.folder / name).write_bytes(SECRET)
    told = open_door.get(target)
    assert told.status in (400, 404)
    assert SECRET not in told.body


def test_a_spelling_of_one_name_and_a_whole_address(open_door: Door, shelf: Shelf) -> None:
    assert open_door.get("/files/data%2Flarge.bin").body == shelf.files[LARGE]
    assert open_door.get(f"http://lab{url_of(SMALL)}?x=../..").body == shelf.files[SMALL]


@POSIX
def test_links_are_not_followed(open_door: Door, shelf: Shelf, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large.bin").write_bytes(shelf.files[LARGE])
    # A line of the ledger for a name that is a link: the very bytes, but not here.
    shelf.put("link", SECRET)
    (shelf.folder / "link").unlink()
    (shelf.folder / "link").symlink_to(secret)
    assert open_door.get("/files/link").status == 404
    shutil.move(shelf.folder / "data", tmp_path / "moved")
    (shelf.folder / "data").symlink_to(tmp_path / "moved")  # with the times that the ledger knows
    assert open_door.get(url_of(LARGE)).status == 404
    (shelf.folder / "data").unlink()
    shutil.move(tmp_path / "moved", shelf.folder / "data")
    assert open_door.get(url_of(LARGE)).status == 200


@POSIX
def test_a_folder_that_turns_into_a_link_all_the_time(open_door: Door, shelf: Shelf, tmp_path: Path) -> None:
    """Whichever of the two is met: never a byte from outside. Both files have the size and time of the ledger."""
    outside = tmp_path / "twin"
    outside.mkdir()
    state = (shelf.folder / LARGE).stat()
    (outside / "large.bin").write_bytes(b"x" * state.st_size)
    os.utime(outside / "large.bin", ns=(state.st_mtime_ns, state.st_mtime_ns))
    stop = threading.Event()

    def swap() -> None:
        data, real, link = shelf.folder / "data", shelf.folder / "real", shelf.folder / "link"
        link.symlink_to(outside)
        while not stop.is_set():
            data.rename(real)
            link.rename(data)
            data.rename(link)
            real.rename(data)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        told = [open_door.get(url_of(LARGE), "Range: bytes=0-999") for _ in range(300)]
    finally:
        stop.set()
        thread.join()
    assert {one.body for one in told} <= {shelf.files[LARGE][:1000], b""}
    assert any(one.status == 206 for one in told)


def test_what_the_ledger_does_not_vouch_for(open_door: Door, shelf: Shelf) -> None:
    data = shelf.files[LARGE]
    path = shelf.folder / LARGE

    def status() -> int:
        listed = [one["place"] for one in json.loads(open_door.get("/files.json").body)]
        told = open_door.get(url_of(LARGE)).status
        assert (LARGE in listed) == (told == 200)
        return told

    state = path.stat()
    path.write_bytes(data[:-1])
    assert status() == 404
    path.write_bytes(data)  # the same bytes, at another time: only reading them can tell
    os.utime(path, ns=(state.st_mtime_ns + 5_000_000_001,) * 2)
    assert status() == 404
    look_at(shelf.folder)  # which does
    assert status() == 200
    path.unlink()
    assert status() == 404


def test_a_ledger_from_somewhere_else_names_nothing_outside(shelf: Shelf, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    digest, size, modified = hashlib.sha256(SECRET).hexdigest(), len(SECRET), secret.stat().st_mtime_ns
    names = [
        "../outside",
        "data/../../outside",
        str(secret),
        ".aihub/log.jsonl",
        "a\\..\\..\\outside",
        "data//large.bin",
    ]
    Ledger(shelf.folder).record([Entry(name, digest, size, modified=modified) for name in names])
    with door(shelf.folder) as opened:
        for name in names:
            told = opened.get(f"/files/{quote(name, safe='')}")
            assert (told.status, told.body) == (404, b""), name
        assert len(json.loads(opened.get("/files.json").body)) == 3


def test_new_files_are_seen_and_old_manifests_after_a_look(open_door: Door, shelf: Shelf) -> None:
    assert open_door.get("/files/new.bin").status == 404
    shelf.put("new.bin", b"new")
    assert open_door.get("/files/new.bin").body == b"new"
    (shelf.folder / "plain.bin").write_bytes(b"plain")
    with (shelf.folder / ".aihub" / "manifest-sha256.txt").open("a", encoding="utf-8") as manifest:
        manifest.write(f"{hashlib.sha256(b'plain').hexdigest()}  plain.bin\n")
    assert open_door.get("/files/plain.bin").status == 404  # neither size nor time are known of it
    look_at(shelf.folder)
    assert open_door.get("/files/plain.bin").body == b"plain"


def test_a_folder_without_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        Offer(tmp_path)
    assert caught.value.problem.code is Code.NO_LEDGER


# ---- files that change, readers that misbehave ----


@pytest.mark.parametrize("change", ["cut", "written", "replaced", "removed"])
@POSIX
def test_a_file_that_changes_while_it_is_served(shelf: Shelf, change: str) -> None:
    shelf.put("huge.bin", noise(64 << 20, 2))
    path = shelf.folder / "huge.bin"
    with door(shelf.folder) as opened, opened.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sock.sendall(f"GET /files/huge.bin HTTP/1.1\r\nHost: lab\r\n{BEARER}\r\n\r\n".encode())
        first = sock.recv(1 << 16)
        match change:
            case "cut":
                os.truncate(path, 1 << 20)
            case "written":
                with path.open("r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    file.write(b"!")
            case "replaced":
                (shelf.folder / "new").write_bytes(b"other")
                (shelf.folder / "new").rename(path)
            case "removed":
                path.unlink()
        told = answer(first + received(sock))
        assert (told.status, told.whole) == (200, False)
        assert [(one.status, one.whole) for one in opened.wait_for(1)] == [(200, False)]
        assert opened.get("/files/huge.bin").status == 404


def test_slow_readers_lose_their_place(shelf: Shelf) -> None:
    shelf.put("huge.bin", noise(32 << 20, 3))
    with door(shelf.folder, Limits(window=0.3)) as opened, opened.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sock.sendall(f"GET /files/huge.bin HTTP/1.1\r\nHost: lab\r\n{BEARER}\r\n\r\n".encode())
        assert [one.whole for one in opened.wait_for(1)] == [False]  # nobody has read a byte
        assert not answer(received(sock)).whole


@pytest.mark.parametrize("begun", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: lab\r\nX-Long: "])
def test_half_requests_are_not_waited_for(shelf: Shelf, begun: bytes) -> None:
    with door(shelf.folder, Limits(head_seconds=0.2)) as opened, opened.connect() as sock:
        sock.sendall(begun)
        assert received(sock) == b""
    with door(shelf.folder, Limits(head_seconds=0.3)) as opened, opened.connect() as sock:
        # Byte by byte is no way to stay, either.
        stop = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    sock.sendall(b"a")
                    if stop.wait(0.02):
                        return

        thread = threading.Thread(target=drip)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\nX: ")
        thread.start()
        assert received(sock) == b""
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n", 400),  # TLS
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: lab\r\nBad Name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: lab\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: lab\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: lab\r\n\r\n", 431),
        (b"\r\n" * 20_000, 431),
    ],
)
def test_garbage(open_door: Door, shelf: Shelf, head: bytes, status: int) -> None:
    assert open_door.raw(head).status in (status, 400)
    assert open_door.get(url_of(SMALL)).body == shelf.files[SMALL]


def test_bytes_at_random(open_door: Door, shelf: Shelf) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    dice = random.Random(seed)
    lines = [f"GET {url_of(SMALL)} HTTP/1.1", "Host: lab", BEARER, "Range: bytes=0-3", "Connection: close", "", ""]
    right = "\r\n".join(lines).encode()
    for _ in range(150):
        data = bytearray(right)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        told = open_door.raw(bytes(data) + b"\r\n\r\n")
        assert told.status in (0, 200, 206, 304, 400, 401, 404, 405, 412, 416, 431)
        # A "Connection: close" that was hit leaves room for a second answer, to the line behind it.
        body = told.body.partition(b"HTTP/1.1")[0]
        assert body in (b"", shelf.files[SMALL], shelf.files[SMALL][:4]) or told.status == 200
    assert open_door.get(url_of(SMALL)).body == shelf.files[SMALL]


def test_more_readers_than_there_are_places(shelf: Shelf) -> None:
    with door(shelf.folder, Limits(connections=3)) as opened, contextlib.ExitStack() as held:
        for _ in range(3):
            sock = held.enter_context(opened.connect())
            sock.sendall(b"GET / HTTP/1.1\r\n")
        told = opened.raw(b"GET / HTTP/1.1\r\n")
        assert (told.status, told.headers["retry-after"]) == (503, "2")
    with door(shelf.folder, Limits(of_one=2)) as opened, contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(opened.connect()).sendall(b"GET / HTTP/1.1\r\n")
        assert opened.raw(b"").status == 503


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="this system gives stacks of any size")
def test_a_system_without_another_thread_ends_no_sharing(open_door: Door, shelf: Shelf) -> None:
    usual = threading.stack_size(1 << 48)  # no such thread can begin
    try:
        assert open_door.raw(b"").status == 503
    finally:
        threading.stack_size(usual)
    assert open_door.get(url_of(SMALL)).body == shelf.files[SMALL]
    assert open_door.server.standing.connections <= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="this system gives no list of descriptors")
def test_nothing_is_left_open(shelf: Shelf) -> None:
    before = descriptors()
    with door(shelf.folder) as opened:
        for target in (url_of(LARGE), url_of(SMALL), "/files/nothing", "/files.json"):
            opened.get(target, "Range: bytes=0-9")
        held = opened.connect()
        held.sendall(b"GET / HTTP/1.1\r\n")
    # The server has left: whoever was inside is out, and hears of it.
    with held:
        assert received(held)[:12] in (b"", b"HTTP/1.1 503")  # if it was still at the door
    with pytest.raises(OSError):  # noqa: PT011 - each system says it in its own words
        opened.connect()
    for one in [one for one in threading.enumerate() if one.name in ("visit", "door")]:
        one.join(SECONDS)
        assert not one.is_alive()
    assert descriptors() == before


# ---- many at once ----


def test_eight_clients_at_once(open_door: Door, shelf: Shelf, tmp_path: Path) -> None:
    """Programs of others and bare sockets, whole files and ranges: right bytes for each."""
    shelf.put("eight.bin", noise(16 << 20, 4))
    right = shelf.files["eight.bin"]
    url = f"{open_door.url}/files/eight.bin"
    words: list[list[str]] = []
    for number, tool in enumerate(("curl", "curl", "aria2c", "aria2c", "wget")):
        if shutil.which(tool) is None:
            continue
        out = f"{number}.bin"
        words.append(
            {
                "curl": ["curl", "-sS", "-f", "-H", BEARER, "-o", str(tmp_path / out), url],
                "aria2c": ["aria2c", "-q", "-x8", "-s8", "-k1M", "--file-allocation=none", f"--header={BEARER}",
                           "-d", str(tmp_path), "-o", out, url],
                "wget": ["wget", "-q", f"--header={BEARER}", "-O", str(tmp_path / out), url],
            }[tool]
        )  # fmt: skip
    running = [subprocess.Popen(one, stdin=subprocess.DEVNULL) for one in words]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        wholes = [threads.submit(open_door.get, "/files/eight.bin") for _ in range(4)]
        seeds = random.Random(5)
        spans = sorted(seeds.randrange(len(right)) for _ in range(80))
        parts = [
            (start, stop, threads.submit(open_door.get, "/files/eight.bin", f"Range: bytes={start}-{stop - 1}"))
            for start, stop in itertools.pairwise(spans)
            if start < stop
        ]
        assert all(one.result().body == right for one in wholes)
        assert all(told.result().body == right[start:stop] for start, stop, told in parts)
    assert [one.wait(SECONDS) for one in running] == [0] * len(words)
    found = [path.read_bytes() for path in tmp_path.glob("*.bin")]
    assert len(found) == len(words)
    assert all(one == right for one in found)


def test_a_hundred_thousand_files_are_told_in_little_memory(tmp_path: Path) -> None:
    """Of what is not there nothing is told, so the list of a hundred thousand is built from hard links to one file."""
    shelf = Shelf(tmp_path / "many")
    data = shelf.put("0.bin", b"x")
    digest = hashlib.sha256(data).hexdigest()
    modified = (shelf.folder / "0.bin").stat().st_mtime_ns
    count = 20_000
    for number in range(1, count):
        os.link(shelf.folder / f"{number - number % 1000}.bin", shelf.folder / f"{number}.bin") if number % 1000 else (
            shelf.folder / f"{number}.bin"
        ).write_bytes(b"x")
        if number % 1000 == 0:
            os.utime(shelf.folder / f"{number}.bin", ns=(modified, modified))
    Ledger(shelf.folder).record(
        [Entry(f"{number}.bin", digest, 1, "aihub", "1", key=str(number), modified=modified) for number in range(count)]
    )
    with door(shelf.folder) as opened:
        told = opened.get("/files.json")
        assert told.whole
        assert len(json.loads(told.body)) == count


def test_an_address_that_cannot_be_had(open_door: Door) -> None:
    for bind in ("127.0.0.1", "no address"):
        with pytest.raises(OSError):  # noqa: PT011 - each system says it in its own words
            LabServer(open_door.server.offer, lab_token(TOKEN), bind, open_door.port)
