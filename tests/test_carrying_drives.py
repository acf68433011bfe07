"""Drives that are too small, pulled, full of other bundles, swapped, damaged: nothing is lost, and nothing is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import pytest
from carrying import Here, bags, drives, flip, here, holds, library, payload, there, validate
from engines import final_files
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.batch.bundle_files import COPIED, PLAN
from aihub_desktop.batch.importing import Import
from aihub_desktop.batch.incoming import incoming
from aihub_desktop.batch.layout import File, LackError, Room, laid_out
from aihub_desktop.disk.volume import Volume
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.names import clash_key
from aihub_desktop.holdings import copying
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.transport.ledger import Ledger, Stamp

__all__ = ["here", "there"]  # fixtures are found by their names here

SEED: Final = int(os.environ.get("CARRY_SEED", "0")) or random.randrange(1 << 30)
_bytes: Final = random.Random(7).randbytes
FILES: Final = {
    "세트/큰 것.bin".replace(" ", "_"): _bytes(9_000_000),
    "세트/TS1.zip": _bytes(5_000_000),
    **{f"세트/라벨/{n:03}.json": _bytes(1_000 + n) for n in range(120)},
    "세트/50%.txt": b"percent",
    "세트/empty.txt": b"",
    "other/A.txt": b"large A",
}


@pytest.fixture
def full(folder: Path) -> Path:
    library(folder, FILES)
    return folder


@pytest.fixture
def small_drives(tmp_path: Path) -> Iterator[list[Path]]:
    """Three of 7 MB, on file systems of their own."""
    if not sys.platform.startswith("linux"):
        pytest.skip("this system gives no small file systems to a test")
    made = drives(tmp_path, 3)
    mounted = []
    try:
        for one in made:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=7m", "none", one], capture_output=True, check=False
            )
            if done.returncode != 0:
                pytest.skip("needs the right to mount")
            mounted.append(one)
        yield made
    finally:
        for one in mounted:
            subprocess.run(["umount", "-l", one], check=True)


def test_a_set_of_small_drives_arrives_in_any_order(
    here: Here, full: Path, there: Path, tmp_path: Path, small_drives: list[Path]
) -> None:
    request = here.request(there, tmp_path)
    ended = here.bundle(request, full, *small_drives[:1])
    assert ended.code == 4
    assert "no room" in ended.err
    assert str(small_drives[0]) in ended.err  # with its figures
    assert list(small_drives[0].iterdir()) == []  # before the first byte
    ended = here.bundle(request, full, *small_drives)
    assert ended.code == 0, ended.err
    assert len(bags(*small_drives)) == 3
    validate(*bags(*small_drives))
    order = random.Random(SEED).sample(small_drives, 3)
    print("CARRY_SEED", SEED)
    for drive in order[:2]:
        ended = here.take(there, drive)
        assert ended.code == 3, ended.err
        assert "still wanted" in ended.err
    ended = here.take(there, order[2])
    assert ended.code == 0, ended.err
    holds(there, FILES)
    assert not (there / ".aihub/incoming").exists()
    # All at once, on another machine.
    other = tmp_path / "again"
    assert here.take(other, *small_drives).code == 0
    holds(other, FILES)


def test_a_wrong_portion_costs_no_other_of_its_file(
    here: Here, folder: Path, there: Path, tmp_path: Path, small_drives: list[Path]
) -> None:
    """Of a file over two drives one portion is damaged: it alone has to come again."""
    files = {"big.bin": _bytes(10_000_000)}
    library(folder, files)
    two = small_drives[:2]
    assert here.bundle(here.request(there, tmp_path), folder, *two).code == 0
    for damaged in two:
        (portion,) = payload(*bags(damaged))
        flip(portion)
        ended = here.take(there, *two)
        assert ended.code == 1, ended.err
        assert portion.name in ended.out
        flip(portion)
        ended = here.take(there, damaged)
        assert ended.code == 0, ended.err
        holds(there, files)
        (there / "big.bin").unlink()
        assert here.take(there, damaged).code == 3  # the other is wanted again


def test_two_names_that_differ_in_case_do_not_meet_on_a_drive(
    here: Here, folder: Path, there: Path, tmp_path: Path
) -> None:
    library(folder, {"a/Name.txt": b"one", "a/other.txt": b"other"})
    (drive,) = drives(tmp_path, 1)
    request = here.request(there, tmp_path)
    second = tmp_path / "second"
    library(second, {"a/NAME.TXT": b"two"}, key=9)
    ended = here("batch", "bundle", request, "--to", drive, "--from", folder, "--from", second, "--offline")
    assert ended.code == 0, ended.err
    # Of one file under two spellings the first library's counts.
    assert here.take(there, drive).code == 0
    holds(there, {"a/Name.txt": b"one", "a/other.txt": b"other"})


def test_a_bundle_goes_on_after_every_kill(here: Here, full: Path, there: Path, tmp_path: Path) -> None:
    print("CARRY_SEED", SEED)
    chance = random.Random(SEED)
    request, (one, two) = here.request(there, tmp_path), drives(tmp_path, 2)
    words: list[str | Path] = [
        "batch",
        "bundle",
        request,
        "--to",
        one,
        "--to",
        two,
        "--from",
        full,
        "--offline",
        "--largest-file",
        "4M",
    ]
    for _ in range(4):
        killed(here.home, words, lambda: list(tmp_path.glob("drive*/*/data/**/*.*")), chance.randrange(140))
        for bag in bags(one, two):
            if (bag / "bagit.txt").exists():
                validate(bag)
            else:
                assert here.take(there, bag).code == 3  # never taken for a whole one
    before = {path: path.stat().st_ino for path in payload(*bags(one, two)) if named(path, one, two)}
    ended = here(*words)
    assert ended.code == 0, ended.err
    validate(*bags(one, two))
    assert len({bag.name for bag in bags(one, two)}) == 1
    assert {path: path.stat().st_ino for path in before} == before  # what was noted was not copied again
    words_in: list[str | Path] = ["batch", "import", *chance.sample([one, two], 2), "--to", there]
    for _ in range(4):
        killed(there.parent / "other-home", words_in, lambda: list(there.glob("**/*.*")), chance.randrange(140))
        for place, data in FILES.items():
            path = there / place
            assert not path.exists() or path.read_bytes() == data
    ended = here(*words_in, home=there.parent / "other-home")
    assert ended.code == 0, ended.err
    holds(there, FILES)
    assert not (there / ".aihub/incoming").exists()


def named(path: Path, *of: Path) -> bool:
    """Whether some journal of a drive notes the file."""
    return any(path.name in (bag / COPIED).read_text(encoding="utf-8") for bag in bags(*of) if (bag / COPIED).exists())


def killed(home: Path, words: Sequence[str | Path], there: Callable[[], list[Path]], count: int) -> None:
    """Ends a run at the moment at which so many files are there, or a little later."""
    process = subprocess.Popen(
        [sys.executable, "-m", "aihub_desktop", "--home", home, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and len(there()) <= count:
        time.sleep(0.002)  # so that what is looked at gets on
    process.kill()
    process.wait()


@pytest.mark.parametrize("at", [0, 3_500_000, 8_100_000])
def test_a_large_file_goes_on_in_its_middle(
    here: Here, full: Path, there: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Stopped after so many bytes of it: what was durable is compared, and not written again."""
    monkeypatch.setattr(copying, "MARK", 1 << 20)
    request, (drive,) = here.request(there, there.parent), drives(there.parent, 1)
    assert here.bundle(request, full, drive).code == 0
    (there / "other").mkdir()
    (there / "other/A.txt").write_bytes(FILES["other/A.txt"])
    (bag,) = incoming(drive, None, list[Problem]().append)
    bag = dataclasses.replace(bag, carried=[one for one in bag.carried if one.story.place.endswith("bin")])
    read: list[int] = []
    with pytest.raises(StoppedError):
        Import(there, [bag], Steps(read.append, lambda: sum(read) >= at)).run()
    (part,) = (there / ".aihub/incoming").glob("*.part")
    kept = part.stat().st_ino
    assert here.take(there, drive).code == 0
    assert (there / "세트/큰_것.bin").stat().st_ino == kept
    holds(there, FILES)


