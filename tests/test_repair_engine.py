"""Repairs as the window asks for them, of what a verification found in a folder of the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import test_cli_fetch
from engines import RunningEngine, final_files, offered, sha256
from test_cli_fetch import Site, noise
from test_library import settled, verify

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import SPLIT
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import Finding
from aihub_desktop.domain.holdings import HoldingRow, HoldingState, Misfit
from aihub_desktop.domain.model import WEB, Dataset
from aihub_desktop.domain.states import TransferState
from aihub_desktop.transport.ledger import Ledger

SEED: Final = 20261127
PIECE: Final = 1 << 20
site = test_cli_fetch.site


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


def spoil(path: Path, *places: int) -> bytes:
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 1
    path.write_bytes(data)
    return bytes(data)


def damaged(run: RunningEngine, folder: Path) -> HoldingRow:
    verify(run, folder)
    return settled(run, lambda row: row.state is HoldingState.DAMAGED)


def repaired(run: RunningEngine, row: HoldingRow) -> m.Repaired:
    return run.ask(m.Repair(run.engine.number(), row.id), m.Repaired)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=PIECE) as running:
        yield running


def fetch(run: RunningEngine, address: str, folder: Path) -> m.TransferRow:
    found = run.ask(m.Inspect(run.engine.number(), [address], ask_all=True), m.Inspected)
    wish = m.Add(run.engine.number(), Dataset(WEB, "", "big.bin"), found.files, str(folder))
    return run.wait_for(run.ask(wish, m.Added).transfer, TransferState.DONE)


def test_of_a_large_file_just_the_broken_pieces_come(web: RunningEngine, site: Site, folder: Path) -> None:
    size = 12_000_000
    data = site.put("big.bin", noise(size, SEED))
    first = fetch(web, f"{site.url}/big.bin", folder)
    spoil(folder / "big.bin", 5_000_000, size - 1)
    row = damaged(web, folder)
    answer = repaired(web, row)
    assert (answer.left, answer.reason) == (0, None)
    assert answer.saved > size - 4_500_000
    again = web.wait_for(answer.transfer, TransferState.DONE)
    received = again.received - (first.received if again.id == first.id else 0)
    print(f"received {received:,} of {size:,}, saved {answer.saved:,}")
    assert 0 < received < 4_500_000
    assert final_files(folder) == {"big.bin": data}
    assert settled(web, lambda row: row.state is HoldingState.RIGHT).id == row.id
    assert [path.name for path in (folder / ".aihub/pieces").iterdir()] == [f"{sha256(data)}.journal"]


def test_a_volume_of_a_split_set_is_proved_as_before(
    hub: DemoHub, catalogue: Catalogue, tmp_path: Path, folder: Path
) -> None:
    files = offered(catalogue, SPLIT)
    volume = next(name for name in files if name.endswith(".z01"))
    with RunningEngine(tmp_path / "home", hub.url) as run:
        assert run.fetch(folder, SPLIT).state is TransferState.DONE
        assert Ledger(folder).entries()[volume].proof == "archive"
        spoil(folder / volume, 7)
        answer = repaired(run, damaged(run, folder))
        run.wait_for(answer.transfer, TransferState.DONE)
        # What the engine does of itself in the end is done when the folder is told about again.
        (row,) = run.ask(m.ListHoldings(run.engine.number(), fresh=True), m.Library).holdings
        assert row.summary is not None
        assert row.summary.proofs == {"archive": len(files)}
    assert final_files(folder) == files
    assert Ledger(folder).entries()[volume].proof == "archive"


def test_what_the_hub_lists_no_more_stays_and_is_told(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    older, newer = ({"가/나.csv": text * 1000, "가/다.csv": b"same" * 1000} for text in (b"old", b"new"))
    with DemoHub(Catalogue.of(older)) as hub, RunningEngine(home, hub.url) as run:
        assert run.fetch(folder).state is TransferState.DONE
    entry = Ledger(folder).entries()["가/나.csv"]
    Ledger(folder).record([msgspec.structs.replace(entry, key="7000")])
    with DemoHub(Catalogue.of(newer)) as hub, RunningEngine(home, hub.url) as run:
        broken = spoil(folder / "가/나.csv", 3)
        row = damaged(run, folder)
        with pytest.raises(ProblemError) as caught:
            repaired(run, row)
        assert caught.value.problem.code is Code.RELEASED_ANEW
        (folder / "가/다.csv").unlink()
        row = damaged(run, folder)
        answer = repaired(run, row)
        assert answer.left == 1
        assert answer.reason is not None
        assert answer.reason.code is Code.RELEASED_ANEW
        run.wait_for(answer.transfer, TransferState.DONE)
    assert final_files(folder) == {"가/나.csv": broken, "가/다.csv": b"same" * 1000}


def test_nobody_knows_where_a_file_came_from(web: RunningEngine, folder: Path) -> None:
    data = b"by sha256sum"
    (folder / "a.bin").write_bytes(data)
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_text(f"{sha256(data)}  a.bin\n")
    web.ask(m.AddHolding(web.engine.number(), str(folder)), HoldingRow)
    spoil(folder / "a.bin", 0)
    with pytest.raises(ProblemError) as caught:
        repaired(web, damaged(web, folder))
    assert caught.value.problem.code is Code.UNKNOWN_ORIGIN


def test_a_rehearsal_writes_nothing(web: RunningEngine, site: Site, folder: Path) -> None:
    site.put("big.bin", noise(9_000_000, SEED))
    fetch(web, f"{site.url}/big.bin", folder)
    spoil(folder / "big.bin", 5_000_000)
    row = damaged(web, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    page = web.ask(m.HoldingFiles(web.engine.number(), row.id, damaged=True), m.HeldFiles)
    misfits = [Misfit(file.place, Finding.CHANGED, 9_000_000, 1) for file in page.files]
    wish = m.Prepare(web.engine.number(), str(folder), misfits, rehearse=True)
    answer = web.ask(wish, m.Prepared)
    assert [file.path for batch in answer.batches for file in batch.files] == ["big.bin"]
    assert answer.saved == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
