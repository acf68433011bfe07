"""Target folders and their volumes, looked at off the engine's loop: a share that hangs holds up nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Space
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import LookAt, Looked, Survey, Surveyed
from aihub_desktop.engine.disk import disk_space, look_at, survey
from aihub_desktop.engine.errands import Errands


class Places:
    """Used by the engine's loop only, where `tell` is called with each answer for the core."""

    def __init__(self, core: Core, errands: Errands, tell: Callable[[object], object]) -> None:
        self._core = core
        self._errands = errands
        self._tell = tell

    def look(self, deed: LookAt) -> None:
        def then(value: Any, problem: Problem | None) -> None:
            standings, volume = value or ({}, None)
            self._tell(Looked(deed.transfer, standings, problem, volume))

        self._errands.run_apart(deed.folder, lambda: look_at(deed), then)

    def survey(self, deed: Survey) -> None:
        def then(value: Any, problem: Problem | None) -> None:
            volume, sizes = value or (None, {})
            self._tell(Surveyed(deed.transfer, volume, sizes, problem))

        # Not behind a look, which may take minutes.
        self._errands.run_apart(f"survey {deed.folder}", lambda: survey(deed), then)

    def space(self, command: Space, reply: Callable[[object, Problem | None], None]) -> None:
        """→ `DiskSpace`, with what the queue leaves of it."""

        def then(value: Any, problem: Problem | None) -> None:
            if value is None:
                reply(None, problem)
                return
            space, volume = value
            usable = self._core.volumes.usable(volume, self._core.settings.floor_bytes)
            reply(msgspec.structs.replace(space, usable=usable), None)

        self._errands.run_apart(command.folder, lambda: disk_space(Path(command.folder), command.files), then)
