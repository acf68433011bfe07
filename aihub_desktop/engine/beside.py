"""What can be told of a state folder while another engine holds it: read only, without its lock."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.domain.messages import DatasetList, FileList
from aihub_desktop.domain.model import Dataset
from aihub_desktop.engine import inventory
from aihub_desktop.engine.copies import DATASETS, tree_name
from aihub_desktop.engine.inventory import Tree
from aihub_desktop.store.glance import glance, library
from aihub_desktop.store.holdings import Held


def kept_datasets(home: Path) -> list[Dataset]:
    """The last copy of the hub's list; empty where there is none."""
    for body, _ in library(home / "queue.sqlite", lambda held: [DATASETS]).copies.values():
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(body, type=DatasetList).datasets
    return []


def kept_trees(home: Path, datasets: Iterable[tuple[str, bool]]) -> dict[tuple[str, bool], FileList]:
    """The last copies of the trees of these datasets, by (key, whether it is a package); no copy, no tree."""
    names = {tree_name(key, package): (key, package) for key, package in datasets}
    trees = {}
    for name, (body, _) in library(home / "queue.sqlite", lambda held: names).copies.items():
        with contextlib.suppress(msgspec.MsgspecError):
            trees[names[name]] = msgspec.json.decode(body, type=FileList)
    return trees


def holding_rows(home: Path, seconds: float) -> list[HoldingRow]:
    """The folders of the library as they are now; as they are remembered where a drive does not answer in time.

    Nothing that is found out is kept: that is for the engine.
    """
    queue = home / "queue.sqlite"
    wanted = glance(queue).wanted
    known = library(queue, lambda held: {name for one in held if (name := inventory.copy_of(one))})
    trees = {name: Tree(*kept) for name, kept in known.copies.items()}
    rows = {held.id: inventory.row_of(held, None) for held in known.held}
    looks = [
        threading.Thread(target=_look, args=(held, trees.get(inventory.copy_of(held)), wanted, rows), daemon=True)
        for held in known.held
    ]
    for look in looks:
        look.start()
    deadline = time.monotonic() + seconds
    for look in looks:
        look.join(max(0.0, deadline - time.monotonic()))
    return list(rows.values())


def _look(held: Held, tree: Tree | None, wanted: tuple[Dataset, ...], rows: dict[int, HoldingRow]) -> None:
    problem: Problem | None = None
    try:
        summary = inventory.take_stock(held.folder, held.summary, tree).summary
    except ProblemError as error:
        problem = error.problem
    else:
        before = (held.summary.dataset,) if held.summary else ()
        dataset = inventory.named(summary.dataset, wanted, before)
        held = msgspec.structs.replace(held, summary=msgspec.structs.replace(summary, dataset=dataset))
    rows[held.id] = inventory.row_of(held, problem)
