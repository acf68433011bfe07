"""Tasks of this run: which wait, which run, how far they are. Nothing of it is kept: one that is cut off begins again.

    begin ──→ WAITING ──→ RUNNING ──→ DONE, STOPPED, FAILED
                 ↑  one after another on a drive that is slow to seek, two at once on others
                 └── its worker died: again, a few times

Downloads go on beside them: a task has a lease of a worker, like everything that reads a disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from aihub_desktop.disk.volume import Volume
from aihub_desktop.domain.adoption import AdoptWish, FoundFile
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.holdings import DAMAGE, MOST_MISFITS, Verdict
from aihub_desktop.domain.leases import (
    Adopt,
    AnyNews,
    Emptied,
    Ended,
    Found,
    Seen,
    Taken,
    Taking,
    Unpack,
    Unpacking,
    Verify,
)
from aihub_desktop.domain.messages import FileList, LeftOutRows
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, TaskState, VerifyWish
from aihub_desktop.domain.unpacking import LeftOut, Unpacked, UnpackWish
from aihub_desktop.engine.pool import Pool

_AT_ONCE: Final = 2  # on one drive that is not slow to seek
_THREADS: Final = 2
_TRIES: Final = 3  # of a task whose worker dies: then it is likely the task that kills it
_MOST_ENDED: Final = 20
_MOST_LEFT_OUT: Final = 10_000  # that are known by name, of one task
_LONGEST_PAGE: Final = 1000
# Most memory sticks have one of these.
_SLOW: Final = frozenset({"exfat", "vfat", "msdos", "fat", "fat32", "fuseblk"})

Wish = VerifyWish | UnpackWish | AdoptWish


@dataclass(slots=True, eq=False)
class _Task:
    row: TaskRow
    wish: Wish
    volume: Volume
    lease: int = 0
    tries: int = 0
    stopping: bool = False
    done_files: int = 0  # of archives that are done with
    done_bytes: int = 0
    verdict: Verdict | None = None
    tree: FileList | None = None  # of the dataset whose files are taken over
    finds: list[FoundFile] | None = None
    missing: list[RemoteFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)  # the first of them
    left_out_count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task has ended. `verdict` of a verification that looked at everything; `missing` of an adoption."""

    row: TaskRow
    wish: Wish
    verdict: Verdict | None
    missing: list[RemoteFile]


