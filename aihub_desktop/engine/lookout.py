"""Looks at disks off the engine's loop: every folder has a lane of its own, for the drive under it may hang."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aihub_desktop.disk.volume import Volume
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Space
from aihub_desktop.engine.deeds import LookAt, Looked, Survey, Surveyed
from aihub_desktop.engine.disk import disk_space, look_at, survey
from aihub_desktop.engine.errands import Errands


class Lookout:
    """`tell` takes what was seen, on the engine's loop."""

    def __init__(self, errands: Errands, tell: Callable[[Looked | Surveyed], object]) -> None:
        self._errands = errands
        self._tell = tell

    def do(self, deed: LookAt | Survey) -> None:
        if isinstance(deed, LookAt):
            self._look(deed)
        else:
            self._survey(deed)

    def space(
        self, command: Space, usable: Callable[[Volume], int], reply: Callable[[object, Problem | None], None]
    ) -> None:
        """Replies with a `DiskSpace`. `usable`: how much of a volume may still be taken; asked on the loop."""

        def then(value: Any, problem: Problem | None) -> None:
            if value is None:
                reply(None, problem)
                return
            space, volume = value
            reply(msgspec.structs.replace(space, usable=usable(volume)), None)

        self._errands.run_apart(command.folder, lambda: disk_space(Path(command.folder), command.files), then)

    def _look(self, deed: LookAt) -> None:
        def then(value: Any, problem: Problem | None) -> None:
            standings, volume = value or ({}, None)
            self._tell(Looked(deed.transfer, standings, problem, volume))

        self._errands.run_apart(deed.folder, lambda: look_at(deed), then)

    def _survey(self, deed: Survey) -> None:
        def then(value: Any, problem: Problem | None) -> None:
            volume, sizes = value or (None, {})
            self._tell(Surveyed(deed.transfer, volume, sizes, problem))

        # Not behind a look, which may take minutes.
        self._errands.run_apart(f"survey {deed.folder}", lambda: survey(deed), then)
