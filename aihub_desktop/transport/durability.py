"""One thread that makes data durable and only then says so, first in the journal, then to whoever waits.

The thread that reads the network hands over marks and never waits for the disk. All marks that have gathered are
done together: each file is synced once, then each journal, then the folders that got a new name.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from aihub_desktop.disk.files import OpenFile, disk_problem, sync_folder
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.transport.journal import Journal, Span, Validator, WholeLine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """`line` may be claimed once what was written through `file` is durable. `done` hears when the line is, too."""

    file: OpenFile
    journal: Journal
    line: Span | Validator | WholeLine
    done: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Release:
    """Nothing more is written through `file`: it may be closed once its marks are done."""

    file: OpenFile
    journal: Journal


@dataclass(frozen=True, slots=True)
class Call:
    """`act` is called after all that was handed over before it, whether that became durable or not."""

    act: Callable[[], None]


AnyJob = Mark | Release | Call


class Durability:
    """After the first error nothing is claimed any more: a failed sync may have lost any byte since the last one."""

    def __init__(self) -> None:
        self._jobs: list[AnyJob] = []
        self._busy = False
        self._stopping = False
        self._problem: Problem | None = None
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="durability", daemon=True)
        self._thread.start()

    def mark(self, mark: Mark) -> None:
        self._submit(mark)

    def release(self, file: OpenFile, journal: Journal) -> None:
        self._submit(Release(file, journal))

    def call(self, act: Callable[[], None]) -> None:
        """Calls `act`, in the thread of durability, after all that was handed over so far."""
        self._submit(Call(act))

    def check(self) -> None:
        """Raises `ProblemError` if the disk has failed: DISK_FULL, NOT_WRITABLE, DISK_ERROR."""
        if self._problem is not None:
            raise ProblemError.of(self._problem)

    def flush(self) -> None:
        """Every mark so far is durable when this returns. Raises like `check`."""
        with self._change:
            self._change.wait_for(lambda: not self._jobs and not self._busy)
        self.check()

    def stop(self) -> None:
        """What is under way is finished, then the thread ends."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join()

    def _submit(self, job: AnyJob) -> None:
        with self._change:
            self._jobs.append(job)
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._jobs or self._stopping)
                if not self._jobs:
                    return
                jobs, self._jobs, self._busy = self._jobs, [], True
            self._do(jobs)

    def _do(self, jobs: list[AnyJob]) -> None:
        try:
            if self._problem is None:
                _claim([job for job in jobs if isinstance(job, Mark)])
        except OSError as error:
            self._problem = disk_problem(error)
        except Exception as error:
            # A thread that dies in silence would leave `flush` waiting for ever.
            _log.exception("making marks durable")
            self._problem = Problem(Code.BUG, {"why": type(error).__name__})
        for job in jobs:
            if isinstance(job, Release):
                job.journal.close()
                job.file.close()
            elif isinstance(job, Call):
                job.act()


def _claim(marks: list[Mark]) -> None:
    for file in {mark.file: None for mark in marks}:
        file.sync()
    lines: dict[Journal, list[Span | Validator | WholeLine]] = defaultdict(list)
    for mark in marks:
        lines[mark.journal].append(mark.line)
    for journal, claimed in lines.items():
        journal.append(claimed)
    new = [journal for journal in lines if not journal.name_is_safe]
    for folder in {journal.folder: None for journal in new}:
        sync_folder(folder)
    for journal in new:
        journal.name_is_safe = True
    for mark in marks:
        mark.done()
