"""From bytes that were read to a final name and a line in the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error, plain_file, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.publish import is_half_published, publish, rename_new
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.adoption import Fate, State
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import Proved, WorkFile
from aihub_desktop.holdings.evidence import Evidence
from aihub_desktop.holdings.fates import Ready, Told
from aihub_desktop.transport.journal import Identity, discard, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import forget_journal

NOTE: Final = "adopted"
BAD: Final = ".bad"
# Entries are made durable together: a sync for each of 100,000 small files would be what takes the time.
_TOGETHER: Final = 256
_TOGETHER_BYTES: Final = 1 << 30


class Placing:
    """Owns the ledger of the target meanwhile. Methods raise `ProblemError`."""

    def __init__(self, target: Target, report: Callable[[Told], None], *, drop_broken: bool) -> None:
        self._target = target
        self._ledger = Ledger(target.folder)
        self._report = report
        self._drop_broken = drop_broken
        self._pending: list[tuple[Entry, Told]] = []
        self._bytes = 0

    def place(self, ready: Ready, evidence: Evidence, *, may_clear: bool) -> None:
        """The file has its name, and its line at the latest when `flush` returns. IN_THE_WAY where another file has
        the name; with `may_clear` that becomes NAME.bad.
        """
        if ready.path != ready.spot.final:
            if ready.copy is not None:
                ready.copy.claim(evidence.size, evidence.sha256)
            ready.let_go()  # Windows renames nothing that is open
            aside = self._clear(ready.spot) if may_clear else None
            self._target.make_parents(ready.spot)
            publish(Spot(ready.spot.place, ready.spot.final, ready.path, ready.spot.journal), replace=False)
            if aside is not None and self._drop_broken and ready.find.state is State.MISJOINED:
                with contextlib.suppress(OSError):
                    remove(aside)
        self._keep(ready, evidence)

    def set_aside(self, work: WorkFile) -> None:
        """What has the name of this file, though it is another, becomes NAME.bad."""
        self._clear(self._target.spot(work.place))

    def flush(self) -> None:
        """What was placed is in the ledger, and told."""
        pending, self._pending, self._bytes = self._pending, [], 0
        self._ledger.record([entry for entry, _ in pending])
        for entry, told in pending:
            with contextlib.suppress(ProblemError, OSError):
                self._drop_part(told.work)
            forget_journal(self._target, entry.place)
            self._report(told)

    def _keep(self, ready: Ready, evidence: Evidence) -> None:
        note = f"{NOTE} {evidence.note}".strip()
        proved = Proved(0, ready.work.id, evidence.size, evidence.sha256, evidence.proof, note)
        told = Told(ready.work, Fate.ADOPTED, ready.find.path, evidence.size, evidence.proof.value, evidence.note)
        self._pending.append((Entry.of(ready.work, proved), told))
        self._bytes += evidence.size
        if len(self._pending) >= _TOGETHER or self._bytes >= _TOGETHER_BYTES:
            self.flush()

    def _clear(self, spot: Spot) -> Path | None:
        """The final name is free when this returns: where what had it went."""
        final = spot.final
        if not self._target.check_parents(spot) or plain_file(final) is None:
            return None
        number = 1
        while True:
            aside = final.with_name(f"{final.name}{BAD}{number if number > 1 else ''}")
            try:
                rename_new(Spot(spot.place, aside, final, spot.journal))
                sync_folder(final.parent)
            except FileExistsError:
                number += 1
            except OSError as error:
                raise disk_error(error, final) from error
            else:
                return aside

    def _drop_part(self, work: WorkFile) -> None:
        """A download of the same file that was begun, and is not needed any more."""
        spot = self._target.spot(work.place)
        journal = read_journal(spot.journal)
        if journal is None or journal.identity != Identity.of(work) or is_half_published(spot):
            return
        guard = Guard(spot.part)
        try:
            discard(spot)
        finally:
            guard.release()
