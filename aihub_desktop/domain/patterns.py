"""Chosen files of a dataset as patterns, which a later release fits too: file keys change with it, names mostly do not.

Folders that are chosen whole give `FOLDER/`, the shorter the better: "02.라벨링데이터/" means all folders of that
name, wherever they lie. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

from aihub_desktop.domain.selection import Meaning

_MOST: Final = 200  # patterns; a longer list is read by nobody, and file keys say the same
_MOST_WORK: Final = 1_000_000  # comparisons of a pattern with a path or folder: a second or two
_INITIALS: Final = re.compile(r"[TV][SL]_")  # training or validation, source or label: before many names of the hub


class Patterns(NamedTuple):
    """`texts` fit the chosen files and no others, none at all where everything is chosen. `are_whole`: they are made
    of whole folders, or of what names have in common; else single files are spelled out among them.
    """

    texts: tuple[str, ...]
    are_whole: bool


def patterns_of(paths: Sequence[str], chosen: Set[str], *, alike: bool = False) -> Patterns | None:
    """`chosen` among all `paths` of a dataset; None where it would take too many.

    `alike`: they were chosen for what they are, so what their names have in common counts as well.
    """
    if chosen >= set(paths):
        return Patterns((), True)
    found = _Cover(paths, chosen)
    found.take(_of_folders(paths, chosen))
    if alike:
        found.take(sorted({pattern for path in found.left for pattern in _of_names(path)}))
    are_whole = not found.left
    texts = [*found.texts, *sorted(found.left)]
    if len(texts) > _MOST or _meant(texts, paths) != chosen:
        return None
    return Patterns(tuple(texts), are_whole)


def _meant(texts: Iterable[str], paths: Iterable[str]) -> set[str]:
    meaning = Meaning(texts)
    return {path for path in paths if meaning.fits(path)}


class _Cover:
    """Patterns that are taken one after the other, each for what those before have `left`."""

    def __init__(self, paths: Sequence[str], chosen: Set[str]) -> None:
        self._paths, self._chosen = paths, chosen
        self._below: dict[str, list[str]] = {}  # paths by their folder, which is all that decides for "FOLDER/"
        for path in paths:
            self._below.setdefault(path[: path.rfind("/") + 1], []).append(path)
        self._work = 0
        self.left = set(chosen)
        self.texts: list[str] = []

    def take(self, offered: Iterable[str]) -> None:
        """Those of `offered` that mean chosen files only, and some that no other one did."""
        for text in offered:
            if not self.left or len(self.texts) > _MOST or self._work > _MOST_WORK:
                return
            meant = self._meant(text)
            if meant & self.left and meant <= self._chosen:
                self.texts.append(text)
                self.left -= meant

    def _meant(self, text: str) -> set[str]:
        if not text.endswith("/"):
            self._work += len(self._paths)
            return _meant((text,), self._paths)
        self._work += len(self._below)
        return {path for folder in _meant((text,), self._below) for path in self._below[folder]}


def _of_folders(paths: Sequence[str], chosen: Set[str]) -> list[str]:
    """A pattern for each folder of which everything is chosen: the one that covers most comes first, and of those that
    cover as much the shortest.
    """
    everywhere, here = Counter[str](), Counter[str]()
    for folder, count in Counter(_folder(path) for path in paths).items():
        everywhere.update(dict.fromkeys(_parts_of(folder), count))
    for folder, count in Counter(_folder(path) for path in chosen).items():
        here.update(dict.fromkeys(_parts_of(folder), count))
    whole = [part for part, count in here.items() if count == everywhere[part]]
    whole.sort(key=lambda part: (-here[part], part.count("/"), len(part), part))
    # Of what means the same files, only the first is worth a try.
    return [f"{part}/" for part in whole][: _MOST * 4]


def _of_names(path: str) -> Iterator[str]:
    """What its name may share with the others: the hub's letters in front, or the ending."""
    name = path.rpartition("/")[2]
    if (found := _INITIALS.match(name)) is not None:
        yield f"{found[0]}*"
    if "." in name[1:]:
        yield f"*.{name.rpartition('.')[2]}"


def _folder(path: str) -> str:
    return unicodedata.normalize("NFC", path.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _parts_of(folder: str) -> frozenset[str]:
    """Every run of names in a path: "a/b" → a, b, a/b."""
    names = folder.split("/") if folder else []
    return frozenset(
        "/".join(names[start:stop]) for start in range(len(names)) for stop in range(start + 1, len(names) + 1)
    )
