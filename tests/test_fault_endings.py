"""Every fault of the hub ends in right bytes or in the right error, never in a wrong file under a final name.

Real engine, real worker processes, real sockets. Each fault strikes once (what can heal must heal) and for ever
(what cannot heal must say what it is).
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engines import RunningEngine, final_files, manifest, offered, sha256

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.states import TransferState

SEED = 20261123
_bytes = random.Random(SEED).randbytes
CATALOGUE = Catalogue.of(
    {
        "01.감성 대화/1.Training/원천 데이터/TS1.zip": zipped(
            [Entry(name=f"음성/{n}.wav", data=_bytes(90_000)) for n in range(4)],
        ),
        "01.감성 대화/1.Training/라벨링데이터/TL1.csv": _bytes(200_000),
        "01.감성 대화/2.Validation/VS1.json": b'{"a": 1}' * 9_000,
    }
)
ZIP_KEY = "100001"


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=1 << 16) as hub:
        yield hub


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


def check_ground(folder: Path, tmp_path: Path, right: dict[str, bytes]) -> None:
    """Nothing but right files under final names, each in the manifest, and nothing outside the folder."""
    found = final_files(folder)
    assert {name: sha256(data) for name, data in found.items()} == {name: sha256(right[name]) for name in found}
    assert manifest(folder) == {name: sha256(data) for name, data in found.items()}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"home", folder.name})
    assert not [path for path in folder.rglob("*") if path.is_symlink() or "outside" in path.name]


HEALING: list[f.Fault] = [
    f.AtOnce(seconds=0.2),
    f.Refuse(refusal=Refusal.AT_ONCE),
    f.Refuse(refusal=Refusal.BUSY),
    f.Refuse(refusal=Refusal.CLOSED),
    f.Refuse(refusal=Refusal.UNKNOWN),
    f.Answer(),
    f.Answer(status=502),
    f.Answer(status=502, at=f.Place.DOWN),
    f.Answer(status=200, kind="text/plain", body="처리 중 오류".encode()),
    f.Answer(status=200, kind="application/x-tar", body=b""),
    f.Answer(status=416, kind="text/plain", body=b"no"),
    f.Answer(status=206, kind="application/x-tar", body=b"part"),
    f.RedirectLoop(),
    f.Drop(),
    f.Drop(at=f.Place.STREAM),
    f.Latency(seconds=0.2),
    f.ChangedSize(by=-70_000),
    f.ChangedSize(by=70_000),
    f.PieceMissing(),
    f.PieceMissing(place=0),
    f.FileMissing(),
    f.FileMissing(place=0),
    f.Overlapping(differing=True),
    f.Spoilt(how="checksum"),
    f.Spoilt(how="size", member=1),
    f.Spoilt(how="noise", member=-1),
    f.ShortEnd(after=100_000),
    f.ShortEnd(after=100_352),
    f.ShortEnd(after=512),
    f.NoEndBlocks(),
    f.Cut(after=100_000),
    f.Cut(after=0),
    f.Cut(after=300_000, way=f.Way.RESET),
    f.Stall(after=100_000),
    f.Stall(after=100_000, rate=2_000),
]
HARMLESS: list[f.Fault] = [
    f.Twice(),
    f.Reversed(),
    f.Shuffled(seed=SEED),
    f.IndexNumbers(),
    f.BareNames(),
    f.BlanksKept(),
    f.Overlapping(),
    f.GarbageAfterEnd(),
    f.GarbageAfterEnd(garbage=bytes(10240)),
    f.Slow(rate=3_000_000),
    f.SlowReaderCut(),
    f.Together(count=1),
    f.Framed(framing=f.Framing.LENGTH),
    f.Framed(framing=f.Framing.CLOSE),
    f.Hostile(hostility=f.Hostility.NOT_ASKED),
    f.Hostile(hostility=f.Hostility.NOT_ASKED, last=True),
]


def named(faults: list[f.Fault]) -> list[str]:
    """What differs from the fault's defaults, in words that are the same in every process."""
    names = []
    for number, fault in enumerate(faults):
        told = [getattr(fault, name) for name in ("refusal", "status", "after", "by", "how", "place", "framing")
                if hasattr(fault, name)]  # fmt: skip
        names.append("-".join([str(number), type(fault).__name__, *(getattr(one, "name", str(one)) for one in told)]))
    return names


