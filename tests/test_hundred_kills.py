"""A hundred times `kill -9` during one download of many files, each followed by a restart, and all is right.

The moments are random: when so many new bytes have come, while the engine starts, when a stream has just ended, when
a file has just been claimed as whole or has its name. Most kills end the engine with its workers, some the workers
alone. After each kill the disk is looked at: only right files under final names, only true claims in the journals,
and nothing that was durable before was written again, by strace's word. What had to be received again is added up
from what the hub sent, and must be what was durable of the files that were not whole, each once: no more.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from commandline import Aihub
from crashes import STRACE, Layout, Victim, covered, until, written_twice
from engines import RunningEngine, final_files, manifest, offered, sha256
from ground import check_claims, check_final, check_rest, durable, journals, parts
from tables import line

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue, DemoFile
from aihub_desktop.demo.desk import Seen
from aihub_desktop.demo.faults import Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain import wire
from aihub_desktop.domain.model import Piece
from aihub_desktop.domain.states import TransferState
from aihub_desktop.transport.journal import read_journal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes of a group are found in /proc")

SEED: Final = int(os.environ.get("CRASH_SEED") or random.SystemRandom().getrandbits(32))
KILLS: Final = 100
PIECE: Final = 1 << 17
MARK: Final = 1 << 15
STREAMS: Final = 3
RATE: Final = 300_000  # bytes a second and stream, of what is new; what passes by again comes at full speed
_KEPT_BACK: Final = 500_000  # bytes that no kill may let through: the download must outlive all of them
_TABLE: Final = f"{KILLS} × kill -9 during one download"


def _catalogue(dice: random.Random) -> Catalogue:
    files: dict[str, bytes] = {}
    for number in range(28):
        size = dice.randrange(100_000, 900_000)
        if number % 4 == 3:
            files[f"07.골목 소리/라벨/TL {number}.csv"] = dice.randbytes(size)
        else:
            entries = [Entry(name=f"소리/{n}.wav", data=dice.randbytes(size // 5)) for n in range(5)]
            files[f"07.골목 소리/원천 데이터/TS {number}.zip"] = zipped(entries)
    return Catalogue.of(files)


@dataclass(frozen=True, slots=True)
class Look:
    """What was there while nobody wrote: before the first start, or at a kill."""

    durable: dict[str, tuple[Piece, ...]]
    ended: frozenset[str]  # the files that are whole, by the path of their parts: nobody needs a byte of them
    requests: int = 0  # that the hub has seen
    log: int = 0  # signs that strace has written

    def covers(self, name: str) -> int:
        return covered(self.durable.get(name, ()))


@dataclass(slots=True)
class Leg:
    """From one kill to the next."""

    moment: str
    before: Look
    victims: str = "group"
    received: int = 0
    again: int = 0
    fresh: int = 0  # durable now, not before
    lost: int = 0  # received, and not durable when the kill came


@dataclass(slots=True)
class Campaign:
    """One download, its kills, and what is known of the disk at each of them."""

    hub: DemoHub
    folder: Path
    work: Path
    dice: random.Random
    environment: dict[str, str]
    right: dict[str, bytes]
    legs: list[Leg] = field(default_factory=list)
    log: Path = Path()
    stalls: dict[str, Stall] = field(default_factory=dict)  # by file key

    # ---- what lies on disk ----

    def path(self, file: DemoFile) -> str:
        return str(self.folder / f"{file.path.replace(' ', '_')}.part")

    def ended(self) -> frozenset[str]:
        """The files that are whole, by the path of their parts."""
        states = {str(path)[: -len(".journal")]: read_journal(path) for path in journals(self.folder)}
        whole = {name for name, state in states.items() if state is not None and state.whole is not None}
        return frozenset(whole | {str(self.folder / name) + ".part" for name in final_files(self.folder)})

    def unfinished(self) -> list[DemoFile]:
        ended = self.ended()
        return [file for file in self.hub.catalogue.datasets[0].files if self.path(file) not in ended]

    def remaining(self) -> int:
        claims = durable(self.folder)
        sizes = {self.path(file): file.content.size for file in self.unfinished()}
        return sum(size - covered(claims.get(name, ())) for name, size in sizes.items())

    def check(self) -> None:
        """At any moment, whoever was killed."""
        named = manifest(self.folder)
        check_claims(self.folder)
        found = check_final(self.folder, self.right)
        assert named.items() <= {name: sha256(data) for name, data in found.items()}.items()

    # ---- what the hub sends ----

    def free(self) -> None:
        """The file that is asked for first may come to its end now."""
        for file in self.unfinished()[:1]:
            if file.key in self.stalls:
                self.stalls[file.key].release.set()

    def pace(self, *, held: bool = False) -> None:
        """New bytes come slowly, or not at all with `held`."""
        self.hub.faults.clear()
        self.stalls.clear()
        claims = durable(self.folder)
        for file in self.unfinished():
            offset = Layout.of(file, PIECE).offset(covered(claims.get(self.path(file), ())))
            if offset is not None:
                stall = Stall(after=offset, rate=0 if held else RATE, keys=frozenset({file.key}))
                self.stalls[file.key] = self.hub.faults.add(stall)

    def streams(self, seen: list[Seen]) -> list[tuple[DemoFile, Seen]]:
        found = [one for one in seen if one.host == "stream" and one.file_keys]
        return [(self.hub.catalogue.file(one.file_keys[0]), one) for one in found]

    def new_bytes(self, seen: list[Seen], leg: Leg) -> int:
        """Bytes of files that the hub has sent in this leg and that were not durable before."""
        streams = self.streams(seen[leg.before.requests :])
        sent = [(self.path(file), Layout.of(file, PIECE).content(one.sent)) for file, one in streams]
        return sum(max(0, count - leg.before.covers(name)) for name, count in sent)

    # ---- one leg ----

    def look(self) -> Look:
        """At once after a kill: an engine that lives on has new workers in a moment."""
        log = self.log.stat().st_size if STRACE and self.log.is_file() else 0
        look = Look(durable(self.folder), self.ended(), len(self.hub.requests), log)
        self.check()
        return look

    def seen(self, leg: Leg, after: Look) -> list[Seen]:
        """What the hub was asked in this leg, once it will send no more of it."""
        news = slice(leg.before.requests, after.requests)
        return self.hub.requests.wait(lambda seen: all(one.ended for one in seen[news]))[news]

    def asked(self, leg: Leg, after: Look) -> tuple[dict[str, tuple[DemoFile, Seen]], int]:
        """Each file's stream of this leg; and the bytes that were sent to those whom the last kill had silenced.

        The hub may hear a request only when whoever made it is dead and counted: it then seems to be of this leg.
        """
        found: dict[str, list[tuple[DemoFile, Seen]]] = {}
        for file, one in self.streams(self.seen(leg, after)):
            found.setdefault(self.path(file), []).append((file, one))
        late = 0
        for streams in found.values():
            streams.sort(key=lambda pair: pair[1].sent)
            for file, one in streams[:-1]:
                assert leg is not self.legs[0], "it was asked for twice before the first kill"
                assert len(streams) == 2, "it was asked for twice between two kills"
                assert not one.whole
                late += Layout.of(file, PIECE).content(one.sent)
        return {name: streams[-1] for name, streams in found.items()}, late

    def end(self, leg: Leg, after: Look) -> None:
        """The kill has come: what was it worth?"""
        asked, late = self.asked(leg, after)
        leg.received += late
        leg.lost += late
        for name, (file, one) in asked.items():
            assert name not in leg.before.ended, "it was whole"
            old, count = leg.before.covers(name), Layout.of(file, PIECE).content(one.sent)
            new = (file.content.size if name in after.ended else after.covers(name)) - old
            assert 0 <= new <= max(0, count - old)
            leg.received += count
            leg.again += min(count, old)
            leg.fresh += new
            leg.lost += count - min(count, old) - new
        for name, pieces in leg.before.durable.items():
            assert name in asked or after.durable.get(name, pieces) == pieces
        log = self.log.read_text(encoding="latin-1") if after.log else ""
        assert not written_twice(log[leg.before.log : after.log], leg.before.durable)
        assert len(final_files(self.folder)) < len(self.right), "the download was over before its last kill"

    def start(self, *, stdout: int | None = None) -> Victim:
        return Victim(self.environment, self.log, self.work / "engine.log", stdout=stdout)

    # ---- the moments ----

    def wait_for_bytes(self, leg: Leg, kills_left: int) -> None:
        share = max(0, self.remaining() - _KEPT_BACK) / max(1, kills_left)
        wanted = int(self.dice.uniform(0, 1.6) * share)
        start = leg.before.requests
        self.hub.requests.wait(lambda seen: bool(self.streams(seen[start:])) and self.new_bytes(seen, leg) >= wanted)

    def wait_for_start(self) -> None:
        """Any moment from the first instruction on, most often before the first request."""
        threading.Event().wait(self.dice.uniform(0, 0.6))

    def wait_for_stream(self, leg: Leg) -> None:
        """The tar of a file has left the hub whole: the file is made durable, claimed, checked, named, entered."""
        start = leg.before.requests
        self.hub.requests.wait(lambda seen: any(one.whole for _, one in self.streams(seen[start:])))
        threading.Event().wait(self.dice.uniform(0, 0.03))

    def wait_for_claim(self, leg: Leg) -> None:
        until(lambda: bool(self.ended() - leg.before.ended))
        threading.Event().wait(self.dice.choice((0, 0, 0.002, 0.01)))

    def wait_for_name(self) -> None:
        count = len(final_files(self.folder))
        until(lambda: len(list(self.folder.rglob("*.zip")) + list(self.folder.rglob("*.csv"))) > count)
        threading.Event().wait(self.dice.choice((0, 0, 0.001, 0.005)))


_MOMENTS: Final = ("bytes",) * 12 + ("start",) * 3 + ("stream", "claim", "name") * 2


@pytest.fixture
def campaign(folder: Path, tmp_path: Path) -> Iterator[Campaign]:
    dice = random.Random(SEED)
    catalogue = _catalogue(dice)
    with DemoHub(catalogue, piece_size=PIECE) as hub:
        aihub = Aihub(
            tmp_path / "home", hub.url, mark_bytes=MARK, parallel=STREAMS, bundle_files=1, stall_seconds=60,
        )  # fmt: skip
        hub.faults.add(Stall(after=0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIHUB_APIKEY", DEMO_KEY)
            with RunningEngine(
                tmp_path / "home", hub.url, patience=None,
                mark_bytes=MARK, parallel=STREAMS, bundle_files=1, stall_seconds=60,
            ) as run:  # fmt: skip
                run.add(folder)
        yield Campaign(hub, folder, tmp_path, dice, aihub.environment(), offered(catalogue))


@pytest.mark.timeout(600)
def test_a_hundred_kills(campaign: Campaign, record_property: Callable[[str, object], None]) -> None:
    print(f"CRASH_SEED={SEED}")
    while len(campaign.legs) < KILLS:
        one_life(campaign)
    for number, leg in enumerate(campaign.legs, 1):
        came = f"received {leg.received:8} = again {leg.again:8} + durable {leg.fresh:7} + lost {leg.lost:6}"
        print(f"{number:3} {leg.victims:7} {leg.moment:6} {came}")
    last = finish(campaign)
    for text in report(campaign, last):
        record_property(*line(_TABLE, text))


def one_life(campaign: Campaign) -> None:
    """From a start of the engine to its end, with one kill or several."""
    held = campaign.remaining() < _KEPT_BACK
    campaign.hub.requests.clear()
    campaign.log = campaign.work / f"strace-{len(campaign.legs)}"
    look = campaign.look()
    campaign.pace(held=held)
    victim = campaign.start()
    try:
        alone = True
        while alone and len(campaign.legs) < KILLS:
            moment = campaign.dice.choice(_MOMENTS if len(campaign.unfinished()) > 4 else ("bytes", "start"))
            # Every other time the workers alone: the engine lives and lends their work to new ones.
            alone = moment != "start" and campaign.dice.random() < 0.5
            leg = Leg(moment, look, "workers" if alone else "group")
            campaign.legs.append(leg)
            wait(campaign, leg)
            if alone:
                assert victim.kill_workers() > 0
            else:
                victim.kill()
            look = campaign.look()
            campaign.end(leg, look)
    finally:
        if victim.process.poll() is None:
            victim.kill()


def wait(campaign: Campaign, leg: Leg) -> None:
    if leg.moment in ("stream", "claim", "name"):
        campaign.free()
    match leg.moment:
        case "start":
            campaign.wait_for_start()
        case "stream":
            campaign.wait_for_stream(leg)
        case "claim":
            campaign.wait_for_claim(leg)
        case "name":
            campaign.wait_for_name()
        case _:
            campaign.wait_for_bytes(leg, KILLS + 1 - len(campaign.legs))


def finish(campaign: Campaign) -> Leg:
    """The last restart, which nobody kills: all is right, and the program's own account of it is."""
    campaign.hub.faults.clear()
    campaign.log = campaign.work / "strace-last"
    leg = Leg("end", campaign.look())
    expected = sum(leg.before.covers(campaign.path(file)) for file in campaign.unfinished())
    victim = campaign.start(stdout=subprocess.PIPE)
    before, done = rows(victim)
    victim.end()
    assert check_rest(campaign.folder, campaign.right) == campaign.right
    assert [*parts(campaign.folder), *journals(campaign.folder)] == []
    assert (done.done, done.failed) == (len(campaign.right), 0)
    assert done.bytes == sum(map(len, campaign.right.values()))
    assert done.again - before.again == expected
    leg.received = done.received - before.received
    leg.again = expected
    if STRACE:
        assert not written_twice(victim.written(), leg.before.durable)
    assert "Traceback" not in (campaign.work / "engine.log").read_text()
    logs = list((campaign.work / "home" / "logs").iterdir())
    assert logs
    for log in logs:
        _, died, rest = log.read_text().partition("Traceback")
        assert not died, f"{log.name}: {rest[:4000]}"
    return leg


