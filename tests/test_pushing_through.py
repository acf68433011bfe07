"""From a hub that misbehaves straight into a storage: right objects or the right error, never a wrong object."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from engines import offered, sha256
from naver import Kept, Naver, naver
from pushed import BUCKET, LOG, MANIFEST, PART, Pushing, check_contents, told

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.archives import Entry, split_zip, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, ProblemError

_bytes: Final = random.Random(20261127).randbytes
ZIP: Final = zipped([Entry(name=f"음성/{number}.wav", data=_bytes(2_500_000)) for number in range(5)])
CATALOGUE: Final = Catalogue.of(
    {
        "01.감성 대화/1.Training/TS1.zip": ZIP,
        "01.감성 대화/1.Training/TL1.csv": _bytes(200_000),
        "01.감성 대화/2.Validation/VS1.json": b'{"a": 1}' * 9_000,
    }
)
ZIP_KEY: Final = "100001"
RIGHT: Final = offered(CATALOGUE)


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=3 << 20) as hub:
        yield hub


@pytest.fixture
def cloud() -> Iterator[Naver]:
    with naver({BUCKET: {}}) as double:
        yield double


@pytest.fixture
def pushing(cloud: Naver, tmp_path: Path) -> Pushing:
    return Pushing(cloud.place(), tmp_path / "home")


def objects(cloud: Naver) -> dict[str, bytes]:
    return {key.removeprefix("p/"): one.body for key, one in cloud.buckets[BUCKET].items()}


def check_right(cloud: Naver) -> None:
    """Whatever is there is right, and the list tells of just that."""
    found = {name: body for name, body in objects(cloud).items() if name not in (MANIFEST, LOG)}
    assert {name: sha256(body) for name, body in found.items()} == {name: sha256(RIGHT[name]) for name in found}
    assert MANIFEST not in objects(cloud) or told(objects(cloud)).keys() == found.keys()


HEALING: Final[list[f.Fault]] = [
    f.Refuse(refusal=Refusal.AT_ONCE),
    f.Refuse(refusal=Refusal.BUSY),
    f.Answer(status=502),
    f.Drop(at=f.Place.STREAM),
    f.PieceMissing(place=1),
    f.FileMissing(),
    f.Overlapping(differing=True),
    f.Spoilt(how="checksum", member=2),
    f.ShortEnd(after=9_000_000),
    f.NoEndBlocks(),
    f.Cut(after=9_000_000),
    f.Cut(after=7_000_000, way=f.Way.RESET),
    f.Stall(after=8_000_000),
    f.Reversed(),
]
HARMLESS: Final[list[f.Fault]] = [
    f.Twice(),
    f.IndexNumbers(),
    f.BareNames(),
    f.Overlapping(),
    f.GarbageAfterEnd(),
    f.Framed(framing=f.Framing.CLOSE),
    f.Hostile(hostility=f.Hostility.NOT_ASKED),
]


def named(fault: f.Fault) -> str:
    return type(fault).__name__


@pytest.mark.parametrize("fault", HEALING, ids=named)
def test_what_strikes_once_heals(fault: f.Fault, small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    small_hub.faults.add(replace(fault, times=1))
    assert pushing.through(small_hub) == len(RIGHT)
    check_contents(objects(cloud), RIGHT)
    assert not cloud.uploads
    proofs = {path.rpartition("/")[2]: fate.proof for path, fate in pushing.fates.items()}
    assert proofs == {"TS1.zip": "archive", "TL1.csv": "length", "VS1.json": "length"}


@pytest.mark.parametrize("fault", HARMLESS, ids=named)
def test_what_is_only_odd_costs_nothing(fault: f.Fault, small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    small_hub.faults.add(fault)
    assert pushing.through(small_hub) == len(RIGHT)
    check_contents(objects(cloud), RIGHT)


LASTING: Final[list[tuple[f.Fault, Code]]] = [
    (f.PieceMissing(keys=frozenset({ZIP_KEY}), place=1), Code.MISPLACED),
    (f.Reversed(), Code.MISPLACED),
    (f.Changed(keys=frozenset({ZIP_KEY})), Code.SOURCE_BROKEN),
    (f.Twice(differing=True), Code.OVERLAPPING),
    (f.ChangedSize(by=70_000, keys=frozenset({ZIP_KEY})), Code.SOURCE_BROKEN),
]


@pytest.mark.parametrize(("fault", "code"), LASTING, ids=[named(fault) for fault, _ in LASTING])
def test_what_lasts_ends_in_the_right_error(
    fault: f.Fault, code: Code, small_hub: DemoHub, cloud: Naver, pushing: Pushing
) -> None:
    small_hub.faults.add(fault)
    pushing.through(small_hub)
    assert code in pushing.codes.values(), pushing.fates
    check_right(cloud)


def test_a_key_that_is_refused_ends_the_run(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    small_hub.faults.add(f.Refuse(refusal=Refusal.NOT_APPROVED))
    with pytest.raises(ProblemError) as caught:
        pushing.through(small_hub)
    assert caught.value.problem.code is Code.NOT_APPROVED
    check_right(cloud)


def test_parts_that_are_there_pass_by(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    """A break after two parts: they come once more over the line, and are not sent again."""
    small_hub.faults.add(f.Cut(after=11_500_000, times=1))
    pushing.through(small_hub, keys=[ZIP_KEY])
    assert pushing.outcomes == {"01.감성_대화/1.Training/TS1.zip": "sent"}
    assert (pushing.sent, pushing.passed) == (len(ZIP), 2 * PART)
    begun = [target for method, target in cloud.asked if method == "POST" and target.endswith("?uploads=")]
    assert len(begun) == 1


def test_another_run_goes_on_with_the_parts(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    small_hub.faults.add(f.Cut(after=11_500_000))
    pushing.through(small_hub, keys=[ZIP_KEY], patience=1.0)
    assert pushing.codes == {"01.감성_대화/1.Training/TS1.zip": Code.CUT}
    assert len(cloud.uploads) == 1
    small_hub.faults.clear()
    pushing.through(small_hub, keys=[ZIP_KEY])
    assert (pushing.sent, pushing.passed) == (len(ZIP) - 2 * PART, 2 * PART)
    check_right(cloud)
    assert not cloud.uploads


def test_a_release_in_the_middle(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    """Parts of the old release do not stand beside those of the new one."""
    new = zipped([Entry(name=f"음성/{number}.wav", data=_bytes(2_500_000)) for number in range(5)])
    small_hub.faults.add(f.Cut(after=11_500_000, times=1))
    small_hub.faults.add(f.Replaced(contents={ZIP_KEY: new}, skip=1))
    pushing.through(small_hub, keys=[ZIP_KEY])
    assert pushing.outcomes == {"01.감성_대화/1.Training/TS1.zip": "sent"}
    assert objects(cloud)["01.감성_대화/1.Training/TS1.zip"] == new


def test_objects_that_are_there_are_not_asked_for(
    small_hub: DemoHub, cloud: Naver, pushing: Pushing, tmp_path: Path
) -> None:
    pushing.through(small_hub)
    streams = sum(seen.path.startswith("/shellStream") for seen in small_hub.requests)
    pushing.through(small_hub)
    assert (set(pushing.outcomes.values()), pushing.sent) == ({"there"}, 0)
    # Another machine knows it from the log that lies beside them.
    other = Pushing(cloud.place(), tmp_path / "other home")
    other.through(small_hub)
    assert set(other.outcomes.values()) == {"there"}
    assert sum(seen.path.startswith("/shellStream") for seen in small_hub.requests) == streams


def test_keys_that_may_not_list_lose_no_line(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    cloud.lists_nothing = True
    pushing.through(small_hub, keys=["100002"])
    assert pushing.through(small_hub, keys=["100003"]) == 2
    check_right(cloud)


def test_a_completion_of_which_nobody_heard_is_known_later(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    pushing.through(small_hub, keys=[ZIP_KEY])
    lines = next((pushing.home / "push").glob("*.jsonl")).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(b'{"line":"kept"')]
    next((pushing.home / "push").glob("*.jsonl")).write_bytes(b"".join(kept))
    for name in (MANIFEST, LOG):
        del cloud.buckets[BUCKET][f"p/{name}"]
    pushing.through(small_hub, keys=[ZIP_KEY])
    assert set(pushing.outcomes.values()) == {"there"}
    check_right(cloud)


def test_an_object_of_somebody_else_is_left_alone(small_hub: DemoHub, cloud: Naver, pushing: Pushing) -> None:
    place = "01.감성_대화/1.Training/TL1.csv"
    cloud.buckets[BUCKET][f"p/{place}"] = Kept(b"mine")
    pushing.through(small_hub)
    assert pushing.codes == {place: Code.OTHER_OBJECT}
    assert objects(cloud)[place] == b"mine"
    pushing.through(small_hub, replace=True)
    check_contents(objects(cloud), RIGHT)


# ---- split sets ----

ENTRIES: Final = [Entry(name=f"{number}.wav", data=_bytes(3_000_000)) for number in range(8)]
SET: Final = split_zip("set/TS", ENTRIES, 9_000_000)


def hub_of_set(volumes: dict[str, bytes]) -> DemoHub:
    return DemoHub(Catalogue.of(volumes), piece_size=3 << 20)


def test_a_split_set_is_proved_as_one_archive(cloud: Naver, pushing: Pushing) -> None:
    assert len(SET) > 2
    with hub_of_set(SET) as hub:
        pushing.through(hub)
    check_contents(objects(cloud), SET)
    assert {fate.proof for fate in pushing.fates.values()} == {"archive"}


def test_a_split_set_whose_volumes_come_out_of_order_has_its_lengths(cloud: Naver, pushing: Pushing) -> None:
    with hub_of_set(dict(reversed(SET.items()))) as hub:
        pushing.through(hub)
    check_contents(objects(cloud), SET)
    assert {fate.note for fate in pushing.fates.values()} == {"split"}


def test_a_damaged_set_is_no_object(cloud: Naver, pushing: Pushing) -> None:
    name = next(name for name in SET if name.endswith(".z01"))
    spoilt = {**SET, name: SET[name][:4_000_000] + b"spoilt" + SET[name][4_000_006:]}
    with hub_of_set(spoilt) as hub:
        pushing.through(hub)
    assert set(pushing.codes.values()) == {Code.SOURCE_BROKEN}
    assert objects(cloud) == {}
    assert not cloud.uploads
