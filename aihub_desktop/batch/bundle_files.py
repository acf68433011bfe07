"""What lies in a bag for this program, beside what BagIt asks for, and how bags are found on a drive.

DRIVE/aihub-bundle-20261127-0f3a9c2e/     one bag of a set; the set's others have the same name on their drives
  aihub-files.jsonl       what it holds; a head, then a line for each file with a portion in this bag
  aihub-missing.jsonl     what was wanted and is not in the set
  aihub-plan.jsonl        only while it is being made: what goes where
  aihub-copied.jsonl      only then: what is durable
  aihub-incoming/         only then: what is being copied
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch import bag
from aihub_desktop.batch.documents import Paper
from aihub_desktop.batch.drives import Drive
from aihub_desktop.batch.machine import Machine, is_id
from aihub_desktop.batch.values import SHA256, Carried, is_moment
from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Count

PREFIX: Final = "aihub-bundle-"
FILES: Final = "aihub-files.jsonl"
MISSING: Final = "aihub-missing.jsonl"
PROGRAM: Final = "aihub-program-sha256.txt"
PLAN: Final = "aihub-plan.jsonl"
COPIED: Final = "aihub-copied.jsonl"
INCOMING: Final = "aihub-incoming"
VERSION: Final = 1
_KIND: Final = "aihubbundle"
_MOST_BAGS: Final = 10_000


class BundleHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of bag number `bag` of `bags`, made for machine `to`, by machine `by`, for its request `request`.

    `at`: ISO 8601 in UTC. `files`: lines that follow. `missing`: files that were wanted and are not in the set.
    """

    aihubbundle: int
    group: str
    bag: Count
    bags: Count
    request: str
    at: str
    to: Machine
    by: Machine
    files: Count
    missing: Count = 0

    @property
    def is_right(self) -> bool:
        ids = is_id(self.group) and is_id(self.request) and self.to.is_right and self.by.is_right
        return ids and is_moment(self.at) and 1 <= self.bag <= self.bags <= _MOST_BAGS

    @property
    def folder_name(self) -> str:
        return f"{PREFIX}{self.at[:10].replace('-', '')}-{self.group[:8]}"


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All portions of a file are durable, with these SHA-256, in order; none: its bytes in the library are damaged."""

    place: str
    sums: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A bag that lies on a drive."""

    folder: Path
    head: BundleHead
    finished: bool

    def carried(self) -> Iterator[Carried]:
        """Its lines, of the plan while it is not finished. Raises `ProblemError`."""
        return lines_of(self.folder / (FILES if self.finished else PLAN))


def head_of(path: Path) -> BundleHead:
    """Raises `ProblemError` as `Paper` does."""
    with Paper(path, _KIND, VERSION) as paper:
        return _head(paper)


def lines_of(path: Path) -> Iterator[Carried]:
    """As they are asked for. Raises `ProblemError`, also while they come."""
    with Paper(path, _KIND, VERSION) as paper:
        head = _head(paper)
        for carried in paper.lines(Carried, head.files):
            if not is_consistent(carried, head.bags):
                raise paper.refusal("document-line")
            yield carried


def _head(paper: Paper) -> BundleHead:
    head = paper.head(BundleHead)
    if not head.is_right:
        raise paper.refusal("document-head")
    return head


def is_consistent(carried: Carried, bags: int) -> bool:
    """Whether the portions are all of the file, one after the other. Hashes may be missing, of a plan."""
    if not carried.story.is_right or (carried.have and carried.portions):
        return False
    at = 0
    for portion in carried.portions:
        right = not portion.sha256 or SHA256.fullmatch(portion.sha256) is not None
        if portion.start != at or portion.stop < at or not (1 <= portion.bag <= bags and right):
            return False
        at = portion.stop
    return not carried.portions or carried.fetch or at == carried.story.size


def bags_on(drive: Drive) -> list[Found]:
    """Every bag of ours on a drive, or the folder itself where it is one; broken ones are passed over.

    Raises `ProblemError`.
    """
    return [found for folder in bag_folders(drive.folder) if (found := found_at(folder)) is not None]


def bag_folders(folder: Path) -> list[Path]:
    """Folders that may be bags. Raises `ProblemError`."""
    if any((folder / name).exists() for name in (bag.BAGIT, PLAN)):
        return [folder]
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.startswith(PREFIX) and _is_folder(entry))
    except OSError as error:
        raise disk_error(error, folder) from error


def found_at(folder: Path) -> Found | None:
    """None for what is no bag of ours, or none that can be read."""
    try:
        if (folder / bag.BAGIT).exists():
            return Found(folder, head_of(folder / FILES), True)
        return Found(folder, head_of(folder / PLAN), False)
    except ProblemError:
        return None


def must_be_finished(folder: Path) -> None:
    """Raises `ProblemError` BAG_UNFINISHED, NO_BAG."""
    if not (folder / bag.BAGIT).exists():
        is_ours = (folder / PLAN).exists()
        raise ProblemError(Code.BAG_UNFINISHED if is_ours else Code.NO_BAG, path=str(folder))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    state = entry.stat(follow_symlinks=False)
    return stat.S_ISDIR(state.st_mode) and not leads_elsewhere(state)
