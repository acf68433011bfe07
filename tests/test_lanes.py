"""Connections that are kept, renewed, shut from another thread; what goes out over them, and to whom."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from gatherings import PlainTerms, remote
from loopback import Authority, Server, answer, read_head
from range_server import Fault, RangeServer, Thing, Way

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import S3, RemoteFile
from aihub_desktop.sources.lanes import RangeAnswer, RangeLane, Ranges

ALL: Final = None


def ranges(terms: PlainTerms | None = None, *, header_timeout: float = 10.0) -> Ranges:
    return Ranges(
        terms or PlainTerms(), user_agent="test/1", connect_timeout=5.0, header_timeout=header_timeout, tick=0.1
    )


def read(answer: RangeAnswer) -> bytes:
    data, view = bytearray(), memoryview(bytearray(100_000))
    while count := answer.body.readinto(view):
        data += view[:count]
    answer.body.close()
    return bytes(data)


def refusal(act: Callable[[], object]) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        act()
    return caught.value


def test_one_connection_serves_one_request_after_another() -> None:
    things = {f"/{n}": Thing(n * 1000, seed=n) for n in range(20)}
    with RangeServer(things) as server:
        lane = ranges().lane()
        for name, thing in things.items():
            assert read(lane.open(remote(f"{server.url}{name}"), 0, None, "")) == thing.bytes()
        for start, stop in ((0, 10), (500, 700), (18_999, 19_000), (18_000, None)):
            opened = lane.open(remote(f"{server.url}/19"), start, stop, '"v1"')
            assert (opened.start, opened.stop, opened.size) == (start, stop or 19_000, 19_000)
            assert (opened.etag, opened.ranges, opened.checksums) == ('"v1"', True, ())
            assert read(opened) == things["/19"].bytes(start, stop)
        lane.close()
        assert server.connections == 1
        assert [one.headers.get("range") for one in server.seen[20:]] == [
            "bytes=0-9", "bytes=500-699", "bytes=18999-18999", "bytes=18000-",
        ]  # fmt: skip


def test_refusals_keep_the_connection_too() -> None:
    with RangeServer({"/a": Thing(10)}) as server:
        lane = ranges().lane()
        assert refusal(lambda: lane.open(remote(f"{server.url}/no"), 0, None, "")).problem.code is Code.NOT_THERE
        beyond = refusal(lambda: lane.open(remote(f"{server.url}/a"), 10, 20, "")).problem
        assert (beyond.code, beyond.facts) == (Code.CHANGED, {"why": "size", "size": 10})
        assert read(lane.open(remote(f"{server.url}/a"), 0, None, ""))
        lane.close()
        assert server.connections == 1


def test_an_answer_that_was_not_read_to_its_end_costs_its_connection() -> None:
    with RangeServer({"/a": Thing(500_000)}) as server:
        lane = ranges().lane()
        lane.open(remote(f"{server.url}/a"), 0, None, "").body.close()
        assert read(lane.open(remote(f"{server.url}/a"), 1, 2, "")) == server.things["/a"].bytes(1, 2)
        lane.close()
        assert server.connections == 2


@pytest.mark.parametrize("way", [Way.HANGUP, Way.CLOSING])
def test_a_kept_connection_that_ended_is_renewed_without_a_failure(way: Way) -> None:
    """At the request, or silently before it."""
    thing = Thing(1000, faults=[Fault(way, since=1)])
    with RangeServer({"/a": thing}) as server:
        lane = ranges().lane()
        for _ in range(3):
            assert read(lane.open(remote(f"{server.url}/a"), 0, None, "")) == thing.bytes()
        server.hang_up()
        assert read(lane.open(remote(f"{server.url}/a"), 0, None, "")) == thing.bytes()
        lane.close()
        assert server.connections == 3


def test_what_comes_unasked_is_no_answer() -> None:
    """A server that says goodbye with a 408 must not have it taken for the answer to the next request."""
    said = threading.Event()

    def script(connection: socket.socket, head: bytes) -> None:
        connection.sendall(answer(b"hello"))
        if not said.is_set():
            connection.sendall(answer(b"", status="408 Request Timeout"))
            said.set()

    with Server(script) as server:
        lane = ranges().lane()
        assert read(lane.open(remote(f"{server.url}/a"), 0, None, "")) == b"hello"
        assert said.wait(5)
        assert read(lane.open(remote(f"{server.url}/a"), 0, None, "")) == b"hello"
        lane.close()
        assert len(server.heads) == 2


def test_a_failure_that_lasts_is_told() -> None:
    with RangeServer({"/a": Thing(1000, faults=[Fault(Way.HANGUP, since=1, times=ALL)])}) as server:
        lane = ranges().lane()
        read(lane.open(remote(f"{server.url}/a"), 0, None, ""))
        error = refusal(lambda: lane.open(remote(f"{server.url}/a"), 0, None, ""))
        assert (error.problem.code, error.problem.facts["why"]) == (Code.UNREACHABLE, "closed")
        lane.close()


@pytest.mark.parametrize("kept", [False, True])
def test_a_server_that_says_nothing_runs_out_of_time(kept: bool) -> None:
    with RangeServer({"/a": Thing(1000, faults=[Fault(Way.SILENT, since=int(kept))])}) as server:
        lane = ranges(header_timeout=0.3).lane()
        if kept:
            read(lane.open(remote(f"{server.url}/a"), 0, None, ""))
        error = refusal(lambda: lane.open(remote(f"{server.url}/a"), 0, None, ""))
        assert (error.problem.code, error.problem.facts["why"]) == (Code.UNREACHABLE, "no-answer")
        lane.close()


# ---- shut from another thread ----


def test_shut_ends_what_waits_for_a_connection() -> None:
    """Nobody accepts: the header never comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        check_shut(ranges().lane(), lambda lane: lane.open(remote(url), 0, None, ""), lambda: None)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-"])
