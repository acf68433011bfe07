"""Which rows of the queue are shown: the structure, which knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aihub_desktop.domain.filters import Filter
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import FILE_RUNNING, FileState, TransferState
from aihub_desktop.gui.search import Haystack, Needle


class Kind(StrEnum):
    """What a person looks for in a long list."""

    ALL = "all"
    ACTIVE = "active"
    WAITING = "waiting"
    NEEDS = "needs"
    DONE = "done"


_T: Final = TransferState
_TRANSFERS: Final[dict[Kind, frozenset[TransferState]]] = {
    Kind.ALL: frozenset(_T),
    Kind.ACTIVE: frozenset({_T.RUNNING}),
    Kind.WAITING: frozenset({_T.QUEUED, _T.PAUSED}),
    Kind.NEEDS: frozenset({_T.NEEDS_USER, _T.FAILED}),
    Kind.DONE: frozenset({_T.DONE, _T.CANCELLED}),
}
_FILES: Final[dict[Kind, frozenset[FileState]]] = {
    Kind.ALL: frozenset(),
    Kind.ACTIVE: FILE_RUNNING,
    Kind.WAITING: frozenset({FileState.WAITING}),
    Kind.NEEDS: frozenset({FileState.FAILED}),
    Kind.DONE: frozenset({FileState.DONE}),
}


def kind_of(row: TransferRow) -> Kind:
    """The one kind beside ALL that a transfer is of."""
    if row.finishing:
        return Kind.ACTIVE
    return next(kind for kind, states in _TRANSFERS.items() if kind is not Kind.ALL and row.state in states)


@dataclass(frozen=True)
class QueueFilter:
    """A transfer is shown if its title, key or folder has all the words, or one of its files; then only such files."""

    kind: Kind = Kind.ALL
    text: str = ""
    hits: Mapping[int, int] = field(default_factory=dict)  # files whose path has all the words, by transfer
    _needle: Needle = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_needle", Needle(self.text))

    def __bool__(self) -> bool:
        """Whether anything may be left out."""
        return self.kind is not Kind.ALL or bool(self._needle)

    @property
    def words(self) -> list[str]:
        return self.text.split() if self._needle else []

    @property
    def states(self) -> list[FileState]:
        """Of files; [] for any."""
        return sorted(_FILES[self.kind])

    def names(self, hay: Haystack) -> bool:
        """Whether the words are those of the transfer itself."""
        return self._needle.found_in(hay)

    def shows(self, row: TransferRow, hay: Haystack) -> bool:
        if self.kind is not Kind.ALL and kind_of(row) is not self.kind:
            return False
        return self.names(hay) or row.id in self.hits

    def words_for(self, hay: Haystack) -> list[str]:
        """Those that the files of this transfer must have."""
        return [] if self.names(hay) else self.words

    def shows_file(self, row: FileRow, hay: Haystack) -> bool:
        return Filter.of(self.words_for(hay), self.states).takes(row.file.path, row.state)


def hay_of(row: TransferRow) -> Haystack:
    return Haystack(row.dataset.title, row.dataset.key, row.folder)
