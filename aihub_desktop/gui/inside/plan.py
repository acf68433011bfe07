"""What unpacking would do: one archive after the other is rehearsed by the engine, and the sums are kept here."""

from __future__ import annotations

from typing import Final

import msgspec
from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.unpacking import Rehearsal, UnpackWish
from aihub_desktop.gui.engine_link import EngineLink

_BLOCK: Final = 4096  # what a folder takes
_ROOM: Final = frozenset({Code.NO_ROOM})
_NAMED: Final = 4


class Plan(QObject):
    """`archives` in the order in which they would be unpacked; sums are of the `looked` at ones."""

    changed = Signal()

    def __init__(self, link: EngineLink, folder: str, places: list[str] | None, parent: QObject | None = None) -> None:
        """`places` None: all archives that the folder's ledger names."""
        super().__init__(parent)
        self._link = link
        self.archives = places
        self.wish = UnpackWish(folder, places or [])
        self.problem: Problem | None = None  # why nothing can be told at all
        self._turn = 0
        self._found: list[Rehearsal] = []

    def begin(self, wish: UnpackWish) -> None:
        """Anew, as this wish has it; its places are those of the plan."""
        self.wish = msgspec.structs.replace(wish, places=self.archives or [])
        self._turn += 1
        self._found, self.problem = [], None
        self.changed.emit()
        if self.archives is None:
            self._find(self._turn)
        else:
            self._next(self._turn)

    def end(self) -> None:
        """Whatever is still asked for is not waited for."""
        self._turn += 1

    # ---- what is known ----

    @property
    def looked(self) -> int:
        return len(self._found)

    @property
    def is_whole(self) -> bool:
        return self.archives is not None and self.looked == len(self.archives)

    @property
    def entries(self) -> int:
        return sum(one.entries for one in self._found)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self._found)

    @property
    def need(self) -> int:
        """Bytes on disk that it will yet take."""
        return sum(one.missing_bytes + one.missing_folders * _BLOCK for one in self._found)

    @property
    def need_files(self) -> int:
        return sum(one.missing_entries + one.missing_folders for one in self._found)

    @property
    def usable(self) -> int | None:
        """Bytes that may be taken, None while nobody knows."""
        frees = [max(0, one.free - one.floor) for one in self._found if one.free]
        return min(frees) if frees else None

    @property
    def files_left(self) -> int | None:
        """How many more files the file system takes, None for any number."""
        left = [one.files_free for one in self._found if one.files_free is not None and one.free]
        return min(left) if left else None

    @property
    def has_files(self) -> bool:
        return self.files_left is None or self.need_files <= self.files_left

    @property
    def has_room(self) -> bool:
        fits = self.usable is None or self.need <= self.usable
        return fits and self.has_files and not any(
            one.problem is not None and one.problem.code in _ROOM for one in self._found
        )  # fmt: skip

    @property
    def left_out(self) -> int:
        return sum(one.refused_count for one in self._found)

    @property
    def failing(self) -> list[Rehearsal]:
        """Archives that cannot be unpacked, for another reason than room."""
        return [one for one in self._found if one.problem is not None and one.problem.code not in _ROOM]

    @property
    def encoding(self) -> str:
        """What names seem to be in, of the first archive where that matters."""
        found = [one.encoding for one in self._found if one.encoding]
        return next((name for name in found if name != "utf-8"), found[0] if found else "")

    @property
    def names(self) -> list[str]:
        """A few, those first that show whether they are read rightly."""
        found = [name for one in self._found for name in one.names]
        return sorted(found, key=str.isascii)[:_NAMED]

    # ---- asking ----

    def _find(self, turn: int) -> None:
        def listed(answer: m.Archives) -> None:
            if turn == self._turn:
                self.archives = answer.places
                self.wish = msgspec.structs.replace(self.wish, places=answer.places)
                self.changed.emit()
                self._next(turn)

        self._link.ask(m.FindArchives(0, self.wish.folder), m.Archives, listed, lambda why: self._fail(turn, why))

    def _next(self, turn: int) -> None:
        if turn != self._turn or self.is_whole or not self.archives:
            return

        def come(found: Rehearsal) -> None:
            if turn == self._turn:
                self._found.append(found)
                self.changed.emit()
                self._next(turn)

        wish = msgspec.structs.replace(self.wish, places=[self.archives[self.looked]])
        self._link.ask(m.Rehearse(0, wish), Rehearsal, come, lambda why: self._fail(turn, why))

    def _fail(self, turn: int, problem: Problem) -> None:
        if turn == self._turn:
            self.problem = problem
            self.changed.emit()
