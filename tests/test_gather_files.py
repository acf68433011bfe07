"""What gatherings make of files: mirrors, checksums, pieces, many small ones, a disk that fills up, leases dropped."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from gatherings import KIB, MIB, PlainTerms, Run, gather, remote, run
from range_server import Fault, RangeServer, Thing, Way, content
from tapes import News, check, sha256
from test_gather import check_claims, nothing_is_left_behind

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Proof, Proved, Reached, Safe, Whole
from aihub_desktop.domain.model import Algorithm, Checksum, PieceHashes
from aihub_desktop.transport.journal import read_journal

__all__ = ["nothing_is_left_behind"]

SIZE: Final = 3 * MIB + 12_345
PIECE: Final = 64 * KIB
ALL: Final = None


def hashes(data: bytes, length: int) -> PieceHashes:
    values = [hashlib.sha1(data[at : at + length]).hexdigest() for at in range(0, len(data), length)]
    return PieceHashes(Algorithm.SHA1, length, values)


def outcomes(news: News) -> list[Proved | Whole]:
    return [*news.of(Proved), *news.of(Whole)]


# ---- mirrors ----


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("size", [5000, SIZE])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(Way.STATUS, at=404, times=ALL),
        Fault(Way.STATUS, at=403, times=ALL),
        Fault(Way.STATUS, at=500, times=ALL),
        Fault(Way.CUT, at=2000, times=ALL),
        Fault(Way.PAGE, times=ALL),
        Fault(Way.NOT_HTTP, times=ALL),
        Fault(Way.ANEW, times=ALL, since=1),
    ],
    ids=lambda fault: f"{fault.way.name.lower()}-{fault.at}",
)
def test_another_mirror_is_asked(folder: Path, fault: Fault, size: int, connections: int) -> None:
    """The first address has what it says it has, or nothing; the second one is well."""
    bad = Thing(size, faults=[Fault(fault.way, at=fault.at, times=ALL)])
    good = Thing(size, etag='"of the other"')
    with RangeServer({"/a.bin": bad, "/b.bin": good}) as server:
        if fault.way is Way.ANEW:
            bad.faults, bad.size = [], size + 1
        addresses = (f"{server.url}/a.bin", f"{server.url}/b.bin")
        order = gather(folder, [remote(*addresses, size=size)], connections=connections, piece_bytes=PIECE)
        news = run(order)
        assert (news.ended, news.failed) == (None, {})
        assert (news.proved or check(folder, order.files).proved)[1].sha256 == sha256(good.bytes())


def test_a_mirror_without_ranges_is_passed_by(folder: Path) -> None:
    things = {"/a.bin": Thing(SIZE, faults=[Fault(Way.WHOLE, times=ALL)]), "/b.bin": Thing(SIZE)}
    with RangeServer(things) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE)
        assert run(gather(folder, [file], piece_bytes=PIECE)).whole == {1: (SIZE, sha256(content(1, 0, SIZE)))}


def test_mirrors_without_ranges_are_read_as_streams(folder: Path) -> None:
    things = {name: Thing(SIZE, faults=[Fault(Way.CHUNKED, times=ALL)]) for name in ("/a.bin", "/b.bin")}
    with RangeServer(things) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE)
        assert run(gather(folder, [file], piece_bytes=PIECE)).whole == {1: (SIZE, sha256(content(1, 0, SIZE)))}


def test_a_mirror_with_another_size_is_passed_by(folder: Path) -> None:
    things = {"/a.bin": Thing(SIZE, faults=[Fault(Way.CUT, at=9000, times=2, since=1)]), "/b.bin": Thing(SIZE - 5)}
    with RangeServer(things) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE)
        assert run(gather(folder, [file], piece_bytes=PIECE)).whole == {1: (SIZE, sha256(content(1, 0, SIZE)))}


def test_no_mirror_has_it(folder: Path) -> None:
    with RangeServer({}) as server:
        files = [remote(f"{server.url}/{n}", f"{server.url}/x{n}", size=size) for n, size in ((1, 10), (2, SIZE))]
        assert run(gather(folder, files)).failed == {1: Code.NOT_THERE, 2: Code.NOT_THERE}
        assert [path for path in folder.iterdir() if path.name[0] == "1"] == []


# ---- checksums ----


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("size", [0, 5000, SIZE])
@pytest.mark.parametrize("way", [None, Way.CHUNKED])
def test_checksums_prove(folder: Path, size: int, way: Way | None, told: bool) -> None:
    thing = Thing(size, faults=[Fault(way, times=ALL)] if way else [])
    checksum = Checksum(Algorithm.CRC32, f"{zlib.crc32(thing.bytes()):08x}")
    with RangeServer({"/a.bin": thing}) as server:
        file = remote(f"{server.url}/a.bin", size=size, checksums=[checksum] if told else [])
        order = gather(folder, [file], piece_bytes=PIECE)
        news = run(order, PlainTerms() if told else PlainTerms(checksum))
        assert (news.ended, news.failed) == (None, {})
        found = [(one.proof, one.note) for one in outcomes(news)]
        assert found == [(Proof.CHECKSUM, "crc32")]


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("size", [5000, SIZE])
@pytest.mark.parametrize("way", [None, Way.CHUNKED])
def test_a_wrong_checksum_leaves_nothing(folder: Path, size: int, way: Way | None, connections: int) -> None:
    thing = Thing(size, faults=[Fault(way, times=ALL)] if way else [])
    with RangeServer({"/a.bin": thing}) as server:
        wrong = Checksum(Algorithm.SHA256, sha256(b"something else"))
        file = remote(f"{server.url}/a.bin", size=size, checksums=[wrong])
        news = run(gather(folder, [file], piece_bytes=PIECE, connections=connections))
        assert news.failed == {1: Code.WRONG_CHECKSUM}
        assert list(folder.iterdir()) == []


# ---- pieces ----


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("length", [50_000, 100_000, MIB])
@pytest.mark.parametrize("bad", [0, SIZE // 2, SIZE - 1])
def test_a_bad_piece_is_fetched_again_alone(folder: Path, bad: int, length: int, connections: int) -> None:
    thing = Thing(SIZE, faults=[Fault(Way.WRONG_BYTES, at=bad, of=bad)])
    with RangeServer({"/a.bin": thing, "/b.bin": Thing(SIZE)}) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE, pieces=hashes(thing.bytes(), length))
        order = gather(folder, [file], piece_bytes=PIECE, connections=connections)
        news = run(order)
        assert news.whole == {1: (SIZE, sha256(thing.bytes()))}
        repaired = min(SIZE, (bad // length + 1) * length) - bad // length * length
        # The other mirror is asked from then on, for what is left as well.
        assert news.of(Reached)[-1].received == SIZE + repaired
        assert server.sent("/b.bin") >= repaired
        assert check_claims(folder, "a.bin", thing.bytes()) == SIZE
        assert check(folder, order.files).proved.keys() == {1}


def test_a_piece_that_stays_bad_is_the_end(folder: Path) -> None:
    thing = Thing(SIZE, faults=[Fault(Way.WRONG_BYTES, at=200_000, times=ALL)])
    with RangeServer({"/a.bin": thing}) as server:
        file = remote(f"{server.url}/a.bin", size=SIZE, pieces=hashes(thing.bytes(), 100_000))
        assert run(gather(folder, [file], piece_bytes=PIECE)).failed == {1: Code.WRONG_CHECKSUM}
        assert list(folder.iterdir()) == []


def test_what_the_disk_lost_is_fetched_again_alone(folder: Path) -> None:
    thing = Thing(SIZE)
    with RangeServer({"/a.bin": thing}) as server:
        one = Run(gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], piece_bytes=PIECE, rate=2 * MIB))
        one.until(lambda news: isinstance(news, Safe) and news.bytes > MIB)
        one.drop()
        state = read_journal(folder / "a.bin.part.journal")
        assert state is not None
        lost = state.pieces[len(state.pieces) // 2]
        with (folder / "a.bin.part").open("r+b") as file:
            file.seek(lost.start + 5)
            file.write(b"decay")
        again = run(gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], piece_bytes=PIECE))
        assert again.whole == {1: (SIZE, sha256(thing.bytes()))}
        assert again.of(Reached)[-1].received == SIZE - state.bytes + lost.stop - lost.start
        assert check_claims(folder, "a.bin", thing.bytes()) == SIZE


# ---- small files ----


def test_small_files_share_connections_and_get_their_names(folder: Path) -> None:
    things = {f"/d{n % 7}/{n}.csv": Thing(n * 37, seed=n) for n in range(500)}
    with RangeServer(things) as server:
        news = run(gather(folder, [remote(f"{server.url}{name}") for name in things], connections=4))
        assert (news.ended, news.failed, news.whole) == (None, {}, {})
        assert len(news.proved) == 500
        assert {one.proof for one in news.proved.values()} == {Proof.LENGTH}
        for name, thing in things.items():
            assert (folder / name[1:]).read_bytes() == thing.bytes()
        assert server.connections <= 4
        assert len(server.seen) == 500


def test_large_and_small_ones_in_one_lease(folder: Path) -> None:
    small = {f"/s/{n}.csv": Thing(n * 91, seed=n) for n in range(500)}
    large = {f"/l/{n}.bin": Thing(SIZE, seed=900 + n) for n in range(3)}
    names = list(small)
    for number, name in enumerate(large):
        names.insert(number * 200, name)
    with RangeServer(small | large) as server:
        order = gather(folder, [remote(f"{server.url}{name}") for name in names], piece_bytes=256 * KIB)
        news = run(order)
        assert (news.ended, news.failed) == (None, {})
        assert (len(news.proved), len(news.whole)) == (500, 3)
        check(folder, [work for work in order.files if work.id in news.whole])
        for name, thing in (small | large).items():
            assert (folder / name[1:]).read_bytes() == thing.bytes()


def test_what_a_worker_named_before_it_died_is_known(folder: Path) -> None:
    """Nobody heard that it was proved, so the engine lends it once more: its batch's journal says whose it is."""
    with RangeServer({"/a.csv": Thing(5000), "/b.csv": Thing(10)}) as server:
        order = gather(folder, [remote(f"{server.url}/{name}") for name in ("a.csv", "b.csv")])
        assert run(order).proved.keys() == {1, 2}
        server.seen.clear()
        (folder / "b.csv").rename(folder / "b.csv.part")  # the other died a moment earlier
        again = run(order)
        assert again.whole == {1: (5000, sha256(content(1, 0, 5000))), 2: (10, sha256(content(1, 0, 10)))}
        assert server.seen == []
        assert check(folder, order.files).proved.keys() == {1, 2}
        (folder / "a.csv").write_bytes(b"mine")
        other = run(order)
        assert check(folder, order.files).failed == {1: Code.IN_THE_WAY}
        assert (other.failed, (folder / "a.csv").read_bytes()) == ({}, b"mine")


