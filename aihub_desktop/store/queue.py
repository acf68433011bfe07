"""The queue on disk: SQLite in WAL mode, one writer (the engine's loop), one transaction a turn.

What people asked for is kept here; what is on disk is known from the disk. Losing this file loses no bytes.
A step of the schema is a script in `_STEPS`; before a step the file is copied beside itself.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.filters import Filter
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.model import Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings, SettingsError, changed
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.store.failures import store_error
from aihub_desktop.store.holdings import HoldingStore

_STEPS: Final = (
    """
    CREATE TABLE transfer (
      id INTEGER PRIMARY KEY, source TEXT NOT NULL, dataset TEXT NOT NULL, title TEXT NOT NULL,
      package INTEGER NOT NULL, folder TEXT NOT NULL, state TEXT NOT NULL, problem TEXT,
      files INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL,
      bytes INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
      received INTEGER NOT NULL, again INTEGER NOT NULL, added_at REAL NOT NULL, ended_at REAL
    ) STRICT;
    CREATE TABLE file (
      id INTEGER PRIMARY KEY, transfer INTEGER NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
      source TEXT NOT NULL, dataset TEXT NOT NULL, package INTEGER NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL,
      low INTEGER NOT NULL, high INTEGER NOT NULL, shown TEXT NOT NULL, place TEXT NOT NULL,
      state TEXT NOT NULL, bytes INTEGER NOT NULL, size INTEGER, sha256 TEXT NOT NULL, proof TEXT NOT NULL,
      problem TEXT, attempts INTEGER NOT NULL, next_try REAL
    ) STRICT;
    CREATE INDEX file_of_transfer ON file (transfer, id);
    CREATE TABLE copy (name TEXT PRIMARY KEY, body BLOB NOT NULL, asked_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    """,
    # The volume that a transfer began on; "" before its first look. What has received anything has had that look,
    # on a volume that nobody noted: a line's end alone.
    """
    ALTER TABLE transfer ADD COLUMN volume TEXT NOT NULL DEFAULT '';
    UPDATE transfer SET volume = char(10) WHERE received > 0 OR bytes > 0 OR done > 0;
    """,
    # What a place that serves ranges told of a file: JSON of an `Origin`; NULL for the hub's files.
    """
    ALTER TABLE file ADD COLUMN origin TEXT;
    """,
    # The folders of the library. A number is given once: what is to be deleted must not be another folder by now.
    """
    ALTER TABLE transfer ADD COLUMN unpack INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE holding (
      id INTEGER PRIMARY KEY AUTOINCREMENT, folder TEXT NOT NULL UNIQUE, added_at REAL NOT NULL,
      summary TEXT, verdict TEXT
    ) STRICT;
    INSERT INTO holding (folder, added_at)
      SELECT folder, min(added_at) FROM transfer WHERE done > 0 GROUP BY folder ORDER BY min(id);
    """,
    # The order that a person gave to the list; before, it was that of the numbers. 4294967296: `turns.GAP`.
    """
    ALTER TABLE transfer ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transfer ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';
    UPDATE transfer SET rank = id * 4294967296;
    """,
    # The order in which the files of a transfer come; before, it was that of their numbers.
    """
    ALTER TABLE file ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
    UPDATE file SET rank = id * 4294967296;
    DROP INDEX file_of_transfer;
    CREATE INDEX file_in_order ON file (transfer, rank, id);
    """,
)

_TRANSFER_COLUMNS: Final = (
    "id", "source", "dataset", "title", "package", "folder", "state", "problem", "files", "done", "failed", "skipped",
    "bytes", "low", "high", "received", "again", "added_at", "ended_at", "volume", "unpack", "rank", "priority",
)  # fmt: skip
_FILE_COLUMNS: Final = (
    "id", "transfer", "source", "dataset", "package", "key", "path", "low", "high", "shown", "place", "state", "bytes",
    "size", "sha256", "proof", "problem", "attempts", "next_try", "origin", "rank",
)  # fmt: skip

_ALL: Final = Filter()

_origin: Final = msgspec.json.Decoder(Origin)
_origins: Final = msgspec.json.Encoder()

Row = TypeVar("Row", TransferRow, FileRow)

_LARGEST: Final = (1 << 63) - 1  # of an INTEGER of SQLite


class QueueStore:
    """The open database. Every method may raise `ProblemError` for a disk that fails.

    Opening raises STORE_NEWER for a database of a newer version (which is left as it is) and STORE_BROKEN for
    one that SQLite cannot read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Opened where a failure can be told, then handed to the engine's loop for good: one user at any time.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=str(error)) from None
        self.holdings = HoldingStore(self._db, path)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise store_error(error, path) from None
        except ProblemError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(_STEPS):
            raise ProblemError(Code.STORE_NEWER, path=str(self.path), version=version)
        # FULL: with NORMAL a power cut takes back the last commits, and a person's "pause" with them.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        if 0 < version < len(_STEPS):
            self._back_up(version)
        for number in range(version, len(_STEPS)):
            # One script, one transaction: a step is there whole or not at all.
            self._db.executescript(f"BEGIN; {_STEPS[number]} PRAGMA user_version = {number + 1}; COMMIT;")

    def _back_up(self, version: int) -> None:
        with sqlite3.connect(self.path.with_name(f"{self.path.name}.v{version}")) as copy:
            self._db.backup(copy)
        copy.close()

    def close(self) -> None:
        self._db.close()

    # ---- the queue ----

    def transfers(self) -> list[TransferRow]:
        """All of them, by number."""
        rows = self._read(f"SELECT {', '.join(_TRANSFER_COLUMNS)} FROM transfer ORDER BY id")
        return self._understood(_transfer, rows)

    def files(self, transfer: int, offset: int = 0, limit: int = -1, wanted: Filter = _ALL) -> list[FileRow]:
        """Those that are `wanted`, in the order in which they come."""
        condition, values = self._condition(wanted)
        rows = self._read(
            f"SELECT {', '.join(_FILE_COLUMNS)} FROM file WHERE transfer = ?{condition}"
            " ORDER BY rank, id LIMIT ? OFFSET ?",
            (transfer, *values, limit, offset),
        )
        return self._understood(_file, rows)

    def count(self, wanted: Filter, transfers: Iterable[int]) -> dict[int, int]:
        """How many files of each of these transfers are `wanted`; those without any are left out."""
        condition, values = self._condition(wanted)
        rows = self._read(
            "SELECT transfer, count(*) FROM file"
            f" WHERE transfer IN (SELECT value FROM json_each(?)){condition} GROUP BY transfer",
            (msgspec.json.encode(list(transfers)).decode(), *values),
        )
        return dict(rows)

    def _condition(self, wanted: Filter) -> tuple[str, tuple[str, ...]]:
        """The end of a WHERE, with the values for its marks."""
        text, values = "", []
        if wanted.states:
            text += " AND state IN (SELECT value FROM json_each(?))"
            values.append(msgspec.json.encode(sorted(wanted.states)).decode())
        if wanted.words:
            # Python's own comparing, for SQLite knows no case beyond ASCII.
            self._db.create_function("names", 1, wanted.names, deterministic=True)
            text += " AND names(path)"
        return text, tuple(values)

    def places(self, transfer: int, state: FileState) -> list[str]:
        """Where the files of a transfer that are in this state lie below its folder."""
        rows = self._read(
            "SELECT place FROM file WHERE transfer = ? AND state = ? ORDER BY id", (transfer, state.value)
        )
        return [str(place) for (place,) in rows]

    def files_at(self, folder: str, places: Iterable[str]) -> list[FileRow]:
        """What was last asked for at these places of a folder, whoever asked."""
        columns = ", ".join(f"file.{name}" for name in _FILE_COLUMNS)
        found = self._read(
            f"SELECT {columns} FROM file JOIN transfer ON transfer.id = file.transfer"
            " WHERE folder = ? AND place IN (SELECT value FROM json_each(?)) ORDER BY file.id",
            (folder, msgspec.json.encode(sorted(places)).decode()),
        )
        return list({row.place: row for row in self._understood(_file, found)}.values())

    def last_file(self) -> int:
        """The highest number a file has, 0 for none."""
        return int(self._read("SELECT coalesce(max(id), 0) FROM file")[0][0])

    def save(
        self, transfers: Iterable[TransferRow], files: Iterable[FileRow], removed: Iterable[int], dropped: Iterable[int]
    ) -> None:
        """One turn of the engine, in one transaction: durable when this returns."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM transfer WHERE id = ?", [(key,) for key in removed])
            self._db.executemany("DELETE FROM file WHERE id = ?", [(key,) for key in dropped])
            self._db.executemany(_upsert("transfer", _TRANSFER_COLUMNS), [_transfer_values(row) for row in transfers])
            self._db.executemany(_upsert("file", _FILE_COLUMNS), [_file_values(row) for row in files])
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise store_error(error, self.path) from None
        finally:
            # Whatever was raised, a value that SQLite cannot hold among it: the next turn must be able to begin.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # ---- copies of what the hub said, and settings ----

    def keep(self, name: str, body: bytes, asked_at: float) -> None:
        """Keeps `body` under `name`, in place of what was there."""
        try:
            self._db.execute("INSERT OR REPLACE INTO copy VALUES (?, ?, ?)", (name, body, asked_at))
        except sqlite3.Error as error:
            raise store_error(error, self.path) from None

    def kept(self, name: str) -> tuple[bytes, float] | None:
        """(body, when it was kept), or None."""
        rows = self._read("SELECT body, asked_at FROM copy WHERE name = ?", (name,))
        return (bytes(rows[0][0]), float(rows[0][1])) if rows else None

    def copies(self, beginnings: Iterable[str]) -> list[tuple[str, bytes]]:
        """(name, body) of everything kept under a name that begins so."""
        found: list[tuple[str, bytes]] = []
        for beginning in beginnings:
            after = beginning[:-1] + chr(ord(beginning[-1]) + 1)  # the first name that does not
            rows = self._read("SELECT name, body FROM copy WHERE name >= ? AND name < ?", (beginning, after))
            found += [(str(name), bytes(body)) for name, body in rows]
        return found

    def settings(self) -> Settings:
        """The user's settings. What this version does not know or allow falls back to the default."""
        found = self.kept("settings")
        return Settings() if found is None else settings_of(found[0])

    def keep_settings(self, settings: Settings, now: float) -> None:
        self.keep("settings", msgspec.json.encode(settings), now)

    def _understood(self, reading: Callable[[tuple[Any, ...]], Row], rows: list[tuple[Any, ...]]) -> list[Row]:
        try:
            return [reading(row) for row in rows]
        except ValueError as error:  # a state or a code that this version does not have
            raise ProblemError(Code.STORE_BROKEN, path=str(self.path), why=str(error)) from None

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise store_error(error, self.path) from None


def settings_of(body: bytes) -> Settings:
    """Kept settings; what this version does not know or allow falls back to the default."""
    try:
        values = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Settings()
    settings = Settings()
    for name, value in values.items():
        with contextlib.suppress(SettingsError):
            settings = changed(settings, {name: value})
    return settings


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}"


