"""`aihub adopt` as people run it: what is left is fetched and no more; killed, stopped or out of room, it goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Aihub, Run, ended
from crashes import until
from engines import final_files, manifest, offered, sha256
from leavings import BIG, MISSING, PIECE, SEED, SPLIT, TABLE, archive, cat, curl, files, finished, pieces_of, untar
from syscalls import tracer

from aihub_desktop.cli.exits import Exit
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the official flow needs {', '.join(MISSING)} on the PATH")

DATASET = "90001"
BIG_PLACE, TABLE_PLACE = BIG.replace(" ", "_"), TABLE.replace(" ", "_")
CATALOGUE = Catalogue.of(files())
RIGHT = offered(CATALOGUE)


@pytest.fixture
def hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=PIECE) as started:
        yield started


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


def check(folder: Path, right: dict[str, bytes]) -> None:
    assert {place: data for place, data in final_files(folder).items() if place in RIGHT} == right
    assert manifest(folder) == {place: sha256(data) for place, data in right.items()}


def of(run: Run, event: str) -> list[dict[str, Any]]:
    return [record for record in run.records if record["event"] == event]


def test_only_the_rest_is_fetched(aihub: Aihub, hub: DemoHub, folder: Path) -> None:
    curl(hub, folder / "download.tar")
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    for piece in pieces_of(folder, BIG_PLACE)[5:]:
        piece.unlink()
    run = aihub("adopt", folder, "--dataset", DATASET)
    assert run.code == Exit.DONE, run.err
    missing = {BIG_PLACE, TABLE_PLACE}
    check(folder, {place: data for place, data in RIGHT.items() if place not in missing})
    assert "2 files" in run.out
    assert "cannot resume" in run.out
    assert f"aihub get {DATASET} --to" in run.out

    got = aihub("get", DATASET, "--to", folder, "--json")
    assert got.code == Exit.DONE, got.err
    check(folder, RIGHT)
    tar_of_two = sum(len(RIGHT[place]) for place in missing)
    assert tar_of_two <= got.end["received"] < tar_of_two + 100_000
    assert aihub("verify", folder).code == Exit.DONE


def test_json(aihub: Aihub, hub: DemoHub, folder: Path) -> None:
    curl(hub, folder / "download (1).tar")
    run = aihub("adopt", folder, "--dataset", DATASET, "--json")
    assert (run.code, run.err) == (Exit.DONE, "")
    assert {(find["origin"], find["state"]) for find in of(run, "find")} == {("tar", "whole")}
    assert {record["path"]: record["state"] for record in of(run, "file")} == dict.fromkeys(RIGHT, "adopted")
    assert all(record["proof"] in ("archive", "structure", "length") for record in of(run, "file"))
    end = run.end
    assert (end["adopted"], end["refused"], end["missing"], end["folder"]) == (len(RIGHT), 0, 0, str(folder))
    again = aihub("adopt", folder, "--dataset", DATASET, "--json").end
    assert (again["adopted"], again["recorded"], again["missing"]) == (0, len(RIGHT), 0)


def test_a_rehearsal_writes_nothing(aihub: Aihub, hub: DemoHub, folder: Path) -> None:
    curl(hub, folder / "download.tar")
    run = aihub("adopt", folder, "--dataset", DATASET, "--dry-run")
    assert run.code == Exit.DONE
    assert run.out.count("download.tar") == len(RIGHT)
    assert [path.name for path in folder.iterdir()] == ["download.tar"]


def test_without_the_network(aihub: Aihub, hub: DemoHub, folder: Path) -> None:
    aihub("files", DATASET)
    curl(hub, folder / "download.tar")
    hub.stop()
    run = aihub("adopt", folder, "--dataset", DATASET, AIHUB_APIKEY="")
    assert run.code == Exit.DONE, run.err
    assert "copy of" in run.err
    check(folder, RIGHT)


def test_without_a_tree_nothing_can_be_known(aihub: Aihub, hub: DemoHub, folder: Path) -> None:
    hub.stop()
    assert aihub("adopt", folder, "--dataset", DATASET).code == Exit.NETWORK


def test_another_folder_and_korean(aihub: Aihub, hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    curl(hub, folder / "download.tar")
    run = aihub("adopt", folder, "--dataset", DATASET, "--to", tmp_path / "새 곳", AIHUB_LANG="ko")
    assert run.code == Exit.DONE, run.err
    check(tmp_path / "새 곳", RIGHT)
    assert [path.name for path in folder.iterdir()] == ["download.tar"]
    assert f"파일 {len(RIGHT)}개" in run.out
    assert "데이터셋의 파일이 모두 있습니다" in run.out


def test_a_folder_carried_here_from_another_machine(aihub: Aihub, hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    assert aihub("get", DATASET, "--to", folder).code == Exit.DONE
    here = tmp_path / "옮긴 것"
    shutil.move(folder, here)
    other = Aihub(tmp_path / "other home", hub.url)
    run = other("adopt", here, "--dataset", DATASET, "--json")
    assert (run.code, run.end["recorded"], run.end["missing"]) == (Exit.DONE, len(RIGHT), 0)
    assert other("get", DATASET, "--to", here, "--json").end["received"] == 0


def test_a_merge_in_the_wrong_order(tmp_path: Path, folder: Path) -> None:
    data = archive(12 * PIECE + 77)
    with DemoHub(Catalogue.of({"a.zip": data}), piece_size=PIECE) as hub:
        aihub = Aihub(tmp_path / "home", hub.url)
        curl(hub, folder / "download.tar")
        untar(folder / "download.tar")
        (folder / "download.tar").unlink()
        cat(folder, "a.zip", lambda paths: sorted(paths, key=lambda path: path.name))
        assert (folder / "a.zip").read_bytes() != data
        run = aihub("adopt", folder, "--dataset", DATASET)
        assert run.code == Exit.DONE, run.err
        assert "wrong order" in run.out
        assert (folder / "a.zip").read_bytes() == data
        assert aihub("get", DATASET, "--to", folder, "--json").end["received"] == 0


def test_what_needs_a_person_is_told_and_fails(aihub: Aihub, folder: Path) -> None:
    finished(folder, {BIG_PLACE: RIGHT[BIG_PLACE][:-1] + b"!" * 9, TABLE_PLACE: b"short"})
    run = aihub("adopt", folder, "--dataset", DATASET)
    assert run.code == Exit.FAILED
    assert f"Another file of this name (its size does not fit): {TABLE_PLACE}" in run.out
    assert "Of these, 2 have another file in their place" in run.out
    assert manifest(folder) == {}
    in_the_way = aihub("get", DATASET, "--to", folder)
    assert in_the_way.code == Exit.DISK  # as it was before: another file's name is taken by nobody
    set_aside = aihub("adopt", folder, "--dataset", DATASET, "--set-aside")
    assert "have another file in their place" not in set_aside.out
    assert (folder / f"{TABLE_PLACE}.bad").read_bytes() == b"short"
    assert aihub("get", DATASET, "--to", folder).code == Exit.DONE
    check(folder, RIGHT)


def test_bad_input(aihub: Aihub, folder: Path) -> None:
    assert aihub("adopt", folder / "none", "--dataset", DATASET).code == Exit.DISK
    assert aihub("adopt", folder).code == Exit.USAGE
    assert aihub("adopt", folder, "--dataset", DATASET, "--to", "").code == Exit.USAGE
    assert aihub("adopt", folder, "--dataset", "4711").code == Exit.FAILED
    nothing = aihub("adopt", folder, "--dataset", DATASET)
    assert nothing.code == Exit.DONE
    assert "Nothing of this dataset was found" in nothing.out
    (folder / "file").write_text("x")
    assert aihub("adopt", folder / "file", "--dataset", DATASET).code == Exit.DISK
    assert aihub("adopt", folder, "--dataset", DATASET, "--to", folder / "file").code == Exit.DISK


# Ended in the middle.


def traced(*words: str) -> tuple[str, ...]:
    return (tracer(), "-f", "-qq", "-o", os.devnull, *words)


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "linkat", "link", "unlink", "fsync"])
def test_killed_at_a_call_and_again(aihub: Aihub, hub: DemoHub, folder: Path, call: str) -> None:
    curl(hub, folder / "download.tar")
    untar(folder / "download.tar")
    cat(folder, BIG_PLACE, lambda paths: sorted(paths, key=lambda path: path.name))
    before = sha256((folder / "download.tar").read_bytes())
    dice = random.Random(f"{SEED}{call}")
    print(f"seed {SEED}{call}")
    for _ in range(4):
        # strace counts the calls of each thread for itself.
        inject = f"inject={call}:signal=KILL:when={dice.randrange(1, 14)}"
        before_it = traced("-e", f"trace={call}", "-e", inject)
        ended(aihub.start("adopt", folder, "--dataset", DATASET, before=before_it))
        for place, data in final_files(folder).items():
            assert data == RIGHT.get(place, data) or place == BIG_PLACE
    run = aihub("adopt", folder, "--dataset", DATASET)
    assert run.code == Exit.DONE, run.err
    check(folder, RIGHT)
    assert sha256((folder / "download.tar").read_bytes()) == before
    assert not list(folder.rglob("*.journal"))
    assert aihub("verify", folder).code == Exit.DONE


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
@pytest.mark.parametrize("call", ["pwrite64", "fsync", "linkat", "unlink"])
def test_killed_while_a_gzip_and_volumes_are_put_right(aihub: Aihub, folder: Path, call: str) -> None:
    """Nothing else is left of them, so a byte that is lost would be lost for good."""
    places = [place for place in RIGHT if place.endswith((".gz", ".z01", ".z02"))]
    wrong = {place: RIGHT[place][PIECE:] + RIGHT[place][:PIECE] for place in places}
    finished(folder, RIGHT | wrong)
    dice = random.Random(f"{SEED}{call}")
    print(f"seed {SEED}{call}")
    for _ in range(3):
        inject = f"inject={call}:signal=KILL:when={dice.randrange(1, 9)}"
        ended(
            aihub.start("adopt", folder, "--dataset", DATASET, before=traced("-e", f"trace={call}", "-e", inject))
        )  # fmt: skip
        for place, data in final_files(folder).items():
            assert data in (RIGHT.get(place, data), wrong.get(place)), place
    run = aihub("adopt", folder, "--dataset", DATASET)
    assert run.code == Exit.DONE, run.err
    check(folder, RIGHT)
    for place, data in wrong.items():
        assert (folder / f"{place}.bad").read_bytes() == data
    assert not list(folder.rglob("*.part*"))


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
@pytest.mark.parametrize("when", [2, 9, 30])
def test_a_full_disk_and_again(aihub: Aihub, hub: DemoHub, folder: Path, when: int) -> None:
    curl(hub, folder / "download.tar")
    inject = f"inject=pwrite64:error=ENOSPC:when={when}+"
    run = ended(aihub.start("adopt", folder, "--dataset", DATASET, before=traced("-e", "trace=pwrite64", "-e", inject)))
    assert run.code == Exit.DISK, run.err
    assert "full" in run.err
    for place, data in final_files(folder).items():
        assert place == "download.tar" or data == RIGHT[place]
    assert aihub("adopt", folder, "--dataset", DATASET).code == Exit.DONE
    check(folder, RIGHT)


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
def test_what_may_not_be_read_is_told_and_the_others_are_adopted(aihub: Aihub, folder: Path) -> None:
    finished(folder, RIGHT)
    words = ("-P", str(folder / BIG_PLACE), "-e", "trace=openat", "-e", "inject=openat:error=EACCES")
    run = ended(aihub.start("adopt", folder, "--dataset", DATASET, before=traced(*words)))
    assert run.code == Exit.FAILED, run.err
    assert f"Cannot be read: {BIG_PLACE}" in run.out
    assert set(manifest(folder)) == set(RIGHT) - {BIG_PLACE}


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
def test_a_sector_that_cannot_be_read_concerns_one_file(aihub: Aihub, folder: Path) -> None:
    finished(folder, RIGHT)
    place = TABLE_PLACE  # of which the survey reads nothing
    words = ("-P", str(folder / place), "-e", "trace=preadv,preadv2", "-e", "inject=preadv,preadv2:error=EIO")
    run = ended(aihub.start("adopt", folder, "--dataset", DATASET, before=traced(*words)))
    assert run.code == Exit.DISK, run.err
    assert set(manifest(folder)) == set(RIGHT) - {place}


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
def test_a_volume_that_cannot_be_read_again_concerns_its_set(aihub: Aihub, folder: Path) -> None:
    """It could be read once, and not when the set is proved."""
    finished(folder, RIGHT)
    volumes = {place for place in RIGHT if ".z0" in place or place.startswith(f"{SPLIT.replace(' ', '_')}.")}
    words = ("-P", str(folder / min(volumes)), "-e", "trace=preadv,preadv2")
    inject = ("-e", "inject=preadv,preadv2:error=EIO:when=2+")
    run = ended(aihub.start("adopt", folder, "--dataset", DATASET, before=traced(*words, *inject)))
    assert run.code in (Exit.DISK, Exit.FAILED), run.err
    assert set(manifest(folder)) >= set(RIGHT) - volumes


@pytest.mark.skipif(sys.platform == "win32", reason="strace is of Linux")
@pytest.mark.parametrize("call", ["mkdir", "openat"])
def test_where_nothing_may_be_written(aihub: Aihub, hub: DemoHub, folder: Path, tmp_path: Path, call: str) -> None:
    curl(hub, folder / "download.tar")
    target = tmp_path / "to"
    target.mkdir()
    paths = (target, target / "가_나", target / f"{BIG_PLACE}.part")
    words = [word for path in paths for word in ("-P", str(path))]
    inject = f"inject={call}:error=EROFS"
    run = ended(
        aihub.start(
            "adopt", folder, "--dataset", DATASET, "--to", target,
            before=traced(*words, "-e", f"trace={call}", "-e", inject),
        )
    )  # fmt: skip
    assert run.code == Exit.DISK, run.err
    assert BIG_PLACE not in final_files(target)
    assert aihub("adopt", folder, "--dataset", DATASET, "--to", target).code == Exit.DONE
    check(target, RIGHT)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
def test_ctrl_c_and_again(tmp_path: Path, folder: Path) -> None:
    given = {f"{number}.zip": archive(20 << 20, number) for number in range(4)}
    with DemoHub(Catalogue.of(given)) as hub:
        aihub = Aihub(tmp_path / "home", hub.url)
        curl(hub, folder / "download.tar")
        process = aihub.start("adopt", folder, "--dataset", DATASET)
        until(lambda: any(folder.glob("*.part")) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        run = ended(process)
        assert run.code in (Exit.INTERRUPTED, Exit.DONE)
        assert aihub("adopt", folder, "--dataset", DATASET).code == Exit.DONE
        assert {name: sha256(data) for name, data in given.items()} == manifest(folder)
        aihub.close()
