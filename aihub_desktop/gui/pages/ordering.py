"""The order of the queue: up, down, to the top, to the end, and what comes before the others wherever it stands."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from aihub_desktop.domain.messages import Command, FileRow, Move, MoveFiles, Prefer
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.pages.queue_view import QueueView

_MOVES = ("up", "down", "top", "end")


class Ordering(QObject):
    """Acts on the chosen transfers, or on the chosen files within theirs. The engine says where they stand then."""

    def __init__(self, desk: Desk, view: QueueView) -> None:
        super().__init__(view)
        self._desk = desk
        self._view = view
        self._chosen: list[int] = []
        self._files: dict[int, set[int]] = {}  # chosen files by their transfer, where no transfer is chosen
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
        desk.queue.move_wanted.connect(lambda transfers, before: self._tell(Move(0, transfers, before)))
        desk.queue.file_move_wanted.connect(lambda of, files, before: self._tell(MoveFiles(0, of, files, before)))

    def speak(self) -> None:
        say = self._desk.words.say
        self.button.setText(say("gui.order.button"))
        self.button.setToolTip(say("gui.order.tip"))
        self._name_moves()
        for priority, action in self.priorities.items():
            action.setText(say(f"gui.order.is.{priority}"))

    def show(self, choice: Choice) -> None:
        """What to act on."""
        self._chosen = [row.id for row in choice.transfers]
        self._files = {}
        for row in choice.files_to_order():
            self._files.setdefault(row.transfer, set()).add(row.id)
        self._name_moves()
        for action in self.moves.values():
            action.setEnabled(bool(self._chosen or self._files))
        self.button.setEnabled(bool(self._chosen or self._files))
        kinds = {row.priority for row in choice.transfers}
        self._group.setExclusive(len(kinds) == 1)
        for priority, action in self.priorities.items():
            action.setEnabled(bool(self._chosen))
            action.setVisible(not self._files)  # a file has a place within its download, and no more
            action.setChecked(kinds == {priority})

    def _name_moves(self) -> None:
        kind = "file" if self._files else "download"
        for name, action in self.moves.items():
            action.setText(self._desk.words.say(f"gui.order.{kind}.{name}"))

    def _move(self, name: str) -> None:
        """Among what is shown: who sees a part of the list moves within that part."""
        queue = self._desk.queue
        if self._chosen:
            self._tell(Move(0, *_moved(name, queue.shown(), set(self._chosen))))
        for transfer, chosen in self._files.items():
            rows, item = queue.files(transfer), queue.item(transfer)
            taken = _with_volumes(rows, chosen) if name in ("up", "down") else chosen
            keys, before = _moved(name, [row.id for row in rows], taken)
            # Behind the last row that is here may be others that nobody knows yet.
            if before is not None or name == "end" or (item is not None and item.is_complete):
                self._tell(MoveFiles(0, transfer, keys, before))

    def _tell(self, command: Command) -> None:
        self._desk.link.tell(command, self._show_moved, self._desk.refused.emit)

    def _show_moved(self) -> None:
        index = self._view.currentIndex()
        if self._view.selectionModel().isRowSelected(index.row(), index.parent()):
            self._view.scrollTo(index)

    def _prefer(self, priority: Priority) -> None:
        self._desk.link.tell(Prefer(0, self._chosen, priority), refused=self._desk.refused.emit)


def _moved(name: str, listed: list[int], chosen: set[int]) -> tuple[list[int], int | None]:
    """Those of `listed` that are chosen, and before which of the others they come."""
    places = [place for place, key in enumerate(listed) if key in chosen]
    keys = [listed[place] for place in places]
    others = [key for key in listed if key not in chosen]
    if not places:
        return [], None
    at = {"up": max(0, places[0] - 1), "down": places[-1] + 2 - len(places), "top": 0, "end": len(others)}[name]
    return keys, others[at] if at < len(others) else None


def _with_volumes(rows: list[FileRow], chosen: set[int]) -> set[int]:
    """With those beside each that are volumes of the same archive: a step is one past all of them."""
    found = set(chosen)
    for step in (1, -1):
        last = None
        for row in rows[::step]:
            volume = volume_of(row.place)
            if row.id in found:
                last = volume and volume[0]
            elif last is not None and volume is not None and volume[0] == last:
                found.add(row.id)
            else:
                last = None
    return found
