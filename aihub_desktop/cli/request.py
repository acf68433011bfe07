"""What a person asked `aihub get` or `aihub fetch` for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aihub_desktop.domain.faults import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Where to, and how: what any run that receives files is told. `address`: of an object storage, which counts
    in place of `folder`.
    """

    folder: Path
    address: str = ""
    parallel: int | None = None
    connections: int | None = None
    limit: int | None = None  # bytes a second
    hours: str | None = None
    patience: float = 600.0
    dry_run: bool = False
    json: bool = False
    unpack: bool = False
    delete_archive: bool = False

    def changes(self) -> dict[str, int | float | str]:
        """The settings that hold for this run only."""
        named = {
            "parallel": self.parallel, "connections": self.connections, "limit": self.limit, "hours": self.hours,
        }  # fmt: skip
        return {name: value for name, value in named.items() if value is not None}

    def placed(self, problem: Problem) -> Problem:
        """`problem` with what the order knows of its place."""
        return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Order):
    """Files of one dataset of the hub."""

    key: str
    package: bool = False
    file_keys: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def placed(self, problem: Problem) -> Problem:
        return placed(problem, self.key, self.package)


def placed(problem: Problem, dataset: str, package: bool) -> Problem:
    """`problem` with the number of the dataset that it is about, for the address of its page."""
    about = {} if package else {"dataset": dataset}
    return Problem(problem.code, {**about, **problem.facts})
