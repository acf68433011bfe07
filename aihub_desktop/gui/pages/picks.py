"""Short cuts to the files that many come for: labels only, validation only, and so on."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from aihub_desktop.domain.contents import Pick
from aihub_desktop.gui.chip import Chip
from aihub_desktop.gui.flow import Flow
from aihub_desktop.gui.models.file_tree import FileTreeModel
from aihub_desktop.gui.parts import FaintLabel
from aihub_desktop.system.words import Words


class Picks(QWidget):
    """Offers those choices alone that make a difference in the tree. One ticks its files, and takes all other ticks."""

    def __init__(self, tree: FileTreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tree = tree
        self._label = FaintLabel()
        self.chips = {pick: Chip() for pick in Pick}
        flow = Flow(self)
        flow.addWidget(self._label)
        for pick, chip in self.chips.items():
            flow.addWidget(chip)
            chip.clicked.connect(lambda _=False, pick=pick: self._pick(pick))
        tree.modelReset.connect(self._offer)
        self._offer()

    def speak(self, words: Words) -> None:
        self._label.setText(words.say("gui.picks.label"))
        for pick, chip in self.chips.items():
            name = words.say(f"gui.picks.{pick}")
            chip.setText(name)
            chip.setToolTip(words.say("gui.picks.tip", name=name))
            chip.setAccessibleName(words.say("gui.picks.tip", name=name))

    def _offer(self) -> None:
        offered = self._tree.content.picks()
        for pick, chip in self.chips.items():
            chip.setVisible(pick in offered)
        self.setVisible(bool(offered))

    def _pick(self, pick: Pick) -> None:
        self._tree.tick_leaves(list(self._tree.content.picked(pick)), True, instead=True)
