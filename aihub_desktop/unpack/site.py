"""Where one archive is unpacked: the folder that holds it all, and that nothing leads out of it."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from aihub_desktop.archives.opening import stem_of
from aihub_desktop.disk.files import disk_error, in_the_way, native, sync_folder
from aihub_desktop.disk.folder import OpenFolder
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.names import OWN_FOLDER, as_typed, entry_path

_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Site:
    """`home`: the folder with the record; every place is relative to it. `shown`: the archive's name there.

    `into`: where files go, "" for `home` itself. `is_free`: nobody named it, so it may be shortened.
    """

    home: Path
    archive: Path
    shown: str
    into: str
    is_free: bool

    @classmethod
    def of(cls, folder: Path, archive: Path, into: str) -> Site:
        """`into` as a wish has it. Raises `ProblemError` IN_THE_WAY for a folder that cannot be one of ours."""
        folder, archive = native(folder), native(archive)
        home, below = folder, into
        if into and os.path.isabs(into):
            inside = Path(native(into)).is_relative_to(folder)
            home, below = (folder, native(into).relative_to(folder).as_posix()) if inside else (native(into), "")
        shown = name_in(home, archive)
        if not into:
            below = _beside(shown)
        return cls(home, archive, shown, _within(below), not into)

    def seen_from(self, folder: Path) -> str:
        """Where its files lie, whether the archive or we made the folder: relative to `folder` where it is in it."""
        place = name_in(folder, self.home / self.into)
        return "" if place == "." else as_typed(place)


def name_in(home: Path, path: Path) -> str:
    """Relative to `home` where it lies there, else absolute."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _beside(shown: str) -> str:
    """A folder named as the archive without its ending."""
    name = PurePosixPath(shown).name
    stem, _ = entry_path(stem_of(name))
    return str(PurePosixPath(shown).with_name(str(stem) if str(stem) != name else f"{stem}_"))


def _within(below: str) -> str:
    path = os.path.normpath(below).replace(os.sep, "/")
    if path.split("/")[0] in ("..", "", OWN_FOLDER) or os.path.isabs(path):
        raise in_the_way(Path(below), "traversal")
    return "" if path == "." else path


class Floor:
    """The folders that files go to: made when they are needed, looked at before they are trusted, synced together.

    Safe from any thread. Raises `ProblemError`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._right: set[str] = set()
        self._made: set[str] = set()  # of this run, as far as it is remembered
        self._new: set[Path] = set()
        self._lock = threading.Lock()

    def folder(self, place: str) -> bool:
        """It is there, and real; True if this run made it, so that nothing of others lies in it."""
        with self._lock:
            if place and place not in self._right:
                self._look_at(place)
            return place in self._made

    def open(self, place: str) -> OpenFolder:
        """That folder, real and made if it was not there."""
        self.folder(place)
        try:
            return OpenFolder(self._home / place, may_be_link=not place)
        except OSError as error:
            raise disk_error(error, self._home / place) from error

    def forget(self) -> None:
        """What was right a while ago is looked at again: somebody may have put a link in its place."""
        with self._lock:
            self._right.clear()
            if len(self._made) > _REMEMBERED:
                self._made.clear()

    def new_names(self) -> set[Path]:
        """Folders that have got new folders since the last call."""
        with self._lock:
            found, self._new = self._new, set()
            return found

    def _look_at(self, place: str) -> None:
        above = place.rpartition("/")[0]
        if above and above not in self._right:
            self._look_at(above)
        path = self._home / place
        try:
            if not os.path.lexists(path):
                path.mkdir(exist_ok=True)
                self._new.add(path.parent)
                self._made.add(place)
            state = os.lstat(path)
        except OSError as error:
            raise disk_error(error, path) from error
        if leads_elsewhere(state):
            raise in_the_way(path, "a link")
        if not stat.S_ISDIR(state.st_mode):
            raise in_the_way(path, "not a folder")
        self._right.add(place)


def sync_folders(folders: set[Path]) -> None:
    """The names in them are durable when this returns. Raises `ProblemError`."""
    for folder in folders:
        try:
            sync_folder(folder)
        except OSError as error:
            raise disk_error(error, folder) from error
