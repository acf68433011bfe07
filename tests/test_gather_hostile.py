"""What a hostile server, a decayed disk and an unlucky moment must not bring about in ranges; each was possible."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash
from gatherings import MIB, TICK, PlainTerms, gather, remote, run
from loopback import Server, answer
from range_server import Fault, RangeServer, Thing, Way
from tapes import News, sha256
from test_gather import ALL, PIECE, SIZE, check_claims, nothing_is_left_behind

from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import AnyNews, Whole, WorkFile
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.sources.lanes import RangeAnswer, RangeLane, Ranges
from aihub_desktop.transport.gather import Gathering
from aihub_desktop.transport.journal import Identity, Journal, Span, Validator

__all__ = ["nothing_is_left_behind"]


# ---- the disk ----


def claim_pieces(folder: Path, work: WorkFile, data: bytes, length: int) -> None:
    """As an earlier run leaves them: all of the file in pieces of `length` bytes."""
    (folder / f"{work.place}.part").write_bytes(data)
    journal = Journal(folder / f"{work.place}.part.journal", Identity.of(work), 0)
    pieces = [(at, data[at : at + length]) for at in range(0, len(data), length)]
    spans = [Span(at, at + len(piece), xxhash.xxh3_128_hexdigest(piece)) for at, piece in pieces]
    journal.append([Validator(len(data), '"v1"'), *spans])
    journal.close()


def test_a_piece_that_the_disk_has_half_of_is_worth_nothing(folder: Path) -> None:
    """Its hash is of all of it: what is left of a piece that was cut off cannot be proved, and may have decayed too."""
    thing = Thing(5 * PIECE)
    with RangeServer({"/a.bin": thing}) as server:
        order = gather(folder, [remote(f"{server.url}/a.bin", size=thing.size)], piece_bytes=PIECE)
        claim_pieces(folder, order.files[0], thing.bytes(), PIECE)
        with (folder / "a.bin.part").open("r+b") as file:
            file.seek(4 * PIECE + 100)
            file.write(b"decay")
            file.truncate(4 * PIECE + PIECE // 2)
        assert run(order).whole == {1: (thing.size, sha256(thing.bytes()))}
        assert (folder / "a.bin.part").read_bytes() == thing.bytes()
        assert check_claims(folder, "a.bin", thing.bytes()) == thing.size
        assert server.sent("/a.bin") == PIECE


# ---- content that changes ----


def test_a_validator_that_comes_late_counts_from_then_on(folder: Path) -> None:
    """One server of many tells none; the next one's is that of the file, and another one after it is another file."""
    faults = [Fault(Way.BARE, times=1), Fault(Way.ANEW, times=ALL, since=4)]
    thing = Thing(SIZE, faults=faults)
    with RangeServer({"/a.bin": thing}) as server:
        news = run(gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], connections=1, piece_bytes=PIECE))
        assert (news.whole, news.failed) == ({}, {1: Code.CHANGED})
        assert list(folder.iterdir()) == []


def test_a_file_without_a_length_that_changes_after_a_cut(folder: Path) -> None:
    """The first answer told no size, but what file it is of."""
    faults = [Fault(Way.CHUNKED, times=1), Fault(Way.CUT, at=500_000, times=1), Fault(Way.ANEW, times=ALL, since=1)]
    thing = Thing(SIZE, faults=faults)
    with RangeServer({"/a.bin": thing}) as server:
        order = gather(folder, [remote(f"{server.url}/a.bin")], connections=1, piece_bytes=PIECE)
        # A run that died with nothing but the file's name.
        (folder / "a.bin.part").touch()
        journal = Journal(folder / "a.bin.part.journal", Identity.of(order.files[0]), 0)
        journal.prepare()
        journal.close()
        news = run(order)
        assert (news.whole, news.failed) == ({}, {1: Code.CHANGED})


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("fault", [Fault(Way.CUT, times=ALL), Fault(Way.STATUS, at=404, times=ALL)])
def test_mirrors_that_differ_are_never_mixed(folder: Path, fault: Fault, connections: int) -> None:
    """They are of one size, and nothing was told that the whole could be proved by: so their bytes are compared."""
    fault = replace(fault, since=2 * connections)
    things = {"/a.bin": Thing(SIZE, faults=[fault]), "/b.bin": Thing(SIZE, seed=2)}
    with RangeServer(things) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE)
        news = run(gather(folder, [file], piece_bytes=PIECE, connections=connections))
        assert (news.whole, news.failed) == ({}, {1: Code.CHANGED})
        assert list(folder.iterdir()) == []


