"""A file that a face watches: where its bytes are, told by the worker that receives it or by its journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from engines import RunningEngine, final_files
from hypothesis import given
from hypothesis import strategies as st
from test_gather_engine import NOWHERE, ask, remotes, site

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.transport.coverage import coarser

MB = 1 << 20
FILES = {"가/큰 것.bin": noise(8 * MB, 1), "가/작은 것.csv": b"1,2\n" * 1000, "나/Table.CSV": b"3,4\n"}
LONGEST = 60.0


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoHub]:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 20) as started:
        yield started


def until(run: RunningEngine, fits: Callable[[m.FileMap], bool]) -> m.FileMap:
    """The first map that fits."""
    deadline = time.monotonic() + LONGEST
    seen = []
    while (left := deadline - time.monotonic()) > 0 and (event := run.engine.get(left)) is not None:
        if isinstance(event, m.FileMap):
            seen.append(event)
            if fits(event):
                return event
    raise AssertionError(f"no such map; last: {seen[-2:]}")


def watch(run: RunningEngine, file: int | None) -> None:
    run.ask(m.Watch(run.engine.number(), file), type(None))


def count(spans: list[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in spans)


def is_in_order(found: m.FileMap) -> bool:
    return all(before[1] < after[0] for spans in (found.durable, found.written) for before, after in pairwise(spans))


def test_a_stream_has_one_front_that_moves_on(hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    slow = hub.faults.add(Slow(rate=1_500_000))
    with RunningEngine(tmp_path / "home", hub.url, parallel=1) as run:
        number = run.add(folder)
        file = next(row for row in run.files(number) if row.file.path.endswith("bin"))
        watch(run, file.id)
        first = until(run, lambda found: count(found.durable) > 0 and bool(found.coming))
        assert first.file == file.id
        assert first.durable[0][0] == 0
        later = until(run, lambda found: found.coming > first.coming)
        for found in (first, later):
            assert is_in_order(found)
            ((at, stop),) = found.coming
            assert at == count(found.durable) + count(found.written) == found.read
            assert stop == at
        # Stopped: its journal tells. Gone on: the same bytes pass by again.
        run.ask(m.Pause(run.engine.number()), type(None))
        rest = until(run, lambda found: not found.coming)
        assert rest.durable[0][0] == 0
        assert count(rest.durable) >= count(later.durable)
        run.ask(m.Resume(run.engine.number()), type(None))
        again = until(run, lambda found: bool(found.coming) and found.again > 0)
        assert count(again.durable) >= count(rest.durable)
        hub.faults.remove(slow)
        run.wait_for(number, TransferState.DONE)
    assert len(final_files(folder)) == len(FILES)


def test_ranges_have_a_place_for_each_connection(folder: Path, tmp_path: Path) -> None:
    files = {"large.bin": noise(24 * MB, 1)}
    settings: dict[str, int] = {"limit": 4 * MB, "connections": 4, "piece_bytes": 1 << 20}
    with site(files) as server, RunningEngine(tmp_path / "home", NOWHERE, **settings) as run:
        number = ask(run, remotes(server, files), folder)
        (file,) = run.files(number)
        watch(run, file.id)
        found = until(run, lambda found: len(found.coming) > 1 and count(found.durable) > 0)
        assert found.size == 24 * MB
        assert is_in_order(found)
        assert all(0 <= start < stop <= found.size for start, stop in [*found.durable, *found.written, *found.coming])
        # What somebody still fetches is not here yet.
        there = [*found.durable, *found.written]
        assert not [one for one in found.coming if any(start <= one[0] < stop for start, stop in there)]
        assert until(run, lambda found: found.read > MB).read <= found.size
        run.ask(m.Configure(run.engine.number(), {"limit": 0}), type(None))
        run.wait_for(number, TransferState.DONE)


def test_nothing_is_told_of_what_nobody_watches(hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", hub.url) as run:
        number = run.add(folder)
        watch(run, None)
        watch(run, 999)
        run.wait_for(number, TransferState.DONE)
        assert not [event for event in run.events if isinstance(event, m.FileMap)]


# ---- order, finding, taking back: what else a face asks of the list


def test_files_are_found_in_what_runs_and_in_what_is_over(hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    def found(run: RunningEngine, *words: str, states: tuple[FileState, ...] = ()) -> list[str]:
        hits = run.ask(m.Find(run.engine.number(), list(words), list(states)), m.Hits)
        command = m.Rows(run.engine.number(), 1, words=list(words), states=list(states))
        rows = run.ask(command, m.FileRows)
        assert rows.total == len(rows.rows) == dict(hits.files).get(1, 0)
        return [row.file.path for row in rows.rows]

    slow = hub.faults.add(Slow(rate=500_000))
    with RunningEngine(tmp_path / "home", hub.url) as run:
        number = run.add(folder)
        assert number == 1
        for is_over in (False, True):
            if is_over:
                hub.faults.remove(slow)
                run.wait_for(number, TransferState.DONE)
            assert found(run, "table") == ["나/Table.CSV"]
            assert sorted(found(run, "가/", "것")) == ["가/작은 것.csv", "가/큰 것.bin"]
            assert found(run, "csv", states=(FileState.FAILED,)) == []
        assert len(found(run, states=(FileState.DONE,))) == 3


def test_order_priority_and_what_was_taken_back_outlive_the_engine(hub: DemoHub, tmp_path: Path, folder: Path) -> None:
    with RunningEngine(tmp_path / "home", hub.url) as run:
        numbers = [run.fetch(folder / name).id for name in "abc"]
        run.ask(m.Move(run.engine.number(), [numbers[2]], numbers[0]), type(None))
        run.ask(m.Prefer(run.engine.number(), [numbers[1]], Priority.HIGH), type(None))
    with RunningEngine(tmp_path / "home", hub.url) as run:
        snapshot = run.engine.get(LONGEST)
        assert isinstance(snapshot, m.Snapshot)
        rows = sorted(snapshot.transfers, key=lambda row: row.rank)
        assert [row.id for row in rows] == [numbers[2], numbers[0], numbers[1]]
        assert [row.priority for row in rows] == ["normal", "normal", "high"]
        run.ask(m.Remove(run.engine.number(), numbers[:2]), type(None))
        run.ask(m.BringBack(run.engine.number(), [numbers[0]]), type(None))
        assert len(run.files(numbers[0])) == len(FILES)
        with pytest.raises(ProblemError):
            run.files(numbers[1])
    with RunningEngine(tmp_path / "home", hub.url) as run:
        snapshot = run.engine.get(LONGEST)
        assert isinstance(snapshot, m.Snapshot)
        assert {row.id for row in snapshot.transfers} == {numbers[0], numbers[2]}
        with pytest.raises(ProblemError):
            run.ask(m.BringBack(run.engine.number(), [numbers[1]]), type(None))


# ---- small messages


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=400), st.integers(1, 50))
def test_too_many_spans_are_joined_where_they_lie_nearest(borders: list[int], most: int) -> None:
    borders = sorted(borders)
    spans = list(zip(borders[::2], borders[1::2], strict=False))
    joined = coarser(spans, most)
    assert len(joined) <= most
    assert all(before[1] < after[0] for before, after in pairwise(joined))
    assert all(any(start <= one[0] and one[1] <= stop for start, stop in joined) for one in spans)
    if len(spans) <= most:
        assert joined == spans
    elif spans:
        assert (joined[0][0], joined[-1][1]) == (spans[0][0], spans[-1][1])
