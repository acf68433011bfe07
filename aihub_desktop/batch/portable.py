"""The program itself, put onto a drive beside a bag, so that a machine without a network can start it from there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.batch.drives import Drive
from aihub_desktop.disk.files import OpenFile, disk_error, hashed, in_the_way, sync_folder
from aihub_desktop.disk.folder import give_time
from aihub_desktop.disk.patience import patiently_replace
from aihub_desktop.disk.target import Spot, Target

FOLDER: Final = "aihub-program"
# What starts the command line, by the names that it has in a portable folder.
_STARTERS: Final = ("aihub", "aihub.exe", "aihub-desktop", "aihub-desktop.exe")
_NEW: Final = ".new"
_BLOCK: Final = 1 << 20


def bytes_of(program: Path) -> int:
    """What it takes. Raises `ProblemError` for what is not there, or leads out of its own folder."""
    return sum(path.stat().st_size + _BLOCK // 16 for path, _ in _files(program))


def put(program: Path, drive: Drive, go_on: Callable[[], None]) -> list[tuple[str, str]]:
    """(SHA-256, path from the bag's folder) of each file, all durable. Raises `ProblemError`."""
    found = []
    for path, name in _files(program):
        go_on()
        drive.must_be_there()
        target = drive.folder / FOLDER / Path(*name.split("/"))
        try:
            Target(drive.folder).make_parents(Spot(name, target, target, target))
            sha256 = _copied(path, target)
        except OSError as error:
            raise disk_error(error, target) from error
        found.append((sha256, f"../{FOLDER}/{name}"))
    return found


def starter(program: Path) -> str:
    """What to start, from the drive's folder."""
    if program.is_file():
        return f"{FOLDER}/{program.name}"
    for name in _STARTERS:
        if (program / name).is_file():
            return f"{FOLDER}/{program.name}/{name}"
    return f"{FOLDER}/{program.name}"


def _files(program: Path) -> Iterator[tuple[Path, str]]:
    """(path, name on the drive). Drives often know no links, so what a link leads to is taken, within the folder."""
    program = program.absolute()
    if program.is_file():
        yield program, program.name
        return
    if not program.is_dir():
        raise disk_error(FileNotFoundError(2, os.strerror(2), str(program)), program)
    real = program.resolve()
    for above, folders, names in os.walk(program, followlinks=True):
        if len(Path(above).relative_to(program).parts) > 32 or not Path(above).resolve().is_relative_to(real):
            raise in_the_way(Path(above), "a link")
        folders.sort()
        for name in sorted(names):
            path = Path(above, name)
            if not path.resolve().is_relative_to(real) or not path.is_file():
                raise in_the_way(path, "a link")
            yield path, f"{program.name}/{path.relative_to(program).as_posix()}"


def _copied(source: Path, target: Path) -> str:
    """SHA-256 of the file, which is durable at its place; one that has it already is left as it is."""
    state = source.stat()
    if target.is_file() and target.stat().st_size == state.st_size and (sha256 := hashed(target)) == hashed(source):
        return sha256
    fresh, digest = target.with_name(target.name + _NEW), hashlib.sha256()
    fresh.unlink(missing_ok=True)
    file = OpenFile(fresh, fresh=True)
    try:
        at = 0
        with source.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
                file.write_at(at, memoryview(block))
                at += len(block)
        file.sync()
    finally:
        file.close()
    shutil.copymode(source, fresh)
    give_time(fresh, state.st_mtime_ns)
    patiently_replace(fresh, target)
    sync_folder(target.parent)
    return digest.hexdigest()
