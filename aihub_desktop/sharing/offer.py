"""What is offered of a folder: finished files that its ledger names, as they were proved. Nothing else of it is seen.

A file counts while size and time are those of its proof, or those at which a deep look found it right since: what
somebody wrote to in the meantime is not offered until `aihub verify` has read it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from aihub_desktop.disk.descent import lies_below, open_below
from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.sharing import LabFile, file_url
from aihub_desktop.holdings.times import TIMES, Remembered, remembered, stamp_of
from aihub_desktop.holdings.told import Told
from aihub_desktop.transport.ledger import LOG, MANIFEST, Entry, Ledger, Stamp, own_folder

_LONG_SECONDS: Final = 1.0  # to read a ledger of 60,000 files, which a download may change every second
_RESTS: Final = 9  # times as long it is not read again

_Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of the offer, open for reading. Whoever opened it closes it."""

    descriptor: int
    size: int
    sha256: str
    state: os.stat_result

    def is_as_it_was(self) -> bool:
        """Whether nobody wrote to it, replaced or removed it since it was opened. Raises `OSError`."""
        return _traits(os.fstat(self.descriptor)) == _traits(self.state)

    def close(self) -> None:
        os.close(self.descriptor)


class Offer:
    """A context manager, usable from several threads at once. What others enter in the ledger meanwhile is seen at the
    next call; where reading it takes long, most of the time is left for those who wait.

    Raises `ProblemError`: NO_LEDGER, and what the disk says.
    """

    def __init__(self, folder: Path | str) -> None:
        self._root = native(folder)
        self._ledger = Ledger(folder)
        self._lock = threading.Lock()
        self._signature: _Signature = ()
        self._not_before = 0.0  # the ledger is read again
        self._entries: Mapping[str, Entry] = {}
        self._times: Told[Remembered] = Told(None, Remembered)
        if self._known()[0] is None:
            raise ProblemError(Code.NO_LEDGER, path=str(folder))
        self._current()

    def __enter__(self) -> Offer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nobody asks any more."""
        with self._lock:
            self._times.close()

    def open(self, place: str) -> OpenedFile | None:
        """None for what is not offered, whatever else lies there."""
        entry = self._current().get(place)
        if entry is None or not _is_ordinary(place):
            return None
        try:
            descriptor = open_below(self._root, place)
        except OSError:
            return None
        state = os.fstat(descriptor)
        if self._is_right(entry, state):
            return OpenedFile(descriptor, state.st_size, entry.sha256, state)
        os.close(descriptor)
        return None

    def files(self, dataset: str = "") -> Iterator[LabFile]:
        """In the order of the ledger; `dataset`: only files of this one of the hub."""
        for entry in list(self._current().values()):
            if dataset and (entry.source, entry.dataset) != (HUB, dataset):
                continue
            if (state := self._state(entry.place)) is not None and self._is_right(entry, state):
                yield _told(entry, state.st_size)

    def __len__(self) -> int:
        """How many files the ledger names, offered or not."""
        return len(self._current())

    def _current(self) -> Mapping[str, Entry]:
        with self._lock:
            began = time.monotonic()
            if began < self._not_before:
                return self._entries
            known = self._known()
            if known != self._signature:
                self._entries = self._ledger.entries()
                self._times.close()
                self._times = remembered(self._root)
                self._signature = known
                now = time.monotonic()
                spent = now - began
                self._not_before = now + _RESTS * spent if spent > _LONG_SECONDS else 0.0
            return self._entries

    def _known(self) -> _Signature:
        own = own_folder(self._root)
        states = [plain_file(own / name) for name in (MANIFEST, LOG, TIMES)]
        return tuple((one.st_size, one.st_mtime_ns, one.st_ino) if one else None for one in states)

    def _state(self, place: str) -> os.stat_result | None:
        if not _is_ordinary(place):
            return None
        with contextlib.suppress(OSError, ValueError):
            state = os.lstat(self._root / place)
            return state if stat.S_ISREG(state.st_mode) else None
        return None

    def _is_right(self, entry: Entry, state: os.stat_result) -> bool:
        found = Stamp.of(state)
        if entry.broken is not None and entry.broken.fits(found):
            return False
        if entry.stamp.fits(found):
            return True
        with self._lock:
            known = stamp_of(self._times.of(entry.place, entry.sha256))
        return known is not None and known.fits(found)


def _is_ordinary(place: str) -> bool:
    """A manifest may have come with a drive from anywhere: it names neither what lies outside nor what is our own."""
    return place.partition("/")[0].casefold() != OWN_FOLDER and lies_below(place)


def _told(entry: Entry, size: int) -> LabFile:
    return LabFile(
        entry.place, size, entry.sha256, entry.source, entry.dataset, entry.package, entry.key, entry.path,
        entry.proof, entry.at, file_url(entry.place),
    )  # fmt: skip


def _traits(state: os.stat_result) -> tuple[int, ...]:
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_nlink