def test_shut_ends_what_waits_for_a_head(head: bytes, kept: bool) -> None:
    asked = threading.Event()

    def script(connection: socket.socket, request: bytes) -> None:
        if kept and not server.heads[1:]:
            connection.sendall(answer(b"hello"))
            read_head(connection)
        connection.sendall(head)
        asked.set()
        server.release.wait()

    with Server(script) as server:
        lane = ranges().lane()
        if kept:
            read(lane.open(remote(f"{server.url}/a"), 0, None, ""))
        check_shut(lane, lambda lane: lane.open(remote(f"{server.url}/a"), 0, None, ""), asked.wait)


def test_shut_ends_what_waits_for_a_body() -> None:
    with RangeServer({"/a": Thing(1000, faults=[Fault(Way.STALL, at=10)])}) as server:
        check_shut(
            ranges().lane(),
            lambda lane: patiently(lane.open(remote(f"{server.url}/a"), 0, None, "")),
            lambda: server.wait_sent("/a", 10),
        )


def patiently(opened: RangeAnswer) -> None:
    view = memoryview(bytearray(100))
    with contextlib.closing(opened.body):
        while True:
            with contextlib.suppress(TimeoutError):
                assert opened.body.readinto(view)


def check_shut(lane: RangeLane, act: Callable[[RangeLane], object], ready: Callable[[], object]) -> None:
    caught: list[ProblemError] = []

    def run() -> None:
        try:
            act(lane)
        except ProblemError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    ready()
    began = time.monotonic()
    lane.shut()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1
    assert caught[0].problem.code in (Code.CUT, Code.UNREACHABLE)
    assert refusal(lambda: act(lane)).problem.code is Code.CUT
    lane.close()


# ---- what goes out ----


