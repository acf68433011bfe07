"""Every decision of the program, pure: a message and a moment go in, deeds come out.

    commands of a person ─┐
    news of a worker ─────┤→ Core.handle → [Deed]      changes of rows: Core.book.changes()
    answers of the shell ─┘  Core.plan   → [Deed]

The invariants it keeps: a file has at most one lease, until that lease's `Ended` or its own outcome came; news
of an ended lease is ignored; only moves of the tables in `domain.states` happen; every transfer that is not
over is planned, paused by a person, or waits for the user with a problem that says what for.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Checked, Ended, Failed, Proved, Reached, Safe, Whole
from aihub_desktop.domain.messages import Add, Cancel, Pause, Remove, Resume, Retry
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import (
    FILE_ENDED,
    TRANSFER_ENDED,
    TRANSFER_MAY_RUN,
    FileState,
    TransferState,
)
from aihub_desktop.engine.deeds import (
    Deed,
    Fetch,
    KeyChanged,
    LookAt,
    Looked,
    NotRecorded,
    Prove,
    Recorded,
    Surveyed,
    Word,
)
from aihub_desktop.engine.outcome import KEY_PROBLEMS, Outcome
from aihub_desktop.engine.plan import next_check, next_request, wake_due
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, Moment, TransferRecord, names_of
from aihub_desktop.engine.volumes import LOST, SURVEY_SECONDS, Volumes, stands_at


class Core:
    """The decisions. `only_new`: nothing moves but what is added in this run. `patience` in seconds, see `Outcome`.

    `survey_seconds`: how often volumes are looked at.
    """

    def __init__(
        self, settings: Settings, *, seed: int, only_new: bool = False, patience: float | None = None,
        survey_seconds: float = SURVEY_SECONDS,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.book = Book()
        self.outcome = Outcome(self.book, random.Random(seed), patience)
        self.volumes = Volumes(self.book, self.outcome, self._may_run, survey_seconds)
        self._chosen: set[int] | None = set() if only_new else None
        self._next_start = 0.0
        self._handlers: dict[type, Callable[[Any, Moment], int | None]] = {
            Add: self._add, Pause: self._pause, Resume: self._resume, Cancel: self._cancel, Retry: self._retry,
            Remove: self._remove, KeyChanged: self._key_changed, Looked: self.volumes.looked,
            Surveyed: self.volumes.surveyed,
            Recorded: self.outcome.recorded, NotRecorded: self.outcome.not_recorded, Reached: self.outcome.reached,
            Safe: self.outcome.safe, Whole: self.outcome.whole, Checked: self.outcome.checked,
            Proved: self.outcome.proved, Failed: self.outcome.failed, Ended: self.outcome.ended,
        }  # fmt: skip

    def handle(self, message: object, now: Moment) -> tuple[list[Deed], int | None]:
        """(what to do, the number of the transfer for `Add`). Raises `ProblemError` to refuse a command."""
        self.outcome.settings = self.settings
        result = self._handlers[type(message)](message, now)
        return self.outcome.take(), result

    def starts(self, now: Moment) -> None:
        """The engine has begun: what was under way is looked at on disk before anything moves."""
        for transfer in self.book.transfers.values():
            if transfer.loaded and transfer.state not in TRANSFER_ENDED and self._may_run(transfer):
                self._look(transfer, Word.NONE)

    # ---- planning ----

    def plan(self, now: Moment) -> list[Deed]:
        """Begins what can begin now."""
        wake_due(self.book, now.steady)
        for transfer in self.volumes.plan(now, self.settings.floor_bytes):
            self._go(transfer, Word.NONE)
        for transfer in self.book.transfers.values():
            if transfer.state in TRANSFER_MAY_RUN and transfer.berth.admitted and self._may_run(transfer):
                self._begin_checks(transfer)
                self._begin_fetches(transfer, now)
        return self.outcome.take()

    def next_moment(self, now: Moment) -> float | None:
        """Seconds until `plan` may find something new without any message."""
        waits = [self.book.later[0][0]] if self.book.later else []
        if (survey := self.volumes.next_moment()) is not None:
            waits.append(survey)
        if self._next_start > now.steady and self._count(LeaseKind.FETCH) < self.settings.parallel:
            waits.append(self._next_start)
        return max(0.0, min(waits) - now.steady) if waits else None

    def _may_run(self, transfer: TransferRecord) -> bool:
        return self._chosen is None or transfer.id in self._chosen

    def _count(self, kind: LeaseKind) -> int:
        return sum(lease.kind is kind for lease in self.book.leases.values())

    def _begin_fetches(self, transfer: TransferRecord, now: Moment) -> None:
        while now.steady >= self._next_start and (slots := self.settings.parallel - self._count(LeaseKind.FETCH)) > 0:
            files = next_request(self.book, transfer, self.settings, slots)
            if not files:
                return
            lease = self.book.new_lease(LeaseKind.FETCH, transfer, files)
            for file in files:
                self.book.set_file(file, state=FileState.FETCHING, next_try=None)
            self._run(transfer)
            self.outcome.do(Fetch(lease.id, transfer.folder, [file.work() for file in files]))
            self._next_start = now.steady + self.settings.spread

    def _begin_checks(self, transfer: TransferRecord) -> None:
        # Two at a time: a check reads a whole file back, and more would make a hard disk seek.
        while self._count(LeaseKind.PROVE) < 2 and (unit := next_check(self.book, transfer)):
            lease = self.book.new_lease(LeaseKind.PROVE, transfer, unit)
            transfer.whole.difference_update(lease.files)
            self._run(transfer)
            self.outcome.do(Prove(lease.id, transfer.folder, [file.work() for file in unit]))

    def _run(self, transfer: TransferRecord) -> None:
        if transfer.state is TransferState.QUEUED:
            self.book.set_transfer(transfer, state=TransferState.RUNNING, problem=None)

    def _look(self, transfer: TransferRecord, word: Word) -> None:
        transfer.looked = transfer.berth.admitted = False
        transfer.berth.spoken = word > Word.NONE
        files = [file.work() for file in self.book.files_of(transfer) if file.place and file.state not in _NOT_LOOKED]
        self.outcome.do(LookAt(transfer.id, transfer.folder, files, transfer.volume, word))

    # ---- commands ----

    def _add(self, command: Add, now: Moment) -> int:
        transfer = self._same_request(command) or self.book.new_transfer(command.dataset, command.folder, now)
        if self._chosen is not None:
            self._chosen.add(transfer.id)
        known = {file.remote.key: file for file in self.book.files_of(transfer)}
        wanted = {remote.key for remote in command.files}
        # The same path under another file key: the dataset was released anew since the file was asked for.
        old = {file.remote.path: file for key, file in known.items() if key not in wanted and file.lease is None}
        for remote in command.files:
            if remote.key not in known and (superseded := old.pop(remote.path, None)) is not None:
                self.book.drop_file(superseded)
        taken = self.book.taken(transfer)
        for remote in command.files:
            file = known.get(remote.key)
            if file is None or file.remote.path != remote.path:
                self._new_file(transfer, remote, taken)
                continue
            if file.remote != remote:
                self.book.set_file(file, remote=remote)
            if file.state in FILE_ENDED:
                self._wait_again(file, taken)
        self._go(transfer)
        return transfer.id

    def _same_request(self, command: Add) -> TransferRecord | None:
        wanted = (command.dataset.source, command.dataset.key, command.dataset.package, command.folder)
        for transfer in self.book.transfers.values():
            data = transfer.dataset
            if (data.source, data.key, data.package, transfer.folder) == wanted and transfer.loaded:
                return transfer
        return None

    def _new_file(self, transfer: TransferRecord, remote: RemoteFile, taken: dict[str, FileRecord]) -> None:
        try:
            place = str(safe_path(remote.path))
        except UnsafeNameError as error:
            file = self.book.new_file(transfer, remote, "")
            problem = Problem(Code.UNSAFE_NAME, {"name": error.name[:300], "why": error.why})
            self.book.set_file(file, state=FileState.FAILED, problem=problem)
            return
        self._claim(self.book.new_file(transfer, remote, place), taken)

    def _wait_again(self, file: FileRecord, taken: dict[str, FileRecord]) -> None:
        """Out of an end: the disk will tell what is left to do."""
        if file.place and self._claim(file, taken):
            self.book.set_file(file, state=FileState.WAITING, problem=None, drops=0, bad_sha256="")

    def _claim(self, file: FileRecord, taken: dict[str, FileRecord]) -> bool:
        """Takes the file's names, or fails it where another file has one of them."""
        holder = _holder(file.place, taken)
        if holder is not None and holder is not file:
            problem = Problem(Code.NAME_CLASH, {"name": file.remote.path[:300], "other": holder.remote.path[:300]})
            self.book.set_file(file, state=FileState.FAILED, problem=problem)
            return False
        taken.update(dict.fromkeys(names_of(file.place), file))
        return True

    def _go(self, transfer: TransferRecord, word: Word = Word.ASKED) -> None:
        """Out of any state into the queue; the disk is looked at first."""
        for file in self.book.files_of(transfer):
            if file.state is FileState.WAITING:
                self.book.set_file(file, due=0.0, next_try=None, attempts=0, bundle=self.settings.bundle_files)
        state = TransferState.QUEUED if transfer.state is not TransferState.RUNNING else transfer.state
        self.book.set_transfer(transfer, state=state, problem=None, ended_at=None)
        self._look(transfer, word)

    def _pause(self, command: Pause, now: Moment) -> None:
        for transfer in _named(self.book, command.transfers):
            if transfer.state in TRANSFER_MAY_RUN or transfer.state is TransferState.NEEDS_USER:
                self.book.set_transfer(transfer, state=TransferState.PAUSED, problem=None)
                self.outcome.halt(transfer)

    def _resume(self, command: Resume, now: Moment) -> None:
        for transfer in _named(self.book, command.transfers):
            if transfer.state in (TransferState.PAUSED, TransferState.NEEDS_USER):
                self._choose(transfer)
                # Who resumes all that there is has not looked at this one's place.
                told = Word.NONE if command.transfers is None else Word.ACCEPTED
                self._go(transfer, told if stands_at(transfer, *LOST) else Word.ASKED)

    def _choose(self, transfer: TransferRecord) -> None:
        if self._chosen is not None:
            self._chosen.add(transfer.id)

    def _cancel(self, command: Cancel, now: Moment) -> None:
        for file in _named_files(self.book, command.files):
            self._skip(file)
            self.outcome.settle(self.book.transfers[file.transfer], now)
        for transfer in _named(self.book, command.transfers if command.transfers or not command.files else []):
            if transfer.state in TRANSFER_ENDED:
                continue
            self.outcome.halt(transfer)
            for file in self.book.files_of(transfer):
                self._skip(file)
            self.book.set_transfer(transfer, state=TransferState.CANCELLED, problem=None, ended_at=now.wall)

    def _skip(self, file: FileRecord) -> None:
        if file.state in (FileState.DONE, FileState.SKIPPED):
            return
        if file.lease is not None and file.lease in self.book.leases:
            lease = self.book.leases[file.lease]
            lease.files.discard(file.id)
            if not lease.files:
                self.outcome.halt_lease(lease)
        self.book.set_file(file, state=FileState.SKIPPED, problem=None, next_try=None)

    def _retry(self, command: Retry, now: Moment) -> None:
        files = _named_files(self.book, command.files)
        for transfer in _named(self.book, command.transfers if command.transfers or not command.files else []):
            again = {FileState.FAILED} | ({FileState.SKIPPED} if transfer.state is TransferState.CANCELLED else set())
            files += [file for file in self.book.files_of(transfer) if file.state in again]
        for key in sorted({file.transfer for file in files}):
            transfer = self.book.transfers[key]
            taken = self.book.taken(transfer)
            for file in files:
                if file.transfer == key and file.state in (FileState.FAILED, FileState.SKIPPED):
                    self._wait_again(file, taken)
            if any(file.state not in FILE_ENDED for file in self.book.files_of(transfer)):
                self._choose(transfer)
                self._go(transfer)

    def _remove(self, command: Remove, now: Moment) -> None:
        for transfer in _named(self.book, command.transfers):
            if transfer.state not in TRANSFER_ENDED or self.book.leases_of(transfer):
                raise ProblemError(Code.BAD_COMMAND, what="not-ended", transfer=transfer.id)
            self.book.remove(transfer)

    def _key_changed(self, message: KeyChanged, now: Moment) -> None:
        for lease in self.book.leases.values():
            lease.old_key = True
        for transfer in list(self.book.transfers.values()):
            problem = transfer.problem
            if transfer.state is TransferState.NEEDS_USER and problem and problem.code in KEY_PROBLEMS:
                self._go(transfer, Word.NONE)


def _named(book: Book, keys: list[int] | None) -> list[TransferRecord]:
    """The transfers with these numbers, or all. Raises BAD_COMMAND for a number that none has."""
    if keys is None:
        return list(book.transfers.values())
    for key in keys:
        if key not in book.transfers:
            raise ProblemError(Code.BAD_COMMAND, what="no-transfer", transfer=key)
    return [book.transfers[key] for key in keys]


def _named_files(book: Book, keys: list[int]) -> list[FileRecord]:
    for key in keys:
        if key not in book.files:
            raise ProblemError(Code.BAD_COMMAND, what="no-file", file=key)
    return [book.files[key] for key in keys]


def _holder(place: str, taken: dict[str, FileRecord]) -> FileRecord | None:
    return next((taken[name] for name in names_of(place) if name in taken), None)


_NOT_LOOKED = frozenset({FileState.FAILED, FileState.SKIPPED, FileState.DONE})
