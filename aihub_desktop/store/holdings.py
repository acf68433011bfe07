"""Which folders the library has, with what was last seen of each: a cache, for the truth lies in the folders."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from aihub_desktop.domain.holdings import Summary, Verdict
from aihub_desktop.store.failures import store_error

T = TypeVar("T")


class Held(msgspec.Struct, frozen=True):
    """One folder. `summary` and `verdict` None: not read, not verified, or written by another version."""

    id: int
    folder: str
    added_at: float
    summary: Summary | None = None
    verdict: Verdict | None = None


class HoldingStore:
    """The table of folders in an open queue. Every method may raise `ProblemError` for a disk that fails."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._db = database
        self._path = path

    def all(self) -> list[Held]:
        """In the order in which they came."""
        rows = self._do("SELECT id, folder, added_at, summary, verdict FROM holding ORDER BY id")
        return [Held(key, folder, at, _read(summary, Summary), _read(verdict, Verdict)) for
                key, folder, at, summary, verdict in rows]  # fmt: skip

    def enter(self, folder: str, at: float) -> int:
        """A new folder, or the one that is there: its number, which no other folder ever gets."""
        self._do("INSERT INTO holding (folder, added_at) VALUES (?, ?) ON CONFLICT (folder) DO NOTHING", (folder, at))
        return int(self._do("SELECT id FROM holding WHERE folder = ?", (folder,))[0][0])

    def keep(self, held: Held) -> None:
        """What was last seen of a folder that is there."""
        values = (_text(held.summary), _text(held.verdict), held.id)
        self._do("UPDATE holding SET summary = ?, verdict = ? WHERE id = ?", values)

    def remove(self, holding: int) -> None:
        self._do("DELETE FROM holding WHERE id = ?", (holding,))

    def _do(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise store_error(error, self._path) from None


def _text(value: Summary | Verdict | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _read(text: str | None, kind: type[T]) -> T | None:
    try:
        return None if text is None else msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:
        return None  # it is read from the folder again
