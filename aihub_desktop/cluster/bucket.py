"""A prefix of an object storage: workers send straight through what they receive, the manifest is written here."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aihub_desktop.cluster import passing as work
from aihub_desktop.cluster.crew import Crew
from aihub_desktop.cluster.ground import Call, Group
from aihub_desktop.cluster.orders import Entrance, Passing, Reach, Result, Word, plain, told
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.engine.pushing.contents import Contents
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.front import end
from aihub_desktop.engine.pushing.record import Record
from aihub_desktop.engine.pushing.request import place_of
from aihub_desktop.holdings.staging import Homecoming
from aihub_desktop.transport.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Consignment:
    """What holds for all tasks. `settings` of each, its share of a limit among them."""

    entrance: Entrance
    settings: dict[str, int | float | str]
    part_bytes: int
    patience: float
    learned: Learned


class Bucket:
    """`Ground`. What becomes of uploads goes into `record`, which knows them where a worker dies; whoever has it has
    loaded `contents`, and publishes them.
    """

    def __init__(self, crew: Crew, consignment: Consignment, depot: Depot, record: Record, contents: Contents) -> None:
        self._consignment, self._depot = consignment, depot
        self._record, self._contents = record, contents
        self._run = secrets.token_hex(8)
        self._reaches: dict[str, Reach] = {}
        self._keys: dict[str, list[str]] = {}  # objects, by the name of their group
        self._crew, self._noted = crew, deque[str]()
        crew.listen(self._topic, self._hear)

    @property
    def _topic(self) -> str:
        return f"aihub-{self._run}"

    @contextlib.contextmanager
    def asking(self) -> Iterator[Call]:
        yield Call(work.may_enter, plain(self._consignment.entrance))

    def sees(self, *, locks_reach: bool) -> None:
        """Nothing is shared."""

    def order(self, group: Group, out: int) -> Call:
        one = self._consignment
        keys = self._keys[group.name] = [self._depot.key_of(place_of(file)) for file in group.files]
        order = Passing(
            one.entrance, group.name, self._topic, group.dataset, group.files, one.settings, one.part_bytes,
            one.patience, one.learned, self._record.lines_of(keys),
        )  # fmt: skip
        return Call(work.pass_on, plain(order), group.name, self._run)

    def hold(self, out: int) -> None:
        """Dask knows who waits. What workers were told to be noted first has been, and they hear of it."""
        while self._noted:
            self._crew.answer(self._noted.popleft())

    def reach(self, name: str) -> Reach | None:
        return self._reaches.get(name)

    def bring(self, name: str, proved: Sequence[Entry], result: Result) -> Homecoming:
        places = {entry.place for entry in proved}
        for story in result.stories:
            if story.path in places:
                self._contents.tell(story)
        return Homecoming(list(proved))

    def drop(self, name: str) -> None:
        """Of a worker that died an upload may be left, which would cost money for ever."""
        keys = self._keys[name]
        with contextlib.suppress(ProblemError):  # told at the end of the run, and ended by `push --abort`
            end(self._depot, self._record, [one for one in self._record.all_begun() if one.key in keys])

    def give_up(self, name: str, run: str) -> None:
        """Each upload is by itself: whichever is completed last has the same bytes."""

    def holds(self, run: str) -> bool:
        return True

    def pause(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is kept for the run alone."""

    def _hear(self, event: Any) -> None:
        """In Dask's own thread."""
        try:
            word = told(event[1], Word)
            if word.reach is not None:
                self._reaches[word.name] = word.reach
            if word.line is not None:
                self._record.note(word.line)
                if word.answer:
                    self._noted.append(word.answer)
                    self._crew.wake()
        except (msgspec.ValidationError, ProblemError, OSError, ValueError):
            logging.getLogger(__name__).warning("a word of a worker was lost", exc_info=True)
