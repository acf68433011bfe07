"""What a person asks for, turned into records: add, pause, resume, cancel, retry, remove. Pure, like the core."""

from __future__ import annotations

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import Add, AnyCommand, Cancel, MoveFiles, Pause, Resume, Retry
from aihub_desktop.domain.model import HUB, S3, RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.states import (
    FILE_ENDED,
    TRANSFER_ENDED,
    TRANSFER_MAY_RUN,
    FileState,
    TransferState,
)
from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine.deeds import KeyChanged, LookAt, StorageChanged, Word
from aihub_desktop.engine.ordering import place_files
from aihub_desktop.engine.outcome import ACCESS_PROBLEMS, KEY_PROBLEMS, Outcome
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, Moment, TransferRecord, named, names_of
from aihub_desktop.engine.volumes import LOST, stands_at


class Wishes:
    """`only_new`: nothing moves but what is added in this run, or asked for again by its number."""

    def __init__(self, book: Book, outcome: Outcome, *, only_new: bool) -> None:
        self._book = book
        self._outcome = outcome
        self._chosen: set[int] | None = set() if only_new else None

    def may_run(self, transfer: TransferRecord) -> bool:
        return self._chosen is None or transfer.id in self._chosen

    def add(self, command: Add, now: Moment) -> int:
        transfer = self._same_request(command) or self._book.new_transfer(command.dataset, command.folder, now)
        self._choose(transfer)
        if command.unpack:
            self._book.set_transfer(transfer, unpack=True)
        self._outcome.fallback.trusts(command.files)
        known = {file.remote.key: file for file in self._book.files_of(transfer)}
        self._drop_old(command, known)
        taken = self._book.taken(transfer)
        for remote in command.files:
            file = known.get(remote.key)
            if file is None or file.remote.path != remote.path:
                self._new_file(transfer, remote, taken)
                continue
            if file.remote != remote:
                self._book.set_file(file, remote=remote)
            if file.state in FILE_ENDED:
                self._wait_again(file, taken)
        self._arrange(transfer, command)
        self.go(transfer)
        return transfer.id

    def _drop_old(self, command: Add, known: dict[str, FileRecord]) -> None:
        """Records of an older release, whose paths are taken by other keys now."""
        wanted = {remote.key: remote.path for remote in command.files}
        for file in [file for key, file in known.items() if _means_another(file, wanted.get(key))]:
            self._book.drop_file(known.pop(file.remote.key))
        old = {file.remote.path: file for key, file in known.items() if key not in wanted and _may_be_superseded(file)}
        for remote in command.files:
            if remote.key not in known and (superseded := old.pop(remote.path, None)) is not None:
                self._book.drop_file(superseded)

    def _arrange(self, transfer: TransferRecord, command: Add) -> None:
        if not command.in_order:
            return
        asked = {remote.key: place for place, remote in enumerate(command.files)}
        files = [file for file in self._book.files_of(transfer) if file.remote.key in asked]
        wanted = sorted(files, key=lambda file: asked[file.remote.key])
        if files != wanted:
            place_files(self._book, transfer, [file.id for file in wanted], None)

    def _same_request(self, command: Add) -> TransferRecord | None:
        wanted = (command.dataset.source, command.dataset.key, command.dataset.package, command.folder)
        for transfer in self._book.transfers.values():
            data = transfer.dataset
            if (data.source, data.key, data.package, transfer.folder) == wanted and transfer.loaded:
                return transfer
        return None

    def _new_file(self, transfer: TransferRecord, remote: RemoteFile, taken: dict[str, FileRecord]) -> None:
        try:
            place = str(safe_path(remote.path))
        except UnsafeNameError as error:
            file = self._book.new_file(transfer, remote, "")
            problem = Problem(Code.UNSAFE_NAME, {"name": error.name[:300], "why": error.why})
            self._book.set_file(file, state=FileState.FAILED, problem=problem)
            return
        self._claim(self._book.new_file(transfer, remote, place), taken)

    def _wait_again(self, file: FileRecord, taken: dict[str, FileRecord]) -> None:
        """Out of an end: the disk will tell what is left to do."""
        if file.place and self._claim(file, taken):
            self._book.set_file(file, state=FileState.WAITING, problem=None, drops=0, bad_sha256="")

    def _claim(self, file: FileRecord, taken: dict[str, FileRecord]) -> bool:
        """Takes the file's names, or fails it where another file has one of them."""
        holder = _holder(file.place, taken)
        if holder is not None and holder is not file:
            problem = Problem(Code.NAME_CLASH, {"name": file.remote.path[:300], "other": holder.remote.path[:300]})
            self._book.set_file(file, state=FileState.FAILED, problem=problem)
            return False
        taken.update(dict.fromkeys(names_of(file.place), file))
        return True

    def go(self, transfer: TransferRecord, word: Word = Word.ASKED) -> None:
        """Out of any state into the queue; the disk is looked at first."""
        for file in self._book.files_of(transfer):
            if file.state is FileState.WAITING:
                self._book.set_file(
                    file, due=0.0, next_try=None, attempts=0, bundle=self._outcome.settings.bundle_files
                )
        state = TransferState.QUEUED if transfer.state is not TransferState.RUNNING else transfer.state
        self._book.set_transfer(transfer, state=state, problem=None, ended_at=None)
        if any(not lease.halting for lease in self._book.leases_of(transfer)):
            self.run(transfer)
        self.look(transfer, word)

    def look(self, transfer: TransferRecord, word: Word) -> None:
        """Asks what of it is on disk; nothing of it begins before the answer."""
        transfer.looked = transfer.berth.admitted = False
        transfer.berth.looked_for = None
        transfer.berth.spoken = word > Word.NONE
        files = [file.work() for file in self._book.files_of(transfer) if file.place and file.state not in _NOT_LOOKED]
        self._outcome.do(LookAt(transfer.id, transfer.folder, files, transfer.volume, word))

    def run(self, transfer: TransferRecord) -> None:
        """Something of it is under way."""
        if transfer.state is TransferState.QUEUED:
            self._book.set_transfer(transfer, state=TransferState.RUNNING, problem=None)

    def pause(self, command: Pause, now: Moment) -> None:
        """A stream cannot be resumed without receiving it again, so `finish` lets it come to its end. One that breaks
        meanwhile is not begun anew. A second `Pause` may stop what a first one let go on.
        """
        for transfer in named(self._book, command.transfers):
            if transfer.state in TRANSFER_MAY_RUN or transfer.state is TransferState.NEEDS_USER:
                goes_on = command.finish and any(not lease.halting for lease in self._book.leases_of(transfer))
                self._book.set_transfer(transfer, state=TransferState.PAUSED, problem=None, finishing=goes_on)
            elif transfer.finishing and not command.finish:
                self._book.set_transfer(transfer, finishing=False)
            if transfer.state is TransferState.PAUSED and not transfer.finishing:
                self._outcome.halt(transfer)

    def resume(self, command: Resume, now: Moment) -> None:
        for transfer in named(self._book, command.transfers):
            if transfer.state in (TransferState.PAUSED, TransferState.NEEDS_USER):
                self._choose(transfer)
                # Who resumes all that there is has not looked at this one's place.
                told = Word.NONE if command.transfers is None else Word.ACCEPTED
                self.go(transfer, told if stands_at(transfer, *LOST) else Word.ASKED)

    def _choose(self, transfer: TransferRecord) -> None:
        if self._chosen is not None:
            self._chosen.add(transfer.id)

    def cancel(self, command: Cancel, now: Moment) -> None:
        for file in _named_files(self._book, command.files):
            self._skip(file)
            self._outcome.settle(self._book.transfers[file.transfer], now)
        for transfer in named(self._book, command.transfers if command.transfers or not command.files else []):
            if transfer.state in TRANSFER_ENDED:
                continue
            self._outcome.halt(transfer)
            for file in self._book.files_of(transfer):
                self._skip(file)
            self._book.set_transfer(transfer, state=TransferState.CANCELLED, problem=None, ended_at=now.wall)

    def _skip(self, file: FileRecord) -> None:
        if file.state in (FileState.DONE, FileState.SKIPPED):
            return
        if file.lease is not None and file.lease in self._book.leases:
            lease = self._book.leases[file.lease]
            lease.files.discard(file.id)
            if not lease.files:
                self._outcome.halt_lease(lease)
        self._book.set_file(file, state=FileState.SKIPPED, problem=None, next_try=None)

    def retry(self, command: Retry, now: Moment) -> None:
        files = _named_files(self._book, command.files)
        for transfer in named(self._book, command.transfers if command.transfers or not command.files else []):
            again = {FileState.FAILED} | ({FileState.SKIPPED} if transfer.state is TransferState.CANCELLED else set())
            files += [file for file in self._book.files_of(transfer) if file.state in again]
        for key in sorted({file.transfer for file in files}):
            transfer = self._book.transfers[key]
            taken = self._book.taken(transfer)
            for file in files:
                if file.transfer == key and file.state in (FileState.FAILED, FileState.SKIPPED):
                    self._wait_again(file, taken)
            if any(file.state not in FILE_ENDED for file in self._book.files_of(transfer)):
                self._choose(transfer)
                self.go(transfer)

    def key_changed(self, message: KeyChanged, now: Moment) -> None:
        for lease in self._book.leases.values():
            lease.old_key = lease.old_key or lease.kind is LeaseKind.FETCH
        for transfer in list(self._book.transfers.values()):
            if stands_at(transfer, *KEY_PROBLEMS):
                self.go(transfer, Word.NONE)

    def storage_changed(self, message: StorageChanged, now: Moment) -> None:
        for lease in self._book.leases.values():
            first = self._book.files.get(lease.held[0])
            if lease.kind is LeaseKind.GATHER and first is not None and _is_at(first, message.endpoint):
                lease.old_key = True
        for transfer in list(self._book.transfers.values()):
            waits = stands_at(transfer, *ACCESS_PROBLEMS)
            if waits and any(_is_at(file, message.endpoint) for file in self._book.files_of(transfer)):
                self.go(transfer, Word.NONE)


