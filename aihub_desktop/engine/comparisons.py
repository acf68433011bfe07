"""How a folder stands to files that it is to have, before anything is fetched.

Compare ──→ Compared        Compare, ready ──→ what is broken may be replaced ──→ Compared, and then Add
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Problem, ProblemError
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.holdings.balance import Balance, balance, make_ready
from aihub_desktop.holdings.looking import Seen

Reply = Callable[[Any, Problem | None], None]
Run = Callable[[str, Callable[[], Any], Reply], None]


class Comparisons:
    """Lives on the engine's loop. `must_rest` raises where somebody is at work in a folder; `expect` hears of files
    that come again.
    """

    def __init__(
        self, run: Run, must_rest: Callable[[str], None], expect: Callable[[str, Iterable[Seen]], None]
    ) -> None:
        self._run, self._must_rest, self._expect = run, must_rest, expect

    def begin(self, folder: str, command: m.Compare, reply: Reply) -> None:
        """Replies with `Compared`, or with what the disk says of the folder."""

        def weighed(found: Balance | None, problem: Problem | None) -> None:
            if found is None:
                reply(None, problem)
            elif command.ready and (found.broken or found.touched):
                self._make_ready(folder, command.files, found, reply)
            else:
                reply(m.Compared(standings(command.files, found)), None)

        self._run(folder, partial(balance, folder, command.files, remember=False, read=False), weighed)

    def _make_ready(self, folder: str, files: Sequence[RemoteFile], found: Balance, reply: Reply) -> None:
        def ready(_: int | None, problem: Problem | None) -> None:
            if problem is None:
                self._expect(folder, [one for one, _ in found.broken])
            reply(None if problem else m.Compared(standings(files, found)), problem)

        try:
            self._must_rest(folder)
        except ProblemError as error:
            reply(None, error.problem)
        else:
            self._run(folder, partial(make_ready, folder, found), ready)


def standings(files: Iterable[RemoteFile], found: Balance) -> list[Standing]:
    """Of each of `files`, which were weighed for `found`."""
    named = {id(file): Standing.MISSING for file in found.wanting}
    older = {id(file) for file in found.replacing}
    named |= dict.fromkeys(older, Standing.OLDER)
    named |= {id(file): Standing.BROKEN for _, file in found.broken}
    named |= {id(file): Standing.UNPROVED for file in found.unproved}
    return [named.get(id(file), Standing.THERE) for file in files]
