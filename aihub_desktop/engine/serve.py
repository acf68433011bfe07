"""The engine as its faces have it: in their own process, or at the other end of a pipe."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, TypeVar

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import Answer, AnyCommand, AnyEvent, Notice, Quit
from aihub_desktop.engine.shell import Shell
from aihub_desktop.engine.volumes import SURVEY_SECONDS

T = TypeVar("T")


class LocalEngine:
    """An engine in this process. `only_new`: only what is added in this run moves. `patience`: seconds without
    any new durable byte after which what would be tried again counts as failed; None means never.
    `survey_seconds`: how often the volumes in use are looked at.
    """

    def __init__(
        self,
        home: Path,
        hub: str,
        worker_command: list[str],
        *,
        only_new: bool = False,
        patience: float | None = None,
        survey_seconds: float = SURVEY_SECONDS,
    ) -> None:
        self._events: queue.SimpleQueue[AnyEvent] = queue.SimpleQueue()
        self._later: collections.deque[AnyEvent] = collections.deque()
        self._numbers = itertools.count(1)
        self._shell = Shell(
            home, hub, worker_command, self._events.put, only_new=only_new, patience=patience,
            survey_seconds=survey_seconds,
        )  # fmt: skip

    def start(self) -> None:
        """Raises `ProblemError`: ENGINE_BUSY, STORE_NEWER, STORE_BROKEN, NOT_WRITABLE, DISK_FULL, INSECURE."""
        self._shell.start()

    def number(self) -> int:
        """A fresh number for a command."""
        return next(self._numbers)

    def send(self, command: AnyCommand) -> None:
        """Raises BAD_COMMAND for what no pipe could carry: text with half surrogates, as odd folder names have."""
        try:
            wire.line(command)
        except UnicodeEncodeError:
            raise ProblemError(Code.BAD_COMMAND, what="not-text") from None
        self._shell.post(command)

    def get(self, timeout: float | None) -> AnyEvent | None:
        """The next event in order; None when none came within `timeout` seconds."""
        if self._later:
            return self._later.popleft()
        with contextlib.suppress(queue.Empty):
            return self._events.get(timeout=timeout)
        return None

    def ask(self, command: AnyCommand, kind: type[T], timeout: float = 120.0) -> T:
        """Sends and waits for the answer's result as `kind`; other events stay for `get`, in order.

        Raises `ProblemError` for a refusal, and UNREACHABLE when no answer came in time.
        """
        self.send(command)
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                # In slices: Windows hears Ctrl-C only between two waits.
                event = self._events.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue
            if isinstance(event, Answer) and event.id == command.id:
                if event.refused is not None:
                    raise ProblemError.of(event.refused)
                return wire.result(event.result, kind)
            self._later.append(event)
            if isinstance(event, Notice) and event.fatal:
                raise ProblemError.of(event.problem)
        raise ProblemError(Code.UNREACHABLE, why="no answer in time")

    def close(self) -> None:
        """Saves, stops the workers, and returns when nothing of it is left."""
        self._shell.close()


def serve_pipe(home: Path, hub: str, worker_command: list[str]) -> int:
    """The engine for a window: commands on stdin, events on stdout, one JSON line each, until stdin ends.

    A problem that keeps it from starting is said as a `Notice`, and the exit code is 1.
    """
    out = sys.stdout.buffer
    events: queue.SimpleQueue[AnyEvent | None] = queue.SimpleQueue()
    shell = Shell(home, hub, worker_command, events.put, only_new=False, patience=None)
    try:
        shell.start()
    except ProblemError as error:
        _write(out, Notice(0, error.problem))
        return 1
    speaker = threading.Thread(target=_speak, args=(out, events), name="events")
    speaker.start()
    try:
        _listen(shell, events)
    finally:
        shell.close()
        events.put(None)
        speaker.join()
    return 0


def _listen(shell: Shell, events: queue.SimpleQueue[AnyEvent | None]) -> None:
    for text in sys.stdin.buffer:
        try:
            command = wire.command(text)
        except wire.WireError:
            events.put(Notice(0, Problem(Code.BAD_COMMAND, {"what": "not-a-command"})))
            continue
        shell.post(command)
        if isinstance(command, Quit):
            return


def _speak(out: BinaryIO, events: queue.SimpleQueue[AnyEvent | None]) -> None:
    while (event := events.get()) is not None:
        _write(out, event)
        if isinstance(event, Notice) and event.fatal:
            # The main thread waits for commands that nobody can obey any more.
            os._exit(70)


def _write(out: BinaryIO, event: AnyEvent) -> None:
    # A window that is gone hears nothing; the end of stdin tells us so in a moment.
    with contextlib.suppress(OSError):
        out.write(wire.line(event))
        out.flush()
