"""Tars in memory, bodies that play them, and the news of a reception: ground for the tests of transport."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Check, Ended, Failed, Proved, Reached, Receive, Safe, Whole, WorkFile
from aihub_desktop.domain.model import RemoteFile, Secret, SizeRange
from aihub_desktop.domain.names import safe_path
from aihub_desktop.transport.check import Checking
from aihub_desktop.transport.receive import Reception

N = TypeVar("N")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tar(members: Iterable[tuple[str, bytes]], *, end: bool = True) -> bytes:
    """A tar as GNU tar writes it; without `end` the two zero blocks are missing."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        length = archive.offset
    return out.getvalue()[: length + 1024 if end else length]


def pieces(name: str, data: bytes, size: int) -> list[tuple[str, bytes]]:
    """The members that the hub makes of a file."""
    return [(f"{name}.part{at}", data[at : at + size]) for at in range(0, max(len(data), 1), size)]


class Pipe(io.RawIOBase):
    """What cannot be gone back in: writers put descriptors behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.data += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


class Tape:
    """A body in memory: gives `data` in portions of `cut` bytes, then ends as `ending` says.

    `ending` "clean"; "cut": the connection breaks; "stall": nothing comes any more until it is shut.
    `at` is called once the bytes up to that place were given.
    """

    def __init__(
        self, data: bytes, *, cut: int = 1 << 20, ending: str = "clean", at: dict[int, Callable[[], None]] | None = None
    ) -> None:
        self._data = memoryview(data)
        self._cut = cut
        self._ending = ending
        self._at = dict(at or {})
        self._place = 0
        self._shut = threading.Event()
        self.closed = False

    def readinto(self, view: memoryview) -> int:
        for place in [place for place in self._at if place <= self._place]:
            self._at.pop(place)()
        if self._shut.is_set():
            raise ProblemError(Code.CUT)
        count = min(self._cut, len(view), len(self._data) - self._place)
        if count:
            view[:count] = self._data[self._place : self._place + count]
            self._place += count
            return count
        if self._ending == "stall":
            if not self._shut.wait(0.02):
                raise TimeoutError
            raise ProblemError(Code.CUT)
        if self._ending == "cut":
            raise ProblemError(Code.CUT)
        return 0

    def shut(self) -> None:
        self._shut.set()

    def close(self) -> None:
        self.closed = True


def work(id_: int, path: str, size: int, *, key: str = "", slack: int = 0) -> WorkFile:
    """A file whose size the tree shows as `size` give or take `slack`."""
    shown = SizeRange(max(0, size - slack), size + slack, f"{size} Byte")
    return WorkFile(id_, RemoteFile("aihub", "7", key or str(id_), path, shown), str(safe_path(path)))


def order(folder: Path, files: list[WorkFile], **changes: Any) -> Receive:
    settings: dict[str, Any] = {
        "lease": 1,
        "hub": "http://127.0.0.1:1",
        "folder": str(folder),
        "files": files,
        "key": Secret("a-key"),
        "user_agent": "test",
        "connect_timeout": 5.0,
        "stall_seconds": 30.0,
        "stall_rate": 1,
        "mark_bytes": 64 << 20,
        "mark_seconds": 30.0,
    }
    return Receive(**(settings | changes))


class News:
    """What one lease told, checked for what always holds: `Ended` once, and last."""

    def __init__(self, told: list[AnyNews]) -> None:
        assert [isinstance(news, Ended) for news in told] == [False] * (len(told) - 1) + [True]
        self.all = told

    def of(self, kind: type[N]) -> list[N]:
        return [news for news in self.all if isinstance(news, kind)]

    @property
    def ended(self) -> Problem | None:
        return self.of(Ended)[0].problem

    @property
    def code(self) -> Code | None:
        return self.ended.code if self.ended else None

    @property
    def whole(self) -> dict[int, tuple[int, str]]:
        return {news.file: (news.size, news.sha256) for news in self.of(Whole)}

    @property
    def failed(self) -> dict[int, Code]:
        return {news.file: news.problem.code for news in self.of(Failed)}

    @property
    def proved(self) -> dict[int, Proved]:
        return {news.file: news for news in self.of(Proved)}

    @property
    def safe(self) -> dict[int, int]:
        """Durable bytes at the end, by file."""
        return {news.file: news.bytes for news in self.of(Safe)}

    @property
    def new(self) -> int:
        """Bytes that became durable in this lease."""
        return sum(news.new for news in self.of(Safe))

    @property
    def again(self) -> int:
        return sum(reach.again for reach in self.of(Reached)[-1].files)


def once(path: Path, act: Callable[[], None]) -> Callable[[], None]:
    """`act`, put off until the file is there: what was read from a tape is not written at that moment."""

    def wait_and_act() -> None:
        deadline, moment = time.monotonic() + 30, threading.Event()
        while not path.exists() and time.monotonic() < deadline:
            moment.wait(0.001)
        act()

    return wait_and_act


def receive(order: Receive, body: Tape | bytes) -> News:
    told: list[AnyNews] = []
    tape = Tape(body) if isinstance(body, bytes) else body
    Reception(order, lambda: tape, told.append).run()
    return News(told)


def fetched(folder: Path, files: dict[str, bytes]) -> list[WorkFile]:
    """The files, whole and waiting for their check."""
    works = [work(number, path, len(data)) for number, (path, data) in enumerate(files.items(), 1)]
    members = [
        member for one, data in zip(works, files.values(), strict=True) for member in pieces(one.place, data, 1 << 20)
    ]
    assert len(receive(order(folder, works), tar(members)).whole) == len(files)
    return works


def check(folder: Path, files: list[WorkFile]) -> News:
    told: list[AnyNews] = []
    Checking(Check(2, str(folder), files), told.append).run()
    return News(told)
