"""What a worker of a cluster does: it starts the program's own engine beside itself, and lets it receive.

Both functions are called by Dask in a thread of the worker, take and give builtins, and raise nothing.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from aihub_desktop.cluster.orders import Answer, Failure, Question, Reach, Result, Task, plain, told
from aihub_desktop.disk.files import disk_problem, make_folders, native
from aihub_desktop.disk.held import is_held
from aihub_desktop.disk.lease import BEAT_SECONDS, Lease
from aihub_desktop.disk.patience import contents, patiently_replace, remove
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import (
    Add,
    Added,
    AnyEvent,
    Changed,
    Configure,
    FileRow,
    KeyState,
    Notice,
    Progress,
    PutStorage,
    ShowKey,
    TestKey,
    TransferRow,
)
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.states import FILE_ENDED, TRANSFER_ENDED, FileState, TransferState
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings.baton import Ear
from aihub_desktop.holdings.staging import staging_folder
from aihub_desktop.holdings.turn import LOCK
from aihub_desktop.system import program
from aihub_desktop.transport.ledger import Entry, Ledger, own_folder

REACH: Final = "reach.json"
_LOOK_SECONDS: Final = 1.0
_SLICE_SECONDS: Final = 0.2
_LATER: Final = frozenset({Code.HUB_BUSY, Code.SERVER_BUSY})
_STOPPED: Final = TRANSFER_ENDED | {TransferState.NEEDS_USER, TransferState.PAUSED}


def look(question: dict[str, Any]) -> dict[str, Any]:
    """`Question` → `Answer`."""
    try:
        asked = told(question, Question)
        reach = _sees(asked)
        if asked.needs_key:
            _has_key(asked.hub)
    except ProblemError as error:
        return plain(Answer(error.problem))
    except Exception as error:
        return plain(Answer(bug(error)))
    return plain(Answer(None, reach))


def receive(task: dict[str, Any]) -> dict[str, Any]:
    """`Task` → `Result`."""
    try:
        return plain(_Receiving(told(task, Task)).run())
    except Exception as error:
        return plain(Result(problem=bug(error)))


def bug(error: Exception) -> Problem:
    """Dask would write what the function was given into the worker's log, signed addresses among it."""
    return Problem(Code.BUG, {"why": type(error).__name__})


def _sees(asked: Question) -> bool:
    """Whether locks reach here. Raises `ProblemError` NOT_SHARED, or what the disk says to being written to."""
    folder = native(asked.folder)
    try:
        if (folder / asked.probe).read_text(encoding="ascii") != asked.value:
            raise ProblemError(Code.NOT_SHARED, path=asked.folder)
    except OSError:
        raise ProblemError(Code.NOT_SHARED, path=asked.folder) from None
    mine = (folder / asked.probe).with_suffix(f".{secrets.token_hex(4)}")
    try:
        mine.write_bytes(b"")
        remove(mine)
    except OSError as error:
        raise ProblemError.of(disk_problem(error, mine)) from None
    return is_held(own_folder(folder) / LOCK)


def _has_key(hub: str) -> None:
    """Raises `ProblemError` NO_KEY, or what keeps the keychain from telling."""
    with _engine(hub, None) as engine:
        if not engine.ask(ShowKey(engine.number()), KeyState).origin:
            # Says why there is none; a hub is asked about a key only where there is one.
            engine.ask(TestKey(engine.number()), KeyState)
            raise ProblemError(Code.NO_KEY)


@contextlib.contextmanager
def _engine(hub: str, patience: float | None) -> Iterator[LocalEngine]:
    """One with a state folder of its own, gone afterwards: what counts lies in the shared folder."""
    with tempfile.TemporaryDirectory(prefix="aihub-", dir=place(), ignore_cleanup_errors=True) as home:
        engine = LocalEngine(Path(home), hub, program.command("worker"), only_new=True, patience=patience)
        engine.start()
        try:
            yield engine
        finally:
            engine.close()


def place() -> str | None:
    """The worker's own folder, on a disk of its machine."""
    from distributed import get_worker  # noqa: PLC0415 - slow to load, and there in a worker

    try:
        return str(get_worker().local_directory)
    except ValueError:  # not in a worker
        return None


def _worker() -> tuple[str, Callable[[], bool]]:
    """Its address, and whether it is told to end."""
    from distributed import get_worker  # noqa: PLC0415

    try:
        worker = get_worker()
    except ValueError:
        return "", lambda: False
    return str(worker.address), lambda: worker.status.name in ("closing", "closing_gracefully", "closed", "failed")


