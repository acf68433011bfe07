"""A placeholder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Inspected
from aihub_desktop.domain.model import Checksum


class Web:
    """A placeholder: nobody is there."""

    def __init__(self, user_agent: str, connect_timeout: float) -> None: ...

    def inspect(
        self,
        addresses: Iterable[str],
        names: Mapping[str, str] | None = None,
        checksums: Mapping[str, Checksum] | None = None,
    ) -> Inspected:
        return Inspected([], {one: Problem(Code.UNREACHABLE) for one in addresses})

    def close(self) -> None: ...
