"""The power goes at every point of a real run: what may be on disk then is rebuilt, and the program recovers it.

The run is recorded by its system calls; `power_cut.Disk` says what each prefix of them may leave behind.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import power_player
import pytest
import xxhash
from engines import RunningEngine, final_files, manifest, offered, sha256
from power_cut import Disk, Image
from syscalls import Call, calls, recording
from tapes import check, order, pieces, receive, tar

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Cut, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.disk.target import Target
from aihub_desktop.domain import wire
from aihub_desktop.domain.leases import Safe, WorkFile
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.store.queue import QueueStore
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Entry as Proven
from aihub_desktop.transport.ledger import Ledger
from aihub_desktop.transport.reconcile import StandingKind, forget_journal, look

SEED: Final = random.SystemRandom().getrandbits(32)
PIECE: Final = 1 << 15
HOME: Final = "home"
FOLDER: Final = "disk/받은 것"
DRAWN: Final = 3  # states at random after each call, of each kind of file system
WHOLE_RUNS: Final = 6  # states from which the whole engine goes on


def made() -> Catalogue:
    dice = random.Random(20261123)
    entries = [Entry(name=f"{number}.wav", data=dice.randbytes(20_000)) for number in range(4)]
    return Catalogue.of({"가/a b.zip": zipped(entries), "가/b.csv": dice.randbytes(60_000), "c.txt": b"x" * 500})


@dataclass(frozen=True, slots=True)
class Promise:
    """What had been said by the time of the cut."""

    added: bool = False
    configured: bool = False
    paused: bool | None = None  # None while the answer is not known
    safe: dict[int, int] = field(default_factory=dict)  # durable bytes by file
    done: frozenset[int] = frozenset()

    def heard(self, line: bytes) -> Promise:
        """With one more line of what the player or a worker said."""
        added, configured, paused, safe, done = self.added, self.configured, self.paused, self.safe, self.done
        match line.decode(errors="replace").split():
            case ["said", "configured"]:
                configured = True
            case ["said", "added"]:
                added, paused = True, False
            case ["said", "pausing" | "resuming"]:
                paused = None
            case ["said", "paused" | "resumed" as word]:
                paused = word == "paused"
            case ["said", "done", number]:
                done = done | {int(number)}
            case _ if line.startswith(b'{"news":"safe"'):
                news = wire.news(line)
                assert isinstance(news, Safe)
                safe = {**safe, news.file: news.bytes}
        return Promise(added, configured, paused, safe, done)


@dataclass(frozen=True, slots=True)
class Moment:
    """Right after one call: what may be on disk, and what had been said."""

    images: list[Image]
    promise: Promise


class Recorded:
    """A real run: its calls, and all that a power cut could leave of it."""

    def __init__(self, root: Path, log: Path, catalogue: Catalogue) -> None:
        self.root = root
        self.left = tree(root)
        store = QueueStore(root / HOME / "queue.sqlite")
        rows = store.files(store.transfers()[0].id)
        store.close()
        self.catalogue = catalogue
        self.rows = rows
        self.works = [WorkFile(row.id, row.file, row.place) for row in rows]
        self._calls = calls(log)

    def moments(self, dice: random.Random) -> Iterator[Moment]:
        """After each call that changes the disk, and after each answer."""
        disks = [Disk(self.root, one_journal=False), Disk(self.root, one_journal=True)]
        promise = Promise()
        for call in self._calls:
            changed = [disk.see(call) for disk in disks]
            said = promise
            for line in _said(call):
                said = said.heard(line)
            if any(changed) or said != promise:
                promise = said
                images = [image for disk in disks for image in (disk.least(), disk.all(), disk.names_without_bytes())]
                images += [disk.anything(dice) for disk in disks for _ in range(DRAWN)]
                yield Moment(images, promise)


def tree(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _said(call: Call) -> list[bytes]:
    """What a call says to another process: to a pipe, that is."""
    return call.data(1).splitlines(keepends=True) if call.name == "write" and b"pipe:" in call.data(0) else []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    ground = tmp_path_factory.mktemp("power")
    root, log = ground / "root", ground / "calls"
    root.mkdir()
    catalogue = made()
    with DemoHub(catalogue, piece_size=PIECE) as hub:
        hub.faults.add(Slow(rate=300_000, times=2))
        hub.faults.add(Cut(after=50_000, skip=1, times=1))
        start = [sys.executable, power_player.__file__, str(root / HOME), str(root / FOLDER), hub.url]
        environment = {**os.environ, "AIHUB_APIKEY": DEMO_KEY}
        done = subprocess.run(
            [*recording(log), *start], env=environment, capture_output=True, timeout=60, check=False
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert final_files(root / FOLDER) == offered(catalogue)
    return Recorded(root, log, catalogue)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Path]:
    """Where states are laid: in memory, if there is room for files, for a thousand of them are synced."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    made = memory / f"aihub-power-{os.getpid()}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def laid(image: Image, ground: Path) -> Path:
    """A fresh folder with this on it."""
    place = ground / "state"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    image.lay(place)
    return place


def test_the_record_is_the_run(recorded: Recorded, ground: Path) -> None:
    """Played to its end, the record gives the very files that the run left: no call is missing from it."""
    *_, last = recorded.moments(random.Random(0))
    for image in (last.images[1], last.images[4]):
        assert tree(laid(image, ground)) == recorded.left


