"""`aihub engine` as the window has it, driven by a test: commands as JSON lines, and a thread that reads answers."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from aihub_desktop.domain import messages as m
from aihub_desktop.domain import wire
from aihub_desktop.domain.states import TransferState

LONGEST = 60.0
T = TypeVar("T")


class Engine:
    """The process, what it said, and a thread that reads it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.raw: list[bytes] = []
        self.events: queue.SimpleQueue[m.AnyEvent | None] = queue.SimpleQueue()
        self._number = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.raw.append(line)
            self.events.put(wire.event(line))
        self.events.put(None)

    def number(self) -> int:
        self._number += 1
        return self._number

    def say(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def until(self, fits: Callable[[m.AnyEvent], bool]) -> m.AnyEvent:
        """The next event that fits; those before it are passed over."""
        deadline = time.monotonic() + LONGEST
        while (event := self.events.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            if fits(event):
                return event
        raise AssertionError(f"the engine ended; last: {self.raw[-3:]}")

    def first(self) -> m.Snapshot:
        event = self.until(lambda event: True)
        assert isinstance(event, m.Snapshot)
        return event

    def answer(self, command: m.AnyCommand) -> m.Answer:
        self.say(wire.line(command))
        event = self.until(lambda event: isinstance(event, m.Answer) and event.id == command.id)
        assert isinstance(event, m.Answer)
        return event

    def ask(self, command: m.AnyCommand, kind: type[T]) -> T:
        answer = self.answer(command)
        assert answer.refused is None, answer.refused
        return wire.result(answer.result, kind)

    def row(self, fits: Callable[[m.TransferRow], bool]) -> m.TransferRow:
        event = self.until(lambda event: isinstance(event, m.Changed) and any(map(fits, event.transfers)))
        assert isinstance(event, m.Changed)
        return next(row for row in event.transfers if fits(row))

    def reaches(self, *states: TransferState) -> m.TransferRow:
        return self.row(lambda row: row.state in states)

    def rows(self, transfer: int) -> list[m.FileRow]:
        return self.ask(m.Rows(self.number(), transfer), m.FileRows).rows

    def end(self) -> int:
        """Ends stdin and waits; the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> int:
        try:
            code = self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join()
        return code
