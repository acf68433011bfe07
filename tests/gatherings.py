"""Terms of a few lines, orders, and what a gathering told: ground for the tests of ranges."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tapes import News

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import AnyNews, Gather, Reached, WorkFile
from aihub_desktop.domain.model import UNKNOWN_SIZE, WEB, Checksum, Origin, PieceHashes, RemoteFile, SizeRange
from aihub_desktop.domain.names import safe_path
from aihub_desktop.domain.storage import WebPlace
from aihub_desktop.sources.lanes import Ranges
from aihub_desktop.transport.gather import Gathering

KIB: Final = 1 << 10
MIB: Final = 1 << 20
TICK: Final = 0.1
_CODES: Final = {404: Code.NOT_THERE, 403: Code.NO_ACCESS, 429: Code.SERVER_BUSY, 503: Code.SERVER_BUSY}


class PlainTerms:
    """`sources.terms.Terms` of a place that has nothing to be learned."""

    def __init__(self, *checksums: Checksum) -> None:
        self._checksums = checksums

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        assert file.origin is not None
        return file.origin.addresses[mirror % len(file.origin.addresses)], headers

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        return False

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        code = _CODES.get(status, Code.SERVER_ERROR)
        return ProblemError(code, status=status, retry_after=headers.get("retry-after", ""))

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        return self._checksums


def remote(
    *addresses: str,
    size: int | None = None,
    name: str = "",
    etag: str = "",
    checksums: Iterable[Checksum] = (),
    pieces: PieceHashes | None = None,
) -> RemoteFile:
    """A file of these addresses; `size` None: not known beforehand."""
    shown = UNKNOWN_SIZE if size is None else SizeRange.exactly(size)
    origin = Origin(addresses, etag, tuple(checksums), pieces)
    path = name or addresses[0].partition("://")[2].partition("/")[2]
    # Without the port: the same file of the same server, started once more.
    return RemoteFile(WEB, "", f"http://127.0.0.1/{path}", path, shown, origin=origin)


def works(files: Iterable[RemoteFile]) -> list[WorkFile]:
    return [WorkFile(number, file, str(safe_path(file.path))) for number, file in enumerate(files, 1)]


def gather(folder: Path, files: Iterable[RemoteFile], **changes: Any) -> Gather:
    settings: dict[str, Any] = {
        "lease": 1,
        "place": WebPlace(),
        "folder": str(folder),
        "files": works(files),
        "connections": 4,
        "user_agent": "test",
        "connect_timeout": 5.0,
        "stall_seconds": 20.0,
        "stall_rate": 1,
        "piece_bytes": 256 * KIB,
        "mark_seconds": 30.0,
    }
    return Gather(**(settings | changes))


class Run:
    """A gathering in a thread of its own. `told` grows while it runs."""

    def __init__(self, order: Gather, terms: PlainTerms | None = None, *, header_timeout: float = 20.0) -> None:
        self.order = order
        self.told: list[AnyNews] = []
        self.moments: list[float] = []  # when each was told
        self.change = threading.Condition()
        place = Ranges(
            terms or PlainTerms(),
            user_agent=order.user_agent,
            connect_timeout=order.connect_timeout,
            header_timeout=header_timeout,
            tick=TICK,
        )
        self.gathering = Gathering(order, place, self._tell)
        self.thread = threading.Thread(target=self.gathering.run, daemon=True)
        self.began = time.monotonic()
        self.thread.start()

    def received(self) -> list[tuple[float, int]]:
        """(when, bytes from the network) of each report so far."""
        with self.change:
            pairs = list(zip(self.moments, self.told, strict=True))
        return [(at, news.received) for at, news in pairs if isinstance(news, Reached)]

    def _tell(self, news: AnyNews) -> None:
        with self.change:
            self.told.append(news)
            self.moments.append(time.monotonic())
            self.change.notify_all()

    def until(self, holds: Callable[[AnyNews], bool], seconds: float = 20.0) -> None:
        with self.change:
            assert self.change.wait_for(lambda: any(holds(news) for news in self.told), seconds), self.told[-5:]

    def end(self, seconds: float = 60.0) -> News:
        self.thread.join(max(0.0, seconds - (time.monotonic() - self.began)))
        assert not self.thread.is_alive(), "a gathering hangs"
        return News(self.told)

    def drop(self, seconds: float = 2.0) -> News:
        """The news, which must have ended by then."""
        began = time.monotonic()
        self.gathering.drop()
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"still there {time.monotonic() - began:.1f} s after it was dropped"
        return News(self.told)


def run(order: Gather, terms: PlainTerms | None = None, *, seconds: float = 60.0, header_timeout: float = 20.0) -> News:
    return Run(order, terms, header_timeout=header_timeout).end(seconds)