def test_the_queue_after_a_power_cut_anywhere(recorded: Recorded, ground: Path) -> None:
    print(f"seed {SEED}")
    dice, seen = random.Random(SEED), set[tuple[Image, bool, bool, bool | None]]()
    for moment in recorded.moments(dice):
        promise = moment.promise
        for whole in moment.images:
            image = whole.below(HOME)
            known = (image, promise.added, promise.configured, promise.paused)
            if known not in seen:
                seen.add(known)
                check_queue(laid(image, ground), promise, recorded)
    print(f"{len(seen)} states of the queue")
    assert len(seen) > 100


def check_queue(home: Path, promise: Promise, recorded: Recorded) -> None:
    """It can be opened, and what was answered is there."""
    store = QueueStore(home / "queue.sqlite")
    try:
        transfers = store.transfers()
        assert not promise.configured or store.settings().mark_bytes == 1 << 14
        if promise.added:
            check_transfer(transfers, store.files(1), promise, recorded)
    finally:
        store.close()


def check_transfer(transfers: list[TransferRow], files: list[FileRow], promise: Promise, recorded: Recorded) -> None:
    (transfer,) = transfers
    assert [row.file for row in files] == [row.file for row in recorded.rows]
    if promise.paused is not None:
        assert (transfer.state is TransferState.PAUSED) is promise.paused, (transfer, promise)


def test_the_folder_after_a_power_cut_anywhere(recorded: Recorded, ground: Path) -> None:
    print(f"seed {SEED}")
    dice, seen, kinds = random.Random(SEED), set[tuple[Image, str]](), Counter[str]()
    for moment in recorded.moments(dice):
        said = f"{sorted(moment.promise.safe.items())} {sorted(moment.promise.done)}"
        for whole in moment.images:
            image = whole.below(FOLDER)
            if (image, said) not in seen:
                seen.add((image, said))
                kinds.update(check_folder(laid(image, ground), moment.promise, recorded))
    print(f"{len(seen)} states of the folder; their files:", dict(kinds))
    # Every way in which a file may stand was met.
    assert set(kinds) >= {"nothing", "partial", "whole", "published", "done"}


def check_folder(folder: Path, promise: Promise, recorded: Recorded) -> list[str]:
    """What was said is there, and no claim or name is false; then the same files are asked for again."""
    expected = offered(recorded.catalogue)
    for work in recorded.works:
        check_file(folder, work, expected[work.place], promise)
    standing = look(folder, recorded.works)
    missing = [work for work in recorded.works if standing[work.id].kind in _TO_RECEIVE]
    if missing:
        stream = tar([one for work in missing for one in pieces(work.place, expected[work.place], PIECE)])
        news = receive(order(folder, missing, mark_bytes=1 << 14), stream)
        assert (news.ended, set(news.whole)) == (None, {work.id for work in missing})
        assert news.new == sum(len(expected[work.place]) - standing[work.id].bytes for work in missing)
    unproved = [work for work in recorded.works if standing[work.id].kind is not StandingKind.DONE]
    proved = check(folder, unproved).proved
    assert set(proved) == {work.id for work in unproved}
    Ledger(folder).record([Proven.of(work, proved[work.id]) for work in unproved])
    for work in unproved:
        forget_journal(Target(folder), work.place)
    assert final_files(folder) == expected
    assert manifest(folder) == {place: sha256(data) for place, data in expected.items()}
    assert {one.kind for one in look(folder, recorded.works).values()} == {StandingKind.DONE}
    return [one.kind.value for one in standing.values()]


_TO_RECEIVE: Final = frozenset({StandingKind.NOTHING, StandingKind.PARTIAL})


def check_file(folder: Path, work: WorkFile, expected: bytes, promise: Promise) -> None:
    spot = Target(folder).spot(work.place)
    named = spot.final.exists()
    if named:
        assert spot.final.read_bytes() == expected, "a final name on something else"
    journal = read_journal(spot.journal)
    if journal is not None and (named or spot.part.exists()):
        bytes_ = (spot.part if spot.part.exists() else spot.final).read_bytes()
        for piece in journal.pieces:
            assert xxhash.xxh3_128(bytes_[piece.start : piece.stop]).hexdigest() == piece.digest, "a false claim"
    safe = promise.safe.get(work.id, 0)
    claimed = journal.bytes if journal is not None and spot.part.exists() else 0
    assert named or claimed >= safe, f"{safe} bytes were said to be safe, {claimed} are"
    if work.id in promise.done:
        assert named, "said to be done"
        assert Ledger(folder).entries()[work.place].sha256 == sha256(expected)


def test_the_whole_engine_goes_on_after_a_power_cut(recorded: Recorded) -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    moments = list(recorded.moments(dice))
    for moment in sorted(dice.sample(range(len(moments)), WHOLE_RUNS)):
        image = dice.choice(moments[moment].images)
        print(f"after call {moment} of {len(moments)}")
        shutil.rmtree(recorded.root)
        recorded.root.mkdir()
        image.lay(recorded.root)
        go_on(recorded, recorded.root / HOME, recorded.root / FOLDER)


def go_on(recorded: Recorded, home: Path, folder: Path) -> None:
    """The program is started again; a transfer that is not there any more, or was paused, is asked for again."""
    expected = offered(recorded.catalogue)
    with DemoHub(recorded.catalogue, piece_size=PIECE) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIHUB_APIKEY", DEMO_KEY)
        with RunningEngine(home, hub.url, floor_bytes=0) as engine:
            row = engine.fetch(folder)
            assert row.state is TransferState.DONE
    assert final_files(folder) == expected
    assert manifest(folder) == {place: sha256(data) for place, data in expected.items()}
    left = [path.name for path in folder.rglob("*") if path.name.endswith((".part", ".journal"))]
    assert not left, "nothing is left over"
