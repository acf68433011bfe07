"""A gathering is killed at random, or the power goes at every point of it: what is claimed is there, and it goes on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import range_player
from gatherings import KIB, MIB, gather, remote, run
from power_cut import Disk, Image
from range_server import Fault, RangeServer, Thing, Way
from syscalls import Call, calls, recording, tracer
from tapes import check
from test_gather import check_claims

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Ended, Proved, Safe, Whole, WorkFile
from aihub_desktop.transport.drawing import BLOCK

SEED: Final = int(os.environ.get("CRASH_SEED") or random.SystemRandom().getrandbits(32))
KILLS: Final = 10
GOES_ON: Final = 120  # states from which everything is received to its end


def command(folder: Path, piece: int, connections: int, *addresses: str) -> list[str]:
    return [sys.executable, range_player.__file__, str(folder), str(piece), str(connections), *addresses]


def test_killed_at_random(folder: Path) -> None:
    """What is received again is at most one piece of each connection and kill, and what was read and not written."""
    print(f"CRASH_SEED={SEED}")
    dice = random.Random(SEED)
    piece, rate, connections = 512 * KIB, 4 * MIB, 4
    thing = Thing(24 * MIB, rate=rate)
    small = {f"/s{n}.csv": Thing(dice.randrange(5000), seed=n) for n in range(100)}
    with RangeServer({"/l.bin": thing, **small}) as server:
        addresses = [f"{server.url}/l.bin={thing.size}", *(f"{server.url}{name}" for name in small)]
        had = 0
        for _ in range(KILLS):
            server.seen.clear()
            process = subprocess.Popen(command(folder, piece, connections, *addresses), stdout=subprocess.PIPE)
            wanted = dice.randrange(thing.size // KILLS)
            server.wait(lambda seen, wanted=wanted: sum(one.sent for one in seen) > wanted)  # type: ignore[misc]
            process.kill()
            process.communicate(timeout=30)
            claimed = check_claims(folder, "l.bin", thing.bytes())
            lost = server.sent("/l.bin") - (claimed - had)
            print(f"sent {server.sent('/l.bin'):9} durable {claimed:9} lost {lost:8}")
            # A server has sent a block more than anybody has read.
            assert lost <= connections * (piece + BLOCK // 2 + 2 * rate // 20)
            assert claimed >= had
            had = claimed
            for name, one in small.items():
                check_claims(folder, name[1:], one.bytes())
                assert not (folder / name[1:]).exists() or (folder / name[1:]).read_bytes() == one.bytes()
        done = subprocess.run(
            command(folder, piece, connections, *addresses), capture_output=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        for name, one in server.things.items():
            assert (folder / name[1:]).read_bytes() == one.bytes()
        assert not list(folder.glob("*.part"))


# ---- a disk that fails ----

FAILURES: Final = [
    *[("pwrite64", "EIO", Code.DISK_ERROR, when) for when in (1, 2, 5, 12)],
    *[("pwrite64", "ENOSPC", Code.DISK_FULL, when) for when in (1, 3, 7)],
    *[("fdatasync", "EIO", Code.DISK_ERROR, when) for when in (1, 2, 4, 8)],
    *[("fsync", "EIO", Code.DISK_ERROR, when) for when in (1, 3)],
    ("pwrite64", "EDQUOT", Code.DISK_FULL, 4),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"{failure[0]}-{failure[1]}-{failure[3]}")
def test_a_disk_that_fails(folder: Path, tmp_path: Path, failure: tuple[str, str, Code, int]) -> None:
    """From the n-th such call of any thread on: the lease ends, at once, and nothing false was claimed."""
    call, error, code, when = failure
    with RangeServer({name: Thing(thing.size, seed=thing.seed) for name, thing in THINGS.items()}) as server:
        start = command(folder, 128 * KIB, 2, *(f"{server.url}{name}" for name in THINGS))
        inject = [tracer(), "-f", "-qq", "-o", str(tmp_path / "log"), "-e", f"trace={call}"]
        inject += ["-e", f"inject={call}:error={error}:when={when}+"]
        done = subprocess.run([*inject, *start], capture_output=True, timeout=60, check=False)
        told = [wire.news(line) for line in done.stdout.splitlines(keepends=True)]
        works = gather(folder, [remote(f"{server.url}{name}") for name in THINGS]).files
        ended = next(news for news in told if isinstance(news, Ended))
        named = {news.file for news in told if isinstance(news, Proved)}
        if ended.problem is None:
            # No thread has made so many of these calls, or what failed was no more than a reserve.
            assert len(named | {news.file for news in told if isinstance(news, Whole)}) == len(works)
        else:
            assert ended.problem.code is code
        safe = {news.file: news.bytes for news in told if isinstance(news, Safe)}
        for work in works:
            check_file(folder, work, safe.get(work.id, 0), is_ended=work.id in named)
        check_going_on(folder, server, works)


# ---- the power ----

THINGS: Final = {
    "/a/large.bin": Thing(1_300_000, seed=1),
    "/a/stream.bin": Thing(150_000, seed=2),
    **{f"/b/{n}.csv": Thing(n * 700, seed=10 + n) for n in range(6)},
}


def played() -> dict[str, Thing]:
    """One file fails half received, and is asked for once more."""
    things = {name: Thing(thing.size, seed=thing.seed) for name, thing in THINGS.items()}
    things["/a/large.bin"].faults.append(Fault(Way.STATUS, at=404, of=900_000))
    things["/a/stream.bin"].faults.append(Fault(Way.CHUNKED, times=None))
    return things


class Recorded:
    """A real run: its calls, and what was said."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self.calls = calls(log)
        self.left = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def states(self, dice: random.Random) -> Iterator[tuple[Image, dict[int, int], frozenset[int]]]:
        """(what may be on disk, the durable bytes and the ended files that had been told) after each call."""
        disks = [Disk(self.root, one_journal=False), Disk(self.root, one_journal=True)]
        safe: dict[int, int] = {}
        ended: frozenset[int] = frozenset()
        for call in self.calls:
            changed = [disk.see(call) for disk in disks]
            for line in said(call):
                news = wire.news(line)
                safe = {**safe, news.file: news.bytes} if isinstance(news, Safe) else safe
                ended = ended | {news.file} if isinstance(news, Whole | Proved) else ended
            if any(changed) or said(call):
                for disk in disks:
                    for image in (disk.least(), disk.all(), disk.names_without_bytes(), disk.anything(dice)):
                        yield image, safe, ended


