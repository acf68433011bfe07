"""Which files of the queue are looked for. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from aihub_desktop.domain.states import FileState


def folded(text: str) -> str:
    """For comparing: one spelling of equal signs, no case."""
    return unicodedata.normalize("NFC", text).casefold()


@dataclass(frozen=True, slots=True)
class Filter:
    """`words`, folded: all of them occur in the path. `states`: the file is in one of them; any for none."""

    words: tuple[str, ...] = ()
    states: frozenset[FileState] = frozenset()

    @classmethod
    def of(cls, words: Iterable[str], states: Iterable[FileState]) -> Filter:
        return cls(tuple(folded(word) for word in words), frozenset(states))

    def __bool__(self) -> bool:
        return bool(self.words or self.states)

    def takes(self, path: str, state: FileState) -> bool:
        return (not self.states or state in self.states) and self.names(path)

    def names(self, path: str) -> bool:
        """The words alone."""
        if not self.words:
            return True
        plain = folded(path)
        return all(word in plain for word in self.words)
