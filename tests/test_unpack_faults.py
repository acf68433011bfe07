"""Unpacking that is killed, and unpacking onto disks that fail: nothing wrong is left, and the next run ends it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commandline import LONGEST
from packed import leftovers, tool, tree, unpacked, zipped

from aihub_desktop.unpack.record import unpacked_places

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls are made to fail by strace")

SEED = 20261127
# Half of them are written whole, half in portions.
CONTENT = {
    f"{n % 7}/{n:04}.bin": random.Random(SEED + n).randbytes((3_000 if n % 2 else 30_000) + n) for n in range(300)
}
CONTENT["large.bin"] = random.Random(SEED).randbytes(20_000_000)

_RUN = """
import json, sys
from aihub_desktop.domain.unpacking import UnpackWish, Unpacked
from aihub_desktop.unpack import extraction, landing
from aihub_desktop.unpack.job import Unpacking
import msgspec
landing.MOST_FILES, extraction._TOGETHER = 50, 10
def tell(news):
    if isinstance(news, Unpacked):
        print(json.dumps(msgspec.to_builtins(news)), flush=True)
Unpacking(UnpackWish(sys.argv[1], [sys.argv[2]], keep=sys.argv[3] == "keep"), tell, threads=2, floor=0).run()
"""


def command(folder: Path, place: str, *, keep: bool = True) -> list[str]:
    return [sys.executable, "-c", _RUN, str(folder), place, "keep" if keep else "delete"]


def strange(folder: Path, *faults: str, keep: bool = True) -> subprocess.CompletedProcess[bytes]:
    """A run of which some calls go as `faults` say. Small lots: 50 files each."""
    words = [tool("strace"), "-f", "-qq", "-o", os.devnull, *(word for fault in faults for word in ("-e", fault))]
    return subprocess.run(
        [*words, *command(folder, "a.zip", keep=keep)], capture_output=True, timeout=LONGEST, check=False
    )


def check_partial(folder: Path) -> int:
    """Only right files under final names, and the record claims none but those. How many there are."""
    found = {name.removeprefix("a/"): data for name, data in tree(folder).items() if name.startswith("a/")}
    assert found.items() <= CONTENT.items()
    claimed = {one.place.removeprefix("a/"): one.size for one in unpacked_places(folder)}
    assert claimed.items() <= {name: len(data) for name, data in found.items()}.items()
    return len(found)


@pytest.fixture
def packed(folder: Path) -> Path:
    zipped(folder / "a.zip", CONTENT, zipfile.ZIP_STORED)
    return folder


CALLS = (
    *("linkat:60", "syncfs:3", "unlinkat:120", "write:30", "pwrite64:15", "utimensat:70", "openat:90", "mkdir:2"),
    "fdatasync:2",
)


@pytest.mark.parametrize("call", CALLS)
def test_killed_twice_in_the_middle(packed: Path, call: str) -> None:
    name, when = call.split(":")
    for _ in range(2):
        run = strange(packed, f"inject={name}:signal=KILL:when={when}")
        assert run.returncode in (-9, 137), (name, run.stdout, run.stderr)
        check_partial(packed)
    [done] = unpacked(packed, "a.zip")
    assert (done.problem, done.refused) == (None, [])
    assert tree(packed / "a") == CONTENT
    assert leftovers(packed) == []
    assert (packed / "a.zip").exists()


def test_a_second_run_does_only_what_is_missing(packed: Path) -> None:
    strange(packed, "inject=syncfs:signal=KILL:when=4")
    done = check_partial(packed)
    assert 0 < done < len(CONTENT)
    before = {path: path.stat().st_ino for path in (packed / "a").rglob("*.bin")}
    unpacked(packed, "a.zip")
    assert {path: path.stat().st_ino for path in before} == before


@pytest.mark.parametrize("call", ["fdatasync:1", "fdatasync:2", "rename:1", "fdatasync:3", "unlink:1"])
def test_killed_while_the_archive_goes(packed: Path, call: str) -> None:
    name, when = call.split(":")
    unpacked(packed, "a.zip")
    run = strange(packed, f"inject={name}:signal=KILL:when={when}", keep=False)
    assert run.returncode in (-9, 137), (name, run.stdout, run.stderr)
    check_partial(packed)
    done = unpacked(packed, "a.zip", keep=False)[-1]
    assert (done.problem, done.archive_deleted) == (None, True)
    assert tree(packed) == {f"a/{name}": data for name, data in CONTENT.items()}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("write:error=ENOSPC:when=60+", "disk-full"), ("write:error=EIO:when=60+", "disk-error"),
        ("linkat:error=EDQUOT:when=30+", "disk-full"), ("syncfs:error=EIO:when=2+", "disk-error"),
        ("mkdir:error=EROFS:when=3+", "not-writable"),
    ],
)  # fmt: skip
def test_a_disk_that_fails(packed: Path, fault: str, code: str) -> None:
    run = strange(packed, f"inject={fault}", keep=False)
    [done] = [json.loads(line) for line in run.stdout.splitlines()]
    assert done["problem"]["code"] == code, run.stderr.decode()
    assert not done["archive_deleted"]
    assert (packed / "a.zip").exists()
    check_partial(packed)
    [again] = unpacked(packed, "a.zip")
    assert (again.problem, tree(packed / "a")) == (None, CONTENT)


def test_short_writes(packed: Path) -> None:
    run = strange(packed, "inject=write:retval=100:when=60..65")
    [done] = [json.loads(line) for line in run.stdout.splitlines()]
    assert done["refused_count"] == 0
    # What the kernel only claimed to have written is of these few files; the rest is right.
    found = tree(packed / "a")
    assert len(found) == len(CONTENT)
    assert sum(found[name] != data for name, data in CONTENT.items()) <= 6


def test_two_runs_at_once(packed: Path) -> None:
    first, second = (subprocess.Popen(command(packed, "a.zip"), stdout=subprocess.PIPE) for _ in range(2))
    told = [json.loads(run.communicate(timeout=LONGEST)[0]) for run in (first, second)]
    problems = [one["problem"] and one["problem"]["code"] for one in told]
    assert None in problems
    assert set(problems) <= {None, "in-use"}
    assert tree(packed / "a") == CONTENT


def test_a_hundred_thousand_entries_in_flat_memory(folder: Path) -> None:
    """The peak of the whole process, against one with few entries."""
    sizes = []
    peak_of_this = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    script = _RUN.replace("landing.MOST_FILES, extraction._TOGETHER = 50, 10", "") + peak_of_this
    for count in (1_000, 100_000):
        with zipfile.ZipFile(folder / f"{count}.zip", "w") as archive:
            for number in range(count):
                archive.writestr(f"라벨/{number // 1000:03}/label_{number:06}.json", b"")
        words = [sys.executable, "-c", script, str(folder), f"{count}.zip", "keep"]
        run = subprocess.run(words, capture_output=True, timeout=240, check=True)
        done, peak = run.stdout.splitlines()
        assert json.loads(done)["entries"] == count
        sizes.append(int(peak))
    print(f"peak: {sizes} KB")
    assert sizes[1] - sizes[0] < 32_000
