"""A moment of fuzzing of every target, and that the search sees what it is there to see."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from fuzz import bounds, search
from fuzz.__main__ import told
from fuzz.bounds import Clock, Fence
from fuzz.mutation import LONGEST, Mutator
from fuzz.paths import Paths
from fuzz.search import Finding, Search
from fuzz.session import ROOT, fuzz
from fuzz.target import SEAM, Target, chance, cut, holds, parts
from fuzz.targets import TARGETS

from aihub_desktop.disk.folder import OpenFolder
from aihub_desktop.disk.publish import give_name

# The same bytes each time: what a run of the suite finds, the next one finds too. FUZZ_SEED=N tries others.
SEED: Final = int(os.environ.get("FUZZ_SEED", "20261127"))
SECONDS: Final = 0.8
INPUTS: Final = 3000


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str) -> None:
    result = fuzz(name, seconds=SECONDS, seed=SEED, inputs=INPUTS)
    print(f"seed {SEED}: {result.text()}")
    assert "\n".join(told(finding) for finding in result.findings) == ""
    assert result.inputs > len(TARGETS[name].seeds())


def test_the_command_says_its_seed_and_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "wire", "head", "--minutes", "0.01", "--seed", "7", "--jobs", "2"]
    done = subprocess.run([*command, "--corpus", tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"seed 7\nwire +[\d,]+ inputs .* nothing found\nhead +.* nothing found\n", done.stdout)
    assert {path.name for path in tmp_path.iterdir()} == {"wire", "head"}


@pytest.mark.parametrize("words", [["no-such"], ["--minutes", "0"], ["--jobs", "0"]])
def test_a_command_that_means_nothing(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "error:" in done.stderr


# ---- a program that has every fault


PROGRAM: Final = """
import os, time

HOARD = []

def read(data, folder):
    if data[:1] == b"(":
        if data[1:2] == b"r":
            raise KeyError("raised")
        if data[1:2] == b"o":
            (folder.parent / "outside").mkdir(exist_ok=True)
        if data[1:2] == b"h":
            try:
                open(folder / ".." / "hidden", "w").close()
            except AssertionError:
                pass
        if data[1:2] == b"m":
            HOARD.append(bytearray(b"x") * (300 << 20))
        if data[1:2] == b"s":
            end = time.process_time() + 0.5
            while time.process_time() < end:
                sum(range(1000))
    if data[:1] == b"v":
        raise ValueError("as documented")
"""


LADDER: Final = """
def read(data, folder):
    if data[:1] and data[0] < 8:
        if data[1:2] and data[1] > 247:
            if data[2:3] and 100 <= data[2] < 108:
                raise KeyError("raised")
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    made = ModuleType("faulty")
    made.__file__ = str(tmp_path / "faulty.py")
    exec(compile(PROGRAM, made.__file__, "exec"), made.__dict__)
    return made


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    return Fence(tmp_path / "folder")


def searched(module: ModuleType, fence: Fence, seeds: list[bytes], inputs: int = 0) -> list[Finding]:
    target = Target("faulty", module.read, (module,), lambda: seeds, may_raise=(ValueError,), longest=100)
    room = fence.folder.parent
    (room / "corpus").mkdir()
    findings: list[Finding] = []
    Search(target, fence, Clock(room / "record", LONGEST, sys.stderr), room / "corpus", SEED).run(
        60, inputs, findings.append
    )
    return findings


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"(r", "raised"), (b"(o", "outside"), (b"(h", "outside"), (b"(s", "slow"), (b"v", ""), (b"", ""), (b"(", "")],
)
def test_each_kind_is_seen(module: ModuleType, fence: Fence, data: bytes, kind: str) -> None:
    findings = searched(module, fence, [data])
    assert [(finding.kind, finding.data) for finding in findings] == ([(kind, data)] if kind else [])
    assert not (fence.folder.parent / "outside").exists()
    assert not (fence.folder.parent / "hidden").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak here")
