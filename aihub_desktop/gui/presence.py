"""The window among others: icon beside the clock, taskbar, notices, and staying there when it is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.notices import Notices
from aihub_desktop.gui.standing import Standing, standing
from aihub_desktop.gui.taskbar import Taskbar
from aihub_desktop.gui.tray import Tray

_BACKGROUND: Final = "desktop/background"
_NOTICES: Final = "desktop/notices"
_TOLD: Final = "desktop/background-told"


class Presence(QObject):
    """Follows the queue. The window connects to the wishes of `tray`."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self._lost = self._over = False
        self._tasks = 0
        self.now = Standing()
        self.tray = Tray(desk.words, self)
        self.taskbar = Taskbar(window)
        self.notices = Notices(desk, self.tray, window)
        self.notices.on = self.notifies
        desk.queue.totals_changed.connect(self._look)
        desk.library.changed.connect(self._count)
        desk.lost.connect(lambda _: self._engine_lost())
        desk.found.connect(self._engine_found)

    def begin(self) -> None:
        self.tray.begin()

    def end(self) -> None:
        self._over = True
        self.tray.end()
        self.taskbar.show(Standing())

    def speak(self) -> None:
        self.tray.speak(self._desk.words)

    # ---- what the person chose ----

    @property
    def stays(self) -> bool:
        """Whether closing the window leaves it running while something is under way."""
        return _is_true(self._desk.preferences.value(_BACKGROUND, True))

    def set_stays(self, on: bool) -> None:
        self._desk.preferences.setValue(_BACKGROUND, on)

    @property
    def notifies(self) -> bool:
        return _is_true(self._desk.preferences.value(_NOTICES, True))

    def set_notifies(self, on: bool) -> None:
        self._desk.preferences.setValue(_NOTICES, on)
        self.notices.on = on

    # ---- closing ----

    @property
    def can_stay(self) -> bool:
        """Whether the desktop has a place for the icon, which is the way back. It may come and go."""
        self.tray.begin()
        return self.tray.is_there

    def may_hide(self) -> bool:
        """Whether the window may vanish and the downloads go on: only where the way back is in sight."""
        under_way = self._desk.link.running and (self.now.active > 0 or self._tasks > 0)
        return self.stays and under_way and self.can_stay

    def tell_hidden(self) -> None:
        """Says once where it went."""
        if not _is_true(self._desk.preferences.value(_TOLD, False)):
            self._desk.preferences.setValue(_TOLD, True)
            say = self._desk.words.say
            self.notices.tell(say("gui.notice.background"), say("gui.notice.background-text"))

    # ---- the queue ----

    def _look(self) -> None:
        # Without an engine nothing is under way, whatever was heard last.
        queue = self._desk.queue
        self.now = Standing(needs=1, lost=True)
        if not self._lost:
            self.now = replace(standing(queue.transfers(), queue.rate), tasks=self._tasks)
        self.tray.show(self.now)
        self.taskbar.show(self.now)

    def _count(self) -> None:
        """Tasks of the library come and go; of how far they are nothing is shown here."""
        before, self._tasks = self._tasks, self._desk.library.at_work
        if self._tasks != before:
            self._look()
        if before and not self._tasks and self._desk.link.running:
            self.notices.tell_unseen(self._desk.words.say("gui.notice.tasks"), "")

    def _engine_lost(self) -> None:
        """The window says so above its pages; whoever does not see it is told."""
        if self._over:
            return
        self._lost = True
        self._look()
        say = self._desk.words.say
        self.notices.tell_unseen(say("problem.worker-lost.engine.title"), say("problem.worker-lost.engine.advice"))

    def _engine_found(self) -> None:
        self._lost = False
        self._look()


def _is_true(value: object) -> bool:
    """An INI file gives its own words back."""
    return value is True or str(value).casefold() == "true"
