"""A zip's entries: listed from its directory alone, and their bytes, each proved by its CRC."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from isal import isal_zlib

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.inflate import FAILURES, Method, at_once, can_open, decoders, is_small, unpacked
from aihub_desktop.archives.moments import of_zip
from aihub_desktop.archives.naming import Naming
from aihub_desktop.archives.volumes import Volumes, Window
from aihub_desktop.archives.zipdirectory import Directory, OverlapError, Ranges, digest, entries, find_directory
from aihub_desktop.archives.zipformat import FLAG_ENCRYPTED, FLAG_UTF8, LOCAL_SIZE, Entry, bad, header_length
from aihub_desktop.domain.faults import Code, ProblemError

_FORM: Final = 0o170000  # of a mode: what it is a mode of
_STOP_ASKED: Final = 0xFFF  # entries between two questions whether to stop


class ZipArchive:
    """A context manager over one file, or all volumes of a set in order.

    Raises `ProblemError` BAD_ARCHIVE where the directory cannot be read, ARCHIVE_OVERLAPS, and
    and what the disk says.
    """

    def __init__(
        self, volumes: Sequence[Path], encoding: str = "", stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.paths = list(volumes)
        self._stopped = stopped
        self._volumes = Volumes(self.paths)
        try:
            self._directory = find_directory(self._volumes)
            self.packed = self._volumes.size
            self._naming = Naming(encoding)
            self.fingerprint = self._look_through()
        except BaseException:
            self._volumes.close()
            raise

    def __enter__(self) -> ZipArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._volumes.close()

    @property
    def encoding(self) -> str:
        """What names were taken to be that do not say it."""
        return self._naming.encoding

    def items(self) -> Iterator[Item]:
        for number, entry in enumerate(entries(self._volumes, self._directory)):
            yield self._item(number, entry)

    def reader(self) -> ZipReader:
        """With file handles of its own: one for each thread."""
        return ZipReader(self.paths, self._directory)

    def _look_through(self) -> str:
        """Once over the directory before any name is text: what the names are, and that no two entries overlap."""
        directory, starts, see = self._directory, self._volumes.starts, self._naming.see
        ranges, count = Ranges(directory.start), 0
        try:
            for entry in entries(self._volumes, directory):
                if not entry.name.isascii() and not entry.flags & FLAG_UTF8:
                    see(entry.name)
                start = max(0, directory.place(entry, starts))
                ranges.add(start, start + LOCAL_SIZE + len(entry.name) + entry.packed)
                count += 1
                if not count & _STOP_ASKED and self._stopped():
                    raise ProblemError(Code.STOPPED)
        except OverlapError:
            raise self._overlaps() from None
        if ranges.overlap():
            raise self._overlaps()
        expected = directory.entries
        if count != expected and not (directory.counts_low_bits and count & 0xFFFF == expected & 0xFFFF):
            raise bad("the directory does not hold what it counts")
        return f"{self.packed}-{digest(self._volumes, directory)}"

    def _overlaps(self) -> ProblemError:
        return ProblemError(Code.ARCHIVE_OVERLAPS, name=self.paths[-1].name)

    def _item(self, number: int, entry: Entry) -> Item:
        text = entry.text if entry.extra else b""
        name = self._naming.text(text or entry.name, says_utf8=bool(entry.flags & FLAG_UTF8 or text))
        encrypted = entry.flags & FLAG_ENCRYPTED != 0
        place, opens = self._directory.place(entry, self._volumes.starts), can_open(entry.method, entry.size)
        return Item(
            number, entry.name, name, _kind(entry, name), entry.size, entry.packed, place, entry.crc, encrypted,
            entry.method, opens and not encrypted,
            bool(entry.flags & FLAG_UTF8 or text), of_zip(entry.stamp, entry.extra),
        )  # fmt: skip


class ZipReader:
    """The bytes of entries. A context manager, for one thread."""

    def __init__(self, volumes: Sequence[Path], directory: Directory) -> None:
        self._volumes = Volumes(volumes)
        self._window = Window(self._volumes)
        self._directory = directory

    def __enter__(self) -> ZipReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._volumes.close()

    def portions(self, item: Item, way: int = 0) -> Iterator[bytes]:
        """The bytes of `item`, at most 1 MiB at a time, and never more of them than it states.

        Raises `ProblemError` BAD_ARCHIVE, at the latest behind the last portion: until then nothing is proved.
        `way`: of several decoders (`ways`), for a second opinion.
        """
        start = self._data_of(item)
        size = crc = 0
        try:
            for portion in unpacked(decoders(item.method, item.size)[way], self._chunks(item, start)):
                size += len(portion)
                if size > item.size:
                    raise bad("longer than stated")
                crc = isal_zlib.crc32(portion, crc)
                yield portion
        except FAILURES as error:
            raise bad("cannot be unpacked") from error
        if size < item.size:
            raise bad("shorter than stated")
        if crc != item.crc:
            raise bad("a wrong CRC")

    def at_once(self, item: Item) -> bytes | None:
        """All of a small entry, proved; None for the others, and where something is wrong with it.

        Raises `ProblemError` BAD_ARCHIVE.
        """
        if not is_small(item.packed, item.size):
            return None
        data = at_once(item.method, self._window.read(self._data_of(item), item.packed), item.size)
        is_right = data is not None and len(data) == item.size and isal_zlib.crc32(data) == item.crc
        return data if is_right else None

    def ways(self, item: Item) -> int:
        """How many decoders there are for it."""
        return 2 if item.method == Method.DEFLATED else 1

    def _chunks(self, item: Item, start: int) -> Iterator[bytes]:
        return self._window.chunks(start, start + item.packed)

    def _data_of(self, item: Item) -> int:
        end = self._directory.start
        if item.place < 0 or item.place + LOCAL_SIZE + len(item.raw) > end:
            raise bad("beyond the end")
        header = self._window.read(item.place, LOCAL_SIZE + len(item.raw))
        start = item.place + header_length(header, item.raw, item.method)
        if start + item.packed > end:
            raise bad("beyond the end")
        return start


def _kind(entry: Entry, name: str) -> Kind:
    form = entry.mode & _FORM
    if form == stat.S_IFLNK:
        return Kind.LINK
    if name.endswith("/") or form == stat.S_IFDIR or (name.endswith("\\") and not entry.size):
        return Kind.FOLDER
    return Kind.FILE if form in (0, stat.S_IFREG) else Kind.OTHER
