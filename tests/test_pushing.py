"""Files of a library put into object storage: what storages do to them, and that nothing wrong ever counts as right."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from engines import sha256
from naver import Kept, Naver, naver
from objects import Writer
from pushed import BUCKET, LOG, MANIFEST, PART, Pushing, check_contents, lying, shelved, told
from servers import Storage

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.engine.pushing.fate import Fate

_bytes: Final = random.Random(7).randbytes
LARGE: Final = _bytes(2 * PART + 1234)
FILES: Final = {"a/large.bin": LARGE, "a/한글 b.bin": _bytes(70_000), "empty": b"", "c.json": b"{}"}


@pytest.fixture
def cloud() -> Iterator[Naver]:
    with naver({BUCKET: {}}) as double:
        yield double


@pytest.fixture
def pushing(cloud: Naver, tmp_path: Path) -> Pushing:
    return Pushing(cloud.place(), tmp_path / "home")


def objects(cloud: Naver, prefix: str = "p/") -> dict[str, bytes]:
    kept = cloud.buckets[BUCKET].items()
    return {key.removeprefix(prefix): one.body for key, one in kept if key.startswith(prefix)}


def puts(cloud: Naver) -> int:
    return sum(method == "PUT" for method, _ in cloud.asked)


def test_naver_s_own_way(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)
    assert {path: fate.stored for path, fate in pushing.fates.items()} == {
        **dict.fromkeys(FILES, "md5"), "a/large.bin": "etag-parts",
    }  # fmt: skip
    assert not cloud.uploads
    before = puts(cloud)
    assert pushing.shelf(folder) == len(FILES)
    assert (set(pushing.outcomes.values()), pushing.sent, puts(cloud)) == ({"there"}, 0, before)


@pytest.mark.parametrize("place", ["swift_storage", "rclone_storage", "seaweed_storage"])
def test_real_storages(place: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    storage: Storage = request.getfixturevalue(place)
    with Writer(storage) as writer:
        writer.make_bucket(BUCKET)
    shelved(folder, FILES)
    pushing = Pushing(storage.place(), tmp_path / "home")
    assert pushing.shelf(folder) == len(FILES)
    check_contents(lying(storage, BUCKET, "p/"), FILES)
    # rclone gives an object of parts an ETag that tells nothing of them.
    assert ("length" in {fate.stored for fate in pushing.fates.values()}) is (place == "rclone_storage")
    assert pushing.shelf(folder) == len(FILES)
    assert (set(pushing.outcomes.values()), pushing.sent) == ({"there"}, 0)


def test_another_machine_sends_nothing_twice(cloud: Naver, pushing: Pushing, folder: Path, tmp_path: Path) -> None:
    shelved(folder, FILES)
    pushing.shelf(folder)
    other = Pushing(cloud.place(), tmp_path / "other home")
    assert other.shelf(folder) == len(FILES)
    assert (set(other.outcomes.values()), other.sent) == ({"there"}, 0)


def test_what_another_program_put_there_is_known_by_its_checksum(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.buckets[BUCKET] |= {
        "p/a/large.bin": Kept(LARGE, 8 << 20),
        "p/c.json": Kept(FILES["c.json"]),
        "p/a/한글 b.bin": Kept(_bytes(70_000)),
    }
    assert pushing.shelf(folder) == 3
    assert pushing.outcomes == {"a/large.bin": "there", "c.json": "there", "a/한글 b.bin": "failed", "empty": "sent"}
    assert pushing.codes == {"a/한글 b.bin": Code.OTHER_OBJECT}
    assert set(told(objects(cloud))) == {"a/large.bin", "c.json", "empty"}


@pytest.mark.parametrize("place", ["a/large.bin", "c.json"])
def test_a_flipped_bit_is_never_sent_as_right(cloud: Naver, pushing: Pushing, folder: Path, place: str) -> None:
    shelved(folder, FILES)
    body = bytearray(FILES[place])
    body[-1] ^= 1
    (folder / place).write_bytes(body)
    assert pushing.shelf(folder) == len(FILES) - 1
    assert pushing.codes == {place: Code.NOT_AS_RECORDED}
    check_contents(objects(cloud), {path: right for path, right in FILES.items() if path != place})
    assert not cloud.uploads


def test_missing_shorter_and_led_elsewhere(cloud: Naver, pushing: Pushing, folder: Path, tmp_path: Path) -> None:
    shelved(folder, {**FILES, "gone": b"x", "short": b"long enough", "link/x": b"x"})
    (folder / "gone").unlink()
    (folder / "short").write_bytes(b"short")
    (folder / "link/x").rename(tmp_path / "x")
    (folder / "link").rmdir()
    (folder / "link").symlink_to(tmp_path)
    pushing.shelf(folder)
    assert pushing.codes == {
        "gone": Code.NOT_AS_RECORDED, "short": Code.NOT_AS_RECORDED, "link/x": Code.UNSAFE_NAME,
    }  # fmt: skip
    check_contents(objects(cloud), FILES)


def test_a_storage_that_spoils_what_comes(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.spoils = 2
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)


def test_a_storage_that_always_spoils_is_not_believed(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.spoils = 10_000
    with pytest.raises(ProblemError) as caught:
        pushing.shelf(folder)
    assert caught.value.problem.code is Code.WRONG_CHECKSUM  # of the list itself
    right = {"empty"}
    assert {path for path, outcome in pushing.outcomes.items() if outcome == "sent"} == right
    cloud.spoils = 0
    # The spoiled one has its name and says that it has the right hash: it is sent anew all the same.
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)


def test_an_error_that_comes_with_200(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.completes_badly = 2
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)


def test_a_completion_of_which_nobody_hears(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.completes_unheard = 1
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)
    assert sum("partNumber=1&" in target for _, target in cloud.asked) == 1  # nothing was sent again


def test_parts_that_can_never_be_completed_are_given_up(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.least_part = 1 << 30
    pushing.shelf(folder)
    assert set(pushing.codes) == {"a/large.bin"}
    assert not cloud.uploads
    cloud.least_part = PART
    pushing.shelf(folder)
    check_contents(objects(cloud), FILES)


def test_a_busy_storage_is_waited_for(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    cloud.busy, cloud.retry_after = 12, "0"
    assert pushing.shelf(folder) == len(FILES)
    check_contents(objects(cloud), FILES)


def test_other_content_is_replaced_at_a_person_s_word_alone(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    pushing.shelf(folder)
    new = {**FILES, "c.json": b'{"new": 1}'}
    shelved(folder, {"c.json": new["c.json"]})
    pushing.shelf(folder)
    assert pushing.codes == {"c.json": Code.OTHER_OBJECT}
    check_contents(objects(cloud), FILES)
    pushing.shelf(folder, replace=True)
    check_contents(objects(cloud), new)


def test_a_line_that_would_lie_is_taken_back_first(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    """Between the new content and the new list the old list must not tell of it."""
    shelved(folder, FILES)
    pushing.shelf(folder)
    shelved(folder, {"c.json": b"other"})
    began = len(cloud.asked)
    pushing.shelf(folder, replace=True)
    asked = [target.rpartition("/")[2] for method, target in cloud.asked[began:] if method == "PUT"]
    written = [name for name, _ in itertools.groupby(asked)]
    assert written == [MANIFEST, "c.json", LOG, MANIFEST]


def test_lists_tell_of_nothing_that_is_gone(cloud: Naver, pushing: Pushing, folder: Path, tmp_path: Path) -> None:
    shelved(folder, FILES)
    pushing.shelf(folder)
    del cloud.buckets[BUCKET]["p/empty"]
    other = tmp_path / "another library"
    shelved(other, {"more.bin": b"more"})
    assert pushing.shelf(other) == len(FILES)
    right = {path: body for path, body in FILES.items() if path != "empty"}
    check_contents(objects(cloud), {**right, "more.bin": b"more"})


def test_what_somebody_put_in_its_place_is_told_of_no_more(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    pushing.shelf(folder)
    cloud.buckets[BUCKET] |= {"p/c.json": Kept(b"[]"), "p/empty": Kept(b"no more")}
    assert pushing.shelf(folder) == len(FILES) - 2
    assert pushing.codes == {"c.json": Code.OTHER_OBJECT, "empty": Code.OTHER_OBJECT}
    assert set(told(objects(cloud))) == FILES.keys() - {"c.json", "empty"}


def test_what_another_run_told_meanwhile_stays(
    cloud: Naver, pushing: Pushing, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines, one prefix: the longer run ends last, and began before the other told of anything."""
    other, library, hear = Pushing(cloud.place(), tmp_path / "other home"), tmp_path / "library", pushing.hear
    shelved(folder, {"a": b"a"})
    shelved(library, {"b": b"b"})

    def meanwhile(fate: Fate) -> None:
        hear(fate)
        assert other.shelf(library) == 1

    monkeypatch.setattr(pushing, "hear", meanwhile)
    assert pushing.shelf(folder) == 2
    check_contents(objects(cloud), {"a": b"a", "b": b"b"})


