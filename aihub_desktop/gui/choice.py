"""The selected rows of the queue, and what may be done with them."""

from __future__ import annotations

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import TRANSFER_ENDED, TRANSFER_MAY_RUN, FileState, TransferState
from aihub_desktop.gui.models.queue_rows import comes_in_streams


class Choice:
    """Rows, and the ids of those among them that fit each deed."""

    def __init__(self, transfers: list[TransferRow], files: list[FileRow]) -> None:
        self.transfers = transfers
        self.files = files  # selected by themselves, not with their transfer

    def to_pause(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in TRANSFER_MAY_RUN]

    def to_finish(self) -> list[int]:
        """Those among `to_pause` whose running files would have to come anew."""
        return [row.id for row in self.transfers if row.state in TRANSFER_MAY_RUN and comes_in_streams(row)]

    def to_stop(self) -> list[int]:
        """Those to pause, and those that only finish what they began."""
        return [row.id for row in self.transfers if row.state in TRANSFER_MAY_RUN or row.finishing]

    def to_resume(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in (TransferState.PAUSED, TransferState.NEEDS_USER)]

    def to_retry(self) -> list[int]:
        again = (TransferState.FAILED, TransferState.CANCELLED)
        return [row.id for row in self.transfers if row.state in again or (row.failed and row.state in TRANSFER_ENDED)]

    def files_to_retry(self) -> list[int]:
        return [row.id for row in self.files if row.state in (FileState.FAILED, FileState.SKIPPED)]

    def to_cancel(self) -> list[int]:
        return [row.id for row in self.transfers if row.state not in TRANSFER_ENDED]

    def files_to_order(self) -> list[FileRow]:
        """Of chosen files only: with a transfer among them, it is the transfers that are put in order."""
        return [] if self.transfers else [row for row in self.files if row.state is not FileState.DONE]

    def files_to_cancel(self) -> list[int]:
        return [row.id for row in self.files if row.state not in (FileState.DONE, FileState.SKIPPED)]

    def to_remove(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in TRANSFER_ENDED]
