"""The head of an answer on a connection that is kept: status and header lines. Pure.

llhttp (by httptools) parses; h11 takes ten times as long for a header, which decides where files are small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import httptools

from aihub_desktop.domain.faults import Code, ProblemError

LONGEST: Final = 64 << 10
_END: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Head:
    """`headers` have lower-case names; lines of the same name are joined by ", ". `keeps`: the connection may stay."""

    status: int
    headers: dict[str, str]
    keeps: bool


class _Lines:
    """What llhttp calls back."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.keeps = False
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        # Later it has forgotten what it saw, where no body follows.
        self.keeps = self.parser.should_keep_alive()


def split_head(data: bytes | bytearray) -> int | None:
    """Where the body begins in what has come; None while the head has not come whole.

    Raises `ProblemError` UNREACHABLE (why "not-http") for a head without an end.
    """
    found = _END.search(data)
    if found is not None:
        return found.end()
    if len(data) > LONGEST:
        raise ProblemError(Code.UNREACHABLE, why="not-http", host="")
    return None


def read_head(data: bytes) -> Head:
    """The head that these bytes are, its empty line included. Raises `ProblemError` UNREACHABLE (why "not-http")."""
    lines = _Lines()
    try:
        lines.parser.feed_data(data)
        if status := lines.parser.get_status_code():
            return Head(status, lines.headers, lines.keeps)
        raise httptools.HttpParserError
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        # `from None`: its text may repeat what a server sent.
        raise ProblemError(Code.UNREACHABLE, why="not-http", host="") from None
