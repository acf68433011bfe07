"""From rows of the queue to what a batch says: all files of a download are asked for, for the window knows some."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aihub_desktop.domain.messages import FileList, FileRow, FileRows, ListFiles, Rows, TransferRow
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile
from aihub_desktop.gui.batches.selection import Selection, joined, of_addresses, of_dataset
from aihub_desktop.gui.engine_link import EngineLink, Refused

_PAGE = 1000


class Gathering:
    """Of whole downloads, and of single files with the downloads that they are of. `done` follows, or `failed`."""

    def __init__(self, link: EngineLink, done: Callable[[Selection], None], failed: Refused) -> None:
        self._link, self._done, self._failed = link, done, failed
        self._chosen: dict[Dataset, dict[str, RemoteFile]] = {}
        self._whole: list[TransferRow] = []
        self._lists: dict[Dataset, list[RemoteFile]] = {}

    def begin(self, whole: Sequence[TransferRow], single: Sequence[tuple[TransferRow, FileRow]]) -> None:
        for transfer, row in single:
            self._take(transfer, [row])
        self._whole = list(whole)
        self._next_page(0)

    def _take(self, transfer: TransferRow, rows: Sequence[FileRow]) -> None:
        # One dataset may have had another title when another download of it was added.
        wanted = (transfer.dataset.source, transfer.dataset.key, transfer.dataset.package)
        known = (one for one in self._chosen if (one.source, one.key, one.package) == wanted)
        self._chosen.setdefault(next(known, transfer.dataset), {}).update({row.file.key: row.file for row in rows})

    def _next_page(self, offset: int) -> None:
        if not self._whole:
            self._next_list()
            return
        transfer = self._whole[0]

        def come(page: FileRows) -> None:
            self._take(transfer, page.rows)
            there = offset + len(page.rows)
            if not page.rows or there >= page.total:
                self._whole.pop(0)
                there = 0
            self._next_page(there)

        self._link.ask(Rows(0, transfer.id, offset, _PAGE), FileRows, come, self._failed)

    def _next_list(self) -> None:
        """Of which files each dataset consists, as it was listed last: what has a name in common is seen by it."""
        dataset = next((one for one in self._chosen if one.source == HUB and one not in self._lists), None)
        if dataset is None:
            self._finish()
            return

        def listed(files: list[RemoteFile]) -> None:
            self._lists[dataset] = files
            self._next_list()

        wish = ListFiles(0, dataset.key, dataset.package)
        self._link.ask(wish, FileList, lambda answer: listed(answer.files), lambda _: listed([]))

    def _finish(self) -> None:
        parts, elsewhere = [], list[RemoteFile]()
        for dataset, files in self._chosen.items():
            if dataset.source == HUB:
                parts.append(of_dataset(dataset, self._lists[dataset], list(files.values())))
            else:
                elsewhere += files.values()
        title = next(iter(self._chosen)).title if self._chosen else ""
        if elsewhere:
            parts.append(of_addresses(title, elsewhere))
        if parts:
            self._done(joined(title, parts))
