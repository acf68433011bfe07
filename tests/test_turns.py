"""Whose turn it is: moves in a list, and the room between ranks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.turns import GAP, Priority, moved, turn

MOVES = st.lists(st.tuples(st.lists(st.integers(1, 8), unique=True, max_size=4), st.none() | st.integers(1, 8)))


def listed(ranks: dict[int, int]) -> list[int]:
    return sorted(ranks, key=lambda key: (ranks[key], key))


def placed(order: list[int], keys: list[int], before: int | None) -> list[int]:
    """What a person expects."""
    tail = order[order.index(before) :] if before is not None else []
    head = [key for key in order if key not in tail]
    return [key for key in head if key not in keys] + keys + [key for key in tail if key not in keys]


@given(MOVES)
def test_any_moves_leave_the_order_that_a_person_expects(moves: list[tuple[list[int], int | None]]) -> None:
    ranks = {key: key * GAP for key in range(1, 9)}
    order = listed(ranks)
    for keys, before in moves:
        ranks |= moved(ranks, keys, before)
        order = placed(order, keys, before)
        assert listed(ranks) == order


@given(MOVES)
def test_a_unit_stays_together_wherever_anything_is_put(moves: list[tuple[list[int], int | None]]) -> None:
    ranks = {key: key * GAP for key in range(1, 9)}
    units = {key: unit for unit in ((2, 3, 4), (7, 8)) for key in unit}
    for keys, before in moves:
        ranks |= moved(ranks, keys, before, units)
        order = listed(ranks)
        assert sorted(order) == list(range(1, 9))
        text = " ".join(map(str, order))
        assert "2 3 4" in text, text
        assert "7 8" in text, text


def test_what_comes_to_stand_within_a_unit_passes_it() -> None:
    ranks, units = {key: key * GAP for key in range(1, 7)}, dict.fromkeys((3, 4), (3, 4))

    def order(keys: list[int], before: int | None) -> list[int]:
        return listed(ranks | moved(ranks, keys, before, units))

    assert order([2], 4) == [1, 3, 4, 2, 5, 6], "from above"
    assert order([5], 4) == [1, 2, 5, 3, 4, 6], "from below"
    assert order([4], 1) == [3, 4, 1, 2, 5, 6], "one takes the other along"
    assert order([6, 4], 1) == [6, 3, 4, 1, 2, 5]


def test_a_move_changes_the_rank_of_what_is_moved_alone() -> None:
    ranks = {key: key * GAP for key in range(1, 6)}
    assert moved(ranks, [5], 1).keys() == {5}
    assert moved(ranks, [1, 3], None).keys() == {1, 3}
    assert moved(ranks, [], 1) == {}


def test_where_no_room_is_left_everything_is_numbered_anew() -> None:
    ranks = {1: GAP, 2: 2 * GAP, 3: 3 * GAP}
    renumbered = 0
    for turn_ in range(200):
        # Always between the same two.
        new = moved(ranks, [listed(ranks)[-1]], listed(ranks)[1])
        renumbered += len(new) == 3
        ranks |= new
        assert len(set(ranks.values())) == 3, turn_
    assert 0 < renumbered < 20
    assert all(abs(rank) < 1 << 62 for rank in ranks.values())


def test_always_to_the_top_never_runs_out_of_numbers_that_a_queue_can_hold() -> None:
    ranks = {1: GAP, 2: 2 * GAP}
    for _ in range(1000):
        ranks |= moved(ranks, [listed(ranks)[-1]], listed(ranks)[0])
    assert all(abs(rank) < 1 << 62 for rank in ranks.values())
    far = {1: -(1 << 62) + GAP, 2: 0}
    assert moved(far, [2], 1) == {2: GAP, 1: 2 * GAP}, "numbered anew"


def test_priority_goes_before_rank_and_rank_before_number() -> None:
    turns = [
        turn(Priority.HIGH, 9, 9), turn(Priority.NORMAL, -5, 9), turn(Priority.NORMAL, 1, 1),
        turn(Priority.NORMAL, 1, 2), turn(Priority.LOW, -9, 1),
    ]  # fmt: skip
    assert turns == sorted(turns)
