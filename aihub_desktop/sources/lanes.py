"""One request for a range after another over a connection that is kept, each answer judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import S3, Checksum, RemoteFile
from aihub_desktop.sources.body import AnswerBody
from aihub_desktop.sources.kept import KeptLine
from aihub_desktop.sources.ranges import Extent, asked_headers, extent, unsatisfied_size
from aihub_desktop.sources.terms import LEARNS_AT_MOST, Terms

_PAGES: Final = (".html", ".htm", ".xhtml")


class LaneBody:
    """`place.Body` of a lane's answer. Closed at its clean end, its connection serves the next request."""

    def __init__(self, body: AnswerBody, line: KeptLine) -> None:
        self._body = body
        self._line = line

    def readinto(self, view: memoryview) -> int:
        return self._body.readinto(view)

    def shut(self) -> None:
        self._body.shut()

    def close(self) -> None:
        self._line.take_back(self._body)


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """`place.Opened`."""

    extent: Extent
    checksums: tuple[Checksum, ...]
    body: LaneBody

    @property
    def start(self) -> int:
        return self.extent.start

    @property
    def stop(self) -> int | None:
        return self.extent.stop

    @property
    def size(self) -> int | None:
        return self.extent.size

    @property
    def etag(self) -> str:
        return self.extent.etag

    @property
    def ranges(self) -> bool:
        return self.extent.ranges


class Ranges:
    """`place.RangePlace` of what `terms` tell of. Times in seconds, as `Connections` has them."""

    def __init__(
        self,
        terms: Terms,
        *,
        user_agent: str,
        connect_timeout: float,
        header_timeout: float = 60.0,
        tick: float = 1.0,
        direct: bool = False,
    ) -> None:
        self._terms = terms
        self._user_agent = user_agent
        self._times = (connect_timeout, header_timeout, tick)
        self._direct = direct

    def lane(self) -> RangeLane:
        return RangeLane(self._terms, self._user_agent, *self._times, direct=self._direct)

    def close(self) -> None:
        """Lanes are closed by those who use them."""


class RangeLane:
    """`place.Lane`. At most one answer at a time: the one before is closed first."""

    def __init__(
        self, terms: Terms, user_agent: str, connect_timeout: float, header_timeout: float, tick: float, *,
        direct: bool = False,
    ) -> None:  # fmt: skip
        self._terms = terms
        self._line = KeptLine(user_agent, connect_timeout, header_timeout, tick, direct=direct)

    def open(self, file: RemoteFile, start: int, stop: int | None, etag: str, *, mirror: int = 0) -> RangeAnswer:
        wanted = asked_headers(start, stop, etag, match=file.source == S3)
        for _ in range(LEARNS_AT_MOST + 1):
            status, headers, body = self._line.ask(*self._terms.request(file, mirror, wanted))
            if status in (200, 206):
                return self._judged(file, (start, stop, etag), status, headers, body)
            text = self._line.beginning(body)
            if status == 412:
                raise ProblemError(Code.CHANGED, why="validator")
            if status == 416:
                raise self._unsatisfied(headers, start)
            if not self._terms.learns(file, mirror, status, headers, text):
                raise self._terms.refusal(file, mirror, status, headers, text)
        raise ProblemError(Code.WRONG_ANSWER, why="redirects")

    def shut(self) -> None:
        self._line.shut()

    def close(self) -> None:
        self._line.close()

    # ---- what came ----

    def _judged(
        self,
        file: RemoteFile,
        asked: tuple[int, int | None, str],
        status: int,
        headers: Mapping[str, str],
        body: AnswerBody,
    ) -> RangeAnswer:
        try:
            found = extent(status, headers, *asked)
            if _is_page(file, headers):
                raise ProblemError(Code.WRONG_ANSWER, why="page", status=status)
            checksums = self._terms.checksums(headers)
        except ProblemError:
            self._line.take_back(body, keeps=False)
            raise
        return RangeAnswer(found, checksums, LaneBody(body, self._line))

    @staticmethod
    def _unsatisfied(headers: Mapping[str, str], start: int) -> ProblemError:
        """A range beyond the end: the file is another, shorter one than was asked for."""
        size = unsatisfied_size(headers)
        if size is not None and start < size:
            # By its own word it could have been had: nothing that was received is worth less for that.
            return ProblemError(Code.WRONG_ANSWER, why="range", status=416)
        return ProblemError(Code.CHANGED, why="size", **({} if size is None else {"size": size}))


def _is_page(file: RemoteFile, headers: Mapping[str, str]) -> bool:
    """A login page, or an error that says that all is well: HTML where a file of another kind is asked for."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    attached = headers.get("content-disposition", "").lower().startswith("attachment")
    return kind in ("text/html", "application/xhtml+xml") and not attached and not file.path.lower().endswith(_PAGES)
