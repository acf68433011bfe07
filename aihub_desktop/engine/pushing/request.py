"""One answer of the hub, taken apart while it comes, each file put where it belongs once all of it was right.

body ──Inflow──▶ Buffer ──▶ TarReader ──▶ Arrival of each file ──▶ parts ──▶ hands ──▶ storage
 (its own thread)                             └──▶ companion: hash, archive
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aihub_desktop.archives.companion import Companion
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import safe_path
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.domain.settings import Settings
from aihub_desktop.engine.pushing.arrival import SMALL, Arrival
from aihub_desktop.engine.pushing.inparts import InParts
from aihub_desktop.engine.pushing.proving import Proving, Trail
from aihub_desktop.sources.aihub.tarstream import Chunk, End, Member, TarReader
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.brake import Brake, LentBrake
from aihub_desktop.transport.buffer import Buffer, lag_of
from aihub_desktop.transport.inflow import Inflow
from aihub_desktop.transport.pace import Pace
from aihub_desktop.transport.reading import Finding
from aihub_desktop.transport.routing import Router

_TICK: Final = 0.2
_LEAST_BUFFER: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the hub, and the object that it is to be. `place`: below the prefix."""

    file: RemoteFile
    place: str
    key: str


@dataclass(slots=True)
class Whole:
    """What came of an answer. `failed`: files that ended for a reason of their own."""

    failed: dict[str, Problem] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


Deliver = Callable[[Wanted, Arrival, Finding], None]


class Request:
    """Files that are asked for together. `run` by one thread; `shut` from any. Objects are made by `deliver`."""

    def __init__(
        self,
        files: Sequence[Wanted],
        settings: Settings,
        brake: Brake,
        *,
        parts_for: Callable[[Wanted], InParts],
        spool: Callable[[], Path],
        stopped: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._brake = LentBrake(brake)
        self._stopped = stopped
        self._wanted = {one.file.key: one for one in files}
        self._companion = Companion(lag_of(self._buffer_bytes))
        self._trails: list[Trail] = []
        self._arrivals: dict[str, Arrival] = {}
        self._numbers = dict(enumerate(self._wanted))
        self._router = Router((number, self._wanted[key].file.path) for number, key in self._numbers.items())
        self._current: str | None = None
        self._inflow: Inflow | None = None
        self.whole = Whole()
        for one, trail, volume in self._with_trails(spool):
            parts = None if one.file.size.high <= SMALL else parts_for(one)
            self._arrivals[one.file.key] = Arrival(one.file, Proving(one.place, self._companion, trail, volume), parts)

    @property
    def received(self) -> int:
        return self._inflow.received if self._inflow is not None else 0

    @property
    def passed(self) -> int:
        """Bytes that the storage had before."""
        return sum(one.parts.passed for one in self._arrivals.values() if one.parts is not None)

    @property
    def moved(self) -> bool:
        """Whether the next try will have less to do."""
        return bool(self.whole.done) or any(one.parts.sent for one in self._arrivals.values() if one.parts is not None)

    def run(self, body: Body, deliver: Deliver) -> None:
        """Reads the answer to its end. Raises `ProblemError` for what ends all of its files."""
        buffer = Buffer(self._buffer_bytes, lag_of(self._buffer_bytes))
        pace = Pace(self._settings.stall_rate, self._settings.stall_seconds)
        inflow = self._inflow = Inflow(body, buffer, self._brake, pace)
        try:
            self._read(inflow)
        finally:
            if not inflow.is_finished:
                inflow.shut()
                inflow.finish()
            inflow.join()
        for key in list(self._arrivals):
            self._for_one(key, lambda key=key: self._conclude(key, deliver))  # type: ignore[misc]

    def close(self) -> None:
        """What was sent stays to be gone on with."""
        for arrival in self._arrivals.values():
            if arrival.parts is not None:
                arrival.parts.leave()
        self._companion.stop()
        for trail in self._trails:
            trail.close()

    def shut(self) -> None:
        self._brake.release()
        if self._inflow is not None:
            self._inflow.shut()

    @property
    def _buffer_bytes(self) -> int:
        return max(_LEAST_BUFFER, self._settings.buffer_bytes // self._settings.parallel)

    def _with_trails(self, spool: Callable[[], Path]) -> list[tuple[Wanted, Trail | None, int]]:
        """Each file with the archive that it is or is a volume of, and which of its volumes, from 0."""
        places: Mapping[str, str] = {key: one.place for key, one in self._wanted.items()}
        sets = whole_sets(places)
        shared: dict[tuple[str, ...], Trail] = {}
        found: list[tuple[Wanted, Trail | None, int]] = []
        for key, one in self._wanted.items():
            unit = sets.get(key, (key,))
            if len(unit) == 1 and not one.place.casefold().endswith(".zip"):
                found.append((one, None, 0))
                continue
            if unit not in shared:
                shared[unit] = Trail(spool(), len(unit))
                self._trails.append(shared[unit])
            found.append((one, shared[unit], unit.index(key)))
        return found

    def _read(self, inflow: Inflow) -> None:
        reader = TarReader()
        while self._arrivals:
            if self._stopped():
                raise ProblemError(Code.STOPPED)
            try:
                view = inflow.take(_TICK)
            except TimeoutError:
                continue
            if not view:
                reader.finish()
                return
            if self._feed(reader, view):
                self._companion.join()
                inflow.finish()
                return
            inflow.give_back(self._companion.turn(len(view)))

    def _feed(self, reader: TarReader, view: memoryview) -> bool:
        for event in reader.feed(view):
            match event:
                case Chunk(data=data):
                    if (key := self._current) is not None:
                        self._for_one(key, lambda key=key, data=data: self._arrivals[key].take(data))  # type: ignore[misc]
                case Member():
                    self._member(event)
                case End():
                    return True
        return False

    def _member(self, member: Member) -> None:
        found = self._router.file_of(member)
        self._current = None
        if found is None or (key := self._numbers[found[0]]) not in self._arrivals:
            return
        self._current = key
        self._for_one(key, lambda: self._begin(key, found, member.size))

    def _begin(self, key: str, found: tuple[int, int], size: int) -> None:
        self._arrivals[key].begin(self._router.offset(*found, size), size)

    def _conclude(self, key: str, deliver: Deliver) -> None:
        arrival = self._arrivals[key]
        arrival.conclude(self._stopped)
        deliver(self._wanted[key], arrival, arrival.proving.finding(self._stopped))
        self.whole.done.add(key)

    def _for_one(self, key: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ProblemError as error:
            if error.problem.code not in OF_ONE_FILE:
                raise
            self.whole.failed[key] = error.problem
            arrival = self._arrivals.pop(key)
            if error.problem.code is not Code.BAD_ARCHIVE:
                arrival.proving.lose()
            if self._current == key:
                self._current = None
            if arrival.parts is not None:
                arrival.parts.leave()


# These end one file and let the others go on.
OF_ONE_FILE: Final = frozenset(
    {
        Code.WRONG_SIZE,
        Code.MISPLACED,
        Code.MISSING_MEMBER,
        Code.SHORT,
        Code.OVERLAPPING,
        Code.BAD_ARCHIVE,
        Code.WRONG_CHECKSUM,
        Code.SERVER_ERROR,
    }
)


def place_of(file: RemoteFile) -> str:
    """Where it would lie in a folder: the same below a prefix. Raises `UnsafeNameError`."""
    return str(safe_path(file.path))
