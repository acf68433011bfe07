"""What a person sees while files come: a picture on a terminal, a line now and then in a log."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.lines import Lines
from aihub_desktop.cli.tally import Tally


class Display(Protocol):
    """Where the run is shown, between `with` and its end."""

    def show(self, tally: Tally) -> None:
        """Called often; shows as often as suits it."""
        ...

    def tell(self, text: str) -> None:
        """A message that stays."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def display(console: Console) -> Display:
    if not console.watched:
        return Lines(console)
    from aihub_desktop.cli.picture import Picture  # noqa: PLC0415 - what draws it is slow to load

    return Picture(console.words)