def test_a_small_file_whose_name_is_taken_is_left_to_the_check(folder: Path) -> None:
    (folder / "a.csv").write_bytes(b"mine")
    with RangeServer({"/a.csv": Thing(5000)}) as server:
        order = gather(folder, [remote(f"{server.url}/a.csv", size=5000)])
        assert run(order).whole == {1: (5000, sha256(content(1, 0, 5000)))}
        assert check(folder, order.files).failed == {1: Code.IN_THE_WAY}
        assert (folder / "a.csv").read_bytes() == b"mine"


@pytest.mark.parametrize("damaged", [False, True])
def test_a_small_zip_is_proved_by_a_check(folder: Path, damaged: bool) -> None:
    """That every byte came says nothing of it: the server's copy may be cut or damaged."""
    data = bytearray(zipped([Entry(name=f"{n}.txt", data=b"x" * 500) for n in range(3)]))
    if damaged:
        data[60] ^= 1
    with ZipServer({"/a.ZIP": bytes(data)}) as server:
        order = gather(folder, [remote(f"{server.url}/a.ZIP")])
        news = run(order)
        assert news.of(Whole)[0].proof is None
        checked = check(folder, order.files)
        if damaged:
            assert checked.failed == {1: Code.BAD_ARCHIVE}
            assert list(folder.iterdir()) == []
        else:
            assert checked.proved[1].proof is Proof.ARCHIVE