def test_a_drive_that_is_pulled_leaves_nothing_in_its_place(
    here: Here, full: Path, there: Path, tmp_path: Path, small_drives: list[Path]
) -> None:
    """The mount goes while files are copied: the folder below it stays empty, and the same command goes on."""
    request, drive = here.request(there, tmp_path), small_drives[0]
    words = ["batch", "bundle", request, *(word for one in small_drives for word in ("--to", one)), "--from", full]
    process = subprocess.Popen(
        [sys.executable, "-m", "aihub_desktop", "--home", here.home, "--lang", "en", *words, "--offline"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(drive.glob(f"*/{PLAN}")) and process.poll() is None and time.monotonic() < deadline:
        pass
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=7m", "none", drive], check=True)  # another one in its place
    try:
        _, err = process.communicate(timeout=60)
        if process.returncode:
            assert process.returncode == 4, err.decode()
            assert list(drive.iterdir()) == []
    finally:
        subprocess.run(["umount", drive], check=True)
    ended = here(*words, "--offline")
    assert ended.code == 0, ended.err
    validate(*bags(*small_drives))
    assert here.take(there, *small_drives).code == 0
    holds(there, FILES)


def test_what_was_begun_for_something_else_is_left_alone(here: Here, full: Path, there: Path, tmp_path: Path) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, full, drive).code == 0
    (bag,) = bags(drive)
    again = here.bundle(request, full, drive)
    assert (again.code, bags(drive)) == (0, [bag])
    assert "complete already" in again.out
    # As if it had been cut off, and the library got another file since.
    shutil.copy(bag / "aihub-files.jsonl", bag / PLAN)
    (bag / "bagit.txt").unlink()
    library(full, {"new.txt": b"new"}, key=1000)
    ended = here.bundle(request, full, drive)
    assert ended.code == 4
    assert "--replace" in ended.err
    assert (bag / PLAN).exists()
    ended = here.bundle(request, full, drive, replace="")
    assert ended.code == 0, ended.err
    assert len(bags(drive)) == 1
    assert bags(drive) != [bag]
    validate(*bags(drive))


def test_a_damaged_file_of_the_library_is_named_and_not_carried(
    here: Here, full: Path, there: Path, tmp_path: Path
) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    for name in ("세트/라벨/003.json", "세트/큰_것.bin"):
        before = (full / name).stat()
        flip(full / name)
        os.utime(full / name, ns=(before.st_mtime_ns, before.st_mtime_ns))
    (full / "other/A.txt").write_bytes(b"somebody's own")
    ended = here.bundle(request, full, drive, largest_file="3M")
    assert ended.code == 1
    assert "세트/라벨/003.json" in ended.out
    assert "세트/큰_것.bin" in ended.out
    validate(*bags(drive))
    ended = here.take(there, drive)
    assert ended.code == 0, ended.err
    lost = {"세트/라벨/003.json", "세트/큰_것.bin", "other/A.txt"}
    holds(there, {name: data for name, data in FILES.items() if name not in lost})


def test_what_is_there_already_is_treated_by_what_it_is(here: Here, full: Path, there: Path, tmp_path: Path) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, full, drive).code == 0
    older, newer, strange, same, broken = (f"세트/라벨/{n:03}.json" for n in range(5))
    library(there, {older: b"older"}, at="2025-01-01T00:00:00+00:00")
    library(there, {newer: b"newer"}, at="2027-01-01T00:00:00+00:00", key=50)
    library(there, {broken: b"broken"}, at="2027-01-01T00:00:00+00:00", key=60)
    ledger = Ledger(there)
    entry = ledger.entries()[broken]
    (there / broken).write_bytes(b"BROKEN")
    ledger.record([msgspec.structs.replace(entry, broken=Stamp.of((there / broken).stat()))])
    (there / strange).write_bytes(b"somebody's own")
    (there / same).write_bytes(FILES[same])
    ended = here("batch", "import", drive, "--to", there, "--json", home=tmp_path / "other-home")
    fates = {one["path"]: one["state"] for one in ended.records if one["event"] == "file"}
    assert (ended.code, fates[newer], fates[strange]) == (4, "newer", "refused")
    assert (fates[older], fates[same], fates[broken]) == ("arrived", "recorded", "arrived")
    assert (there / strange).read_bytes() == b"somebody's own"
    ended = here("batch", "import", drive, "--to", there, "--set-aside", home=tmp_path / "other-home")
    assert ended.code == 0, ended.err
    assert (there / f"{strange}.bad").read_bytes() == b"somebody's own"
    assert (there / strange).read_bytes() == FILES[strange]
    assert (there / newer).read_bytes() == b"newer"