class _Receiving:
    """One task, from its lease to its result."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._root = staging_folder(task.folder)
        self._folder = self._root / task.name
        self._own = self._folder / OWN_FOLDER
        self._ear = Ear(self._root, task.run, task.name)
        self._worker, self._is_ending = _worker()
        self._rows: dict[int, FileRow] = {}
        self._transfer: TransferRow | None = None
        self._reach = Reach()
        self._rate = 0
        self._looked_at = self._beat_at = 0.0

    def run(self) -> Result:
        problem = None
        lease = Lease(self._own, locks_reach=self._task.locks_reach)
        try:
            if self._has(lease) and len(self._proved()) < len(self._task.files):
                with _engine(self._task.hub, self._task.patience) as engine:
                    self._receive(engine, lease)
        except ProblemError as error:
            problem = error.problem
        except OSError as error:
            problem = disk_problem(error, self._folder)
        finally:
            lease.release()
        return self._result(problem)

    def _has(self, lease: Lease) -> bool:
        """False where nobody waits for it any more. Whoever has the folder is waited for: its bytes are ours too."""
        while self._goes_on():
            if not self._root.is_dir():
                raise ProblemError(Code.NOT_SHARED, path=self._task.folder)
            make_folders(self._own)
            if lease.take():
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _goes_on(self) -> bool:
        return self._ear.holds() and not self._is_ending()

    def _proved(self) -> list[Entry]:
        files = {(file.key, file.path): file for file in self._task.files}
        found = ((one, files.get((one.key, one.path))) for one in Ledger(self._folder).entries().values())
        return [one for one, file in found if file is not None and one.is_of(file) and one.broken is None]

    # ---- receiving ----

    def _receive(self, engine: LocalEngine, lease: Lease) -> None:
        task = self._task
        engine.ask(Configure(engine.number(), task.settings, for_run=True), object)
        for storage in task.storages:
            engine.ask(PutStorage(engine.number(), storage, for_run=True), object)
        transfer = engine.ask(Add(engine.number(), task.dataset, task.files, str(self._folder)), Added).transfer
        while not self._is_over():
            if (event := engine.get(_SLICE_SECONDS)) is not None:
                self._see(event, transfer)
            now = time.monotonic()
            if now - self._looked_at >= _LOOK_SECONDS:
                self._looked_at = now
                if not self._goes_on():
                    return
                self._speak(engine, lease, now)

    def _is_over(self) -> bool:
        if self._transfer is not None and self._transfer.state in _STOPPED:
            return True
        return len(self._rows) == len(self._task.files) and all(row.state in FILE_ENDED for row in self._rows.values())

    def _see(self, event: AnyEvent, transfer: int) -> None:
        match event:
            case Changed(transfers=transfers, files=files):
                for row in files:
                    self._see_file(row)
                self._transfer = next((row for row in transfers if row.id == transfer), self._transfer)
            case Progress(transfers=transfers):
                for one in transfers:
                    self._reach = msgspec.structs.replace(
                        self._reach, bytes=one.bytes, rate=one.rate, received=one.received, again=one.again
                    )
            case Notice(problem=problem, fatal=True):
                raise ProblemError.of(problem)

    def _see_file(self, row: FileRow) -> None:
        self._rows[row.id] = row
        code = row.problem.code if row.state is FileState.WAITING and row.problem is not None else None
        refusals = self._reach.refusals + (code in _LATER)
        self._reach = msgspec.structs.replace(self._reach, waiting=code, refusals=refusals)

    def _speak(self, engine: LocalEngine, lease: Lease, now: float) -> None:
        """To whoever else wants the folder, and to who asked. Raises `ProblemError`, `OSError`."""
        if self._ear.rate != self._rate:
            self._rate = self._ear.rate
            engine.ask(Configure(engine.number(), {"limit": self._rate}, for_run=True), object)
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            lease.beat()
        new = self._own / (REACH + ".new")
        new.write_bytes(msgspec.json.encode(self._reach))
        patiently_replace(new, self._own / REACH)

    # ---- its end ----

    def _result(self, problem: Problem | None) -> Result:
        try:
            proved = self._proved()
        except ProblemError as error:
            proved, problem = [], problem or error.problem
        failed = [
            Failure(row.file.key, row.file.path, row.problem)
            for row in self._rows.values()
            if row.state is FileState.FAILED and row.problem is not None
        ]
        if problem is None and self._transfer is not None:
            problem = self._transfer.problem
        traffic = self._transfer or self._reach
        received, again = max(traffic.received, self._reach.received), max(traffic.again, self._reach.again)
        return Result(proved, failed, problem, received, again, self._worker)


def reach_of(folder: Path) -> Reach | None:
    """How far the task of that staging folder is, as it told last; None where it has told nothing."""
    try:
        return msgspec.json.decode(contents(folder / OWN_FOLDER / REACH), type=Reach)
    except (OSError, msgspec.DecodeError):
        return None
