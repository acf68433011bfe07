"""Which files of a dataset a person means: by key, and by patterns on their paths.

A pattern fits the whole path or the name alone, in the hub's spelling or with "_" for blanks as on disk.
`*` stands for any signs, "/" among them (so `**` is the same), `?` for one, `[ab]` for one of these. A pattern
that ends in "/" means everything below folders of that name or path. What is spelled out fits itself, so names
with brackets need no care. Case matters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase, translate
from typing import Final

from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, clash_key, safe_path

_WILD: Final = frozenset("*?[")


def unknown_keys(files: Iterable[RemoteFile], keys: Sequence[str]) -> list[str]:
    """Those of `keys` that no file has, in their order."""
    there = {file.key for file in files}
    return [key for key in dict.fromkeys(keys) if key not in there]


def chosen(
    files: Iterable[RemoteFile], keys: Sequence[str], include: Sequence[str], exclude: Sequence[str]
) -> list[RemoteFile]:
    """The files with one of `keys`, in their order (all if none is named, in that of the tree), that fit `include`, if
    given, and not `exclude`.
    """
    place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    is_meant = meant_by(include, exclude)
    found = [file for file in files if (not keys or file.key in place) and is_meant(file.path)]
    return sorted(found, key=lambda file: place[file.key]) if keys else found


def name_on_disk(file: RemoteFile) -> str:
    """What no two files of one folder may share."""
    try:
        return clash_key(str(safe_path(file.path)))
    except UnsafeNameError:
        return f"{file.source} {file.dataset} {file.key}"  # the engine says what is wrong with it


class Meaning:
    """What patterns mean, made ready to be asked of many paths: hundreds of them meet a hundred thousand paths."""

    def __init__(self, patterns: Iterable[str]) -> None:
        texts = {unicodedata.normalize("NFC", pattern) for pattern in patterns}
        self._folders = [text for text in texts if text.endswith("/")]
        self._spelled = texts.difference(self._folders)
        wild = [translate(text) for text in self._spelled if not _WILD.isdisjoint(text)]
        self._wild = re.compile("|".join(wild)) if wild else None
        self._below: dict[str, bool] = {}  # of each folder that was asked about

    def __bool__(self) -> bool:
        """Whether there is any pattern."""
        return bool(self._folders or self._spelled)

    def fits(self, path: str) -> bool:
        """Whether one of them means the file `path`."""
        shown = unicodedata.normalize("NFC", path)
        return self._fits(shown) or (" " in shown and self._fits(shown.replace(" ", "_")))

    def _fits(self, path: str) -> bool:
        above, slash, name = path.rpartition("/")
        if path in self._spelled or name in self._spelled:
            return True
        if self._wild is not None and (self._wild.match(path) or self._wild.match(name)):
            return True
        return bool(self._folders) and self._is_below(f"/{above}{slash}")

    def _is_below(self, folder: str) -> bool:
        if folder not in self._below:
            self._below[folder] = any(
                f"/{text}" in folder or fnmatchcase(folder, f"*/{text.lstrip('/')}*") for text in self._folders
            )
        return self._below[folder]


def meant_by(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Tells of a path whether it fits `include`, if given, and not `exclude`."""
    included, excluded = Meaning(include), Meaning(exclude)
    return lambda path: (not included or included.fits(path)) and not (excluded and excluded.fits(path))