def test_a_new_release_of_the_same_bytes_carries_none(here: Here, folder: Path, there: Path, tmp_path: Path) -> None:
    library(there, {"old/a.bin": b"same bytes" * 1000, "b.bin": b"b"})
    library(folder, {"new/a.bin": b"same bytes" * 1000, "b.bin": b"b"}, key=100)
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, folder, drive).code == 0
    assert payload(*bags(drive)) == []
    validate(*bags(drive))
    assert here.take(there, drive).code == 0
    entries = Ledger(there).entries()
    assert (entries["new/a.bin"].key, entries["b.bin"].key) == ("100", "101")
    assert (there / "new/a.bin").read_bytes() == b"same bytes" * 1000


def test_a_file_larger_than_a_drive_takes_comes_in_portions(
    here: Here, full: Path, there: Path, tmp_path: Path
) -> None:
    request, (one, two) = here.request(there, tmp_path), drives(tmp_path, 2)
    rehearsed = here.bundle(request, full, one, two, largest_file="2M", dry_run="")
    assert rehearsed.code == 0, rehearsed.err
    assert list(one.iterdir()) == []
    ended = here.bundle(request, full, one, two, largest_file="2M")
    assert ended.code == 0, ended.err
    assert rehearsed.out.splitlines()[0].partition("→")[0] == ended.out.splitlines()[0].partition("→")[0]
    assert list(two.iterdir()) == []  # more drives than needed: the rest is not touched
    validate(*bags(one))
    portions = [path for path in payload(*bags(one)) if ".portion-" in path.name]
    assert len(portions) == 5 + 3
    assert max(path.stat().st_size for path in payload(*bags(one))) <= 2 << 20
    assert here.take(there, one).code == 0
    holds(there, FILES)


