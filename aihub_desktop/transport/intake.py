"""The files of one reception: members of the tar come in, each file ends whole, failed, or unfinished."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from aihub_desktop.archives.companion import Companion
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Charted, Failed, FileReach, Receive, Safe, Whole, WorkFile
from aihub_desktop.domain.names import match_key
from aihub_desktop.sources.aihub.tarstream import Member
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.journal import Identity, read_journal
from aihub_desktop.transport.part import usable
from aihub_desktop.transport.routing import Router
from aihub_desktop.transport.sink import Sink

# These end one file and let the others go on. The rest are the disk's, and end the lease.
_OF_ONE_FILE: Final = frozenset(
    {
        Code.IN_THE_WAY,
        Code.IN_USE,
        Code.FILE_TOO_LARGE,
        Code.NOT_WRITABLE,
        Code.UNSAFE_NAME,
        Code.NAME_CLASH,
        Code.WRONG_SIZE,
        Code.MISPLACED,
        Code.MISSING_MEMBER,
        Code.SHORT,
        Code.CHANGED,
        Code.OVERLAPPING,
    }
)
_WORTHLESS: Final = frozenset({Code.CHANGED, Code.OVERLAPPING})


class Intake:
    """Fed by one thread. Raises `ProblemError` for what ends the lease; what ends one file is told as `Failed`."""

    def __init__(
        self,
        order: Receive,
        durability: Durability,
        companion: Companion,
        tell: Callable[[AnyNews], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._order = order
        self._durability = durability
        self._companion = companion
        self._tell = tell
        self._stopped = stopped
        self._target = Target(order.folder)
        self._works = {work.id: work for work in order.files}
        self._open: dict[int, Sink] = {}  # neither whole nor failed
        self._sinks: dict[int, Sink] = {}
        self._router = Router(())
        self._current: int | None = None  # the file whose bytes come now; None: nobody asked for them

    @property
    def wants_more(self) -> bool:
        return bool(self._open)

    @property
    def on_disk(self) -> float:
        """Seconds so far in which bytes were written and read back. May be asked by any thread."""
        return sum(sink.on_disk for sink in tuple(self._sinks.values()))

    def prepare(self) -> None:
        """Reads what is on disk already. Files that are whole are told at once."""
        self._target.find(self._order.device)
        keys: set[str] = set()
        for work in self._order.files:
            self._for_one(work.id, partial(self._prepare_one, work, keys))
        self._router = Router((id_, self._works[id_].file.path) for id_ in self._open)

    def member(self, member: Member) -> None:
        """A member of the tar begins."""
        found = self._router.file_of(member)
        previous, self._current = self._current, None
        if previous is not None and (found is None or found[0] != previous):
            self._for_one(previous, self._open[previous].rest)
        if found is None or found[0] not in self._open:
            return
        id_, number = found
        self._current = id_
        self._for_one(id_, partial(self._begin, id_, number, member.size))

    def data(self, view: memoryview) -> None:
        """The next bytes of that member: `Sink.take`."""
        if (id_ := self._current) is not None:
            sink = self._open[id_]
            self._for_one(id_, partial(sink.take, view))

    def tick(self) -> None:
        """Time has passed without bytes."""
        if (id_ := self._current) is not None:
            self._for_one(id_, self._open[id_].tick)

    def end(self) -> None:
        """The tar's end was seen: every file that is not whole now has failed, unless `stopped` ends it before."""
        self._current = None
        for id_ in list(self._open):
            self._for_one(id_, partial(self._conclude, id_))
        self._durability.flush()

    def settle(self) -> None:
        """Makes durable what came, and lets go of every file."""
        for sink in self._open.values():
            sink.let_go()
        self._durability.flush()

    def reach(self) -> list[FileReach]:
        return [FileReach(id_, sink.reached, sink.again) for id_, sink in self._sinks.items()]

    def chart(self, file: int) -> Charted | None:
        """Where the bytes of one of its files are; None for one that is none. From any thread."""
        sink = self._sinks.get(file)
        if sink is None:
            return None
        size = self._works[file].file.size.high
        return sink.chart(self._order.lease, file, size, is_coming=self._current == file)

    def _prepare_one(self, work: WorkFile, keys: set[str]) -> None:
        key = match_key(work.file.path)
        if key in keys:
            raise ProblemError(Code.NAME_CLASH, name=work.file.path[:300])
        keys.add(key)
        spot = self._target.spot(work.place)
        identity = Identity.of(work)
        state = usable(spot, identity, read_journal(spot.journal)) if self._target.check_parents(spot) else None
        if state is not None and state.whole is not None:
            self._tell(Whole(self._order.lease, work.id, state.whole.size, state.whole.sha256))
            return
        self._sinks[work.id] = self._open[work.id] = Sink(
            spot,
            identity,
            state,
            lambda total, new: self._tell(Safe(self._order.lease, work.id, total, new)),
            low=work.file.size.low,
            durability=self._durability,
            companion=self._companion,
            mark_bytes=self._order.mark_bytes,
            mark_seconds=self._order.mark_seconds,
        )

    def _begin(self, id_: int, number: int, size: int) -> None:
        shown = self._works[id_].file.size
        offset = self._router.offset(id_, number, size)
        if offset + size > shown.high:
            raise ProblemError(Code.WRONG_SIZE, size=offset + size, shown=shown.shown)
        sink = self._open[id_]
        self._target.make_parents(sink.spot)
        sink.begin(offset, size)

    def _conclude(self, id_: int) -> None:
        sink = self._open[id_]
        if not sink.seen:
            raise ProblemError(Code.MISSING_MEMBER)
        self._target.make_parents(sink.spot)  # its names may have to be opened again
        found = sink.conclude(self._stopped)
        if found is None:
            return
        del self._open[id_]
        news = Whole(self._order.lease, id_, found.size, found.sha256, found.proof, found.note)
        sink.claim(found.size, found.sha256, lambda: self._tell(news))

    def _for_one(self, id_: int, act: Callable[[], None]) -> None:
        try:
            act()
        except ProblemError as error:
            if error.problem.code not in _OF_ONE_FILE:
                raise
            self._fail(id_, error.problem)

    def _fail(self, id_: int, problem: Problem) -> None:
        if self._current == id_:
            self._current = None
        sink = self._open.pop(id_, None)
        if sink is not None and problem.code in _WORTHLESS:
            sink.drop()
        if sink is not None:
            sink.let_go()
        # Told once nothing of the file is in our hands: the next lease may begin at once.
        self._durability.call(lambda: self._tell(Failed(self._order.lease, id_, problem)))
