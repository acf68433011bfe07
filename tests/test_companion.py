"""Work that is handed over: in its order, beside each other, never too far behind, and heard of where it fails."""

from __future__ import annotations

import random
import threading
import time
from functools import partial

import pytest

from aihub_desktop.archives.companion import Companion, Job

SEED = 20261127
DEADLINE = 20.0


def test_it_is_a_little_behind_at_most() -> None:
    companion, go_on = Companion(2), threading.Semaphore(0)
    done: list[int] = []

    def act(number: int) -> None:
        assert go_on.acquire(timeout=DEADLINE)
        done.append(number)

    for number in range(2):
        companion.begin(Job(partial(act, number), "one line"))
        assert companion.turn(1) == 0
    assert done == []
    assert companion.is_behind
    go_on.release()
    assert companion.turn(1) == 1  # a turn in which nothing was begun counts as well
    assert done == [0]
    go_on.release()
    companion.join()
    assert done == [0, 1]
    assert not companion.is_behind
    assert companion.turn(0) == 3
    companion.stop()


def test_what_fails_is_heard_of_and_the_rest_is_done() -> None:
    companion, done = Companion(100), threading.Event()
    companion.begin(Job(partial(int, "x")))  # type: ignore[arg-type]
    companion.begin(Job(done.set))
    with pytest.raises(ValueError, match="invalid literal"):
        companion.join()
    with pytest.raises(ValueError, match="invalid literal"):
        companion.turn(1)
    companion.stop()
    assert done.is_set()


@pytest.mark.parametrize("hands", [1, 2, 5])
def test_every_line_keeps_its_order_and_a_turn_is_over_with_all_that_came_of_it(hands: int) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    companion = Companion(20, hands)
    done: dict[int, list[int]] = {line: [] for line in range(4)}
    turns: list[list[tuple[int, int]]] = []
    over = 0

    def act(line: int, number: int) -> None:
        time.sleep(0)  # another hand may come first, if it can
        done[line].append(number)

    def tell(jobs: list[Job]) -> list[Job]:
        return jobs

    for _ in range(300):
        begun = [(rng.randrange(4), rng.randrange(10**6)) for _ in range(rng.randrange(5))]
        jobs = [Job(partial(act, *one), one[0]) for one in begun]
        # All are told of by one job, in a line of its own as the reader of a zip is.
        companion.begin(Job(partial(tell, jobs), tell))
        turns.append(begun)
        over += companion.turn(1)
        assert over >= len(turns) - 20
        for line, number in (one for turn in turns[:over] for one in turn):
            assert number in done[line]
    companion.join()
    companion.stop()
    assert done == {line: [number for turn in turns for at, number in turn if at == line] for line in range(4)}


def test_other_lines_go_on_while_one_is_held_up() -> None:
    companion, go_on, beside = Companion(10, 2), threading.Event(), threading.Event()
    companion.begin(Job(partial(_wait, go_on), "slow"))
    for _ in range(3):
        companion.begin(Job(partial(_wait, go_on), "slow"))
    companion.begin(Job(beside.set))
    assert beside.wait(DEADLINE)
    go_on.set()
    companion.join()
    companion.stop()


def test_no_more_hands_than_work_and_none_is_left() -> None:
    before = threading.active_count()
    companion = Companion(10, 8)
    for _ in range(20):
        companion.begin(Job(lambda: None, "one line"))
        companion.join()
    assert threading.active_count() <= before + 1
    companion.stop()
    assert threading.active_count() <= before


def _wait(event: threading.Event) -> None:
    assert event.wait(DEADLINE)
