"""Split archives: which names are volumes, in which order, and when a set is whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.domain.sets import volume_of, whole_sets
from aihub_desktop.sources.aihub.listing import parse_tree

TREES: Final = Path(__file__).parents[2] / "shared" / "hub" / "trees"


@pytest.mark.parametrize(
    ("path", "volume"),
    [
        ("d/a.zip", ("d/a", 0)),
        ("d/A.Zip", ("d/a", 0)),
        ("a.z01", ("a", 1)),
        ("a.Z01", ("a", 1)),
        ("a.z114", ("a", 114)),
        ("a.z00114", ("a", 114)),
        ("a.b.z10", ("a.b", 10)),
        ("a.z00", None),  # volumes count from 1, and NAME.zip has the place 0
        ("a.z000", None),
        ("a.z1", None),
        ("a.z100000", None),
        ("a.z01x", None),
        ("az01", None),
        (".zip", None),
        ("a.zipx", None),
        ("a.7z", None),
        ("a.z０１", None),
        ("", None),
    ],
)
def test_a_volume_is_known_by_its_name(path: str, volume: tuple[str, int] | None) -> None:
    assert volume_of(path) == volume


def test_a_whole_set_is_given_for_each_of_its_volumes() -> None:
    paths = {1: "d/a.zip", 2: "d/a.z02", 3: "d/a.z01", 4: "d/b.zip", 5: "d/c.csv"}
    assert whole_sets(paths) == dict.fromkeys((1, 2, 3), (3, 2, 1))
    assert whole_sets(paths.items()) == whole_sets(paths)


@pytest.mark.parametrize(
    "paths",
    [
        ["a.zip"],
        ["a.z01"],
        ["a.z01", "a.z02"],
        ["a.zip", "a.z02"],
        ["a.zip", "a.z01", "a.z03"],
        ["a.zip", "b.z01"],
        ["d/a.zip", "e/a.z01"],
        ["a.z00", "a.z01"],
        ["a.zip.part", "a.z01"],
        [],
    ],
)
def test_a_set_with_a_gap_is_no_set(paths: list[str]) -> None:
    assert whole_sets(enumerate(paths)) == {}


def test_sets_of_several_folders_and_spellings_stay_apart() -> None:
    paths = dict(enumerate(["d/a.ZIP", "d/A.z01", "e/a.zip", "e/a.z01", "e/a.z02"]))
    assert whole_sets(paths) == {0: (1, 0), 1: (1, 0), 2: (3, 4, 2), 3: (3, 4, 2), 4: (3, 4, 2)}


@given(st.data(), st.integers(1, 130), st.sampled_from(["a", "d/가 나.v1", "A.zip"]))
def test_a_set_is_whole_in_any_order_and_broken_by_any_loss(data: st.DataObject, count: int, stem: str) -> None:
    archive = [*(f"{stem}.z{number:02}" for number in range(1, count + 1)), f"{stem}.zip"]
    shuffled = data.draw(st.permutations(archive))
    assert whole_sets((name, name) for name in shuffled) == dict.fromkeys(archive, tuple(archive))
    lost = data.draw(st.sampled_from(archive))
    rest = [name for name in shuffled if name != lost]
    if lost == archive[-2] and count > 1:  # without its last number the rest looks like a shorter set
        assert set(whole_sets((name, name) for name in rest)) == set(rest)
    else:
        assert whole_sets((name, name) for name in rest) == {}


@pytest.mark.skipif(not TREES.is_dir(), reason="the real trees of the hub lie beside the repository, not in it")
def test_every_numbered_volume_of_the_real_trees_belongs_to_a_whole_set() -> None:
    numbered: Counter[bool] = Counter()
    for tree in sorted(TREES.glob("*.txt")):
        listing = parse_tree(tree.read_text(encoding="utf-8"), Dataset(HUB, tree.stem, ""))
        sets = whole_sets({file.key: file.path for file in listing.files})
        for file in listing.files:
            volume = volume_of(file.path)
            if volume is not None and volume[1]:
                numbered[file.key in sets] += 1
    assert numbered[False] == 0