def test_a_small_zip_with_a_checksum_is_not_read_again(folder: Path) -> None:
    data = zipped([Entry(name="a.txt", data=b"x" * 500)])
    with ZipServer({"/a.zip": data}) as server:
        file = remote(f"{server.url}/a.zip", checksums=[Checksum(Algorithm.SHA256, sha256(data))])
        assert run(gather(folder, [file])).of(Whole)[0].proof is Proof.CHECKSUM


class ZipServer(RangeServer):
    """Serves these bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__({name: Fixed(len(data), data=data) for name, data in files.items()})


class Fixed(Thing):
    def __init__(self, size: int, *, data: bytes) -> None:
        super().__init__(size)
        self.data = data

    def bytes(self, start: int = 0, stop: int | None = None) -> bytes:
        return self.data[start : self.size if stop is None else stop]


# ---- dropped ----


@pytest.mark.parametrize("number", range(12))
def test_dropped_at_any_moment(folder: Path, number: int) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    dice = random.Random(seed)
    small = {f"/s{n}.csv": Thing(dice.randrange(20_000), seed=n) for n in range(60)}
    large = {f"/l{n}.bin": Thing(2 * MIB + n, seed=100 + n, rate=8 * MIB) for n in range(2)}
    stream = {"/c.bin": Thing(2 * MIB, seed=200, rate=8 * MIB, faults=[Fault(Way.CHUNKED, times=ALL)])}
    names = [*small, *large, *stream]
    dice.shuffle(names)
    things = small | large | stream
    with RangeServer(things) as server:
        order = gather(folder, [remote(f"{server.url}{name}") for name in names], piece_bytes=PIECE)
        for _ in range(3):
            one = Run(gather(folder, [file.file for file in order.files], piece_bytes=PIECE))
            threading.Event().wait(dice.uniform(0, 0.4))
            news = one.drop()
            assert (news.ended, news.failed) == (None, {})
            for name in names:
                check_claims(folder, name[1:], things[name].bytes())
        news = run(order)
        assert (news.ended, news.failed) == (None, {})
        done = {one.file: one.sha256 for one in outcomes(news)}
        assert len(done) == len(names)
        assert done == {number: sha256(things[name].bytes()) for number, name in enumerate(names, 1)}


@pytest.mark.parametrize("way", [Way.SILENT, Way.STALL])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("size", [5000, SIZE])
def test_dropped_while_a_server_says_nothing(folder: Path, size: int, way: Way, kept: bool) -> None:
    thing = Thing(size, faults=[Fault(way, at=1000, times=ALL)])
    first = {f"/first{n}": Thing(10) for n in range(4 if kept else 0)}
    with RangeServer(first | {"/a.bin": thing}) as server:
        order = gather(folder, [*(remote(f"{server.url}{name}") for name in first), remote(f"{server.url}/a.bin")])
        one = Run(order)
        server.wait(lambda seen: any(one.target == "/a.bin" for one in seen))
        if way is Way.STALL:
            server.wait(lambda seen: any(one.sent >= min(1000, size) for one in seen if one.target == "/a.bin"))
        began = time.monotonic()
        news = one.drop(2.0)
        assert (news.ended, news.failed) == (None, {})
        assert time.monotonic() - began < 2


# ---- a disk that fills up ----

_DRIVER: Final = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from gatherings import gather, remote, run, works
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
files = [remote(sys.argv[2] + name) for name in sys.argv[4:]]
news = run(gather(sys.argv[1], files, piece_bytes=65536))
print(sorted((n, c.value) for n, c in news.failed.items()), news.code, sorted(news.proved), sorted(news.whole))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_file_that_is_too_large_for_the_disk_ends_alone(folder: Path) -> None:
    things = {"/big.bin": Thing(SIZE), "/mid.csv": Thing(500_000), "/small.csv": Thing(100)}
    with RangeServer(things) as server:
        command = [sys.executable, "-c", _DRIVER, str(folder), server.url, "200000", *things]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout == "[(1, 'file-too-large'), (2, 'file-too-large')] None [3] []\n", done
        check_claims(folder, "big.bin", things["/big.bin"].bytes())
        # Nothing of a small file that found no room is left to take room.
        assert not list(folder.glob("mid.csv*"))
        assert (folder / "small.csv").read_bytes() == things["/small.csv"].bytes()


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("Windows knows no such limit")
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
def test_a_batch_takes_few_descriptors(folder: Path) -> None:
    things = {f"/{n}.csv": Thing(100, seed=n) for n in range(600)}
    with RangeServer(things) as server:
        news = run(gather(folder, [remote(f"{server.url}{name}", size=100) for name in things], connections=4))
        assert (news.ended, len(news.proved)) == (None, 600)
