"""Connections and bodies, against servers that send what no good server would."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

import httpcore
import pytest
from loopback import DEADLINE, RESETS, Authority, Script, Server, answer, forwards, reset, says

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.sources.body import AnswerBody, Counted, SocketWire, StreamWire, UntilClosed, wire_of
from aihub_desktop.sources.chunked import Dechunker
from aihub_desktop.sources.connection import Connections, read_beginning, read_whole

AGENT: Final = "test/1"
WAYS: Final = ("plain", "tls", "proxy", "tls-proxy")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="SSL_CERT_FILE is the trust store on Linux only")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Road:
    """A way to a server that plays `script`: plain, TLS, or TLS through a proxy that is plain or TLS itself."""

    def __init__(self, way: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self._way, self._authority, self._monkeypatch, self._stack = way, authority, monkeypatch, stack
        authority.trusted(monkeypatch)

    def to(self, script: Script) -> Server:
        tls = None if self._way == "plain" else self._authority.server("127.0.0.1", "hub.example")
        server = self._stack.enter_context(Server(script, tls))
        self.url = server.url
        if "proxy" in self._way:
            proxy_tls = self._authority.server("127.0.0.1") if self._way == "tls-proxy" else None
            proxy = self._stack.enter_context(Server(forwards({"hub.example": server.port}), proxy_tls))
            self._monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            self.url = "https://hub.example"
        return server


@pytest.fixture(params=WAYS)
def road(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    if request.param != "plain" and sys.platform != "linux":
        pytest.skip("SSL_CERT_FILE is the trust store on Linux only")
    with ExitStack() as stack:
        yield Road(request.param, authority, monkeypatch, stack)


def connections(
    *, tick: float = 1.0, header_timeout: float = DEADLINE, connect_timeout: float = DEADLINE
) -> Connections:
    return Connections(AGENT, connect_timeout, header_timeout=header_timeout, tick=tick)


def problem_of(url: str, given: Connections | None = None) -> Problem:
    with pytest.raises(ProblemError) as caught:
        (given or connections()).get(url)
    return caught.value.problem


def chunked(body: bytes, sizes: Iterator[int]) -> bytes:
    out, at = bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 0
    while at < len(body):
        part = body[at : at + next(sizes)]
        at += len(part)
        out += b"%X\r\n%s\r\n" % (len(part), part)
    return bytes(out) + b"0\r\n\r\n"


def sizes(seed: int, most: int) -> Iterator[int]:
    rng = random.Random(seed)
    while True:
        yield rng.randint(1, most)


# ---- bodies, every framing on every way


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_body_arrives_whole(road: Road, framing: str) -> None:
    seed = random.randrange(1 << 32)
    print(f"{seed=}")
    body = random.Random(seed).randbytes(3_000_000)
    whole = {
        "length": answer(body),
        "chunked": chunked(body, sizes(seed, 20_000)),
        "close": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framing]
    road.to(says(whole))
    opened = connections().open(road.url)
    got = hashlib.sha256()
    rng = random.Random(seed)
    view = memoryview(bytearray(1 << 19))
    with closing(opened.body):
        while count := opened.body.readinto(view[: rng.choice([1, 100, 70_000, 1 << 19])]):
            got.update(view[:count])
        assert opened.body.readinto(view) == 0
    assert got.digest() == hashlib.sha256(body).digest()


def test_answers_sent_byte_by_byte(road: Road) -> None:
    def drip(connection: socket.socket, head: bytes) -> None:
        for byte in chunked(b"abcdefghij", sizes(1, 3)):
            connection.sendall(bytes([byte]))

    road.to(drip)
    assert connections().get(road.url).body == b"abcdefghij"


def test_a_stall_is_a_timeout_and_the_read_goes_on(road: Road) -> None:
    def halting(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\n")
        server.release.wait(DEADLINE)
        connection.sendall(b"defgh\r\n0\r\n\r\n")

    server = road.to(halting)
    opened = connections(tick=0.1).open(road.url)
    view = memoryview(bytearray(100))
    with closing(opened.body):
        read = b""
        while read != b"abc":
            read += bytes(view[: opened.body.readinto(view)])
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                opened.body.readinto(view)
            assert 0.05 < time.monotonic() - began < 5.0
        server.release.set()
        rest = read_whole(opened).body
    assert rest == b"defgh"


def test_shut_wakes_a_waiting_read(road: Road) -> None:
    def silent(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        server.release.wait(DEADLINE)

    server = road.to(silent)
    opened = connections(tick=DEADLINE).open(road.url)
    reading = threading.Event()
    caught: list[tuple[Problem, float]] = []

    def read() -> None:
        reading.set()
        try:
            opened.body.readinto(memoryview(bytearray(10)))
        except ProblemError as error:
            caught.append((error.problem, time.monotonic()))

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(DEADLINE)
    reader.join(0.2)  # long enough to be inside the read; if not, the shut is found on entry
    shut_at = time.monotonic()
    opened.body.shut()
    reader.join(DEADLINE)
    opened.body.close()
    opened.body.shut()  # late, and harmless
    (problem, woken_at) = caught[0]
    assert problem.code is Code.CUT
    assert woken_at - shut_at < 1.0


def test_nothing_is_read_after_shut(road: Road) -> None:
    road.to(says(answer(bytes(100_000))))
    opened = connections().open(road.url)
    view = memoryview(bytearray(1000))
    assert opened.body.readinto(view)
    opened.body.shut()
    with pytest.raises(ProblemError, match="cut"):
        read_whole(opened)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 10\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzzz\r\nabc\r\n",
    ],
)
def test_an_early_end_is_a_cut(road: Road, head: bytes) -> None:
    road.to(says(b"HTTP/1.1 200 OK\r\n" + head))
    assert problem_of(road.url).code is Code.CUT


@RESETS
def test_a_reset_in_the_body_is_a_cut() -> None:
    def resetting(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nabc")  # an end would be a good end here
        assert server.release.wait(DEADLINE)
        reset(connection)

    with Server(resetting) as server, closing((opened := connections().open(server.url)).body):
        view = memoryview(bytearray(100))
        assert opened.body.readinto(view) == 3
        server.release.set()
        with pytest.raises(ProblemError) as caught:
            opened.body.readinto(view)
    assert caught.value.problem == Problem(Code.CUT, {"why": "reset"})


def test_a_wire_over_a_socket() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = SocketWire(near)
        far.sendall(b"abc")
        view = memoryview(bytearray(10))
        assert wire.receive(view, 1.0) == 3
        with pytest.raises(TimeoutError):
            wire.receive(view, 0.0)
        far.close()
        assert wire.receive(view, 1.0) == 0
        wire.close()
        wire.shut()


# ---- headers


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not-http"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000, "not-http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "not-http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", "not-http"),
    ],
)
def test_an_answer_without_a_right_header(sent: bytes, why: str) -> None:
    with Server(says(sent)) as server:
        problem = problem_of(server.url)
    assert problem == Problem(Code.UNREACHABLE, {"why": why, "host": "127.0.0.1"})


def test_a_reset_before_the_header() -> None:
    def resetting(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200")
        reset(connection)

    with Server(resetting) as server:
        assert problem_of(server.url).facts["why"] in ("reset", "closed")


def test_a_header_that_never_comes(road: Road) -> None:
    def silent(connection: socket.socket, head: bytes) -> None:
        server.release.wait(DEADLINE)

    server = road.to(silent)
    assert problem_of(road.url, connections(header_timeout=0.5)).facts["why"] == "no-answer"


def test_a_header_that_drips_is_given_up() -> None:
    def dripping(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not server.release.wait(0.05):
            connection.sendall(b"A: b\r\n")

    with Server(dripping) as server:
        began = time.monotonic()
        assert problem_of(server.url, connections(header_timeout=0.4)).facts["why"] == "no-answer"
        assert time.monotonic() - began < 5.0


def test_informational_headers_come_before_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    with Server(says(b"HTTP/1.1 100 Continue\r\n\r\n" + early + answer(b"abc"))) as server:
        assert connections().get(server.url).body == b"abc"


def test_bare_line_ends_in_the_header() -> None:
    with Server(says(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc\n")) as server:
        assert connections().get(server.url).body == b"abc"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_header_end_split_over_two_reads(cut: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"

    def split(connection: socket.socket, request: bytes) -> None:
        connection.sendall(head[:-cut])
        server.release.wait(0.05)
        connection.sendall(head[-cut:] + b"abc")

    with Server(split) as server:
        assert connections().get(server.url).body == b"abc"


@pytest.mark.parametrize(
    "header", ["Content-Encoding: gzip", "Content-Encoding: br", "Transfer-Encoding: gzip, chunked"]
)
def test_a_coded_body_is_refused(header: str) -> None:
    with Server(says(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode())) as server:
        assert problem_of(server.url).code in (Code.HUB_ERROR, Code.UNREACHABLE)


def test_identity_is_no_coding() -> None:
    with Server(says(answer(b"abc", "Content-Encoding: identity"))) as server:
        assert connections().get(server.url).body == b"abc"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(status: str) -> None:
    with Server(says(f"HTTP/1.1 {status}\r\n\r\n".encode())) as server:
        assert connections().get(server.url).body == b""


def test_what_is_asked() -> None:
    with Server(says(answer(b"", status="302 Found"))) as server:
        reached = connections()
        assert reached.get(f"{server.url}/info/한 글.do?a=1,2", {"apikey": "k"}).status == 302
        reached.post(f"{server.url}/api")
    first, second = (head.decode().split("\r\n") for head in server.heads)
    assert first[0] == "GET /info/%ED%95%9C%20%EA%B8%80.do?a=1,2 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", f"User-Agent: {AGENT}", "Accept-Encoding: identity", "apikey: k"} <= {
        *first
    }
    assert second[0] == "POST /api HTTP/1.1"
    assert "Content-Length: 0" in second


# ---- small answers


def test_a_small_answer_is_bounded() -> None:
    with Server(says(answer(bytes(5000)))) as server:
        with pytest.raises(ProblemError) as caught:
            read_whole(connections().open(server.url), limit=4999)
        assert caught.value.problem.code is Code.BAD_ANSWER
        assert read_beginning(connections().open(server.url), 100, DEADLINE) == bytes(100)


def test_a_small_answer_that_drips_is_given_up() -> None:
    def dripping(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.release.wait(0.02):
            connection.sendall(b"x")

    with Server(dripping) as server:
        with pytest.raises(ProblemError) as caught:
            read_whole(connections().open(server.url), seconds=0.3)
        assert caught.value.problem.facts["why"] == "slow"
        assert set(read_beginning(connections().open(server.url), 1000, 0.3)) == {ord("x")}


def test_the_beginning_of_a_cut_answer() -> None:
    with Server(says(b"HTTP/1.1 502 Bad\r\nContent-Length: 99\r\n\r\nabc")) as server:
        assert read_beginning(connections().open(server.url), 1000, DEADLINE) == b"abc"


# ---- the way there


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        assert isinstance(port, int)
        return port


def test_a_refused_connection() -> None:
    assert problem_of(f"http://127.0.0.1:{free_port()}").facts == {"why": "refused", "host": "127.0.0.1"}


@pytest.mark.parametrize("host", [f"{'a' * 70}.invalid", "aihub-desktop-test.invalid"])
def test_a_name_that_leads_nowhere(host: str) -> None:
    assert problem_of(f"http://{host}/").facts == {"why": "dns", "host": host}


@pytest.mark.parametrize(
    "url", ["", "aihub.or.kr", "ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/"]
)
def test_what_is_no_address(url: str) -> None:
    assert problem_of(url).facts["why"] == "address"


def test_a_server_that_does_not_shake_hands() -> None:
    def silent(connection: socket.socket, head: bytes) -> None:
        raise AssertionError("no request was to come")

    with Server(silent) as server:  # it waits for a request while the client waits for TLS
        began = time.monotonic()
        problem = problem_of(f"https://127.0.0.1:{server.port}", connections(connect_timeout=0.4))
        assert problem.facts["why"] == "connect-timeout"
        assert time.monotonic() - began < 5.0


def test_a_plain_server_asked_for_tls() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: plain(listener.accept()[0]))
        thread.start()
        assert problem_of(f"https://127.0.0.1:{listener.getsockname()[1]}").facts["why"] == "tls"
        thread.join(DEADLINE)


@on_linux
def test_an_unknown_authority_is_not_trusted(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Authority(tmp_path).trusted(monkeypatch)
    with Server(says(answer(b"")), authority.server("127.0.0.1")) as server:
        problem = problem_of(server.url)
        assert server.heads in ([], [b""])
    assert problem.code is Code.TLS_UNTRUSTED
    assert problem.facts["host"] == "127.0.0.1"
    assert problem.facts["why"]


@on_linux
def test_a_certificate_for_another_name_is_not_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.trusted(monkeypatch)
    with Server(says(answer(b"")), authority.server("api.aihub.or.kr")) as server:
        assert problem_of(server.url).code is Code.TLS_UNTRUSTED


@on_linux
def test_a_proxys_certificate_is_checked_too(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Authority(tmp_path).trusted(monkeypatch)
    with Server(forwards({}), authority.server("127.0.0.1")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert problem_of("https://hub.example").code is Code.TLS_UNTRUSTED


# ---- proxies


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(forwards({})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert problem_of("https://hub.example").facts == {"why": "proxy", "host": "hub.example"}
    assert proxy.heads[0].startswith(b"CONNECT hub.example:443 HTTP/1.1\r\n")


def test_a_proxy_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{free_port()}")
    assert problem_of("https://hub.example").facts["why"] == "refused"


def test_a_proxy_of_a_kind_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert problem_of("https://hub.example").facts["why"] == "proxy-kind"


def test_a_proxy_gets_its_password_and_not_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(forwards({})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:secret@"))
        with pytest.raises(ProblemError):
            connections().get("https://hub.example", {"apikey": "the-key"})
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in proxy.heads[0]
    assert b"the-key" not in proxy.heads[0]


def test_plain_http_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(says(answer(b"abc"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert connections().get("http://hub.example/x").body == b"abc"
    assert proxy.heads[0].startswith(b"GET http://hub.example/x HTTP/1.1\r\n")


@pytest.mark.parametrize("exempt", ["127.0.0.1", "", "*"])
def test_loopback_is_reached_without_proxy(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    with Server(forwards({})) as proxy, Server(says(answer(b"abc"))) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt)
        assert connections().get(server.url).body == b"abc"
    assert not proxy.heads


# ---- lifetime


def test_close_ends_what_waits_for_a_header(road: Road) -> None:
    def silent(connection: socket.socket, head: bytes) -> None:
        asked.set()
        server.release.wait(DEADLINE)

    asked = threading.Event()
    server = road.to(silent)
    reached = connections()
    caught: list[Problem] = []
    opening = threading.Thread(target=lambda: caught.append(problem_of(road.url, reached)))
    opening.start()
    assert asked.wait(DEADLINE)
    began = time.monotonic()
    reached.close()
    opening.join(DEADLINE)
    assert time.monotonic() - began < 1.0
    assert caught[0].code is Code.UNREACHABLE
    assert problem_of(road.url, reached).code is Code.UNREACHABLE


def test_a_body_outlives_close(road: Road) -> None:
    def slow(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        server.release.wait(DEADLINE)
        connection.sendall(b"def")

    server = road.to(slow)
    reached = connections()
    opened = reached.open(road.url)
    reached.close()
    server.release.set()
    assert read_whole(opened).body == b"abcdef"


def test_many_at_once(road: Road) -> None:
    bodies = [os.urandom(200_000) for _ in range(8)]

    def chosen(connection: socket.socket, head: bytes) -> None:
        connection.sendall(answer(bodies[int(head.split(b" ")[1][1:])]))

    road.to(chosen)
    reached = connections()
    got: dict[int, bytes] = {}

    def fetch(number: int) -> None:
        got[number] = reached.get(f"{road.url}/{number}").body

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert [got[number] for number in range(8)] == bodies


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list open descriptors in /proc")
def test_no_descriptor_is_left_open(road: Road) -> None:
    def spoilt(connection: socket.socket, head: bytes) -> None:
        connection.sendall({b"1": b"junk\r\n\r\n", b"2": answer(b"abc")[:-1], b"3": answer(b"abc")}[head[5:6]])

    def ours() -> int:
        return sum(1 for entry in Path("/proc/self/fd").iterdir() if entry.exists() or entry.is_symlink())

    server = road.to(spoilt)
    reached = connections()
    for url in [f"{road.url}/{number}" for number in (1, 2, 3)]:
        connect(reached, url)
    before = ours()
    for _ in range(5):
        for number in (1, 2, 3):
            connect(reached, f"{road.url}/{number}")
    deadline = time.monotonic() + DEADLINE
    while ours() > before + 4 and time.monotonic() < deadline:  # the server's side closes in its own time
        server.release.wait(0.01)
    assert ours() <= before + 4


def connect(reached: Connections, url: str) -> None:
    with suppress(ProblemError):
        reached.get(url)


# ---- parts by themselves


@on_linux
def test_a_bare_socket_is_read_where_there_is_one(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.trusted(monkeypatch)
    trust = ssl.create_default_context(cafile=str(authority.file))
    inner = authority.server("hub.example")
    with (
        Server(says(b""), inner) as server,
        Server(forwards({"hub.example": server.port}), authority.server("127.0.0.1")) as proxy,
    ):
        plain = httpcore.SyncBackend().connect_tcp("127.0.0.1", proxy.port)
        assert type(wire_of(plain)) is SocketWire
        outer = httpcore.SyncBackend().connect_tcp("127.0.0.1", proxy.port).start_tls(trust, "127.0.0.1", DEADLINE)
        outer.write(b"CONNECT hub.example:443 HTTP/1.1\r\n\r\n")
        while not outer.read(1000).endswith(b"\r\n\r\n"):
            pass
        twice = outer.start_tls(trust, "hub.example", DEADLINE)
        assert type(wire_of(twice)) is StreamWire
        encrypted = (
            httpcore.SyncBackend().connect_tcp("127.0.0.1", server.port).start_tls(trust, "hub.example", DEADLINE)
        )
        assert type(wire_of(encrypted)) is SocketWire
        for stream in (plain, twice, encrypted):
            stream.close()


def test_framings() -> None:
    view = memoryview(bytearray(10))
    counted = Counted(12)
    assert (counted.take(view), counted.at_end, counted.take(view), counted.at_end) == (10, False, 2, True)
    counted.end()
    endless = UntilClosed()
    assert (endless.take(view), endless.at_end) == (10, False)
    endless.end()
    assert endless.at_end
    for unfinished in (Counted(1), Dechunker()):
        with pytest.raises(ProblemError):
            unfinished.end()


def test_an_empty_view_is_a_mistake() -> None:
    near, far = socket.socketpair()
    with near, far:
        body = AnswerBody(SocketWire(near), UntilClosed(), b"", 1.0)
        with pytest.raises(ValueError, match="empty"):
            body.readinto(memoryview(b""))
        body.close()


def test_framing_alone_does_not_stretch_the_tick() -> None:
    near, far = socket.socketpair()
    stop = threading.Event()

    def trickle() -> None:
        for byte in b"5;" + b"x" * 4000:
            if stop.wait(0.02):
                return
            far.sendall(bytes([byte]))

    with near, far:
        body = AnswerBody(SocketWire(near), Dechunker(), b"", 0.2)
        thread = threading.Thread(target=trickle)
        thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            body.readinto(memoryview(bytearray(10)))
        assert time.monotonic() - began < 1.0
        stop.set()
        thread.join(DEADLINE)
        body.close()
