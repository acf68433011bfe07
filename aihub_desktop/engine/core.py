"""Every decision of the program, pure: a message and a moment go in, deeds come out.

    commands of a person ─┐                wishes   what a person wants
    news of a worker ─────┤→ Core.handle → outcome  what follows from what happened   → [Deed]
    answers of the shell ─┘  Core.plan   → plan, traffic   what begins, how much at once, how fast
                                           changes of rows: Core.book.changes()

The invariants it keeps: a file has at most one lease, until that lease's `Ended` or its own outcome came; news
of an ended lease is ignored; only moves of the tables in `domain.states` happen; every transfer that is not
over is planned, paused by a person, or waits for the user with a problem that says what for. No stream begins
outside the hours, none beyond the number that is wanted then, and the shares of a limit never exceed it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Checked, Ended, Failed, Proved, Reached, Safe, Whole
from aihub_desktop.domain.messages import (
    Add,
    Brake,
    BringBack,
    Cancel,
    Move,
    MoveFiles,
    Pause,
    Prefer,
    Remove,
    Resume,
    Retry,
)
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import TRANSFER_ENDED, TRANSFER_MAY_RUN, FileState
from aihub_desktop.engine.deeds import (
    Allot,
    Collect,
    Deed,
    Fetch,
    KeyChanged,
    LineChanged,
    Looked,
    NotRecorded,
    Prove,
    Recorded,
    StorageChanged,
    Surveyed,
    Word,
)
from aihub_desktop.engine.gathering import next_batch
from aihub_desktop.engine.leaving import Leaving
from aihub_desktop.engine.ordering import Ordering
from aihub_desktop.engine.outcome import Outcome
from aihub_desktop.engine.plan import in_turn, next_check, next_request, wake_due
from aihub_desktop.engine.records import RECEIVING, Book, FileRecord, LeaseKind, LeaseRecord, Moment, TransferRecord
from aihub_desktop.engine.timetable import LocalHour, utc_hour
from aihub_desktop.engine.traffic import Traffic
from aihub_desktop.engine.volumes import SURVEY_SECONDS, Volumes
from aihub_desktop.engine.wishes import Wishes

_LOOK_SECONDS: Final = 2.0
# What a line that is gone says of itself: with another line there is nothing to wait for.
_OF_THE_LINE = frozenset({Code.UNREACHABLE, Code.CUT, Code.STALLED})


class Core:
    """The decisions. `only_new`: see `Wishes`. `patience` in seconds, see `Outcome`. `local`: see `timetable`.

    `survey_seconds`: how often volumes are looked at. `processes`: how many workers share small files.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        seed: int,
        only_new: bool = False,
        patience: float | None = None,
        local: LocalHour = utc_hour,
        survey_seconds: float = SURVEY_SECONDS,
        processes: int = 2,
    ) -> None:
        self.settings = settings
        self.book = Book()
        self.outcome = Outcome(self.book, random.Random(seed), patience)
        self.traffic = Traffic(self.book, settings, local, processes)
        wishes = self._wishes = Wishes(self.book, self.outcome, only_new=only_new)
        ordering = Ordering(self.book, self.outcome)
        self.volumes = Volumes(self.book, self.outcome, wishes.may_run, survey_seconds)
        self.leaving = Leaving(self.book)
        self._holds_until: float | None = None
        self._handlers: dict[type, Callable[[Any, Moment], int | None]] = {
            Add: wishes.add, Pause: wishes.pause, Resume: wishes.resume, Cancel: wishes.cancel, Retry: wishes.retry,
            Remove: self.leaving.remove, BringBack: self.leaving.bring_back,
            Move: ordering.move, MoveFiles: ordering.move_files, Prefer: ordering.prefer,
            KeyChanged: wishes.key_changed, StorageChanged: wishes.storage_changed,
            LineChanged: self._line_changed,
            Looked: self.volumes.looked, Surveyed: self.volumes.surveyed,
            Recorded: self.outcome.recorded, NotRecorded: self.outcome.not_recorded,
            Reached: self._reached, Safe: self.outcome.safe, Whole: self.outcome.whole, Checked: self.outcome.checked,
            Proved: self.outcome.proved, Failed: self.outcome.failed, Ended: self._ended,
        }  # fmt: skip

    def handle(self, message: object, now: Moment) -> tuple[list[Deed], int | None]:
        """(what to do, the number of the transfer for `Add`). Raises `ProblemError` to refuse a command."""
        self._use_settings()
        result = self._handlers[type(message)](message, now)
        return self.outcome.take(), result

    def starts(self, now: Moment) -> None:
        """The engine has begun: what was under way is looked at on disk before anything moves."""
        for transfer in self.book.transfers.values():
            if transfer.loaded and transfer.state not in TRANSFER_ENDED and self._wishes.may_run(transfer):
                self._wishes.look(transfer, Word.NONE)

    # ---- planning ----

    def plan(self, now: Moment) -> list[Deed]:
        """Ends what has to end, begins what can begin now, and divides the limit anew."""
        self._use_settings()
        wake_due(self.book, now.steady)
        self.leaving.plan(now)
        for lease in self.traffic.too_many(now):
            self.outcome.halt_lease(lease)
        for transfer in self.volumes.plan(now, self.settings.floor_bytes):
            self._wishes.go(transfer, Word.NONE)
        self._holds_until = None
        waits = False
        for transfer in in_turn(self.book):
            waits = waits or self._is_waited_for(transfer, now)
            if transfer.finishing:
                self._finish(transfer)
            elif not waits and transfer.berth.admitted and self._wishes.may_run(transfer):
                self._begin_checks(transfer)
                self._begin_fetches(transfer, now)
                self._begin_gathers(transfer, now)
        for lease in self.traffic.shares(now):
            self.outcome.do(Allot(lease.id, lease.share))
        return self.outcome.take()

    def _is_waited_for(self, transfer: TransferRecord, now: Moment) -> bool:
        """Looks at disks come back in any order: who comes later in the queue gives those before it a moment, for its
        stream would not be stopped again.
        """
        if transfer.looked or transfer.finishing or not self._wishes.may_run(transfer):
            return False
        berth = transfer.berth
        berth.looked_for = now.steady if berth.looked_for is None else berth.looked_for
        until = berth.looked_for + _LOOK_SECONDS
        if now.steady >= until:
            return False
        self._holds_until = until
        return True

    def next_moment(self, now: Moment) -> float | None:
        """Seconds until `plan` may find something new without any message."""
        waits = [self.book.later[0][0]] if self.book.later else []
        if (moment := self.traffic.next_moment(now)) is not None:
            waits.append(moment)
        waits += [at for at in (self.volumes.next_moment(), self.leaving.until, self._holds_until) if at is not None]
        return max(0.0, min(waits) - now.steady) if waits else None

    def brake(self, now: Moment) -> tuple[Brake, float | None]:
        """What keeps everything back, and until when (seconds since 1970) with HOURS."""
        brake, until = self.traffic.brake(now)
        if brake is Brake.HOURS and not any(self._has_work(one) for one in self.book.transfers.values()):
            return Brake.NONE, None
        return brake, until

    def _has_work(self, transfer: TransferRecord) -> bool:
        open_files = transfer.files - transfer.done - transfer.failed - transfer.skipped
        return transfer.state in TRANSFER_MAY_RUN and open_files > 0 and self._wishes.may_run(transfer)

    def _use_settings(self) -> None:
        if self.outcome.settings is not self.settings:
            self.outcome.settings = self.settings
            self.traffic.use(self.settings)

    def _begin_fetches(self, transfer: TransferRecord, now: Moment) -> None:
        while transfer.ready and self.traffic.may_start(now):
            files = next_request(self.book, transfer, self.settings, self.traffic.slots())
            if not files:
                return
            lease = self._lend(LeaseKind.FETCH, transfer, files)
            self.outcome.do(Fetch(lease.id, transfer.folder, [file.work() for file in files]))
            self.traffic.started(lease, now)

    def _begin_gathers(self, transfer: TransferRecord, now: Moment) -> None:
        while transfer.lots and self.traffic.is_open(now):
            batch = next_batch(self.book, transfer, self.traffic.places)
            if batch is None:
                return
            lease = self._lend(LeaseKind.GATHER, transfer, batch.files)
            lease.place, lease.connections = batch.place, batch.connections
            works = [file.work() for file in batch.files]
            self.outcome.do(Collect(lease.id, transfer.folder, works, batch.connections))

    def _lend(self, kind: LeaseKind, transfer: TransferRecord, files: list[FileRecord]) -> LeaseRecord:
        lease = self.book.new_lease(kind, transfer, files)
        for file in files:
            self.book.set_file(file, state=FileState.FETCHING, next_try=None)
        self._wishes.run(transfer)
        return lease

    def _begin_checks(self, transfer: TransferRecord) -> None:
        # Two at a time: a check reads a whole file back, and more would make a hard disk seek.
        while self._checks() < 2 and (unit := next_check(self.book, transfer)):
            lease = self.book.new_lease(LeaseKind.PROVE, transfer, unit)
            transfer.whole.difference_update(lease.files)
            self._wishes.run(transfer)
            self.outcome.do(Prove(lease.id, transfer.folder, [file.work() for file in unit]))

    def _checks(self) -> int:
        return sum(lease.kind is LeaseKind.PROVE for lease in self.book.leases.values())

    def _finish(self, transfer: TransferRecord) -> None:
        """A pause that lets things come to their end: checks too, but no other stream."""
        self._begin_checks(transfer)
        if not self.book.leases_of(transfer) and not next_check(self.book, transfer):
            self.book.set_transfer(transfer, finishing=False)

    # ---- news that concerns the traffic as well ----

    def _reached(self, news: Reached, now: Moment) -> None:
        lease = self.book.leases.get(news.lease)
        if lease is not None:
            self.traffic.reached(lease, news, now)
        self.outcome.reached(news, now)

    def _ended(self, news: Ended, now: Moment) -> None:
        lease = self.book.leases.get(news.lease)
        halted = lease is None or lease.halting
        self.outcome.ended(news, now)
        if lease is not None and lease.kind in RECEIVING:
            self.traffic.ended(lease, None if halted else news.problem, now)

    def _line_changed(self, message: LineChanged, now: Moment) -> None:
        """Asks all that is received back; what failed because of the line is due now. No attempt is counted."""
        for lease in self.book.leases.values():
            if lease.kind in RECEIVING:
                self.outcome.halt_lease(lease)
        for _, key in list(self.book.later):
            file = self.book.files.get(key)
            if file is not None and file.due > 0 and file.problem and file.problem.code in _OF_THE_LINE:
                self.book.set_file(file, due=0.0, next_try=None)
        self.traffic.line_changed()
