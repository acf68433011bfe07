"""`kill -9` in the middle, then the same command: right bytes, and no durable piece is written a second time.

What the second run writes is read from its system calls, not from anything that the program says of itself.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import Aihub, cut_power, ended
from crashes import STRACE, covered, until, writes, written_twice
from engines import final_files, manifest, offered, sha256
from ground import durable
from test_official_flow import official, tree_of

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Slow, Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import MAIN, MANY, ODD_NAMES, SPLIT

SEED = random.SystemRandom().getrandbits(32)


def claimed(folder: Path) -> int:
    return sum(covered(pieces) for pieces in durable(folder).values())


@pytest.mark.skipif(STRACE is None, reason="strace, which tells what is written, is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="strace is a tool of Linux")
def test_killed_in_the_middle_and_run_again(tmp_path: Path, folder: Path) -> None:
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    catalogue = Catalogue.of(
        {
            "01.가/원천 데이터/a.zip": zipped(
                [Entry(name=f"{n}.wav", data=dice.randbytes(300_000)) for n in range(20)]
            ),
            "01.가/라벨/b.csv": dice.randbytes(5_000_000),
        }
    )
    with DemoHub(catalogue, piece_size=1 << 20) as hub:
        aihub = Aihub(tmp_path / "home", hub.url, mark_bytes=1 << 18, stall_seconds=60)
        for _ in range(3):
            stall = hub.faults.add(Stall(after=dice.randrange(500_000, 5_000_000), times=1))
            running = subprocess.Popen(
                aihub.command("get", "90001", "--to", folder), env=aihub.environment(), start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert stall.reached.wait(60)
            until(lambda: claimed(folder) > 0)
            cut_power(running)
            stall.release.set()
            hub.faults.clear()
        before = durable(folder)
        assert claimed(folder)
        log = tmp_path / "strace"
        traced = subprocess.run(
            ["strace", "-f", "-qq", "-y", "-s", "0", "-e", "trace=pwrite64", "-o", log,
             *aihub.command("get", "90001", "--to", folder)],
            env=aihub.environment(), capture_output=True, timeout=100, check=False,
        )  # fmt: skip
        assert traced.returncode == 0, traced.stderr.decode()
    assert final_files(folder) == offered(catalogue)
    assert manifest(folder) == {name: sha256(data) for name, data in offered(catalogue).items()}
    text = log.read_text(encoding="latin-1")
    assert any(path.endswith(".part") for path in writes(text))
    assert not written_twice(text, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL for one process of a group")
def test_the_engine_alone_is_killed_and_its_workers_are_still_busy(tmp_path: Path, folder: Path) -> None:
    """Orphaned workers make durable what they have; the new run waits for them, and no byte is mixed up."""
    data = random.Random(7).randbytes(6_000_000)
    with DemoHub(Catalogue.of({"a/b.bin": data}), piece_size=1 << 20) as hub:
        aihub = Aihub(tmp_path / "home", hub.url, mark_bytes=1 << 18, stall_seconds=60)
        hub.faults.add(Slow(rate=2_000_000, times=1))
        with aihub.start("get", "90001", "--to", folder) as running:
            until(lambda: claimed(folder) > 1_000_000)
            running.kill()
            done = aihub("get", "90001", "--to", folder)
            ended(running)
    assert done.code == 0, done.err
    assert final_files(folder) == {"a/b.bin": data}


@pytest.mark.skipif(sys.platform == "win32", reason="the official script does not run on Windows")
@pytest.mark.parametrize("dataset", [MAIN, MANY, SPLIT, ODD_NAMES])
def test_the_same_tree_as_the_official_way(hub: DemoHub, tmp_path: Path, folder: Path, dataset: str) -> None:
    theirs = tmp_path / "official"
    theirs.mkdir()
    official(hub, dataset, theirs)
    done = Aihub(tmp_path / "home", hub.url)("get", dataset, "--to", folder)
    assert done.code == 0, done.err
    ours = {name: data for name, data in tree_of(folder).items() if not name.startswith(".aihub/")}
    assert ours == tree_of(theirs)
    check = subprocess.run(
        ["sha256sum", "--quiet", "-c", ".aihub/manifest-sha256.txt"], cwd=folder, capture_output=True, check=False
    )
    assert (check.returncode, check.stdout) == (0, b"")
    assert len(manifest(folder)) == len(ours)
