"""First contact: every finding there is, made by a hub or a network that deserves it."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from loopback import Authority, Server, answer, forwards

from aihub_desktop.cli.doctor import finding_text
from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Access, Catalogue, DemoDataset, DemoFile
from aihub_desktop.demo.habits import SCRIPT, Habits
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.tarball import blocks, pieces
from aihub_desktop.domain.checkup import NOT_TRIED, STATE_OF, Finding, Health, Offer, Report, Topic
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.marks import Approval
from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.domain.model import HUB, Dataset, Secret
from aihub_desktop.domain.settings import changed
from aihub_desktop.domain.states import TransferState
from aihub_desktop.engine.doctor import Doctor
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.sources.aihub.sample import Allowance, Tap
from aihub_desktop.sources.aihub.speed import speed
from aihub_desktop.sources.connection import Connections
from aihub_desktop.store.learned import recall
from aihub_desktop.store.queue import QueueStore
from aihub_desktop.system.words import LANGUAGES, Words, catalogue

SEED: Final = 20261124
_bytes = random.Random(SEED).randbytes
FILES: Final = {
    "01.첫 자료/원천 데이터/큰 것.bin": _bytes(400_000),
    "01.첫 자료/라벨/나.csv": _bytes(3_000),
    "01.첫 자료/라벨/가.csv": _bytes(5_000),
    "01.첫 자료/설명 서.txt": _bytes(2_500),
}
CATALOGUE: Final = Catalogue(
    [
        # The tree's order, that of the keys and its reverse are three.
        DemoDataset("90001", "첫 자료", lambda: FILES, numbering=lambda path: path),
        DemoDataset("90002", "승인 없음", lambda: FILES, access=Access.NOT_APPROVED, first_key=200_001),
        DemoDataset("90003", "감춤", lambda: FILES, access=Access.HIDDEN, first_key=300_001),
    ]
)
SMALLEST: Final = "100003"
ELSEWHERE: Final = "1a2b3c4d-0000-4000-8000-00000000c0de"
ON_LINUX: Final = sys.platform == "linux"  # SSL_CERT_FILE is the trust store there alone


@dataclass
class Ground:
    """What a case may change before the doctor comes."""

    hub: DemoHub
    home: Path
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    url: str = ""
    given: dict[str, Any] = field(default_factory=lambda: {"dataset": "90001", "consent": lambda offer: True})

    def __post_init__(self) -> None:
        self.url = self.hub.url
        self.home.mkdir()
        self.monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
        self.monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        self.configure(spread=0.0, connect_timeout=3.0)

    def configure(self, **changes: int | float | str) -> None:
        with closing(QueueStore(self.home / "queue.sqlite")) as store:
            store.keep_settings(changed(store.settings(), changes), 0.0)

    def queue(self, *keys: str) -> None:
        """As if these datasets had been asked for, one after the other."""
        rows = [
            TransferRow(
                id=number, dataset=Dataset(HUB, key, ""), folder="x", state=TransferState.DONE, problem=None, files=0,
                done=0, failed=0, skipped=0, running=0, bytes=0, low=0, high=0, received=0, again=0, added_at=0.0,
                ended_at=1.0,
            )
            for number, key in enumerate(keys, 1)
        ]  # fmt: skip
        with closing(QueueStore(self.home / "queue.sqlite")) as store:
            store.save(rows, [], [], [])

    def examine(self) -> Report:
        self.told: list[Finding] = []
        return Doctor(self.home, self.url, self.told.append, window_seconds=0.2, **self.given).examine()

    def tls(self, *, trusted: bool = True, proxied: bool = False) -> Authority:
        """The hub behind TLS, at 127.0.0.1 or as hub.example behind a proxy."""
        folder = self.home / "authority"
        folder.mkdir()
        authority = Authority(folder)
        stranger = self.home / "stranger"
        stranger.mkdir()
        (authority if trusted else Authority(stranger)).trusted(self.monkeypatch)
        serving = authority.server("127.0.0.1", "localhost", "hub.example")
        hub = self.stack.enter_context(DemoHub(CATALOGUE, tls=serving, piece_size=1 << 16))
        self.hub, self.url = hub, hub.url
        if proxied:
            routes = {"hub.example": int(hub.url.rpartition(":")[2])}
            proxy = self.stack.enter_context(Server(forwards(routes)))
            self.monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//kim:secret@"))
            self.url = "https://hub.example"
        return authority


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    with ExitStack() as stack:
        hub = stack.enter_context(DemoHub(CATALOGUE, piece_size=1 << 16))
        yield Ground(hub, tmp_path / "home", monkeypatch, stack)


def tarball(files: Iterable[DemoFile]) -> bytes:
    return b"".join(blocks(pieces(files, 1 << 16)))


def finding(report: Report, topic: Topic) -> Finding:
    return next(each for each in report.findings if each.topic is topic)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# ---- every finding there is


def unreachable(ground: Ground) -> None:
    ground.url = f"http://127.0.0.1:{free_port()}"


def nameless(ground: Ground) -> None:
    ground.url = "https://aihub-desktop-test.invalid"


def behind_proxy(ground: Ground) -> None:
    authority = ground.tls(proxied=True)
    ground.given["public_roots"] = str(authority.file)


def with_odd_proxy(ground: Ground) -> None:
    nameless(ground)
    ground.monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")


def known_authority(ground: Ground) -> None:
    ground.given["public_roots"] = str(ground.tls().file)


def own_authority(ground: Ground) -> None:
    ground.tls()


def stranger(ground: Ground) -> None:
    ground.tls(trusted=False)


def habits(**given: Any) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        ground.hub.habits = Habits(**given)

    return act


def fault(*faults: f.Fault) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        for each in faults:
            ground.hub.faults.add(each)

    return act


def asking(**given: Any) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        ground.given |= given

    return act


def keyed(key: str) -> Callable[[Ground], None]:
    return lambda ground: ground.monkeypatch.setenv("AIHUB_APIKEY", key)


def both(one: Callable[[Ground], None], other: Callable[[Ground], None]) -> Callable[[Ground], None]:
    def act(ground: Ground) -> None:
        one(ground)
        other(ground)

    return act


def shuffled(*wanted: int) -> Callable[[Ground], None]:
    """Members of three files in this order."""
    places = range(len(wanted))
    seed = next(n for n in range(1000) if random.Random(n).sample(places, len(places)) == list(wanted))
    return fault(f.Shuffled(seed=seed))


def nothing(ground: Ground) -> None:
    pass


GARBLED: Final[dict[str, Any]] = {"status": 502, "kind": "text/plain", "body": b"??"}
# The tickets of an examination, in order: file, key at stream, address, sameness, range, order, speed 1, speed 2 …
CASES: Final[list[tuple[Topic, str, Callable[[Ground], None]]]] = [
    (Topic.NAME, "resolved", nothing),
    (Topic.NAME, "by-proxy", behind_proxy),
    (Topic.NAME, "failed", nameless),
    (Topic.ROUTE, "open", nothing),
    (Topic.ROUTE, "by-proxy", behind_proxy),
    (Topic.ROUTE, "failed", unreachable),
    (Topic.PROXY, "none", nothing),
    (Topic.PROXY, "in-use", behind_proxy),
    (Topic.PROXY, "failed", with_odd_proxy),
    (Topic.CERTIFICATE, "plain", nothing),
    (Topic.CERTIFICATE, "public", known_authority),
    (Topic.CERTIFICATE, "public", behind_proxy),
    (Topic.CERTIFICATE, "private", own_authority),
    (Topic.CERTIFICATE, "failed", stranger),
    (Topic.CLOCK, "right", habits(clock=-60.0)),
    (Topic.CLOCK, "wrong", habits(clock=300.0)),
    (Topic.CLOCK, "wrong", habits(clock=-300.0)),
    (Topic.CLOCK, "unknown", habits(clock=None)),
    (Topic.CLOCK, NOT_TRIED, unreachable),
    (Topic.COUNTRY, "allowed", nothing),
    (Topic.COUNTRY, "unknown", asking(consent=None)),
    (Topic.COUNTRY, "unknown", fault(f.Refuse(refusal=Refusal.NOT_APPROVED))),
    (Topic.COUNTRY, "failed", fault(f.Refuse(refusal=Refusal.ABROAD))),
    (Topic.VERSION, "known", asking(known_script=hashlib.sha256(SCRIPT.encode()).hexdigest())),
    (Topic.VERSION, "changed", nothing),
    (Topic.VERSION, "changed", habits(script="#!/bin/sh\nno word of any version\n")),
    (Topic.VERSION, "newer", habits(script="#!/bin/bash\ncurl https://x/down/0.7/$1.do\n")),
    (Topic.VERSION, "newer", habits(script="#!/bin/bash\n# aihubshell version 26.05.01 v0.8\n")),
    (Topic.VERSION, "unknown", habits(script="<html>v0.6</html>")),
    (Topic.LIST, "read", nothing),
    (Topic.LIST, "failed", fault(f.Answer(at=f.Place.LIST, **GARBLED))),
    (Topic.TREE, "read", nothing),
    (Topic.TREE, "failed", asking(dataset="404")),
    (Topic.TREE, "failed", asking(dataset="90003")),
    (Topic.TREE, NOT_TRIED, both(asking(dataset=""), fault(f.Answer(at=f.Place.LIST, **GARBLED)))),
    (Topic.KEY, "accepted", nothing),
    (Topic.KEY, "accepted", fault(f.Answer(at=f.Place.KEY, **GARBLED))),  # by what it opened
    (Topic.KEY, "accepted", fault(f.Answer(at=f.Place.KEY, body=b'{"msg":"login fail","code":401}'))),
    (Topic.KEY, "unclear", both(asking(consent=None), fault(f.Answer(at=f.Place.KEY, **GARBLED)))),
    (Topic.KEY, "failed", keyed("de300000-4a1b-4c0d-8e0f-000000000000")),
    (Topic.KEY, "failed", keyed("")),
    (Topic.FILE, "received", nothing),
    (Topic.FILE, "unnamed", asking(dataset="")),
    (Topic.FILE, "declined", asking(consent=lambda offer: False)),
    (Topic.FILE, "declined", asking(consent=None)),
    (Topic.FILE, "failed", asking(dataset="90002")),
    (Topic.FILE, "failed", keyed("de300000-4a1b-4c0d-8e0f-000000000000")),
    (Topic.FILE, "failed", fault(f.Cut(after=1000))),
    (Topic.FILE, "failed", fault(f.Answer())),
    (Topic.FILE, NOT_TRIED, keyed("")),
    (Topic.STREAM_KEY, "needed", habits(stream_wants_key=True)),
    (Topic.STREAM_KEY, "not-needed", nothing),
    (Topic.STREAM_KEY, "unknown", fault(f.Cut(after=1000, skip=1))),
    (Topic.ADDRESS, "again", nothing),
    (Topic.ADDRESS, "once", habits(serves=1)),
    (Topic.ADDRESS, "unknown", fault(f.Refuse(refusal=Refusal.BUSY, skip=2, times=1))),
    (Topic.SAMENESS, "identical", nothing),
    (Topic.SAMENESS, "headers-differ", habits(fresh_times=True)),
    (Topic.SAMENESS, "different", fault(f.Changed(skip=1))),
    (Topic.SAMENESS, "unknown", fault(f.Refuse(refusal=Refusal.BUSY, skip=3, times=1))),
    (Topic.RANGE, "honoured", habits(honours_range=True)),
    (Topic.RANGE, "ignored", nothing),
    (Topic.RANGE, "refused", fault(f.Answer(skip=5, times=1, status=416, kind="text/plain", body=b"no"))),
    (Topic.RANGE, "unknown", fault(f.Refuse(refusal=Refusal.BUSY, skip=4, times=1))),
    (Topic.NAMING, "offsets", nothing),
    (Topic.NAMING, "bare", fault(f.BareNames())),
    (Topic.NAMING, "other", fault(f.Hostile(hostility=f.Hostility.NOT_ASKED))),
    (Topic.NAMING, "unknown", fault(f.FileMissing(keys=frozenset({SMALLEST})))),
    (Topic.ORDER, "of-the-tree", nothing),
    (Topic.ORDER, "of-the-keys", shuffled(1, 0, 2)),
    (Topic.ORDER, "of-the-request", shuffled(2, 0, 1)),
    (Topic.ORDER, "other", shuffled(0, 2, 1)),
    (Topic.ORDER, "unknown", fault(f.Refuse(refusal=Refusal.BUSY, skip=5, times=1))),
    (Topic.SPEED, "measured", nothing),
    (Topic.SPEED, "refused", fault(f.Refuse(refusal=Refusal.BUSY, skip=7), f.Slow(rate=200_000, skip=7))),
    (Topic.SPEED, "unknown", fault(f.Refuse(refusal=Refusal.BUSY, skip=6))),
]


@pytest.mark.parametrize(
    ("topic", "code", "prepare"), CASES, ids=[f"{place}-{topic}-{code}" for place, (topic, code, _) in enumerate(CASES)]
)
def test_every_finding(ground: Ground, topic: Topic, code: str, prepare: Callable[[Ground], None]) -> None:
    if prepare in (behind_proxy, known_authority, own_authority, stranger) and not ON_LINUX:
        pytest.skip("SSL_CERT_FILE is the trust store on Linux only")
    prepare(ground)
    report = ground.examine()
    made = finding(report, topic)
    assert made.code == code, report
    assert made.state is (Health.UNKNOWN if code == NOT_TRIED else STATE_OF[topic][code])
    for each in report.findings:
        assert (each.problem is not None) >= (each.state is Health.FAILED)
        for language in LANGUAGES:
            text = finding_text(Words(language), each)
            assert text
            assert not {"{", "}", "[[", "]]"} & set(text)
    last = {each.topic: each for each in ground.told}
    assert report.findings == [last[topic] for topic in Topic if topic in last]
    assert DEMO_KEY not in msgspec.json.encode(report).decode()


def test_every_code_is_met_above() -> None:
    codes = {(topic, code) for topic, known in STATE_OF.items() for code in known}
    assert codes <= {(topic, code) for topic, code, _ in CASES}


def test_every_code_has_words_and_advice() -> None:
    assert set(STATE_OF) == set(Topic)
    told = {key.removeprefix("doctor.") for key in catalogue() if key.startswith("doctor.")}
    for topic, codes in STATE_OF.items():
        assert f"topic.{topic}" in told
        for code, state in codes.items():
            assert f"{topic}.{code}" in told
            # What failed is advised upon by its problem's words.
            assert (f"advice.{topic}-{code}" in told) == (state is Health.ADVICE) or code == "unnamed"
    for key in told:
        of, _, code = key.partition(".")
        if of in list(Topic):
            assert code in STATE_OF[Topic(of)], key


def test_topics_come_in_their_order(ground: Ground) -> None:
    report = ground.examine()
    assert [each.topic for each in report.findings] == list(Topic)
    first = list(dict.fromkeys(each.topic for each in ground.told))
    assert first == list(Topic)


# ---- what findings say


@pytest.mark.skipif(not ON_LINUX, reason="SSL_CERT_FILE is the trust store on Linux only")
def test_nobody_who_cannot_prove_himself_is_asked_anything(ground: Ground) -> None:
    stranger(ground)
    made = finding(ground.examine(), Topic.CERTIFICATE)
    assert made.problem is not None
    assert made.problem.code is Code.TLS_UNTRUSTED
    assert len(ground.hub.requests) == 0


@pytest.mark.skipif(not ON_LINUX, reason="SSL_CERT_FILE is the trust store on Linux only")
def test_a_proxy_is_named_without_its_login(ground: Ground) -> None:
    behind_proxy(ground)
    report = ground.examine()
    facts = finding(report, Topic.PROXY).facts
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", str(facts["proxy"]))
    assert facts["login"] == 1
    assert not {"kim", "secret"} & set(re.split(r"\W", msgspec.json.encode(report).decode()))
    # The stream is of another host there, so it was never given the key.
    assert finding(report, Topic.FILE).code == "received"
    assert {seen.host: seen.key_sent for seen in ground.hub.requests if "down" in seen.path} == {"api": True}
    assert not any(seen.key_sent for seen in ground.hub.requests if seen.host == "stream")


@pytest.mark.parametrize(("up", "topic", "why"), [(True, Topic.CERTIFICATE, "proxy"), (False, Topic.ROUTE, "refused")])
def test_a_proxy_that_does_not_let_us_through(ground: Ground, up: bool, topic: Topic, why: str) -> None:
    with Server(forwards({})) as proxy:
        ground.monkeypatch.setenv("HTTPS_PROXY", proxy.url if up else f"http://127.0.0.1:{free_port()}")
        nameless(ground)
        report = ground.examine()
    failed = [made for made in report.findings if made.state is Health.FAILED]
    assert failed[0].topic is topic
    assert failed[0].problem is not None
    assert (failed[0].problem.code, failed[0].problem.facts["why"]) == (Code.UNREACHABLE, why)
    assert finding(report, Topic.LIST).code == NOT_TRIED
    assert b"apikey" not in b"".join(proxy.heads).lower()


def test_the_clock_is_told_by_how_much(ground: Ground) -> None:
    ground.hub.habits = Habits(clock=-3600.0)
    made = finding(ground.examine(), Topic.CLOCK)
    assert 3590 <= int(made.facts["ahead"]) <= 3610
    assert "1 h ahead" in finding_text(Words("en"), made)
    assert "1시간 빠름" in finding_text(Words("ko"), made)


def test_the_script_is_known_by_its_hash_and_told_apart(ground: Ground) -> None:
    facts = finding(ground.examine(), Topic.VERSION).facts
    assert facts == {
        "sha256": hashlib.sha256(SCRIPT.encode()).hexdigest(), "ours": "0.6", "told": "26.01.02 v0.6", "used": "0.6",
    }  # fmt: skip


def test_a_file_is_received_as_it_came(ground: Ground) -> None:
    facts = finding(ground.examine(), Topic.FILE).facts
    assert (facts["file_key"], facts["api_status"], facts["stream_status"]) == (SMALLEST, 302, 200)
    assert "application/x-tar" in str(facts["stream_headers"])
    assert f"location: {ground.hub.stream_url}/shellStream.do?uuid=…" in str(facts["api_headers"])
    assert int(facts["bytes"]) > 2_500


@pytest.mark.parametrize(("given", "blanks"), [(None, "underscores"), (f.BlanksKept(), "kept")])
def test_what_becomes_of_blanks(ground: Ground, given: f.Fault | None, blanks: str) -> None:
    if given is not None:
        ground.hub.faults.add(given)
    assert finding(ground.examine(), Topic.NAMING).facts["blanks"] == blanks


@pytest.mark.parametrize("key", ["needed", "not-needed"])
@pytest.mark.parametrize("address", ["again", "once"])
def test_findings_do_not_depend_on_each_other(ground: Ground, key: str, address: str) -> None:
    ground.hub.habits = Habits(
        stream_wants_key=key == "needed", serves=1 if address == "once" else None, honours_range=True, fresh_times=True
    )
    report = ground.examine()
    assert finding(report, Topic.STREAM_KEY).code == key
    assert finding(report, Topic.ADDRESS).code == address
    assert finding(report, Topic.SAMENESS).code == "headers-differ"
    assert finding(report, Topic.RANGE).code == "honoured"
    assert finding(report, Topic.SPEED).code == "measured"
    learned = recall(ground.home, ground.url)
    assert msgspec.structs.replace(learned, approvals={}) == report.learned
    assert {key: seen.approval for key, seen in learned.approvals.items()} == {"90001": Approval.APPROVED}
    assert (learned.stream_key, learned.address_again) == (key == "needed", address == "again")
    assert (learned.identical, learned.ranges) == (False, True)
    assert (learned.naming, learned.order) == ("offsets", "of-the-tree")
    assert learned.speeds


def test_more_streams_bring_more(ground: Ground) -> None:
    ground.hub.faults.add(f.Slow(rate=50_000))
    connections = Connections("test/1", 5.0)
    tap = Tap(ground.url, connections, Secret(DEMO_KEY), Allowance(2 << 20), 0.0)
    dataset = Dataset(HUB, "90001", "")
    source = AIHub(ground.url, user_agent="test/1")
    long = max(source.files(dataset).files, key=lambda file: file.size.high)
    made = speed(tap, dataset, long, with_key=True, seconds=0.6)
    assert made.code == "measured"
    assert list(made.facts) == ["one", "two", "three", "four"]
    assert int(made.facts["four"]) > 1.8 * int(made.facts["one"])
    assert len([seen for seen in ground.hub.requests if seen.host == "stream"]) == 4


def test_no_more_is_received_than_was_agreed(ground: Ground) -> None:
    offers: list[Offer] = []

    def agree(offer: Offer) -> bool:
        offers.append(offer)
        return True

    ground.given["consent"] = agree
    ground.examine()
    assert [(offer.dataset, offer.file_key) for offer in offers] == [("90001", SMALLEST)]
    assert sum(seen.sent for seen in ground.hub.requests if seen.host == "stream") <= offers[0].most


def test_an_allowance_is_not_exceeded(ground: Ground) -> None:
    connections = Connections("test/1", 5.0)
    tap = Tap(ground.url, connections, Secret(DEMO_KEY), Allowance(100_000), 0.0)
    dataset = Dataset(HUB, "90001", "")
    got = 0

    def take(view: memoryview) -> None:
        nonlocal got
        got += len(view)

    for _ in range(2):
        opened = tap.stream(tap.ticket(dataset, ["100004"]).address, with_key=True)
        with closing(opened.body):
            tap.read(opened, take, lambda: 60_000)
    assert got == 100_000


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_redirects_are_followed_as_downloads_follow_them(ground: Ground, hops: int) -> None:
    tar = tarball(next(iter(CATALOGUE.datasets)).files[3:])

    def script(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1]
        hop = int(path.rpartition(b"/")[2]) if path.startswith(b"/hop/") else 0
        if hop < hops:
            connection.sendall(answer(b"", f"Location: /hop/{hop + 1}", status="302 Found"))
        else:
            connection.sendall(answer(tar, "Content-Type: application/x-tar"))

    with Server(script) as server:
        tap = Tap(server.url, Connections("test/1", 5.0), Secret(DEMO_KEY), Allowance(1 << 20), 0.0)
        ticket = tap.ticket(Dataset(HUB, "90001", ""), ["1"])
        assert ticket.status == (302 if hops else 200)
        taken = tap.taken(tap.stream(ticket.address, with_key=True))
    assert taken.whole
    assert taken.received == len(tar)
    assert taken.members == ("01.첫_자료/설명_서.txt.part0",)


def test_a_key_that_is_no_header_is_sent_nowhere(ground: Ground) -> None:
    ground.monkeypatch.setenv("AIHUB_APIKEY", "키 없음")
    report = ground.examine()
    for topic in (Topic.KEY, Topic.FILE):
        made = finding(report, topic)
        assert made.problem is not None
        assert made.problem.code is Code.KEY_REJECTED
    assert not any(seen.key_sent for seen in ground.hub.requests)


def test_starts_are_spread(ground: Ground) -> None:
    ground.configure(spread=0.3)
    ground.hub.faults.add(f.AtOnce(seconds=0.1))
    ground.examine()
    assert {seen.status for seen in ground.hub.requests if "/down/" in seen.path} == {302}


def test_the_queues_datasets_are_tried_until_one_is_approved(ground: Ground) -> None:
    ground.given["dataset"] = ""
    ground.queue("90001", "90003", "90002")
    report = ground.examine()
    assert finding(report, Topic.FILE).code == "received"
    assert finding(report, Topic.FILE).facts["dataset"] == "90001"
    down = [seen.path for seen in ground.hub.requests if "/down/" in seen.path]
    assert down[:2] == ["/down/0.6/90002.do", "/down/0.6/90001.do"]


def test_what_could_not_be_seen_stays_as_it_was_known(ground: Ground) -> None:
    ground.examine()
    before = recall(ground.home, ground.url)
    ground.given["consent"] = None
    assert ground.examine().learned == msgspec.structs.replace(before, approvals={})
    assert recall(ground.home, ground.url) == before


def test_a_folder_that_cannot_be_written_costs_the_memory_only(ground: Ground) -> None:
    (ground.home / "learned.json").mkdir()
    (ground.home / "learned.json" / "in the way").touch()
    doctor = Doctor(ground.home, ground.url, lambda made: None, window_seconds=0.2, **ground.given)
    report = doctor.examine()
    assert finding(report, Topic.FILE).code == "received"
    assert doctor.unkept is not None
    assert doctor.unkept.code is Code.NOT_WRITABLE
    assert [path.name for path in ground.home.glob("learned.json.*")] == []


def test_the_agent_is_the_programs_own_unless_changed(ground: Ground) -> None:
    assert ground.examine().agent.startswith("aihub-desktop/")
    assert {seen.agent for seen in ground.hub.requests} == {ground.examine().agent}
    ground.hub.requests.clear()
    ground.configure(user_agent="me/2")
    assert ground.examine().agent == "me/2"
    assert {seen.agent for seen in ground.hub.requests} == {"me/2"}


# ---- redaction


def test_texts_of_the_hub_are_redacted(ground: Ground) -> None:
    home = str(Path.home())
    said = f"error {DEMO_KEY} {ELSEWHERE} {home}/x C:\\Users\\kim\\y 121.124.3.77 2001:db8:1:2:3:4:5:6 //kim:pw@host"
    ground.hub.faults.add(f.Answer(at=f.Place.DOWN, status=500, kind="text/plain", body=said.encode()))
    report = ground.examine()
    text = msgspec.json.encode(report).decode()
    assert finding(report, Topic.FILE).code == "failed"
    assert "error" in text
    for hidden in (DEMO_KEY, ELSEWHERE, f"{home}/", "kim", "121.124.3.77", "db8:1:2", "pw@"):
        assert hidden not in text
    assert not [each for each in ground.told if DEMO_KEY in repr(each)]
