"""The hub's client: against the demo hub, and against servers that lie about where they are."""

from __future__ import annotations

import logging
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from typing import Final

import pytest
from loopback import DEADLINE, Authority, Script, Server, answer, forwards, says

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, Secret
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.sources.aihub.tarstream import Chunk, Member, TarReader
from aihub_desktop.sources.hosts import is_insecure, is_loopback, may_have_key
from aihub_desktop.sources.place import Body, Source

KEY: Final = Secret("01234567-89ab-cdef-0123-456789abcdef")
DATASET: Final = Dataset("aihub", "86", "감성")
PACKAGE: Final = Dataset("aihub", "86", "묶음", package=True)
REFUSED: Final = "인증실패, 권한이 거부되었습니다."
LIST: Final = "=====DataSet 목록=====\n86, 감성\n=====\n"
PACKAGES: Final = "=====DataPackage 목록=====\n86, 묶음\n=====\n"
TREE: Final = "=====공지사항===== \n===== \n\n    └─가.zip | 1 KB | 7\n"


def client(hub: str) -> AIHub:
    return AIHub(hub, user_agent="test/1", connect_timeout=DEADLINE, header_timeout=DEADLINE)


def text(body: str, status: str = "502 Bad Gateway", kind: str = "text/plain;charset=UTF-8") -> bytes:
    return answer(body.encode(), f"Content-Type: {kind}", status=status)


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


def by_path(answers: dict[str, bytes]) -> Script:
    def script(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].decode()
        connection.sendall(answers.get(path, text("페이지가 존재하지 않습니다.", "404 Not Found")))

    return script


def content(body: Body) -> dict[str, bytes]:
    reader, members, name = TarReader(), dict[str, bytes](), ""
    view = memoryview(bytearray(1 << 16))
    with closing(body):
        while count := body.readinto(view):
            for event in reader.feed(view[:count]):
                if isinstance(event, Member):
                    name = event.name
                    members[name] = b""
                elif isinstance(event, Chunk):
                    members[name] += event.data
        reader.finish()
    return members


def problem_of_stream(source: AIHub, key: Secret = KEY, dataset: Dataset = DATASET) -> Problem:
    with pytest.raises(ProblemError) as caught:
        source.open_stream(dataset, ["7"], key)
    return caught.value.problem


# ---- against the demo hub


def test_the_whole_road_at_the_demo_hub(hub: DemoHub) -> None:
    source: Source = client(hub.url)
    datasets = source.datasets()
    assert {dataset.key for dataset in datasets if not dataset.package} == {
        offer.key for offer in hub.catalogue.datasets
    }
    assert any(dataset.package for dataset in datasets) == bool(hub.catalogue.packages)
    assert source.check_key(Secret(DEMO_KEY)) is True
    assert source.check_key(KEY) is False
    dataset = next(dataset for dataset in datasets if dataset.key == "90001")
    files = source.files(dataset).files
    small = min(files, key=lambda file: file.size.high)
    members = content(source.open_stream(dataset, [small.key], Secret(DEMO_KEY)))
    pieces = sorted(members.items(), key=lambda item: int(item[0].rpartition(".part")[2]))
    assert b"".join(data for _, data in pieces) == hub.catalogue.bytes_of(small.key)
    source.close()


def test_every_dataset_of_the_demo_hub_can_be_listed_twice(hub: DemoHub) -> None:
    """The demo answers with 200 and 502 by turns, as the hub does."""
    source = client(hub.url)
    seen: list[list[Dataset]] = [source.datasets() for _ in range(2)]
    assert seen[0] == seen[1]


# ---- what is asked and how answers are taken


