"""What comes from outside – links, addresses, files; clicked, dropped or typed at a start – goes to its page.

Nothing is downloaded: that takes a click of the person, who has seen what it would be.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QMimeData, QObject, QUrl
from PySide6.QtGui import QFileOpenEvent

from aihub_desktop.domain import addresses, links
from aihub_desktop.gui.batches.entrance import Batches
from aihub_desktop.gui.batches.files import is_batch
from aihub_desktop.gui.desk import Copy, Desk
from aihub_desktop.gui.pages.datasets import DatasetsPage
from aihub_desktop.gui.pages.storage import StoragePage
from aihub_desktop.gui.side_bar import Place

_MOST: Final = 10_000  # of a drop; a longer list is a file

Tell = Callable[[str, str], None]


class Arrivals(QObject):
    """`go` shows a page; `tell` says what led nowhere; `batches` opens batch files."""

    def __init__(
        self, desk: Desk, datasets: DatasetsPage, storage: StoragePage, batches: Batches, *,
        go: Callable[[Place], None], tell: Tell,
    ) -> None:  # fmt: skip
        super().__init__(datasets)
        self._desk, self._datasets, self._storage, self._batches = desk, datasets, storage, batches
        self._go, self._tell = go, tell
        self._waiting = ""  # a dataset's key, until there is a list
        desk.catalogue_changed.connect(self._listed)

    def open(self, words: list[str]) -> None:
        """Each word is a link, an address, or the path of a list or of a batch file."""
        datasets: list[str] = []
        web: list[str] = []
        lists: list[Path] = []
        batches: list[Path] = []
        for word in words:
            if key := links.dataset_of(word):
                datasets.append(key)
            elif links.is_link(word):
                say = self._desk.words.say
                self._tell(say("gui.link.strange", link=word[:200]), say("gui.link.strange-text"))
            elif path := _local(word):
                (batches if is_batch(path) else lists).append(path)
            else:
                web.append(word)
        if web or lists:
            self._go(Place.STORAGE)
            self._storage.take(web, lists)
        if datasets:  # the page shows one
            self._open_dataset(datasets[-1])
        if batches:  # a dialog shows one
            self._batches.open(batches[-1])

    def open_dropped(self, data: QMimeData) -> None:
        self.open(_words(data))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """macOS hands links and files over as events of the application."""
        if isinstance(event, QFileOpenEvent):
            self.open([event.file() or event.url().toString()])
            return True
        return super().eventFilter(watched, event)

    def _open_dataset(self, key: str) -> None:
        self._go(Place.DATASETS)
        if not self._datasets.show_dataset(key):
            self._waiting = key
            self._listed(self._desk.catalogue)

    def _listed(self, copy: Copy) -> None:
        if not self._waiting or copy.loading or not (copy.asked_at or copy.problem):
            return
        key, self._waiting = self._waiting, ""
        if not self._datasets.show_dataset(key):
            say = self._desk.words.say
            self._tell(say("gui.link.unknown", number=key), say("gui.link.unknown-text"))


def _local(word: str) -> Path | None:
    """A path, as it is or as file managers write it; None for an address elsewhere."""
    if not addresses.has_scheme(word):
        return Path(word)
    url = QUrl(word)
    return Path(url.toLocalFile()) if url.isLocalFile() else None


def is_welcome(data: QMimeData) -> bool:
    """Whether something that is dragged could be opened here."""
    return bool(_words(data))


def _words(data: QMimeData) -> list[str]:
    if data.hasUrls():
        return [_word(url) for url in data.urls()[:_MOST] if not Path(url.toLocalFile() or "\0").is_dir()]
    lines = data.text().splitlines()[:_MOST] if data.hasText() else []
    return [line.strip() for line in lines if links.is_link(line) or addresses.has_scheme(line.strip())]


def _word(url: QUrl) -> str:
    return url.toLocalFile() if url.isLocalFile() else url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
