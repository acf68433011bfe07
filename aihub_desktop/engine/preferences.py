"""The settings in use, and those that are kept: what is set for one run only is not written."""

from __future__ import annotations

import time

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import Configure
from aihub_desktop.domain.settings import SettingsError, changed
from aihub_desktop.store.queue import QueueStore


class Preferences:
    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self.used = self._kept = store.settings()

    def change(self, command: Configure) -> None:
        """Durable when this returns, unless it is for the run. Raises BAD_COMMAND with the name of what cannot be."""
        try:
            used = changed(self.used, command.changes)
            kept = self._kept if command.for_run else changed(self._kept, command.changes)
        except SettingsError as error:
            raise ProblemError(Code.BAD_COMMAND, what="setting", name=error.name) from None
        if not command.for_run:
            self._store.keep_settings(kept, time.time())
        self.used, self._kept = used, kept
