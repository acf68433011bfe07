"""What is good of a broken file begins the new one, and claims nothing that is not there."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Final

import pytest
import xxhash
from ground import check_claims
from tapes import sha256

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import WEB, Origin, RemoteFile, SizeRange
from aihub_desktop.holdings.salvage import salvage
from aihub_desktop.transport.journal import Identity, Journal, Span, Validator, WholeLine, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp
from aihub_desktop.transport.pieces import KEPT_FROM, keep_pieces, kept_pieces, sweep_pieces
from aihub_desktop.transport.reconcile import StandingKind, look

SEED: Final = 20261127
PIECE: Final = 100_000
DATA: Final = random.Random(SEED).randbytes(5 * PIECE - 17)
PLACE: Final = "가/큰.bin"
ADDRESS: Final = "https://example.org/big.bin"
FILE: Final = RemoteFile(
    WEB, "", ADDRESS, PLACE, SizeRange.exactly(len(DATA)), origin=Origin((ADDRESS,), "")
)  # fmt: skip
WORK: Final = WorkFile(1, FILE, PLACE)


def keep(folder: Path, work: WorkFile = WORK) -> None:
    """As the run that received the file left it."""
    spot = Target(folder).spot(PLACE)
    spot.final.parent.mkdir(exist_ok=True)
    spot.final.write_bytes(DATA)
    pieces = [(start, DATA[start : start + PIECE]) for start in range(0, len(DATA), PIECE)]
    spans = [Span(start, start + len(data), xxhash.xxh3_128_hexdigest(data)) for start, data in pieces]
    journal = Journal(spot.journal, Identity.of(work), 0)
    journal.append([Validator(len(DATA), '"v1"'), *spans, WholeLine(len(DATA), sha256(DATA))])
    journal.close()
    state = spot.final.stat()
    entry = Entry(PLACE, sha256(DATA), len(DATA), WEB, "", False, ADDRESS, PLACE, "length", modified=state.st_mtime_ns)
    Ledger(folder).record([entry])
    keep_pieces(Target(folder), work, KEPT_FROM, sha256(DATA))
    assert not spot.journal.exists()


def spoil(folder: Path, *places: int) -> None:
    data = bytearray(DATA)
    for place in places:
        data[place] ^= 1
    (folder / PLACE).write_bytes(data)
    ledger = Ledger(folder)
    (entry,) = ledger.entries().values()
    stamp = Stamp.of((folder / PLACE).stat())
    ledger.record([Entry(PLACE, entry.sha256, entry.size, WEB, "", False, ADDRESS, PLACE, "length", broken=stamp)])


def test_the_good_pieces_are_claimed_and_the_broken_file_stays(folder: Path) -> None:
    keep(folder)
    spoil(folder, 5, 2 * PIECE)
    broken = (folder / PLACE).read_bytes()
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 3 * PIECE - 17
    assert (folder / PLACE).read_bytes() == broken
    state = read_journal(folder / f"{PLACE}.part.journal")
    assert state is not None
    assert [piece.start // PIECE for piece in state.pieces] == [1, 3, 4]
    assert (state.whole, state.validator) == (None, Validator(len(DATA), '"v1"'))
    assert check_claims(folder) == 3 * PIECE - 17
    standing = look(folder, [WORK])[1]
    assert (standing.kind, standing.bytes) == (StandingKind.PARTIAL, 3 * PIECE - 17)


@pytest.mark.parametrize("length", [0, 1, PIECE, 4 * PIECE + 1])
def test_a_file_that_is_cut_short(folder: Path, length: int) -> None:
    keep(folder)
    os.truncate(folder / PLACE, length)
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == length // PIECE * PIECE
    assert check_claims(folder) == length // PIECE * PIECE


def test_what_another_try_has_begun_is_left_to_it(folder: Path) -> None:
    keep(folder)
    spoil(folder, 5)
    (folder / f"{PLACE}.part").write_bytes(b"begun")
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 0
    assert (folder / f"{PLACE}.part").read_bytes() == b"begun"


def test_hashes_of_something_else_are_of_no_use(folder: Path) -> None:
    keep(folder)
    spoil(folder, 5)
    assert kept_pieces(folder, WORK, sha256(DATA)) is not None
    other = RemoteFile(WEB, "", "https://example.org/other.bin", PLACE, FILE.size, origin=FILE.origin)
    assert salvage(folder, other, PLACE, sha256(DATA)) == 0
    assert salvage(folder, FILE, PLACE, "0" * 64) == 0
    (folder / f".aihub/pieces/{sha256(DATA)}.journal").write_bytes(b"nonsense")
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 0
    assert not (folder / f"{PLACE}.part").exists()


def test_nothing_to_salvage_from(folder: Path) -> None:
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 0
    keep(folder)
    (folder / PLACE).unlink()
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("name", [PLACE, "가", ".aihub/pieces"])
def test_links_are_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    keep(folder)
    other = tmp_path / "other"
    (folder / name).rename(other)
    (folder / name).symlink_to(other, target_is_directory=other.is_dir())
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert salvage(folder, FILE, PLACE, sha256(DATA)) == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_nothing_is_kept_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (folder / ".aihub").mkdir()
    (folder / ".aihub/pieces").symlink_to(tmp_path / "other", target_is_directory=True)
    spot = Target(folder).spot("a.bin")
    spot.journal.write_bytes(b"x")
    keep_pieces(Target(folder), WorkFile(1, FILE, "a.bin"), KEPT_FROM, sha256(DATA))
    assert list((tmp_path / "other").iterdir()) == []
    assert spot.journal.exists()


def test_small_files_and_those_of_the_hub_are_not_kept(folder: Path) -> None:
    spot = Target(folder).spot("a.bin")
    hub = RemoteFile("aihub", "86", "7", "a.bin", SizeRange.exactly(5))
    for work, size in ((WorkFile(1, FILE, "a.bin"), KEPT_FROM - 1), (WorkFile(1, hub, "a.bin"), KEPT_FROM)):
        spot.journal.write_bytes(b"x")
        keep_pieces(Target(folder), work, size, sha256(DATA))
        assert spot.journal.exists()


def test_hashes_of_older_bytes_are_swept(folder: Path) -> None:
    keep(folder)
    sweep_pieces(folder, {sha256(DATA)})
    assert kept_pieces(folder, WORK, sha256(DATA)) is not None
    sweep_pieces(folder, {"0" * 64})
    assert list((folder / ".aihub/pieces").iterdir()) == []
    sweep_pieces(folder / "none", set())
