"""The engine's latest word about the pace, and the week that a person painted last."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QSettings

from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.messages import Progress
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.system import pace

_OWN_HOURS: Final = "hours"


class Pacing(QObject):
    """`latest` is None before anything moved, and once the engine is lost."""

    def __init__(self, link: EngineLink, preferences: QSettings, parent: QObject) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.latest: Progress | None = None
        link.progressed.connect(self._hear)
        link.lost.connect(lambda _: self._hear(None))

    def _hear(self, event: Progress | None) -> None:
        self.latest = event

    def keep(self, hours: str) -> None:
        """Hours that are switched off later are not forgotten."""
        if hours not in pace.NAMED_WEEKS.values():
            self._preferences.setValue(_OWN_HOURS, hours)

    @property
    def own_hours(self) -> str:
        """ "" for none."""
        try:
            return Week.parse(str(self._preferences.value(_OWN_HOURS, ""))).text()
        except ValueError:
            return ""
