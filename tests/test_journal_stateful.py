"""Any order of answers, cuts, changes, crashes and decay keeps the invariants of what lies on disk.

Real receptions and checks over real files. A crash is a copy of the folder taken in the middle of an answer, from
which bytes that nobody had called durable are then taken away.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import xxhash
from engines import final_files, manifest, sha256
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tapes import News, Tape, check, order, pieces, receive, tar, work

from aihub_desktop.demo.archives import Entry as ZipEntry
from aihub_desktop.demo.archives import zipped
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import AnyNews, Receive, Safe, WorkFile
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.receive import Reception
from aihub_desktop.transport.reconcile import StandingKind, forget_journal, look, sweep

MEMORY: Final = "/dev/shm"  # thousands of syncs, where there is memory for files
PIECE: Final = 1_000
MARK: Final = 700
PLACES: Final = ["d/a.csv", "d/b.zip", "c.csv"]
# What may end a file: that the hub, the disk or another process has changed it under us, or that its members come
# in an order that does not tell where they belong.
FAILURES: Final = frozenset({Code.CHANGED, Code.IN_USE, Code.SHORT, Code.BAD_ARCHIVE, Code.MISPLACED})


def content(place: str, version: int) -> bytes:
    """A file as the hub gives it; every version has the same size."""
    dice = random.Random(f"{place}{version}")
    return zipped([ZipEntry(name="x", data=dice.randbytes(2_500))]) if place.endswith("zip") else dice.randbytes(3_300)


@dataclass
class File:
    """What the world knows of one file."""

    work: WorkFile
    version: int = 0
    offered: set[int] = field(default_factory=lambda: {0})
    safe: int = 0  # durable bytes, as was told
    decayed: bool = False  # the disk has lost bytes that the journal claims

    @property
    def now(self) -> bytes:
        return content(self.work.place, self.version)

    def ever(self) -> list[bytes]:
        return [content(self.work.place, version) for version in self.offered]


class Disk(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 1 << 32))
    def begin(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.ground = Path(
            tempfile.mkdtemp(
                prefix="aihub-stateful-", dir=MEMORY if sys.platform == "linux" and os.access(MEMORY, os.W_OK) else None
            )
        )
        self.folder = self.ground / "받은 것"
        self.folder.mkdir()
        self.files = {
            number: File(work(number, place, len(content(place, 0)))) for number, place in enumerate(PLACES, 1)
        }

    def works(self) -> list[WorkFile]:
        return [file.work for file in self.files.values()]

    def spot(self, file: File) -> Spot:
        return Target(self.folder).spot(file.work.place)

    def wanted(self) -> list[File]:
        """What has no final name yet, as the engine would ask for it."""
        standing = look(self.folder, self.works())
        ended = (StandingKind.DONE, StandingKind.PUBLISHED)
        return [file for number, file in self.files.items() if standing[number].kind not in ended]

    def stream(self, files: list[File], *, shuffled: bool, twice: bool) -> bytes:
        members = [one for file in files for one in pieces(file.work.place, file.now, PIECE)]
        if twice:
            members += self.dice.sample(members, len(members) // 2)
        if shuffled:
            self.dice.shuffle(members)
        return tar(members)

    # ---- what the hub and the line do ----

    @rule(
        shuffled=st.booleans(), twice=st.booleans(), share=st.sampled_from([0.1, 0.4, 0.7, 0.95, 1.0]),
        ending=st.sampled_from(["cut", "clean"]),
    )  # fmt: skip
    def answer(self, shuffled: bool, twice: bool, share: float, ending: str) -> None:
        """An answer that comes so far."""
        files = self.wanted()
        stream = self.stream(files, shuffled=shuffled, twice=twice)
        tape = Tape(stream[: int(len(stream) * share)], cut=self.dice.randrange(200, 3000), ending=ending)
        self.heard(files, receive(self.order(files), tape))

    def order(self, files: list[File]) -> Receive:
        return order(self.folder, [file.work for file in files], mark_bytes=MARK)

    def heard(self, files: list[File], news: News) -> None:
        for number, code in news.failed.items():
            assert code in FAILURES, code
            self.files[number].safe = 0 if code is Code.CHANGED else self.files[number].safe
        for file in files:
            number = file.work.id
            if number not in news.failed:
                file.safe = max(file.safe, news.safe.get(number, 0)) if not file.decayed else news.safe.get(number, 0)
            if number in news.whole:
                assert read_journal(self.spot(file).journal)
                file.decayed = file.decayed and number not in news.safe

    @rule(number=st.sampled_from([1, 2, 3]))
    def another_release(self, number: int) -> None:
        """The hub has other bytes of the same length under the same key."""
        file = self.files[number]
        file.version += 1
        file.offered.add(file.version)

    # ---- what the machine does ----

    @rule(share=st.floats(0, 1), shuffled=st.booleans())
    def crash(self, share: float, shuffled: bool) -> None:
        """The power goes in the middle of an answer."""
        files = self.wanted()
        stream = self.stream(files, shuffled=shuffled, twice=False)
        told: list[AnyNews] = []
        known: list[AnyNews] = []
        copy = self.ground / "copy"

        def freeze() -> None:
            known.extend(told)
            self.copy_to(copy)

        tape = Tape(stream, cut=self.dice.randrange(200, 3000), at={int(len(stream) * share): freeze})
        Reception(self.order(files), lambda: tape, told.append).run()
        if not copy.exists():  # nothing was asked for, or it was refused before that
            self.heard(files, News(told))
            return
        shutil.rmtree(self.folder)
        copy.rename(self.folder)
        for file in files:
            dropped = any(getattr(one, "file", 0) == file.work.id and not isinstance(one, Safe) for one in known)
            said = [one.bytes for one in known if isinstance(one, Safe) and one.file == file.work.id]
            file.safe = 0 if dropped or file.decayed or not self.spot(file).journal.exists() else file.safe
            file.safe = said[-1] if said and not dropped else file.safe
            self.lose(file)

    def copy_to(self, copy: Path) -> None:
        """Journals before bytes: a claim of the copy is never newer than its bytes."""
        while True:
            shutil.rmtree(copy, ignore_errors=True)
            before = self.names()
            for path in sorted(before, key=lambda path: not path.name.endswith(".journal")):
                target = copy / path.relative_to(self.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.exists():
                    shutil.copy2(path, target)
            copy.mkdir(exist_ok=True)
            if self.names() == before:
                return

    def names(self) -> dict[Path, int]:
        return {path: path.stat().st_ino for path in self.folder.rglob("*") if path.is_file()}

    def lose(self, file: File) -> None:
        """What nobody called durable may be gone: bytes beside the claims, the journal's last lines."""
        spot = self.spot(file)
        if spot.journal.exists():
            text = spot.journal.read_bytes()
            for length in range(self.dice.randrange(len(text) + 1), len(text) + 1):
                spot.journal.write_bytes(text[:length])
                state = read_journal(spot.journal)
                if (state.bytes if state else 0) >= file.safe:
                    break
            if self.dice.random() < 0.5:
                spot.journal.write_bytes(spot.journal.read_bytes() + self.dice.randbytes(self.dice.randrange(60)))
        if not spot.part.exists():
            return
        there = bytearray(spot.part.read_bytes())
        state = read_journal(spot.journal)
        held = {at for piece in (state.pieces if state else ()) for at in range(piece.start, piece.stop)}
        filler = self.dice.choice([0, 0xA5])
        for at in range(len(there)):
            if at not in held and (filler or self.dice.random() < 0.9):
                there[at] = filler
        stop = max(held, default=-1) + 1
        spot.part.write_bytes(there[: self.dice.randrange(stop, len(there) + 1) if stop <= len(there) else len(there)])

    @rule(number=st.sampled_from([1, 2, 3]), where=st.floats(0, 0.999))
    def decay(self, number: int, where: float) -> None:
        """The disk gives other bytes than it was given."""
        file = self.files[number]
        spot = self.spot(file)
        if spot.part.exists() and (there := bytearray(spot.part.read_bytes())):
            there[int(len(there) * where)] ^= 0xFF
            spot.part.write_bytes(there)
            file.decayed, file.safe = True, 0

    @rule()
    def second_reception(self) -> None:
        """Another run of the program, into the same folder, in the middle of an answer."""
        files = self.wanted()
        stream = self.stream(files, shuffled=False, twice=False)
        others: list[News] = []
        at = self.dice.randrange(len(stream) + 1)
        tape = Tape(
            stream,
            cut=self.dice.randrange(200, 3000),
            at={at: lambda: others.append(receive(self.order(files), stream))},
        )
        news = receive(self.order(files), tape)
        for other in others:
            assert not set(news.safe) & set(other.safe), "two have written to one file"
            self.heard(files, other)
        self.heard(files, news)

    # ---- what proves ----

    @rule()
    def prove(self) -> None:
        standing = look(self.folder, self.works())
        ready = (StandingKind.WHOLE, StandingKind.PUBLISHED)
        whole = [file for number, file in self.files.items() if standing[number].kind in ready]
        news = check(self.folder, [file.work for file in whole])
        for number, code in news.failed.items():
            assert self.files[number].decayed, f"{number} is sound, but {code}"
            self.files[number].safe, self.files[number].decayed = 0, False
        if self.dice.random() < 0.3:
            return  # a crash between the name and the record
        Ledger(self.folder).record([Entry.of(self.files[one].work, proof) for one, proof in news.proved.items()])
        if self.dice.random() < 0.3:
            return
        for number in news.proved:
            forget_journal(Target(self.folder), self.files[number].work.place)

    # ---- what always holds ----

    @invariant()
    @precondition(lambda self: hasattr(self, "files"))
    def final_names_are_true(self) -> None:
        found = final_files(self.folder)
        for file in self.files.values():
            if file.work.place in found:
                assert found[file.work.place] in file.ever(), "a final name on a mixture"
        assert set(found) <= set(PLACES)

    @invariant()
    @precondition(lambda self: hasattr(self, "files"))
    def claims_are_true(self) -> None:
        for file in self.files.values():
            spot = self.spot(file)
            state = read_journal(spot.journal)
            if state is None or not spot.part.exists() or file.decayed:
                continue
            there = spot.part.read_bytes()
            for piece in state.pieces:
                assert xxhash.xxh3_128(there[piece.start : piece.stop]).hexdigest() == piece.digest, "a false claim"

    @invariant()
    @precondition(lambda self: hasattr(self, "files"))
    def what_was_called_safe_is_safe(self) -> None:
        for file in self.files.values():
            if not self.spot(file).final.exists():
                state = read_journal(self.spot(file).journal)
                assert (state.bytes if state else 0) >= file.safe, (file, state)

    def teardown(self) -> None:
        """With a hub and a disk that hold still, all files arrive."""
        if not hasattr(self, "files"):
            return
        try:
            for _ in range(8):
                files = self.wanted()
                if files:
                    stream = self.stream(files, shuffled=False, twice=False)
                    self.heard(files, receive(self.order(files), stream))
                if unrecorded := [file.work for file in self.files.values() if self.is_unrecorded(file)]:
                    done = check(self.folder, unrecorded).proved
                    Ledger(self.folder).record([Entry.of(self.files[one].work, proof) for one, proof in done.items()])
                elif not files:
                    break
            sweep(self.folder, self.works())
            self.final_names_are_true()
            found = final_files(self.folder)
            assert set(found) == set(PLACES), "it never came to its end"
            assert manifest(self.folder) == {place: sha256(data) for place, data in found.items()}
            assert not list(self.folder.rglob("*.part*")), "something is left over"
        finally:
            shutil.rmtree(self.ground)

    def is_unrecorded(self, file: File) -> bool:
        kind = look(self.folder, [file.work])[file.work.id].kind
        return kind in (StandingKind.WHOLE, StandingKind.PUBLISHED)


TestDisk = Disk.TestCase
TestDisk.settings = hypothesis_settings(max_examples=30, stateful_step_count=15, deadline=None, print_blob=True)
