"""What was learned of a hub: kept beside a running engine, used by downloads, and never trusted too far."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
import pytest
from engines import RunningEngine, final_files, offered

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.habits import Habits
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import HUB, Dataset, Secret
from aihub_desktop.domain.states import TransferState
from aihub_desktop.sources.aihub.client import Addresses, AIHub
from aihub_desktop.sources.place import Body
from aihub_desktop.store.glance import Glance, glance
from aihub_desktop.store.learned import NAME, recall, remember

URL: Final = "https://hub.example"
CATALOGUE: Final = Catalogue.of(
    {"뿌리 폴더/가.bin": random.Random(7).randbytes(300_000), "뿌리 폴더/나.csv": b"a,b\n" * 2_000}
)
DATASET: Final = Dataset(HUB, "90001", "")
KEY: Final = Secret(DEMO_KEY)


@pytest.fixture
def hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=1 << 16) as hub:
        yield hub


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


# ---- the file


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    learned = Learned(hub=URL, at=1.5, stream_key=False, address_again=True, naming="offsets", speeds=[1, 2])
    remember(tmp_path / "new", learned)
    assert recall(tmp_path / "new", URL) == learned
    assert recall(tmp_path / "new", "https://other.example") == Learned(hub="https://other.example")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [NAME]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b'{"hub": 1}', b'{"hub":"https://hub.example","speeds":1}']
)
def test_what_cannot_be_read_is_not_known(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NAME).write_bytes(text)
    assert recall(tmp_path, URL) == Learned(hub=URL)


def test_a_newer_versions_facts_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"hub":"https://hub.example","at":1.0,"colour":"blue","stream_key":true}')
    assert recall(tmp_path, URL).stream_key is True


def test_readers_see_old_or_new_and_nothing_between(tmp_path: Path) -> None:
    facts = [Learned(hub=URL, at=float(n), speeds=[n] * (n % 50 + 1)) for n in range(1, 120)]
    remember(tmp_path, facts[0])
    seen: list[Learned] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(recall(tmp_path, URL))

    thread = threading.Thread(target=read)
    thread.start()
    for learned in facts:
        remember(tmp_path, learned)
    over.set()
    thread.join()
    assert seen
    assert all(learned in facts for learned in seen)


# ---- the queue, looked at while another has it


def test_a_glance_at_a_queue_in_use(hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", hub.url, parallel=3) as engine:
        engine.fetch(folder)
        seen = glance(tmp_path / "home" / "queue.sqlite")
    assert seen.settings.parallel == 3
    assert [(one.key, one.package) for one in seen.wanted] == [("90001", False)]


def test_a_glance_at_what_is_no_queue(tmp_path: Path) -> None:
    assert glance(tmp_path / "none #?.sqlite") == Glance()
    (tmp_path / "x.sqlite").write_bytes(b"no database" * 1000)
    assert glance(tmp_path / "x.sqlite") == Glance()
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


# ---- the client


def client(hub: DemoHub, *, stream_key: bool = True, address_again: bool = False) -> AIHub:
    return AIHub(hub.url, user_agent="test/1", tick=5.0, stream_key=stream_key, address_again=address_again)


def whole(body: Body) -> int:
    count, view = 0, memoryview(bytearray(1 << 16))
    with closing(body):
        while got := body.readinto(view):
            count += got
    return count


def asked(hub: DemoHub) -> list[tuple[str, bool]]:
    return [(seen.host, seen.key_sent) for seen in hub.requests]


def fetched(source: AIHub, keys: list[str] | None = None, key: Secret = KEY) -> int:
    return whole(source.open_stream(DATASET, keys or ["100001"], key))


def test_the_key_stays_at_home_where_it_is_not_needed(hub: DemoHub) -> None:
    assert fetched(client(hub, stream_key=False)) > 300_000
    assert asked(hub) == [("api", True), ("stream", False)]


def test_the_key_goes_along_where_it_is_needed_after_all(hub: DemoHub) -> None:
    hub.habits = Habits(stream_wants_key=True)
    source = client(hub, stream_key=False)
    assert fetched(source) > 300_000
    assert asked(hub) == [("api", True), ("stream", False), ("api", True), ("stream", True)]
    hub.requests.clear()
    fetched(source)  # once is enough to know
    assert asked(hub) == [("api", True), ("stream", True)]


def test_a_refusal_of_the_api_is_no_word_on_the_stream_host(hub: DemoHub) -> None:
    hub.faults.add(f.Refuse(refusal=Refusal.NOT_APPROVED))
    with pytest.raises(ProblemError) as caught:
        fetched(client(hub, stream_key=False))
    assert caught.value.problem.code is Code.NOT_APPROVED
    assert asked(hub) == [("api", True)]


def test_a_busy_stream_host_is_not_asked_twice(hub: DemoHub) -> None:
    hub.faults.add(f.Refuse(at=f.Place.STREAM, refusal=Refusal.BUSY))
    with pytest.raises(ProblemError) as caught:
        fetched(client(hub, stream_key=False))
    assert caught.value.problem.code is Code.HUB_BUSY
    assert asked(hub) == [("api", True), ("stream", False)]


def test_an_address_is_asked_once_more(hub: DemoHub) -> None:
    source = client(hub, address_again=True)
    for _ in range(3):
        fetched(source)
    assert [host for host, _ in asked(hub)] == ["api", "stream", "stream", "api", "stream"]
    assert all(key_sent for _, key_sent in asked(hub))


def test_an_address_that_serves_no_more_costs_a_request_and_nothing_else(hub: DemoHub) -> None:
    hub.habits = Habits(serves=1)
    source = client(hub, address_again=True)
    assert fetched(source) == fetched(source)
    assert [host for host, _ in asked(hub)] == ["api", "stream", "stream", "api", "stream"]
    assert [seen.status for seen in hub.requests] == [302, 200, 404, 302, 200]


def test_an_address_is_for_its_own_files_and_key(hub: DemoHub) -> None:
    source = client(hub, address_again=True)
    fetched(source)
    fetched(source, ["100002"])
    with pytest.raises(ProblemError):
        fetched(source, key=Secret("another-key"))
    assert [host for host, _ in asked(hub)] == ["api", "stream", "api", "stream", "api"]


def test_both_facts_together(hub: DemoHub) -> None:
    source = client(hub, stream_key=False, address_again=True)
    assert fetched(source) == fetched(source)
    assert asked(hub) == [("api", True), ("stream", False), ("stream", False)]


def test_addresses_are_few_and_given_out_once() -> None:
    addresses = Addresses()
    for number in range(1_000):
        addresses.keep(str(number), KEY, f"address {number}")
    assert addresses.take("0", KEY) is None
    assert addresses.take("999", KEY) == "address 999"
    assert addresses.take("999", KEY) is None


# ---- the engine


@pytest.mark.parametrize("habits", [Habits(), Habits(stream_wants_key=True, serves=1, fresh_times=True)])
@pytest.mark.parametrize(
    "known", [None, {"stream_key": False, "address_again": True}, {"stream_key": True, "address_again": False}]
)
def test_right_bytes_whatever_is_believed(
    hub: DemoHub, folder: Path, tmp_path: Path, habits: Habits, known: dict[str, bool] | None
) -> None:
    hub.habits = habits
    home = tmp_path / "home"
    if known is not None:
        remember(home, msgspec.convert({"hub": hub.url, "at": 1.0, **known}, Learned))
    hub.faults.add(f.Cut(after=150_000, times=2))
    with RunningEngine(home, hub.url, patience=20.0) as engine:
        assert engine.fetch(folder).state is TransferState.DONE
    assert final_files(folder) == offered(CATALOGUE)


def test_what_is_learned_while_an_engine_runs_counts_at_once(hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", hub.url) as engine:
        engine.fetch(folder, keys=["100002"])
        assert any(seen.key_sent for seen in hub.requests if seen.host == "stream")
        remember(tmp_path / "home", Learned(hub=hub.url, at=1.0, stream_key=False))
        hub.requests.clear()
        engine.fetch(folder, keys=["100001"])
        assert [seen.key_sent for seen in hub.requests if seen.host == "stream"] == [False]
