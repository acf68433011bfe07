"""Stars, visits and approvals: kept by the engine, told as they change, and there again after an end of any kind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from engines import RunningEngine

from aihub_desktop.demo import offer
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Refuse
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.marks import Approval, DatasetMark, Outline, Sighting
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.states import TransferState
from aihub_desktop.engine.marks import Marks
from aihub_desktop.store.learned import remember
from aihub_desktop.store.queue import QueueStore


def row(number: int, *, received: int = 0, problem: Problem | None = None, source: str = "aihub") -> m.TransferRow:
    return m.TransferRow(
        number, Dataset(source, "86", "가"), "/d", TransferState.RUNNING, problem, 1, 0, 0, 0, 0, 0, 1, 1, received, 0,
        1.0, None,
    )  # fmt: skip


class Ground:
    """Marks over a store on disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "queue.sqlite"
        self.told: list[DatasetMark] = []
        self.learned = Learned()

    def open(self) -> tuple[Marks, QueueStore]:
        store = QueueStore(self._path)
        return Marks(store, self.learned, self.told.extend), store


def test_stars_and_visits_are_durable_and_told(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    marks, store = ground.open()
    marks.obey(m.Star(0, "86"))
    marks.obey(m.Star(0, "86", package=True))
    marks.obey(m.Visit(0, "71"))
    store.close()
    marks, store = ground.open()
    rows = {(mark.key, mark.package): mark for mark in marks.rows()}
    assert rows["86", False].starred
    assert rows["86", True].starred
    assert time.time() - rows["71", False].visited_at < 60
    assert ground.told == marks.rows()
    marks.obey(m.Star(0, "86", on=False))
    assert ground.told[-1] == DatasetMark("86")
    assert ("86", False) not in {(mark.key, mark.package) for mark in marks.rows()}
    store.close()


def test_an_approval_is_learned_from_what_came_and_from_refusals(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    marks, store = ground.open()
    marks.transfers([row(1)])
    marks.transfers([row(1, problem=Problem(Code.KEY_REJECTED))])  # may be the key
    assert marks.rows() == []
    marks.transfers([row(1, problem=Problem(Code.NOT_APPROVED))])
    marks.transfers([row(1, received=10)])
    marks.transfers([row(1, received=20)])  # nothing new: not told again
    marks.transfers([row(1, received=30, problem=Problem(Code.APPROVAL_EXPIRED))])
    told = [mark.seen.approval for mark in ground.told if mark.seen]
    assert told == [Approval.NOT_APPROVED, Approval.APPROVED, Approval.EXPIRED]
    marks.transfers([row(1, received=30)])  # nothing came since
    marks.transfers([row(2, received=99, source="web")])
    assert len(ground.told) == 3
    store.close()


def test_what_a_first_contact_saw_counts_where_it_is_newer(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    marks, store = ground.open()
    marks.transfers([row(1, received=10)])
    store.close()
    ground.learned = Learned(
        approvals={"86": Sighting(Approval.EXPIRED, 1.0), "71": Sighting(Approval.APPROVED, time.time())}
    )
    marks, store = ground.open()
    seen = {mark.key: mark.seen.approval for mark in marks.rows() if mark.seen}
    assert seen == {"86": Approval.APPROVED, "71": Approval.APPROVED}
    store.close()


def test_marks_that_cannot_be_read_begin_anew(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    _, store = ground.open()
    store.keep("marks", b'[{"key": 7}]', 1.0)
    store.close()
    marks, store = ground.open()
    assert marks.rows() == []
    marks.obey(m.Star(0, "86"))
    assert [mark.key for mark in marks.rows()] == ["86"]
    store.close()


def test_the_real_engine_tells_marks_and_outlines(
    hub: DemoHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    home = tmp_path / "home"
    with RunningEngine(home, hub.url) as engine:
        number = engine.engine.number
        assert engine.ask(m.ListOutlines(number()), m.Outlines).rows == []
        engine.ask(m.Star(number(), offer.MAIN), type(None))
        refusal = hub.faults.add(Refuse(refusal=Refusal.NOT_APPROVED))
        transfer = engine.add(folder, offer.ZIP64)
        engine.wait_for(transfer, TransferState.NEEDS_USER)
        hub.faults.remove(refusal)
        engine.ask(m.Resume(number(), [transfer]), type(None))
        engine.wait_for(transfer, TransferState.DONE)
        engine.ask(m.ListFiles(number(), offer.PACKAGE, package=True), m.FileList)
        (first, second) = engine.ask(m.ListOutlines(number()), m.Outlines).rows
    assert first == Outline(offer.ZIP64, False, ["080.천문대 관측 사진", "01.데이터"], 3, first.low, first.high)
    assert 0 < first.low < first.high
    assert (second.key, second.package, second.files) == (offer.PACKAGE, True, 5)
    told = [mark for event in engine.events if isinstance(event, m.Changed) for mark in event.marks]
    seen = [mark.seen.approval for mark in told if mark.seen and mark.key == offer.ZIP64]
    assert seen == [Approval.NOT_APPROVED, Approval.APPROVED]
    remember(home, Learned(hub=hub.url, approvals={offer.SPLIT: Sighting(Approval.APPROVED, time.time())}))
    with RunningEngine(home, hub.url) as engine:
        snapshot = engine.engine.get(10.0)
        while not isinstance(snapshot, m.Snapshot):
            snapshot = engine.engine.get(10.0)
    marks = {mark.key: mark for mark in snapshot.marks}
    assert marks[offer.MAIN].starred
    assert marks[offer.ZIP64].seen is not None
    assert marks[offer.SPLIT].seen is not None
