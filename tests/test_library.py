"""The library with a real engine, real workers and the demo hub: what is held, verified, repaired, thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engines import RunningEngine, children, final_files, offered, sha256

from aihub_desktop.demo.archives import Entry as ZipEntry
from aihub_desktop.demo.archives import zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, TaskState, VerifyWish
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.transport.ledger import Entry, Ledger

LONGEST = 60.0
FILES = {f"자료/{number}.bin": noise(30_000 + number, number) for number in range(6)}
SMALL = Catalogue.of(FILES)
# The same paths under other keys: file keys run in the order of the files.
NEWER = Catalogue.of({"새 파일.txt": b"new", **FILES})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


@pytest.fixture
def small() -> Iterator[DemoHub]:
    with DemoHub(SMALL) as hub:
        yield hub


@pytest.fixture
def run(tmp_path: Path, small: DemoHub) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path / "home", small.url) as running:
        yield running


def library(run: RunningEngine) -> m.Library:
    return run.ask(m.ListHoldings(run.engine.number()), m.Library)


def settled(run: RunningEngine, fits: Callable[[HoldingRow], bool] = lambda row: row.summary is not None) -> HoldingRow:
    """The one folder of the library, as soon as it is as wanted."""
    deadline = time.monotonic() + LONGEST
    rows = library(run).holdings
    while not (rows and fits(rows[0])):
        event = run.engine.get(max(0.01, deadline - time.monotonic()))
        assert event is not None, rows
        run.events.append(event)
        if isinstance(event, m.LibraryChanged) and event.holdings:
            rows = event.holdings
    return rows[0]


def fetched(run: RunningEngine, folder: Path) -> HoldingRow:
    run.ask(m.ListDatasets(run.engine.number()), m.DatasetList)  # from which titles are known
    row = run.fetch(folder)
    assert row.state is TransferState.DONE
    # With the hub's list: it is looked at once more where that became known during the first look.
    return settled(
        run, lambda row: row.summary is not None and row.summary.files == len(FILES) and row.summary.tree_at > 0
    )


def done(run: RunningEngine, task: int) -> TaskRow:
    """The row of a task that is over; those told before are in `run.events`."""
    while (event := run.engine.get(LONGEST)) is not None:
        run.events.append(event)
        for row in event.tasks if isinstance(event, m.TaskChanged) else []:
            if row.id == task and row.state in TASK_ENDED:
                return row
    raise AssertionError(f"task {task} never ended; last: {run.events[-3:]}")


def verify(run: RunningEngine, folder: Path, *, deep: bool = True) -> TaskRow:
    wish = m.Begin(run.engine.number(), verify=VerifyWish(str(folder), deep))
    return done(run, run.ask(wish, m.Begun).task)


def refused(run: RunningEngine, command: m.AnyCommand) -> Code:
    with pytest.raises(ProblemError) as caught:
        run.ask(command, object)
    return caught.value.problem.code


def damage(folder: Path) -> list[str]:
    """One file with another byte, one gone; their places, in order."""
    (folder / "자료/1.bin").write_bytes(b"\0" + FILES["자료/1.bin"][1:])
    (folder / "자료/4.bin").unlink()
    return ["자료/1.bin", "자료/4.bin"]


# ---- folders -------------------------------------------------------------------------------------


def test_what_was_downloaded_is_in_the_library(run: RunningEngine, folder: Path) -> None:
    row = fetched(run, folder)
    assert (row.folder, row.state, row.title) == (str(folder), HoldingState.RIGHT, "시험 데이터")
    assert row.summary is not None
    assert (row.summary.dataset.key, row.summary.datasets) == ("90001", 1)
    assert (row.summary.files, row.summary.bytes) == (6, sum(map(len, FILES.values())))
    assert row.summary.proofs == {"length": 6}
    assert row.summary.last_at is not None
    assert abs(row.summary.last_at - time.time()) < LONGEST
    assert row.verdict is None


def test_it_is_remembered_and_shown_with_the_drive_away(tmp_path: Path, small: DemoHub, folder: Path) -> None:
    with RunningEngine(tmp_path / "home", small.url) as run:
        before = fetched(run, folder)
    away = folder.with_name("elsewhere")
    folder.rename(away)
    with RunningEngine(tmp_path / "home", small.url) as run:
        (first,) = library(run).holdings
        assert first.summary == before.summary, "at once, from memory"
        gone = settled(run, lambda row: row.state is HoldingState.GONE)
        assert gone.summary == before.summary
        away.rename(folder)
        assert settled(run, lambda row: row.state is HoldingState.RIGHT) == before


def test_a_drive_that_is_pulled_and_another_in_its_place(tmp_path: Path) -> None:
    start = ["unshare", "-Urm"]
    if shutil.which("unshare") is None or subprocess.run([*start, "true"], check=False).returncode:
        pytest.skip("drives of one's own need unshare and the right to mount in a namespace (Linux)")
    tests = Path(__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    command = [*start, sys.executable, "-m", "library_player", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "here": "right", "pulled": "away", "verify": "drive-missing", "discard": "drive-missing",
        # Not what the person saw when he said that it may go. Looked at, they are a folder that was carried there.
        "discard there": "drive-missing", "theirs": True, "other drive, same files": "right",
        "back": "right", "ours": True,
    }  # fmt: skip


def test_a_folder_of_another_machine_is_taken_in_from_itself_alone(
    run: RunningEngine, folder: Path, tmp_path: Path
) -> None:
    row = fetched(run, folder)
    carried = tmp_path / "carried"
    shutil.copytree(folder, carried)
    taken = run.ask(m.AddHolding(run.engine.number(), str(carried)), HoldingRow)
    assert (taken.folder, taken.title, taken.state) == (str(carried), "시험 데이터", HoldingState.RIGHT)
    assert taken.summary is not None
    assert row.summary is not None
    assert (taken.summary.files, taken.summary.bytes, taken.summary.proofs) == (
        row.summary.files, row.summary.bytes, row.summary.proofs,
    )  # fmt: skip
    again = run.ask(m.AddHolding(run.engine.number(), str(carried)), HoldingRow)
    assert again.id == taken.id
    run.ask(m.RemoveHolding(run.engine.number(), taken.id), object)
    assert [row.folder for row in library(run).holdings] == [str(folder)]
    assert len(final_files(carried)) == 6


def test_a_folder_that_holds_nothing_of_ours_is_refused(run: RunningEngine, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_bytes(b"mine")
    number = run.engine.number
    assert refused(run, m.AddHolding(number(), str(folder))) is Code.NO_LEDGER
    assert refused(run, m.AddHolding(number(), str(tmp_path / "none"))) is Code.TARGET_MISSING
    assert refused(run, m.AddHolding(number(), "relative")) is Code.BAD_COMMAND
    assert refused(run, m.AddHolding(number(), str(tmp_path) + "/a\0b")) is Code.BAD_COMMAND
    assert refused(run, m.RemoveHolding(number(), 7)) is Code.BAD_COMMAND
    assert refused(run, m.Stop(number(), 7)) is Code.BAD_COMMAND
    assert refused(run, m.Begin(number())) is Code.BAD_COMMAND
    assert refused(run, m.Begin(number(), verify=VerifyWish(str(folder)))) is Code.NO_LEDGER
    assert library(run).holdings == []


def test_a_newer_release_is_told(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    with DemoHub(SMALL) as hub, RunningEngine(home, hub.url) as run:
        fetched(run, folder)
    with DemoHub(NEWER) as hub, RunningEngine(home, hub.url) as run:
        run.ask(m.ListFiles(run.engine.number(), "90001", refresh=True), m.FileList)
        row = settled(run, lambda row: row.state is HoldingState.NEWER)
        assert row.summary is not None
        assert row.summary.newer == 6


def test_files_come_in_pages_by_their_places(run: RunningEngine, folder: Path) -> None:
    row = fetched(run, folder)
    page = run.ask(m.HoldingFiles(run.engine.number(), row.id, offset=2, limit=3), m.HeldFiles)
    assert page.total == 6
    assert [file.place for file in page.files] == ["자료/2.bin", "자료/3.bin", "자료/4.bin"]
    one = page.files[0]
    assert (one.sha256, one.size, one.proof, one.finding) == (
        sha256(FILES["자료/2.bin"]), len(FILES["자료/2.bin"]), "length", "",
    )  # fmt: skip


# ---- tasks ---------------------------------------------------------------------------------------


def test_a_verification_finds_what_is_damaged_and_it_is_repaired(run: RunningEngine, folder: Path) -> None:
    row = fetched(run, folder)
    places = damage(folder)
    task = verify(run, folder)
    assert (task.kind, task.state, task.damaged, task.files) == (TaskKind.DEEP, TaskState.DONE, 2, 6)
    row = settled(run, lambda row: row.state is HoldingState.DAMAGED)
    assert row.verdict is not None
    assert row.verdict.counts == {"ok": 4, "changed": 1, "missing": 1}
    page = run.ask(m.HoldingFiles(run.engine.number(), row.id, damaged=True), m.HeldFiles)
    assert {file.place: file.finding for file in page.files} == {"자료/1.bin": "changed", "자료/4.bin": "missing"}
    assert [file.place for file in page.files] == places or page.total == 2
    number = run.ask(m.Repair(run.engine.number(), row.id), m.Repaired).transfer
    assert run.wait_for(number, TransferState.DONE).done == 6
    assert final_files(folder) == offered(SMALL)
    assert settled(run, lambda row: row.state is HoldingState.RIGHT).id == row.id
    assert verify(run, folder).damaged == 0


def test_nothing_is_repaired_where_nothing_is_damaged(run: RunningEngine, folder: Path) -> None:
    row = fetched(run, folder)
    assert refused(run, m.Repair(run.engine.number(), row.id)) is Code.BAD_COMMAND


def test_what_was_found_is_known_to_the_next_run(tmp_path: Path, small: DemoHub, folder: Path) -> None:
    with RunningEngine(tmp_path / "home", small.url) as run:
        fetched(run, folder)
        damage(folder)
        verify(run, folder)
    with RunningEngine(tmp_path / "home", small.url) as run:
        (row,) = library(run).holdings
        assert row.state is HoldingState.DAMAGED
        assert run.ask(m.HoldingFiles(run.engine.number(), row.id, damaged=True), m.HeldFiles).total == 2


def held(folder: Path, count: int, size: int) -> Path:
    """A folder as a download leaves it, with so many files."""
    folder.mkdir(parents=True)
    data = noise(size, 1)
    for number in range(count):
        (folder / f"{number:06}.bin").write_bytes(data)
    digest = sha256(data)
    Ledger(folder).record(
        [Entry(f"{number:06}.bin", digest, size, "aihub", "90001", False, str(number), f"{number:06}.bin", "length",
               "2026-01-02T03:04:05+00:00") for number in range(count)]
    )  # fmt: skip
    return folder


def test_a_task_is_stopped_and_what_it_found_so_far_is_no_verdict(run: RunningEngine, tmp_path: Path) -> None:
    folder = held(tmp_path / "many", 400, 1 << 20)
    row = run.ask(m.AddHolding(run.engine.number(), str(folder)), HoldingRow)
    wish = m.Begin(run.engine.number(), verify=VerifyWish(str(folder)))
    task = run.ask(wish, m.Begun).task
    same = m.Begin(run.engine.number(), verify=VerifyWish(str(folder)))
    assert run.ask(same, m.Begun).task == task, "not twice"
    assert refused(run, m.Discard(run.engine.number(), row.id)) is Code.AT_WORK
    run.ask(m.Stop(run.engine.number(), task), object)
    assert done(run, task).state is TaskState.STOPPED
    (row,) = library(run).holdings
    assert row.verdict is None


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_worker_that_dies_takes_its_task_along_only_for_a_moment(run: RunningEngine, tmp_path: Path) -> None:
    others = set(children(os.getpid()))  # servers of other tests
    folder = held(tmp_path / "many", 300, 1 << 20)
    task = run.ask(m.Begin(run.engine.number(), verify=VerifyWish(str(folder))), m.Begun).task
    while not any(
        isinstance(event, m.TaskChanged) and any(row.state is TaskState.RUNNING for row in event.tasks)
        for event in run.events
    ):
        event = run.engine.get(LONGEST)
        assert event is not None
        run.events.append(event)
    for worker in set(children(os.getpid())) - others:
        os.kill(worker, 9)  # SIGKILL, which has no name on Windows
    row = done(run, task)
    assert (row.state, row.files) == (TaskState.DONE, 300)


def test_downloads_go_on_beside_a_task(run: RunningEngine, tmp_path: Path, folder: Path) -> None:
    many = held(tmp_path / "many", 200, 1 << 20)
    task = run.ask(m.Begin(run.engine.number(), verify=VerifyWish(str(many))), m.Begun).task
    number = run.add(folder)
    ends: list[str] = []
    while len(ends) < 2:
        event = run.engine.get(LONGEST)
        assert event is not None
        if isinstance(event, m.Changed) and any(
            row.id == number and row.state is TransferState.DONE for row in event.transfers
        ):
            ends.append("transfer")
        if isinstance(event, m.TaskChanged) and any(row.id == task and row.state in TASK_ENDED for row in event.tasks):
            ends.append("task")
    assert sorted(ends) == ["task", "transfer"]


# ---- unpacking -----------------------------------------------------------------------------------


def packed() -> Catalogue:
    one = zipped([ZipEntry(name="라벨/가.json", data=b"{}"), ZipEntry(name="b.bin", data=noise(200_000, 3))])
    two = zipped([ZipEntry(name=f"{number}.txt", data=b"x" * 1000) for number in range(50)])
    return Catalogue.of({"원천/one.zip": one, "원천/two.zip": two, "notes.csv": b"1,2\n"})


def wish_unpacked(run: RunningEngine, folder: Path) -> int:
    listing = run.ask(m.ListFiles(run.engine.number(), "90001"), m.FileList)
    order = m.Add(run.engine.number(), listing.dataset, listing.files, str(folder), unpack=True)
    return run.ask(order, m.Added).transfer


def wait_for_task(run: RunningEngine, *states: TaskState) -> TaskRow:
    while (event := run.engine.get(LONGEST)) is not None:
        run.events.append(event)
        for row in event.tasks if isinstance(event, m.TaskChanged) else []:
            if row.state in states:
                return row
    raise AssertionError(f"no task came to {states}; last: {run.events[-3:]}")


def is_unpacked(folder: Path) -> bool:
    found = {path.name for path in folder.rglob("*") if path.is_file()}
    return {"가.json", "b.bin", "0.txt", "49.txt"} <= found


def test_archives_are_unpacked_once_all_is_here(tmp_path: Path, folder: Path) -> None:
    with DemoHub(packed()) as hub, RunningEngine(tmp_path / "home", hub.url) as run:
        number = wish_unpacked(run, folder)
        row = wait_for_task(run, *TASK_ENDED)
        assert (row.kind, row.state, row.archives, row.problem) == (TaskKind.UNPACK, TaskState.DONE, 2, None)
        assert row.files == 52
        assert is_unpacked(folder)
        assert (folder / "원천/one.zip").exists()
        assert not run.wait_for(number, TransferState.DONE).unpack, "wished once, done once"
    with DemoHub(packed()) as hub, RunningEngine(tmp_path / "home", hub.url) as run:
        assert library(run).tasks == []


def test_an_unpacking_that_was_cut_off_begins_again_with_the_engine(tmp_path: Path, folder: Path) -> None:
    with DemoHub(packed()) as hub, RunningEngine(tmp_path / "home", hub.url) as run:
        wish_unpacked(run, folder)
        wait_for_task(run, TaskState.WAITING)
    with DemoHub(packed()) as hub, RunningEngine(tmp_path / "home", hub.url) as run:
        assert wait_for_task(run, *TASK_ENDED).state is TaskState.DONE
        assert is_unpacked(folder)


def test_all_archives_of_a_folder_are_unpacked_when_asked(tmp_path: Path, folder: Path) -> None:
    with DemoHub(packed()) as hub, RunningEngine(tmp_path / "home", hub.url) as run:
        run.fetch(folder)
        wish = m.Begin(run.engine.number(), unpack=UnpackWish(str(folder), []))
        row = done(run, run.ask(wish, m.Begun).task)
        assert (row.state, row.archives) == (TaskState.DONE, 2)
        assert is_unpacked(folder)


# ---- throwing away -------------------------------------------------------------------------------


def test_only_what_the_ledger_names_is_thrown_away(run: RunningEngine, folder: Path, tmp_path: Path) -> None:
    row = fetched(run, folder)
    (folder / "자료/mine.txt").write_bytes(b"mine")
    (folder / "자료/2.bin").write_bytes(b"rewritten by somebody")
    other = tmp_path / "other.bin"
    other.write_bytes(FILES["자료/3.bin"])
    if sys.platform != "win32":
        (folder / "자료/3.bin").unlink()
        (folder / "자료/3.bin").symlink_to(other)
    gone = run.ask(m.Discard(run.engine.number(), row.id), m.Discarded)
    assert (gone.files, gone.kept) == ((4, 2) if sys.platform != "win32" else (5, 1))
    assert other.read_bytes() == FILES["자료/3.bin"]
    assert {"자료/mine.txt", "자료/2.bin"} <= set(final_files(folder))
    assert set(Ledger(folder).entries()) <= {"자료/2.bin", "자료/3.bin"}
    assert library(run).holdings == []


def test_a_folder_of_which_nothing_is_left_goes(run: RunningEngine, folder: Path) -> None:
    row = fetched(run, folder)
    gone = run.ask(m.Discard(run.engine.number(), row.id), m.Discarded)
    assert gone == m.Discarded(6, sum(map(len, FILES.values())), 0)
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_no_folder_on_the_way_may_be_a_link(run: RunningEngine, folder: Path, tmp_path: Path) -> None:
    row = fetched(run, folder)
    real = tmp_path / "real"
    (folder / "자료").rename(real)
    (folder / "자료").symlink_to(real)
    gone = run.ask(m.Discard(run.engine.number(), row.id), m.Discarded)
    assert (gone.files, gone.kept) == (0, 6)
    assert len(list(real.iterdir())) == 6
