"""What a run of pushing tells, as it comes and at its end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum

from aihub_desktop.domain.faults import Problem


class Outcome(StrEnum):
    SENT = "sent"
    THERE = "there"  # the same content was there already
    WANTED = "wanted"  # of a rehearsal: would be sent
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one file. `proof`, `note`, `stored`: as in `contents.Story`."""

    path: str
    key: str
    outcome: Outcome
    size: int = 0
    sha256: str = ""
    proof: str = ""
    note: str = ""
    stored: str = ""
    file_key: str = ""
    problem: Problem | None = None


@dataclass(slots=True)
class Progress:
    """For the eye; any thread adds. `passed`: bytes that were compared and not sent, of files and of streams."""

    files: int = 0
    files_total: int = 0
    bytes: int = 0
    bytes_total: int = 0
    passed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def moved(self, count: int) -> None:
        with self._lock:
            self.bytes += count

    def ended(self) -> None:
        with self._lock:
            self.files += 1
