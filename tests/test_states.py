"""The tables of moves: closed, with a way out of everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest

from aihub_desktop.domain.states import (
    FILE_ENDED,
    FILE_MOVES,
    FILE_RUNNING,
    TRANSFER_ENDED,
    TRANSFER_MAY_RUN,
    TRANSFER_MOVES,
    FileState,
    ForbiddenMoveError,
    TransferState,
    move_file,
    move_transfer,
)

S = TypeVar("S", FileState, TransferState)


def reach(moves: Mapping[S, frozenset[S]], start: S) -> set[S]:
    """Every state that can follow `start`, itself among them."""
    found, fresh = {start}, [start]
    while fresh:
        fresh = [state for state in moves[fresh.pop()] if state not in found] + fresh
        found.update(fresh)
    return found


def test_the_tables_know_every_state_and_no_other() -> None:
    assert set(FILE_MOVES) == set(FileState)
    assert set(TRANSFER_MOVES) == set(TransferState)
    assert frozenset().union(*FILE_MOVES.values()) <= set(FileState)
    assert frozenset().union(*TRANSFER_MOVES.values()) <= set(TransferState)


def test_no_table_lists_staying_as_a_move() -> None:
    assert not [state for state, moves in FILE_MOVES.items() if state in moves]
    assert not [state for state, moves in TRANSFER_MOVES.items() if state in moves]


@pytest.mark.parametrize("state", FileState)
def test_every_state_of_a_file_can_reach_every_end_and_begin_again(state: FileState) -> None:
    assert reach(FILE_MOVES, state) >= FILE_ENDED | {FileState.WAITING}


@pytest.mark.parametrize("state", TransferState)
def test_every_state_of_a_transfer_can_reach_every_end_and_begin_again(state: TransferState) -> None:
    assert reach(TRANSFER_MOVES, state) >= TRANSFER_ENDED | {TransferState.QUEUED}


@pytest.mark.parametrize("state", sorted(set(FileState) - FILE_ENDED))
def test_a_file_under_way_can_fail_or_be_left_out_at_once(state: FileState) -> None:
    assert {FileState.FAILED, FileState.SKIPPED} <= FILE_MOVES[state]


@pytest.mark.parametrize("state", sorted(set(TransferState) - TRANSFER_ENDED))
def test_a_transfer_under_way_can_be_cancelled_at_once(state: TransferState) -> None:
    assert TransferState.CANCELLED in TRANSFER_MOVES[state]


@pytest.mark.parametrize("old", FileState)
@pytest.mark.parametrize("new", FileState)
def test_a_file_moves_by_its_table_only(old: FileState, new: FileState) -> None:
    if new == old or new in FILE_MOVES[old]:
        assert move_file(old, new) is new
    else:
        with pytest.raises(ForbiddenMoveError, match=f"{old} → {new}"):
            move_file(old, new)


@pytest.mark.parametrize("old", TransferState)
@pytest.mark.parametrize("new", TransferState)
def test_a_transfer_moves_by_its_table_only(old: TransferState, new: TransferState) -> None:
    if new == old or new in TRANSFER_MOVES[old]:
        assert move_transfer(old, new) is new
    else:
        with pytest.raises(ForbiddenMoveError, match=f"{old} → {new}"):
            move_transfer(old, new)


def test_what_has_ended_runs_only_after_it_has_waited() -> None:
    assert not [pair for pair in ((a, b) for a in FILE_ENDED for b in FILE_MOVES[a]) if pair[1] in FILE_RUNNING]
    assert not [a for a in TRANSFER_ENDED if TransferState.RUNNING in TRANSFER_MOVES[a]]


def test_what_was_held_up_runs_only_after_it_has_queued() -> None:
    for state in (TransferState.PAUSED, TransferState.NEEDS_USER):
        assert TransferState.QUEUED in TRANSFER_MOVES[state]
        assert TransferState.RUNNING not in TRANSFER_MOVES[state]


def test_a_file_is_done_without_its_check_only_where_nothing_was_fetched() -> None:
    assert FileState.DONE not in FILE_MOVES[FileState.FETCHING]


def test_the_groups_do_not_overlap() -> None:
    assert not FILE_ENDED & FILE_RUNNING
    assert set(FileState) - FILE_ENDED - FILE_RUNNING == {FileState.WAITING}
    assert not TRANSFER_ENDED & TRANSFER_MAY_RUN
    assert set(TransferState) - TRANSFER_ENDED - TRANSFER_MAY_RUN == {TransferState.PAUSED, TransferState.NEEDS_USER}
