"""The right order of volumes of a split zip whose pieces were joined in a wrong one.

The directory, in the last volume, says for each entry in which volume its local header lies, and where. So it says of
each piece of a volume which headers are in it, as with a zip in one file (`misjoin`). That the order is right say the
CRCs of the set.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.archives.zipdirectory import find_directory
from aihub_desktop.archives.zipformat import LOCAL_SIZE
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.adoption import State
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.holdings.cuts import Puzzle, likely_lengths, textual
from aihub_desktop.holdings.finds import Find, Survey
from aihub_desktop.holdings.zipseams import Landmark, landmarks

_MOST_PIECES: Final = 4096
_MARKS_A_VOLUME: Final = 1024
_MARKS_A_PIECE: Final = 4

Order = tuple[Extent, ...]


def put_right(found: Survey, stopped: Callable[[], bool]) -> None:
    """Finds of volumes that turn out to be wrongly merged become MISJOINED, with their right order.

    Of a set that cannot be read nothing is told: that is for whoever proves it.
    """
    recorded, there = found.recorded(), found.by_work()
    for unit in dict.fromkeys(whole_sets((work.id, work.place) for work in found.works).values()):
        is_here = all(id_ in there or id_ in recorded for id_ in unit)
        if is_here and not all(id_ in recorded for id_ in unit) and not stopped():
            with contextlib.suppress(ProblemError):
                _put_set_right(found, unit, {id_: there[id_][0] for id_ in unit if id_ in there}, stopped)


def _put_set_right(found: Survey, unit: Sequence[int], best: Mapping[int, Find], stopped: Callable[[], bool]) -> None:
    target, works = Target(found.target), {work.id: work for work in found.works if work.id in unit}
    orders = [best[id_].extents if id_ in best else _whole(target.spot(works[id_].place).final) for id_ in unit]
    for number, order in right_orders(orders, (), stopped).items():
        if (find := best.get(unit[number])) is not None and find.single is not None:
            found.finds[found.finds.index(find)] = replace(find, state=State.MISJOINED, extents=order)


def _whole(path: Path) -> Order:
    with Volumes([path]) as data:
        return (Extent(path, 0, data.size),)


def right_orders(
    volumes: Sequence[Order], hints: Sequence[int] = (), stopped: Callable[[], bool] = lambda: False
) -> dict[int, Order]:
    """By the number of the volume, for those whose headers are not where the directory says, and where one order sets
    that right. `hints`: lengths that pieces may have.
    """
    try:
        marks = _landmarks(volumes)
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return {}
    found: dict[int, Order] = {}
    for number, order in enumerate(volumes):
        if len(order) != 1 or stopped() or _fits(order, marks[number]):
            continue
        ((path, _, size),) = order
        if (right := _right_order(path, likely_lengths(size, _MOST_PIECES, hints), size, marks[number])) is not None:
            found[number] = right
    return found


def _landmarks(volumes: Sequence[Order]) -> dict[int, list[Landmark]]:
    """By the number of the volume, with offsets in it."""
    found: dict[int, list[Landmark]] = defaultdict(list)
    with Volumes(volumes) as data:
        for mark in landmarks(data, find_directory(data), _MARKS_A_VOLUME * len(volumes)):
            found[mark.volume].append(mark._replace(offset=mark.offset - data.starts[mark.volume]))
    return found


def _fits(order: Order, marks: Sequence[Landmark]) -> bool:
    with Volumes([order]) as data:
        return all(mark.stands_at(data, mark.offset) for mark in marks)


def _right_order(path: Path, lengths: Sequence[int], size: int, marks: Sequence[Landmark]) -> Order | None:
    for order in (order for length in lengths for order in textual(path, size, length)):
        if _fits(order, marks):
            return order
    with Volumes([(Extent(path, 0, size),)]) as merged:
        for length in lengths:
            found = _solved(merged, Puzzle(path, size, length), marks)
            if found is not None and _fits(found, marks):
                return found
    return None


def _solved(merged: Volumes, puzzle: Puzzle, marks: Sequence[Landmark]) -> Order | None:
    """None where a piece is nowhere, or where headers do not tell which one it is."""
    inside: dict[int, list[Landmark]] = defaultdict(list)
    for mark in marks:
        piece, inner = divmod(mark.offset, puzzle.length)
        if len(inside[piece]) < _MARKS_A_PIECE and inner + LOCAL_SIZE + len(mark.name) <= puzzle.length:
            inside[piece].append(mark._replace(offset=inner))
    placed, skipped = puzzle.begun(), 0
    for piece in range(puzzle.count):
        if not inside.get(piece):
            skipped += 1
            continue
        for start, then in puzzle.choices(placed, skipped):
            if all(mark.stands_at(merged, start + mark.offset) for mark in inside[piece]):
                placed, skipped = then, 0
                break
        else:
            return None
    return puzzle.solved(placed)