def rows(victim: Victim) -> tuple[m.TransferRow, m.TransferRow]:
    """The transfer as the engine begins with it, and as it ends."""
    first: m.TransferRow | None = None
    for text in victim.lines:
        event = wire.event(text)
        transfers = event.transfers if isinstance(event, m.Snapshot | m.Changed) else []
        for row in transfers:
            first = first or row
            if row.state in (TransferState.DONE, TransferState.FAILED, TransferState.NEEDS_USER):
                assert row.state is TransferState.DONE, row
                return first, row
    raise AssertionError("the engine ended before the download")


def report(campaign: Campaign, last: Leg) -> Iterator[str]:
    legs = campaign.legs[:KILLS]
    kinds = Counter(f"{leg.victims} at {leg.moment}" for leg in legs)
    payload = sum(map(len, campaign.right.values()))
    received, again = (sum(getattr(leg, name) for leg in [*legs, last]) for name in ("received", "again"))
    fresh, lost = (sum(getattr(leg, name) for leg in legs) for name in ("fresh", "lost"))
    yield f"CRASH_SEED={SEED}"
    yield "killed: " + ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    yield (
        f"{len(campaign.right)} files, {payload / 1e6:.1f} MB; received {received / 1e6:.1f} MB, of it"
        f" {again / 1e6:.1f} MB again because it was durable in a file that was not whole,"
        f" {lost / 1e6:.2f} MB lost with the killed processes"
    )
    yield f"durable after the last kill: {fresh / 1e6:.1f} MB, none of it written twice" + (
        "" if STRACE else " (not watched: there is no strace)"
    )
    yield "received again after each kill, KB of KB received:"
    texts = [f"{leg.again // 1000}/{leg.received // 1000}" for leg in [*legs[1:], last]]
    for start in range(0, len(texts), 12):
        yield " ".join(f"{text:>11}" for text in texts[start : start + 12]).rstrip()
