"""Asks for a folder and a dataset, shows what lies there, and has it taken over. Never waits for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.tasks import TaskState
from aihub_desktop.gui import theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.library_words import share_of
from aihub_desktop.gui.pages.adopt_choice import AdoptChoice
from aihub_desktop.gui.pages.adopt_finds import AdoptFinds
from aihub_desktop.gui.parts import Banner, FaintLabel, bold
from aihub_desktop.gui.takeover import Phase, Takeover
from aihub_desktop.gui.theme import GRID

_SCALE: Final = 1000
_LINES: Final = 34
_FEW_LINES: Final = 14
_BUTTONS: Final = ("back", "rest", "only", "look", "all", "take", "downloads", "stop", "cancel", "close")
_PRIMARY: Final = ("look", "all", "take", "rest", "close")  # the first of them that is there


class AdoptDialog(QDialog):
    """`added` gives the number of a download that a person wants to see. `dataset`: the one that is meant, if known."""

    added = Signal(int)

    def __init__(self, desk: Desk, dataset: Dataset | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle(desk.words.say("gui.adopt.title"))
        self.takeover = Takeover(desk.link, desk.library, self)
        self.choice = AdoptChoice(desk, dataset)
        self.finds = AdoptFinds(desk)
        self.bar = QProgressBar(textVisible=False)
        self._doing, self._far, self._away = QLabel(), FaintLabel(), FaintLabel(desk.words.say("gui.adopt.away"))
        self._banner = Banner()
        self._stack = QStackedWidget()
        self.buttons = {name: self._button(name) for name in _BUTTONS}
        self._lay_out()
        self._connect()
        self._show()
        # A dataset that is known needs no list to be chosen from.
        self._grow(_LINES if dataset is None else _FEW_LINES)

    def begin(self, folder: str = "") -> None:
        """Opens, with the folder to look in where it is known."""
        self.open()
        self.takeover.list()
        if folder:
            self.choice.set_folder(folder)
        else:
            self.choice.folder.setFocus()

    def done(self, result: int) -> None:
        """What only looks is stopped; an adoption goes on, and the library shows it."""
        self.takeover.leave()
        super().done(result)

    # ---- making ----

    def _button(self, name: str) -> QPushButton:
        button = QPushButton(self._desk.words.say(f"gui.adopt.do.{name}"), autoDefault=False)
        button.setMinimumWidth(self.fontMetrics().horizontalAdvance("0") * 10)
        return button

    def _lay_out(self) -> None:
        text = FaintLabel(self._desk.words.say("gui.adopt.text"))
        text.setWordWrap(True)
        for page in (self.choice, self._waiting(), self.finds):
            self._stack.addWidget(page)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        for name, button in self.buttons.items():
            foot.addWidget(button)
            if name == "back":
                foot.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID + 4)
        box.addWidget(text)
        box.addWidget(self._banner)
        box.addWidget(self._stack, 1)
        box.addLayout(foot)
        self._text = text

    def _waiting(self) -> QWidget:
        page = QWidget()
        self.bar.setFixedHeight(6)
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addStretch(1)
        box.addWidget(bold(self._doing))
        box.addWidget(self.bar)
        box.addWidget(self._far)
        box.addWidget(self._away)
        box.addStretch(1)
        return page

    def _connect(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "back": self.takeover.back, "look": self._look, "all": lambda: self._adopt(rest=True),
            "only": lambda: self._adopt(rest=False), "take": lambda: self._adopt(rest=False),
            "rest": lambda: self._adopt(rest=True), "stop": self.takeover.stop, "downloads": self._go,
            "cancel": self.reject, "close": self.accept,
        }  # fmt: skip
        for name, act in acts.items():
            self.buttons[name].clicked.connect(lambda _=False, act=act: act())
        self.takeover.changed.connect(self._show)
        self.takeover.listed.connect(self.choice.fill)
        self.takeover.recognised.connect(self.choice.guess)
        self.choice.changed.connect(self._enable)
        self.choice.accepted.connect(self.buttons["look"].click)
        self.choice.folder_changed.connect(self._recognise)

    # ---- doing ----

    def _recognise(self, folder: str) -> None:
        if folder and self.takeover.phase is Phase.CHOOSING:
            self.takeover.recognise(folder)

    def _look(self) -> None:
        dataset = self.choice.dataset
        if dataset is not None:
            self.takeover.look(self.choice.source, dataset, self.choice.target)

    def _adopt(self, *, rest: bool) -> None:
        """Asks for the key first where there is none and something is to be downloaded."""
        if rest and self._desk.key_known and not self._desk.key.origin:
            dialog = KeyDialog(self._desk, self)
            dialog.kept.connect(lambda _: self._carry_out(rest=True))
            dialog.open()
        else:
            self._carry_out(rest=rest)

    def _carry_out(self, *, rest: bool) -> None:
        again = self.takeover.phase is Phase.OVER
        wish = self.takeover.wish
        self.takeover.adopt(
            move=wish.move if again else self.finds.moves,
            set_aside=wish.set_aside if again else self.finds.sets_aside,
            rest=rest,
        )

    def _go(self) -> None:
        stock = self.takeover.stock
        self.accept()
        if stock is not None and stock.transfer:
            self.added.emit(stock.transfer)

    # ---- showing ----

    def _show(self) -> None:
        phase = self.takeover.phase
        pages = {Phase.CHOOSING: 0, Phase.LOOKING: 1, Phase.ADOPTING: 1}
        self._stack.setCurrentIndex(pages.get(phase, 2))
        self._text.setVisible(phase is Phase.CHOOSING)
        if phase in (Phase.FOUND, Phase.OVER):
            self._grow(_LINES)
            self.finds.show_finds(self.takeover)
        else:
            self._show_progress()
        self._tell_problem()
        wanted = self._wanted()
        for name, button in self.buttons.items():
            button.setVisible(name in wanted)
        self._dress(next((name for name in _PRIMARY if name in wanted), ""))
        self._enable()

    def _grow(self, lines: int) -> None:
        metrics = self.fontMetrics()
        wide, high = metrics.horizontalAdvance("0") * 100, metrics.lineSpacing() * lines
        self.resize(max(self.width(), wide), max(self.height() if self.isVisible() else 0, high))

    def _wanted(self) -> set[str]:
        """The buttons of this step."""
        match self.takeover.phase:
            case Phase.CHOOSING:
                return {"look", "cancel"}
            case Phase.LOOKING:
                return {"stop"}
            case Phase.ADOPTING:
                return {"stop", "close"}
            case Phase.FOUND:
                return {"back", *self._wanted_of_finds()}
            case Phase.OVER:
                return {"close", *self._wanted_in_the_end()}

    def _wanted_of_finds(self) -> set[str]:
        stock, takes = self.takeover.stock, self.takeover.takes
        if stock is None or not stock.lots:
            return {"cancel"}
        if takes and stock.missing:
            return {"all", "only", "cancel"}
        if takes:
            return {"take", "cancel"}
        return {"rest", "cancel"} if stock.missing else {"take", "cancel"}

    def _wanted_in_the_end(self) -> set[str]:
        stock, row = self.takeover.stock, self.takeover.row
        if stock is None or row is None:
            return set()
        if stock.transfer:
            return {"downloads"}
        left = stock.missing and row.state is TaskState.DONE and not self.takeover.wish.rest
        return {"rest"} if left else set()

    def _dress(self, primary: str) -> None:
        for name in _PRIMARY:
            button = self.buttons[name]
            button.setDefault(name == primary)
            theme.plain(button)
        if primary:
            theme.primary(self.buttons[primary])

    def _enable(self) -> None:
        self.buttons["look"].setEnabled(self.choice.is_ready)

    def _show_progress(self) -> None:
        say, row = self._desk.words.say, self.takeover.row
        is_looking = self.takeover.phase is Phase.LOOKING
        waits = row is not None and row.state is TaskState.WAITING
        doing = "waiting" if waits else "looking" if is_looking else "adopting"
        self._doing.setText(say(f"gui.adopt.{doing}"))
        self.bar.setAccessibleName(self._doing.text())
        self._away.setVisible(not is_looking)
        share = None if row is None else share_of(row)
        self.bar.setRange(0, 0 if share is None and not waits else _SCALE)
        self.bar.setValue(round((share or 0) * _SCALE))
        self._far.setText(self._how_far())

    def _how_far(self) -> str:
        words, row = self._desk.words, self.takeover.row
        if row is None or not (row.files or row.files_total):
            return ""
        if not row.files_total:
            return words.say("gui.adopt.looked", at=f"{row.files:,}")
        size = words.size(row.bytes) if row.bytes else ""
        return words.say("gui.adopt.progress", n=f"{row.files_total:,}", at=f"{row.files:,}", size=size)

    def _tell_problem(self) -> None:
        problem = self.takeover.problem
        if problem is None or self.takeover.phase is not Phase.CHOOSING:
            self._banner.hide()
            return
        words = self._desk.words
        told = tuple(words.problem(problem))
        if problem.code is Code.TARGET_MISSING:  # which is told elsewhere of folders that would be made
            told = words.say("gui.adopt.gone"), words.say("gui.adopt.gone-text")
        self._banner.tell(told[0], told[1], [])


def adoption(
    desk: Desk, parent: QWidget, added: Callable[[int], None], dataset: Dataset | None = None
) -> AdoptDialog:  # fmt: skip
    """The dialog, which is gone when it is closed. `added` hears which download a person wants to see."""
    dialog = AdoptDialog(desk, dataset, parent)
    dialog.added.connect(added)
    dialog.finished.connect(dialog.deleteLater)
    return dialog
