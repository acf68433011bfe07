"""A placeholder."""

from __future__ import annotations

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.storage import S3Place


class S3:
    """A placeholder: nobody is there."""

    def __init__(self, place: S3Place, user_agent: str, connect_timeout: float = 20.0) -> None: ...

    def buckets(self) -> list[str]:
        raise ProblemError(Code.UNREACHABLE)

    def page(self, bucket: str, prefix: str = "", after: str = "") -> Shelf:
        raise ProblemError(Code.UNREACHABLE)

    def expand(self, bucket: str, prefixes: list[str], base: str = "") -> list[RemoteFile]:
        raise ProblemError(Code.UNREACHABLE)

    def close(self) -> None: ...