def test_a_mirror_is_kept_to_for_as_long_as_it_serves(folder: Path) -> None:
    """A connection that was cut is no reason to compare all that is there with what another mirror has."""
    thing = Thing(SIZE, faults=[Fault(Way.CUT, at=20_000, times=2, since=8)])
    with RangeServer({"/a.bin": thing, "/b.bin": Thing(SIZE)}) as server:
        file = remote(f"{server.url}/a.bin", f"{server.url}/b.bin", size=SIZE)
        news = run(gather(folder, [file], piece_bytes=PIECE))
        assert news.whole == {1: (SIZE, sha256(thing.bytes()))}
        assert server.sent("/b.bin") == 0


@pytest.mark.parametrize("etag", ['"caf\xe9"', '"' + "자료".encode().decode("latin-1") + '"'])
def test_a_validator_of_other_letters_is_sent_as_it_came(folder: Path, etag: str) -> None:
    thing = Thing(SIZE, etag=etag, faults=[Fault(Way.CUT, at=20_000, times=8, since=4)])
    with RangeServer({"/a.bin": thing}) as server:
        news = run(gather(folder, [remote(f"{server.url}/a.bin", size=SIZE)], piece_bytes=PIECE))
        assert (news.whole, news.failed, news.ended) == ({1: (SIZE, sha256(thing.bytes()))}, {}, None)
        assert {seen.headers.get("if-range", etag) for seen in server.seen} == {etag}


# ---- numbers ----


@pytest.mark.parametrize(
    "headers",
    [
        ["Accept-Ranges: bytes", "Content-Length: 99999999999999999999"],
        ["Accept-Ranges: bytes", "Content-Length: 9223372036854775808"],
        ["Content-Length: 99999999999999999999"],
    ],
)
def test_a_length_that_no_file_has_ends_its_file_alone(folder: Path, headers: list[str]) -> None:
    """Neither a journal nor a disk can hold it, and the other files of the lease have other owners."""

    def script(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET /good"):
            connection.sendall(answer(b"good"))
        else:
            connection.sendall("\r\n".join(["HTTP/1.1 200 OK", *headers, "", "x"]).encode() + bytes(100_000))

    with Server(script) as server:
        files = [remote(f"{server.url}/bad"), *(remote(f"{server.url}/good{number}") for number in range(3))]
        news = run(gather(folder, files, connections=1))
        assert news.ended is None
        assert news.failed == {1: Code.WRONG_ANSWER}
        assert news.proved.keys() == {2, 3, 4}


# ---- connections ----


class Deaf:
    """A place of which one connection is never made, and cannot be given up: as where a firewall drops what is too
    many, or a name server says nothing."""

    def __init__(self, place: Ranges) -> None:
        self.release = threading.Event()
        self._place = place
        self._lock = threading.Lock()
        self._waits = False

    def lane(self) -> DeafLane:
        return DeafLane(self._place.lane(), self)

    def close(self) -> None:
        self._place.close()

    def knock(self, start: int) -> None:
        with self._lock:
            is_first = start > 0 and not self._waits
            self._waits = self._waits or is_first
        if is_first:
            assert self.release.wait(60)


class DeafLane:
    def __init__(self, lane: RangeLane, place: Deaf) -> None:
        self._lane = lane
        self._place = place
        self.shut, self.close = lane.shut, lane.close

    def open(self, file: RemoteFile, start: int, stop: int | None, etag: str, *, mirror: int = 0) -> RangeAnswer:
        self._place.knock(start)
        return self._lane.open(file, start, stop, etag, mirror=mirror)


def test_who_waits_for_a_connection_is_not_waited_for(folder: Path) -> None:
    """Others do the work of that hand, and nothing of the file is in it."""
    whole = threading.Event()
    told: list[AnyNews] = []

    def tell(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Whole):
            whole.set()

    thing = Thing(4 * MIB, rate=2 * MIB)
    with RangeServer({"/a.bin": thing, "/b.csv": Thing(100)}) as server:
        files = [remote(f"{server.url}/a.bin", size=thing.size), remote(f"{server.url}/b.csv")]
        place = Deaf(Ranges(PlainTerms(), user_agent="test", connect_timeout=5.0, tick=TICK))
        thread = threading.Thread(target=Gathering(gather(folder, files, piece_bytes=PIECE), place, tell).run)
        thread.start()
        try:
            assert whole.wait(20), told[-5:]
            assert not place.release.is_set()
        finally:
            place.release.set()
            thread.join(20)
        news = News(told)
        assert (news.ended, news.failed) == (None, {})
        assert news.whole == {1: (thing.size, sha256(thing.bytes()))}
        assert (folder / "a.bin.part").read_bytes() == thing.bytes()
