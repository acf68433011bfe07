"""`aihub sync --dask`: the workers of a cluster receive, and this run tells of it as if its own engine did."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.progress import display
from aihub_desktop.cli.rounds import SyncOrder
from aihub_desktop.cli.run import Find, Found, Run, Watch, to_its_end
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.tally import Tally
from aihub_desktop.cluster.crew import Crew
from aihub_desktop.cluster.flow import Flow, cap
from aihub_desktop.cluster.ground import Ground, Group
from aihub_desktop.cluster.groups import groups
from aihub_desktop.cluster.share import Errand, Share
from aihub_desktop.cluster.spread import (
    Away,
    Back,
    Ending,
    Home,
    Moved,
    Out,
    Ready,
    Spread,
    Told,
    Unfit,
)
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.hours import Week
from aihub_desktop.domain.messages import (
    AddHolding,
    Brake,
    FileProgress,
    FileRow,
    ListStorages,
    Notice,
    Progress,
    Storages,
    TransferProgress,
)
from aihub_desktop.domain.model import HUB, S3, RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState
from aihub_desktop.domain.storage import Storage, split_container
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings.staging import Staging

Key = tuple[int, str, str]  # transfer, file key, path
_KEPT_HERE: Final = frozenset({"parallel", "limit", "hours", "folder"})  # of these no worker decides
_TASKS: Final = 16  # as many as a small cluster may have out, before anybody knows how large it is
_TLS: Final = "tls://"


def spread_out(session: Session, order: SyncOrder, find: Find, watch: Watch) -> Exit:
    """`carry_out` on the cluster of `order.dask`. Raises as it does, and NO_DASK, NO_CLUSTER."""
    return to_its_end(Spreading(session, order, find, watch))


class Spreading(Run):
    """Fills the counts of the run from what the workers tell."""

    def __init__(self, session: Session, order: SyncOrder, find: Find, watch: Watch) -> None:
        super().__init__(session, order, find, watch)
        self._hub, self._address, self._json = session.hub, order.dask, order.json
        self._rows = _Rows()
        self._groups: list[Group] = []
        self._transfers: dict[int, int] = {}  # by the number of the group
        self._storages: list[Storage] = []
        self._say: Callable[[str], None] = self.console.tell

    def _heeding(self, engine: LocalEngine) -> Exit:
        return self._work(engine)  # that its tasks are stopped is said where they are

    def _begin(self, engine: LocalEngine, found: Found) -> Tally:
        tally = self._rows.tally
        self._storages = _storages(engine, found)
        blocked = self._blocked(found.files)
        for transfer, batch in enumerate(found.batches, 1):
            tally.add(transfer, batch.files)
            self._rows.add(transfer, batch.files)
            free = [file for file in batch.files if id(file) not in blocked]
            for files in groups(free, self._settings, self._order.parallel or _TASKS):
                group = Group(len(self._groups), batch.dataset, files)
                self._groups.append(group)
                self._transfers[group.number] = transfer
            for file in batch.files:
                if (problem := blocked.get(id(file))) is not None:
                    self._rows.failed((transfer, file.key, file.path), problem)
        return tally

    def _blocked(self, files: list[RemoteFile]) -> dict[int, Problem]:
        """What is not even begun, by identity."""
        blocked = Staging(self._order.folder).blocked(files)
        found = {id(files[number]): problem for number, problem in blocked.items()}
        if not self._address.startswith(_TLS):
            for file in files:
                if file.origin is not None and any(one != file.key for one in file.origin.addresses[:1]):
                    found[id(file)] = Problem(Code.NOT_ENCRYPTED, {"address": file.key})
        return found

    def _flow(self) -> Flow:
        settings = self._settings
        total = self._order.parallel or 0
        return Flow(
            settings.spread, total=total, each=settings.parallel, cap=cap(settings.limit, settings.slowest_stream)
        )

    def _follow(self, engine: LocalEngine, tally: Tally) -> None:
        if not self._groups:
            return
        self.console.say("cli.sync.dask.asking", address=self._address)
        week = Week.parse(self._settings.hours)
        with Crew(self._address) as crew, display(self.console) as shown:
            self._say = shown.tell

            def tell(told: Told) -> None:
                self._hear(told)
                self.report.tell_news(tally, shown.tell)

            def is_open() -> bool:
                now = time.localtime()
                open_ = week.allows(now.tm_wday, now.tm_hour)
                self._rows.progress(Brake.NONE if open_ else Brake.HOURS)
                shown.show(tally)
                return open_

            spread = Spread(
                crew, self._ground(crew), self._groups, self._flow(), tell=tell, open_=is_open,
                patience=self._order.patience,
            )  # fmt: skip
            try:
                spread.run()
            except ProblemError as error:
                tally.see(Notice(0, error.problem, fatal=True))
        self._afterwards(engine, tally)

    def _afterwards(self, engine: LocalEngine, tally: Tally) -> None:
        if tally.done:
            with contextlib.suppress(ProblemError):  # the files are there, whether the library knows or not
                engine.ask(AddHolding(engine.number(), str(self._order.folder)), object)

    def _ground(self, crew: Crew) -> Ground:
        needs_key = any(group.dataset.source == HUB for group in self._groups)
        return Share(self._errand(self._settings), needs_key=needs_key)

    def _errand(self, settings: Settings) -> Errand:
        return Errand(
            folder=self._order.folder, hub=self._hub, settings=for_workers(settings), storages=self._storages,
            patience=self._order.patience, limit=settings.limit,
        )  # fmt: skip

    # ---- what is told ----

    def _hear(self, told: Told) -> None:
        match told:
            case Ready(worker=worker, threads=threads):
                self._say(self.console.words.say("cli.sync.dask.ready", worker=worker, n=threads))
                self._record(worker, "ready")
            case Unfit(worker=worker, problem=problem):
                title = self.console.words.problem(problem).title
                self._say(self.console.words.say("cli.sync.dask.unfit", worker=worker, title=title))
                self._record(worker, "unfit", problem=str(problem.code))
            case Away(worker=worker):
                self._say(self.console.words.say("cli.sync.dask.away", worker=worker))
                self._record(worker, "away")
            case Ending(tasks=tasks):
                self._say(self.console.words.say("cli.sync.dask.stopping", n=tasks))
            case _:
                self._count(told)

    def _record(self, worker: str, state: str, **more: str) -> None:
        if self._json:
            self.console.record(event="worker", worker=worker, state=state, **more)

    def _count(self, told: Out | Moved | Home | Back) -> None:
        rows, group = self._rows, told.group
        transfer = self._transfers[group.number]
        keys = [(transfer, file.key, file.path) for file in group.files]
        match told:
            case Out():
                rows.begun(group.number, keys)
            case Moved(reach=reach):
                rows.reached(group.number, keys[0], reach.bytes, reach.rate, (reach.received, reach.again))
            case Back(result=result):
                rows.ended(group.number, transfer, (result.received, result.again))
                rows.waiting(keys)
            case Home(came=came, failed=failed, result=result):
                rows.ended(group.number, transfer, (result.received, result.again))
                for entry in came.entries:
                    told_of = {"bytes": entry.size or 0, "size": entry.size, "sha256": entry.sha256}
                    key = (transfer, entry.key, entry.path)
                    rows.done(key, proof=entry.proof, note=entry.note, **told_of)
                for (file_key, path), problem in failed.items():
                    rows.failed((transfer, file_key, path), problem)


def for_workers(settings: Settings) -> dict[str, int | float | str]:
    """What holds for the engine of each task."""
    values = {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in _KEPT_HERE}
    return {**values, "parallel": 1}


class _Traffic(NamedTuple):
    received: int = 0
    again: int = 0

    def plus(self, more: tuple[int, int]) -> _Traffic:
        return _Traffic(self.received + more[0], self.again + more[1])


class _Moving(NamedTuple):
    """A task that is out."""

    key: Key
    bytes: int
    rate: float
    traffic: tuple[int, int]


class _Rows:
    """The rows and the progress that an engine would tell, made from what comes home."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._rows: dict[Key, FileRow] = {}
        self._out: set[int] = set()
        self._moving: dict[int, _Moving] = {}
        self._over: defaultdict[int, _Traffic] = defaultdict(_Traffic)

    def add(self, transfer: int, files: Iterable[RemoteFile]) -> None:
        for file in files:
            row = FileRow(
                len(self._rows) + 1, transfer, file, _place(file), FileState.WAITING, 0, None, "", "", None, 0, None
            )
            self._rows[transfer, file.key, file.path] = row
            self.tally.see_files([row])

    def begun(self, task: int, keys: Iterable[Key]) -> None:
        self._out.add(task)
        for key in keys:
            if self._rows[key].state is FileState.WAITING:
                self._put(key, state=FileState.FETCHING)

    def waiting(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if self._rows[key].state is FileState.FETCHING:
                self._put(key, state=FileState.WAITING)

    def done(self, key: Key, **proved: str | int | None) -> None:
        self._put(key, state=FileState.DONE, **proved)

    def failed(self, key: Key, problem: Problem) -> None:
        if self._rows[key].state is not FileState.DONE:
            self._put(key, state=FileState.FAILED, problem=problem)

    def reached(self, task: int, key: Key, bytes_: int, rate: float, traffic: tuple[int, int]) -> None:
        self._moving[task] = _Moving(key, bytes_, rate, traffic)

    def ended(self, task: int, transfer: int, traffic: tuple[int, int]) -> None:
        """Of a worker that died the last word that it gave counts."""
        self._out.discard(task)
        told = self._moving.pop(task, None)
        self._over[transfer] = self._over[transfer].plus(traffic if any(traffic) or told is None else told.traffic)

    def progress(self, brake: Brake) -> None:
        moving = list(self._moving.values())
        transfers = []
        for transfer in {row.transfer for row in self._rows.values()}:
            mine = [one for one in moving if one.key[0] == transfer]
            traffic = self._over[transfer]
            for one in mine:
                traffic = traffic.plus(one.traffic)
            rate = sum(one.rate for one in mine)
            transfers.append(TransferProgress(transfer, 0, traffic.received, traffic.again, rate, None))
        files = [FileProgress(self._rows[one.key].id, one.key[0], one.bytes, 0, one.rate) for one in moving]
        rate = sum(one.rate for one in moving)
        self.tally.see(Progress(0, rate, transfers, files, brake, len(self._out), len(self._out)))

    def _put(self, key: Key, **changes: object) -> None:
        self._rows[key] = row = msgspec.structs.replace(self._rows[key], **changes)
        self.tally.see_files([row])


def _storages(engine: LocalEngine, found: Found) -> list[Storage]:
    """How the object storages in use are asked; never with keys, which each worker has of its own."""
    used = {split_container(file.dataset)[0] for file in found.files if file.source == S3}
    if not used:
        return []
    rows = engine.ask(ListStorages(engine.number()), Storages).rows
    return [row.storage for row in rows if row.storage.endpoint in used]


def _place(file: RemoteFile) -> str:
    try:
        return str(safe_path(file.path))
    except UnsafeNameError:
        return ""