@pytest.mark.parametrize("fault", HEALING, ids=named(HEALING))
def test_what_strikes_once_heals_by_itself(fault: f.Fault, small_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    small_hub.faults.add(replace(fault, times=1))
    with RunningEngine(tmp_path / "home", small_hub.url) as run:
        row = run.fetch(folder)
    assert row.state is TransferState.DONE, row
    right = offered(CATALOGUE)
    assert final_files(folder).keys() == right.keys()
    check_ground(folder, tmp_path, right)


@pytest.mark.parametrize("fault", HARMLESS, ids=named(HARMLESS))
def test_what_is_only_odd_costs_nothing(fault: f.Fault, small_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    small_hub.faults.add(fault)
    with RunningEngine(tmp_path / "home", small_hub.url) as run:
        row = run.fetch(folder)
        streams = [seen for seen in small_hub.requests if seen.path.startswith("/shellStream")]
    assert row.state is TransferState.DONE, row
    assert len(streams) == len({seen.query for seen in streams}), "one request for each stream was enough"
    right = offered(CATALOGUE)
    assert final_files(folder).keys() == right.keys()
    check_ground(folder, tmp_path, right)


# What never heals, the code that says so, and how many of the three files may be there all the same.
Lasting = tuple[f.Fault, set[Code], int]
LASTING: list[Lasting] = [
    (f.Refuse(refusal=Refusal.OUTDATED), {Code.API_OUTDATED}, 0),
    (f.Refuse(refusal=Refusal.NO_PAGE), {Code.UNKNOWN_DATASET}, 0),
    (f.Refuse(refusal=Refusal.NO_FILE), {Code.UNKNOWN_FILE}, 0),
    (f.Refuse(refusal=Refusal.KEY), {Code.KEY_REJECTED}, 0),
    (f.Refuse(refusal=Refusal.NOT_APPROVED), {Code.NOT_APPROVED}, 0),
    (f.Refuse(refusal=Refusal.EXPIRED), {Code.APPROVAL_EXPIRED}, 0),
    (f.Refuse(refusal=Refusal.ABROAD), {Code.ABROAD}, 0),
    (f.Refuse(refusal=Refusal.FORBIDDEN), {Code.FORBIDDEN}, 0),
    (f.Refuse(refusal=Refusal.AT_ONCE), {Code.HUB_BUSY, Code.HUB_ERROR}, 0),
    (f.Refuse(refusal=Refusal.BUSY), {Code.HUB_BUSY}, 0),
    (f.Refuse(refusal=Refusal.CLOSED), {Code.HUB_BUSY}, 0),
    (f.Refuse(refusal=Refusal.UNKNOWN), {Code.HUB_ERROR}, 0),
    (f.Answer(), {Code.NOT_A_TAR}, 0),
    (f.Answer(status=502), {Code.NOT_A_TAR, Code.HUB_ERROR}, 0),
    (f.Answer(status=200, kind="application/x-tar", body=b""), {Code.SHORT, Code.NOT_A_TAR}, 0),
    (f.RedirectLoop(), {Code.HUB_ERROR, Code.BAD_ANSWER}, 0),
    (f.Redirect(to="http://127.0.0.1:1/elsewhere"), {Code.UNREACHABLE}, 0),
    (f.Redirect(to="http://192.0.2.1/plain"), {Code.INSECURE}, 0),
    (f.Redirect(to="file:///etc/passwd"), {Code.INSECURE, Code.HUB_ERROR, Code.BAD_ANSWER}, 0),
    (f.Drop(), {Code.UNREACHABLE, Code.CUT}, 0),
    (f.ChangedSize(by=-70_000), {Code.WRONG_SIZE, Code.SHORT}, 0),
    (f.ChangedSize(by=70_000), {Code.WRONG_SIZE}, 0),
    (f.PieceMissing(), {Code.SHORT, Code.WRONG_SIZE}, 0),
    (f.PieceMissing(keys=frozenset({ZIP_KEY}), place=1), {Code.SHORT, Code.WRONG_SIZE}, 2),
    (f.FileMissing(), {Code.MISSING_MEMBER}, 0),
    (f.Overlapping(differing=True), {Code.OVERLAPPING, Code.CHANGED, Code.BAD_ARCHIVE}, 0),
    (f.Twice(differing=True), {Code.OVERLAPPING, Code.CHANGED, Code.BAD_ARCHIVE}, 0),
    (f.Spoilt(how="checksum"), {Code.NOT_A_TAR, Code.BROKEN_TAR}, 0),
    (f.Spoilt(how="noise", member=-1), {Code.BROKEN_TAR, Code.NOT_A_TAR}, 0),
    (f.ShortEnd(after=30_000), {Code.SHORT, Code.BROKEN_TAR}, 0),
    (f.NoEndBlocks(), {Code.SHORT}, 0),
    (f.Cut(after=30_000), {Code.CUT}, 0),
    (f.Cut(after=0, way=f.Way.RESET), {Code.CUT}, 0),
    (f.Stall(after=30_000), {Code.STALLED}, 0),
    (f.Changed(keys=frozenset({ZIP_KEY})), {Code.BAD_ARCHIVE, Code.SOURCE_BROKEN}, 2),
    (f.Refuse(refusal=Refusal.ABROAD, at=f.Place.TREE), {Code.ABROAD}, 0),
]


@pytest.mark.parametrize("case", LASTING, ids=named([case[0] for case in LASTING]))
def test_what_lasts_ends_in_the_right_error(case: Lasting, small_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    fault, codes, least = case
    with RunningEngine(tmp_path / "home", small_hub.url) as run:
        if fault.at is f.Place.TREE:
            run.add(folder)  # the tree is known: the fault comes later
        small_hub.faults.add(fault)
        row = run.fetch(folder)
        files = run.files(row.id)
    assert row.state in (TransferState.FAILED, TransferState.NEEDS_USER) or fault.at is f.Place.TREE, row
    said = {file.problem.code for file in files if file.problem} | ({row.problem.code} if row.problem else set())
    assert said <= codes, said
    assert said or fault.at is f.Place.TREE
    assert row.done >= least
    check_ground(folder, tmp_path, offered(CATALOGUE))


@pytest.mark.parametrize("hostility", list(f.Hostility), ids=lambda one: one.name)
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_hostile_members_write_nothing_anywhere(
    hostility: f.Hostility, last: bool, small_hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    small_hub.faults.add(f.Hostile(hostility=hostility, last=last))
    before = sorted(path.name for path in Path("/tmp").glob("outside*"))
    with RunningEngine(tmp_path / "home", small_hub.url) as run:
        row = run.fetch(folder, keys=[ZIP_KEY, "100002"])
        files = run.files(row.id)
    for file in files:
        assert file.problem is None or file.problem.code in {Code.HOSTILE_MEMBER, Code.WRONG_SIZE, Code.OVERLAPPING}
    assert row.state in (TransferState.DONE, TransferState.FAILED)
    check_ground(folder, tmp_path, offered(CATALOGUE))
    assert sorted(path.name for path in Path("/tmp").glob("outside*")) == before


def test_a_release_in_the_middle_is_received_anew_and_whole(small_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    """What came before the break is of the old release: none of it may stand beside bytes of the new one."""
    new = _bytes(len(CATALOGUE.bytes_of("100002")))
    small_hub.faults.add(f.Cut(after=150_000, times=1))
    small_hub.faults.add(f.Replaced(contents={"100002": new}, skip=1))
    with RunningEngine(tmp_path / "home", small_hub.url) as run:
        row = run.fetch(folder, keys=["100002"])
    assert row.state is TransferState.DONE
    check_ground(folder, tmp_path, {**offered(CATALOGUE), "01.감성_대화/1.Training/라벨링데이터/TL1.csv": new})


def test_the_hub_away_in_the_middle_and_back(small_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    stall = small_hub.faults.add(f.Stall(after=100_000, times=1))
    with RunningEngine(tmp_path / "home", small_hub.url, patience=None) as run:
        number = run.add(folder)
        assert stall.reached.wait(20)
        small_hub.stop()
        run.wait_for_problem(number, Code.UNREACHABLE)
        small_hub.start()
        row = run.wait_for(number, TransferState.DONE)
    assert row.done == 3
    check_ground(folder, tmp_path, offered(CATALOGUE))


def test_every_fault_is_met_here() -> None:
    used = {type(fault) for fault in [*HEALING, *HARMLESS, *(case[0] for case in LASTING)]}
    used |= {f.Hostile, f.Replaced}
    kinds = [kind for _, kind in inspect.getmembers(f, inspect.isclass) if issubclass(kind, f.Fault)]
    every = {kind for kind in kinds if kind is not f.Fault and not kind.__name__.startswith("_")}
    assert every == used
    refused = {case[0].refusal for case in LASTING if isinstance(case[0], f.Refuse)}
    assert refused == set(Refusal)
