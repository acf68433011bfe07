"""Files in ranges from a server that errs in every way: right bytes, or the right problem, and nothing in between."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import xxhash
from gatherings import KIB, MIB, Run, gather, remote, run
from range_server import Fault, RangeServer, Thing, Way, content
from tapes import News, check, sha256

from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Failed, Reached
from aihub_desktop.transport import job
from aihub_desktop.transport.journal import read_journal

SIZE: Final = 3 * MIB + 12_345
PIECE: Final = 64 * KIB
OURS: Final = ("hand-", "scribe", "batch", "durability", "inflow", "companion")
ALL: Final = None  # `Fault.times`


def left_over() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(OURS)]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread, no descriptor; and tries follow each other more closely than people need."""
    monkeypatch.setattr(job, "_PAUSE", 0.01)
    before = descriptors()
    yield
    deadline = time.monotonic() + 10
    while (left_over() or descriptors() > before) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert left_over() == []
    assert descriptors() <= before


def check_claims(folder: Path, name: str, right: bytes) -> int:
    """Every claim of the journal is true on disk; the bytes that it claims."""
    state = read_journal(folder / f"{name}.part.journal")
    if state is None:
        return 0
    path = folder / f"{name}.part"
    held = (path if path.exists() else folder / name).read_bytes()
    for piece in state.pieces:
        assert xxhash.xxh3_128(held[piece.start : piece.stop]).hexdigest() == piece.digest
        assert held[piece.start : piece.stop] == right[piece.start : piece.stop]
    return state.bytes


