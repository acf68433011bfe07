"""The same reception over real sockets: the demo hub, the hub's client, and files compared with their source."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tapes import News, check, order

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.catalogue import DEMO_KEY, Access, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import AnyNews, Proof, Receive, WorkFile
from aihub_desktop.domain.model import Dataset, Secret
from aihub_desktop.domain.names import safe_path
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.transport.receive import Reception

SEED = 20260305
SMALL = Catalogue.of({"가 나/큰 파일.bin": random.Random(SEED).randbytes(3_000_000), "가 나/표.csv": b"1,2\n" * 5_000})


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(SMALL, piece_size=1_000_000) as hub:
        yield hub


class Client:
    """What a worker does with a `Receive`."""

    def __init__(self, hub: DemoHub) -> None:
        self.source = AIHub(hub.url, user_agent="test", connect_timeout=5, tick=0.1)

    def works(self, offer: Dataset) -> list[WorkFile]:
        files = self.source.files(offer).files
        return [WorkFile(number, file, str(safe_path(file.path))) for number, file in enumerate(files)]

    def reception(self, task: Receive, report: Callable[[AnyNews], None]) -> Reception:
        first = task.files[0].file
        offer = Dataset(first.source, first.dataset, "", first.package)
        keys = [one.file.key for one in task.files]
        return Reception(task, lambda: self.source.open_stream(offer, keys, Secret(DEMO_KEY)), report)

    def receive(self, task: Receive) -> News:
        told: list[AnyNews] = []
        self.reception(task, told.append).run()
        return News(told)


@pytest.fixture
def client(small_hub: DemoHub) -> Iterator[Client]:
    client = Client(small_hub)
    yield client
    client.source.close()


@pytest.fixture
def works(client: Client) -> list[WorkFile]:
    return client.works(client.source.datasets()[0])


def test_every_dataset_of_the_standard_catalogue(hub: DemoHub, folder: Path) -> None:
    client = Client(hub)
    proofs: dict[str, Proof] = {}
    for offer in client.source.datasets():
        demo = hub.catalogue.dataset(offer.key, package=offer.package)
        if demo is None or demo.access is not Access.APPROVED:
            continue
        works = client.works(offer)
        news = client.receive(order(folder, works))
        assert (news.ended, len(news.whole)) == (None, len(works)), offer
        proved = check(folder, works).proved
        for one in works:
            assert (folder / one.place).read_bytes() == hub.catalogue.bytes_of(one.file.key)
            proofs[one.place] = proved[one.id].proof
    client.source.close()
    archives = {proof for place, proof in proofs.items() if place.casefold().endswith((".zip", ".z01"))}
    assert archives == {Proof.ARCHIVE}
    assert len(proofs) > 300


@pytest.mark.parametrize("way", list(f.Way))
def test_a_broken_connection_is_resumed(
    small_hub: DemoHub, client: Client, works: list[WorkFile], folder: Path, way: f.Way
) -> None:
    small_hub.faults.add(f.Cut(after=1_700_000, way=way, times=1))
    first = client.receive(order(folder, works))
    assert first.code is Code.CUT
    again = client.receive(order(folder, works))
    assert len(again.whole) == 2
    assert first.new + again.new == sum(len(small_hub.catalogue.bytes_of(one.file.key)) for one in works)
    assert len(check(folder, works).proved) == 2
    for one in works:
        assert (folder / one.place).read_bytes() == small_hub.catalogue.bytes_of(one.file.key)


def test_drop_wakes_a_reader_of_a_silent_socket(
    small_hub: DemoHub, client: Client, works: list[WorkFile], folder: Path
) -> None:
    stall = f.Stall(after=1_500_000)
    small_hub.faults.add(stall)
    told: list[AnyNews] = []
    reception = client.reception(order(folder, works), told.append)
    thread = threading.Thread(target=reception.run)
    thread.start()
    assert stall.reached.wait(10)
    began = time.monotonic()
    reception.drop()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - began < 3
    assert News(told).ended is None
    stall.release.set()


def test_a_trickle_is_a_stall(small_hub: DemoHub, client: Client, works: list[WorkFile], folder: Path) -> None:
    stall = f.Stall(after=1_500_000, rate=5_000)
    small_hub.faults.add(stall)
    news = client.receive(order(folder, works, stall_seconds=1.0, stall_rate=50_000))
    stall.release.set()
    assert news.code is Code.STALLED
    assert news.new >= 1_400_000


def test_a_slow_stream_is_none(small_hub: DemoHub, client: Client, works: list[WorkFile], folder: Path) -> None:
    small_hub.faults.add(f.Slow(rate=2_000_000))
    news = client.receive(order(folder, works, stall_seconds=0.5, stall_rate=200_000))
    assert (news.ended, len(news.whole)) == (None, 2)
