"""The engine at the other end of a pipe: `aihub engine` as a child process, JSON lines both ways."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeVar

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import (
    Answer,
    AnyEvent,
    Changed,
    Command,
    FileMap,
    LibraryChanged,
    Notice,
    Progress,
    Quit,
    Resync,
    Snapshot,
    TaskChanged,
)

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SLICE_SECONDS: Final = 0.008  # reading at a stretch; the rest waits until the window has painted
_QUIT_MS: Final = 10_000  # workers make durable what came: seconds on a slow disk
_TERMINATE_MS: Final = 3_000

Answered = Callable[[Any], None]
Refused = Callable[[Problem], None]


class _Phase(Enum):
    IDLE = auto()
    RUNNING = auto()
    CLOSING = auto()


@dataclass(frozen=True, slots=True)
class _Question:
    kind: type | None
    answered: Answered | None
    refused: Refused | None


class EngineLink(QObject):
    """Starts the engine, asks it, and passes on what it says. All in the window's thread; nothing here waits."""

    snapshot = Signal(Snapshot)
    changed = Signal(Changed)
    progressed = Signal(Progress)
    mapped = Signal(FileMap)
    noticed = Signal(Notice)
    holdings_changed = Signal(LibraryChanged)
    tasks_changed = Signal(TaskChanged)
    lost = Signal(Problem)  # the engine ended without being asked to
    closed = Signal()  # after `close`: no process is left

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command)
        self._phase = _Phase.IDLE
        self._process: QProcess | None = None
        self._questions: dict[int, _Question] = {}
        self._number = 0
        self._seq: int | None = None  # None until a snapshot has come
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._fatal: Problem | None = None
        self._more = QTimer(self, singleShot=True, interval=0)
        self._more.timeout.connect(self._work_off)
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._press)
        self._pressed = False

    @property
    def running(self) -> bool:
        return self._phase is _Phase.RUNNING

    @property
    def pid(self) -> int:
        """The engine's process, 0 for none."""
        return self._process.processId() if self._process is not None else 0

    def start(self) -> None:
        """Starts the engine, unless it runs."""
        if self._phase is not _Phase.IDLE:
            return
        self._rest, self._seq, self._fatal, self._pressed = b"", None, None, False
        self._lines.clear()
        process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments(self._command[1:])
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.errorOccurred.connect(self._failed)
        process.finished.connect(self._ended)
        self._process, self._phase = process, _Phase.RUNNING
        process.start()

    def ask(
        self, command: Command, kind: type[T], answered: Callable[[T], None], refused: Refused | None = None
    ) -> None:
        """Sends; the one answer goes to `answered` as `kind`, or to `refused`. The command's own id is not used."""
        self._send(command, _Question(kind, answered, refused))

    def tell(
        self, command: Command, answered: Callable[[], None] | None = None, refused: Refused | None = None
    ) -> None:
        """Sends a command whose answer holds nothing."""
        then = None if answered is None else (lambda _: answered())
        self._send(command, _Question(None, then, refused))

    def close(self) -> None:
        """Asks the engine to save and end; `closed` follows, in any case."""
        if self._phase is _Phase.IDLE:
            QTimer.singleShot(0, self, self.closed.emit)
            return
        if self._phase is _Phase.CLOSING or self._process is None:
            return
        self._send(Quit(0), _Question(None, None, None))
        self._phase = _Phase.CLOSING
        self._process.closeWriteChannel()
        self._patience.start(_QUIT_MS)

    def close_now(self, wait_ms: int = 3_000) -> None:
        """For a session that ends under us: waits, in the window's thread, until no process is left."""
        process = self._process
        if process is None:
            return
        self.close()
        if not process.waitForFinished(wait_ms):
            process.kill()
            process.waitForFinished(1_000)

    # ---- sending ----

    def _send(self, command: Command, question: _Question) -> None:
        if self._phase is not _Phase.RUNNING or self._process is None:
            # While it closes, nobody is left who wants to know.
            if question.refused is not None and self._phase is _Phase.IDLE:
                question.refused(self._gone())
            return
        self._number += 1
        try:
            line = wire.line(msgspec.structs.replace(command, id=self._number))
        except UnicodeEncodeError:
            # A folder can have a name that is no text: half of a surrogate pair, as odd disks hold them.
            if question.refused is not None:
                question.refused(Problem(Code.BAD_COMMAND, {"what": "not-text"}))
            return
        self._questions[self._number] = question
        self._process.write(line)

    def _gone(self) -> Problem:
        return self._fatal or Problem(Code.WORKER_LOST, {"what": "engine"})

    # ---- receiving ----

    def _read(self) -> None:
        if self._process is None:
            return
        *lines, self._rest = (self._rest + self._process.readAllStandardOutput().data()).split(b"\n")
        self._lines.extend(lines)
        self._work_off()

    def _work_off(self) -> None:
        until = time.monotonic() + _SLICE_SECONDS
        while self._lines:
            self._hear(self._lines.popleft())
            if time.monotonic() > until and self._lines:
                self._more.start()
                return

    def _hear(self, line: bytes) -> None:
        try:
            event = wire.event(line)
        except wire.WireError:
            _log.error("the engine said %d bytes that are no message", len(line))
            return
        self._watch_order(event)
        match event:
            case Answer():
                self._answer(event)
            case Notice():
                # An engine that cannot start says why with the number 0, and ends.
                if event.fatal or event.seq == 0:
                    self._fatal = event.problem
                self.noticed.emit(event)
            case _:
                self._pass_on(event)

    def _pass_on(self, event: Snapshot | Changed | Progress | FileMap | LibraryChanged | TaskChanged) -> None:
        match event:
            case FileMap():
                self.mapped.emit(event)
            case Progress():
                self.progressed.emit(event)
            case Changed():
                self.changed.emit(event)
            case Snapshot():
                self.snapshot.emit(event)
            case LibraryChanged():
                self.holdings_changed.emit(event)
            case TaskChanged():
                self.tasks_changed.emit(event)

    def _watch_order(self, event: AnyEvent) -> None:
        if isinstance(event, Snapshot):
            self._seq = event.seq
        elif self._seq is not None and event.seq > 0:
            if event.seq != self._seq + 1:
                _log.warning("events from %d to %d are missing", self._seq + 1, event.seq - 1)
                self._seq = None
                self.tell(Resync(0))
            else:
                self._seq = event.seq

    def _answer(self, answer: Answer) -> None:
        question = self._questions.pop(answer.id, None)
        if question is None:
            return
        if answer.refused is not None:
            if question.refused is not None:
                question.refused(answer.refused)
            else:
                _log.warning("refused: %s", answer.refused)
        elif question.answered is not None:
            question.answered(answer.result if question.kind is None else wire.result(answer.result, question.kind))

    def _read_errors(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace").strip()
            if text:
                _log.warning("engine: %s", text[-4_000:])

    # ---- the end ----

    def _failed(self, error: QProcess.ProcessError) -> None:
        # Every other error is followed by `finished`.
        if error is QProcess.ProcessError.FailedToStart:
            _log.error("the engine cannot be started: %s", self._command[0])
            self._ended()

    def _ended(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._patience.stop()
        self._more.stop()
        self._take_last_words(process)
        process.deleteLater()
        closing, self._phase = self._phase is _Phase.CLOSING, _Phase.IDLE
        questions, self._questions = self._questions, {}
        for question in questions.values():
            if question.refused is not None and not closing:
                question.refused(self._gone())
        if closing:
            self.closed.emit()
        else:
            self.lost.emit(self._gone())

    def _take_last_words(self, process: QProcess) -> None:
        if process.state() is QProcess.ProcessState.NotRunning and process.isOpen():
            *lines, _ = (self._rest + process.readAllStandardOutput().data()).split(b"\n")
            self._lines.extend(lines)
        while self._lines:
            self._hear(self._lines.popleft())

    def _press(self) -> None:
        """The engine was asked to end and did not."""
        if self._process is None:
            return
        if self._pressed:
            self._process.kill()
            return
        _log.warning("the engine does not end by itself")
        self._pressed = True
        self._process.terminate()
        self._patience.start(_TERMINATE_MS)
