"""The order of the queue: up, down, to the top, to the end, and what comes before the others wherever it stands."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from aihub_desktop.domain.messages import Move, Prefer
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.pages.queue_view import QueueView

_MOVES = ("up", "down", "top", "end")


class Ordering(QObject):
    """Acts on the chosen transfers. The engine says where they stand then."""

    def __init__(self, desk: Desk, view: QueueView) -> None:
        super().__init__(view)
        self._desk = desk
        self._chosen: list[int] = []
        self.moves = {name: QAction(self) for name in _MOVES}
        self.priorities = {priority: QAction(self, checkable=True) for priority in Priority}
        self.menu = QMenu(view)
        self.button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setMenu(self.menu)
        self.button.clicked.connect(self.button.showMenu)
        icons.dress(self.button, "order")
        self._group = QActionGroup(self)
        for name, action in self.moves.items():
            keys.bind(action, "downloads", name)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _=False, name=name: self._move(name))
            self.menu.addAction(action)
            view.addAction(action)
        self.menu.addSeparator()
        for priority, action in self.priorities.items():
            action.setActionGroup(self._group)
            action.triggered.connect(lambda _=False, priority=priority: self._prefer(priority))
            self.menu.addAction(action)
        desk.queue.move_wanted.connect(self._dropped)

    def speak(self) -> None:
        say = self._desk.words.say
        self.button.setText(say("gui.order.button"))
        self.button.setToolTip(say("gui.order.tip"))
        for name, action in self.moves.items():
            action.setText(say(f"gui.order.{name}"))
        for priority, action in self.priorities.items():
            action.setText(say(f"gui.order.is.{priority}"))

    def show(self, choice: Choice) -> None:
        """The transfers to act on."""
        self._chosen = [row.id for row in choice.transfers]
        for action in (*self.moves.values(), *self.priorities.values()):
            action.setEnabled(bool(self._chosen))
        self.button.setEnabled(bool(self._chosen))
        kinds = {row.priority for row in choice.transfers}
        self._group.setExclusive(len(kinds) == 1)
        for priority, action in self.priorities.items():
            action.setChecked(kinds == {priority})

    def _move(self, name: str) -> None:
        """Among what is shown: who sees a part of the list moves within that part."""
        listed = self._desk.queue.shown()
        chosen = [key for key in listed if key in self._chosen]
        others = [key for key in listed if key not in self._chosen]
        if not chosen:
            return
        at = {
            "up": max(0, listed.index(chosen[0]) - 1),
            "down": listed.index(chosen[-1]) + 2 - len(chosen),
            "top": 0,
            "end": len(others),
        }[name]
        self._tell(chosen, others[at] if at < len(others) else None)

    def _dropped(self, transfers: list[int], before: int | None) -> None:
        self._tell(transfers, before)

    def _tell(self, transfers: list[int], before: int | None) -> None:
        self._desk.link.tell(Move(0, transfers, before), refused=self._desk.refused.emit)

    def _prefer(self, priority: Priority) -> None:
        self._desk.link.tell(Prefer(0, self._chosen, priority), refused=self._desk.refused.emit)