def turns_to(command: AnyCommand, transfer: TransferRecord) -> bool:
    """Whether a wish is about the files of a transfer that has ended."""
    match command:
        case Add(dataset=data, folder=folder):
            return (transfer.folder, transfer.dataset.key) == (folder, data.key)
        case Retry(transfers=keys, files=files) | Cancel(transfers=keys, files=files):
            return bool(files) or keys is None or transfer.id in keys
        case MoveFiles(transfer=key):
            return transfer.id == key
    return False


def _named_files(book: Book, keys: list[int]) -> list[FileRecord]:
    for key in keys:
        if key not in book.files:
            raise ProblemError(Code.BAD_COMMAND, what="no-file", file=key)
    return [book.files[key] for key in keys]


def _is_at(file: FileRecord, endpoint: str) -> bool:
    return file.remote.source == S3 and split_container(file.remote.dataset)[0] == endpoint


def _means_another(file: FileRecord, path: str | None) -> bool:
    """Whether the hub gave the key of this file to another one: its record would only be in the way of that path."""
    return path is not None and path != file.remote.path and file.remote.source == HUB and file.lease is None


def _may_be_superseded(file: FileRecord) -> bool:
    """Whether another key with the same path takes its place: for the hub that is a newer release of the same file;
    elsewhere it is another file, unless this one is given up.
    """
    given_up = file.state in (FileState.FAILED, FileState.SKIPPED)
    return file.lease is None and (file.remote.source == HUB or given_up)


def _holder(place: str, taken: dict[str, FileRecord]) -> FileRecord | None:
    return next((taken[name] for name in names_of(place) if name in taken), None)


_NOT_LOOKED = frozenset({FileState.FAILED, FileState.SKIPPED, FileState.DONE})
