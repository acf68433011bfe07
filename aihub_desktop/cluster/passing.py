"""What a worker of a cluster does where the target is an object storage: the hub's bytes pass straight through it.

As `task`: called by Dask in a thread, takes and gives builtins, raises nothing. Nobody shares a folder here, so whether
anybody still waits for it is what Dask says of the task, and what it has done goes home by Dask's events.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from aihub_desktop.cluster.orders import Answer, Entrance, Failure, Passing, Reach, Result, Word, plain, told
from aihub_desktop.cluster.task import bug, place
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.storage import Access
from aihub_desktop.engine.pushing.contents import Contents, Story
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.fate import Fate, Outcome
from aihub_desktop.engine.pushing.front import key_at_hand, place_of
from aihub_desktop.engine.pushing.record import Ending, Line, Record
from aihub_desktop.engine.pushing.request import place_of as name_of
from aihub_desktop.engine.pushing.through import Passage, Through
from aihub_desktop.transport.ledger import Entry

_LOOK_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 20.0  # for a storage that is asked whether it can be reached at all


def may_enter(question: dict[str, Any]) -> dict[str, Any]:
    """`Entrance` → `Answer`."""
    try:
        asked = told(question, Entrance)
        key_at_hand(asked.hub)
        depot = _depot(asked, Settings(), _PATIENCE_SECONDS)
        try:
            depot.land()
        finally:
            depot.close()
    except ProblemError as error:
        return plain(Answer(error.problem))
    except Exception as error:
        return plain(Answer(bug(error)))
    return plain(Answer())


def pass_on(task: dict[str, Any]) -> dict[str, Any]:
    """`Passing` → `Result`."""
    try:
        return plain(_Relay(told(task, Passing)).run())
    except Exception as error:
        return plain(Result(problem=bug(error)))


def _depot(entrance: Entrance, settings: Settings, patience: float) -> Depot:
    """With what this machine has of keys. Raises `ProblemError` where it has none."""
    storage = entrance.storage
    try:
        found = place_of(storage)
    except ProblemError:
        if storage.access is not Access.KEYCHAIN:
            raise
        found = place_of(msgspec.structs.replace(storage, access=Access.PROFILE))
    return Depot(found, entrance.bucket, entrance.prefix, settings, patience)


class _Relay:
    """One task, from its key to its result."""

    def __init__(self, task: Passing) -> None:
        self._task = task
        self._link = _Link(task.topic)
        self._failed: dict[str, Problem] = {}  # by file key
        self._stories: list[Story] = []
        self._depot: Depot | None = None
        self._is_known = True  # what the record is told, to whoever asked

    def run(self) -> Result:
        problem, received = None, 0
        task = self._task
        try:
            key = key_at_hand(task.entrance.hub)
            depot = self._depot = _depot(task.entrance, changed(Settings(), task.settings), task.patience)
            with contextlib.closing(depot), self._record() as record:
                contents = Contents(depot, record)
                passage = Passage(task.entrance.hub, task.dataset, task.files, key, task.learned)
                through = Through(
                    depot, record, passage, self._hear, replace=True, part_bytes=task.part_bytes, contents=contents
                )  # fmt: skip
                try:
                    with self._watched(through):
                        through.relay()
                finally:
                    self._stories, received = contents.told, through.received
        except ProblemError as error:
            problem = None if error.problem.code is Code.STOPPED else error.problem
        return self._result(problem, received)

    @contextlib.contextmanager
    def _record(self) -> Iterator[Record]:
        """Of what is known at home, and gone with the task."""
        task, entrance = self._task, self._task.entrance
        with tempfile.TemporaryDirectory(prefix="aihub-", dir=place(), ignore_cleanup_errors=True) as home:
            record = Record(Path(home), entrance.storage.endpoint, entrance.bucket, entrance.prefix, self._tell)
            try:
                for line in task.lines:
                    record.note(line)
                self._is_known = False
                yield record
            finally:
                record.close()

    def _tell(self, line: Line) -> None:
        """Nothing becomes an object of which nobody knows whose it is: if who asked is gone, it stays in parts."""
        if self._is_known:
            return
        if isinstance(line, Ending) and self._depot is not None:
            self._link.agree(Word(self._task.name, line=line), self._depot)
        else:
            self._link.say(Word(self._task.name, line=line))

    @contextlib.contextmanager
    def _watched(self, through: Through) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                if not self._link.is_wanted():
                    through.stop()
                    return
                moved = Reach(bytes=through.progress.bytes, received=through.received)
                self._link.say(Word(self._task.name, reach=moved))

        watcher = threading.Thread(target=watch, name="watch")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _hear(self, fate: Fate) -> None:
        if fate.outcome is Outcome.FAILED and fate.problem is not None:
            self._failed[fate.file_key] = fate.problem

    def _result(self, problem: Problem | None, received: int) -> Result:
        files = {file.key: file for file in self._task.files}
        proved = [_entry(files[one.file_key], one) for one in self._stories if one.file_key in files]
        failed = [Failure(key, files[key].path, why) for key, why in self._failed.items() if key in files]
        return Result(proved, failed, problem, received, 0, self._link.address, self._stories)


def _entry(file: RemoteFile, story: Story) -> Entry:
    return Entry(
        name_of(file), story.sha256, story.size, file.source, file.dataset, file.package, file.key, file.path,
        story.proof, story.at, story.note,
    )  # fmt: skip


class _Link:
    """To whoever asked, by Dask."""

    def __init__(self, topic: str) -> None:
        import distributed  # noqa: PLC0415 - slow to load, and there in a worker

        self._topic = topic
        self._dask: Any = distributed
        self._client = self._dask.get_client()
        self._worker = self._dask.get_worker()
        self._key: Any = self._worker.get_current_task()
        self.address = str(self._worker.address)

    def say(self, word: Word) -> None:
        self._worker.log_event(self._topic, plain(word))

    def agree(self, word: Word, depot: Depot) -> None:
        """Until who asked has noted it. Raises STOPPED where nobody will. From any thread."""
        name = f"{self._topic}-{secrets.token_hex(8)}"
        event = self._dask.Event(name, client=self._client)
        self.say(msgspec.structs.replace(word, answer=name))
        while not event.wait(timeout=_LOOK_SECONDS):
            depot.must_go_on()
        event.clear()  # else the scheduler would keep it

    def is_wanted(self) -> bool:
        """Not where the worker is told to end, or the task was cancelled: Dask cannot stop a thread."""
        if self._worker.status.name in ("closing", "closing_gracefully", "closed", "failed"):
            return False
        state = self._worker.state.tasks.get(self._key)
        return state is not None and state.state in ("executing", "long-running", "resumed")
