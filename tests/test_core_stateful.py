"""Any order of commands, news, crashes and answers keeps the core's invariants, and every queue comes to an end.

Held after every step: totals are those of the files · a state that waits for the user says what for · nothing that
may run is forgotten · an end is an end · a file has one writer · a stream begins only within the hours, while fewer
run than are wanted, and of a transfer that may run · a gather likewise, while its place has connections left, with
files of one place and one kind · a stream begins for whoever's turn it is · the shares of a limit never exceed it, and
no more streams run than it feeds · a stream is stopped only for one of the reasons there are · a finishing pause has
something left to finish · the number wanted stays between one and the ceiling.

The disk is a dictionary here, for the core never sees more of it than what a look tells. What is on it follows
the write order of the program: bytes are durable before they are claimed, names come after proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.leases import Ended, Failed, FileReach, Proof, Proved, Reached, Safe, Whole, WorkFile
from aihub_desktop.domain.model import S3, UNKNOWN_SIZE, WEB, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FILE_ENDED, TRANSFER_ENDED, TRANSFER_MAY_RUN, FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import (
    Allot,
    Collect,
    Deed,
    Fetch,
    Halt,
    KeyChanged,
    LineChanged,
    LookAt,
    Looked,
    NotRecorded,
    Prove,
    Record,
    Recorded,
    StorageChanged,
)
from aihub_desktop.engine.ready import Size, lot_of
from aihub_desktop.engine.records import RECEIVING, LeaseKind, Moment
from aihub_desktop.engine.timetable import utc_hour
from aihub_desktop.transport.reconcile import Standing, StandingKind

SIZE = 1000
NAMES = ["a.zip", "b.csv", "set.z01", "set.z02", "set.zip", "d/e.json", "A.zip", "..", "aux", "a.zip.part"]
HEALING = [Code.CUT, Code.STALLED, Code.SHORT, Code.UNREACHABLE, Code.HUB_BUSY, Code.NOT_A_TAR, Code.WORKER_LOST]
ASKING = [Code.NO_KEY, Code.NOT_APPROVED, Code.DISK_FULL, Code.ABROAD, Code.NO_ACCESS, Code.NO_CREDENTIALS]
ENDPOINT = "https://kr.example"
FINAL = [Code.UNKNOWN_FILE, Code.HOSTILE_MEMBER, Code.IN_THE_WAY]


@dataclass
class Lying:
    """What lies on the simulated disk for one place."""

    durable: int = 0
    whole: bool = False
    final: bool = False


class Queue(RuleBasedStateMachine):
    added = Bundle("added")

    @initialize(
        seed=st.integers(0, 2**32),
        parallel=st.integers(1, 5),
        spread=st.sampled_from([0.0, 2.0]),
        processes=st.integers(1, 4),
    )
    def begin(self, seed: int, parallel: int, spread: float, processes: int) -> None:
        self.processes = processes
        self.disk: dict[tuple[str, str], Lying] = {}
        self.saved: tuple[dict[int, m.TransferRow], dict[int, m.FileRow]] = ({}, {})
        self.clock = 1000.0
        self.seed = seed
        self.settings = Settings(parallel=parallel, spread=spread)
        self.may_halt = self.may_reorder = False
        self.new_core()

    # ---- the shell, in small ----

    def new_core(self) -> None:
        self.core = Core(self.settings, seed=self.seed, processes=self.processes)
        self.records: list[Record] = []
        self.looks: list[LookAt] = []
        self.leases: dict[int, Fetch | Collect | Prove] = {}
        # What each worker may still write to: it is through with a file once it told the file's outcome.
        self.writing: dict[int, set[tuple[str, str]]] = {}
        self.received: dict[int, int] = {}
        book = self.core.book
        book.last_file = max(self.saved[1], default=0)
        for row in self.saved[0].values():
            transfer = book.load(row)
            if transfer.state not in TRANSFER_ENDED:
                book.load_files(transfer, [one for one in self.saved[1].values() if one.transfer == row.id])
        self.core.starts(self.now())
        self.turn(self.core.plan(self.now()))

    def now(self) -> Moment:
        return Moment(self.clock, self.clock + 1e9)

    def tell(self, message: object) -> int | None:
        # A person's word, another line, or a problem that only the user can mend.
        stops = isinstance(message, m.Cancel) or (isinstance(message, m.Pause) and not message.finish)
        self.may_halt = (
            stops
            or self.may_reorder
            or isinstance(message, LineChanged | Looked | NotRecorded)
            or (isinstance(message, Ended | Failed) and message.problem is not None and message.problem.code in ASKING)
        )
        deeds, number = self.core.handle(message, self.now())
        self.turn(deeds)
        self.may_halt = False
        self.turn(self.core.plan(self.now()))
        return number

    def turn(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Fetch() | Collect() | Prove():
                    self.begins_rightly(deed)
                    self.lend(deed)
                case Halt():
                    assert deed.lease in self.leases
                    assert self.may_halt or not self.is_open_time(), "a stream was stopped without a reason"
                case Allot():
                    assert deed.lease in self.leases
                case LookAt():
                    self.looks.append(deed)
                case Record():
                    self.records.append(deed)
        self.save()

    def lend(self, deed: Fetch | Collect | Prove) -> None:
        places = {(deed.folder, file.place) for file in deed.files}
        assert not any(places & held for held in self.writing.values()), "two leases may write one file"
        self.leases[deed.lease] = deed
        self.writing[deed.lease] = places

    def begins_rightly(self, deed: Fetch | Collect | Prove) -> None:
        if isinstance(deed, Fetch):
            self.is_its_turn(deed)
        if isinstance(deed, Fetch):
            self.streams_rightly(deed)
        elif isinstance(deed, Collect):
            self.gathers_rightly(deed)

    def is_its_turn(self, deed: Fetch) -> None:
        """Nobody who comes before has anything left that could have begun instead."""
        book = self.core.book
        transfer = book.transfers[book.leases[deed.lease].transfer]
        for other in book.transfers.values():
            if other.turn < transfer.turn and other.state in TRANSFER_MAY_RUN and other.berth.admitted:
                waiting = (book.files[key] for key in other.ids if book.files[key].state is FileState.WAITING)
                free = [
                    file
                    for file in waiting
                    if file.remote.origin is None and file.lease is None and file.due == 0 and file.place
                ]
                assert all(book.is_held(other, file) for file in free), "it was another one's turn"

    def streams_rightly(self, deed: Fetch) -> None:
        core = self.core
        assert self.is_open_time(), "a stream began outside the hours"
        running = sum(isinstance(one, Fetch) for one in self.leases.values())
        assert running < core.traffic.wanted <= self.settings.parallel, "a stream too many"
        transfer = core.book.transfers[core.book.leases[deed.lease].transfer]
        assert transfer.state is TransferState.RUNNING
        assert not transfer.finishing

    def gathers_rightly(self, deed: Collect) -> None:
        core = self.core
        assert self.is_open_time(), "a gather began outside the hours"
        lease = core.book.leases[deed.lease]
        held = sum(one.connections for one in core.book.leases.values() if one.place == lease.place)
        assert 1 <= lease.connections == deed.connections
        assert held <= self.settings.connections, "a connection too many"
        assert len({lot_of(file.file) for file in deed.files}) == 1
        transfer = core.book.transfers[lease.transfer]
        assert transfer.state is TransferState.RUNNING
        assert not transfer.finishing

    def is_open_time(self) -> bool:
        return Week.parse(self.settings.hours).allows(*utc_hour(self.now().wall))

    def save(self) -> None:
        transfers, files, _, dropped = self.core.book.changes()
        removed, self.core.book.forgotten = self.core.book.forgotten, []
        self.saved[0].update({row.id: row for row in transfers})
        self.saved[1].update({row.id: row for row in files})
        for key in removed:
            del self.saved[0][key]
        gone = {row.id for row in self.saved[1].values() if row.transfer in removed} | set(dropped)
        for number in gone:
            self.saved[1].pop(number, None)

    def lying(self, folder: str, file: WorkFile) -> Lying:
        return self.disk.setdefault((folder, file.place), Lying())

    def standing(self, folder: str, file: WorkFile) -> Standing:
        lies = self.lying(folder, file)
        if lies.final:
            return Standing(StandingKind.DONE, SIZE, SIZE, "0" * 64, Proof.LENGTH.value)
        if lies.whole:
            return Standing(StandingKind.WHOLE, SIZE, SIZE, "0" * 64, "")
        return Standing(StandingKind.PARTIAL if lies.durable else StandingKind.NOTHING, lies.durable, None, "", "")

    # ---- what a person does ----

    @rule(
        target=added,
        dataset=st.sampled_from("12"),
        names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
        folder=st.sampled_from(["/x", "/y"]),
    )
    def add(self, dataset: str, names: list[str], folder: str) -> int:
        self.load_ended()
        files = [
            # Small ones share a request, large ones go alone: both shall happen.
            RemoteFile("aihub", dataset, f"{dataset}{name}", name, SizeRange(900, 1 << 30 if "z" in name else 1100, ""))
            for name in names
        ]
        number = self.tell(m.Add(1, Dataset("aihub", dataset, "t"), files, folder))
        assert number is not None
        return number

    @rule(
        target=added,
        source=st.sampled_from([S3, S3, WEB]),
        bucket=st.sampled_from(["one", "two"]),
        names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
        folder=st.sampled_from(["/x", "/y"]),
        signature=st.sampled_from(["", "?signed=1"]),
    )
    def add_ranged(self, source: str, bucket: str, names: list[str], folder: str, signature: str) -> int:
        self.load_ended()
        dataset = f"{ENDPOINT}/{bucket}" if source == S3 else ""
        files = []
        for name in names:
            size = SizeRange(900, 1 << 30 if "z" in name else 1100, "")
            address = (f"https://{bucket}.example/{name}{signature}",) if source == WEB else ()
            key = f"{bucket}/{name}"
            unknown = source == WEB and name.endswith(("csv", "json"))
            files.append(
                RemoteFile(source, dataset, key, name, UNKNOWN_SIZE if unknown else size, origin=Origin(address))
            )
        number = self.tell(m.Add(1, Dataset(source, dataset, "t"), files, folder))
        assert number is not None
        known = {file.remote.key: file.remote for file in self.core.book.files_of(self.core.book.transfers[number])}
        assert all(known[file.key] == file for file in files), "what was told last of a file is what counts"
        return number

    @rule()
    def another_key(self) -> None:
        self.tell(KeyChanged())

    @rule()
    def another_way_in(self) -> None:
        self.tell(StorageChanged(ENDPOINT))
        for transfer in self.core.book.transfers.values():
            if transfer.dataset.source == S3 and transfer.problem is not None:
                assert transfer.problem.code not in (Code.NO_ACCESS, Code.NO_CREDENTIALS), "it waits for what is there"

    @rule(key=added, every=st.booleans())
    def finish(self, key: int, every: bool) -> None:
        if key in self.core.book.transfers or every:
            before = self.halted()
            self.tell(m.Pause(1, None if every else [key], finish=True))
            assert self.halted() == before or not self.is_open_time() or self.settings.limit, "it let nothing finish"

    def halted(self) -> set[int]:
        return {lease for lease, record in self.core.book.leases.items() if record.halting}

    @rule(
        limit=st.sampled_from([0, 100_000, 1_500_000, 10_000_000]),
        hours=st.sampled_from(["", "sun 0-12", "mon 3-4"]),
        parallel=st.integers(1, 5),
        connections=st.integers(1, 9),
    )
    def configure(self, limit: int, hours: str, parallel: int, connections: int) -> None:
        self.settings = Settings(
            parallel=parallel, spread=self.settings.spread, limit=limit, hours=hours, connections=connections
        )
        self.core.settings = self.settings
        self.may_halt = True  # a limit may feed fewer
        self.turn(self.core.plan(self.now()))
        self.may_halt = False
        running = [lease for lease in self.core.book.leases.values() if not lease.halting]
        assert limit or not any(lease.share for lease in running), "without a limit nobody has a share"

    @rule(command=st.sampled_from([m.Pause, m.Resume, m.Cancel, m.Retry]), key=added, every=st.booleans())
    def press(self, command: type[m.Pause | m.Resume | m.Cancel | m.Retry], key: int, every: bool) -> None:
        self.load_ended()
        if key in self.core.book.transfers or every:
            self.tell(command(1, None if every else [key]))

    def load_ended(self) -> None:
        for transfer in self.core.book.transfers.values():
            if not transfer.loaded:
                rows = [one for one in self.saved[1].values() if one.transfer == transfer.id]
                self.core.book.load_files(transfer, rows)

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        listed = self.in_the_list()
        if listed:
            keys = data.draw(st.lists(st.sampled_from(listed), min_size=1, unique=True))
            before = data.draw(st.none() | st.sampled_from(listed))
            self.stopping(lambda: self.tell(m.Move(1, keys, before)))
            behind = listed[listed.index(before) :] if before is not None else []
            head = [key for key in listed if key not in behind and key not in keys]
            tail = [key for key in behind if key not in keys]
            assert self.in_the_list() == [*head, *keys, *tail]

    @rule(key=added, data=st.data())
    def move_files(self, key: int, data: st.DataObject) -> None:
        self.load_ended()
        if key not in self.core.book.transfers:
            return
        listed = self.files_in_order(key)
        keys = data.draw(st.lists(st.sampled_from(listed), min_size=1, unique=True))
        before = data.draw(st.none() | st.sampled_from(listed))
        self.stopping(lambda: self.tell(m.MoveFiles(1, key, keys, before)))
        found = self.files_in_order(key)
        assert sorted(found) == sorted(listed)
        assert [one for one in found if one in keys] == keys or self.core.book.transfers[key].sets
        assert list(self.core.book.transfers[key].ids) == found

    def files_in_order(self, key: int) -> list[int]:
        files = self.core.book.files_of(self.core.book.transfers[key])
        return [file.id for file in sorted(files, key=lambda file: file.turn)]

    @rule(key=added, priority=st.sampled_from(list(Priority)))
    def prefer(self, key: int, priority: Priority) -> None:
        if key in self.core.book.transfers:
            self.stopping(lambda: self.tell(m.Prefer(1, [key], priority)))

    def stopping(self, act: Callable[[], object]) -> None:
        """A person's order may ask back what comes in ranges, and never a stream of the hub."""
        before = self.halted()
        self.may_reorder = True
        act()
        self.may_reorder = False
        halted = (self.core.book.leases[lease] for lease in self.halted() - before)
        assert all(lease.kind is LeaseKind.GATHER for lease in halted) or not self.is_open_time() or self.settings.limit

    def in_the_list(self) -> list[int]:
        found = self.core.book.transfers.values()
        return [one.id for one in sorted(found, key=lambda one: (one.rank, one.id))]

    @rule()
    def restore(self) -> None:
        """What was removed last comes back, as the store has it."""
        leaving = sorted(set(self.saved[0]) - set(self.core.book.transfers))
        if leaving:
            before = [self.saved[0][key] for key in leaving]
            self.tell(m.BringBack(1, leaving))
            assert [self.core.book.transfers[key].row() for key in leaving] == before

    @rule(key=added)
    def remove(self, key: int) -> None:
        transfer = self.core.book.transfers.get(key)
        if transfer and transfer.state in TRANSFER_ENDED and not self.core.book.leases_of(transfer):
            self.save()
            self.tell(m.Remove(1, [key]))
            return
        with pytest.raises(ProblemError) as refusal:
            self.tell(m.Remove(1, [key]))
        assert refusal.value.problem.code is Code.BAD_COMMAND

    @rule(data=st.data())
    def skip_or_retry_one(self, data: st.DataObject) -> None:
        self.load_ended()
        if self.core.book.files:
            key = data.draw(st.sampled_from(sorted(self.core.book.files)))
            self.tell(data.draw(st.sampled_from([m.Cancel(1, [], [key]), m.Retry(1, [], [key])])))

    # ---- what the world does ----

    @rule(seconds=st.sampled_from([0.5, 3.0, 400.0, 9000.0]))
    def wait(self, seconds: float) -> None:
        self.clock += seconds
        self.turn(self.core.plan(self.now()))

    @rule()
    def other_line(self) -> None:
        old = [lease for lease, deed in self.leases.items() if not isinstance(deed, Prove)]
        self.tell(LineChanged())
        # What begins in the same turn begins on the new line.
        assert set(old) <= self.halted() | (set(old) - self.leases.keys())
        for lease in old:
            self.end(lease, Problem(Code.CUT))

    @rule(data=st.data())
    def refused_start(self, data: st.DataObject) -> None:
        unopened = [
            lease
            for lease, deed in self.leases.items()
            if isinstance(deed, Fetch) and not self.core.book.leases[lease].opened
        ]
        if unopened:
            self.end(data.draw(st.sampled_from(unopened)), Problem(Code.HUB_BUSY))

    @rule()
    def look(self) -> None:
        if self.looks:
            deed = self.looks.pop(0)
            self.tell(Looked(deed.transfer, {file.id: self.standing(deed.folder, file) for file in deed.files}))

    @rule(code=st.sampled_from([Code.NOT_WRITABLE, Code.DISK_FULL]))
    def look_in_vain(self, code: Code) -> None:
        if self.looks:
            self.tell(Looked(self.looks.pop(0).transfer, {}, Problem(code)))

    @rule(data=st.data())
    def news(self, data: st.DataObject) -> None:
        if not self.leases:
            return
        lease = data.draw(st.sampled_from(sorted(self.leases)))
        deed = self.leases[lease]
        file = data.draw(st.sampled_from(deed.files))
        if (deed.folder, file.place) not in self.writing[lease]:
            return
        if isinstance(deed, Prove) or (isinstance(deed, Collect) and self.is_small(file) and data.draw(st.booleans())):
            self.prove(lease, deed, file)
        else:
            self.receive(data, lease, deed, file)

    def is_small(self, file: WorkFile) -> bool:
        lot = lot_of(file.file)
        return lot is not None and lot.size is not Size.LARGE

    def receive(self, data: st.DataObject, lease: int, deed: Fetch | Collect, file: WorkFile) -> None:
        lies = self.lying(deed.folder, file)
        match data.draw(st.sampled_from(["reached", "safe", "whole", "failed"])):
            case "reached":
                self.received[lease] = self.received.get(lease, 0) + data.draw(st.sampled_from([0, 10, 10_000_000]))
                held = data.draw(st.sampled_from([0.0, 0.0, 3.0]))
                again = data.draw(st.integers(0, lies.durable))
                reach = [FileReach(file.id, lies.durable, again)]
                eased = isinstance(deed, Collect) and data.draw(st.booleans())
                self.tell(Reached(lease, self.received[lease], reach, opened=True, held=held, eased=eased))
            case "safe" if not lies.whole:
                new = data.draw(st.integers(0, SIZE - lies.durable))
                lies.durable += new
                self.tell(Safe(lease, file.id, lies.durable, new))
            case "whole":
                self.complete(lease, deed, file)
            case "failed":
                self.writing[lease].discard((deed.folder, file.place))
                code = data.draw(st.sampled_from([Code.CHANGED, Code.SHORT, *FINAL]))
                if code is Code.CHANGED:
                    lies.durable, lies.whole = 0, False
                self.tell(Failed(lease, file.id, Problem(code)))

    def complete(self, lease: int, deed: Fetch | Collect, file: WorkFile) -> None:
        lies = self.lying(deed.folder, file)
        lies.durable, lies.whole = SIZE, True
        self.writing[lease].discard((deed.folder, file.place))
        self.tell(Whole(lease, file.id, SIZE, "0" * 64))

    @rule()
    def enter_records(self) -> None:
        """The manifest is written when there is time for it; much may have happened since the proof."""
        records, self.records = self.records, []
        for record in records:
            self.tell(Recorded(record.proof))

    @rule()
    def enter_in_vain(self) -> None:
        if self.records:
            self.tell(NotRecorded(self.records.pop(0).proof, Problem(Code.DISK_FULL)))

    def prove(self, lease: int, deed: Prove | Collect, file: WorkFile) -> None:
        self.lying(deed.folder, file).final = True
        self.writing[lease].discard((deed.folder, file.place))
        self.tell(Proved(lease, file.id, SIZE, "0" * 64, Proof.LENGTH))

    @rule(data=st.data(), code=st.sampled_from([None, *HEALING, *ASKING, *FINAL]))
    def lease_ends(self, data: st.DataObject, code: Code | None) -> None:
        if self.leases:
            lease = data.draw(st.sampled_from(sorted(self.leases)))
            self.end(lease, Problem(code) if code else None)

    def end(self, lease: int, problem: Problem | None) -> None:
        del self.leases[lease], self.writing[lease]
        self.tell(Ended(lease, problem))

    @rule()
    def late_news(self) -> None:
        """A worker that was given up may say what it likes."""
        before = self.rows()
        for message in (
            Safe(9999, 1, 5, 5),
            Whole(9999, 1, 5, ""),
            Ended(9999, Problem(Code.CUT)),
            Reached(9999, 5, []),
        ):
            self.core.handle(message, self.now())
        assert before == self.rows()

    def rows(self) -> list[m.TransferRow]:
        return [transfer.row() for transfer in self.core.book.transfers.values()]

    @rule()
    def crash(self) -> None:
        """The process ends at once: what was saved and what lies on disk is all that is left."""
        self.new_core()

    # ---- what always holds ----

    @invariant()
    def the_limit_is_kept(self) -> None:
        receiving = [lease for lease in self.core.book.leases.values() if lease.kind in RECEIVING]
        running = [lease for lease in receiving if not lease.halting]
        streams = [lease for lease in running if lease.kind is LeaseKind.FETCH]
        limit, slowest = self.settings.limit, self.settings.slowest_stream
        if limit:
            assert sum(lease.share for lease in running) <= limit
            assert all(lease.share > 0 for lease in running), "no share means no limit"
            assert len(streams) <= max(1, limit // slowest)

    @invariant()
    def the_number_wanted_is_sane(self) -> None:
        assert 1 <= self.core.traffic.wanted <= self.settings.parallel

    @invariant()
    def what_finishes_has_something_to_finish(self) -> None:
        for transfer in self.core.book.transfers.values():
            assert transfer.state is TransferState.PAUSED or not transfer.finishing
            if transfer.finishing:
                assert self.core.book.leases_of(transfer) or transfer.whole

    @invariant()
    def totals_are_right(self) -> None:
        for transfer in self.core.book.transfers.values():
            if not transfer.loaded:
                continue
            files = self.core.book.files_of(transfer)
            counted = [file for file in files if file.state is not FileState.SKIPPED]
            assert transfer.files == len(files)
            assert transfer.done == sum(file.state is FileState.DONE for file in files)
            assert transfer.failed == sum(file.state is FileState.FAILED for file in files)
            assert transfer.bytes == sum(file.bytes for file in counted)
            assert transfer.high == sum(file.total()[1] for file in counted)
            assert transfer.still_high == sum(file.still()[1] for file in counted)
            assert transfer.endless == sum(file.is_endless and file.state not in FILE_ENDED for file in counted)

    @invariant()
    def every_problem_is_told(self) -> None:
        for transfer in self.core.book.transfers.values():
            assert (transfer.state is TransferState.NEEDS_USER) == (transfer.problem is not None)
            if transfer.loaded:
                for file in self.core.book.files_of(transfer):
                    assert file.state is not FileState.FAILED or file.problem is not None

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """A transfer that may run is looked at, runs, or knows what it waits for."""
        book = self.core.book
        looking = {deed.transfer for deed in self.looks}
        for transfer in book.transfers.values():
            if transfer.state not in TRANSFER_MAY_RUN:
                continue
            waits = any(file.state is FileState.WAITING for file in book.files_of(transfer))
            checks = bool(transfer.whole) or any(file.recording for file in book.files_of(transfer))
            moves = bool(book.leases_of(transfer)) or transfer.id in looking
            assert moves or waits or checks, f"{transfer} is stuck"
            assert moves or self.core.next_moment(self.now()) is not None or self.leases, f"{transfer} is never planned"

    @invariant()
    def ended_means_ended(self) -> None:
        for transfer in self.core.book.transfers.values():
            over = transfer.done + transfer.failed + transfer.skipped == transfer.files
            assert over or transfer.state not in (TransferState.DONE, TransferState.FAILED)

    def teardown(self) -> None:
        """With a world that works and a person who resumes, everything comes to its end."""
        if not hasattr(self, "core"):
            return
        self.settings = self.core.settings = Settings(parallel=self.settings.parallel, hours="sun-sat 1-23")
        for _ in range(400):
            if all(one.state in TRANSFER_ENDED for one in self.core.book.transfers.values()):
                break
            self.tell(m.Resume(1))
            self.may_halt = True
            while self.looks:
                self.look()
            for lease, deed in list(self.leases.items()):
                self.work_off(lease, deed)
            self.enter_records()
            self.wait(400)
        for transfer in self.core.book.transfers.values():
            assert transfer.state in TRANSFER_ENDED, transfer
            assert all(file.state in FILE_ENDED for file in self.core.book.files_of(transfer))

    def work_off(self, lease: int, deed: Fetch | Collect | Prove) -> None:
        for file in deed.files:
            if (deed.folder, file.place) not in self.writing[lease]:
                continue
            if isinstance(deed, Prove):
                self.prove(lease, deed, file)
            else:
                self.complete(lease, deed, file)
        self.end(lease, None)


TestQueue = Queue.TestCase
TestQueue.settings = hypothesis_settings(max_examples=300, stateful_step_count=50, deadline=None, print_blob=True)
