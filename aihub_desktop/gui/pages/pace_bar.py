"""The line below the queue: how many, how fast, why not faster, and the button that sets limit and hours."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from aihub_desktop.domain.messages import Brake, TransferRow
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, TransferState
from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.limit_menu import LimitMenu
from aihub_desktop.gui.models.detail_words import again_and_why
from aihub_desktop.gui.parts import ElidedLabel, Sign
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system import pace


class PaceBar(QWidget):
    """`hours_wanted`: the person wants to choose hours of their own. `details`: whether these are wanted."""

    hours_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._totals = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._sign = Sign("limit", 16)
        self._pace = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.button = QPushButton(flat=True, autoDefault=False)
        icons.dress(self.button, "limit")
        self.details = QPushButton(flat=True, autoDefault=False)
        self.details.setCheckable(True)
        icons.dress(self.details, "details")
        self.details.setShortcut(keys.sequences("downloads", "details")[0])
        self.menu = LimitMenu(desk, self)
        self.button.setMenu(self.menu)
        self.menu.hours_wanted.connect(self.hours_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._totals, 4)
        row.addWidget(self._sign)
        row.addWidget(self._pace, 3)
        row.addWidget(self.button)
        row.addWidget(self.details)

    @property
    def texts(self) -> tuple[str, str, str]:
        """What is shown: totals, pace, limit."""
        return self._totals.accessibleName(), self._pace.accessibleName(), self.button.text()

    def show_rows(self, rows: list[TransferRow]) -> None:
        """All that are in the queue."""
        queue, words = self._desk.queue, self._desk.words
        moving = [row for row in rows if row.state in TRANSFER_MAY_RUN or row.finishing]
        texts = self._moving() if queue.rate >= 1 else self._resting(rows)
        if sum(row.again for row in moving):
            items = [item for row in moving if (item := queue.item(row.id)) is not None]
            texts.append(again_and_why(words, items))
        self._totals.say(" · ".join(texts))
        self._show_pace(bool(moving))
        self._show_limit()

    def _moving(self) -> list[str]:
        """How fast everything is, and when it ends."""
        queue, words = self._desk.queue, self._desk.words
        if queue.between is None:
            return [words.speed(queue.rate), words.say("gui.queue.totals.end-unknown")]
        return [words.speed(queue.rate), words.say("value.left", duration=words.time_between(queue.between))]

    def _resting(self, rows: list[TransferRow]) -> list[str]:
        counts = {
            "running": sum(row.state is TransferState.RUNNING or row.finishing for row in rows),
            "waiting": sum(row.state is TransferState.QUEUED for row in rows),
            "done": sum(row.state is TransferState.DONE for row in rows),
        }
        return [self._desk.words.say(f"gui.queue.totals.{kind}", n=count) for kind, count in counts.items() if count]

    def speak(self) -> None:
        say = self._desk.words.say
        self.details.setAccessibleName(say("gui.details.name"))
        self.details.setToolTip(say("gui.details.tip"))

    def _show_pace(self, active: bool) -> None:
        now = self._desk.pace.latest
        text = pace.line(self._desk.words, now, self._desk.settings) if active and now is not None else ""
        self._pace.say(text)
        self._sign.setVisible(bool(text) and now is not None and now.brake is not Brake.NONE)

    def _show_limit(self) -> None:
        words, settings = self._desk.words, self._desk.settings
        limit = pace.rate(words, settings.limit) if settings.limit else ""
        hours = pace.week(words, settings.hours) if settings.hours else ""
        shown = " · ".join(filter(None, (limit, hours))) or words.say("gui.limit.none")
        if shown != self.button.text():
            self.button.setText(shown)
            self.button.setAccessibleName(words.say("gui.limit.spoken", limit=shown))
        self.button.setToolTip(words.say("gui.limit.tip"))
