"""The journal: what is read back, where reading ends, and the arithmetic of pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tapes import work

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Piece
from aihub_desktop.transport.coverage import Coverage, latest, merged
from aihub_desktop.transport.journal import (
    Identity,
    Journal,
    Span,
    WholeLine,
    discard,
    encoded,
    read_journal,
    read_lines,
)

IDENTITY = Identity.of(work(1, "라벨/a b.zip", 100))
SPANS = [Span(0, 40, "0" * 32), Span(60, 100, "1" * 32), Span(40, 60, "2" * 32)]
WHOLE = WholeLine(100, hashlib.sha256(b"").hexdigest())


def write(path: Path, lines: Sequence[Span | WholeLine], length: int = 0) -> None:
    journal = Journal(path, IDENTITY, length)
    for line in lines:
        journal.append([line])
    journal.close()


def test_what_was_appended_is_read_back(folder: Path) -> None:
    path = folder / "a.journal"
    assert read_journal(path) is None
    write(path, [*SPANS, WHOLE])
    state = read_journal(path)
    assert state is not None
    assert state.identity == IDENTITY
    assert state.pieces == (Piece(0, 40, "0" * 32), Piece(40, 60, "2" * 32), Piece(60, 100, "1" * 32))
    assert (state.whole, state.bytes, state.length) == (WHOLE, 100, path.stat().st_size)


def test_lines_are_text_with_their_own_checksum(folder: Path) -> None:
    path = folder / "a.journal"
    write(path, SPANS[:1])
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert first.endswith('"path":"라벨/a b.zip","size":"100 Byte"}')
    assert second == f'{second[:8]} {{"line":"span","start":0,"stop":40,"digest":"{"0" * 32}"}}'


def test_reading_changes_nothing(folder: Path) -> None:
    path = folder / "a.journal"
    write(path, SPANS)
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    read_journal(path)
    assert path.read_bytes() == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 2000), garbage=st.binary(max_size=40))
def test_a_torn_end_is_cut_off(folder: Path, cut: int, garbage: bytes) -> None:
    path = folder / "a.journal"
    texts = [encoded(IDENTITY), *map(encoded, SPANS)]
    whole = b"".join(texts)
    path.write_bytes(whole[:cut] + garbage)
    kept = sum(len(b"".join(texts[: n + 1])) <= cut for n in range(len(texts)))
    state = read_journal(path)
    if kept == 0:
        assert state is None
        return
    assert state is not None
    assert set(state.pieces) == {Piece(line.start, line.stop, line.digest) for line in SPANS[: kept - 1]}
    write(path, [Span(100, 101, "3" * 32)], state.length)
    lines, length = read_lines(path.read_bytes())
    assert lines == [IDENTITY, *SPANS[: kept - 1], Span(100, 101, "3" * 32)]
    assert length == path.stat().st_size


@pytest.mark.parametrize("line", [0, 1, 2])
def test_nothing_behind_a_garbled_line_is_believed(folder: Path, line: int) -> None:
    path = folder / "a.journal"
    texts = [encoded(IDENTITY), *map(encoded, SPANS)]
    texts[line] = texts[line].replace(b'"', b"'", 1)
    path.write_bytes(b"".join(texts))
    state = read_journal(path)
    assert (len(state.pieces) if state else -1) == line - 1


def test_a_new_line_makes_no_old_one_readable_again(folder: Path) -> None:
    path = folder / "a.journal"
    garbled = encoded(Span(100, 200, "0" * 32)).replace(b'"', b"'", 1)
    path.write_bytes(encoded(IDENTITY) + garbled + encoded(Span(200, 300, "1" * 32)))
    state = read_journal(path)
    assert state is not None
    journal = Journal(path, IDENTITY, state.length)
    journal.append([Span(300, 400, "2" * 32)])
    found = read_journal(path)
    journal.close()
    assert found is not None
    assert found.pieces == (Piece(300, 400, "2" * 32),)


@pytest.mark.parametrize(
    "line", [Span(-1, 5, "0" * 32), Span(5, 5, "0" * 32), Span(0, 5, "x"), WholeLine(-1, "0" * 64), WholeLine(5, "")]
)
def test_impossible_lines_are_no_lines(line: Span | WholeLine) -> None:
    assert read_lines(encoded(IDENTITY) + encoded(line))[0] == [IDENTITY]


def test_another_version_is_not_read() -> None:
    other = Identity(2, "aihub", "1", False, "1", "a", "1 KB")
    assert read_lines(encoded(other)) == ([], 0)


@pytest.mark.parametrize(
    "lines", [[*SPANS[:2], WHOLE], [WHOLE], [*SPANS, WholeLine(99, WHOLE.sha256)], [WHOLE, *SPANS]]
)
def test_whole_is_believed_only_with_every_piece(folder: Path, lines: list[Span | WholeLine]) -> None:
    path = folder / "a.journal"
    write(path, lines)
    state = read_journal(path)
    assert state is not None
    assert state.whole is None


def test_room_is_taken_ahead_and_given_back(folder: Path) -> None:
    path = folder / "a.journal"
    journal = Journal(path, IDENTITY, 0)
    journal.prepare()
    assert path.stat().st_size > 4096
    state = read_journal(path)
    assert state is not None
    assert state.pieces == ()
    journal.append(SPANS)
    assert read_journal(path) != state
    journal.close()
    assert path.read_bytes().count(0) == 0


def test_a_link_in_place_of_a_journal_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, SPANS)
    (folder / "a.journal").symlink_to(other)
    with pytest.raises(ProblemError) as caught:
        read_journal(folder / "a.journal")
    assert caught.value.problem.code is Code.IN_THE_WAY


def test_discard_drops_both(folder: Path) -> None:
    spot = Target(folder).spot("a.zip")
    discard(spot)
    write(spot.journal, SPANS)
    spot.part.write_bytes(b"x")
    spot.final.write_bytes(b"mine")
    discard(spot)
    assert [path.name for path in folder.iterdir()] == ["a.zip"]


SPAN_LISTS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


def made(spans: list[tuple[int, int]]) -> list[Piece]:
    return [Piece(start, start + length, str(number)) for number, (start, length) in enumerate(spans)]


@given(SPAN_LISTS)
def test_merged_spans_cover_the_same_bytes(spans: list[tuple[int, int]]) -> None:
    pieces = made(spans)
    found = merged(pieces)
    assert {n for start, stop in found for n in range(start, stop)} == {
        n for p in pieces for n in range(p.start, p.stop)
    }
    assert all(one[1] < two[0] for one, two in pairwise(found))


@given(SPAN_LISTS)
def test_the_latest_claim_to_a_byte_counts(spans: list[tuple[int, int]]) -> None:
    pieces = made(spans)
    kept = latest(pieces)
    assert kept == sorted(kept)
    assert all(one.stop <= two.start for one, two in pairwise(kept))
    for number, piece in enumerate(pieces):
        beaten = any(piece.start < later.stop and later.start < piece.stop for later in pieces[number + 1 :])
        assert (piece in kept) is not beaten


@given(SPAN_LISTS, st.integers(0, 90), st.integers(1, 20))
def test_coverage_agrees_with_a_set_of_bytes(spans: list[tuple[int, int]], offset: int, length: int) -> None:
    kept = latest(made(spans))
    coverage = Coverage(kept)
    held = {n: piece for piece in kept for n in range(piece.start, piece.stop)}
    assert coverage.bytes == len(held)
    assert coverage.at(offset) == held.get(offset)
    assert coverage.stop == max(held, default=-1) + 1
    assert coverage.next_start(offset) == min((piece.start for piece in kept if piece.start > offset), default=None)
    assert coverage.is_whole(coverage.stop) is (len(held) == coverage.stop)
    wanted = range(offset, offset + length)
    assert coverage.within(offset, offset + length) == sorted({held[n] for n in wanted if n in held})
    if any(n in held for n in wanted):
        with pytest.raises(ValueError, match="no place"):
            coverage.add(Piece(offset, offset + length))
    else:
        coverage.add(Piece(offset, offset + length))
        assert coverage.bytes == len(held) + length
