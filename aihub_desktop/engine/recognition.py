"""Of which datasets a folder may hold files: guessed from its ledger, else from names. A person has the last word."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.disk.files import disk_error
from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.holdings.summary import signature, summarise

_MOST_NAMES: Final = 2_000
_MOST: Final = 5
_NUMBER: Final = re.compile(r"([0-9]{1,9})(?:[ ._-]|$)")  # "71 한국어 음성", as this program names its folders
_SHORTEST_TITLE: Final = 4  # letters: "음성" is a part of hundreds of titles, and of thousands of paths
_SHORTEST_NAME: Final = 6


class Names(NamedTuple):
    """What a folder shows of itself: its own name, the names in it and one floor below, the dataset of its ledger."""

    own: str
    inside: list[str]
    recorded: Dataset | None = None


def names_of(folder: str) -> Names:
    """Raises `ProblemError`: what the disk says of the folder itself."""
    path = Path(folder)
    inside: list[str] = []
    try:
        floors = [path, *_listed(path, inside)]
    except OSError as error:
        raise disk_error(error, path) from error
    for floor in floors[1:]:
        try:
            _listed(floor, inside)
        except OSError:
            continue
    recorded = summarise(folder, None).dataset if signature(folder) else None
    return Names(path.name, inside, recorded)


def _listed(folder: Path, inside: list[str]) -> list[Path]:
    """The folders in it; all names are added to `inside`, while there is room."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(inside) >= _MOST_NAMES:
                break
            inside.append(entry.name)
            if entry.is_dir(follow_symlinks=False):
                folders.append(folder / entry.name)
    return folders


def likely(names: Names, datasets: Iterable[Dataset]) -> list[Dataset]:
    """The likeliest first."""
    texts = {letters for name in (names.own, *names.inside) if (letters := _letters(name))}
    number = _NUMBER.match(names.own)
    key = number[1] if number else ""
    scored = [(_score(dataset, names.recorded, key, texts), dataset) for dataset in datasets]
    best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
    return [dataset for _, dataset in best[:_MOST]]


def _score(dataset: Dataset, recorded: Dataset | None, key: str, texts: set[str]) -> int:
    if recorded is not None and (recorded.source, recorded.key, recorded.package) == (
        HUB, dataset.key, dataset.package,
    ):  # fmt: skip
        return 1_000
    title = _letters(dataset.title)
    by_key = 100 if key and key == dataset.key and not dataset.package else 0
    if len(title) >= _SHORTEST_TITLE and any(title in text for text in texts):
        return by_key + 100 + len(title)
    parts = [len(text) for text in texts if len(text) >= _SHORTEST_NAME and text in title]
    return by_key + max(parts, default=0)


def _letters(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFC", text).casefold() if sign.isalnum())
