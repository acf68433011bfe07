"""What must be true of a target folder at any moment, read from the disk and from nothing that the program says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xxhash
from engines import final_files, manifest, sha256

from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Ledger


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.part"))


def journals(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.part.journal"))


def durable(folder: Path) -> dict[str, tuple[Piece, ...]]:
    """What the journals below `folder` claim, by the path of the part."""
    states = {path: read_journal(path) for path in journals(folder)}
    return {str(path)[: -len(".journal")]: state.pieces for path, state in states.items() if state is not None}


def check_claims(folder: Path) -> int:
    """Every byte that a journal claims is there as it was claimed; how many those are.

    The bytes of a file that has its final name already, its journal not removed yet, are looked for there.
    """
    count = 0
    for name, pieces in durable(folder).items():
        data = _bytes(Path(name)) if pieces else b""
        for piece in pieces:
            assert xxhash.xxh3_128_hexdigest(data[piece.start : piece.stop]) == piece.digest, (name, piece)
            count += piece.stop - piece.start
    return count


def _bytes(part: Path) -> bytes:
    try:
        return part.read_bytes()
    except FileNotFoundError:
        return part.with_suffix("").read_bytes()


def check_final(folder: Path, right: Mapping[str, bytes]) -> dict[str, bytes]:
    """Under final names stand only right bytes; gives them back, for they need not be all."""
    found = final_files(folder)
    wrong = [name for name, data in found.items() if right.get(name) != data]
    assert not wrong, wrong
    return found


def check_rest(folder: Path, right: Mapping[str, bytes]) -> dict[str, bytes]:
    """A folder at rest: what `check_final` and `check_claims` say, the ledger names the same files, and no part is
    without its journal."""
    found = check_final(folder, right)
    check_claims(folder)
    assert manifest(folder) == {name: sha256(data) for name, data in found.items()}
    entries = Ledger(folder).entries()
    assert {name: (entry.sha256, entry.size) for name, entry in entries.items()} == {
        name: (sha256(data), len(data)) for name, data in found.items()
    }
    assert {str(path) + ".journal" for path in parts(folder)} <= {str(path) for path in journals(folder)}
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    return found
