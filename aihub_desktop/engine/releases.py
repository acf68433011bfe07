"""Asks for the project's newest version: one request that says nothing of who asks."""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.releases import Release, release_of
from aihub_desktop.sources.connection import Connections, read_whole
from aihub_desktop.sources.hosts import plain_host

_AGENT: Final = "aihub-desktop"  # without the version, which every other request has
_SECONDS: Final = 20.0
_LONGEST: Final = 64 << 10


def newest(address: str) -> Release:
    """What the document at `address` tells. Raises `ProblemError`: UNREACHABLE, TLS_UNTRUSTED, CUT, SERVER_ERROR,
    WRONG_ANSWER for what is no release or too long for one.
    """
    connections = Connections(_AGENT, _SECONDS, header_timeout=_SECONDS)
    host = plain_host(address)
    try:
        answer = read_whole(connections.open(address), _LONGEST, _SECONDS)
        if answer.status != 200:
            raise ProblemError(Code.SERVER_ERROR, status=answer.status, host=host)
        return release_of(answer.body, address)
    except ValueError:
        raise ProblemError(Code.WRONG_ANSWER, why="no-release", host=host) from None
    except ProblemError as error:
        if error.problem.code is Code.BAD_ANSWER:  # its words are about the hub
            raise ProblemError(Code.WRONG_ANSWER, why="too-long", host=host) from None
        raise
