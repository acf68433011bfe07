"""A core with a clock in the hand, for tests of what it decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.leases import Ended, Proof, Proved, Reached, Whole, WorkFile
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.states import TransferState
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import Deed, Fetch, LookAt, Looked, Prove, Record, Recorded
from aihub_desktop.engine.records import Moment
from aihub_desktop.transport.reconcile import Standing, StandingKind

GB = 1 << 30
WALL = 1e9  # what the wall shows when the steady clock shows 0: 2001-09-09 01:46:40 UTC, a Sunday
NOTHING = Standing(StandingKind.NOTHING, 0, None, "", "")


T = TypeVar("T")


class Desk:
    """A core with a clock in the hand, and all that it asked for."""

    def __init__(self, *, only_new: bool = False, patience: float | None = None, **settings: float | str) -> None:
        use = Settings(**{"spread": 0.0, **settings})  # type: ignore[arg-type]
        self.core = Core(use, seed=1, only_new=only_new, patience=patience)
        self.at = 100.0
        self.deeds: list[Deed] = []
        self.received: dict[int, float] = {}
        self.held: dict[int, float] = {}

    def tell(self, message: object) -> int | None:
        now = self.now()
        deeds, number = self.core.handle(message, now)
        self.deeds += deeds
        self.deeds += self.core.plan(now)
        return number

    def wait(self, seconds: float) -> None:
        self.at += seconds
        self.deeds += self.core.plan(self.now())

    def now(self) -> Moment:
        return Moment(self.at, self.at + WALL)

    def configure(self, **settings: int | float | str) -> None:
        self.core.settings = changed(self.core.settings, settings)
        self.deeds += self.core.plan(self.now())

    def flow(self, seconds: float, rates: dict[int, float], held: float = 0.0) -> None:
        """Each of these leases receives so many bytes a second for a while, and waits for the disk so much of it."""
        for _ in range(round(seconds * 5)):
            self.at += 0.2
            for lease, rate in rates.items():
                self.received[lease] = self.received.get(lease, 0) + rate / 5
                self.held[lease] = self.held.get(lease, 0.0) + held / 5
                self.tell(Reached(lease, int(self.received[lease]), [], True, self.held[lease]))

    def add(self, files: Iterable[tuple[str, int]], folder: str = "/f", dataset: str = "1") -> int:
        number = self.tell(m.Add(1, self.dataset(dataset), self.remote(files, dataset), folder))
        assert number is not None
        self.look()
        return number

    @staticmethod
    def dataset(key: str = "1") -> Dataset:
        return Dataset("aihub", key, "")

    @staticmethod
    def remote(files: Iterable[tuple[str, int]], dataset: str = "1") -> list[RemoteFile]:
        return [
            RemoteFile("aihub", dataset, f"{dataset}-{path}", path, SizeRange(size, size, "")) for path, size in files
        ]

    def look(self, standing: Standing = NOTHING) -> None:
        deed = self.take(LookAt)[-1]
        self.tell(Looked(deed.transfer, {file.id: standing for file in deed.files}))

    def take(self, kind: type[T]) -> list[T]:
        """The deeds of this kind since the last call."""
        found: list[T] = [deed for deed in self.deeds if isinstance(deed, kind)]
        self.deeds = [deed for deed in self.deeds if not isinstance(deed, kind)]
        return found

    def prove(self, deed: Prove) -> None:
        for file in deed.files:
            self.tell(Proved(deed.lease, file.id, GB, "ab", Proof.ARCHIVE))
            for record in self.take(Record):
                self.tell(Recorded(record.proof))
        self.tell(Ended(deed.lease))

    def receive(self, deed: Fetch) -> None:
        for file in deed.files:
            self.tell(Whole(deed.lease, file.id, GB, "ab"))
        self.tell(Ended(deed.lease))

    def receive_lease(self, lease: int) -> None:
        for key in sorted(self.core.book.leases[lease].files):
            self.tell(Whole(lease, key, GB, "ab"))
        self.tell(Ended(lease))

    def state(self, number: int) -> TransferState:
        return self.core.book.transfers[number].state

    def files(self, number: int) -> list[m.FileRow]:
        return [file.row() for file in self.core.book.files_of(self.core.book.transfers[number])]


def names(files: list[WorkFile]) -> list[str]:
    return [file.place for file in files]