def test_requests_are_those_of_the_official_script() -> None:
    answers = {
        "/info/dataset.do": text(LIST),
        "/info/datapckage.do": text(PACKAGES, "200 OK"),
        "/info/86.do": text(TREE),
        "/info/pckage/86.do": text(TREE, "200 OK"),
    }
    with Server(by_path(answers)) as server:
        source = client(f"{server.url}/")
        assert source.datasets() == [DATASET, PACKAGE]
        assert [file.key for file in source.files(DATASET).files] == ["7"]
        assert source.files(PACKAGE).files[0].package
        for dataset in (DATASET, PACKAGE, Dataset("aihub", "a/../b?c", "")):
            with pytest.raises(ProblemError):
                source.open_stream(dataset, ["7", "8&x=#", "9"], KEY)
        source.check_key(KEY)
        with pytest.raises(ValueError, match="no file keys"):
            source.open_stream(DATASET, [], KEY)
    lines = [head.split(b" HTTP")[0].decode() for head in server.heads]
    assert lines == [
        "GET /info/dataset.do",
        "GET /info/datapckage.do",
        "GET /info/86.do",
        "GET /info/pckage/86.do",
        "GET /down/0.6/86.do?fileSn=7,8%26x%3D%23,9",
        "GET /down/pckage/0.6/86.do?fileSn=7,8%26x%3D%23,9",
        "GET /down/0.6/a%2F..%2Fb%3Fc.do?fileSn=7,8%26x%3D%23,9",
        "POST /api/keyValidate.do",
    ]
    with_key = [b"apikey: " in head for head in server.heads]
    assert with_key == [False] * 4 + [True] * 4
    assert all(b"User-Agent: test/1\r\n" in head for head in server.heads)


@pytest.mark.parametrize(
    "packages",
    [
        text("<html>", kind="text/html"),
        text("x", "500 Error"),
        b"",
        text("x", "403 Forbidden"),
        text("=====DataPackage 목록"),
    ],
)
def test_packages_that_cannot_be_had_hide_no_dataset(packages: bytes) -> None:
    with Server(by_path({"/info/dataset.do": text(LIST), "/info/datapckage.do": packages})) as server:
        assert client(server.url).datasets() == [DATASET]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (text("<html>점검 중</html>", "200 OK", "text/html"), Code.BAD_ANSWER),
        (text("<html>", "502 Bad Gateway", "text/html"), Code.BAD_ANSWER),
        (text("점검 중", "200 OK"), Code.BAD_ANSWER),
        (text("점검 중", "500 Error"), Code.HUB_ERROR),
        (text("x", "429 Too Many Requests"), Code.HUB_BUSY),
        (text("페이지가 존재하지 않습니다."), Code.UNKNOWN_DATASET),
        (text("x", "403 Forbidden"), Code.FORBIDDEN),
        (text("=====DataSet 목록=====\n86, 감"), Code.BAD_ANSWER),
        (text(LIST)[:-3], Code.CUT),
        (b"", Code.UNREACHABLE),
    ],
)
def test_lists_that_are_none(sent: bytes, code: Code) -> None:
    with Server(says(sent)) as server:
        with pytest.raises(ProblemError) as caught:
            client(server.url).datasets()
        assert caught.value.problem.code is code
        assert len(server.heads) == 1


def test_a_redirected_list_is_followed() -> None:
    with Server(by_path({"/info/86.do": redirect("/new/86.do"), "/new/86.do": text(TREE)})) as server:
        assert client(server.url).files(DATASET).files[0].key == "7"


def test_busy_brings_its_retry_after() -> None:
    with Server(says(answer(b"", "Retry-After: 7", status="503 Busy"))) as server:
        problem = problem_of_stream(client(server.url))
    assert problem.code is Code.HUB_BUSY
    assert problem.facts["retry_after"] == "7"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (text(REFUSED), Code.KEY_REJECTED),
        (text(REFUSED, "200 OK"), Code.KEY_REJECTED),
        (
            text("다운로드 서비스는 홈페이지(https://aihub.or.kr)에서 신청 및 승인 후 이용 가능 합니다."),
            Code.NOT_APPROVED,
        ),
        (text("AI 허브는 해외에서의 데이터 다운로드를 제한하고 있습니다."), Code.ABROAD),
        (text("요청하신 데이터셋의 파일이 존재하지 않습니다."), Code.UNKNOWN_FILE),
        (text("<html>" + "x" * 200_000, "200 OK", "text/html"), Code.NOT_A_TAR),
        (text("안녕", "200 OK"), Code.NOT_A_TAR),
        (text("안녕"), Code.HUB_ERROR),
        (b"HTTP/1.1 500 Error\r\nContent-Length: 100\r\n\r\nx", Code.HUB_ERROR),
        (text("안녕", "304 Not Modified"), Code.NOT_A_TAR),
        (answer(b"", "Content-Encoding: gzip"), Code.HUB_ERROR),
    ],
)
def test_a_stream_that_is_none(sent: bytes, code: Code) -> None:
    with Server(says(sent)) as server:
        assert problem_of_stream(client(server.url)).code is code