def test_fat_takes_no_file_of_4_gib() -> None:
    """Such a file system cannot be mounted everywhere; what it takes is known by its name."""
    for name, largest in (("vfat", (4 << 30) - 1), ("msdos", (4 << 30) - 1), ("exfat", None), ("ext4", None)):
        assert Volume("", "", 0, name, 1 << 40, 1 << 40).largest == largest
    (portions,) = laid_out([File("a.zip", 9 << 30)], [Room(64 << 30, (4 << 30) - 1, 32 << 10)])
    assert [one.length for one in portions] == [(4 << 30) - 1, (4 << 30) - 1, (1 << 30) + 2]


def test_a_flipped_bit_is_found_and_named_and_the_rest_is_taken(
    here: Here, full: Path, there: Path, tmp_path: Path
) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, full, drive).code == 0
    wrong = ("큰_것.bin", "007.json")
    for name in wrong:
        flip(next(path for path in payload(*bags(drive)) if path.name == name))
    report = tmp_path / "back.aihubreport"
    ended = here.take(there, drive, "--report", report)
    assert ended.code == 1
    assert all(f"Wrong bytes: 세트/{name}" in ended.out for name in ("라벨/007.json", "큰_것.bin"))
    holds(there, {place: data for place, data in FILES.items() if not place.endswith(wrong)})
    assert not list((there / ".aihub").glob("incoming/*"))
    head = json.loads(report.read_bytes().splitlines()[0])
    assert {one["place"].rpartition("/")[2] for one in head["bad"]} == set(wrong)
    # The next bundle brings just these.
    ended = here("batch", "bundle", here.request(there, tmp_path), "--to", drive, "--from", full, "--offline", "--json")
    assert ended.code == 0, ended.err
    assert ended.records[-1]["files"] == 2
    assert "older bundle" in ended.err
    newest = max(bags(drive), key=lambda bag: (bag / "bagit.txt").stat().st_mtime_ns)
    assert here.take(there, newest).code == 0
    holds(there, FILES)


def test_lists_that_are_not_as_they_were_are_named(here: Here, full: Path, there: Path, tmp_path: Path) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.take(there, drive).code == 3
    assert here.bundle(request, full, drive).code == 0
    (bag,) = bags(drive)
    for name in ("manifest-sha256.txt", "aihub-files.jsonl", "bag-info.txt", "bagit.txt"):
        flip(bag / name, 3)
        ended = here.take(there, drive)
        assert ended.code == 1, ended.err
        assert name in ended.err
        assert final_files(there) == {}
        flip(bag / name, 3)
    (bag / "bagit.txt").unlink()
    assert here.take(there, bag).code == 3


