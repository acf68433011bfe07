"""A look into the queue of an engine that may be running: read only, without its lock, and never an error.

What cannot be read (no queue yet, a newer version's, one that is broken) is as if it were not there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.settings import Settings
from aihub_desktop.store.holdings import Held, HoldingStore
from aihub_desktop.store.queue import settings_of

_BUSY_SECONDS: Final = 2.0


class Remembered(msgspec.Struct, frozen=True):
    """What the library of a queue remembers. `copies`: of the hub's lists, by the names that they are kept under, with
    when they were asked for.
    """

    held: list[Held] = []
    copies: dict[str, tuple[bytes, float]] = {}


class Glance(msgspec.Struct, frozen=True):
    """`wanted`: the datasets of the queue, those asked for last first."""

    settings: Settings = Settings()
    wanted: tuple[Dataset, ...] = ()


def glance(path: Path) -> Glance:
    """The queue at `path`, as it stands now."""
    try:
        with _opened(path) as db:
            kept = db.execute("SELECT body FROM copy WHERE name = 'settings'").fetchone()
            rows = db.execute(
                "SELECT source, dataset, title, package FROM transfer GROUP BY dataset, package ORDER BY max(id) DESC"
            ).fetchall()
    except sqlite3.Error:
        return Glance()
    wanted = tuple(Dataset(source, key, title, bool(package)) for source, key, title, package in rows)
    return Glance(settings_of(bytes(kept[0])) if kept else Settings(), wanted)


def library(path: Path, copies_for: Callable[[list[Held]], Iterable[str]]) -> Remembered:
    """The library in the queue at `path`, with those of the copies that `copies_for` names which are there."""
    try:
        with _opened(path) as db:
            held = HoldingStore(db, path).all()
            kept = {}
            for name in copies_for(held):
                row = db.execute("SELECT body, asked_at FROM copy WHERE name = ?", (name,)).fetchone()
                if row is not None:
                    kept[name] = (bytes(row[0]), float(row[1]))
    except (sqlite3.Error, ProblemError):
        return Remembered()
    return Remembered(held, kept)


def kept(path: Path, name: str) -> bytes | None:
    """What the queue at `path` keeps under this name; None for nothing."""
    try:
        with _opened(path) as db:
            row = db.execute("SELECT body FROM copy WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else bytes(row[0])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    try:
        yield db
    finally:
        db.close()
