"""`aihub sync --dask`: a real scheduler, real workers, and what becomes of a batch when any of them dies."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from bench.clusters import Cluster, cluster
from commandline import Aihub, Run, cut_power, ended
from engines import QUICK, RunningEngine, final_files, manifest, sha256
from range_server import RangeServer, Thing, content
from spreading import asked, batch
from tables import line

from aihub_desktop.cli.arguments import scheduler
from aihub_desktop.cli.exits import exit_of
from aihub_desktop.cluster.crew import Crew
from aihub_desktop.cluster.flow import Flow
from aihub_desktop.cluster.ground import Group
from aihub_desktop.cluster.share import Errand, Share
from aihub_desktop.cluster.spread import Back, Home, Spread, Told
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.batchfile import AddressWish, BatchFile
from aihub_desktop.domain.batchtext import written
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import FileList, ListFiles
from aihub_desktop.holdings.staging import Staging
from aihub_desktop.holdings.turn import Turn
from aihub_desktop.system.words import LANGUAGES, Words
from aihub_desktop.transport.ledger import Ledger

__all__ = ["batch"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are killed as POSIX systems do")
Property = Callable[[str, object], None]
TOP: Final = "01.감성 대화"
_bytes: Final = random.Random(20261128).randbytes
SIZE: Final = 600_000
FILES: Final[dict[str, bytes]] = {
    **{f"{TOP}/원천/TS{number}.bin": _bytes(SIZE) for number in range(6)},
    **{f"{TOP}/라벨/TL{number}.json": _bytes(2_000) for number in range(5)},
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), "a", "b", "c") as made:
        yield made


@pytest.fixture
def crew(standing: Cluster) -> Cluster:
    """Two workers at least, for some tests kill theirs: each takes seconds of processor time to be there."""
    while len(standing.workers) < 2:
        standing.hire(f"w{len(standing.names)}")
    return standing


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 16) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub) -> Iterator[Aihub]:
    # Files of this size would all be asked for together, in one stream.
    made = Aihub(tmp_path / "home", small_hub.url, bundle_bytes=100_000, stall_seconds=20, piece_bytes=1 << 18)
    yield made
    made.close()


def is_in_step(folder: Path, files: Mapping[str, bytes] = FILES) -> None:
    hashes = {name.replace(" ", "_"): sha256(data) for name, data in files.items()}
    assert {name: sha256(data) for name, data in final_files(folder).items()} == hashes
    assert manifest(folder) == hashes
    assert Ledger(folder).entries().keys() == hashes.keys()
    assert not (folder / ".aihub" / "dask").exists()


def sent(hub: DemoHub) -> int:
    return sum(seen.sent for seen in hub.requests if seen.host == "stream")


def until(holds: Callable[[], object], process: subprocess.Popen[bytes] | None = None) -> None:
    """Real processes tell nothing of what they do inside; what they have done shows at the hub and on disk."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "never came"
        assert process is None or process.poll() is None, ended(process).err
        time.sleep(0.02)


def under_way(hub: DemoHub, count: int) -> bool:
    return sum(seen.sent > 100_000 and not seen.ended for seen in hub.requests if seen.host == "stream") >= count


def sync(aihub: Aihub, crew: Cluster, batch: Path, folder: Path, *more: str | Path, **variables: str) -> Run:
    return aihub("sync", batch, "--to", folder, "--dask", crew.address, "--json", *more, **variables)


def told_of(run: Run) -> dict[str, str]:
    """What the run said of workers, and the problem if there was one."""
    return {one["worker"]: one.get("problem", one["state"]) for one in run.records if one["event"] == "worker"}


# Every file once, whoever dies.


