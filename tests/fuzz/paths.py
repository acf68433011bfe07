"""Which ways through a module a run took: pairs of lines that followed one another, and about how often."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any, Final

_LINE_BITS: Final = 20
_COUNT_BITS: Final = 6
_WITHIN: Final = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")

_Trace = Callable[[FrameType, str, Any], Any]


class Paths:
    """Only code of the given modules is watched: what else runs is about as fast as ever."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._files = {module.__file__ for module in modules}
        self._numbers: dict[int, int] = {}  # by the id of a code object, 0 for code of others
        self._codes: list[CodeType] = []  # kept, so that no id is given twice
        self._all: set[int] = set()
        self._run: dict[int, int] = {}  # how often each pair was gone

    def __len__(self) -> int:
        return len(self._all)

    def follow(self, run: Callable[[], None]) -> None:
        """Raises what the run raises."""
        self._run = {}
        sys.settrace(self._enter)
        try:
            run()
        finally:
            sys.settrace(None)

    def took_new(self) -> bool:
        """Whether the last run went ways that no run before has gone. True once."""
        before = len(self._all)
        # Once, twice, up to four times, up to eight, …: a loop that goes round once more is nothing new.
        self._all.update(pair << _COUNT_BITS | (count - 1).bit_length() for pair, count in self._run.items())
        return len(self._all) > before

    def _enter(self, frame: FrameType, event: str, argument: Any) -> _Trace | None:
        del event, argument
        number = self._numbers.get(id(frame.f_code))
        if number is None:
            number = self._number(frame.f_code)
        return self._tracer(number) if number else None

    def _number(self, code: CodeType) -> int:
        self._codes.append(code)
        # A line for each sign of a text would be most of the work, and says nothing.
        is_watched = code.co_filename in self._files and code.co_name not in _WITHIN
        number = len(self._codes) if is_watched else 0
        self._numbers[id(code)] = number
        return number

    def _tracer(self, number: int) -> _Trace:
        taken, head, last = self._run, number << 2 * _LINE_BITS, 0

        def step(frame: FrameType, event: str, argument: Any) -> _Trace:
            nonlocal last
            del event, argument
            line = frame.f_lineno
            pair = head | last << _LINE_BITS | line
            taken[pair] = taken.get(pair, 0) + 1
            last = line
            return step

        return step
