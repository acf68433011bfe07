"""What a problem means for a file: again, and when; failed; or only the user can tell. Pure."""

from __future__ import annotations

import random
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.leases import FileReach
from aihub_desktop.domain.model import WEB
from aihub_desktop.domain.retry import DROPPING, Ruling, Verdict, rule
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.records import Book, FileRecord, LeaseRecord, Moment

# Problems of one file that would fail all the files asked for with it: they are asked for apart first.
_ONE_SPOILS_ALL: Final = frozenset({Code.HOSTILE_MEMBER, Code.UNKNOWN_FILE, Code.FILE_TOO_LARGE})
# The place has other bytes than when it was listed: the next try is for those that it has now.
_OF_AN_OLD_LIST: Final = frozenset({Code.CHANGED, Code.WRONG_SIZE})
# A stream that is this part of what it has to pass by further than any before it is clearly further.
_CLEARLY: Final = 50
# One stream that flows may be under way for longer than the patience: it alone says nothing yet.
_FLOWING_TRIES: Final = 3


class Court:
    """Attempts count only while nothing moves. `patience`: seconds without any movement after which nothing is
    tried again; None for ever. A new durable byte is movement, and so is a stream that gets further than any
    before it through what is on disk already.
    """

    def __init__(self, book: Book, dice: random.Random, patience: float | None) -> None:
        self._book = book
        self._dice = dice
        self._patience = patience
        self._moved_at: float | None = None

    def begins(self, now: Moment) -> None:
        """Something is to be done: patience is counted from here at the earliest."""
        if self._moved_at is None:
            self._moved_at = now.steady

    def moves(self, lease: LeaseRecord, now: Moment) -> None:
        lease.moved, self._moved_at = True, now.steady

    def passes(self, lease: LeaseRecord, file: FileRecord, reach: FileReach, now: Moment) -> None:
        """Hours may go by before the first new byte: a stream that gets clearly further than any before it is on
        its way, though nothing new is durable yet.
        """
        if reach.bytes <= file.repeat and reach.again > file.passed + file.repeat // _CLEARLY:
            self._book.set_file(file, passed=reach.again, attempts=0)
            self.moves(lease, now)

    def judge(
        self, file: FileRecord, problem: Problem, now: Moment, settings: Settings, lease: LeaseRecord | None
    ) -> bool:
        """Moves the file on; True where its transfer has to wait for the user.

        `lease`: the one that ended with this problem, where it is not the file's own.
        """
        if problem.code is Code.BUG:
            problem = Problem(Code.BUG, {**problem.facts, "name": file.place})
        if problem.code in _OF_AN_OLD_LIST:
            self._book.set_file(file, remote=file.remote.as_it_is_now())
        together = lease is not None and len(lease.held) > 1
        # Where others of the same request moved, this one has not had its turn yet.
        attempts = file.attempts + (0 if lease and together and lease.moved else 1)
        tries = file.drops if problem.code in DROPPING else max(1, attempts)
        ruling = rule(problem, tries, settings, self._dice.random())
        bundle = max(1, file.bundle // 2)
        if together and problem.code in _ONE_SPOILS_ALL:
            ruling, bundle = Ruling(Verdict.AGAIN), 1
        if problem.code is Code.NO_ACCESS and file.remote.source == WEB:
            ruling = Ruling(Verdict.FAIL)  # each address has an owner of its own: the others may well be open
        if ruling.verdict is Verdict.ASK:
            self._back_to_waiting(file, problem)
            return True
        flowed = lease is None or lease.received > 0
        if ruling.verdict is Verdict.FAIL or self._out_of_patience(attempts if flowed else _FLOWING_TRIES, now):
            self._book.set_file(
                file, state=FileState.FAILED, problem=problem, attempts=attempts, next_try=None, due=0.0
            )
        else:
            delay = self._within_patience(ruling.delay, now)
            due = (now.steady + delay, now.wall + delay) if delay > 0 else (0.0, None)
            self._back_to_waiting(file, problem, due=due[0], next_try=due[1], attempts=attempts, bundle=bundle)
        return False

    def _back_to_waiting(self, file: FileRecord, problem: Problem, **more: object) -> None:
        whole = file.state is FileState.CHECKING and problem.fault is Fault.LOCAL
        state = FileState.CHECKING if whole else FileState.WAITING
        self._book.set_file(file, state=state, problem=problem, **more)

    def _out_of_patience(self, attempts: int, now: Moment) -> bool:
        if self._patience is None or attempts < _FLOWING_TRIES:
            return False
        return now.steady - (self._moved_at or now.steady) >= self._patience

    def _within_patience(self, delay: float, now: Moment) -> float:
        if self._patience is None:
            return delay
        return min(delay, max(0.05, (self._moved_at or now.steady) + self._patience - now.steady))
