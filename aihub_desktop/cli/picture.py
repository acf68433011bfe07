"""The picture of a run on a terminal: bars that move in place, the whole above, what comes now below it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.cells import cell_len
from rich.console import Console as Terminal
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aihub_desktop.cli.console import cut_to
from aihub_desktop.cli.lines import summary
from aihub_desktop.cli.tally import Tally
from aihub_desktop.domain.messages import FileRow
from aihub_desktop.domain.states import FileState
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

_PICTURE_SECONDS: Final = 0.25


class Picture:
    """`progress.Display` of bars. Drawn by the run's own thread: nothing of rich runs beside it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._terminal = Terminal(file=sys.stderr, highlight=False, soft_wrap=False)
        self._live = Live(
            console=self._terminal,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._next = 0.0

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PICTURE_SECONDS
            self._live.update(picture(self._words, tally, *self._terminal.size), refresh=True)

    def tell(self, text: str) -> None:
        self._terminal.print(Text(text))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


def picture(words: Words, tally: Tally, width: int, height: int) -> RenderableType:
    """The run in `width` columns and at most `height` lines."""
    size, unknown = tally.total
    # Of the small files of one request most wait for their turn in the stream: only what has begun is a row.
    running = [row for row in tally.running() if tally.reached(row) or row.state is not FileState.FETCHING]
    room = max(1, height - 4)
    columns = min(12, width // 6)
    whole = Table.grid()
    whole.add_row(_bar(tally.bytes, None if unknown else (size.low + size.high) / 2, max(4, width - 1)))
    rows = Table.grid(padding=(0, 1))
    for _ in range(3):
        rows.add_column(no_wrap=True, overflow="ellipsis")
    for row in running[:room]:
        # On the narrowest terminals the name says more than the numbers.
        note = _note(words, tally, row) if width >= 48 else ""
        name = cut_to(row.place.rpartition("/")[2], max(4, width - columns - cell_len(note) - 3))
        rows.add_row(_bar(tally.reached(row), _end(row), columns), Text(name), Text(note, style="dim"))
    line = Text(summary(words, tally), overflow="ellipsis", no_wrap=True)
    parts: list[RenderableType] = [whole, line, rows]
    if len(running) > room:
        more = words.say("cli.get.more", n=len(running) - room)
        parts.append(Text(more, style="dim", overflow="ellipsis", no_wrap=True))
    return Group(*parts)


def _bar(bytes_there: int, total: float | None, columns: int) -> ProgressBar:
    """`total` None: nobody knows, so the bar moves without an end."""
    if total is None:
        return ProgressBar(total=None, width=columns)
    return ProgressBar(total=max(total, 1), completed=min(bytes_there, max(total, 1)), width=columns)


def _end(row: FileRow) -> float | None:
    if row.size is not None:
        return row.size
    return None if row.file.size.is_unknown else (row.file.size.low + row.file.size.high) / 2


def _note(words: Words, tally: Tally, row: FileRow) -> str:
    if row.state is FileState.CHECKING:
        return words.say("cli.get.checking")
    if repeated := tally.repeat_of(row):
        return pace.again(words, *repeated, row.problem)
    return f"{words.size(tally.reached(row))} · {words.speed(tally.rate_of(row))}"
