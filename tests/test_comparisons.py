"""How the engine tells a folder's standing to files that it is to have; and chosen files as patterns."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from engines import RunningEngine

from aihub_desktop.demo import offer
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.contents import Pick, traits_of
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.model import HUB, UNKNOWN_SIZE, RemoteFile
from aihub_desktop.domain.patterns import patterns_of
from aihub_desktop.domain.selection import Meaning
from aihub_desktop.domain.selection import chosen as meant_files
from aihub_desktop.domain.states import TransferState


@pytest.fixture
def run(hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningEngine]:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    with RunningEngine(tmp_path / "home", hub.url) as running:
        yield running


def listing(run: RunningEngine) -> m.FileList:
    return run.ask(m.ListFiles(run.engine.number(), offer.CP949), m.FileList)


def compare(run: RunningEngine, folder: Path, files: list[RemoteFile], *, ready: bool = False) -> list[Standing]:
    return run.ask(m.Compare(run.engine.number(), str(folder), files, ready), m.Compared).standings


def test_every_standing_and_what_may_be_replaced(run: RunningEngine, folder: Path) -> None:
    listed = listing(run)
    files = listed.files
    away = folder / "not here"
    assert set(compare(run, away, files)) == {Standing.MISSING}
    assert not away.exists()
    wish = m.Add(run.engine.number(), listed.dataset, files, str(folder))
    number = run.ask(wish, m.Added).transfer
    run.wait_for(number, TransferState.DONE)
    assert set(compare(run, folder, files)) == {Standing.THERE}

    places = [folder.joinpath(*file.path.replace(" ", "_").split("/")) for file in files]
    os.utime(places[0], (0, 0))
    whole = places[1].read_bytes()
    places[1].write_bytes(whole[:-1])
    places[2].unlink()
    asked = [*files[:3], msgspec.structs.replace(files[3], key="999999")]
    wanted = [Standing.UNPROVED, Standing.BROKEN, Standing.MISSING, Standing.OLDER]
    assert compare(run, folder, asked) == wanted
    assert compare(run, folder, asked, ready=True) == wanted
    assert places[1].read_bytes() == whole[:-1]  # it may be replaced, and is not gone yet
    again = run.ask(m.Add(run.engine.number(), listed.dataset, files[1:3], str(folder)), m.Added).transfer
    run.wait_for(again, TransferState.DONE)
    assert places[1].read_bytes() == whole
    assert compare(run, folder, files[:4]) == [Standing.UNPROVED, *[Standing.THERE] * 3]


def test_while_a_download_is_at_work_nothing_is_marked(run: RunningEngine, hub: DemoHub, folder: Path) -> None:
    listed = listing(run)
    number = run.ask(m.Add(run.engine.number(), listed.dataset, listed.files[:2], str(folder)), m.Added).transfer
    run.wait_for(number, TransferState.DONE)
    (folder / listed.files[0].path.replace(" ", "_")).write_bytes(b"another")
    hub.faults.add(Slow(rate=20_000))
    run.ask(m.Add(run.engine.number(), listed.dataset, listed.files, str(folder)), m.Added)
    assert compare(run, folder, listed.files[:1]) == [Standing.BROKEN]
    with pytest.raises(ProblemError) as refused:
        compare(run, folder, listed.files[:1], ready=True)
    assert refused.value.problem.code is Code.AT_WORK
    assert compare(run, folder, listed.files[2:], ready=True)  # for what is only missing nothing has to be written
    hub.faults.clear()


# ---- patterns

TREE = [
    f"제목/{split}/{kind}/{number:02}.zip"
    for split in ("1.훈련", "2.검증")
    for kind in ("원천", "라벨")
    for number in range(4)
]


@pytest.mark.parametrize(
    ("chosen", "texts"),
    [
        (lambda path: "라벨" in path, ["라벨/"]),
        (lambda path: "1.훈련" in path, ["1.훈련/"]),
        (lambda path: "1.훈련/라벨" in path, ["1.훈련/라벨/"]),
        (lambda path: "라벨" in path or "2.검증" in path, ["라벨/", "2.검증/"]),
        (lambda _: True, []),
    ],
)  # fmt: skip
def test_whole_folders_are_named_as_short_as_can_be(chosen: object, texts: list[str]) -> None:
    assert callable(chosen)
    found = patterns_of(TREE, set(filter(chosen, TREE)))
    assert found is not None
    assert (sorted(found.texts), found.are_whole) == (sorted(texts), True)


def test_single_files_are_spelled_out_and_many_are_not() -> None:
    found = patterns_of(TREE, {TREE[0], *TREE[4:8]})
    assert found is not None
    assert (found.texts, found.are_whole) == (("1.훈련/라벨/", TREE[0]), False)
    many = [f"제목/{number:05}.zip" for number in range(1_000)]
    assert patterns_of(many, set(many[::2])) is None


def test_of_one_kind_names_may_tell_what_folders_do_not() -> None:
    flat = [f"제목/{initials}_{number}.zip" for initials in ("TS", "TL", "VS", "VL") for number in range(3)]
    labels = {path for path in flat if Pick.LABELS in traits_of(path).picks}
    found = patterns_of(flat, labels, alike=True)
    assert found is not None
    assert (found.texts, found.are_whole) == (("TL_*", "VL_*"), True)


def test_a_few_of_very_many_are_told_before_a_person_wonders() -> None:
    """The window waits for it. Asked one by one, each pattern of each path took a minute here."""
    tree = [f"1.데이터/{'훈련' if n % 10 else '검증'}/폴더 {n // 220:04}/TS_{n:06}.zip" for n in range(88_000)]
    chosen = {path for path in tree if path.split("/")[2] < "폴더 0030"} | set(tree[-3:])
    start = time.monotonic()
    found = patterns_of(tree, chosen)
    assert time.monotonic() - start < 10
    assert found is not None
    assert set(tree[-3:]) <= set(found.texts)
    files = [RemoteFile(HUB, "1", str(number), path, UNKNOWN_SIZE) for number, path in enumerate(tree)]
    start = time.monotonic()
    assert {file.path for file in meant_files(files, (), found.texts, ())} == chosen
    assert time.monotonic() - start < 10


def test_whatever_is_chosen_patterns_mean_it_and_nothing_else() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(300):
        parts = [dice.choice(["a", "a b", "a_b", "[x]", "b*", "라벨"]) for _ in range(4)]
        paths = list(
            {"/".join(dice.choices(parts, k=dice.randint(1, 4))) + dice.choice([".zip", ""]) for _ in range(25)}
        )
        chosen = set(dice.sample(paths, dice.randint(1, len(paths))))
        found = patterns_of(paths, chosen, alike=dice.random() < 0.5)
        if found is not None:
            meaning = Meaning(found.texts)
            meant = {path for path in paths if not found.texts or meaning.fits(path)}
            assert meant == chosen, (paths, chosen, found)