_BROKEN: Final = (1, "not as it was written", "bag-broken")
_NONE: Final = (3, "no bundle of this program", "no-bag")


@pytest.mark.parametrize(
    ("spoil", "ends"),
    [
        (lambda bag: flip(bag / "manifest-sha256.txt", 3), _BROKEN),
        (lambda bag: (bag / "bagit.txt").write_text("no bag"), _BROKEN),
        (lambda bag: (bag / "aihub-files.jsonl").unlink(), _NONE),
        (lambda bag: (bag / "bagit.txt").unlink(), _NONE),
    ],
)
def test_a_broken_bundle_keeps_no_other_back(
    here: Here, full: Path, there: Path, spoil: Callable[[Path], object], ends: tuple[int, str, str]
) -> None:
    code, said, problem = ends
    request, three = here.request(there, there.parent), drives(there.parent, 3)
    for drive in three[:2]:
        assert here.bundle(request, full, drive).code == 0
    broken, whole = bags(*three)
    spoil(broken)
    ended = here.take(there, *three, "--json")
    assert ended.code == code, ended.err
    assert said in ended.err
    assert str(three[2]) in ended.err  # it has none
    assert {"event": "bag", "path": str(broken), "problem": problem} in ended.records
    holds(there, FILES)
    spoil(whole)
    other = there.parent / "drive-other"
    ended = here.take(other, *three)
    assert ended.code == code, ended.err
    assert not other.exists()


def test_of_a_set_the_bag_that_is_broken_is_still_wanted(
    here: Here, folder: Path, there: Path, tmp_path: Path, small_drives: list[Path]
) -> None:
    files = {"big.bin": _bytes(10_000_000), "a.txt": b"a"}
    library(folder, files)
    two = small_drives[:2]
    assert here.bundle(here.request(there, tmp_path), folder, *two).code == 0
    (broken,) = bags(two[0])
    flip(broken / "bag-info.txt", 3)
    ended = here.take(there, *two)
    assert ended.code == 3, ended.err
    assert "not as it was written" in ended.err
    assert "Drive 1 of 2" in ended.err
    flip(broken / "bag-info.txt", 3)
    assert here.take(there, two[0]).code == 0
    holds(there, files)


