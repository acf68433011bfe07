"""NAME.part and its journal: held against other processes from the first byte on, claimed, and let go of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec

from aihub_desktop.disk.files import OpenFile, disk_error, plain_file
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.transport.durability import Durability, Mark
from aihub_desktop.transport.journal import (
    Identity,
    Journal,
    JournalState,
    Span,
    Validator,
    WholeLine,
    discard,
    read_journal,
)


class Part:
    """Opened and let go of by one thread at a time. Every method raises `ProblemError`: IN_USE, the disk's."""

    def __init__(self, spot: Spot, identity: Identity, state: JournalState | None, durability: Durability) -> None:
        """`state`: what `usable` found. Without, a stray NAME.part is removed when the file is first opened."""
        self.spot = spot
        self._durability = durability
        self._journal = Journal(spot.journal, identity, state.length if state else 0)
        self._fresh = state is None
        self._known = state.length if state else 0
        self._guard: Guard | None = None
        self._prepared = False
        self._file: OpenFile | None = None

    def open(self) -> OpenFile:
        if self._file is not None:
            return self._file
        try:
            if self._guard is None:
                self._take_hold()
            self._file = OpenFile(self.spot.part)
            if not self._prepared:
                # Before the first byte: these may fill the disk, and could then not be claimed any more.
                # Later on the journal is the durability thread's alone.
                self._journal.prepare()
                self._prepared = True
        except OSError as error:
            raise disk_error(error, self.spot.part) from error
        self._fresh = False
        return self._file

    def mark(self, line: Span | Validator | WholeLine, done: Callable[[], None]) -> None:
        """The line is claimed once what was written is durable; then the thread of durability calls `done`."""
        self._durability.mark(Mark(self.open(), self._journal, line, done))

    def rest(self) -> None:
        """No byte is expected for now: the descriptor is let go of once all is durable."""
        file, self._file = self._file, None
        if file is not None:
            self._durability.release(file, self._journal)

    def let_go(self) -> None:
        """No byte is expected any more: others may write to the file once all is durable."""
        try:
            self.rest()
        finally:
            guard, self._guard = self._guard, None
            if guard is not None:
                self._durability.call(guard.release)

    def claim(self, size: int, sha256: str, done: Callable[[], None]) -> None:
        """The file is whole: `done` is called by the thread of durability once the journal says so."""
        guard, self._guard = self._guard, None

        def claimed() -> None:
            # Whoever is told may begin to check at once, and needs the file for that.
            if guard is not None:
                guard.release()
            done()

        self.mark(WholeLine(size, sha256), claimed)
        self.rest()

    def discard(self) -> None:
        """Nothing of the file is left: no journal, no bytes."""
        self.rest()
        self._durability.flush()
        discard(self.spot)

    def _take_hold(self) -> None:
        """The file is ours from here on, and empty where nothing of it counts."""
        self._guard = make_part(self.spot) if self._fresh else Guard(self.spot.part)
        journal = read_journal(self.spot.journal)
        if (journal.length if journal else 0) != self._known:
            # Somebody wrote between our look at the journal and now: the next try sees what it says.
            raise ProblemError(Code.IN_USE, path=str(self.spot.part))
        if journal is None:
            remove(self.spot.journal)  # unreadable


def usable(spot: Spot, identity: Identity, state: JournalState | None) -> JournalState | None:
    """The journal's state if it is one of this very file and its bytes are there; else None, and all is dropped.

    Raises `ProblemError`: IN_THE_WAY where a link, folder or device has one of our names, else what the disk says.
    """
    part = plain_file(spot.part)
    if state is None:
        return None
    if state.identity == identity and part is not None:
        short = state.whole is not None and state.whole.size != part.st_size
        return msgspec.structs.replace(state, whole=None) if short else state
    if state.identity == identity and state.whole is not None:
        # It has its name already, from a worker that died before anybody heard; the check will tell whose that is.
        final = plain_file(spot.final)
        if final is not None and final.st_size == state.whole.size:
            return state
    _discard_unheld(spot)
    return None


def make_part(spot: Spot) -> Guard:
    """Holds a new, empty NAME.part; what lay there had no journal that counts, and goes unless somebody writes it."""
    with suppress(FileExistsError):
        return Guard(spot.part, fresh=True)
    plain_file(spot.part)
    _discard_unheld(spot, known=False)
    with suppress(FileExistsError):
        return Guard(spot.part, fresh=True)
    raise ProblemError(Code.IN_USE, path=str(spot.part))


def _discard_unheld(spot: Spot, *, known: bool = True) -> None:
    """Drops journal and bytes where nobody else is at work on them; without `known` a journal speaks for somebody."""
    try:
        guard = _hold(spot)
    except OSError as error:
        raise disk_error(error, spot.part) from error
    try:
        if not known and read_journal(spot.journal) is not None:
            # Somebody has received it between our look at the journal and now.
            raise ProblemError(Code.IN_USE, path=str(spot.part))
        discard(spot)
    finally:
        guard.release()


def _hold(spot: Spot) -> Guard:
    """Also where only the journal is there: nothing is dropped unheld."""
    with suppress(FileNotFoundError):
        return Guard(spot.part)
    with suppress(FileExistsError):
        return Guard(spot.part, fresh=True)
    raise ProblemError(Code.IN_USE, path=str(spot.part))
