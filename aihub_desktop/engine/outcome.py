"""What follows from what happened: news of workers, answers of the shell. Pure, like the core it belongs to."""

from __future__ import annotations

import random
from typing import Final

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Checked, Ended, Failed, Proved, Reached, Safe, Whole
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FILE_RUNNING, FileState, TransferState
from aihub_desktop.engine.court import Court
from aihub_desktop.engine.deeds import Deed, Halt, Looked, NotRecorded, Record, Recorded
from aihub_desktop.engine.fallback import Fallback
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, LeaseRecord, Moment, TransferRecord
from aihub_desktop.transport.reconcile import Standing, StandingKind

KEY_PROBLEMS: Final = frozenset({Code.NO_KEY, Code.KEY_REJECTED})
ACCESS_PROBLEMS: Final = frozenset({Code.NO_ACCESS, Code.NO_CREDENTIALS, Code.KEYCHAIN_LOCKED})


class Outcome:
    """Turns news into states. `patience`: see `Court`."""

    def __init__(self, book: Book, dice: random.Random, patience: float | None) -> None:
        self.settings = Settings()
        self._book = book
        self._court = Court(book, dice, patience)
        self.fallback = Fallback(book)
        self._deeds: list[Deed] = []

    # ---- deeds ----

    def do(self, deed: Deed) -> None:
        self._deeds.append(deed)

    def take(self) -> list[Deed]:
        deeds, self._deeds = self._deeds, []
        return deeds

    def halt(self, transfer: TransferRecord) -> None:
        for lease in self._book.leases_of(transfer):
            self.halt_lease(lease)

    def halt_lease(self, lease: LeaseRecord) -> None:
        if not lease.halting:
            lease.halting = True
            self.do(Halt(lease.id))

    # ---- what the disk holds ----

    def looked(self, answer: Looked, now: Moment) -> None:
        transfer = self._book.transfers.get(answer.transfer)
        if transfer is None or not transfer.loaded:
            return
        transfer.looked = True
        self._court.begins(now)
        if answer.problem is not None:
            self.meet(transfer, answer.problem)
            return
        for key, standing in answer.standings.items():
            file = self._book.files.get(key)
            if file is not None and file.lease is None and file.state in (FileState.WAITING, FileState.CHECKING):
                self._stand(file, standing)
        self.settle(transfer, now)

    def _stand(self, file: FileRecord, standing: Standing) -> None:
        match standing.kind:
            case StandingKind.DONE:
                self._book.set_file(
                    file, state=FileState.DONE, bytes=standing.bytes, size=standing.size, sha256=standing.sha256,
                    proof=standing.proof, problem=None,
                )  # fmt: skip
            case StandingKind.PUBLISHED | StandingKind.WHOLE:
                self._book.set_file(
                    file, state=FileState.CHECKING, bytes=standing.bytes, size=standing.size, sha256=standing.sha256,
                    proof_seen=None,
                )  # fmt: skip
            case StandingKind.IN_THE_WAY:
                problem = Problem(Code.IN_THE_WAY, {"name": file.place})
                self._book.set_file(file, state=FileState.FAILED, problem=problem)
            case StandingKind.PARTIAL | StandingKind.NOTHING:
                self._book.set_file(file, state=FileState.WAITING, bytes=standing.bytes, size=None, sha256="")

    # ---- news of workers ----

    def reached(self, news: Reached, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        if lease is None:
            return
        transfer = self._book.transfers[lease.transfer]
        transfer.received += max(0, news.received - lease.received)
        lease.received = max(lease.received, news.received)
        lease.connected = news.connections
        for reach in news.files:
            # The last word on what passed by comes when the outcome of the file is long known.
            transfer.again += max(0, reach.again - lease.again.get(reach.file, 0))
            lease.again[reach.file] = reach.again
            if (file := self._open(lease, reach.file)) is not None:
                self._book.reach(file, reach.bytes, reach.again)
                self._court.passes(lease, file, reach, now)

    def safe(self, news: Safe, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        file = self._open(lease, news.file) if lease else None
        if lease is None or file is None:
            return
        if news.new > 0:
            self._court.moves(lease, now)
        if news.bytes > file.best:
            self._book.set_file(file, best=news.bytes, passed=0, attempts=0, bundle=self.settings.bundle_files)

    def whole(self, news: Whole, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        file = self._open(lease, news.file) if lease else None
        if lease is None or file is None:
            return
        self._court.moves(lease, now)
        if file.bad_sha256 and file.bad_sha256 == news.sha256:
            self._book.set_file(file, state=FileState.FAILED, problem=Problem(Code.SOURCE_BROKEN, {"name": file.place}))
            self._book.free_file(file)
            self.settle(self._book.transfers[file.transfer], now)
            return
        self._book.set_file(
            file,
            state=FileState.CHECKING,
            bytes=news.size,
            size=news.size,
            sha256=news.sha256,
            problem=None,
            proof_seen=news.proof,
            note_seen=news.note,
        )
        self._book.free_file(file)

    def checked(self, news: Checked, now: Moment) -> None:
        """Nothing follows; a check that reads a large file shows its life elsewhere."""

    def proved(self, news: Proved, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        file = self._open(lease, news.file) if lease else None
        if lease is None or file is None:
            return
        # Small files come proved; their turn at being checked was with whoever received them.
        self._court.moves(lease, now)
        self._book.set_file(
            file, state=FileState.CHECKING, bytes=news.size, size=news.size, sha256=news.sha256, problem=None,
            recording=True,
        )  # fmt: skip
        # Its outcome is known, whatever the lease still says; it is the lease's until the manifest names it.
        lease.files.discard(file.id)
        transfer = self._book.transfers[file.transfer]
        self.do(Record(transfer.folder, file.work(), news, transfer.berth.device or 0))

    def recorded(self, answer: Recorded, now: Moment) -> None:
        proof = answer.proof
        file = self._book.files.get(proof.file)
        if file is None:
            return
        self._book.set_file(
            file, state=FileState.DONE, bytes=proof.size, size=proof.size, sha256=proof.sha256,
            proof=proof.proof.value, note=proof.note, problem=None, next_try=None, recording=False,
        )  # fmt: skip
        self._book.free_file(file)
        self.settle(self._book.transfers[file.transfer], now)

    def not_recorded(self, answer: NotRecorded, now: Moment) -> None:
        file = self._book.files.get(answer.proof.file)
        if file is not None:
            self._book.set_file(file, recording=False)
            self.meet(self._book.transfers[file.transfer], answer.problem)

    def failed(self, news: Failed, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        file = self._open(lease, news.file) if lease else None
        if lease is None or file is None:
            return
        if news.problem.code in DROPPING:
            bad = str(news.problem.facts.get("sha256", "")) or file.bad_sha256
            self._book.set_file(
                file, bytes=0, best=0, size=None, sha256="", drops=file.drops + 1, bad_sha256=bad,
                proof_seen=None, note_seen="", passed=0,
            )  # fmt: skip
        if _is_of_old_key(lease, news.problem):
            self._back(file)
        else:
            self._judge(file, news.problem, now)
        self._book.free_file(file)
        self.settle(self._book.transfers[file.transfer], now)

    def ended(self, news: Ended, now: Moment) -> None:
        lease = self._book.leases.get(news.lease)
        if lease is None:
            return
        files = [self._book.files[key] for key in sorted(lease.files) if key in self._book.files]
        problem = None if lease.halting else news.problem
        if problem is not None and _is_of_old_key(lease, problem):
            problem = None
        lease.halting = True  # it is over: nobody needs to ask for it back
        for file in files:
            if file.lease != lease.id:
                continue
            if problem is None:
                self._back(file)
            else:
                self._judge(file, problem, now, lease)
        self._book.end_lease(lease)
        self.settle(self._book.transfers[lease.transfer], now)

    # ---- rulings ----

    def _open(self, lease: LeaseRecord, key: int) -> FileRecord | None:
        """The file, if its outcome in this lease is still open."""
        return self._book.files.get(key) if key in lease.files else None

    def _back(self, file: FileRecord) -> None:
        """The lease was taken back: what is whole stays whole, the rest waits."""
        if file.state is FileState.FETCHING:
            self._book.set_file(file, state=FileState.WAITING)
            self.fallback.turns(file)

    def _judge(self, file: FileRecord, problem: Problem, now: Moment, lease: LeaseRecord | None = None) -> None:
        if (useless := self.fallback.takes(file, problem, lease)) is not None:
            for one in useless:
                self.halt_lease(one)
        elif self._court.judge(file, problem, now, self.settings, lease):
            self.meet(self._book.transfers[file.transfer], problem)

    def meet(self, transfer: TransferRecord, problem: Problem) -> None:
        """Only the user can mend this: the transfer stops where it is and says why."""
        if transfer.state in (TransferState.QUEUED, TransferState.RUNNING):
            self._book.set_transfer(transfer, state=TransferState.NEEDS_USER, problem=problem)
            transfer.berth.sound = transfer.berth.admitted = False
            self.halt(transfer)
        elif transfer.finishing:
            # Paused it is already, so here nothing waits for the user but the files' own problem.
            self._book.set_transfer(transfer, finishing=False)
            self.halt(transfer)

    def settle(self, transfer: TransferRecord, now: Moment) -> None:
        """Ends a transfer all of whose files have ended."""
        over = transfer.done + transfer.failed + transfer.skipped == transfer.files
        live = transfer.state in (
            TransferState.QUEUED, TransferState.RUNNING, TransferState.PAUSED, TransferState.NEEDS_USER,
        )  # fmt: skip
        if not (over and live):
            return
        if transfer.failed:
            state = TransferState.FAILED
        elif transfer.done or not transfer.files:
            state = TransferState.DONE
        else:
            state = TransferState.CANCELLED
        self._book.set_transfer(transfer, state=state, problem=None, ended_at=now.wall)

    def progress(self) -> list[FileRecord]:
        """The files under way now. Of many that one gather has at once those of which something came."""
        found = []
        for lease in self._book.leases.values():
            files = (self._book.files.get(key) for key in lease.files)
            running = (file for file in files if file is not None and file.state in FILE_RUNNING)
            found += [file for file in running if file.bytes or lease.kind is not LeaseKind.GATHER]
        return found


def _is_of_old_key(lease: LeaseRecord, problem: Problem) -> bool:
    """That key is gone; the new one has not been asked."""
    return lease.old_key and problem.code in (ACCESS_PROBLEMS if lease.kind is LeaseKind.GATHER else KEY_PROBLEMS)
