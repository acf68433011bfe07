"""What is to be unpacked, and what became of it. Sizes in bytes; places are relative to the target folder."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aihub_desktop.domain.faults import Problem


class UnpackWish(msgspec.Struct, frozen=True):
    """`places`: archives, a split set by its NAME.zip; `into`: a folder, "" for one beside each archive.

    `encoding` of the names in a zip: "" for what seems right. `patterns`: of paths in the archive, as a shell has
    them; none means everything. `nested`: archives in the archive, too. `keep`: else an archive is deleted once every
    entry of it stands on disk, verified. `any_size`: what grows more than anything real does, too.
    """

    folder: str
    places: list[str]
    into: str = ""
    encoding: str = ""
    patterns: list[str] = []
    nested: bool = False
    keep: bool = True
    any_size: bool = False


class Refusal(StrEnum):
    """Why an entry is not on disk as the archive has it."""

    UNSAFE_NAME = "unsafe-name"
    LINK = "link"
    SPECIAL = "special"  # a device, a pipe
    CLASH = "clash"  # another entry has that name, on some system
    IN_THE_WAY = "in-the-way"  # a file that is not ours has it
    ENCRYPTED = "encrypted"
    METHOD = "method"  # packed in a way that nobody here can open
    BOMB = "bomb"
    DAMAGED = "damaged"
    JUNK = "junk"  # what macOS leaves in archives
    RENAMED = "renamed"  # it is on disk, under a safe name


class Refused(msgspec.Struct, frozen=True):
    """`place`: where it lies all the same, if RENAMED."""

    name: str
    why: Refusal
    place: str = ""


class Rehearsal(msgspec.Struct, frozen=True):
    """What unpacking one archive would do. `missing_…`: of what no earlier run has unpacked, and the folders for it.

    `missing_bytes` in whole blocks of a disk that has `free` bytes, of which `floor` stay free, and takes `files_free`
    more files (None: any number). `names`: some of those that are wanted, as they are read; `problem`: why unpacking
    would not begin.
    """

    place: str
    into: str = ""
    encoding: str = ""
    entries: int = 0
    bytes: int = 0
    missing_entries: int = 0
    missing_bytes: int = 0
    free: int = 0
    refused: list[Refused] = []
    refused_count: int = 0
    problem: Problem | None = None
    names: list[str] = []
    missing_folders: int = 0
    floor: int = 0
    files_free: int | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """One line of what came of a task: an entry that is not on disk as `archive` has it, or, without a `name`, the
    archive that could not be unpacked.
    """

    archive: str
    name: str = ""
    why: Refusal | None = None
    place: str = ""  # where it lies all the same, if RENAMED
    problem: Problem | None = None


class UnpackProgress(msgspec.Struct, frozen=True):
    """Of the archive `place`: what is done with of what there is."""

    place: str
    entries: int
    bytes: int
    entries_total: int
    bytes_total: int


class Unpacked(msgspec.Struct, frozen=True):
    """One archive is done with. `entries` and `bytes` stand on disk. `refused`: the first thousand of `refused_count`.

    `into`: the folder that its files lie in, absolute if it is not in the target folder, "" for that itself.
    `problem`: what ended it early.
    """

    place: str
    into: str
    entries: int
    bytes: int
    encoding: str
    refused: list[Refused] = []
    refused_count: int = 0
    archive_deleted: bool = False
    problem: Problem | None = None


UnpackNews = UnpackProgress | Unpacked
