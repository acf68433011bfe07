"""Files of places that serve ranges: which go together, and over how many connections. Pure: begins nothing.

Large files need many connections, small ones many requests: they never share a lease. Small ones are spread over the
worker processes, since what counts there is the work of each file; large ones take every connection that is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from aihub_desktop.domain.model import WEB
from aihub_desktop.engine.plan import take_waiting
from aihub_desktop.engine.ready import Lot, Ready, Size, lot_of
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, LeaseRecord, TransferRecord

# A lease of small files is over in a moment, so that a pause or a dead worker costs little; the next comes at once.
_SMALL_FILES: Final = 256
_SMALL_BYTES: Final = 128 << 20
_LARGE_FILES: Final = 32
_LARGE_BYTES: Final = 1 << 40
_FEWEST: Final = 16  # small files in a lease, where they are spread over several: fewer are not worth their order
_EASE_SECONDS: Final = 10.0  # a place that is too busy says so to each of its leases at once: that is heard once


class Batch(NamedTuple):
    """The files of one lease, in order, for `Places` to enter."""

    place: str
    connections: int
    files: list[FileRecord]


@dataclass(slots=True)
class _Ceiling:
    connections: int
    eased_at: float


class Places:
    """How many connections each place has, of all its leases together. `use` the setting before anything else."""

    def __init__(self, book: Book, connections: int, processes: int) -> None:
        self._book = book
        self._most = connections
        self._processes = max(1, processes)
        self._ceilings: dict[str, _Ceiling] = {}

    def use(self, connections: int) -> None:
        if connections != self._most:
            self._most = connections
            self._ceilings.clear()

    def grant(self, place: str, *, is_large: bool) -> int:
        """The connections that a lease may have which begins now; 0 where none may."""
        others = [lease for lease in self._book.leases.values() if lease.place == place]
        most = self._ceiling(place)
        free = most - sum(lease.connections for lease in others)
        if is_large or free <= 0:
            return max(0, free)
        share = max(1, most // self._processes)
        if free < share and any(not self._is_large(lease) for lease in others):
            return 0  # what others leave over is too little to be worth it; they are over in a moment
        return free if free < 2 * share else share

    def slots(self, place: str) -> int:
        """How many leases of small files could begin now."""
        return max(1, -(-self.grant(place, is_large=True) // max(1, self._ceiling(place) // self._processes)))

    def eased(self, lease: LeaseRecord, now: float) -> None:
        """The place asked for fewer: what begins from now on has half as many."""
        known = self._ceilings.get(lease.place)
        if lease.eased or (known is not None and now - known.eased_at < _EASE_SECONDS):
            lease.eased = True
            return
        lease.eased = True
        self._ceilings[lease.place] = _Ceiling(max(1, self._ceiling(lease.place) // 2), now)

    def ended(self, lease: LeaseRecord, *, well: bool) -> None:
        """A lease that came through without complaint earns its place one connection more."""
        known = self._ceilings.get(lease.place)
        if known is None or lease.eased or not well:
            return
        known.connections += 1
        if known.connections >= self._most:
            del self._ceilings[lease.place]

    def anew(self) -> None:
        """Another line: what a place bore by the old one says nothing."""
        self._ceilings.clear()

    def _ceiling(self, place: str) -> int:
        known = self._ceilings.get(place)
        return self._most if known is None else min(self._most, known.connections)

    def _is_large(self, lease: LeaseRecord) -> bool:
        files = (self._book.files.get(key) for key in lease.held[:1])
        lots = (lot_of(file.remote) for file in files if file is not None)
        return any(lot is not None and _is_large(lot, len(lease.held)) for lot in lots)


def place_of(lot: Lot, transfer: TransferRecord) -> str:
    """Whose connections are counted together: a bucket's, or those of all web addresses of one transfer."""
    return f"{WEB} {transfer.id}" if lot.source == WEB else f"{lot.source} {lot.dataset}"


def next_batch(book: Book, transfer: TransferRecord, places: Places) -> Batch | None:
    """What to begin next of this transfer at places that serve ranges; None where nothing waits or may begin."""
    for lot in _in_order(transfer):
        place = place_of(lot, transfer)
        ready = transfer.lots[lot]
        is_large = _is_large(lot, len(ready))
        connections = places.grant(place, is_large=is_large)
        if not connections:
            continue
        most = _LARGE_FILES if is_large else _share(ready, places.slots(place))
        files = _taken(book, transfer, lot, most)
        if files:
            # A file alone may be helped by every hand; many are one hand's each.
            return Batch(place, connections if is_large else min(connections, len(files)), files)
    return None


def _in_order(transfer: TransferRecord) -> Iterable[Lot]:
    """The lots in which something waits, that of the first file first."""
    return sorted((lot for lot, ready in transfer.lots.items() if ready), key=lambda lot: transfer.lots[lot].first)


def _is_large(lot: Lot, count: int) -> bool:
    """Whether these files are worth every connection. A long list of files whose size nobody knows is one of many
    small ones, as far as anybody can tell; a few of them may be anything.
    """
    return lot.size is Size.LARGE or (lot.size is Size.UNKNOWN and count < _FEWEST)


def _share(ready: Ready, slots: int) -> int:
    """How many small files the next lease has. The last ones are spread, too: one process with all of them would leave
    the others idle.
    """
    return min(_SMALL_FILES, max(_FEWEST, -(-len(ready) // slots)))


def _taken(book: Book, transfer: TransferRecord, lot: Lot, most: int) -> list[FileRecord]:
    ready = transfer.lots[lot]
    blocked: list[FileRecord] = []
    room = _SMALL_BYTES if lot.size is Size.SMALL else _LARGE_BYTES
    chosen: list[FileRecord] = []
    while len(chosen) < most and (file := take_waiting(book, ready)) is not None:
        if lot_of(file.remote) != lot:
            continue  # its size was told anew meanwhile; it waits where it belongs
        size = file.remote.size.high
        if book.is_held(transfer, file):
            blocked.append(file)
        elif chosen and size > room:
            blocked.append(file)
            break
        else:
            chosen.append(file)
            room -= size
    for file in blocked:
        ready.put(file.turn)
    return chosen


def gathers(book: Book) -> list[LeaseRecord]:
    """Those under way that were not asked back."""
    return [one for one in book.leases.values() if one.kind is LeaseKind.GATHER and not one.halting]
