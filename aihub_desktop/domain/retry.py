"""Whether to try again, and when. Looks at the problem and at what was tried, at nothing else.

An attempt counts only while nothing new became durable: a bad line that moves arrives in the end.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.settings import Settings


class Verdict(StrEnum):
    """What becomes of a file that met a problem."""

    AGAIN = "again"
    FAIL = "fail"  # this file; the others go on
    ASK = "ask"  # the whole transfer waits for the user


class Ruling(msgspec.Struct, frozen=True):
    """`delay` in seconds, for AGAIN."""

    verdict: Verdict
    delay: float = 0.0


# The line or the hub is away: this heals by itself, so only the user's patience ends it.
ENDLESS: Final = frozenset(
    {Code.UNREACHABLE, Code.CUT, Code.STALLED, Code.HUB_BUSY, Code.SERVER_BUSY, Code.WORKER_LOST}
)

# All that was received of the file is worth nothing: it is begun anew. Such tries are counted apart, for on the
# way to the next one bytes become durable again.
DROPPING: Final = frozenset({Code.CHANGED, Code.OVERLAPPING, Code.BAD_ARCHIVE, Code.WRONG_CHECKSUM})

# Each try of these costs the whole file, and the same request is likely to bring the same answer.
FEW_TRIES: Final[dict[Code, int]] = {
    Code.BAD_ARCHIVE: 3,
    Code.WRONG_CHECKSUM: 3,
    Code.WRONG_ANSWER: 4,
    Code.WRONG_SIZE: 3,
    Code.OVERLAPPING: 3,
    Code.MISPLACED: 3,
    Code.SHORT: 4,
    Code.MISSING_MEMBER: 4,
    Code.CHANGED: 5,
}
TRIES: Final = 8

# The transfer cannot go on until something on this machine is put right.
_HERE: Final = frozenset(
    {
        Code.DISK_FULL,
        Code.NO_ROOM,
        Code.NOT_WRITABLE,
        Code.DISK_ERROR,
        Code.TARGET_MISSING,
        Code.DRIVE_MISSING,
        Code.KEYCHAIN_LOCKED,
        Code.KEYCHAIN_NONE,
    }
)

_JITTER: Final = 0.3  # of the delay, so that many clients do not come back together
_LONGEST_ASKED: Final = 3600  # seconds: whatever the hub asks for, a file does not wait a day for it


def rule(problem: Problem, attempts: int, settings: Settings, dice: float) -> Ruling:
    """What follows from `problem` after `attempts` tries that brought nothing new (or, of DROPPING, all of them).

    `attempts` counts this one too, from 1. `dice` in [0, 1) spreads the delays. The fact "retry_after", in
    seconds, is waited for in full, up to an hour.
    """
    if problem.fault is Fault.DENIED or problem.code in _HERE:
        return Ruling(Verdict.ASK)
    if problem.fault in (Fault.GONE, Fault.LOCAL, Fault.BUG):
        return Ruling(Verdict.FAIL)
    if problem.code not in ENDLESS and attempts >= FEW_TRIES.get(problem.code, TRIES):
        return Ruling(Verdict.FAIL)
    if problem.code is Code.CHANGED:
        return Ruling(Verdict.AGAIN)
    delay = min(settings.backoff_first * 2 ** min(attempts - 1, 20), settings.backoff_longest)
    return Ruling(Verdict.AGAIN, max(delay * (1 - _JITTER * dice), _asked(problem) * (1 + _JITTER * dice)))


def _asked(problem: Problem) -> float:
    """How long the hub asks to wait, in seconds; a date, which this header may hold too, counts as nothing."""
    text = str(problem.facts.get("retry_after", "")).strip()
    return min(float(text), _LONGEST_ASKED) if text.isascii() and text.isdigit() else 0.0
