"""What concerns all pages, above them: a lost engine, a wish that was refused, a link that leads nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Notice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import Banner
from aihub_desktop.gui.theme import GRID

Action = tuple[str, Callable[[], None]]


class Headline(QWidget):
    """One banner, hidden while there is nothing to say. `is_over`: an engine that goes now is none lost."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.is_over = False
        self.banner = Banner(closable=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, 0)
        box.addWidget(self.banner)
        self.hide()
        self.banner.closed.connect(self.hide)
        desk.lost.connect(self._lost)
        desk.found.connect(self._found)
        desk.refused.connect(self._tell_problem)
        desk.noticed.connect(self._noticed)

    def speak(self) -> None:
        self.banner.name_close(self._desk.words.say("gui.close"))

    def tell(self, title: str, advice: str, actions: Sequence[Action] = ()) -> None:
        self.banner.tell(title, advice, list(actions))
        self.show()

    def _lost(self, problem: Problem) -> None:
        if self.is_over:
            return
        say = self._desk.words.say
        told = self._desk.words.problem(problem)
        # A lost worker is the engine's to start again; a lost engine is ours.
        own = problem.code in (Code.WORKER_LOST, Code.BUG)
        title, advice = (
            (say("problem.worker-lost.engine.title"), say("problem.worker-lost.engine.advice")) if own else told
        )
        self.tell(title, advice, [(say("gui.lost.restart"), self._desk.restart)])

    def _found(self) -> None:
        self.hide()
        self.banner.hide()

    def _tell_problem(self, problem: Problem) -> None:
        self.tell(*self._desk.words.problem(problem))

    def _noticed(self, notice: Notice) -> None:
        if not notice.fatal and notice.seq > 0:
            self._tell_problem(notice.problem)
