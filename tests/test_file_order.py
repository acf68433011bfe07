"""The order of the files of one download: as it was asked for, and as a person changes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from desks import GB, Desk, names
from engines import RunningEngine, final_files, offered
from test_core import finish_all
from test_core_gathering import KB, ask, desk_of, objects

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Ended
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import GAP
from aihub_desktop.engine.deeds import Collect, Fetch, Halt
from aihub_desktop.engine.records import Moment


def listed(desk: Desk, number: int) -> list[str]:
    return [row.place for row in desk.files(number)]


def move(desk: Desk, number: int, places: list[str], before: str | None) -> None:
    by_place = {row.place: row.id for row in desk.files(number)}
    desk.tell(m.MoveFiles(1, number, [by_place[one] for one in places], None if before is None else by_place[before]))


# ---- what is asked for


def test_moved_files_begin_first_and_what_runs_goes_on() -> None:
    desk = Desk(parallel=1)
    number = desk.add([(f"{name}.zip", GB) for name in "abcdef"])
    move(desk, number, ["e.zip", "c.zip"], "a.zip")
    assert desk.take(Halt) == []
    assert listed(desk, number) == ["e.zip", "c.zip", "a.zip", "b.zip", "d.zip", "f.zip"]
    move(desk, number, ["b.zip"], None)
    assert finish_all(desk) == ["a.zip", "e.zip", "c.zip", "d.zip", "f.zip", "b.zip"]


def test_small_files_share_a_request_in_their_order() -> None:
    desk = Desk(parallel=1, bundle_files=3)
    number = desk.add([("large.zip", GB), *((f"{n}.csv", KB) for n in range(7))])
    move(desk, number, ["6.csv", "4.csv"], "large.zip")
    (first,) = desk.take(Fetch)
    assert names(first.files) == ["large.zip"]
    desk.receive(first)
    order = []
    while fetches := desk.take(Fetch):
        order.append([name for fetch in fetches for name in names(fetch.files)])
        desk.receive(fetches[0])
    assert order == [["6.csv", "4.csv", "0.csv"], ["1.csv", "2.csv", "3.csv"], ["5.csv"]]


def test_the_volumes_of_a_split_archive_stay_together() -> None:
    desk = Desk(parallel=1)
    volumes = ["s.z01", "s.z02", "s.zip"]
    number = desk.add([(name, GB) for name in ("a.zip", "b.zip", *volumes, "c.zip")])
    move(desk, number, ["s.z02"], "b.zip")
    assert listed(desk, number) == ["a.zip", *volumes, "b.zip", "c.zip"]
    move(desk, number, ["c.zip"], "s.zip")
    assert listed(desk, number) == ["a.zip", "c.zip", *volumes, "b.zip"], "not between them"
    move(desk, number, ["a.zip"], "s.z02")
    assert listed(desk, number) == ["c.zip", *volumes, "a.zip", "b.zip"], "past them, from above"
    move(desk, number, volumes, None)
    assert finish_all(desk) == ["a.zip", "c.zip", "b.zip", *volumes]


def test_a_file_that_waits_for_its_next_try_keeps_its_new_place() -> None:
    desk = Desk(parallel=1, backoff_first=50.0)
    number = desk.add([(f"{name}.zip", GB) for name in "abc"])
    (first,) = desk.take(Fetch)
    desk.core.book.files[1].attempts = 0
    desk.core.book.set_file(desk.core.book.files[2], due=desk.at + 20)
    move(desk, number, ["b.zip"], "a.zip")
    desk.receive(first)
    (second,) = desk.take(Fetch)
    assert names(second.files) == ["c.zip"], "its time has not come"
    move(desk, number, ["b.zip"], "c.zip")
    desk.wait(30.0)
    desk.receive(second)
    assert names(desk.take(Fetch)[0].files) == ["b.zip"]


def test_new_files_come_behind_those_of_before_and_in_order_where_that_is_asked_for() -> None:
    desk = Desk(parallel=1)
    number = desk.add([("a.zip", GB), ("b.zip", GB)])
    move(desk, number, ["b.zip"], "a.zip")
    desk.add([("a.zip", GB), ("b.zip", GB), ("c.zip", GB)])
    assert listed(desk, number) == ["b.zip", "a.zip", "c.zip"]
    wanted = desk.remote([("c.zip", GB), ("a.zip", GB), ("d.zip", GB)])
    desk.tell(m.Add(1, desk.dataset(), wanted, "/f", in_order=True))
    assert listed(desk, number) == ["b.zip", "c.zip", "a.zip", "d.zip"]


def test_files_of_another_download_are_no_neighbours() -> None:
    desk = Desk()
    first, second = desk.add([("a.zip", GB), ("b.zip", GB)]), desk.add([("c.zip", GB)], "/g", "2")
    commands = (
        m.MoveFiles(1, 9, [1]), m.MoveFiles(1, first, [99]), m.MoveFiles(1, first, [3]), m.MoveFiles(1, first, [1], 3),
        m.MoveFiles(1, second, [3, 2], None),
    )  # fmt: skip
    for command in commands:
        with pytest.raises(ProblemError) as refusal:
            desk.tell(command)
        assert refusal.value.problem.code is Code.BAD_COMMAND
    assert [listed(desk, number) for number in (first, second)] == [["a.zip", "b.zip"], ["c.zip"]]
    desk.tell(m.MoveFiles(1, first, []))
    assert listed(desk, first) == ["a.zip", "b.zip"]


# ---- places that serve ranges


def test_what_comes_in_ranges_makes_way_within_its_download() -> None:
    desk = desk_of(connections=4)
    number = ask(desk, objects([GB] * 40))
    (running,) = desk.take(Collect)
    assert names(running.files) == [f"{n:05}" for n in range(32)]
    move(desk, number, ["00039", "00003"], "00000")
    assert [halt.lease for halt in desk.take(Halt)] == [running.lease]
    desk.tell(Ended(running.lease))
    (anew,) = desk.take(Collect)
    assert names(anew.files)[:4] == ["00039", "00003", "00000", "00001"]
    move(desk, number, ["00038"], None)
    move(desk, number, ["00037"], "00038")
    assert desk.take(Halt) == [], "what is under way comes before them all the same"


def test_an_order_within_a_paused_download_stops_nothing() -> None:
    desk = desk_of(connections=4)
    number = ask(desk, objects([GB] * 3))
    desk.take(Collect)
    desk.tell(m.Pause(1, [number], finish=True))
    move(desk, number, ["00002"], "00000")
    assert desk.take(Halt) == []


def test_the_lot_of_the_first_file_begins_first() -> None:
    desk = desk_of(connections=1)
    other = ask(desk, objects([GB]), "/other")
    (running,) = desk.take(Collect)
    number = ask(desk, objects([GB, KB, GB, KB], first=1))
    move(desk, number, ["00004"], "00001")
    desk.tell(m.Cancel(1, [other]))
    desk.tell(Ended(running.lease))
    assert names(desk.take(Collect)[0].files) == ["00004", "00002"], "the small ones"


# ---- what it costs


def test_a_move_among_many_changes_one_row_and_is_soon_over() -> None:
    desk = Desk(parallel=1)
    transfer = desk.core.book.new_transfer(desk.dataset(), "/f", Moment(0.0, 0.0))
    for remote in desk.remote((f"{n}.zip", GB) for n in range(100_000)):
        desk.core.book.new_file(transfer, remote, remote.path)
    desk.core.book.changes()
    spent, number = [], transfer.id
    for file, before in ((100_000, 1), (50_000, None), (1, 70_000)):
        began = time.process_time()
        desk.core.handle(m.MoveFiles(1, number, [file], before), Moment(0.0, 0.0))
        spent.append(time.process_time() - began)
        transfers, files, _, _ = desk.core.book.changes()
        assert ([row.id for row in transfers], [row.id for row in files]) == ([number], [file])
    print(f"a move among 100,000 files: {', '.join(f'{each * 1e3:.0f}' for each in spent)} ms")
    assert min(spent) < 0.5
    ids = list(desk.core.book.transfers[number].ids)
    assert ids[0] == 100_000
    assert ids[-1] == 50_000
    assert ids[ids.index(70_000) - 1] == 1


# ---- a real engine and the demo hub


def requested(hub: DemoHub) -> list[set[str]]:
    """The file keys of each request, in order; within one the hub sends them in the order of its tree."""
    return [set(seen.file_keys) for seen in hub.requests if seen.host == "stream"]


def test_the_hub_is_asked_in_a_persons_order_which_outlives_the_engine(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    content = {f"{n:02}/자료 {n}.csv": f"{n}\n".encode() * 2_000 for n in range(12)}
    catalogue = Catalogue.of(content)
    with DemoHub(catalogue) as hub:
        stall = hub.faults.add(Stall(after=1_000))
        settings: dict[str, int] = {"parallel": 1, "bundle_files": 2, "stall_seconds": 60}
        with RunningEngine(tmp_path / "home", hub.url, **settings) as run:
            number = run.add(folder)
            assert stall.reached.wait(30)
            rows = run.files(number)
            keys = [row.file.key for row in rows]
            ids = [row.id for row in rows]
            assert [row.rank for row in rows] == [GAP * place for place in range(1, 13)]
            run.ask(m.MoveFiles(run.engine.number(), number, [ids[11], ids[5]], ids[0]), type(None))
            run.ask(m.MoveFiles(run.engine.number(), number, [ids[2], ids[3]], None), type(None))
            after = [11, 5, 0, 1, 4, 6, 7, 8, 9, 10, 2, 3]
            assert [row.file.key for row in run.files(number)] == [keys[n] for n in after]
            page = run.ask(m.Rows(run.engine.number(), number, 1, 2), m.FileRows)
            assert [row.file.key for row in page.rows] == [keys[5], keys[0]]
            assert {row.state for row in page.rows} == {FileState.WAITING, FileState.FETCHING}
            with pytest.raises(ProblemError):
                run.ask(m.MoveFiles(run.engine.number(), number, [99]), type(None))
        hub.faults.remove(stall)
        stall.release.set()
        assert requested(hub) == [set(keys[:2])], "the first request was under way"
        hub.requests.clear()
        with RunningEngine(tmp_path / "home", hub.url, **settings) as run:
            assert [row.file.key for row in run.files(number)] == [keys[n] for n in after]
            run.wait_for(number, TransferState.DONE)
            assert requested(hub) == [{keys[n] for n in pair} for pair in zip(after[::2], after[1::2], strict=True)]
            # Over, off the list and back: the store has the order too.
            assert [row.file.key for row in run.files(number)] == [keys[n] for n in after]
            run.ask(m.Remove(run.engine.number(), [number]), type(None))
            run.ask(m.BringBack(run.engine.number(), [number]), type(None))
            assert [row.file.key for row in run.files(number)] == [keys[n] for n in after]
            run.ask(m.MoveFiles(run.engine.number(), number, [ids[3]], ids[11]), type(None))
            assert [row.file.key for row in run.files(number)] == [keys[n] for n in (3, *after[:-1])]
    assert final_files(folder) == offered(catalogue)