def test_each_file_comes_once_and_there_is_one_manifest(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    run = sync(aihub, crew, batch, folder)
    assert run.code == 0, run.err
    is_in_step(folder)
    assert set(asked(small_hub).values()) == {1}
    assert run.records[-2]["done"] == run.records[-1]["done"] == len(FILES)
    assert sorted(told_of(run).values()) == ["ready"] * len(crew.workers)
    assert DEMO_KEY not in run.err + run.out + "".join(map(crew.log, crew.names))
    before = len(small_hub.requests)
    csv = next(name for name in final_files(folder) if name.endswith("TL3.json"))
    (folder / csv).unlink()
    broken = next(name for name in final_files(folder) if name.endswith("TS2.bin"))
    (folder / broken).write_bytes(b"not what was proved")
    run = sync(aihub, crew, batch, folder)
    assert run.code == 0, run.err
    is_in_step(folder)
    assert len({key for seen in list(small_hub.requests)[before:] for key in seen.file_keys}) == 2


def test_a_killed_worker_costs_its_own_file(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, batch: Path, record_property: Property
) -> None:  # fmt: skip
    folder = batch.parent / "to"
    slow = small_hub.faults.add(Slow(rate=250_000))
    process = aihub.start("sync", str(batch), "--to", str(folder), "--dask", crew.address, "--json", "--parallel", "3")
    until(lambda: under_way(small_hub, len(crew.workers)), process)
    crew.kill(crew.workers[0])
    small_hub.faults.remove(slow)
    run = ended(process)
    assert run.code == 0, run.err
    is_in_step(folder)
    twice = [key for key, times in asked(small_hub).items() if times > 1]
    assert len(twice) == 1, twice
    assert asked(small_hub)[twice[0]] == 2
    whole = sum(map(len, FILES.values()))
    assert sent(small_hub) < whole + SIZE + 200_000  # headers of tars among them
    assert "away" in told_of(run).values()
    more = (sent(small_hub) - whole) / 1e6
    record_property(*line("Dask", f"a worker killed: {more:.2f} MB more than {whole / 1e6:.2f} MB were sent"))


def test_what_comes_in_ranges_goes_on_where_the_dead_worker_was(crew: Cluster, aihub: Aihub, tmp_path: Path) -> None:
    size = 4_000_000
    with RangeServer({"/big.bin": Thing(size, rate=700_000), "/small.bin": Thing(5_000, seed=2)}) as server:
        wishes = tuple(AddressWish(f"{server.url}/{name}.bin") for name in ("big", "small"))
        path = tmp_path / "web.aihubbatch"
        path.write_bytes(written(BatchFile(1, addresses=wishes)))
        folder = tmp_path / "to"
        words = ("--dask", crew.address, "--json", "--connections", "2")
        process = aihub.start("sync", str(path), "--to", str(folder), *words)
        server.wait_sent("/big.bin", 2_000_000)
        for name in crew.workers:  # whichever has it
            crew.kill(name)
        crew.hire("next")
        run = ended(process)
        assert run.code == 0, run.err
        assert final_files(folder) == {"big.bin": content(1, 0, size), "small.bin": content(2, 0, 5_000)}
        assert manifest(folder).keys() == {"big.bin", "small.bin"}
        assert server.sent("/big.bin") < size + 4 * (256 << 10) + 200_000  # a piece of each connection, no more


def test_a_killed_command_loses_nothing_and_the_workers_stop(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    slow = small_hub.faults.add(Slow(rate=250_000))
    process = aihub.start("sync", str(batch), "--to", str(folder), "--dask", crew.address, "--json", "--parallel", "3")
    until(lambda: len(manifest(folder)) >= 2 and under_way(small_hub, 2), process)
    cut_power(process)
    done = len(manifest(folder))
    small_hub.faults.remove(slow)
    run = sync(aihub, crew, batch, folder)
    assert run.code == 0, run.err
    is_in_step(folder)
    assert sum(times > 1 for times in asked(small_hub).values()) <= 3  # those that were under way
    assert max(asked(small_hub).values()) <= 2
    assert run.records[-1]["right"] >= done


def test_ctrl_c_ends_the_tasks_and_the_hours_begin_none(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    words = ("sync", str(batch), "--to", str(folder), "--dask", crew.address, "--json")
    other = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.localtime().tm_wday + 3) % 7]
    process = aihub.start(*words, "--hours", other)
    assert process.stdout is not None
    assert b"ready" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    assert not asked(small_hub)
    slow = small_hub.faults.add(Slow(rate=150_000))
    process = aihub.start(*words, "--parallel", "2")
    until(lambda: under_way(small_hub, 2), process)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    run = ended(process)
    assert run.code == 130
    assert time.monotonic() - began < 20
    # Nobody receives for nobody: the hub notices it with the next bytes that it would send.
    sent = sum(seen.sent for seen in small_hub.requests)
    until(lambda: all(seen.ended for seen in small_hub.requests))
    assert sum(seen.sent for seen in small_hub.requests) - sent < 150_000
    kept = list((folder / ".aihub" / "dask").rglob("*.part.journal"))
    assert len(kept) == 2
    small_hub.faults.remove(slow)
    assert aihub("sync", batch, "--to", folder).code == 0  # without the cluster, too
    is_in_step(folder)


def test_when_the_hours_are_over_tasks_end_in_good_order_and_go_out_again(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, folder: Path
) -> None:  # fmt: skip
    with RunningEngine(aihub.home, small_hub.url) as running:
        found = running.ask(ListFiles(running.engine.number(), "90001"), FileList)
    file = next(one for one in found.files if one.path.endswith("TS4.bin"))
    slow = small_hub.faults.add(Slow(rate=150_000))
    told: list[Told] = []

    def is_open() -> bool:
        """Over as soon as bytes come, and begun again when the task is back."""
        if any(isinstance(one, Back) for one in told):
            small_hub.faults.remove(slow)
            return True
        return not under_way(small_hub, 1)

    errand = Errand(
        folder=folder, hub=small_hub.url, settings={**QUICK, "stall_seconds": 20, "parallel": 1}, storages=[],
        patience=60, limit=1 << 30,
    )  # fmt: skip
    with Crew(crew.address) as made:
        groups = [Group(0, found.dataset, [file])]
        Spread(made, Share(errand), groups, Flow(0.0), tell=told.append, open_=is_open, patience=60).run()
    ends = [one for one in told if isinstance(one, Home | Back)]
    assert [type(one) for one in ends] == [Back, Home]
    assert isinstance(home := ends[1], Home)
    assert [entry.key for entry in home.came.entries] == [file.key]
    assert manifest(folder) == {file.path.replace(" ", "_"): sha256(FILES[file.path])}
    assert home.result.again > 0  # what the first stream brought passed by, and was not written again


def test_a_second_command_is_refused(crew: Cluster, aihub: Aihub, batch: Path, folder: Path) -> None:
    with Turn(folder):
        assert sync(aihub, crew, batch, folder).code == 3


# Who takes part.


def test_workers_that_cannot_are_told_and_not_used(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    mine = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    hide = f"mount -t tmpfs none '{folder}' && exec \"$@\""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    if subprocess.run([*mine, "mount -t tmpfs none /mnt"], check=False).returncode:
        pytest.skip("this machine lets nobody have a mount of their own")
    older = tmp_path / "older" / "aihub_desktop"
    older.mkdir(parents=True)
    (older / "__init__.py").write_text('__version__ = "0.0.1"')
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster") as made:
        made.hire("blind", before=(*mine, hide, "sh"))
        run = sync(aihub, made, batch, folder, AIHUB_LANG="ko")
        assert (run.code, list(told_of(run).values())) == (4, ["not-shared"]), run.err
        assert Words("ko").problem(Problem(Code.NOT_SHARED, {"path": str(folder)})).title in run.err
        assert not asked(small_hub)
        made.hire("older", PYTHONPATH=str(older.parent))
        made.hire("keyless", AIHUB_APIKEY="")
        made.hire("good")
        made.wait()
        run = sync(aihub, made, batch, folder)
        assert run.code == 0, run.err
        assert sorted(told_of(run).values()) == ["no-key", "not-shared", "other-version", "ready"]
        assert "0.0.1" in run.err
        is_in_step(folder)
    assert [exit_of(code) for code in (Code.OTHER_VERSION, Code.NO_KEY, Code.NO_WORKERS)] == [3, 3, 5]


def test_a_worker_that_is_stopped_keeps_nobody_waiting(
    crew: Cluster, aihub: Aihub, batch: Path, folder: Path
) -> None:  # fmt: skip
    crew.hire("frozen")
    crew.wait()
    crew.stop("frozen")
    try:
        run = sync(aihub, crew, batch, folder)
    finally:
        crew.kill("frozen")
    assert run.code == 0, run.err
    is_in_step(folder)


def large_files(aihub: Aihub, hub: DemoHub, folder: Path) -> tuple[Errand, list[Group]]:
    with RunningEngine(aihub.home, hub.url) as running:
        found = running.ask(ListFiles(running.engine.number(), "90001"), FileList)
    large = [one for one in found.files if one.path.endswith(".bin")]
    errand = Errand(
        folder=folder, hub=hub.url, settings={**QUICK, "stall_seconds": 20, "parallel": 1}, storages=[],
        patience=60, limit=1 << 30,
    )  # fmt: skip
    return errand, [Group(number, found.dataset, [file]) for number, file in enumerate(large)]


def test_what_a_frozen_worker_has_comes_anew_elsewhere(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, folder: Path
) -> None:  # fmt: skip
    """It holds the lock on what it has begun, and wakes up while the others go on."""
    errand, groups = large_files(aihub, small_hub, folder)
    slow = small_hub.faults.add(Slow(rate=120_000))
    told: list[Told] = []
    frozen: list[str] = []

    def is_open() -> bool:
        if not frozen and under_way(small_hub, 2):
            frozen.append(crew.workers[0])
            crew.stop(frozen[0])
        elif frozen and any(isinstance(one, Back) for one in told):
            crew.go_on(frozen[0])
            small_hub.faults.remove(slow)
        return True

    with Crew(crew.address, still=3.0) as made:
        Spread(made, Share(errand), groups, Flow(0.0), tell=told.append, open_=is_open, patience=60).run()
    assert sum(isinstance(one, Back) for one in told) == 1
    assert max(asked(small_hub).values()) == 2
    assert sum(times == 2 for times in asked(small_hub).values()) == 1
    assert not [one for one in told if isinstance(one, Home) and one.failed]
    Staging(folder).bring_all()  # what it had goes with the next run
    is_in_step(folder, {name: data for name, data in FILES.items() if name.endswith(".bin")})


def test_a_scheduler_that_dies_is_told_and_costs_no_file(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    errand, groups = large_files(aihub, small_hub, folder)
    slow = small_hub.faults.add(Slow(rate=250_000))
    killed: list[float] = []
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", "a", "b") as made:
        made.wait()

        def is_open() -> bool:
            if not killed and len(manifest(folder)) >= 2 and under_way(small_hub, 2):
                made.kill("scheduler")
                killed.append(time.monotonic())
            return True

        with pytest.raises(ProblemError) as caught, Crew(made.address, lost=3.0) as crew:
            Spread(crew, Share(errand), groups, Flow(0.0), tell=lambda told: None, open_=is_open, patience=60).run()
        assert caught.value.problem.code is Code.NO_CLUSTER
        assert time.monotonic() - killed[0] < 25
        until(lambda: all(seen.ended for seen in small_hub.requests))  # nobody receives for nobody
        small_hub.faults.remove(slow)
        assert aihub("sync", batch, "--to", folder).code == 0
    is_in_step(folder)
    assert max(asked(small_hub).values()) <= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_extra_the_command_that_installs_it_is_named(
    aihub: Aihub, batch: Path, folder: Path, language: str
) -> None:  # fmt: skip
    hidden = "import sys; sys.modules['distributed'] = None; from aihub_desktop.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", hidden, "sync", str(batch), "--to", str(folder), "--dask", "127.0.0.1:9"]
    run = subprocess.run(
        command, capture_output=True, text=True, env=aihub.environment(AIHUB_LANG=language), check=False, timeout=60
    )  # fmt: skip
    assert run.returncode == 2
    assert "aihub-desktop[dask]" in run.stderr
    assert Words(language).problem(Problem(Code.NO_DASK)).title in run.stderr
    assert not list(folder.iterdir())


def test_what_cannot_be_reached_or_meant(aihub: Aihub, batch: Path, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    run = aihub("sync", batch, "--to", folder, "--dask", f"tcp://127.0.0.1:{port}")
    assert run.code == 5, run.err
    assert str(port) in run.err
    assert "Traceback" not in run.err
    run = aihub("sync", batch, "--to", folder, "--dask", "http://127.0.0.1:1")
    assert run.code == 2
    assert "http://127.0.0.1:1" in run.err


def test_addresses_of_schedulers() -> None:
    assert scheduler(" 127.0.0.1:8786 ") == "tcp://127.0.0.1:8786"
    assert scheduler("tls://dask.example:8786") == "tls://dask.example:8786"
    for text in ("127.0.0.1", "tcp://127.0.0.1:8786/x", "tcp://a@b:1", "tcp://:1", "", "tcp://a:b"):
        with pytest.raises(ValueError, match=r".*"):
            scheduler(text)


def test_a_signed_address_goes_nowhere_unencrypted(aihub: Aihub, tmp_path: Path) -> None:
    with RangeServer({"/a.bin?X-Amz-Signature=5ec2e7": Thing(5_000)}) as server:
        path = tmp_path / "web.aihubbatch"
        path.write_bytes(written(BatchFile(1, addresses=(AddressWish(f"{server.url}/a.bin?X-Amz-Signature=5ec2e7"),))))
        run = aihub("sync", path, "--to", tmp_path / "to", "--dask", "127.0.0.1:9", "--json")
        assert run.code == 3, run.err
        assert Words("en").problem(Problem(Code.NOT_ENCRYPTED)).title in run.err
        assert "5ec2e7" not in run.err + run.out
