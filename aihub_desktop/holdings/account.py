"""What a look at a folder came to, for a report: sums, and every finding in the order in which it is shown."""

from __future__ import annotations

import contextlib
import heapq
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import msgspec

from aihub_desktop.disk.files import disk_error
from aihub_desktop.domain.findings import HARMLESS, IN_ORDER, Depth, Finding
from aihub_desktop.holdings.looking import Seen

_HELD: Final = 10_000  # findings that are in memory at once
_READ: Final = 1 << 16
_RANKS: Final = {finding: rank for rank, finding in enumerate(IN_ORDER)}


@dataclass(slots=True)
class Sum:
    """Of the files of one dataset."""

    files: int = 0
    bytes: int = 0
    problems: int = 0


class Account:
    """A context manager. More findings than a few are put in order lot by lot in a file without a name, and merged when
    they are read.
    """

    def __init__(self, folder: str, depth: Depth, at: str, manifest: str = "", beside: Path | None = None) -> None:
        """`at`: local date and time; `manifest`: the list that was given in place of our own; `beside`: the folder of
        the file without a name, None where the system has such files.
        """
        self.folder = folder
        self.depth = depth
        self.at = at
        self.manifest = manifest
        self.bytes = 0
        self.counts: Counter[Finding] = Counter()
        self.sums: dict[tuple[str, str, bool], Sum] = {}  # by source, dataset, package
        self._beside = beside
        self._held: list[Seen] = []
        self._lots: list[tuple[int, int]] = []
        self._spool: IO[bytes] | None = None

    def __enter__(self) -> Account:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            with contextlib.suppress(OSError):
                self._spool.close()

    def hear(self, seen: Sequence[Seen]) -> None:
        """Raises `ProblemError`: what the disk says of the file beside."""
        for one in seen:
            self.counts[one.finding] += 1
            self.bytes += one.bytes
            if one.entry is not None and one.entry.source:
                found = self.sums.setdefault((one.entry.source, one.entry.dataset, one.entry.package), Sum())
                found.files += 1
                found.bytes += one.entry.size or 0
                found.problems += one.finding not in HARMLESS
        self._held += seen
        if len(self._held) >= _HELD:
            self._put_by()

    def findings(self) -> Iterator[Seen]:
        """What is wrong comes first, and of each kind the paths in their order. Raises `ProblemError`."""
        self._held.sort(key=_order)
        return heapq.merge(self._held, *(self._lot(*lot) for lot in self._lots), key=_order)

    def _put_by(self) -> None:
        self._held.sort(key=_order)
        try:
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(dir=self._beside)  # noqa: SIM115 - closed with the account
            start = self._spool.seek(0, 2)
            self._spool.writelines(msgspec.json.encode(one) + b"\n" for one in self._held)
            self._lots.append((start, self._spool.tell()))
        except OSError as error:
            raise disk_error(error, self._beside) from error
        self._held.clear()

    def _lot(self, start: int, stop: int) -> Iterator[Seen]:
        assert self._spool is not None
        decoder = msgspec.json.Decoder(Seen)
        while start < stop:
            try:
                self._spool.seek(start)
                lines = self._spool.readlines(min(_READ, stop - start - 1))  # it stops with the byte after these
            except OSError as error:
                raise disk_error(error, self._beside) from error
            yield from map(decoder.decode, lines)
            start += sum(map(len, lines))


def _order(seen: Seen) -> tuple[int, str]:
    return _RANKS[seen.finding], seen.path