def test_a_text_without_type_or_length_is_known_by_the_tar_reader() -> None:
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + REFUSED.encode())) as server:
        body = client(server.url).open_stream(DATASET, ["7"], KEY)
        with pytest.raises(ProblemError) as caught:
            content(body)
    assert caught.value.problem.code is Code.KEY_REJECTED


def test_without_a_key_none_is_sent() -> None:
    with Server(says(text(REFUSED))) as server:
        assert problem_of_stream(client(server.url), Secret("")).code is Code.NO_KEY
    assert b"apikey" not in server.heads[0]


@pytest.mark.parametrize("key", ["a\r\nX: y", "열쇠", " ", "a b", "\x00"])
def test_a_key_that_is_no_header_is_not_sent(key: str) -> None:
    with Server(says(text(REFUSED))) as server:
        assert problem_of_stream(client(server.url), Secret(key)) == Problem(Code.KEY_REJECTED)
        assert client(server.url).check_key(Secret(key)) is False
    assert not server.heads


@pytest.mark.parametrize(
    ("sent", "verdict"),
    [
        (answer(b'{"msg":"login success","code":200}'), True),
        (answer(b'{"msg":"login fail","code":401}'), False),
        (answer(b'{"code":"401"}', status="401 Unauthorized"), False),
        (answer(b'{"msg":"login fail","code":200}'), None),
        (answer(b'{"msg":"login success","code":401}'), None),
        (answer(b'{"code":200}'), None),
        (answer(b'{"msg":"x","code":500}'), None),
        (answer(b'{"msg":null,"code":401}'), None),
        (answer(b"[401]"), None),
        (answer(b"\xff"), None),
        (answer(b""), None),
        (text(REFUSED), None),
        (text("<html>", "404 Not Found", "text/html"), None),
        (redirect("/login"), None),
    ],
)
def test_only_a_clear_word_on_a_key_counts(sent: bytes, verdict: bool | None) -> None:
    with Server(says(sent)) as server:
        assert client(server.url).check_key(KEY) is verdict
        assert len(server.heads) == 1


# ---- where the key may go

API: Final = "https://api.aihub.or.kr"
LOCAL: Final = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("hub", "target"),
    [
        (API, "https://api.aihub.or.kr/down"),
        (API, "https://stream.aihub.or.kr/shellStream.do?uuid=1"),
        (API, "https://a.b.aihub.or.kr/"),
        (API, "https://aihub.or.kr/"),
        (API, "https://STREAM.AIHUB.or.kr./"),
        (API, "https://stream.aihub.or.kr:8443/"),
        (API, "https://stream.aihub.or.kr#@evil.com"),
        ("https://hub.example:444/base", "https://HUB.example/other"),
        (LOCAL, "http://localhost:1/"),
        (LOCAL, "http://LOCALHOST.:1/"),
        (LOCAL, "http://127.3.2.1/"),
        (LOCAL, "https://[::1]:7/"),
        ("https://localhost", "http://[::1]/"),
        ("http://[0:0:0:0:0:0:0:1]", LOCAL),
    ],
)
def test_hosts_that_may_have_the_key(hub: str, target: str) -> None:
    assert may_have_key(hub, target)


