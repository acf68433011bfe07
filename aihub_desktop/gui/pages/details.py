"""Below the queue: what there is to know of the row that is chosen, and how fast everything is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import FileMap, FileRow, TransferRow, Watch
from aihub_desktop.domain.states import FILE_ENDED, FileState
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.detail_words import NAMES, DetailWords, Told
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, Rule, bold
from aihub_desktop.gui.piece_map import PieceMap
from aihub_desktop.gui.speed_graph import SpeedGraph
from aihub_desktop.gui.theme import GRID

_FACTS = 6
_HEIGHT = GRID * 25
_WIDE = 720  # pixels: below, there is no room for the graph beside the facts


class DetailsPanel(QFrame):
    """The engine is asked where the bytes of a file are only while that file is chosen, and the panel is seen."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._choice = Choice([], [])
        self._row: TransferRow | FileRow | None = None
        self._watched: int | None = None
        self._map: FileMap | None = None
        self.title = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        bold(self.title)
        self._names = [FaintLabel() for _ in range(_FACTS)]
        self._texts = [ElidedLabel(Qt.TextElideMode.ElideMiddle) for _ in range(_FACTS)]
        self.map = PieceMap(desk.words)
        self.graph = SpeedGraph(desk.words)
        self._rule = Rule(upright=True)
        self._grid = QGridLayout()
        self.setFixedHeight(_HEIGHT)
        self._lay_out()
        desk.link.mapped.connect(self._mapped)
        desk.link.progressed.connect(lambda event: self.graph.hear(event, desk.settings.limit))
        desk.link.lost.connect(lambda _: self.graph.hear(None, desk.settings.limit))
        desk.found.connect(self._watch_anew)

    def _lay_out(self) -> None:
        grid = self._grid
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID * 2)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, (name, text) in enumerate(zip(self._names, self._texts, strict=True)):
            grid.addWidget(name, row, 0)
            grid.addWidget(text, row, 1)
        left = QVBoxLayout()
        left.setSpacing(GRID // 2)
        left.addWidget(self.title)
        left.addLayout(grid)
        left.addStretch(1)
        left.addWidget(self.map)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, GRID // 2, 0, 0)
        box.setSpacing(GRID * 2)
        box.addLayout(left, 3)
        box.addWidget(self._rule)
        box.addWidget(self.graph, 2)

    def speak(self) -> None:
        say = self._desk.words.say
        self.setAccessibleName(say("gui.details.name"))
        # As wide for every row, so that nothing jumps where another one is chosen.
        widths = (self._names[0].fontMetrics().horizontalAdvance(say(f"gui.details.{name}")) for name in NAMES)
        self._grid.setColumnMinimumWidth(0, max(widths))
        self.map.speak(self._desk.words)
        self.graph.speak(self._desk.words)

    def fit(self, width: int) -> None:
        """To the page's width."""
        for part in (self.graph, self._rule):
            part.setVisible(width >= _WIDE)

    def show_choice(self, choice: Choice) -> None:
        """The row that is chosen, if it is one; else everything."""
        self._choice = choice
        rows: list[TransferRow | FileRow] = [*choice.transfers, *choice.files]
        self._row = rows[0] if len(rows) == 1 else None
        self._watch(self._row.id if isinstance(self._row, FileRow) and self.isVisible() else None)
        if self.isVisible():
            self._tell(self._told())

    def _told(self) -> Told:
        words, queue = DetailWords(self._desk.words), self._desk.queue
        if isinstance(self._row, FileRow):
            above, item = queue.item(self._row.transfer), queue.file(self._row.transfer, self._row.id)
            if above is not None and item is not None:
                self._show_map(item.row)
                return words.of_file(above, item, self._map)
        self.map.hide()
        chosen = queue.item(self._row.id) if isinstance(self._row, TransferRow) else None
        if chosen is not None:
            return words.of_transfer(chosen)
        items = (queue.item(row.id) for row in queue.transfers())
        return words.of_all([item for item in items if item is not None], queue.between)

    def _tell(self, told: Told) -> None:
        facts = [fact for fact in told.facts if fact[1]]
        self.title.say(told.title)
        for place, (name, text) in enumerate(zip(self._names, self._texts, strict=True)):
            what, which = facts[place] if place < len(facts) else ("", "")
            if name.text() != what:
                name.setText(what)
            if text.accessibleName() != which:
                text.say(which)
            for label in (name, text):
                label.setVisible(bool(which))

    def facts(self) -> dict[str, str]:
        """What is shown, by its name."""
        shown = zip(self._names, self._texts, strict=True)
        return {name.text(): text.accessibleName() for name, text in shown if not text.isHidden()}

    # ---- the map ----

    def _show_map(self, row: FileRow) -> None:
        if row.state is FileState.DONE and row.size:
            self.map.show_map(FileMap(0, row.id, row.size, [(0, row.size)], read=row.size))
        elif self._map is None or row.state in FILE_ENDED:
            self.map.show_map(None)
        self.map.setVisible(self._map is not None or row.state is FileState.DONE)

    def _mapped(self, event: FileMap) -> None:
        if event.file == self._watched:
            self._map = event
            self.map.show_map(event)
            self.map.show()

    def _watch(self, file: int | None) -> None:
        if file != self._watched:
            self._watched, self._map = file, None
            self._desk.link.tell(Watch(0, file))

    def _watch_anew(self) -> None:
        """Another engine knows nothing of it."""
        if self._watched is not None:
            self._desk.link.tell(Watch(0, self._watched))

    # ---- coming and going ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_choice(self._choice)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._watch(None)