class Says(PlainTerms):
    """Adds headers."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self._more = headers

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        address, wanted = super().request(file, mirror, headers)
        return address, wanted | self._more


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nHost: evil"},
        {"x": "a\nHost: evil"},
        {"x": "a\rHost: evil"},
        {"x": "a\0"},
        {"x": "한글"},
        {"x\r\ny": "a"},
        {"x y": "a"},
        {"x:": "a"},
        {"": "a"},
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_a_header_within_a_header_is_refused(headers: dict[str, str], kept: bool) -> None:
    with RangeServer({"/a": Thing(10)}) as server:
        terms = Says({})
        lane = ranges(terms).lane()
        if kept:
            read(lane.open(remote(f"{server.url}/a"), 0, None, ""))
        terms._more = headers
        error = refusal(lambda: lane.open(remote(f"{server.url}/a"), 0, None, ""))
        assert error.problem.code is Code.BAD_ADDRESS
        assert "evil" not in f"{error} {error.problem}"
        lane.close()
        assert len(server.seen) == kept


TARGETS: Final = (
    "/",
    "//",
    "//a//b/",
    "/a/../b",
    "/./a",
    "/%2F%2e%2E/x",
    "/a%20b%C3%A9",
    "/a?b=c&d=%2F/..//",
    "/?",
    "/a;b=c,d'()*!$:@~",
    "/[x]|^`{}",
)


@pytest.mark.parametrize("target", TARGETS)
def test_targets_go_out_as_they_are(target: str) -> None:
    """By the first request of a connection as by those that follow."""
    with RangeServer({target: Thing(10)}) as server:
        lane = ranges().lane()
        for _ in range(2):
            assert len(read(lane.open(remote(f"{server.url}{target}#part", name="x"), 0, None, ""))) == 10
        lane.close()
        first, second = server.seen
        assert first.target == second.target == target
        assert first.headers == second.headers
        assert first.headers == {
            "host": f"127.0.0.1:{server.port}", "user-agent": "test/1", "accept": "*/*", "accept-encoding": "identity",
        }  # fmt: skip


def test_an_address_without_a_path(folder: Path) -> None:
    with RangeServer({"/": Thing(10), "/?x": Thing(20)}) as server:
        lane = ranges().lane()
        assert len(read(lane.open(remote(server.url, name="x"), 0, None, ""))) == 10
        assert len(read(lane.open(remote(f"{server.url}?x", name="x"), 0, None, ""))) == 20
        lane.close()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://h/a",
        "http://",
        "http:///a",
        "http://h:99999/a",
        "http://h:x/a",
        "http://h/a b",
        "http://h/한글",
        "http://h/\r\nx",
        "http://me:secret@h/a",
        "http://me@127.0.0.1\\@h/a",
        "http://[::1/a",
    ],
)
def test_addresses_that_cannot_be_asked(address: str) -> None:
    lane = ranges().lane()
    error = refusal(lambda: lane.open(remote(address, name="x"), 0, None, ""))
    assert error.problem.code is Code.BAD_ADDRESS
    assert "secret" not in f"{error} {error.problem}"
    lane.close()


def test_content_of_a_storage_is_asked_for_by_if_match() -> None:
    with RangeServer({"/a": Thing(10)}) as server:
        lane = ranges().lane()
        web = remote(f"{server.url}/a")
        s3 = RemoteFile(S3, web.dataset, web.key, web.path, web.size, origin=web.origin)
        assert read(lane.open(s3, 2, 5, '"v1"')) == server.things["/a"].bytes(2, 5)
        assert server.seen[-1].headers["if-match"] == '"v1"'
        assert refusal(lambda: lane.open(s3, 2, 5, '"v0"')).problem.code is Code.CHANGED
        assert refusal(lambda: lane.open(web, 2, 5, '"v0"')).problem.code is Code.CHANGED
        assert server.seen[-1].headers["if-range"] == '"v0"'
        lane.close()


# ---- what is learned ----


class Learning(PlainTerms):
    """Learns from each refusal that another address is right, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times
        self.texts: list[bytes] = []

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        self.texts.append(body)
        self._left -= 1
        return self._left >= 0


def test_something_learned_is_another_try() -> None:
    with RangeServer({"/a": Thing(10, faults=[Fault(Way.STATUS, at=307, times=3)])}) as server:
        terms = Learning(5)
        lane = ranges(terms).lane()
        assert len(read(lane.open(remote(f"{server.url}/a"), 0, None, ""))) == 10
        lane.close()
        assert terms.texts == [b"not now"] * 3
        assert server.connections == 1


def test_learning_has_an_end() -> None:
    with RangeServer({"/a": Thing(10, faults=[Fault(Way.STATUS, at=307, times=ALL)])}) as server:
        lane = ranges(Learning(1000)).lane()
        assert refusal(lambda: lane.open(remote(f"{server.url}/a"), 0, None, "")).problem.code is Code.WRONG_ANSWER
        lane.close()
        assert len(server.seen) == 11


# ---- TLS ----


@pytest.mark.skipif(sys.platform != "linux", reason="SSL_CERT_FILE is the trust store on Linux only")
def test_https_with_an_own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    authority.trusted(monkeypatch)
    thing = Thing(300_000)
    with RangeServer({"/a": thing}, tls=authority.server("127.0.0.1")) as server:
        lane = ranges().lane()
        for start in (0, 1, 299_999):
            assert read(lane.open(remote(f"{server.url}/a"), start, None, "")) == thing.bytes(start)
        lane.close()
        assert server.connections == 1


@pytest.mark.parametrize("name", ["127.0.0.1", "example.org"])
def test_https_with_a_wrong_authority_or_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.mkdir()
    wrong.mkdir()
    trusted = Authority(right)
    trusted.trusted(monkeypatch)
    issuer = trusted if name == "example.org" else Authority(wrong)
    with RangeServer({"/a": Thing(10)}, tls=issuer.server(name)) as server:
        lane = ranges().lane()
        assert refusal(lambda: lane.open(remote(f"{server.url}/a"), 0, None, "")).problem.code is Code.TLS_UNTRUSTED
        lane.close()
        assert server.seen == []