@pytest.mark.parametrize(
    ("hub", "target"),
    [
        (API, "http://api.aihub.or.kr/"),
        (API, "https://evilaihub.or.kr/"),
        (API, "https://aihub.or.kr.evil.com/"),
        (API, "https://api.aihub.or.kr.evil.com/"),
        (API, "https://or.kr/"),
        (API, "https://aihub.or.kr@evil.com/"),
        (API, "https://api.aihub.or.kr:443@evil.com/"),
        (API, "https://user@api.aihub.or.kr/"),
        (API, "https://evil.com/.aihub.or.kr"),
        (API, "https://evil.com?.aihub.or.kr"),
        (API, "https://evil.com#.aihub.or.kr"),
        (API, "https://evil.com\\.aihub.or.kr/"),
        (API, "https://evil.com%2f.aihub.or.kr/"),
        (API, "https://evil.com%00.aihub.or.kr/"),
        (API, "https://aihub.or.kr%2eevil.com/"),
        (API, "https://aihub。or。kr.evil.com/"),
        (API, "https://aıhub.or.kr/"),
        (API, "https://xn--aihub-.or.kr/"),
        (API, "https://127.0.0.1/"),
        (API, "http://localhost/"),
        (API, "ftp://api.aihub.or.kr/"),
        (API, "//api.aihub.or.kr/"),
        (API, "/down"),
        (API, ""),
        (API, "https://"),
        (API, "https://[::1"),
        ("http://api.aihub.or.kr", "https://[::1"),
        ("", ""),
        ("https://hub.example", "https://a.hub.example/"),
        ("https://a.hub.example", "https://hub.example/"),
        ("https://hub.example", "http://hub.example/"),
        ("http://hub.example", "http://hub.example/"),
        ("https://hub.example", API),
        (LOCAL, API),
        (LOCAL, "http://127.0.0.1.evil.com/"),
        (LOCAL, "http://localhost.evil.com/"),
        (LOCAL, "http://127.1/"),
        (LOCAL, "http://2130706433/"),
        (LOCAL, "http://0.0.0.0/"),
        (LOCAL, "http://[::]/"),
        (LOCAL, "http://[::ffff:127.0.0.1]/"),
        (LOCAL, "http://128.0.0.1/"),
    ],
)
def test_hosts_that_may_not(hub: str, target: str) -> None:
    assert not may_have_key(hub, target)


def test_plain_http_is_for_loopback_only() -> None:
    assert not is_insecure(LOCAL, "http://localhost/")
    assert not is_insecure(LOCAL, API)
    assert is_insecure(API, "http://localhost/")
    assert is_insecure(LOCAL, "http://example.com/")
    assert is_insecure(API, "https://[::1")
    assert is_loopback("::1")
    assert not is_loopback("::2")


