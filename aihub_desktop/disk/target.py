"""The target folder: where each file's bytes, journal and final name lie, and that nothing leads out of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error, in_the_way, native, sync_folder
from aihub_desktop.disk.volume import is_unmounted, nearest, real_path
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import JOURNAL, PART, UnsafeNameError, safe_path

# Reparse tags of Windows' junctions and links. Placeholders of cloud folders have tags too, and are harmless.
_LEADS_ELSEWHERE: Final = frozenset({0xA0000003, 0xA000000C})


def leads_elsewhere(state: os.stat_result) -> bool:
    """A symbolic link, or a junction of Windows."""
    return stat.S_ISLNK(state.st_mode) or getattr(state, "st_reparse_tag", 0) in _LEADS_ELSEWHERE


def must_not_be_away(folder: Path, code: Code = Code.DRIVE_MISSING) -> None:
    """A folder that is missing may be made; one whose drive is away holds more than it seems, and what would be made
    in its place fills another drive. Raises `ProblemError`: `code`, the disk's.
    """
    try:
        above = nearest(folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    if above is None or (above != Path(real_path(folder)) and is_unmounted(folder, above)):
        raise ProblemError(code, path=str(folder))


@dataclass(frozen=True, slots=True)
class Spot:
    """The names that one file occupies."""

    place: str
    final: Path
    part: Path
    journal: Path


class Target:
    """One target folder. The folder itself may be a link, chosen by its owner; nothing below it may."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = native(folder)
        self._right: set[Path] = set()

    def spot(self, place: str) -> Spot:
        """Raises `ProblemError` UNSAFE_NAME."""
        try:
            final = safe_path(place).under(self.folder)
        except UnsafeNameError as error:
            raise ProblemError(Code.UNSAFE_NAME, name=error.name[:300], why=error.why) from error
        return Spot(place, final, final.with_name(final.name + PART), final.with_name(final.name + JOURNAL))

    def find(self, device: int = 0) -> None:
        """The folder exists, on this device if one is named; it is never made, for its drive may just be away.

        Raises `ProblemError` TARGET_MISSING, DRIVE_MISSING, IN_THE_WAY.
        """
        try:
            state = os.stat(self.folder)
        except OSError as error:
            raise disk_error(error, self.folder) from error
        if not stat.S_ISDIR(state.st_mode):
            raise in_the_way(self.folder, "not a folder")
        if device and state.st_dev != device:
            raise ProblemError(Code.DRIVE_MISSING, path=str(self.folder))

    def make_parents(self, spot: Spot) -> None:
        """Every folder on the way to the file is real and lies in the target. Raises `ProblemError`.

        Looked at anew each time: a stream takes hours, in which somebody may put a link in a folder's place.
        """
        for folder in self._way(spot):
            if not self._is_real(folder):
                self._make_one(folder)

    def check_parents(self, spot: Spot) -> bool:
        """False where a folder on the way is missing. Raises `ProblemError` IN_THE_WAY for a link or a file there.

        For a quick look only: what was right once is not looked at again.
        """
        for folder in self._way(spot):
            if folder in self._right:
                continue
            if not self._is_real(folder):
                return False
            self._right.add(folder)
        return True

    def _way(self, spot: Spot) -> list[Path]:
        below = [
            folder for folder in spot.final.parents if folder != self.folder and folder.is_relative_to(self.folder)
        ]
        return below[::-1]

    def _is_real(self, folder: Path) -> bool:
        try:
            state = os.lstat(folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise disk_error(error, folder) from error
        if leads_elsewhere(state):
            raise in_the_way(folder, "a link")
        if not stat.S_ISDIR(state.st_mode):
            raise in_the_way(folder, "not a folder")
        return True

    def _make_one(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)
        except OSError as error:
            raise disk_error(error, folder) from error
        if not self._is_real(folder):
            raise in_the_way(folder, "vanished")
