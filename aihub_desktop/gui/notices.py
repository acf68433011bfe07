"""Tells a person who looks elsewhere that something is done, or that they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.tray import Tray
from aihub_desktop.system import notice

_WORTH_IT: Final = frozenset({TransferState.DONE, TransferState.FAILED, TransferState.NEEDS_USER})

Show = Callable[[str, str], bool]


class Notices(QObject):
    """One notice for each transfer that ends or stops for the person, while the window is not in front."""

    def __init__(self, desk: Desk, tray: Tray, window: QWidget, show: Show = notice.show) -> None:
        super().__init__(window)
        self._desk, self._tray, self._window, self._show = desk, tray, window, show
        self._states: dict[int, TransferState] | None = None  # None: nothing was heard yet
        self.on = True
        desk.queue.totals_changed.connect(self._look)
        desk.lost.connect(lambda _: self._forget())

    def _forget(self) -> None:
        self._states = None

    def _look(self) -> None:
        rows = self._desk.queue.transfers()
        before, self._states = self._states, {row.id: row.state for row in rows}
        if before is None or not self.on or self._is_seen():
            return
        for row in rows:
            if row.state in _WORTH_IT and before.get(row.id, row.state) is not row.state:
                self.tell(*self._words(row))

    def _is_seen(self) -> bool:
        return self._window.isVisible() and self._window.isActiveWindow()

    def _words(self, row: TransferRow) -> tuple[str, str]:
        words = self._desk.words
        if row.state is TransferState.NEEDS_USER:
            why = words.problem(row.problem).title if row.problem else ""
            return words.say("gui.notice.needs"), f"{row.dataset.title}\n{why}".strip()
        if row.failed:
            return words.say("gui.notice.partly", n=row.failed), row.dataset.title
        return words.say("gui.notice.done"), row.dataset.title

    def tell(self, title: str, text: str) -> None:
        """Beside the tray's icon, else as the desktop does it; in any case the taskbar's button asks for a look."""
        if not self._tray.tell(title, text):
            self._show(title, text)
        QApplication.alert(self._window)
