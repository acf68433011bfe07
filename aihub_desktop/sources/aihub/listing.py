"""The hub's lists and file trees, read from their text. Pure; nothing but `ProblemError` comes out.

==================DataSet 목록==================
86, 감성 대화 말뭉치

The contents are encoded in UTF-8 including Korean characters.      (five lines of header with a notice)

    ├─01.데이터                     a row: groups of "    " or "│  ", one a level; "├─" or "└─"; the name
    │  └─TL1.zip | 108 MB | 51937   a file: name | size | file key, from the right
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.sources.aihub.errors import Wanted, of_answer, shown
from aihub_desktop.sources.place import Listing

_LIST_HEAD: Final = re.compile(r"\s*={3,}\s*Data(?P<what>Set|Package)\s*목록\s*={3,}\s*", re.IGNORECASE)
_LIST_ROW: Final = re.compile(r"\s*(?P<key>[0-9A-Za-z_-]{1,40})\s*,(?P<title>.*)", re.DOTALL)
_RULE: Final = re.compile(r"\s*={3,}\s*")
_NOTICE_HEAD: Final = re.compile(r"\s*={3,}\s*공지사항\s*={3,}\s*")
_TREE_ROW: Final = re.compile(r"(?P<groups>(?:    |│  )*)[├└]─(?P<rest>.*)", re.DOTALL)
_GROUP: Final = re.compile(r"    |│  ")
_FILE_KEY: Final = re.compile(r"[0-9A-Za-z_-]{1,40}")
_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,15})\s*(?P<unit>bytes?|[kmgtp]?b)", re.IGNORECASE)
_UNITS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "b": 1}
_LONGEST_PATH: Final = 4096  # no system takes longer ones; a long folder's name counts again for each of its files
_LARGEST: Final = 1 << 48  # 256 TiB, ten times the largest dataset: sums of thousands must fit into 63 bits


def parse_datasets(text: str) -> list[Dataset]:
    """The rows of a list of datasets, or of data packages (its head tells which), in the hub's order.

    Raises `ProblemError`: BAD_ANSWER, or what a sentence of the hub means. A list that lacks its closing line
    was cut off, and is no list.
    """
    lines = _lines(text)
    found = next(((at, head) for at, line in enumerate(lines) if (head := _LIST_HEAD.fullmatch(line))), None)
    if found is None:
        raise _unreadable(text)
    start, head = found
    stop = next((at for at in range(start + 1, len(lines)) if _RULE.fullmatch(lines[at])), None)
    if stop is None:
        raise ProblemError(Code.BAD_ANSWER, why="a list without its end")
    package = head["what"].lower() == "package"
    rows = (row for line in lines[start + 1 : stop] if (row := _LIST_ROW.fullmatch(line)))
    datasets: dict[str, Dataset] = {}
    for row in rows:
        datasets.setdefault(row["key"], Dataset(HUB, row["key"], row["title"].strip(), package))
    return list(datasets.values())


def parse_tree(text: str, dataset: Dataset) -> Listing:
    """The files of a tree, in the hub's order; `path` keeps the hub's spelling, blanks included.

    Raises `ProblemError`: BAD_ANSWER for anything that is no tree, or that could lose or misplace a file;
    UNKNOWN_DATASET and its like for what a sentence of the hub means.
    """
    header = _read_header(_lines(text))
    if header is None:
        raise _unreadable(text)
    notice, rows = header
    files: dict[str, RemoteFile] = {}
    folders: list[str] = []
    base: int | None = None
    for line in rows:
        row = _read_row(line)
        base = row.groups if base is None else base
        depth = row.groups - base
        if not 0 <= depth <= len(folders):
            raise _bad("a row without its folder", line)
        del folders[depth:]
        if row.key is None or row.size is None:
            folders.append(row.name)
            continue
        if row.key in files:
            raise _bad("a file key that occurs twice", line)
        path = "/".join([*folders, row.name])
        if len(path) > _LONGEST_PATH:
            raise _bad("a path beyond all measure", line)
        files[row.key] = RemoteFile(dataset.source, dataset.key, row.key, path, row.size, dataset.package)
    return Listing(list(files.values()), notice)


def parse_size(text: str) -> SizeRange:
    """What "47 GB" allows, in bytes: rounded to the nearest in binary units, so half a unit either way.

    Raises `ProblemError` BAD_ANSWER for text that is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise _bad("a size that cannot be read", text)
    unit = _UNITS[found["unit"][0].lower()]
    size = int(found["number"]) * unit
    if size > _LARGEST:
        raise _bad("a size beyond all measure", text)
    return SizeRange(max(0, size - unit // 2), size + unit // 2, text.strip())


class _Row(NamedTuple):
    """One row; a folder has neither size nor key."""

    groups: int
    name: str
    size: SizeRange | None = None
    key: str | None = None


def _read_row(line: str) -> _Row:
    row = _TREE_ROW.fullmatch(line)
    if row is None:
        raise _bad("a line that is no row", line)
    groups = len(_GROUP.findall(row["groups"]))
    fields = row["rest"].rsplit(" | ", 2)
    if len(fields) < 3 or not _FILE_KEY.fullmatch(fields[2].strip()):
        return _Row(groups, row["rest"])
    return _Row(groups, fields[0], parse_size(fields[1]), fields[2].strip())


def _read_header(lines: list[str]) -> tuple[str, list[str]] | None:
    """(notice, rows) of a tree; None for text that has neither a tree's header nor a row.

    A tree without header is read too: no tree of a package is public, so its header is not known.
    """
    notice, start = "", 0
    opening = next((at for at, line in enumerate(lines) if _NOTICE_HEAD.fullmatch(line)), None)
    if opening is not None:
        closing = next((at for at in range(opening + 1, len(lines)) if _RULE.fullmatch(lines[at])), None)
        if closing is None:
            return None
        notice, start = "\n".join(lines[opening + 1 : closing]).strip(), closing + 1
    rest = lines[start:]
    if opening is None:
        first = next((at for at, line in enumerate(rest) if _TREE_ROW.fullmatch(line)), None)
        if first is None:
            return None
        rest = rest[first:]
    return notice, [line for line in rest if line.strip() and not _RULE.fullmatch(line)]


def _lines(text: str) -> list[str]:
    # Not splitlines(): it also cuts at signs that may stand in a name, such as U+2028.
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def _unreadable(text: str) -> ProblemError:
    return of_answer(200, "", text.encode("utf-8", "replace"), wanted=Wanted.TEXT)


def _bad(why: str, text: str) -> ProblemError:
    return ProblemError(Code.BAD_ANSWER, why=why, text=shown(text))
