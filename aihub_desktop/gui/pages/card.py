"""The chosen dataset in short: what it is, whether it may be downloaded, of what it consists."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from aihub_desktop.domain.contents import Part
from aihub_desktop.domain.marks import Approval, Sighting
from aihub_desktop.domain.model import Dataset
from aihub_desktop.gui import icons
from aihub_desktop.gui.composition import Composition
from aihub_desktop.gui.cures import page_of
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import ElidedLabel, LinkButton, Sign, bold
from aihub_desktop.gui.theme import GRID

_UNFOLDED: Final = "composition"  # of the preferences


class DatasetCard(QWidget):
    """About `Desk.chosen`. `reload_wanted`: its files shall be asked for anew."""

    reload_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._title = bold(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True), 1.25)
        self.star = QToolButton(autoRaise=True)
        self.star.setCheckable(True)
        self.refresh, self.page = QToolButton(autoRaise=True), QToolButton(autoRaise=True)
        for button, name in ((self.star, "star"), (self.refresh, "refresh"), (self.page, "link")):
            icons.dress(button, name)
        self.about = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.approval = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._good, self._bad = Sign("tick", 16), Sign("warning", 16, warning=True)
        self.apply = LinkButton()
        self._state = QWidget()
        self._notice = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.composition = Composition(desk.words)
        self.composition.unfold(bool(desk.preferences.value(_UNFOLDED, True, bool)))
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID // 2)
        head.addWidget(self._title, 1)
        for button in (self.star, self.refresh, self.page):
            head.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        state = QHBoxLayout(self._state)
        state.setContentsMargins(0, 0, 0, 0)
        state.setSpacing(GRID - 2)
        for sign in (self._good, self._bad):
            state.addWidget(sign)
        state.addWidget(self.approval, 1)
        state.addWidget(self.apply)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addLayout(head)
        for widget in (self.about, self._state, self._notice, self.composition):
            box.addWidget(widget)

    def _connect(self) -> None:
        self.page.clicked.connect(self._open_page)
        self.apply.clicked.connect(self._open_page)
        self.refresh.clicked.connect(self.reload_wanted)
        self.star.clicked.connect(self._star)
        self.composition.folded.connect(lambda on: self._desk.preferences.setValue(_UNFOLDED, not on))
        self.composition.wanted.connect(self._tick_part)
        self._desk.datasets.marked.connect(self._show_marks)
        self._desk.tree.ticks_changed.connect(self._show_parts)

    def speak(self) -> None:
        say = self._desk.words.say
        for button, name in ((self.star, "star"), (self.refresh, "refresh"), (self.page, "page")):
            button.setToolTip(say(f"gui.files.{name}"))
            button.setAccessibleName(say(f"gui.files.{name}"))
        self.apply.setText(say("gui.approval.apply"))
        self.composition.speak(self._desk.words)

    def show_dataset(self, dataset: Dataset, *, loading: bool) -> None:
        words, total = self._desk.words, self._desk.tree.total()
        self._title.setText(dataset.title or dataset.key)
        kind = "package" if dataset.package else "dataset"
        size = words.size_range(total.size)
        self.about.say(words.say(f"gui.files.about.{kind}", number=dataset.key, n=total.files, size=size))
        self._notice.say(self._desk.notice)
        self._notice.setVisible(bool(self._desk.notice.strip()))
        self.refresh.setEnabled(not loading)
        self._show_marks()
        self._show_parts()

    def _show_marks(self) -> None:
        if self._desk.chosen is None:
            return
        mark = self._desk.datasets.mark_of(self._desk.chosen)
        with QSignalBlocker(self.star):
            self.star.setChecked(mark.starred)
        icons.dress(self.star, "starred" if mark.starred else "star")
        self._show_approval(mark.seen)

    def _show_approval(self, seen: Sighting | None) -> None:
        self._state.setVisible(seen is not None)
        if seen is None:
            return
        words, good = self._desk.words, seen.approval is Approval.APPROVED
        self.approval.say(words.say(f"gui.approval.{seen.approval}", moment=words.moment(seen.at)))
        self._good.setVisible(good)
        self._bad.setVisible(not good)
        self.apply.setVisible(not good)

    def _show_parts(self) -> None:
        self.composition.fill(self._desk.tree.content.shares())
        self.composition.setVisible(self.composition.is_worth_it)

    def _tick_part(self, part: Part, on: bool) -> None:
        tree = self._desk.tree
        tree.tick_leaves(tree.content.of_part(part), on)

    def _star(self, on: bool) -> None:
        if self._desk.chosen is not None:
            self._desk.marks.star(self._desk.chosen, on)

    def _open_page(self) -> None:
        if self._desk.chosen is not None:
            QDesktopServices.openUrl(QUrl(page_of(self._desk.chosen)))