def said(call: Call) -> list[bytes]:
    return call.data(1).splitlines(keepends=True) if call.name == "write" and b"pipe:" in call.data(0) else []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    ground = tmp_path_factory.mktemp("power")
    root, log = ground / "root", ground / "calls"
    root.mkdir()
    with RangeServer(played()) as server:
        addresses = [f"{server.url}{name}" for name in THINGS]
        start = command(root, 128 * KIB, 2, *addresses)
        done = subprocess.run([*recording(log), *start], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return Recorded(root, log)


def laid(image: Image, place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    image.lay(place)
    return place


def test_the_record_is_the_run(recorded: Recorded, tmp_path: Path) -> None:
    *_, (last, _, ended) = [state for number, state in enumerate(recorded.states(random.Random(0))) if number % 4 == 1]
    place = laid(last, tmp_path / "state")
    assert {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()} == recorded.left
    assert len(ended) == len(THINGS)


def test_the_power_goes_anywhere(recorded: Recorded, tmp_path: Path) -> None:
    print(f"CRASH_SEED={SEED}")
    dice = random.Random(SEED)
    states = list({(state[0], str(state[1:])): state for state in recorded.states(dice)}.values())
    print(f"{len(states)} states")
    assert len(states) > 200
    goes_on = set(dice.sample(range(len(states)), GOES_ON))
    with RangeServer({name: Thing(thing.size, seed=thing.seed) for name, thing in THINGS.items()}) as server:
        works = gather(tmp_path, [remote(f"{server.url}{name}") for name in THINGS]).files
        for number, (image, safe, ended) in enumerate(states):
            place = laid(image, tmp_path / "state")
            for work in works:
                check_file(place, work, safe.get(work.id, 0), is_ended=work.id in ended)
            if number in goes_on:
                check_going_on(place, server, works)


def check_file(folder: Path, work: WorkFile, safe: int, *, is_ended: bool) -> None:
    """Nothing false under a final name or in a claim, and what was told is there."""
    right = THINGS[f"/{work.place}"].bytes()
    final, part = folder / work.place, folder / f"{work.place}.part"
    assert not final.exists() or final.read_bytes() == right, "a final name on something else"
    claimed = check_claims(folder, work.place, right) if part.exists() or final.exists() else 0
    assert final.exists() or claimed >= safe
    assert not is_ended or final.exists() or claimed == len(right)


def check_going_on(folder: Path, server: RangeServer, works: list[WorkFile]) -> None:
    news = run(gather(folder, [work.file for work in works], piece_bytes=128 * KIB))
    assert (news.ended, news.failed) == (None, {})
    assert {*news.proved, *news.whole} == {work.id for work in works}
    checked = check(folder, [work for work in works if work.id in news.whole])
    assert checked.failed == {}
    for name, thing in THINGS.items():
        assert (folder / name[1:]).read_bytes() == thing.bytes()
        assert not (folder / f"{name[1:]}.part").exists()
