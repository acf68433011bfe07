"""Adoption as the window asks for it: a real engine, a real worker, the demo hub, and what other tools left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crashes import until
from engines import RunningEngine, children, final_files, manifest, offered, sha256
from leavings import BIG, MISSING, PIECE, TABLE, archive, cat, curl, files, finished, pieces_of, snapshot, untar

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.adoption import AdoptWish, Fate, Lot, State, Stock
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.domain.states import TransferState
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, TaskState
from aihub_desktop.engine.recognition import Names, likely

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the official flow needs {', '.join(MISSING)} on the PATH")

DATASET = "90001"
LONGEST = 60.0
BIG_PLACE, TABLE_PLACE = BIG.replace(" ", "_"), TABLE.replace(" ", "_")
CATALOGUE = Catalogue.of(files())
RIGHT = offered(CATALOGUE)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


@pytest.fixture
def hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=PIECE) as started:
        yield started


@pytest.fixture
def run(tmp_path: Path, hub: DemoHub) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path / "home", hub.url) as running:
        yield running


def begin(run: RunningEngine, wish: AdoptWish) -> int:
    return run.ask(m.Begin(run.engine.number(), adopt=wish), m.Begun).task


def row_when(run: RunningEngine, task: int, fits: Callable[[TaskRow], bool]) -> TaskRow:
    deadline = time.monotonic() + LONGEST
    while (event := run.engine.get(max(0.01, deadline - time.monotonic()))) is not None:
        run.events.append(event)
        for row in event.tasks if isinstance(event, m.TaskChanged) else []:
            if row.id == task and fits(row):
                return row
    raise AssertionError(f"task {task}; last: {run.events[-3:]}")


def done(run: RunningEngine, wish: AdoptWish) -> TaskRow:
    return row_when(run, begin(run, wish), lambda row: row.state in TASK_ENDED)


def stock(row: TaskRow) -> Stock:
    assert row.stock is not None
    return row.stock


def by_script(hub: DemoHub, folder: Path) -> None:
    """The official script, ended while it joined: its tar is gone, of the largest file pieces are missing."""
    curl(hub, folder / "download.tar")
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    for piece in pieces_of(folder, BIG_PLACE)[5:]:
        piece.unlink()


def test_what_the_script_left_is_seen_adopted_and_the_rest_is_fetched(
    run: RunningEngine, hub: DemoHub, folder: Path
) -> None:
    by_script(hub, folder)
    before = snapshot(folder)
    look = done(run, AdoptWish(str(folder), DATASET, only_look=True))
    assert (look.kind, look.state, look.problem) == (TaskKind.SURVEY, TaskState.DONE, None)
    seen = stock(look)
    assert (seen.files, seen.of(Lot.JOINED).files, seen.of(Lot.PARTIAL).files) == (len(RIGHT), len(RIGHT) - 1, 1)
    assert (seen.missing, seen.bars, seen.dataset.key) == (1, 0, DATASET)
    assert seen.low <= len(RIGHT[BIG_PLACE]) <= seen.high
    found = run.ask(m.Finds(run.engine.number(), look.id), m.FoundFiles).files
    assert [one.place for one in found if one.state is State.PARTIAL] == [BIG_PLACE]
    assert snapshot(folder) == before, "a survey writes nothing"

    over = done(run, AdoptWish(str(folder), DATASET, rest=True))
    assert (over.kind, over.state) == (TaskKind.ADOPT, TaskState.DONE)
    # Nothing proves of the table that its last piece is there.
    assert (over.files, over.refused) == (len(RIGHT) - 2, 1)
    assert (stock(over).missing, stock(over).of(Lot.WRONG).files) == (2, 1)
    told = run.ask(m.Finds(run.engine.number(), over.id), m.FoundFiles).files
    assert (told[0].place, told[0].fate) == (TABLE_PLACE, Fate.UNPROVED)
    transfer = stock(row_when(run, over.id, lambda row: stock(row).transfer > 0)).transfer
    rest = run.wait_for(transfer, TransferState.DONE)
    assert (rest.files, rest.done) == (2, 2)
    assert {place: data for place, data in final_files(folder).items() if place in RIGHT} == RIGHT
    assert manifest(folder) == {place: sha256(data) for place, data in RIGHT.items()}
    assert rest.received < sum(len(RIGHT[place]) for place in (BIG_PLACE, TABLE_PLACE)) + 100_000
    (held,) = run.ask(m.ListHoldings(run.engine.number(), fresh=True), m.Library).holdings
    assert held.summary is not None
    assert (held.folder, held.summary.files) == (str(folder), len(RIGHT))


def test_what_lies_elsewhere_is_moved_only_where_that_is_said(run: RunningEngine, folder: Path, tmp_path: Path) -> None:
    finished(folder, RIGHT)
    to = str(tmp_path / "새 곳")
    seen = stock(done(run, AdoptWish(str(folder), DATASET, to=to, only_look=True)))
    assert seen.of(Lot.ELSEWHERE) == seen.movable
    assert (seen.movable.files, seen.movable.bytes) == (len(RIGHT), sum(map(len, RIGHT.values())))
    over = done(run, AdoptWish(str(folder), DATASET, to=to, move=True))
    assert (over.folder, over.files, stock(over).missing) == (to, len(RIGHT), 0)
    assert final_files(Path(to)) == RIGHT
    assert final_files(folder) == {}


def test_a_wrong_file_gives_up_its_name_where_that_is_said(run: RunningEngine, folder: Path) -> None:
    wrong = RIGHT[BIG_PLACE][:-1] + b"!" * 9
    finished(folder, {**RIGHT, BIG_PLACE: wrong, TABLE_PLACE: b"short"})
    seen = stock(done(run, AdoptWish(str(folder), DATASET, only_look=True)))
    assert (seen.bars, seen.missing, seen.of(Lot.WRONG).files) == (2, 2, 2)
    over = done(run, AdoptWish(str(folder), DATASET, set_aside=True, rest=True))
    transfer = stock(row_when(run, over.id, lambda row: stock(row).transfer > 0)).transfer
    assert run.wait_for(transfer, TransferState.DONE).done == 2
    assert {place: data for place, data in final_files(folder).items() if place in RIGHT} == RIGHT
    assert (folder / f"{BIG_PLACE}.bad").read_bytes() == wrong
    assert (folder / f"{TABLE_PLACE}.bad").read_bytes() == b"short"


def test_a_merge_in_the_wrong_order_is_put_right(tmp_path: Path, folder: Path) -> None:
    data = archive(12 * PIECE + 77)
    with DemoHub(Catalogue.of({"a.zip": data}), piece_size=PIECE) as hub:
        curl(hub, folder / "download.tar")
        untar(folder / "download.tar")
        (folder / "download.tar").unlink()
        cat(folder, "a.zip", lambda paths: sorted(paths, key=lambda path: path.name))
        with RunningEngine(tmp_path / "home", hub.url) as run:
            seen = stock(done(run, AdoptWish(str(folder), DATASET, only_look=True)))
            assert (seen.of(Lot.MISJOINED).files, seen.missing) == (1, 0)
            over = done(run, AdoptWish(str(folder), DATASET))
    assert (over.files, over.bytes) == (1, len(data))
    assert (folder / "a.zip").read_bytes() == data


@pytest.mark.parametrize("only_look", [True, False])
def test_nothing_is_adopted_where_it_cannot_be_asked_for(run: RunningEngine, folder: Path, only_look: bool) -> None:
    for wish, code in (
        (AdoptWish("not/absolute", DATASET, only_look=only_look), Code.BAD_COMMAND),
        (AdoptWish(str(folder), DATASET, to="not/absolute", only_look=only_look), Code.BAD_COMMAND),
        (AdoptWish(str(folder), "4711", only_look=only_look), Code.UNKNOWN_DATASET),
    ):
        with pytest.raises(ProblemError) as caught:
            begin(run, wish)
        assert caught.value.problem.code is code
    gone = done(run, AdoptWish(str(folder / "none"), DATASET, only_look=only_look))
    assert gone.state is TaskState.FAILED
    assert gone.problem is not None
    assert gone.problem.code is Code.TARGET_MISSING
    with pytest.raises(ProblemError):
        run.ask(m.Finds(run.engine.number(), gone.id), m.FoundFiles)


def test_an_adoption_has_the_folder_for_itself(tmp_path: Path, folder: Path) -> None:
    given = {f"{number}.zip": archive(30 << 20, number) for number in range(4)}
    with DemoHub(Catalogue.of(given)) as hub:
        curl(hub, folder / "download.tar")
        with RunningEngine(tmp_path / "home", hub.url) as run:
            task = begin(run, AdoptWish(str(folder), DATASET))
            row_when(run, task, lambda row: row.state is TaskState.RUNNING)
            tree = run.ask(m.ListFiles(run.engine.number(), DATASET), m.FileList)
            with pytest.raises(ProblemError) as caught:
                run.ask(m.Add(run.engine.number(), tree.dataset, tree.files, str(folder)), m.Added)
            assert caught.value.problem.code is Code.AT_WORK
            assert begin(run, AdoptWish(str(folder), DATASET)) == task, "the same wish is not doubled"
            until(lambda: any(folder.glob("*.part")))
            run.ask(m.Stop(run.engine.number(), task), object)
            stopped = row_when(run, task, lambda row: row.state in TASK_ENDED)
            assert stopped.state is TaskState.STOPPED
            assert stock(stopped).missing == len(given) - stopped.files
            assert stock(stopped).transfer == 0
            over = done(run, AdoptWish(str(folder), DATASET))
            assert (over.state, stock(over).missing) == (TaskState.DONE, 0)
    assert manifest(folder) == {name: sha256(data) for name, data in given.items()}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found by /proc")
def test_a_worker_that_dies_is_followed_by_another(tmp_path: Path, folder: Path) -> None:
    given = {f"{number}.zip": archive(30 << 20, number) for number in range(4)}
    with DemoHub(Catalogue.of(given)) as hub:
        curl(hub, folder / "download.tar")
        with RunningEngine(tmp_path / "home", hub.url) as run:
            task = begin(run, AdoptWish(str(folder), DATASET))
            until(lambda: any(folder.glob("*.part")))
            for pid in children(os.getpid()):
                if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, 9)  # SIGKILL, which Windows has no name for
            over = row_when(run, task, lambda row: row.state in TASK_ENDED)
    assert (over.state, stock(over).missing) == (TaskState.DONE, 0)
    assert manifest(folder) == {name: sha256(data) for name, data in given.items()}
    assert not list(folder.glob("*.journal"))


# ---- which dataset -------------------------------------------------------------------------------

SPEECH, ROADS = Dataset(HUB, "71", "한국어 음성 말뭉치"), Dataset(HUB, "188", "도로 주행 영상")
TALK = Dataset(HUB, "86", "감성 대화 말뭉치")


@pytest.mark.parametrize(
    ("own", "inside", "first"),
    [
        ("71 한국어_음성_말뭉치", [], SPEECH),
        ("188", ["download.tar"], ROADS),
        ("받은 것", ["01-1.정식개방데이터", "018.감성대화 말뭉치"], TALK),
        ("한국어음성", ["download.tar"], None),
        ("한국어 음성 말뭉", [], SPEECH),
        ("새 폴더", ["TS_01.zip", "71.zip"], None),
        ("", [], None),
    ],
)
def test_a_dataset_is_guessed_from_names(own: str, inside: list[str], first: Dataset | None) -> None:
    found = likely(Names(own, inside), [ROADS, SPEECH, TALK])
    assert (found[0] if found else None) == first


def test_the_ledger_says_more_than_names(run: RunningEngine, folder: Path) -> None:
    run.ask(m.ListDatasets(run.engine.number()), m.DatasetList)
    nothing = run.ask(m.Recognise(run.engine.number(), str(folder)), m.Recognised)
    assert nothing.datasets == []
    run.fetch(folder)
    found = run.ask(m.Recognise(run.engine.number(), str(folder)), m.Recognised)
    assert [one.key for one in found.datasets] == [DATASET]


# ---- undone --------------------------------------------------------------------------------------


def test_a_folder_that_was_taken_off_the_list_comes_back(run: RunningEngine, folder: Path) -> None:
    run.fetch(folder)
    (before,) = run.ask(m.ListHoldings(run.engine.number(), fresh=True), m.Library).holdings
    run.ask(m.RemoveHolding(run.engine.number(), before.id), object)
    # Whether or not its drive is there by then.
    folder.rename(folder.with_name("elsewhere"))
    back = run.ask(m.Restore(run.engine.number(), before.id), HoldingRow)
    assert (back.folder, back.summary, back.verdict) == (before.folder, before.summary, before.verdict)
    with pytest.raises(ProblemError):
        run.ask(m.Restore(run.engine.number(), before.id), HoldingRow)
