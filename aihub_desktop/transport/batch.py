"""Small files: whole in memory, then on disk many at a time, for a sync costs the same for one as for hundreds.

    bytes of each → NAME.part → all synced → one journal that claims them → synced → names → folders synced → told

Each step is done for the whole batch before the next begins, so the order of writing is that of every other file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import xxhash

from aihub_desktop.disk.files import OpenFile, disk_error, disk_problem, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.publish import rename_new
from aihub_desktop.disk.syncing import SYNCING
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Proof, WorkFile
from aihub_desktop.transport.claims import Claim, write_claims
from aihub_desktop.transport.journal import Identity, Span, WholeLine, discard, encoded
from aihub_desktop.transport.part import make_part

MOST_FILES: Final = 128  # at once: each holds two descriptors, of which a process has 256 on macOS, else 1,024
MOST_BYTES: Final = 32 << 20  # received and not on disk yet
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Small:
    """A whole file. `proof` None: it stays a part that is whole, for a check to prove. `note`: the right checksums."""

    work: WorkFile
    spot: Spot
    data: memoryview
    sha256: str
    proof: Proof | None
    note: str
    problem: Problem | None = None
    batch: str = ""
    batch_files: int = 0
    modified: int = 0
    guard: Guard | None = field(default=None, repr=False)


class Batch:
    """Writes in a thread of its own. `told` hears of each file when it is done, or has its `problem`."""

    def __init__(self, target: Target, told: Callable[[Small], None]) -> None:
        self._target = target
        self._told = told
        self._waiting: list[Small] = []
        self._bytes = 0
        self._stopping = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, small: Small) -> None:
        """Waits where too much has gathered."""
        with self._change:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="batch", daemon=True)
                self._thread.start()
            self._change.wait_for(lambda: self._bytes < MOST_BYTES and len(self._waiting) < 2 * MOST_FILES)
            self._waiting.append(small)
            self._bytes += len(small.data)
            self._change.notify_all()

    def stop(self) -> None:
        """All that was put is told when this returns."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._stopping)
                batch, self._waiting = self._waiting[:MOST_FILES], self._waiting[MOST_FILES:]
            if not batch:
                return
            try:
                self._do(batch)
            except Exception as error:
                _log.exception("writing small files")
                for small in batch:
                    small.problem = small.problem or Problem(Code.BUG, {"why": type(error).__name__})
            self._tell(batch)

    def _tell(self, batch: list[Small]) -> None:
        with self._change:
            self._bytes -= sum(len(small.data) for small in batch)
            self._change.notify_all()
        for small in batch:
            if small.guard is not None:
                small.guard.release()
            self._told(small)

    def _do(self, batch: list[Small]) -> None:
        written = _synced(batch, self._write)
        # What a check is to prove is told as whole, and has a journal as every such file.
        claimed = _synced([small for small in written if small.proof is None], _claim)
        claimed += self._claim_together([small for small in written if small.proof is not None])
        for small in batch:
            if small.problem is not None and small.guard is not None:
                _tried(small, lambda small: discard(small.spot))
        _sync_folders(claimed)
        named = [small for small in claimed if small.problem is None and small.proof is not None]
        for small in named:
            _tried(small, _name)
        _sync_folders(named)
        told = [small for small in named if small.problem is None and small.proof is not None]
        for small in told:
            small.batch_files = len(told)

    def _claim_together(self, batch: list[Small]) -> list[Small]:
        if not batch:
            return []
        claims = [Claim(one.work, len(one.data), xxhash.xxh3_128_hexdigest(one.data), one.sha256) for one in batch]
        try:
            name = write_claims(self._target.folder, claims)
        except ProblemError as error:
            for small in batch:
                small.problem = error.problem
            return []
        for small in batch:
            small.batch = name
        return batch

    def _write(self, small: Small) -> OpenFile:
        self._target.make_parents(small.spot)
        small.guard = make_part(small.spot)
        file = OpenFile(small.spot.part)
        try:
            file.write_at(0, small.data)
            small.modified = file.modified()
        except BaseException:
            file.close()
            raise
        return file


def _claim(small: Small) -> OpenFile:
    size = len(small.data)
    span = encoded(Span(0, size, xxhash.xxh3_128(small.data).hexdigest())) if size else b""
    text = encoded(Identity.of(small.work)) + span + encoded(WholeLine(size, small.sha256))
    file = OpenFile(small.spot.journal, create=True)
    try:
        file.truncate(0)
        file.write_at(0, memoryview(text))
    except BaseException:
        file.close()
        raise
    return file


def _name(small: Small) -> None:
    try:
        rename_new(small.spot)
    except FileExistsError:
        # Whose it is, the check will tell; the batch's journal claims the part.
        small.proof = None


def _tried(small: Small, act: Callable[[Small], Any]) -> Any:
    try:
        return act(small)
    except ProblemError as error:
        small.problem = small.problem or error.problem
    except OSError as error:
        small.problem = small.problem or disk_problem(error, small.spot.part)
    return None


def _synced(batch: list[Small], make: Callable[[Small], OpenFile]) -> list[Small]:
    """Those of which the file that `make` writes is durable."""
    with ExitStack() as closing:
        pairs = [(small, file) for small in batch if (file := _tried(small, make)) is not None]
        closing.callback(_close, [file for _, file in pairs])
        _sync(pairs)
    return [small for small, _ in pairs if small.problem is None]


def _sync(pairs: list[tuple[Small, OpenFile]]) -> None:
    errors = SYNCING.sync([file for _, file in pairs])
    for (small, file), error in zip(pairs, errors, strict=True):
        if error is not None:
            small.problem = disk_error(error, file.path).problem


def _sync_folders(batch: list[Small]) -> None:
    for folder in {small.spot.final.parent: None for small in batch}:
        try:
            sync_folder(folder)
        except OSError as error:
            for small in batch:
                if small.spot.final.parent == folder:
                    small.problem = disk_problem(error, folder)


def _close(files: list[OpenFile]) -> None:
    for file in files:
        file.close()
