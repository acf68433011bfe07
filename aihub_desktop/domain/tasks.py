"""Work on what is there already, beside the downloads: to verify it, to unpack it, to take it over. Sizes in bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.adoption import Stock
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import Count


class TaskKind(StrEnum):
    VERIFY = "verify"  # size and time of every file
    DEEP = "deep"  # every byte is read
    UNPACK = "unpack"
    SURVEY = "survey"  # what other tools left is looked through
    ADOPT = "adopt"  # and taken over


class TaskState(StrEnum):
    WAITING = "waiting"  # another task is at work on the same drive
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by a person
    FAILED = "failed"


TASK_ENDED: Final = frozenset({TaskState.DONE, TaskState.STOPPED, TaskState.FAILED})


class VerifyWish(msgspec.Struct, frozen=True):
    """Whether `folder` still holds what its manifest says; `deep`: by reading every byte."""

    folder: str
    deep: bool = True


class TaskRow(msgspec.Struct, frozen=True):
    """One task. `files` (of an archive: entries) and `bytes` so far, of totals that are 0 where they are not known.

    `place`: the archive that is being unpacked. `damaged`: files found damaged so far. `refused`: entries that are not
    on disk as their archive has them. `archives` that are done with. `problem`: why it failed, or what ended the first
    archive early. `stock`: what a survey or an adoption found, once it is over.
    """

    id: int
    kind: TaskKind
    folder: str
    state: TaskState
    begun_at: float  # seconds since 1970
    ended_at: float | None = None
    files: Count = 0
    bytes: Count = 0
    files_total: Count = 0
    bytes_total: Count = 0
    place: str = ""
    damaged: Count = 0
    refused: Count = 0
    archives: Count = 0
    problem: Problem | None = None
    stock: Stock | None = None
