"""One entry of an archive, for a look."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.opening import AnyArchive
from aihub_desktop.archives.zipreader import ZipArchive
from aihub_desktop.disk.files import OpenFile, disk_error, in_the_way, remove


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
    """A new file, gone again where the entry proves damaged. Raises `ProblemError`."""
    try:
        file = OpenFile(path, fresh=True)
    except FileExistsError:
        raise in_the_way(path, "exists") from None
    except OSError as error:
        raise disk_error(error, path) from error
    at = 0
    try:
        for portion in portions:
            file.write_at(at, memoryview(portion))
            at += len(portion)
    except BaseException as error:
        file.close()
        remove(path)
        if isinstance(error, OSError):
            raise disk_error(error, path) from error
        raise
    file.close()
