"""Where the files of a spread batch come to lie: a folder that all machines see, or a prefix of an object storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aihub_desktop.cluster.orders import Reach, Result
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.holdings.staging import Homecoming, name_of
from aihub_desktop.transport.ledger import Entry


@dataclass(slots=True, eq=False)
class Group:
    """One task to be. `tries`: how often it came back unfinished for a reason of its own."""

    number: int
    dataset: Dataset
    files: list[RemoteFile]
    tries: int = 0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = name_of(self.files)


@dataclass(frozen=True, slots=True)
class Call:
    """What a worker is to do: a function of `task` or `passing`, and builtins. `name`: of what comes, for `run`."""

    act: Callable[[dict[str, Any]], dict[str, Any]]
    order: dict[str, Any]
    name: str = ""
    run: str = ""


class Ground(Protocol):
    """For one run of `Spread`, in its thread. Methods raise `ProblemError`."""

    def asking(self) -> AbstractContextManager[Call]:
        """What tells whether a worker can take part."""

    def sees(self, *, locks_reach: bool) -> None:
        """One more takes part."""

    def order(self, group: Group, out: int) -> Call:
        """The task for it, which will be one of `out`."""

    def hold(self, out: int) -> None:
        """Called often: so many tasks are out, and waited for."""

    def reach(self, name: str) -> Reach | None:
        """How far it is, as it told last."""

    def bring(self, name: str, proved: Sequence[Entry], result: Result) -> Homecoming:
        """What was proved counts from now on."""

    def drop(self, name: str) -> None:
        """All of it came."""

    def give_up(self, name: str, run: str) -> None:
        """Its worker answers nobody, and may go on at any moment."""

    def holds(self, run: str) -> bool:
        """Whether tasks of that run are waited for."""

    def pause(self) -> bool:
        """Nothing that is out is waited for. Whether its workers hear of it: else it has to be cancelled."""

    def close(self) -> None:
        """Whatever is kept for the run alone goes."""
