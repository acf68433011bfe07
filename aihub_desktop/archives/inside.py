"""Single entries of an archive, for a look."""

from __future__ import annotations

import contextlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.opening import AnyArchive
from aihub_desktop.archives.zipreader import ZipArchive
from aihub_desktop.disk.files import OpenFile, disk_error, in_the_way
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.publish import rename_new
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.names import PART
from aihub_desktop.domain.unpacking import Refusal

_SKIPPED: Final = 1 << 20


def why_closed(item: Item) -> Refusal | None:
    """Why its bytes cannot be had, None if they can."""
    if item.kind is Kind.LINK:
        return Refusal.LINK
    if item.kind is Kind.OTHER:
        return Refusal.SPECIAL
    if item.encrypted:
        return Refusal.ENCRYPTED
    return None if item.opens else Refusal.METHOD


def find_entry(archive: AnyArchive, name: str) -> Item | None:
    """The first file of that name, in whatever normal form. Raises `ProblemError`."""
    wanted = unicodedata.normalize("NFC", name)
    for item in archive.items():
        if item.kind is Kind.FILE and unicodedata.normalize("NFC", item.name) == wanted:
            return item
    return None


def entry_bytes(archive: AnyArchive, item: Item) -> Iterator[bytes]:
    """At most 1 MiB at a time; proved behind the last one only. Raises `ProblemError`: BAD_ARCHIVE, the disk's."""
    if isinstance(archive, ZipArchive):
        with archive.reader() as reader:
            yield from reader.portions(item)
        return
    for found, portions in archive.contents():
        if found.number == item.number:
            yield from portions
            return


def save(path: Path, portions: Iterator[bytes]) -> None:
    """A new file, which has its name once all of it is there and proved. Raises `ProblemError`."""
    if os.path.lexists(path):
        raise in_the_way(path, "exists")
    # A name of its own, for NAME.part may be a download's.
    half = path.with_name(f".{secrets.token_hex(8)}{PART}")
    try:
        _write(half, portions)
        rename_new(Spot(path.name, path, half, half))
    except FileExistsError:
        raise in_the_way(path, "exists") from None
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            remove(half)


def _write(path: Path, portions: Iterator[bytes]) -> None:
    file, at = OpenFile(path, fresh=True), 0
    try:
        for portion in portions:
            file.write_at(at, memoryview(portion))
            at += len(portion)
    finally:
        file.close()


class Reading:
    """An entry's bytes, part after part. Raises `ProblemError` as `entry_bytes` does."""

    def __init__(self, archive: AnyArchive, item: Item) -> None:
        self._portions = entry_bytes(archive, item)
        self._rest = b""
        self.at = 0
        self.is_over = False  # and all of it was proved

    def skip(self, size: int) -> None:
        while size and not self.is_over:
            size -= len(self.take(min(size, _SKIPPED)))

    def take(self, size: int) -> bytes:
        """Less at the end only."""
        while len(self._rest) <= size and not self.is_over:
            portion = next(self._portions, None)
            if portion is None:
                self.is_over = True
            else:
                self._rest += portion
        part, self._rest = self._rest[:size], self._rest[size:]
        self.at += len(part)
        return part

    @property
    def is_done(self) -> bool:
        return self.is_over and not self._rest


def take_out(
    archive: AnyArchive, wanted: Sequence[tuple[Item, Path]], stopped: Callable[[], bool]
) -> Iterator[tuple[int, Problem | None]]:
    """Writes entries as `save` does; (the place in `wanted`, why it is damaged) for each that is done with.

    A packed tar is gone through just once. Raises `ProblemError`: STOPPED, BAD_ARCHIVE of the whole, the disk's.
    """
    for place, path, portions in _sources(archive, wanted):
        try:
            save(path, _until(portions, stopped))
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ARCHIVE:
                raise
            yield place, error.problem
        else:
            yield place, None


def _sources(archive: AnyArchive, wanted: Sequence[tuple[Item, Path]]) -> Iterator[tuple[int, Path, Iterator[bytes]]]:
    if isinstance(archive, ZipArchive):
        with archive.reader() as reader:
            for place, (item, path) in enumerate(wanted):
                yield place, path, reader.portions(item)
        return
    places = {item.number: place for place, (item, _) in enumerate(wanted)}
    for found, portions in archive.contents():
        if (at := places.pop(found.number, None)) is not None:
            yield at, wanted[at][1], portions
        if not places:
            return


def _until(portions: Iterator[bytes], stopped: Callable[[], bool]) -> Iterator[bytes]:
    for portion in portions:
        if stopped():
            raise ProblemError(Code.STOPPED)
        yield portion
