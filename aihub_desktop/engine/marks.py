"""The stars of datasets, when somebody last looked at them, and what downloads told of their approval."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.marks import APPROVAL_OF, Approval, DatasetMark, Sighting
from aihub_desktop.domain.messages import Star, TransferRow, Visit
from aihub_desktop.domain.model import HUB
from aihub_desktop.store.queue import QueueStore

_log = logging.getLogger(__name__)

_NAME: Final = "marks"  # under which the store keeps them
_SAME_SECONDS: Final = 3600.0  # an approval that is seen again and again is noted once in this time

Key = tuple[str, bool]


class Marks:
    """Lives on the engine's loop. `tell` hears of every mark that changed."""

    def __init__(self, store: QueueStore, learned: Learned, tell: Callable[[list[DatasetMark]], None]) -> None:
        self._store = store
        self._tell = tell
        self._marks = {(mark.key, mark.package): mark for mark in _kept(store)}
        self._received: dict[int, int] = {row.id: row.received for row in store.transfers()}
        for key, seen in learned.approvals.items():
            mark = self._of((key, False))
            # Whoever looked last knows best: the first contact, or a download.
            if mark.seen is None or mark.seen.at < seen.at:
                self._marks[key, False] = msgspec.structs.replace(mark, seen=seen)

    def rows(self) -> list[DatasetMark]:
        """All of them, of datasets of which anything is remembered."""
        return list(self._marks.values())

    def obey(self, command: Star | Visit) -> None:
        """Durable when this returns. Raises `ProblemError`: the store's."""
        mark = self._of((command.dataset, command.package))
        if isinstance(command, Star):
            self._change(msgspec.structs.replace(mark, starred=command.on))
        else:
            self._change(msgspec.structs.replace(mark, visited_at=time.time()))

    def transfers(self, rows: Iterable[TransferRow]) -> None:
        """Rows of transfers that changed: what was received was approved, and a refusal says why."""
        for row in rows:
            moved = row.received > self._received.get(row.id, 0)
            self._received[row.id] = row.received
            if row.dataset.source != HUB:
                continue
            approval = APPROVAL_OF.get(row.problem.code) if row.problem is not None else None
            if approval is None and moved:
                approval = Approval.APPROVED
            if approval is not None:
                self._see((row.dataset.key, row.dataset.package), approval)

    def _see(self, key: Key, approval: Approval) -> None:
        mark, now = self._of(key), time.time()
        if mark.seen is not None and mark.seen.approval is approval and 0 <= now - mark.seen.at < _SAME_SECONDS:
            return
        try:
            self._change(msgspec.structs.replace(mark, seen=Sighting(approval, now)))
        except ProblemError as error:
            # Nobody asked for this; the download itself will tell of a disk that fails.
            _log.warning("an approval is not remembered: %s", error)

    def _of(self, key: Key) -> DatasetMark:
        return self._marks.get(key) or DatasetMark(*key)

    def _change(self, mark: DatasetMark) -> None:
        marks = {**self._marks, (mark.key, mark.package): mark}
        if mark.is_blank:
            del marks[mark.key, mark.package]
        self._store.keep(_NAME, msgspec.json.encode(list(marks.values())), time.time())
        self._marks = marks
        self._tell([mark])


def _kept(store: QueueStore) -> list[DatasetMark]:
    found = store.kept(_NAME)
    try:
        return [] if found is None else msgspec.json.decode(found[0], type=list[DatasetMark])
    except msgspec.MsgspecError:
        _log.warning("the marks of datasets cannot be read: they begin anew")
        return []
