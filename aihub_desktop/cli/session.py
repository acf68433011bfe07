"""What every command has: a console, the hub, a state folder, and an engine over it when it asks for one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.request import placed
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import DatasetList, FileList, KeyState, ListFiles, Notice, ShowKey, Snapshot, TestKey
from aihub_desktop.system import logs, program

if TYPE_CHECKING:
    from aihub_desktop.engine.serve import LocalEngine


@dataclass(frozen=True, slots=True)
class Session:
    """One run against one hub."""

    console: Console
    hub: str
    home: Path

    @contextlib.contextmanager
    def engine(self, patience: float | None = None) -> Iterator[LocalEngine]:
        """An engine that moves nothing but what this run adds; when the block is left, all is saved and stopped."""
        # Half a second of imports, which `--help` and a slip of the pen should not cost.
        from aihub_desktop.engine.serve import LocalEngine  # noqa: PLC0415

        engine = LocalEngine(self.home, self.hub, program.command("worker"), only_new=True, patience=patience)
        engine.start()
        try:
            logs.start(self.home, "command")
            yield engine
        finally:
            engine.close()

    def file_list(self, engine: LocalEngine, dataset: str, package: bool) -> FileList:
        """The files as the hub lists them now; where it cannot be asked, as of the last copy, with a note."""
        try:
            listed = engine.ask(ListFiles(engine.number(), dataset, package, refresh=True), FileList)
        except ProblemError as error:
            raise ProblemError.of(placed(error.problem, dataset, package)) from None
        self.say_age(listed)
        return listed

    def say_age(self, listed: DatasetList | FileList) -> None:
        if listed.problem is not None:
            title = self.console.words.problem(listed.problem).title
            self.console.note("cli.old-copy", at=self.console.words.moment(listed.asked_at), title=title)


def key_state(engine: LocalEngine) -> KeyState:
    """The key in use. Raises `ProblemError` NO_KEY, or what keeps the keychain from telling."""
    state = engine.ask(ShowKey(engine.number()), KeyState)
    if not state.origin:
        # Says why there is none; a hub is asked about a key only where there is one.
        engine.ask(TestKey(engine.number()), KeyState)
        raise ProblemError(Code.NO_KEY)
    return state


def snapshot(engine: LocalEngine) -> Snapshot:
    """What an engine begins with: its first event, so to be taken before anything is asked."""
    event = engine.get(30.0)
    match event:
        case Snapshot():
            return event
        case Notice(problem=problem):
            raise ProblemError.of(problem)
    raise ProblemError(Code.BUG, why="no snapshot")
