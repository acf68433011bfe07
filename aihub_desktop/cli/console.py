"""What a run says, and where: data to stdout, messages to stderr, and neither decides the exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import IO, Any, Final

import msgspec

from aihub_desktop.cli.terminal import is_terminal
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.names import as_typed
from aihub_desktop.system.words import Fact, Words

_YES: Final = ("y", "yes", "예", "네", "ㅇ", "ㅛ")


class Console:
    """The two streams of a run, in one language. A reader that goes away is no error: what follows is unsaid."""

    def __init__(self, words: Words) -> None:
        self.words = words
        for stream in (sys.stdout, sys.stderr):
            # A console of code page 949 cannot show every name of the hub; "\\xb7" beats a traceback.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
                if sys.platform == "win32" and _is_western(stream):
                    stream.reconfigure(encoding="utf-8")

    @property
    def watched(self) -> bool:
        """Whether a person sees stderr as it comes."""
        return is_terminal(sys.stderr)

    def data(self, text: str) -> None:
        """A line of what was asked for."""
        _write(sys.stdout, text)

    def record(self, **fields: Any) -> None:
        """A line of JSON: UTF-8 whatever the console's encoding, with every sign as itself, and paths as one types
        them.
        """
        self.records([{name: as_typed(value) if isinstance(value, str) else value for name, value in fields.items()}])

    def records(self, records: Iterable[Mapping[str, Any]]) -> None:
        """A few such lines, in one write: with small files one for each would be what costs."""
        _write_bytes(sys.stdout, b"\n".join([msgspec.json.encode(fields) for fields in records]))

    def tell(self, text: str) -> None:
        """A message."""
        _write(sys.stderr, text)

    def say(self, key: str, **facts: Fact) -> None:
        """A message of the catalogue."""
        self.tell(self.words.say(key, **facts))

    def note(self, key: str, **facts: Fact) -> None:
        self.say("cli.note", text=self.words.say(key, **facts))

    def problem(self, problem: Problem) -> None:
        """What went wrong, and what to do about it."""
        told = self.words.problem(problem)
        self.say("cli.error", title=told.title)
        self.tell(told.advice)

    @property
    def can_ask(self) -> bool:
        """Whether there is a person who can answer."""
        return is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def agrees(self) -> bool:
        """Whether a person says yes to what was asked last; without anybody to ask, never."""
        return self.can_ask and sys.stdin.readline().strip().casefold() in _YES

    def can_show(self, text: str) -> bool:
        """Whether stdout has these signs."""
        try:
            text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return True


def _is_western(stream: io.TextIOWrapper) -> bool:
    """Whether a file or a pipe would lose every Korean sign: on a western Windows, if nobody says how."""
    # A frozen program does not do as Python's own variables say.
    if is_terminal(stream) or (os.environ.get("PYTHONIOENCODING") and not getattr(sys, "frozen", False)):
        return False
    try:
        "가".encode(stream.encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def hush() -> None:
    """At the very end: what a closed pipe did not take must not be said by the interpreter's own last flush."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            _close(stream)


def width(text: str) -> int:
    """Columns that `text` takes in a terminal: Korean and Chinese signs take two, marks on a sign none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def padded(text: str, columns: int) -> str:
    """`text` with blanks on its right up to `columns`."""
    return text + " " * max(0, columns - width(text))


def plain(text: str) -> str:
    """A text from outside, without signs that a terminal would obey."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def cut_to(text: str, columns: int) -> str:
    """`text` without its middle where it is too wide: both ends of a path tell it from others."""
    if width(text) <= columns:
        return text
    head, tail = "", ""
    left = columns - 1
    for place in range(len(text)):
        for_tail = place % 3 != 0  # the end, which holds the name, gets two thirds
        sign = text[-1 - len(tail)] if for_tail else text[len(head)]
        if width(sign) > left:
            break
        left -= width(sign)
        head, tail = (head, sign + tail) if for_tail else (head + sign, tail)
    return f"{head}…{tail}"


def _write(stream: IO[str] | None, text: str) -> None:
    if stream is None:
        return
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError:
        _close(stream)
    except ValueError:
        pass  # closed before


def _write_bytes(stream: IO[str] | None, line: bytes) -> None:
    raw = getattr(stream, "buffer", None)
    if stream is None or raw is None:
        _write(stream, line.decode())
        return
    try:
        stream.flush()
        raw.write(line + b"\n")
        raw.flush()
    except OSError:
        _close(stream)
    except ValueError:
        pass  # closed before


def _close(stream: IO[str]) -> None:
    """From now on `stream` leads nowhere, quietly."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