def test_memory_is_seen(module: ModuleType, fence: Fence, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an earlier test took counts towards the peak of this process.
    monkeypatch.setattr(search, "MEMORY_BYTES", 10 << 20)
    module.HOARD.append(bytearray(b"x") * max(0, bounds.peak_memory() - (200 << 20)))
    assert [finding.kind for finding in searched(module, fence, [b"(m"])] == ["memory"]


def test_the_search_finds_its_way_and_makes_it_small(module: ModuleType, fence: Fence) -> None:
    """By chance all three bytes are right once in 32,768 times that all are changed, which is rare by itself."""
    exec(compile(LADDER, str(module.__file__), "exec"), module.__dict__)
    findings = searched(module, fence, [b"x" * 9], 20_000)
    assert [(finding.kind, len(finding.data)) for finding in findings] == [("raised", 3)]


def test_a_hang_ends_the_process_and_leaves_its_input(tmp_path: Path) -> None:
    program = (
        "import sys, faulthandler; from pathlib import Path; from tests.fuzz import bounds\n"
        "bounds.HANG_SECONDS = 0.3\n"
        "bounds.Clock(Path(sys.argv[1]), 10, sys.stderr).begin(b'hangs')\n"
        "while True: pass"
    )
    record = tmp_path / "record"
    done = subprocess.run(
        [sys.executable, "-c", program, record], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert bounds.recorded(record) == b"hangs"


def test_the_fence_lets_the_folder_be_written_to(fence: Fence) -> None:
    fence.clear()
    with fence.up():
        (fence.folder / "a").mkdir()
        (fence.folder / "a" / "b").write_bytes(b"x")
        (fence.folder / "a" / "b").rename(fence.folder / "c")
        (fence.folder / "c").read_bytes()
    fence.clear()
    assert list(fence.folder.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no folder is opened there")
def test_the_fence_looks_into_open_folders(fence: Fence, tmp_path: Path) -> None:
    fence.clear()
    (fence.folder / "mine").touch()
    (tmp_path / "theirs").touch()
    with OpenFolder(fence.folder) as inside, OpenFolder(tmp_path) as outside:
        with fence.up():
            give_name(inside, "mine", inside, "still mine")
        for act in (
            lambda: give_name(inside, "still mine", outside, "out"),
            lambda: give_name(outside, "theirs", inside, "in"),
            lambda: outside.remove("theirs"),
            lambda: outside.write("new", b"", 0),
        ):
            with pytest.raises(bounds.OutsideError), fence.up():
                act()
    assert sorted(os.listdir(tmp_path)) == ["folder", "theirs"]
    assert os.listdir(fence.folder) == ["still mine"]


def test_the_fence_looks_through_links_and_at_sockets(fence: Fence, tmp_path: Path) -> None:
    fence.clear()
    (fence.folder / "link").symlink_to(tmp_path)
    with pytest.raises(bounds.OutsideError), fence.up():
        (fence.folder / "link" / "x").write_bytes(b"")
    with pytest.raises(bounds.OutsideError), fence.up(), socket.socket() as one:
        one.bind(("127.0.0.1", 0))
    assert not (tmp_path / "x").exists()


# ---- its parts


def test_what_is_cut_is_all_there() -> None:
    for size in (0, 1, 2, 100):
        data = bytes(range(size))
        portions = cut(data, chance(data))
        assert b"".join(portions) == data
        assert b"" not in portions
    assert parts(b"a" + SEAM + b"b" + SEAM + b"c", 2) == [b"a", b"b" + SEAM + b"c"]
    assert parts(b"a", 3) == [b"a", b"", b""]


def mutations(mutator: Mutator) -> list[bytes]:
    made = [b"some bytes, 12"]
    for _ in range(2000):
        made.append(mutator.changed(made[-1][:200], b"7 other 1234 bytes"))
    return made


def test_mutations_follow_their_seed() -> None:
    made = [mutations(Mutator(chance(b"seed"), (b"token",), 200)) for _ in range(2)]
    assert made[0] == made[1]
    lengths = [len(data) for data in made[0]]
    assert 0 < sum(length > 200 for length in lengths) < 100
    assert max(lengths) <= LONGEST
    assert len(set(made[0])) > 1500


def test_paths_are_new_once(module: ModuleType, tmp_path: Path) -> None:
    paths = Paths([module])
    for data, new in ((b"a", True), (b"b", False), (b"(", True), (b"(x", False)):
        paths.follow(lambda data=data: module.read(data, tmp_path))  # type: ignore[misc]
        assert (paths.took_new(), paths.took_new()) == (new, False)


def test_a_rule_that_is_broken_says_which() -> None:
    with pytest.raises(AssertionError, match="the rule"):
        holds("the rule", False)
