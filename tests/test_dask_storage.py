"""`aihub sync --dask … --to s3://…`: real workers, a real object storage, and one of them killed in the middle."""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from bench.clusters import Cluster, cluster
from commandline import Aihub, Run, cut_power, ended
from engines import offered
from loopback import Server
from objects import Writer
from pushed import PART, check_contents, keys_of, lying
from servers import Storage
from spreading import asked, batch
from test_cli_push import abroad

from aihub_desktop.cli.exits import exit_of
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.batchfile import AddressWish, BatchFile
from aihub_desktop.domain.batchtext import written
from aihub_desktop.domain.faults import Code
from aihub_desktop.system.words import Words

__all__ = ["batch"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are killed as POSIX systems do")
BUCKET: Final = "spread-out"
TOP: Final = "01.감성 대화"
_bytes: Final = random.Random(20261129).randbytes
CATALOGUE: Final = Catalogue.of(
    {
        f"{TOP}/TS1.zip": zipped([Entry(name=f"음성/{n}.wav", data=_bytes(4_000_000)) for n in range(3)]),
        f"{TOP}/big.bin": _bytes(11_000_000),
        f"{TOP}/other.bin": _bytes(7_000_000),
        f"{TOP}/TL1.csv": _bytes(200_000),
        f"{TOP}/VS1.json": b'{"a": 1}' * 9_000,
    }
)


@pytest.fixture(scope="module")
def storage(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket(BUCKET)
    return seaweed_storage


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def crew(standing: Cluster, storage: Storage) -> Cluster:
    """Three workers, with keys of their own to hub and storage."""
    while len(standing.workers) < 3:
        keys = keys_of(storage)
        standing.hire(
            f"w{len(standing.names)}", AWS_ACCESS_KEY_ID=keys["AWS_ACCESS_KEY_ID"],
            AWS_SECRET_ACCESS_KEY=keys["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
    standing.wait()
    return standing


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=3 << 20) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub, no_profiles: None) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", small_hub.url, bundle_bytes=1_000_000, stall_seconds=20)
    yield made
    made.close()


def words(batch: Path, crew: Cluster, storage: Storage, prefix: str, *more: str) -> list[str]:
    to = ("--to", f"s3://{BUCKET}/{prefix}", "--endpoint", storage.endpoint, "--part-size", "5M")
    return ["sync", str(batch), *to, "--dask", crew.address, "--json", *more]


def sync(
    aihub: Aihub, batch: Path, crew: Cluster, storage: Storage, prefix: str, *more: str, **variables: str
) -> Run:  # fmt: skip
    return aihub(*words(batch, crew, storage, prefix, *more), **{**keys_of(storage), **variables})


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.02)


def under_way(hub: DemoHub, count: int, least: int = PART + 1_000_000) -> bool:
    return sum(seen.sent > least and not seen.ended for seen in hub.requests if seen.host == "stream") >= count


def unfinished(aihub: Aihub, storage: Storage, prefix: str) -> int:
    to = (f"s3://{BUCKET}/{prefix}/", "--endpoint", storage.endpoint, "--json")
    run = aihub("push", *to, "--abort", **keys_of(storage))
    return int(run.end["aborted"]) + int(run.end["left"])


def begun(folder: Path) -> dict[str, set[str]]:
    """The uploads of each object that a record tells of."""
    found: dict[str, set[str]] = {}
    for line in b"".join(path.read_bytes() for path in folder.glob("*.jsonl")).splitlines():
        told = json.loads(line)
        if told["line"] == "begun":
            found.setdefault(told["key"], set()).add(told["upload"])
    return found


def test_each_file_once_and_one_manifest_though_a_worker_is_killed(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, storage: Storage, batch: Path
) -> None:  # fmt: skip
    slow = small_hub.faults.add(Slow(rate=2_500_000))
    process = aihub.start(*words(batch, crew, storage, "killed", "--parallel", "3"), before=(), **keys_of(storage))
    until(lambda: under_way(small_hub, 2))
    secret = keys_of(storage)["AWS_SECRET_ACCESS_KEY"]
    dump = crew.dumped()
    assert b"aihub-" in dump
    assert DEMO_KEY.encode() not in dump
    assert secret.encode() not in dump
    crew.kill(crew.workers[0])
    small_hub.faults.remove(slow)
    run = ended(process)
    assert run.code == 0, run.err
    check_contents(lying(storage, BUCKET, "killed/"), offered(CATALOGUE))
    assert sum(times > 1 for times in asked(small_hub).values()) <= 2  # small files come together
    assert max(asked(small_hub).values()) <= 2
    assert run.records[-1]["done"] == len(offered(CATALOGUE))
    assert unfinished(aihub, storage, "killed") == 0
    assert not {DEMO_KEY, secret} & set((run.err + run.out + "".join(map(crew.log, crew.names))).split('"'))
    before = len(small_hub.requests)
    again = sync(aihub, batch, crew, storage, "killed")
    assert again.code == 0, again.err
    assert (again.records[-1]["right"], again.records[-1]["done"]) == (len(offered(CATALOGUE)), 0)
    assert not [seen for seen in list(small_hub.requests)[before:] if seen.host == "stream"]


def test_uploads_of_a_killed_command_are_gone_on_with(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, storage: Storage, batch: Path
) -> None:  # fmt: skip
    slow = small_hub.faults.add(Slow(rate=2_500_000))
    process = aihub.start(*words(batch, crew, storage, "cut", "--parallel", "3"), before=(), **keys_of(storage))
    record = aihub.home / "push"
    until(lambda: any(b'"line":"part"' in path.read_bytes() for path in record.glob("*.jsonl")))
    cut_power(process)
    until(lambda: all(seen.ended for seen in small_hub.requests))  # nobody receives for nobody
    small_hub.faults.remove(slow)
    known = begun(record)
    run = sync(aihub, batch, crew, storage, "cut")
    assert run.code == 0, run.err
    check_contents(lying(storage, BUCKET, "cut/"), offered(CATALOGUE))
    assert known
    assert all(uploads == known[key] for key, uploads in begun(record).items() if key in known)
    assert unfinished(aihub, storage, "cut") == 0


def test_a_worker_without_keys_to_the_storage_is_not_used(
    aihub: Aihub, small_hub: DemoHub, storage: Storage, batch: Path, tmp_path: Path
) -> None:  # fmt: skip
    """Those of the command are not lent to it."""
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", "poor") as made:
        run = sync(aihub, batch, made, storage, "poor")
    told = [one.get("problem", one["state"]) for one in run.records if one["event"] == "worker"]
    assert (run.code, told) == (exit_of(Code.NO_CREDENTIALS), ["no-credentials"]), run.err
    assert not asked(small_hub)
    assert lying(storage, BUCKET, "poor/") == {}


def test_another_object_of_that_name_is_not_replaced_unasked(
    crew: Cluster, aihub: Aihub, storage: Storage, batch: Path
) -> None:  # fmt: skip
    name = next(path for path in offered(CATALOGUE) if path.endswith("TL1.csv"))
    with Writer(storage) as writer:
        writer.put(BUCKET, f"other/{name}", b"of somebody else")
    run = sync(aihub, batch, crew, storage, "other")
    assert run.code == 1, run.err
    assert [one["problem"] for one in run.records if one["event"] == "refused"] == ["other-object"]
    run = sync(aihub, batch, crew, storage, "other", "--replace")
    assert run.code == 0, run.err
    check_contents(lying(storage, BUCKET, "other/"), offered(CATALOGUE))


def test_data_leave_korea_only_where_somebody_says_so_and_before_anything_is_spread(
    aihub: Aihub, small_hub: DemoHub, batch: Path
) -> None:  # fmt: skip
    to = ("--to", "s3://bucket/x", "--endpoint", "http://storage.example.org", "--anonymous", "--patience", "1")
    with Server(abroad) as server, socket.create_server(("127.0.0.1", 0)) as door:
        scheduler = f"127.0.0.1:{door.getsockname()[1]}"
        run = aihub("sync", batch, *to, "--dask", scheduler, http_proxy=server.url, no_proxy="127.0.0.1")
        assert run.code == 3, run.err
        assert run.err.count(Words("en").say("push.foreign", host="storage.example.org", bucket="bucket")) == 1
        door.settimeout(0)
        with pytest.raises(BlockingIOError):
            door.accept()  # no cluster was asked
        assert not any(head.startswith(b"PUT") for head in server.heads)
    assert not small_hub.requests


def test_what_a_storage_is_not_for(aihub: Aihub, tmp_path: Path, batch: Path) -> None:
    to = ("--to", "s3://bucket/x", "--dask", "127.0.0.1:9")
    for word in ("--delete", "--deep"):
        run = aihub("sync", batch, *to, word, "--yes")
        assert (run.code, Words("en").say("cli.get.not-for-storage", name=word) in run.err) == (2, True)
    run = aihub("sync", batch, "--to", "s3://bucket/x")
    assert (run.code, Words("en").say("cli.sync.storage-needs-dask") in run.err) == (2, True)
    run = aihub("sync", batch, "--to", tmp_path / "to", "--replace")
    assert (run.code, Words("en").say("cli.get.only-for-storage", name="--replace") in run.err) == (2, True)
    path = tmp_path / "web.aihubbatch"
    path.write_bytes(written(BatchFile(1, addresses=(AddressWish("http://127.0.0.1:1/x"),))))
    run = aihub("sync", path, *to, AIHUB_LANG="ko")
    assert (run.code, Words("ko").say("cli.sync.dask.only-datasets") in run.err) == (2, True)
