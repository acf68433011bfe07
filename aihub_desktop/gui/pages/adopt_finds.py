"""What was found, what is to be done with it, and in the end what came of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.adoption import Lot, Stock, Sum
from aihub_desktop.domain.holdings import MOST_MISFITS
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.tasks import TaskState
from aihub_desktop.gui import flat_list, theme
from aihub_desktop.gui.delegates import NumberDelegate, PlaceDelegate, SignDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.finds import FindColumn, FindsModel
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, Sign, bold
from aihub_desktop.gui.takeover import Phase, Takeover
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox

_COPIED = (Lot.JOINED, Lot.MISJOINED)
# Whoever reads from the top down sees first what is well.
_TOLD = (
    Lot.RECORDED, Lot.IN_PLACE, Lot.ELSEWHERE, Lot.JOINED, Lot.MISJOINED, Lot.PARTIAL, Lot.WRONG, Lot.SPARE,
)  # fmt: skip


# Among which the longest words of the last column are.
_DEEDS = ("deed.joined", "deed.partial", "deed.aside", "fate.unclear", "fate.unproved", "fate.failed")


class AdoptFinds(QWidget):
    """`moves` and `sets_aside` are what a person allows."""

    arranged = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._takeover: Takeover | None = None
        self.model = FindsModel(desk.words, self)
        self._head = bold(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True), 1.08)
        self._place = ElidedLabel()
        self._sums = QGridLayout()
        self.view = self._make_view()
        self._first = FaintLabel()
        self.move_box, self.aside = TickBox(), TickBox()
        self.aside.setChecked(True)
        self._sign, self._warning = Sign("warning", 16, warning=True), QLabel(textFormat=Qt.TextFormat.PlainText)
        self._warning.setWordWrap(True)
        self._missing = bold(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True))
        self._lay_out()
        for box in (self.move_box, self.aside):
            box.toggled.connect(self._arrange)

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        delegates = {
            FindColumn.NAME: PlaceDelegate, FindColumn.SIZE: NumberDelegate, FindColumn.STATE: SignDelegate,
        }  # fmt: skip
        flat_list.prepare(view, self.model, delegates, FindColumn.NAME)
        view.setUniformRowHeights(True)
        view.setAccessibleName(self._desk.words.say("gui.adopt.finds"))
        header, metrics, words = view.header(), view.fontMetrics(), self._desk.words
        samples = {
            FindColumn.SIZE: words.size(996 << 30),
            FindColumn.STATE: f"{words.say('gui.adopt.state.mis-merged')}MMM",
            FindColumn.DEED: max((words.say(f"gui.adopt.{key}") for key in _DEEDS), key=metrics.horizontalAdvance),
        }
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 3)
        theme.calm(view)
        return view

    def _lay_out(self) -> None:
        self._sums.setHorizontalSpacing(GRID * 2)
        self._sums.setVerticalSpacing(GRID // 2)
        warning = QHBoxLayout()
        warning.setSpacing(GRID // 2)
        warning.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self._warning, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addWidget(self._head)
        box.addWidget(self._place)
        box.addLayout(self._sums)
        box.addWidget(self.view, 1)
        for widget in (self._first, self.move_box, self.aside):
            box.addWidget(widget)
        box.addLayout(warning)
        box.addWidget(self._missing)

    @property
    def told(self) -> list[str]:
        """The lines that stand around the table."""
        labels = (self._head, self._warning, self._missing)
        return [label.text() for label in labels if label.text() and not label.isHidden()]

    @property
    def moves(self) -> bool:
        return self.move_box.isChecked() and not self.move_box.isHidden()

    @property
    def sets_aside(self) -> bool:
        return self.aside.isChecked() and not self.aside.isHidden()

    def show_finds(self, takeover: Takeover) -> None:
        """Whenever there is something new."""
        stock = takeover.stock
        if stock is None:
            return
        is_new = self._takeover is None or takeover.finds is not self.model.shown
        self._takeover = takeover
        is_over = takeover.phase is Phase.OVER
        if is_new:
            self.model.fill(takeover.finds, is_over=is_over)
        self._tell_head(takeover, stock)
        self._tell_options(stock, is_over=is_over)
        found = sum(one.files for one in stock.lots.values())
        self.view.setVisible(bool(takeover.finds))
        self._first.setText(self._desk.words.say("gui.adopt.first", n=len(takeover.finds)))
        self._first.setVisible(found > len(takeover.finds) >= MOST_MISFITS)
        self._arrange()

    # ---- inside ----

    def _tell_head(self, takeover: Takeover, stock: Stock) -> None:
        words, row = self._desk.words, takeover.row
        if takeover.phase is Phase.OVER and row is not None:
            key = "gui.adopt.adopted" if row.state is not TaskState.STOPPED else "gui.adopt.stopped"
            self._head.setText(words.say(key, n=row.files, size=words.size(row.bytes)))
        elif not stock.lots:
            self._head.setText(words.say("gui.adopt.nothing"))
        else:
            self._head.setText(f"{stock.dataset.title or stock.dataset.key} ({stock.dataset.key})")
        self._place.say(takeover.wish.folder)
        self._missing.setText(self._rest(takeover, stock))
        self._missing.setVisible(bool(self._missing.text()))

    def _rest(self, takeover: Takeover, stock: Stock) -> str:
        words = self._desk.words
        if not stock.lots:
            return words.say("gui.adopt.nothing-text")
        if takeover.row is not None and takeover.row.state is TaskState.STOPPED:
            return ""
        if not stock.missing:
            return words.say("gui.adopt.complete")
        key = "gui.adopt.added" if stock.transfer else "gui.adopt.missing"
        return words.say(key, n=stock.missing, size=words.size_range(SizeRange(stock.low, stock.high, "")))

    def _tell_options(self, stock: Stock, *, is_over: bool) -> None:
        say = self._desk.words.say
        self.move_box.setText(say("gui.adopt.move"))
        self.aside.setText(say("gui.adopt.aside", n=stock.bars))
        self.move_box.setVisible(bool(stock.movable.files) and not is_over)
        self.aside.setVisible(bool(stock.bars) and not is_over)

    def _arrange(self) -> None:
        if self._takeover is None or self._takeover.stock is None:
            return
        wish, is_over = self._takeover.wish, self._takeover.phase is Phase.OVER
        row = self._takeover.row
        is_done = row is not None and row.state is TaskState.DONE
        aside = (wish.set_aside and is_done) if is_over else self.sets_aside
        self.model.arrange(moves=wish.move if is_over else self.moves, sets_aside=aside)
        self._tell_sums(self._takeover.stock, is_over=is_over)
        self._warn(self._takeover.stock, is_over=is_over)
        self.arranged.emit()

    def _tell_sums(self, stock: Stock, *, is_over: bool) -> None:
        while item := self._sums.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        words, side = self._desk.words, Qt.AlignmentFlag.AlignRight
        # In the end the table tells what came of each.
        for row, lot in enumerate(lot for lot in _TOLD if lot in stock.lots and not is_over):
            amount = stock.of(lot)
            size = words.size(amount.bytes) if amount.bytes else ""
            self._sums.addWidget(QLabel(words.say(f"gui.adopt.lot.{lot}")), row, 0)
            self._sums.addWidget(QLabel(words.say("gui.adopt.count", n=amount.files)), row, 1, side)
            self._sums.addWidget(QLabel(size), row, 2, side)
            self._sums.addWidget(FaintLabel(self._deed(stock, lot, amount)), row, 3)
        self._sums.setColumnStretch(3, 1)

    def _deed(self, stock: Stock, lot: Lot, amount: Sum) -> str:
        say = self._desk.words.say
        special = {Lot.ELSEWHERE: ("moved", stock.movable.files if self.moves else 0)}
        special[Lot.WRONG] = ("aside", stock.bars if self.sets_aside else 0)
        name, count = special.get(lot, ("", 0))
        deeds = [say(f"gui.adopt.deed.{name}")] if count else []
        if count < amount.files:
            deeds.append(say(f"gui.adopt.deed.{lot}"))
        return " · ".join(deeds)

    def _warn(self, stock: Stock, *, is_over: bool) -> None:
        words, free = self._desk.words, self._takeover.free if self._takeover else None
        need = stock.of(*_COPIED, Lot.ELSEWHERE).bytes - (stock.movable.bytes if self.moves else 0)
        text = ""
        row = self._takeover.row if self._takeover else None
        if self._takeover is not None and self._takeover.problem is not None:
            text = " ".join(words.problem(self._takeover.problem))
        elif is_over and row is not None and row.refused:
            text = words.say("gui.adopt.refused", n=row.refused)
        elif not is_over and free is not None and need > free:
            text = words.say("gui.adopt.room", need=words.size(need), free=words.size(free))
        elif stock.unreadable:
            text = words.say("gui.adopt.folders", n=stock.unreadable)
        self._warning.setText(text)
        self._warning.setVisible(bool(text))
        self._sign.setVisible(bool(text))