def test_small_files_and_parts_do_not_wait_for_each_other(cloud: Naver, tmp_path: Path, folder: Path) -> None:
    """Hands that wait for room would never send the parts that have it all."""
    right = {"large": b"large" * PART, **{f"small/{number}": bytes([number]) * PART for number in range(6)}}
    shelved(folder, right)
    pushing = Pushing(cloud.place(), tmp_path / "home", connections=2)
    done: list[int] = []
    run = threading.Thread(target=lambda: done.append(pushing.shelf(folder, memory=2 * PART)), daemon=True)
    run.start()
    run.join(60)
    assert done == [len(right)]
    check_contents(objects(cloud), right)


def test_a_name_that_is_no_text_is_named_and_left_out(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    """As a list by `sha256sum` has those of old disks."""
    shelved(folder, {"ok": b"x"})
    with (folder / ".aihub" / MANIFEST).open("ab") as manifest:
        manifest.write(sha256(b"x").encode() + b"  \xbe\xd8\n")
    assert pushing.shelf(folder) == 1
    assert set(pushing.codes.values()) == {Code.UNSAFE_NAME}
    check_contents(objects(cloud), {"ok": b"x"})


def test_an_interrupted_upload_goes_on_with_its_parts(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    shelved(folder, {"large": LARGE})
    cloud.least_part = 1 << 30
    with pushing.way() as (depot, record):
        name = depot.persistently(lambda uploads: uploads.begin("p/large", {}))
        record.begin("p/large", name, PART, sha256(LARGE))
    cloud.uploads[name].parts = {1: LARGE[:PART], 2: b"wrong" * (PART // 5)}
    cloud.least_part = PART
    pushing.shelf(folder)
    check_contents(objects(cloud), {"large": LARGE})
    assert (pushing.sent, pushing.passed) == (len(LARGE) - PART, PART)
    assert not cloud.uploads


def test_a_second_run_to_the_same_place_waits_outside(pushing: Pushing, folder: Path) -> None:
    shelved(folder, FILES)
    with pushing.way(), pytest.raises(ProblemError) as caught:
        pushing.shelf(folder)
    assert caught.value.problem.code is Code.IN_USE


def test_names_of_our_own_lists_and_names_too_long(cloud: Naver, pushing: Pushing, folder: Path) -> None:
    deep = "/".join(["가" * 60] * 6)
    shelved(folder, {MANIFEST: b"mine", deep: b"x", "ok": b"x"})
    pushing.shelf(folder)
    assert pushing.codes == {MANIFEST: Code.NAME_CLASH, deep: Code.BAD_ADDRESS}
    check_contents(objects(cloud), {"ok": b"x"})