def _problem_text(problem: Problem | None) -> str | None:
    return None if problem is None else msgspec.json.encode(problem).decode()


def _problem_of(text: str | None) -> Problem | None:
    return None if text is None else msgspec.json.decode(text, type=Problem)


def _transfer_values(row: TransferRow) -> tuple[Any, ...]:
    data = row.dataset
    low, high = min(row.low, _LARGEST), min(row.high, _LARGEST)  # sums of sizes that a hub is free to invent
    return (
        row.id, data.source, data.key, data.title, int(data.package), row.folder, row.state.value,
        _problem_text(row.problem), row.files, row.done, row.failed, row.skipped, row.bytes, low, high,
        row.received, row.again, row.added_at, row.ended_at, row.volume, int(row.unpack), row.rank, row.priority.value,
    )  # fmt: skip


def _transfer(row: tuple[Any, ...]) -> TransferRow:
    named = dict(zip(_TRANSFER_COLUMNS, row, strict=True))
    dataset = Dataset(named.pop("source"), named.pop("dataset"), named.pop("title"), bool(named.pop("package")))
    named["state"] = TransferState(named["state"])
    named["unpack"] = bool(named["unpack"])
    named["priority"] = Priority(named["priority"])
    named["problem"] = _problem_of(named["problem"])
    return TransferRow(dataset=dataset, running=0, **named)


def _file_values(row: FileRow) -> tuple[Any, ...]:
    file = row.file
    return (
        row.id, row.transfer, file.source, file.dataset, int(file.package), file.key, file.path,
        file.size.low, file.size.high, file.size.shown, row.place, row.state.value, row.bytes, row.size,
        row.sha256, row.proof, _problem_text(row.problem), row.attempts, row.next_try,
        None if file.origin is None else _origins.encode(file.origin).decode(), row.rank,
    )  # fmt: skip


def _file(row: tuple[Any, ...]) -> FileRow:
    named = dict(zip(_FILE_COLUMNS, row, strict=True))
    size = SizeRange(named.pop("low"), named.pop("high"), named.pop("shown"))
    text = named.pop("origin")
    file = RemoteFile(
        named.pop("source"), named.pop("dataset"), named.pop("key"), named.pop("path"), size, bool(named.pop("package"))
    )
    if text is not None:
        file = msgspec.structs.replace(file, origin=_origin.decode(text))
    named["state"] = FileState(named["state"])
    named["problem"] = _problem_of(named["problem"])
    return FileRow(file=file, **named)
