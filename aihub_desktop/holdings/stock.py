"""A survey, or what an adoption made of it, in numbers and in lines that a person can look through."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.disk.volume import nearest
from aihub_desktop.domain.adoption import TAKEN, Fate, FoundFile, Lot, Origin, State, Stock, Sum
from aihub_desktop.domain.model import Dataset
from aihub_desktop.holdings.adopt import is_wrong
from aihub_desktop.holdings.fates import Told
from aihub_desktop.holdings.finds import Find, Survey

_ORDER: Final = {lot: place for place, lot in enumerate(Lot)}
_WHOLE: Final = {Origin.PIECES: Lot.JOINED, Origin.TAR: Lot.JOINED, Origin.PART: Lot.IN_PLACE}


@dataclass(frozen=True, slots=True)
class Inventory:
    """`lines`: what needs a person's eye first. `missing`: the numbers of files that are not there, from 0."""

    stock: Stock
    lines: list[FoundFile]
    missing: list[int]


def inventory(dataset: Dataset, survey: Survey, told: Iterable[Told] | None = None) -> Inventory:
    """`told`: what an adoption reported of the survey, None before there is one."""
    fates = {one.work.id: one for one in told or ()}
    adopted = {id_ for id_, one in fates.items() if one.fate is Fate.ADOPTED}
    there = survey.recorded() | (set(survey.by_work()) if told is None else adopted)
    lines = _lines(survey, fates)
    missing = [work for work in survey.works if work.id not in there]
    sizes = [work.file.size for work in missing]
    stock = Stock(
        dataset, len(survey.works), _sums(lines), _sum(line for line in lines if line.is_movable),
        bars=len({line.place for line in lines if line.bars}), missing=len(missing),
        low=sum(size.low for size in sizes), high=sum(size.high for size in sizes), unreadable=len(survey.unreadable),
    )  # fmt: skip
    return Inventory(stock, lines, [work.id - 1 for work in missing])


def _lines(survey: Survey, fates: Mapping[int, Told]) -> list[FoundFile]:
    best = {id_: finds[0] for id_, finds in survey.by_work().items()}
    recorded, device = survey.recorded(), _device(survey.target)
    lines = []
    for find in survey.finds:
        id_ = 0 if find.work is None else find.work.id
        of = _lot(find, best.get(id_), is_recorded=id_ in recorded)
        told = fates.get(id_) if of in TAKEN else None
        fate = None if told is None else told.fate
        movable = of is Lot.ELSEWHERE and _is_on(find.single, device)
        lines.append(
            FoundFile(
                "" if find.work is None else find.work.place, find.path, find.origin, find.state, of, find.size,
                is_movable=movable, bars=find.in_place and of is not Lot.RECORDED and is_wrong(find, fate), fate=fate,
                problem=None if told is None else told.problem,
            )
        )  # fmt: skip
    return sorted(lines, key=_needs)


def _lot(find: Find, best: Find | None, *, is_recorded: bool) -> Lot:
    if find.state in (State.RECORDED, State.OLDER):
        return Lot.RECORDED if find.state is State.RECORDED else Lot.WRONG
    if best is not None and find.state is best.state and (find.path, find.extents) == (best.path, best.extents):
        return _taken(find)
    if is_recorded or (best is not None and not find.in_place):
        return Lot.SPARE
    if find.state in (State.WHOLE, State.MISJOINED):
        return Lot.SPARE
    return Lot.PARTIAL if find.state is State.PARTIAL else Lot.WRONG


def _taken(find: Find) -> Lot:
    if find.state is State.MISJOINED:
        return Lot.MISJOINED
    if find.origin in _WHOLE:
        return _WHOLE[find.origin]
    return Lot.IN_PLACE if find.in_place else Lot.ELSEWHERE


def _needs(line: FoundFile) -> tuple[bool, int, str, str]:
    went_wrong = line.fate is not None and line.fate is not Fate.ADOPTED
    return not went_wrong, _ORDER[line.lot], line.place, line.path


def _sums(lines: Iterable[FoundFile]) -> dict[str, Sum]:
    """Of each lot, those that an adoption did not take among what is wrong."""
    lots: dict[str, list[FoundFile]] = defaultdict(list)
    for line in lines:
        refused = line.fate is not None and line.fate is not Fate.ADOPTED
        lots[Lot.WRONG if refused else line.lot].append(line)
    return {lot.value: _sum(lots[lot]) for lot in Lot if lot in lots}


def _sum(lines: Iterable[FoundFile]) -> Sum:
    files = size = 0
    for line in lines:
        files, size = files + 1, size + line.size
    return Sum(files, size)


def _device(folder: Path) -> int | None:
    """Of the drive where the folder is, or would be made."""
    try:
        place = nearest(folder)
        return None if place is None else os.stat(place).st_dev
    except OSError:
        return None


def _is_on(path: Path | None, device: int | None) -> bool:
    try:
        return path is not None and device is not None and os.lstat(path).st_dev == device
    except OSError:
        return False
