"""The diagram of the rooms: who may import whom. Everything not allowed here is forbidden."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PROGRAM: Final = Path(__file__).parent.parent / "aihub_desktop"

ROOMS: Final = {
    "domain": (),
    "sources": ("domain", "system.sockets"),
    "disk": ("domain",),
    "archives": ("domain", "disk"),
    "transport": (
        "domain",
        "disk",
        "archives",
        "sources.place",
        "sources.aihub.tarstream",
        "sources.aihub.listing",
        "sources.s3.checksums",
    ),
    "store": ("domain", "disk.patience"),
    "unpack": ("domain", "disk", "archives", "transport"),
    # Tars that other tools left behind are those of the hub.
    "holdings": ("domain", "disk", "archives", "transport", "unpack.record", "sources.aihub.tarstream"),
    "sharing": ("domain", "disk", "transport", "holdings", "system.sockets"),
    # Bundles on drives: files, hashes and ledgers. It must work where there is no network, so it knows none.
    "batch": ("domain", "disk", "archives", "transport", "holdings"),
    "engine": ("domain", "disk", "store", "transport", "sources", "archives", "holdings", "unpack"),
    # What holds where one asks and many receive, on both sides; each side has an engine of its own.
    "cluster": (
        *("domain", "disk", "transport.ledger", "holdings", "system"),
        *("engine.serve", "engine.spread", "engine.pushing"),
    ),
    "system": ("domain",),
    "demo": ("domain", "system"),
    # The doctor, and a look at the library, run beside whatever engine holds the state folder: no commands of one.
    "cli": (
        "domain",
        "engine.serve",
        "engine.doctor",
        "engine.beside",
        "engine.pushing",
        "engine.releases",
        "system",
        "archives",
        "holdings",
        "unpack",
        "sharing",
        "batch",
        "demo",
        "cluster",
    ),
    "gui": ("domain", "system"),
    "__main__": ("cli", "domain", "engine.serve", "engine.worker", "system"),
    "__init__": (),
}
ONLY_IN: Final = {
    **{"PySide6": "gui", "sqlite3": "store", "keyring": "store", "h11": "sharing"},
    **dict.fromkeys(("dask", "distributed"), "cluster"),
    **dict.fromkeys(("botocore", "httpcore", "httptools", "httpx"), "sources"),
}
NOWHERE: Final = {"asyncio", "pickle", "shelve", "marshal"}
NOT_PURE: Final = {"io", "logging", "os", "random", "socket", "subprocess", "tempfile", "threading", "time"}


def imported(source: str) -> Iterator[str]:
    """Dotted names, also of imports inside functions: for `from a import b` it is "a.b"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ("." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names)


def is_allowed(room: str, name: str) -> bool:
    top, _, rest = name.partition(".")
    if top == PROGRAM.name:
        return rest == "__version__" or any(f"{rest}.".startswith(f"{open_to}.") for open_to in (room, *ROOMS[room]))
    if top in NOWHERE or not top or (room == "domain" and top in NOT_PURE):
        return False  # an empty top is a relative import: the room would not show
    return ONLY_IN.get(top, room) == room


def room_of(path: Path) -> str:
    return path.relative_to(PROGRAM).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PROGRAM.rglob("*.py")), ids=lambda path: str(path.relative_to(PROGRAM)))
def test_imports_stay_within_the_diagram(path: Path) -> None:
    names = imported(path.read_text(encoding="utf-8"))
    assert [name for name in names if not is_allowed(room_of(path), name)] == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("gui", "from aihub_desktop.engine import serve"),
        ("gui", "def late() -> None:\n    import aihub_desktop.engine.core"),
        ("cli", "from aihub_desktop.engine.core import Core"),
        ("transport", "from aihub_desktop.sources.aihub.client import AIHub"),
        ("domain", "from aihub_desktop import system"),
        ("system", "from . import words"),
        ("engine", "import sqlite3"),
        ("cli", "from PySide6.QtCore import QObject"),
        ("engine", "from botocore.session import Session"),
        ("domain", "import time"),
        ("store", "import pickle"),
        ("cli", "from distributed import Client"),
        ("cluster", "from aihub_desktop.engine.core import Core"),
    ],
)
def test_a_forbidden_import_is_seen(room: str, source: str) -> None:
    assert not all(is_allowed(room, name) for name in imported(source))
