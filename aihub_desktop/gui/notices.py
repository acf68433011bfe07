"""Tells a person who looks elsewhere that something is done, or that they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.tray import Tray
from aihub_desktop.system import notice

_WORTH_IT: Final = frozenset({TransferState.DONE, TransferState.FAILED, TransferState.NEEDS_USER})
_GATHER_MS: Final = 1500  # a short download that ends with others makes one notice with them
_NAMED: Final = 3

Show = Callable[[str, str], bool]


class Notices(QObject):
    """What ends or stops for the person while the window is not in front: one notice for what comes together."""

    def __init__(self, desk: Desk, tray: Tray, window: QWidget, show: Show = notice.show) -> None:
        super().__init__(window)
        self._desk, self._tray, self._window, self._show = desk, tray, window, show
        self._states: dict[int, TransferState] | None = None  # None: nothing was heard yet
        self._news: dict[int, TransferRow] = {}
        self._gather = QTimer(self, singleShot=True, interval=_GATHER_MS)
        self._gather.timeout.connect(self.flush)
        self.on = True
        desk.queue.totals_changed.connect(self._look)
        desk.lost.connect(lambda _: self._forget())

    def _forget(self) -> None:
        self._states = None

    def _look(self) -> None:
        rows = self._desk.queue.transfers()
        before, self._states = self._states, {row.id: row.state for row in rows}
        if before is None:
            return
        for row in rows:
            if row.state not in _WORTH_IT:
                self._news.pop(row.id, None)
            elif before.get(row.id, row.state) is not row.state:
                self._news[row.id] = row
        if self._news and not self._gather.isActive():
            self._gather.start()

    def flush(self) -> None:
        """Tells what has come together by now."""
        news, self._news = list(self._news.values()), {}
        if len(news) == 1:
            self.tell_unseen(*self._words(news[0]))
        elif news:
            self.tell_unseen(*self._sum(news))

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

    def _sum(self, news: list[TransferRow]) -> tuple[str, str]:
        say = self._desk.words.say
        needs = [row for row in news if row.state is TransferState.NEEDS_USER]
        partly = [row for row in news if row.failed and row.state is not TransferState.NEEDS_USER]
        done = len(news) - len(needs) - len(partly)
        counts = {"done": done, "partly": len(partly), "needs": len(needs)}
        title = " · ".join(say(f"gui.notice.several.{kind}", n=n) for kind, n in counts.items() if n)
        # What matters most is named.
        titles = [row.dataset.title for row in (needs or partly or news)]
        return title, "\n".join([*titles[:_NAMED], *(["…"] if len(titles) > _NAMED else [])])

    def tell_unseen(self, title: str, text: str) -> None:
        """To a person who wants notices and has something else before their eyes."""
        if self.on and not self._is_seen():
            self.tell(title, text)

    def tell(self, title: str, text: str) -> None:
        """Beside the tray's icon, else as the desktop does it; in any case the taskbar's button asks for a look."""
        if not self._tray.tell(title, text):
            self._show(title, text)
        QApplication.alert(self._window)
