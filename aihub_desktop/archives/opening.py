"""Which kind of archive a file is, by its first bytes, and its reader. What cannot be opened is told by its name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aihub_desktop.archives.tarreader import Packing, TarArchive, is_header, unzipped_head
from aihub_desktop.archives.volumes import Volumes
from aihub_desktop.archives.zipdirectory import count_volumes
from aihub_desktop.archives.zipreader import ZipArchive
from aihub_desktop.disk.files import disk_error, native, plain_file
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.sets import volume_of

AnyArchive = ZipArchive | TarArchive

_HEAD: Final = 1 << 20  # a bzip2 block is 900 kB
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00")
_PACKINGS: Final = {b"\x1f\x8b": Packing.GZIP, b"BZh": Packing.BZIP2, b"\xfd7zXZ\0": Packing.XZ}
_OTHERS: Final = {b"Rar!": "rar", b"7z\xbc\xaf\x27\x1c": "7z", b"ALZ\x01": "alz"}
_EGG: Final = b"EGGA"
_PARTS: Final = re.compile(r".+\.(zip|7z|tar|tar\.gz|tgz)\.[0-9]{3}", re.IGNORECASE | re.DOTALL)
_ENDING: Final = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz)|z[0-9]{2,5})$", re.IGNORECASE)


def looks_packed(name: str) -> bool:
    """Whether a file of that name is worth a look at its first bytes."""
    return _ENDING.search(name) is not None


def stem_of(name: str) -> str:
    """The archive's name without what says that it is one."""
    return _ENDING.sub("", name) or name


def open_archive(path: Path, encoding: str = "", stopped: Callable[[], bool] = lambda: False) -> AnyArchive:
    """A context manager. Of a set any volume may be named. `encoding`: of names that do not say it, "" to find out.

    Raises `ProblemError`: TARGET_MISSING, NOT_AN_ARCHIVE, EGG_ARCHIVE, VOLUME_MISSING, BAD_ARCHIVE, ARCHIVE_OVERLAPS,
    STOPPED, the disk's.
    """
    path = last_volume(native(path))
    if plain_file(path) is None:
        raise ProblemError(Code.TARGET_MISSING, path=str(path), why="ENOENT")
    head = _head(path)
    if head.startswith(_EGG) or path.suffix.lower() == ".egg":
        raise ProblemError(Code.EGG_ARCHIVE, name=path.name)
    if _PARTS.fullmatch(path.name):
        # 7-Zip's plain pieces: the first of them looks like the archive itself.
        raise ProblemError(Code.NOT_AN_ARCHIVE, name=path.name, why="pieces")
    if (packing := _packing(head, path.name)) is not None:
        return TarArchive(path, packing, encoding, stopped)
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise ProblemError(Code.NOT_AN_ARCHIVE, name=path.name, why=kind)
    # Behind a program that unpacks itself a zip may begin anywhere; of a set the last volume begins in the middle.
    if head.startswith(_ZIP) or path.suffix.lower() in (".zip", ".exe"):
        return ZipArchive(_volumes(path), encoding, stopped)
    raise ProblemError(Code.NOT_AN_ARCHIVE, name=path.name)


def last_volume(path: Path) -> Path:
    """NAME.zip for NAME.z01, in the spelling that is there; other paths as they are."""
    volume = volume_of(path.name)
    if volume is None or not volume[1]:
        return path
    try:
        for name in sorted(os.listdir(path.parent)):
            if volume_of(name) == (volume[0], 0):
                return path.parent / name
    except OSError as error:
        raise disk_error(error, path) from error
    raise ProblemError(Code.VOLUME_MISSING, name=f"{stem_of(path.name)}.zip")


def _volumes(path: Path) -> list[Path]:
    """All volumes of the set that ends with `path`, in order."""
    with Volumes([path]) as last:
        count = count_volumes(last)
    if count == 1:
        return [path]
    stem = (volume_of(path.name) or (path.stem.casefold(), 0))[0]
    found: dict[int, Path] = {}
    try:
        for name in os.listdir(path.parent):
            volume = volume_of(name)
            if volume is not None and volume[0] == stem and volume[1]:
                found[volume[1]] = path.parent / name
    except OSError as error:
        raise disk_error(error, path) from error
    for number in range(1, count):
        if number not in found:
            raise ProblemError(Code.VOLUME_MISSING, name=f"{path.stem}.z{number:02}")
    return [*(found[number] for number in range(1, count)), path]


def _head(path: Path) -> bytes:
    with Volumes([path]) as file:
        return file.read(0, min(file.size, _HEAD))


def _packing(head: bytes, name: str) -> Packing | None:
    packing = next((packing for magic, packing in _PACKINGS.items() if head.startswith(magic)), Packing.NONE)
    first = unzipped_head(head, packing)
    # An empty tar is nothing but zeros, which other files are too.
    empty = bool(first) and not any(first) and ".t" in name.casefold()
    return packing if empty or is_header(first) else None
