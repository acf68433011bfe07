"""The count of one archive: what is done, what was refused. Safe from any thread."""

from __future__ import annotations

import threading
from typing import Final

from aihub_desktop.domain.unpacking import Refusal, Refused, UnpackProgress

_TOLD: Final = 1000
# These leave nothing behind that only the archive has.
HARMLESS: Final = frozenset({Refusal.JUNK, Refusal.RENAMED})


class Tally:
    """`entries` and `bytes`: what stands, or will in a moment."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.entries_total = 0
        self.bytes_total = 0
        self.entries = 0
        self.bytes = 0
        self._dropped_entries = self._dropped_bytes = 0  # that were counted, and then could not stand
        self._refused: list[Refused] = []
        self._harmless: list[Refused] = []
        self.refused_count = 0
        self.lost = 0  # refused, and nowhere but in the archive
        self._lock = threading.Lock()

    def note(self, entries: int, size: int) -> None:
        with self._lock:
            self.entries += entries
            self.bytes += size

    def refuse(self, refused: Refused) -> None:
        with self._lock:
            self._refuse(refused)

    def drop(self, refused: Refused, size: int) -> None:
        """An entry that was noted: it is refused after all."""
        with self._lock:
            self.entries -= 1
            self.bytes -= size
            self._dropped_entries += 1
            self._dropped_bytes += size
            self._refuse(refused)

    def _refuse(self, refused: Refused) -> None:
        self.refused_count += 1
        self.lost += refused.why not in HARMLESS
        told = self._harmless if refused.why in HARMLESS else self._refused
        if len(told) < _TOLD:
            told.append(refused)

    @property
    def refused(self) -> list[Refused]:
        """Some of them; those first that are nowhere but in the archive."""
        return (self._refused + self._harmless)[:_TOLD]

    def progress(self) -> UnpackProgress:
        with self._lock:
            entries, size = self.entries + self._dropped_entries, self.bytes + self._dropped_bytes
            return UnpackProgress(self.place, entries, size, self.entries_total, self.bytes_total)
