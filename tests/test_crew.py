"""How many hands work where the network is slow, and where this machine is."""

from __future__ import annotations

from aihub_desktop.transport.crew import ENOUGH, Crew

MANY = 4 * ENOUGH


def full(changes: list[int]) -> Crew:
    """A crew of which every hand works."""
    crew = Crew(MANY, lambda: changes.append(1))
    now = 0.0
    while crew.busy < min(MANY, crew.wanted):
        crew.opened(crew.busy, now)
        now += 0.01
    return crew


def test_hands_that_never_wait_for_the_network_are_no_more_than_cores() -> None:
    crew = full([])
    before = crew.wanted
    assert before > ENOUGH
    for number in range(ENOUGH):
        crew.drew(number, is_flooded=True)
    assert crew.wanted == before  # no more of them than cores: each may well have one
    crew.drew(ENOUGH, is_flooded=True)
    assert crew.wanted == ENOUGH


def test_one_that_waits_brings_the_others_back() -> None:
    crew = full([])
    before = crew.wanted
    for number in range(ENOUGH + 1):
        crew.drew(number, is_flooded=True)
    crew.drew(0, is_flooded=False)
    assert crew.wanted == before