def half_received(folder: Path, server: RangeServer, name: str, connections: int) -> int:
    """Leaves a part of the file behind, as a lease that met its end: how many bytes are claimed."""
    thing = server.things[f"/{name}"]
    faults, thing.faults = thing.faults, [Fault(Way.STATUS, at=404, times=ALL, of=thing.size * 5 // 8)]
    if any(fault.way is Way.BARE for fault in faults):
        thing.faults.append(Fault(Way.BARE, times=ALL))
    news = run(gather(folder, [remote(f"{server.url}/{name}", size=thing.size)], connections=connections,
                      piece_bytes=PIECE))  # fmt: skip
    assert news.failed == {1: Code.NOT_THERE}
    thing.faults = faults
    server.seen.clear()
    return check_claims(folder, name, thing.bytes())


@dataclass(frozen=True, slots=True)
class Case:
    """`ends`: None for the right bytes, else the problem of the file. `drops`: nothing is kept of it then."""

    faults: Callable[[], list[Fault]]
    ends: Code | None = None
    drops: bool = False
    whole_again: bool = False  # what was there already has to come again, to be compared


def _case(*faults: tuple[object, ...], ends: Code | None = None, drops: bool = False, again: bool = False) -> Case:
    return Case(lambda: [Fault(*fault) for fault in faults], ends, drops, again)  # type: ignore[arg-type]


# (way, at, rate, text, times)
CASES: Final = {
    "none": _case(),
    "whole": _case((Way.WHOLE, 0, 0, "", ALL), again=True),
    "claims": _case((Way.CLAIMS, 0, 0, "", ALL), again=True),
    "liar": _case((Way.LIAR, 0, 0, "", ALL)),
    "false-liar": _case((Way.FALSE_LIAR, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "false-liar-once": _case((Way.FALSE_LIAR,)),
    "other-range": _case((Way.OTHER_RANGE, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "other-range-once": _case((Way.OTHER_RANGE,)),
    "other-total": _case((Way.OTHER_TOTAL, 0, 0, "", ALL), ends=Code.WRONG_SIZE),
    "other-total-once": _case((Way.OTHER_TOTAL,)),
    "multipart": _case((Way.MULTIPART, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "416-once": _case((Way.UNSATISFIED,)),
    "416": _case((Way.UNSATISFIED, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "412": _case((Way.REFUSED,), ends=Code.CHANGED, drops=True),
    "weak": _case((Way.WEAK, 0, 0, "", ALL)),
    "dated": _case((Way.DATED, 0, 0, "", ALL)),
    "bare": _case((Way.BARE, 0, 0, "", ALL), again=True),
    "chunked": _case((Way.CHUNKED, 0, 0, "", ALL), again=True),
    "http-1.0": _case((Way.CLOSING, 0, 0, "", ALL), again=True),
    "too-long": _case((Way.TOO_LONG, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "too-short": _case((Way.TOO_SHORT, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "too-short-once": _case((Way.TOO_SHORT,)),
    "early": _case((Way.EARLY, 100, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "coded": _case((Way.CODED, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "coded-once": _case((Way.CODED,)),
    "page": _case((Way.PAGE, 0, 0, "", ALL), ends=Code.WRONG_ANSWER),
    "page-once": _case((Way.PAGE,)),
    "429-once": _case((Way.STATUS, 429, 0, "1")),
    "503-once": _case((Way.STATUS, 503, 0, "1")),
    "500-once": _case((Way.STATUS, 500)),
    "500": _case((Way.STATUS, 500, 0, "", ALL), ends=Code.SERVER_ERROR),
    "404": _case((Way.STATUS, 404, 0, "", ALL), ends=Code.NOT_THERE),
    "403": _case((Way.STATUS, 403, 0, "", ALL), ends=Code.NO_ACCESS),
    "reset": _case((Way.RESET, 30_000, 0, "", 3)),
    "cut": _case((Way.CUT, 30_000, 0, "", 3)),
    "cut-at-once": _case((Way.CUT, 0, 0, "", 2)),
    "stall": _case((Way.STALL, 20_000)),
    "hangup": _case((Way.HANGUP, 0, 0, "", 2)),
    "silent": _case((Way.SILENT,)),
    "not-http": _case((Way.NOT_HTTP, 0, 0, "", ALL), ends=Code.UNREACHABLE),
    "not-http-once": _case((Way.NOT_HTTP,)),
    "anew": _case((Way.ANEW, 0, 0, "", ALL, 1), ends=Code.CHANGED, drops=True),
}


@pytest.mark.parametrize("before", ["fresh", "half"])
@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("name", CASES)
def test_every_fault(folder: Path, name: str, connections: int, before: str) -> None:
    case, thing = CASES[name], Thing(SIZE, faults=CASES[name].faults())
    with RangeServer({"/a.bin": thing}) as server:
        had = half_received(folder, server, "a.bin", connections) if before == "half" else 0
        order = gather(
            folder, [remote(f"{server.url}/a.bin", size=SIZE)], connections=connections, piece_bytes=PIECE,
            stall_seconds=10.0 if name == "none" else 0.4,  # a slow machine is no stall
        )  # fmt: skip
        news = run(order, seconds=30, header_timeout=1.0)
        assert news.ended is None
        assert not (folder / "a.bin").exists()
        if case.ends is not None:
            assert news.failed == {1: case.ends}
            assert news.whole == {}
            kept = check_claims(folder, "a.bin", thing.bytes())
            assert kept == 0 if case.drops else kept >= had
            assert not (case.drops and list(folder.iterdir()))
            return
        assert news.failed == {}
        assert news.whole == {1: (SIZE, sha256(thing.bytes()))}
        assert (folder / "a.bin.part").read_bytes() == thing.bytes()
        assert check_claims(folder, "a.bin", thing.bytes()) == SIZE
        assert news.new == SIZE - had
        if name == "none" and sys.platform != "win32":  # where a connection that is left has more on its way
            assert server.sent("/a.bin") == SIZE - had
        if case.whole_again and had:
            assert server.sent("/a.bin") >= SIZE
        assert check(folder, order.files).proved.keys() == {1}
        assert (folder / "a.bin").read_bytes() == thing.bytes()


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("way", [None, Way.WHOLE, Way.CHUNKED, Way.CLOSING, Way.WEAK, Way.BARE, Way.DATED])
@pytest.mark.parametrize("size", [0, 1, 5000, MIB, MIB + 1, SIZE])
def test_a_file_of_unknown_size(folder: Path, size: int, way: Way | None, connections: int) -> None:
    thing = Thing(size, faults=[Fault(way, times=ALL)] if way else [])
    with RangeServer({"/a.bin": thing}) as server:
        order = gather(folder, [remote(f"{server.url}/a.bin")], connections=connections, piece_bytes=PIECE)
        news = run(order)
        assert (news.ended, news.failed) == (None, {})
        proved = news.proved or check(folder, order.files).proved
        assert proved[1].sha256 == sha256(thing.bytes())
        assert (folder / "a.bin").read_bytes() == thing.bytes()
        # The first answer is one of the whole file, which ends where another hand went on: what was on its way is lost.
        assert server.sent("/a.bin") == size if connections == 1 or size <= MIB else size <= server.sent("/a.bin")
        assert news.new == (size if size > MIB else 0) or way in (Way.CHUNKED, Way.CLOSING)


def test_the_server_changes_between_two_leases(folder: Path) -> None:
    thing = Thing(SIZE)
    with RangeServer({"/a.bin": thing}) as server:
        assert half_received(folder, server, "a.bin", 4) > 0
        thing.seed, thing.etag = 2, '"v2"'
        order = gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], piece_bytes=PIECE)
        assert run(order).failed == {1: Code.CHANGED}
        assert list(folder.iterdir()) == []
        news = run(order)
        assert news.whole == {1: (SIZE, sha256(content(2, 0, SIZE)))}
        assert (news.new, news.again) == (SIZE, 0)


def test_a_server_without_validators_changes_between_two_leases(folder: Path) -> None:
    """Nothing but its bytes can tell: they are compared, and no mixture is ever whole."""
    thing = Thing(SIZE, faults=[Fault(Way.BARE, times=ALL)])
    with RangeServer({"/a.bin": thing}) as server:
        assert half_received(folder, server, "a.bin", 4) > 0
        thing.seed = 2
        order = gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], piece_bytes=PIECE)
        assert run(order).failed == {1: Code.CHANGED}
        assert list(folder.iterdir()) == []
        assert run(order).whole == {1: (SIZE, sha256(content(2, 0, SIZE)))}


def test_two_chunked_files_one_after_the_other(folder: Path) -> None:
    """What one of them releases at its end must not be the brake of all."""
    things = {f"/{n}.bin": Thing(200_000, seed=n, faults=[Fault(Way.CHUNKED, times=ALL)]) for n in range(4)}
    with RangeServer(things) as server:
        news = run(gather(folder, [remote(f"{server.url}{name}") for name in things], connections=1), seconds=20)
        assert news.whole == {n + 1: (200_000, sha256(content(n, 0, 200_000))) for n in range(4)}


def test_an_endless_answer_does_not_fill_the_disk(folder: Path) -> None:
    thing = Thing(40 * MIB, faults=[Fault(Way.CHUNKED, times=ALL)])
    with RangeServer({"/a.bin": thing}) as server:
        news = run(gather(folder, [remote(f"{server.url}/a.bin", size=2 * MIB)], connections=1))
        assert news.failed == {1: Code.WRONG_SIZE}
        assert news.of(Failed)[0].problem.facts["why"] == "endless"
        part = folder / "a.bin.part"
        assert not part.exists() or part.stat().st_size <= 2 * MIB


def test_refusals_are_waited_for_and_told(folder: Path) -> None:
    thing = Thing(8 * MIB, rate=6 * MIB, faults=[Fault(Way.STATUS, at=429, text="2", times=1, since=3)])
    with RangeServer({"/a.bin": thing}) as server:
        moments: list[tuple[float, int]] = []
        server.on_request = lambda seen: moments.append((time.monotonic(), seen.connection))
        news = run(gather(folder, [remote(f"{server.url}/a.bin", size=thing.size)], piece_bytes=PIECE, connections=4))
        assert news.whole == {1: (thing.size, sha256(thing.bytes()))}
        refused = next(number for number, seen in enumerate(server.seen) if seen.status == 429)
        after = [at for at, _ in moments[refused + 1 :]]
        # Those that were on their way already may still come.
        assert not [at for at in after if moments[refused][0] + 0.3 < at < moments[refused][0] + 1.9]
        reports = news.of(Reached)
        assert any(one.eased for one in reports)
        assert max(one.connections for one in reports[-3:]) <= 2


def test_a_place_that_closes_for_long_ends_the_lease(folder: Path) -> None:
    things = {f"/{n}": Thing(100, faults=[Fault(Way.STATUS, at=503, text="600", times=ALL)]) for n in range(50)}
    with RangeServer(things) as server:
        news = run(gather(folder, [remote(f"{server.url}{name}") for name in things], connections=4), seconds=15)
        assert news.code is Code.SERVER_BUSY
        assert news.ended is not None
        assert news.ended.facts["retry_after"] == "600"
        assert len(server.seen) < 12


def test_all_hands_are_refused_at_the_same_moment(folder: Path) -> None:
    """That is one refusal of the file, not as many as there are hands."""
    refusal = Fault(Way.STATUS, at=503, text="1", times=8, since=8, gate=threading.Barrier(8))
    thing = Thing(SIZE, rate=2 * MIB, faults=[refusal])  # each hand's second piece
    with RangeServer({"/a.bin": thing}) as server:
        assert news_of(folder, server, "a.bin", SIZE, connections=8).whole == {1: (SIZE, sha256(thing.bytes()))}


def test_all_connections_end_at_the_same_moment(folder: Path) -> None:
    """That is one failure of the file, not as many as there are hands."""
    thing = Thing(8 * MIB, rate=2 * MIB)
    with RangeServer({"/a.bin": thing}) as server:
        one = Run(gather(folder, [remote(f"{server.url}/a.bin", size=thing.size)], piece_bytes=PIECE, connections=8))
        for sent in (2 * MIB, 4 * MIB, 6 * MIB):
            server.wait_sent("/a.bin", sent)
            server.hang_up()
        assert one.end().whole == {1: (thing.size, sha256(thing.bytes()))}


@pytest.mark.parametrize("connections", [1, 4])
def test_a_stream_that_always_ends_too_early_comes_to_an_end(folder: Path, connections: int) -> None:
    thing = Thing(SIZE, faults=[Fault(Way.CHUNKED, times=ALL), Fault(Way.CUT, at=500_000, times=ALL)])
    with RangeServer({"/a.bin": thing}) as server:
        news = news_of(folder, server, "a.bin", SIZE, connections=connections)
        assert news.failed == {1: Code.CUT}
        assert check_claims(folder, "a.bin", thing.bytes()) == 500_000


def news_of(folder: Path, server: RangeServer, name: str, size: int, **changes: object) -> News:
    return run(gather(folder, [remote(f"{server.url}/{name}", size=size)], piece_bytes=PIECE, **changes))


def test_a_link_in_the_way_ends_that_file_alone(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "d").symlink_to(outside)
    (folder / "b.bin").symlink_to(outside / "b")
    things = {name: Thing(size) for name, size in (("/d/s.csv", 100), ("/d/l.bin", SIZE), ("/b.bin", 10), ("/c", 10))}
    with RangeServer(things) as server:
        order = gather(folder, [remote(f"{server.url}{name}", size=thing.size) for name, thing in things.items()])
        news = run(order)
        assert news.failed == {1: Code.IN_THE_WAY, 2: Code.IN_THE_WAY, 3: Code.IN_THE_WAY}
        assert news.proved.keys() == {4}
        assert list(outside.iterdir()) == []


def test_the_slow_one_is_helped(folder: Path) -> None:
    """One connection falls to a hundredth of the others: it costs little, for others take what it has to do."""
    rate = 4 * MIB
    took: list[float] = []
    for number, faults in enumerate(([], [Fault(Way.SLOW, at=100_000, rate=rate // 100)])):
        thing = Thing(16 * MIB, seed=number, rate=rate, faults=faults)
        with RangeServer({"/a.bin": thing}) as server:
            began = time.monotonic()
            order = gather(folder, [remote(f"{server.url}/a.bin", size=thing.size, name=f"{number}.bin")])
            assert run(order).whole == {1: (thing.size, sha256(thing.bytes()))}
            took.append(time.monotonic() - began)
    print("seconds, without and with a slow connection:", took)
    assert took[1] < 1.5 * took[0] + 2


@pytest.mark.parametrize("way", [Way.STALL, Way.SILENT])
def test_a_connection_that_hangs_is_not_waited_for(folder: Path, way: Way) -> None:
    """Neither its stall (20 s) nor its silence (20 s) decides the end: others take all that it has to do."""
    thing = Thing(4 * MIB, rate=2 * MIB, faults=[Fault(way, at=10_000, since=2)])
    with RangeServer({"/a.bin": thing}) as server:
        began = time.monotonic()
        assert news_of(folder, server, "a.bin", thing.size).whole == {1: (thing.size, sha256(thing.bytes()))}
        assert time.monotonic() - began < 12


@pytest.mark.parametrize("way", [None, Way.CHUNKED])
def test_limits_hold(folder: Path, way: Way | None) -> None:
    thing = Thing(40 * MIB, faults=[Fault(way, times=ALL)] if way else [])
    with RangeServer({"/a.bin": thing}) as server:
        one = Run(gather(folder, [remote(f"{server.url}/a.bin", size=thing.size)], rate=4 * MIB))
        one.until(lambda news: isinstance(news, Reached) and news.received > MIB)
        for rate in (4 * MIB, 2 * MIB, 6 * MIB):
            one.gathering.limit(rate)
            began = time.monotonic()
            threading.Event().wait(2.6)
            (first, before), *_, (last, after) = [pair for pair in one.received() if pair[0] > began + 0.3]
            print(rate, (after - before) / (last - first))
            assert 0.9 * rate < (after - before) / (last - first) < 1.1 * rate
        one.drop()
