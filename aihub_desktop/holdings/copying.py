"""Bytes that lie elsewhere, written into NAME.part with its journal, so that a kill or a full disk loses nothing.

What a journal claims already, of a copy that was begun or of a download, is compared and not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import xxhash

from aihub_desktop.archives.volumes import CHUNK, Extent, Volumes
from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.disk.files import OpenFile, disk_error, in_the_way, plain_file, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.coverage import Coverage, merged
from aihub_desktop.transport.journal import Identity, Journal, Span, WholeLine, read_journal

# A kill costs no more than this to be written again; syncs of less would be what takes the time.
MARK: Final = 256 << 20
_LONGEST_LINE: Final = 64 << 10


class Hearer(Protocol):
    """Hears every byte, in order."""

    def feed(self, data: memoryview) -> None: ...


@dataclass(frozen=True, slots=True)
class Steps:
    """Who hears how many bytes were read, and who says that it is time to stop."""

    progress: Callable[[int], None] = lambda count: None
    stopped: Callable[[], bool] = lambda: False

    def go_on(self) -> None:
        if self.stopped():
            raise StoppedError


class Copy:
    """One NAME.part, held against others while this lives. Raises `ProblemError`: IN_THE_WAY for a NAME.part that is
    not ours, IN_USE, the disk's; `UnreadableError` for what is copied from; CHANGED where it is not what the journal
    has of the same bytes; `StoppedError`.
    """

    def __init__(self, target: Target, work: WorkFile, spot: Spot, steps: Steps) -> None:
        self.spot = spot
        self._steps = steps
        target.make_parents(spot)
        identity = Identity.of(work)
        self._identity = identity
        self._guard = self._hold(identity)
        state = read_journal(spot.journal)
        self.is_new = state is None
        self._journal = Journal(spot.journal, identity, state.length if state else 0)
        self._file: OpenFile | None = None
        self._coverage = Coverage(state.pieces if state else ())

    def fill(self, extents: tuple[Extent, ...], hearer: Hearer, *, start: int = 0, size: int | None = None) -> None:
        """Writes them one after the other; `hearer` hears every byte. All is durable when this returns.

        They are what the file to be has from `start` on, of `size` bytes in all; None: they are all that follows.
        """
        with Volumes([extents]) as data:
            try:
                file = self._open()
                size = start + data.size if size is None else size
                for piece in list(self._coverage.pieces()):
                    if piece.stop > min(size, file.size()):
                        self._coverage.remove(piece)
                self._fill(data, start, file, hearer)
                file.truncate(size)
                file.sync()
            except OSError as error:
                raise disk_error(error, self.spot.part) from error

    def covers(self, start: int, stop: int) -> bool:
        """Whether the journal claims these bytes."""
        spans = merged(self._coverage.pieces())
        return start == stop or any(first <= start and stop <= last for first, last in spans)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it is claimed."""
        return not self._coverage.pieces()

    def drop(self, start: int, stop: int) -> None:
        """These bytes turned out wrong: they are claimed no more, nor is what reaches into them."""
        kept = [piece for piece in self._coverage.pieces() if piece.stop <= start or stop <= piece.start]
        try:
            self._journal.close()
            self._journal = Journal(self.spot.journal, self._identity, self._disclaim())
            self._journal.append(Span(piece.start, piece.stop, piece.digest) for piece in kept)
        except OSError as error:
            raise disk_error(error, self.spot.journal) from error
        self._coverage = Coverage(kept)

    def claim(self, size: int, sha256: str) -> None:
        """From here on every byte counts as received, whoever looks."""
        try:
            self._journal.append([WholeLine(size, sha256)])
        except OSError as error:
            raise disk_error(error, self.spot.journal) from error

    def close(self) -> None:
        self._close_files()
        self._guard.release()

    def _close_files(self) -> None:
        self._journal.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Nothing of it is kept. A NAME.part without a journal would be anybody's, so the journal, which then claims
        nothing any more, goes last.
        """
        try:
            self._close_files()
            self._disclaim()
            if remove(self.spot.part):
                sync_folder(self.spot.part.parent)
            remove(self.spot.journal)
        except OSError as error:
            raise disk_error(error, self.spot.part) from error
        finally:
            self._guard.release()

    def _disclaim(self) -> int:
        """How long the journal is that claims nothing."""
        try:
            journal = OpenFile(self.spot.journal)
        except FileNotFoundError:
            return 0
        try:
            first = memoryview(bytearray(_LONGEST_LINE))
            length = bytes(first[: journal.read_at(0, first)]).find(b"\n") + 1
            journal.truncate(length)
            journal.sync()
        finally:
            journal.close()
        return length

    def _hold(self, identity: Identity) -> Guard:
        spot = self.spot
        part, journal = plain_file(spot.part), read_journal(spot.journal)
        if part is not None and ((journal is None and part.st_size) or (journal and journal.identity != identity)):
            # Without a journal of ours it may be anybody's, a browser's for one.
            raise in_the_way(spot.part, "exists")
        try:
            if part is None:
                remove(spot.journal)  # it claims bytes that are gone
            return Guard(spot.part, fresh=part is None)
        except FileExistsError as error:
            raise ProblemError(Code.IN_USE, path=str(spot.part)) from error
        except OSError as error:
            raise disk_error(error, spot.part) from error

    def _open(self) -> OpenFile:
        if self._file is None:  # one for all that is filled in
            self._file = OpenFile(self.spot.part)
        self._journal.prepare()
        if not self._journal.name_is_safe:
            sync_folder(self._journal.folder)
            self._journal.name_is_safe = True
        return self._file

    def _fill(self, data: Volumes, start: int, file: OpenFile, hearer: Hearer) -> None:
        at, end, buffer = start, start + data.size, memoryview(bytearray(CHUNK))
        while at < end:
            known = self._coverage.at(at)
            if known is not None:
                stop = min(known.stop, end)
                self._compare(data.blocks(at - start, stop - start, buffer), start, file, hearer)
                at = stop
                continue
            following = self._coverage.next_start(at)
            stop = min(end, at + MARK, end if following is None else following)
            digest = xxhash.xxh3_128()
            for offset, part in data.blocks(at - start, stop - start, buffer):
                self._steps.go_on()
                file.write_at(start + offset, part)
                hearer.feed(part)
                digest.update(part)
                self._steps.progress(len(part))
            file.sync()
            self._journal.append([Span(at, stop, digest.hexdigest())])
            self._coverage.add(Piece(at, stop, digest.hexdigest()))
            at = stop

    def _compare(self, blocks: Iterable[tuple[int, memoryview]], start: int, file: OpenFile, hearer: Hearer) -> None:
        there = memoryview(bytearray(CHUNK))
        for offset, part in blocks:
            self._steps.go_on()
            if file.read_at(start + offset, there[: len(part)]) != len(part) or there[: len(part)] != part:
                raise ProblemError(Code.CHANGED, path=str(self.spot.part))
            hearer.feed(part)
            self._steps.progress(len(part))
