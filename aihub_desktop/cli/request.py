"""What a person asked `aihub get` for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Files of one dataset, where to, and how."""

    key: str
    folder: Path
    package: bool = False
    file_keys: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parallel: int | None = None
    limit: int | None = None  # bytes a second
    hours: str | None = None
    patience: float = 600.0
    dry_run: bool = False
    json: bool = False

    def changes(self) -> dict[str, int | float | str]:
        """The settings that hold for this run only."""
        named = {"parallel": self.parallel, "limit": self.limit, "hours": self.hours}
        return {name: value for name, value in named.items() if value is not None}