class Tasks:
    """Lives on the engine's loop. `tell` hears of rows that changed and of those that go, `ended` of each end."""

    def __init__(
        self, pool: Pool, tell: Callable[[list[TaskRow], list[int]], None], ended: Callable[[Outcome], None]
    ) -> None:
        self._pool = pool
        self._tell = tell
        self._ended = ended
        self._tasks: dict[int, _Task] = {}
        self._last = self._leases = 0

    def rows(self) -> list[TaskRow]:
        return [task.row for task in self._tasks.values()]

    def begin(
        self, wish: Wish, volume: Volume, files: int = 0, size: int = 0, *, tree: FileList | None = None
    ) -> int:  # fmt: skip
        """Its number; that of the same wish where one is open. `files`, `size`: of what it will look at, if known.

        `tree`: of an adoption, which cannot do without.
        """
        for task in self._open():
            if task.wish == wish:
                return task.row.id
        self._last += 1
        row = TaskRow(
            self._last, kind_of(wish), place_of(wish), TaskState.WAITING, time.time(), files_total=files,
            bytes_total=size,
        )  # fmt: skip
        self._forget(row.folder)
        self._tasks[row.id] = _Task(row, wish, volume, tree=tree)
        self._tell([row], [])
        self._start()
        return row.id

    def stop(self, number: int) -> None:
        """Raises BAD_COMMAND for a number that no task has. One that is over is over."""
        task = self._known(number)
        if task.row.state is TaskState.WAITING:
            self._end(task, TaskState.STOPPED)
        elif task.row.state is TaskState.RUNNING:
            task.stopping = True
            self._pool.halt(task.lease)

    def left_out(self, number: int, offset: int, limit: int) -> LeftOutRows:
        """What an unpacking left out. Raises BAD_COMMAND."""
        task = self._tasks.get(number)
        if task is None:
            raise ProblemError(Code.BAD_COMMAND, what="no-task", task=number)
        lines = task.left_out
        return LeftOutRows(lines[offset : offset + min(limit, _LONGEST_PAGE)], len(lines), task.left_out_count)

    def is_at_work(self, folder: str = "") -> bool:
        """Whether there is a task of this folder that has not ended; of any folder without one."""
        return any(folder in ("", task.row.folder) for task in self._open())

    def is_adopting(self, folder: str) -> bool:
        """Whether a task is, or will be, the one who writes to the folder's ledger."""
        return any(task.row.kind is TaskKind.ADOPT and task.row.folder == folder for task in self._open())

    def has(self, wish: Wish) -> bool:
        """Whether this is wished for already, and not over."""
        return any(task.wish == wish for task in self._open())

    def finds(self, number: int) -> list[FoundFile]:
        """Raises BAD_COMMAND for a task that found nothing yet, or that nobody knows any more."""
        found = self._known(number).finds
        if found is None:
            raise ProblemError(Code.BAD_COMMAND, what="no-finds", task=number)
        return found

    def note_rest(self, number: int, transfer: int) -> None:
        """What an adoption did not find is downloaded by this transfer."""
        task = self._tasks.get(number)
        if task is not None and task.row.stock is not None:
            self._change(task, stock=msgspec.structs.replace(task.row.stock, transfer=transfer))

    def hear(self, news: AnyNews) -> None:
        """What a worker says of the lease of a task."""
        task = next((one for one in self._open() if one.lease == news.lease), None)
        if task is None:
            return
        match news:
            case Seen(files=files, bytes=size):
                self._change(task, files=files, bytes=size)
            case Found(counts=counts, misfits=misfits):
                deep = isinstance(task.wish, VerifyWish) and task.wish.deep
                task.verdict = Verdict(time.time(), deep, counts, misfits[:MOST_MISFITS])
                self._change(task, damaged=sum(counts.get(finding, 0) for finding in DAMAGE))
            case Unpacking() | Emptied():
                self._change(task, **_unpacked(task, news))
            case Taking(files=files, bytes=size, files_total=files_total, bytes_total=bytes_total):
                self._change(task, files=files, bytes=size, files_total=files_total, bytes_total=bytes_total)
            case Taken():
                tree = task.tree.files if task.tree else []
                task.finds, task.missing = news.lines, [tree[number] for number in news.missing if number < len(tree)]
                self._change(task, stock=news.stock, files=news.files, bytes=news.bytes, refused=news.refused)
            case Ended(problem=problem):
                self._over(task, problem)

    # ---- inside ----

    def _known(self, number: int) -> _Task:
        if number not in self._tasks:
            raise ProblemError(Code.BAD_COMMAND, what="no-task", task=number)
        return self._tasks[number]

    def _open(self) -> Iterator[_Task]:
        return (task for task in self._tasks.values() if task.row.state not in TASK_ENDED)

    def _change(self, task: _Task, **new: Any) -> None:
        task.row = msgspec.structs.replace(task.row, **new)
        self._tell([task.row], [])

    def _start(self) -> None:
        for task in list(self._open()):
            if task.row.state is TaskState.WAITING and self._has_room(task.volume):
                self._lend(task)

    def _has_room(self, volume: Volume) -> bool:
        here = [
            task for task in self._open()
            if task.row.state is TaskState.RUNNING and task.volume.device == volume.device
        ]  # fmt: skip
        return len(here) < (1 if is_slow(volume) else _AT_ONCE)

    def _lend(self, task: _Task) -> None:
        self._leases -= 1
        task.lease, task.tries = self._leases, task.tries + 1
        task.done_files = task.done_bytes = task.left_out_count = 0
        task.left_out = []
        self._change(task, state=TaskState.RUNNING, files=0, bytes=0, damaged=0, refused=0, archives=0, problem=None)
        try:
            self._pool.begin(_order(task))
        except OSError as error:
            self._over(task, Problem(Code.WORKER_LOST, {"why": error.strerror or type(error).__name__}))

    def _over(self, task: _Task, problem: Problem | None) -> None:
        if task.stopping:
            self._end(task, TaskState.STOPPED)
        elif problem is not None and problem.code is Code.WORKER_LOST and task.tries < _TRIES:
            self._change(task, state=TaskState.WAITING)
        elif problem is not None:
            self._end(task, TaskState.FAILED, problem)
        elif task.row.problem is not None:
            self._end(task, TaskState.FAILED, task.row.problem)  # some archive
        else:
            self._end(task, TaskState.DONE)
        self._start()

    def _end(self, task: _Task, state: TaskState, problem: Problem | None = None) -> None:
        self._change(task, state=state, ended_at=time.time(), problem=problem)
        task.tree = None
        self._ended(Outcome(task.row, task.wish, task.verdict if state is TaskState.DONE else None, task.missing))

    def _forget(self, folder: str) -> None:
        """What ended before in that folder, and the oldest of too many."""
        ended = [task.row for task in self._tasks.values() if task.row.state in TASK_ENDED]
        gone = [row.id for row in ended if row.folder == folder]
        rest = [row.id for row in ended if row.folder != folder]
        gone += rest[: max(0, len(rest) - _MOST_ENDED)]
        for number in gone:
            del self._tasks[number]
        if gone:
            self._tell([], gone)