@pytest.mark.skipif(sys.platform == "win32", reason="this system gives no such signal")
def test_a_run_that_is_interrupted_says_so_and_goes_on(here: Here, full: Path, there: Path, tmp_path: Path) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    words: list[str | Path] = ["batch", "bundle", request, "--to", drive, "--from", full, "--offline"]
    process = subprocess.Popen(
        [sys.executable, "-m", "aihub_desktop", "--home", here.home, "--lang", "en", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while process.poll() is None and not list(drive.glob("*/aihub-incoming/*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert process.returncode == 0 or b"nterrupted" in err
    assert here(*words).code == 0
    validate(*bags(drive))


SPACES: Final = st.tuples(st.integers(0, 60_000_000), st.none() | st.integers(1 << 20, 20_000_000))


@given(
    st.lists(st.integers(0, 40_000_000), max_size=12),
    st.lists(SPACES, min_size=1, max_size=4),
    st.sampled_from([512, 4096, 32768]),
)
def test_every_byte_has_one_place_and_no_drive_is_overfull(
    sizes: list[int], spaces: list[tuple[int, int | None]], grain: int
) -> None:
    rooms = [Room(free, largest, grain, spare=10_000) for free, largest in spaces]
    files = [File(f"d/{'x%X'[number % 3]}{number // 3}", size) for number, size in enumerate(sizes)]
    try:
        placed = laid_out(files, rooms)
    except LackError:
        # Not for a little: what is lost is less than a megabyte a drive, and what each portion takes besides.
        need = sum(sizes) + (len(sizes) + sum(sizes) // (1 << 20)) * (grain + 3_000)
        assert need > sum(free - (2 << 20) for free, _ in spaces)
        return
    taken = [0] * len(rooms)
    for file, portions in zip(files, placed, strict=True):
        assert [one.start for one in portions] == [0, *(one.stop for one in portions)][: len(portions)]
        assert portions[-1].stop == file.size
        for one in portions:
            largest = spaces[one.bag - 1][1]
            assert largest is None or one.length <= largest
            taken[one.bag - 1] += -(-one.length // grain) * grain
    assert all(size <= max(0, free - 10_000) for size, (free, _) in zip(taken, spaces, strict=True))
    names = [clash_key(one.path) for portions in placed for one in portions]
    assert len(set(names)) == len(names)
    assert "%" not in "".join(names)


FAULTS: Final = (("pwrite64", "EIO", 40), ("pwrite64", "ENOSPC", 150), ("link,linkat", "EIO", 60))


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_disk_that_fails_is_told_and_the_same_command_goes_on(
    here: Here, full: Path, there: Path, fault: tuple[str, str, int]
) -> None:
    request, (drive,) = here.request(there, there.parent), drives(there.parent, 1)
    bundle: list[str | Path] = ["batch", "bundle", request, "--to", drive, "--from", full, "--offline"]
    take: list[str | Path] = ["batch", "import", drive, "--to", there]
    for words in (bundle, take):
        run = failing(here.home, words, *fault)
        is_untouched = words is bundle and fault[0].startswith("link")  # there it takes the place of what is its own
        assert run.returncode == (0 if is_untouched else 4), run.stderr.decode()
        for path in (path for place in FILES if (path := there / place).exists()):
            assert path.read_bytes() == FILES[str(path.relative_to(there))]
        assert here(*words).code == 0
    validate(*bags(drive))
    holds(there, FILES)


def test_a_drive_that_cannot_be_read_at_a_place_loses_that_file_alone(
    here: Here, full: Path, there: Path, tmp_path: Path
) -> None:
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, full, drive).code == 0
    run = failing(here.home, ["batch", "import", drive, "--to", there], "preadv,preadv2", "EIO", 30)
    assert run.returncode == 4, run.stderr.decode()
    assert run.stdout.count(b"Cannot be read: ") == 1
    assert here.take(there, drive).code == 0
    holds(there, FILES)


def failing(
    home: Path, words: Sequence[str | Path], call: str, error: str, when: int
) -> subprocess.CompletedProcess[bytes]:
    """A run in which the system refuses one call."""
    if (strace := shutil.which("strace")) is None:
        pytest.skip("not installed: strace")
    fault = [strace, "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
    command = [sys.executable, "-m", "aihub_desktop", "--home", home, "--lang", "en", *words]
    return subprocess.run([*fault, *command], capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=100)


def test_a_bag_that_was_finished_before_the_others_is_finished_again(
    here: Here, full: Path, there: Path, tmp_path: Path, small_drives: list[Path]
) -> None:
    """The second drive refuses its last list: the first is sealed, and then loses a file."""
    request = here.request(there, tmp_path)
    command: list[str | Path] = [sys.executable, "-m", "aihub_desktop", "--home", here.home, "batch", "bundle", request]
    command += ["--offline", "--from", full, *(word for drive in small_drives for word in ("--to", drive))]
    process = subprocess.Popen(
        [sys.executable, "-c", _BARRED, small_drives[1], *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, err = process.communicate(timeout=100)
    assert process.returncode == 4, err.decode()
    first, second, _ = bags(*small_drives)
    assert (first / "bagit.txt").exists()
    assert (first / PLAN).exists()
    assert not (second / "bagit.txt").exists()
    (second / "tagmanifest-sha256.txt.new").rmdir()
    payload(first)[0].unlink()
    ended = here.bundle(request, full, *small_drives)
    assert ended.code == 0, ended.err
    validate(*bags(*small_drives))
    assert here.take(there, *small_drives).code == 0
    holds(there, FILES)


# A folder where the second bag's list is to be written, as soon as there is a bag.
_BARRED: Final = """
import pathlib, subprocess, sys
drive, *command = sys.argv[1:]
process = subprocess.Popen(command)
while process.poll() is None:
    for plan in pathlib.Path(drive).glob("*/aihub-plan.jsonl"):
        (plan.parent / "tagmanifest-sha256.txt.new").mkdir(exist_ok=True)
raise SystemExit(process.returncode)
"""
