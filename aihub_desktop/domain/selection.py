"""Which files of a dataset a person means: by key, and by patterns on their paths.

A pattern fits the whole path or the name alone, in the hub's spelling or with "_" for blanks as on disk.
`*` stands for any signs, "/" among them (so `**` is the same), `?` for one, `[ab]` for one of these. A pattern
that ends in "/" means everything below folders of that name or path. What is spelled out fits itself, so names
with brackets need no care. Case matters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, clash_key, safe_path


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
    found = [
        file
        for file in files
        if (not keys or file.key in place)
        and (not include or fits(file.path, include))
        and not (exclude and fits(file.path, exclude))
    ]
    return sorted(found, key=lambda file: place[file.key]) if keys else found


def name_on_disk(file: RemoteFile) -> str:
    """What no two files of one folder may share."""
    try:
        return clash_key(str(safe_path(file.path)))
    except UnsafeNameError:
        return f"{file.source} {file.dataset} {file.key}"  # the engine says what is wrong with it


def fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of `patterns` means the file `path`."""
    shown = unicodedata.normalize("NFC", path)
    spellings = (shown, shown.replace(" ", "_"))
    return any(_fits(spelling, unicodedata.normalize("NFC", pattern)) for spelling in spellings for pattern in patterns)


def _fits(path: str, pattern: str) -> bool:
    if pattern.endswith("/"):
        inside = f"/{path}"
        return f"/{pattern}" in inside or fnmatchcase(inside, f"*/{pattern.lstrip('/')}*")
    name = path.rpartition("/")[2]
    return pattern in (path, name) or fnmatchcase(path, pattern) or fnmatchcase(name, pattern)