def kind_of(wish: Wish) -> TaskKind:
    match wish:
        case UnpackWish():
            return TaskKind.UNPACK
        case AdoptWish():
            return TaskKind.SURVEY if wish.only_look else TaskKind.ADOPT
        case VerifyWish():
            return TaskKind.DEEP if wish.deep else TaskKind.VERIFY


def place_of(wish: Wish) -> str:
    """The folder that it is about."""
    return wish.target if isinstance(wish, AdoptWish) else wish.folder


def _order(task: _Task) -> Verify | Unpack | Adopt:
    threads = 1 if is_slow(task.volume) else _THREADS
    match task.wish:
        case VerifyWish(folder=folder, deep=deep):
            return Verify(task.lease, folder, deep, threads)
        case UnpackWish():
            return Unpack(task.lease, task.wish, threads)
        case AdoptWish():
            assert task.tree is not None
            return Adopt(task.lease, task.wish, task.tree.dataset, task.tree.files)


def is_slow(volume: Volume) -> bool:
    """Whether two that read at once would be slower than one after the other."""
    return volume.turns or volume.file_system.lower() in _SLOW


def _unpacked(task: _Task, news: Unpacking | Emptied) -> dict[str, Any]:
    """What changes of the row. Of one archive after another: totals are known as each begins."""
    if isinstance(news, Unpacking):
        now = news.progress
        return {
            "place": now.place, "files": task.done_files + now.entries, "bytes": task.done_bytes + now.bytes,
            "files_total": task.done_files + now.entries_total, "bytes_total": task.done_bytes + now.bytes_total,
        }  # fmt: skip
    archive = news.archive
    task.done_files += archive.entries
    task.done_bytes += archive.bytes
    task.left_out_count += archive.refused_count + (archive.problem is not None)
    task.left_out += _lines(archive)[: _MOST_LEFT_OUT - len(task.left_out)]
    row = task.row
    return {
        "files": task.done_files, "bytes": task.done_bytes, "archives": row.archives + 1,
        "refused": row.refused + archive.refused_count, "problem": row.problem or archive.problem,
    }  # fmt: skip


def _lines(archive: Unpacked) -> list[LeftOut]:
    failed = [] if archive.problem is None else [LeftOut(archive.place, problem=archive.problem)]
    return failed + [LeftOut(archive.place, one.name, one.why, one.place) for one in archive.refused]
