"""What of a broken file is still good, made into the beginning of the new one.

The pieces whose hashes are right are copied into NAME.part, and a journal claims them: what fetches the file then asks
for the others alone. The broken file itself is only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import xxhash

from aihub_desktop.disk.files import OpenFile, disk_error, plain_file, sync_folder
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import Piece, RemoteFile
from aihub_desktop.transport.journal import Identity, Journal, JournalState, Span, discard, read_journal
from aihub_desktop.transport.part import make_part
from aihub_desktop.transport.pieces import kept_pieces

_BLOCK: Final = 1 << 20
# These end it for this file only, which then comes whole.
_HARMLESS: Final = frozenset({Code.IN_USE, Code.IN_THE_WAY, Code.NO_ROOM, Code.DISK_FULL})


def salvage(folder: Path, file: RemoteFile, place: str, sha256: str) -> int:
    """How many bytes of the broken file need not come again: 0 where no hashes of its pieces were kept, where another
    try has begun, or where there is no room for a second copy. Raises `ProblemError`: what the disk says.
    """
    work = WorkFile(0, file, place)
    target = Target(folder)
    try:
        spot = target.spot(place)
        if not target.check_parents(spot) or plain_file(spot.final) is None:
            return 0
        state = kept_pieces(folder, work, sha256)
        if state is None or plain_file(spot.part) is not None or read_journal(spot.journal) is not None:
            return 0
        return _saved(spot, work, state)
    except ProblemError as error:
        if error.problem.code in _HARMLESS:
            return 0
        raise


def _saved(spot: Spot, work: WorkFile, state: JournalState) -> int:
    guard = make_part(spot)
    try:
        broken, part = OpenFile(spot.final, write=False), OpenFile(spot.part)
        try:
            good = [piece for piece in state.pieces if _is_copied(broken, part, piece)]
            part.sync()
        finally:
            broken.close()
            part.close()
        _claim(spot, work, state, good)
    except BaseException as error:
        discard(spot)  # nothing that is worth keeping, and it takes room
        if isinstance(error, OSError):
            raise disk_error(error, spot.part) from error
        raise
    finally:
        guard.release()
    return sum(piece.stop - piece.start for piece in good)


def _is_copied(broken: OpenFile, part: OpenFile, piece: Piece) -> bool:
    """Whether a piece is as it was; then it is in the part, at its place. Raises `OSError` of the part."""
    digest, at = xxhash.xxh3_128(), piece.start
    for block in _blocks(broken, piece):
        digest.update(block)
        part.write_at(at, block)
        at += len(block)
    return at == piece.stop and digest.hexdigest() == piece.digest


def _blocks(broken: OpenFile, piece: Piece) -> Iterator[memoryview]:
    """Of a piece that is cut short, or cannot be read, there are fewer."""
    view, at = memoryview(bytearray(_BLOCK)), piece.start
    while at < piece.stop:
        try:
            count = broken.read_at(at, view[: piece.stop - at])
        except OSError:
            return
        if not count:
            return
        yield view[:count]
        at += count


def _claim(spot: Spot, work: WorkFile, state: JournalState, good: list[Piece]) -> None:
    """Raises `OSError`."""
    journal = Journal(spot.journal, Identity.of(work), 0)
    try:
        validators = [] if state.validator is None else [state.validator]
        journal.append([*validators, *(Span(piece.start, piece.stop, piece.digest) for piece in good)])
    finally:
        journal.close()
    sync_folder(spot.journal.parent)
