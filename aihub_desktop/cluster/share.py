"""A folder that who asks and all workers see under one path: they receive in staging folders, names are given here."""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aihub_desktop.cluster import task as work
from aihub_desktop.cluster.ground import Call, Group
from aihub_desktop.cluster.orders import Question, Reach, Result, Task, plain
from aihub_desktop.disk.files import disk_error, make_folders
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.storage import Storage
from aihub_desktop.holdings.baton import Baton
from aihub_desktop.holdings.staging import Homecoming, Staging, staging_folder
from aihub_desktop.transport.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What holds for all tasks. `limit`: bytes a second of all together, 0 for none; `settings` of each engine."""

    folder: Path
    hub: str
    settings: dict[str, int | float | str]
    storages: list[Storage]
    patience: float
    limit: int


class Share:
    """`Ground`. Whoever makes it has the turn of the folder. `needs_key`: files of the hub are to come."""

    def __init__(self, errand: Errand, *, needs_key: bool = True) -> None:
        self._errand, self._needs_key = errand, needs_key
        self._staging = Staging(errand.folder)
        self._below = staging_folder(errand.folder)
        self._baton: Baton | None = None
        self._locks_reach = True
        # Somebody who answers nobody has these, and may go on at any moment.
        self._held = set(self._staging.names)

    @contextlib.contextmanager
    def asking(self) -> Iterator[Call]:
        """Every worker has to find this in the folder before it is trusted with it."""
        value = secrets.token_hex(16)
        path = self._below / f"probe-{value[:8]}"
        try:
            make_folders(self._below)
            path.write_text(value, encoding="ascii")
        except OSError as error:
            raise disk_error(error, path) from error
        errand = self._errand
        probe = path.relative_to(self._below.parent.parent).as_posix()
        try:
            yield Call(work.look, plain(Question(str(errand.folder), probe, value, errand.hub, self._needs_key)))
        finally:
            with contextlib.suppress(OSError):
                remove(path)

    def sees(self, *, locks_reach: bool) -> None:
        """One that does not see the locks of others is kept out by their beats alone, and they by its."""
        self._locks_reach = self._locks_reach and locks_reach

    def order(self, group: Group, out: int) -> Call:
        self._baton = self._baton or Baton(self._below)
        errand = self._errand
        self.hold(out)  # the others slow down first
        name = self._free_name(group)
        self._staging.lend(name, group.files)
        task = Task(
            str(errand.folder), name, self._baton.name, self._locks_reach, errand.hub, group.dataset, group.files,
            errand.settings, errand.storages, errand.patience,
        )  # fmt: skip
        return Call(work.receive, plain(task), name, self._baton.name)

    def hold(self, out: int) -> None:
        if self._baton is not None:
            self._baton.hold(self._errand.limit // max(1, out), locks_reach=self._locks_reach)

    def reach(self, name: str) -> Reach | None:
        """From what lies beside it."""
        return work.reach_of(self._below / name)

    def bring(self, name: str, proved: Sequence[Entry], result: Result) -> Homecoming:
        return self._staging.bring(name, proved)

    def drop(self, name: str) -> None:
        self._staging.drop(name)

    def give_up(self, name: str, run: str) -> None:
        """With the lock on what it has: it comes anew, in another place."""
        self._held.add(name)
        if self._baton is not None and self._baton.name == run:
            self._baton.give_up(name)

    def holds(self, run: str) -> bool:
        return self._baton is not None and self._baton.name == run

    def pause(self) -> bool:
        if self._baton is not None:
            self._baton.drop()
            self._baton = None
        return True

    def close(self) -> None:
        self._staging.clear()

    def _free_name(self, group: Group) -> str:
        names = itertools.chain([group.name], (f"{group.name}~{number}" for number in itertools.count(2)))
        return next(name for name in names if name not in self._held)
