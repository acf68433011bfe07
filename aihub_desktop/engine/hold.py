"""One engine per state folder."""

from __future__ import annotations

from pathlib import Path

from aihub_desktop.disk.held import Held
from aihub_desktop.domain.faults import Code


class Hold(Held):
    """The lock of a state folder, held until `release`.

    Raises ENGINE_BUSY (fact "pid") where another has it, and NOT_WRITABLE where nobody can.
    """

    def __init__(self, home: Path) -> None:
        super().__init__(home / "engine.lock", Code.ENGINE_BUSY, home)
