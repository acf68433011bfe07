"""From a wish to a task: what has to be known before it can begin is asked for, off the engine's loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.volume import Volume, nearest, volume_of
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.adoption import AdoptWish
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.holdings import Summary
from aihub_desktop.domain.tasks import VerifyWish
from aihub_desktop.domain.unpacking import UnpackWish
from aihub_desktop.engine import inventory
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.tasks import Tasks

Reply = Callable[[Any, Problem | None], None]
Run = Callable[[str, Callable[[], Any], Reply], None]


class Preparing:
    """Lives on the engine's loop. `run` does a job that blocks in the lane of a folder; `summary_of` tells what is
    known of one; `must_rest` raises AT_WORK where anybody else may write there.
    """

    def __init__(
        self, tasks: Tasks, copies: Copies, run: Run, summary_of: Callable[[str], Summary | None],
        must_rest: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._tasks, self._copies, self._run = tasks, copies, run
        self._summary_of, self._must_rest = summary_of, must_rest

    def obey(self, command: m.Begin, reply: Reply) -> None:
        """Raises BAD_COMMAND, AT_WORK."""
        wishes = [wish for wish in (command.verify, command.unpack, command.adopt) if wish is not None]
        if len(wishes) != 1:
            raise ProblemError(Code.BAD_COMMAND, what="task")
        wish = wishes[0]
        absolute(wish.folder)
        if isinstance(wish, AdoptWish):
            self._adopt(msgspec.structs.replace(wish, to=absolute(wish.to) if wish.to else ""), reply)
        else:
            self.begin(wish, reply)

    def begin(self, wish: VerifyWish | UnpackWish, reply: Reply) -> None:
        """Raises AT_WORK."""
        if isinstance(wish, UnpackWish) and self._tasks.is_adopting(wish.folder):
            raise ProblemError(Code.AT_WORK, path=wish.folder)
        summary = self._summary_of(wish.folder)

        def look() -> tuple[Volume, VerifyWish | UnpackWish]:
            volume = inventory.find(wish.folder, summary)
            if isinstance(wish, UnpackWish) and not wish.places:
                return volume, msgspec.structs.replace(wish, places=inventory.archives(wish.folder))
            return volume, wish

        def then(found: tuple[Volume, VerifyWish | UnpackWish] | None, problem: Problem | None) -> None:
            if found is None:
                reply(None, problem)
                return
            volume, ready = found
            totals = (summary.files, summary.bytes) if summary and isinstance(ready, VerifyWish) else (0, 0)
            reply(m.Begun(self._tasks.begin(ready, volume, *totals)), None)

        self._run(wish.folder, look, then)

    # ---- adoptions ----

    def _adopt(self, wish: AdoptWish, reply: Reply) -> None:
        self._must_be_free(wish)

        def listed(answer: m.FileList | m.DatasetList | m.Outlines | None, problem: Problem | None) -> None:
            if isinstance(answer, m.FileList):
                self._run(wish.target, partial(_volume, wish.target), partial(self._ready, wish, answer, reply))
            else:
                reply(None, problem)

        # An adoption takes the list that its survey was made by.
        self._copies.handle(m.ListFiles(0, wish.dataset, wish.package, refresh=wish.only_look), listed)

    def _ready(
        self, wish: AdoptWish, listing: m.FileList, reply: Reply, volume: Volume | None, problem: Problem | None
    ) -> None:
        if volume is None:
            reply(None, problem)
            return
        try:
            self._must_be_free(wish)
        except ProblemError as error:
            reply(None, error.problem)
        else:
            reply(m.Begun(self._tasks.begin(wish, volume, tree=listing)), None)

    def _must_be_free(self, wish: AdoptWish) -> None:
        """Nobody but the adoption may write to the target's ledger."""
        if not wish.only_look and not self._tasks.has(wish):
            self._must_rest(wish.target)


def absolute(folder: str) -> str:
    """Another process's relative path means nothing here. Raises BAD_COMMAND."""
    if "\0" in folder or not os.path.isabs(folder):
        raise ProblemError(Code.BAD_COMMAND, what="folder")
    return os.path.normpath(folder)


def _volume(folder: str) -> Volume:
    """Raises TARGET_MISSING where not even a part of its path is there."""
    path = Path(folder)
    try:
        if (place := nearest(path)) is None:
            raise ProblemError(Code.TARGET_MISSING, path=folder)
        return volume_of(place)
    except OSError as error:
        raise disk_error(error, path) from error
