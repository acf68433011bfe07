"""How the whole queue stands: what the tray, the taskbar and notices show while the window is out of sight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, TransferState


@dataclass(frozen=True, slots=True)
class Standing:
    """Transfers under way and those that wait for the person; bytes of the former; bytes a second."""

    active: int = 0
    needs: int = 0
    paused: int = 0
    bytes: int = 0
    total: int = 0  # the middle of what it may be
    rate: float = 0.0
    tasks: int = 0  # of the library, at work
    lost: bool = False  # there is no engine, and that is what the person is needed for

    @property
    def fraction(self) -> float | None:
        """0 to 1; None where nothing is under way."""
        if not self.active:
            return None
        return min(1.0, self.bytes / self.total) if self.total else 0.0


def standing(rows: Iterable[TransferRow], rate: float) -> Standing:
    """Of these transfers together."""
    active = needs = paused = done = total = 0
    for row in rows:
        needs += row.state is TransferState.NEEDS_USER
        paused += row.state is TransferState.PAUSED and not row.finishing
        if row.state in TRANSFER_MAY_RUN or row.finishing:
            active += 1
            done += row.bytes
            total += max(row.bytes, (row.low + row.high) // 2)
    return Standing(active, needs, paused, done, total, rate)