def test_a_plain_hub_beyond_loopback_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(says(text(LIST))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        source = client("http://api.aihub.or.kr")
        for act in (source.datasets, lambda: source.check_key(KEY), lambda: source.open_stream(DATASET, ["7"], KEY)):
            with pytest.raises(ProblemError) as caught:
                act()
            assert caught.value.problem == Problem(Code.INSECURE, {"host": "api.aihub.or.kr"})
        assert not proxy.connected.is_set()


class World:
    """Hosts by name, each a TLS server on loopback, reached through a proxy."""

    def __init__(self, stack: ExitStack, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stack, self._authority = stack, authority
        authority.trusted(monkeypatch)
        self._routes: dict[str, int] = {}
        proxy = stack.enter_context(Server(forwards(self._routes)))
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        self.proxy = proxy

    def host(self, name: str, sent: bytes) -> Server:
        server = self._stack.enter_context(Server(says(sent), self._authority.server(name)))
        self._routes[name] = server.port
        return server


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if sys.platform != "linux":
        pytest.skip("SSL_CERT_FILE is the trust store on Linux only")
    with ExitStack() as stack:
        yield World(stack, Authority(tmp_path_factory.mktemp("authority")), monkeypatch)


def test_the_key_follows_a_redirect_within_the_hubs_domain(world: World) -> None:
    api = world.host("api.aihub.or.kr", redirect("https://stream.aihub.or.kr/shellStream.do?uuid=1"))
    stream = world.host("stream.aihub.or.kr", answer(bytes(1024), "Content-Type: application/x-tar"))
    assert content(client(API).open_stream(DATASET, ["7"], KEY)) == {}
    for server in (api, stream):
        assert f"apikey: {KEY.reveal()}\r\n".encode() in server.heads[0]
    assert stream.heads[0].startswith(b"GET /shellStream.do?uuid=1 HTTP/1.1\r\n")
    assert all(KEY.reveal().encode() not in head for head in world.proxy.heads)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_the_key_never_reaches_another_host(world: World, status: str) -> None:
    world.host("api.aihub.or.kr", redirect("https://evilaihub.or.kr/x", status))
    evil = world.host("evilaihub.or.kr", answer(bytes(1024)))
    assert content(client(API).open_stream(DATASET, ["7"], KEY)) == {}
    assert evil.heads
    assert all(b"apikey" not in head and KEY.reveal().encode() not in head for head in evil.heads)


@pytest.mark.parametrize("to", ["http://stream.aihub.or.kr/x", "http://127.0.0.1:9/x", "http://evil.example/"])
def test_a_redirect_to_plain_http_is_refused(world: World, to: str) -> None:
    world.host("api.aihub.or.kr", redirect(to))
    assert problem_of_stream(client(API)).code is Code.INSECURE
    assert len(world.proxy.heads) == 1


@pytest.mark.parametrize(
    "sent",
    [
        redirect("/down/again"),
        answer(b"", status="302 Found"),
        redirect("ftp://stream.aihub.or.kr/"),
        redirect("https://[::1"),
        redirect("https://stream.aihub.or.kr:0/"),
        redirect("https://nowhere.aihub.or.kr/"),
    ],
)
def test_redirects_that_lead_nowhere(world: World, sent: bytes) -> None:
    api = world.host("api.aihub.or.kr", sent)
    assert problem_of_stream(client(API)).code in (Code.HUB_ERROR, Code.UNREACHABLE, Code.INSECURE)
    assert len(api.heads) <= 6


def test_a_redirect_loop_ends() -> None:
    with Server(says(redirect("/again"))) as server:
        problem = problem_of_stream(client(server.url))
    assert problem.code is Code.HUB_ERROR
    assert problem.facts["why"] == "redirects"
    assert len(server.heads) == 6


# ---- the key stays unseen


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"junk\r\n\r\n",
        text(f"wrong key {KEY.reveal()}"),
        text(f"<html>{KEY.reveal()}", "200 OK", "text/html"),
        text(f"{KEY.reveal()}", "200 OK"),
        text(REFUSED),
        redirect(f"http://evil.example/?key={KEY.reveal()}"),
        redirect(f"/{KEY.reveal()}"),
        answer(b"", f"Content-Encoding: {KEY.reveal()}"),
        answer(b"", f"Retry-After: {KEY.reveal()}", status="503 Busy"),
        answer(KEY.reveal().encode() + bytes(2000), "Content-Type: application/x-tar"),
    ],
)
def test_the_key_is_in_no_error_and_no_log(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    # The redirects' own addresses are the server's words, and httpcore logs an answer's header at DEBUG.
    echoed = b"Location" in sent or b"Encoding" in sent or b"Retry" in sent
    caplog.set_level(logging.INFO if echoed else logging.DEBUG)
    with Server(says(sent)) as server:
        source = client(server.url)
        with pytest.raises(ProblemError) as caught:
            content(source.open_stream(DATASET, ["7"], KEY))
        with suppress(ProblemError):
            source.check_key(KEY)
    trace = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    for said in (trace, repr(caught.value), str(caught.value.problem), repr(source), caplog.text):
        assert KEY.reveal() not in said


def test_a_failing_answer_leaves_the_key_out_of_the_chain_of_causes() -> None:
    with Server(says(b"HTTP/1.1 junk")) as server, pytest.raises(ProblemError) as caught:
        client(server.url).open_stream(DATASET, ["7"], KEY)
    assert caught.value.__suppress_context__
