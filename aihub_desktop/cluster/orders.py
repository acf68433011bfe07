"""What crosses the seam between the one who asks and the workers of a cluster: as plain dicts, lists, texts, numbers.

Dask pickles what it sends, and encrypts it only on request. So what is sent are builtins, and never a key.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.domain.storage import Storage
from aihub_desktop.engine.pushing.contents import Story
from aihub_desktop.engine.pushing.record import Line
from aihub_desktop.transport.ledger import Entry

T = TypeVar("T")


class Question(msgspec.Struct, frozen=True):
    """Whether a worker can receive for `folder`: in `probe` below it lies `value`, which it has to read.

    `needs_key`: files of the hub are among what is to come.
    """

    folder: str
    probe: str
    value: str
    hub: str
    needs_key: bool


class Answer(msgspec.Struct, frozen=True):
    """`problem`: why it cannot. `locks_reach`: the lock that who asks has on the folder was seen there."""

    problem: Problem | None = None
    locks_reach: bool = False


class Task(msgspec.Struct, frozen=True):
    """Files of one dataset or place, received in `name` below the staging folder of `folder`, for `run`."""

    folder: str
    name: str
    run: str
    locks_reach: bool
    hub: str
    dataset: Dataset
    files: list[RemoteFile]
    settings: dict[str, int | float | str]
    storages: list[Storage]
    patience: float


class Entrance(msgspec.Struct, frozen=True):
    """Whether a worker can put files of the hub below a prefix: with keys of its own, to the hub and to the storage."""

    hub: str
    storage: Storage
    bucket: str
    prefix: str


class Passing(msgspec.Struct, frozen=True):
    """Files of one dataset, sent straight through to `entrance`. `lines`: what is known of uploads that were begun;
    what becomes of them is told by `topic` as `Word`s, for the worker may die.
    """

    entrance: Entrance
    name: str
    topic: str
    dataset: Dataset
    files: list[RemoteFile]
    settings: dict[str, int | float | str]
    part_bytes: int
    patience: float
    learned: Learned
    lines: list[Line]


class Failure(msgspec.Struct, frozen=True):
    key: str
    path: str
    problem: Problem


class Result(msgspec.Struct, frozen=True):
    """What became of a task. `proved` lies in its folder. What is in neither list was not finished: `problem` says why
    where it concerns all of them, else the worker was told to stop.
    """

    proved: list[Entry] = []
    failed: list[Failure] = []
    problem: Problem | None = None
    received: int = 0
    again: int = 0
    worker: str = ""
    stories: list[Story] = []  # of what lies in an object storage, in place of a folder


class Reach(msgspec.Struct, frozen=True):
    """How far a task is, beside what it receives. `refusals`: how often it was asked to come later."""

    bytes: int = 0
    rate: float = 0.0
    received: int = 0
    again: int = 0
    refusals: int = 0
    waiting: Code | None = None


class Word(msgspec.Struct, frozen=True):
    """How far the task `name` is, or a line of its record. `answer`: the event that it waits for until then."""

    name: str
    reach: Reach | None = None
    line: Line | None = None
    answer: str = ""


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """For the way."""
    told: dict[str, Any] = msgspec.to_builtins(value)
    return told


def told(value: object, kind: type[T]) -> T:
    """What came. Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, kind)
