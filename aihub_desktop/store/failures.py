"""What SQLite says when it fails, as problems."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

# By the primary code: which extended one comes differs between systems and versions of SQLite.
_CODE_OF: Final = {
    sqlite3.SQLITE_FULL: Code.DISK_FULL,
    sqlite3.SQLITE_READONLY: Code.NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: Code.NOT_WRITABLE,
    sqlite3.SQLITE_PERM: Code.NOT_WRITABLE,
    sqlite3.SQLITE_NOTADB: Code.STORE_BROKEN,
    sqlite3.SQLITE_CORRUPT: Code.STORE_BROKEN,
    sqlite3.SQLITE_ERROR: Code.STORE_BROKEN,
}


def store_error(error: sqlite3.Error, path: Path) -> ProblemError:
    """The error of the database at `path`."""
    code = _CODE_OF.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, Code.DISK_ERROR)
    return ProblemError(code, path=str(path), why=str(error))
