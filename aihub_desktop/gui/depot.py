"""The object storages that the engine knows, and the one whose shelves are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QSettings, Signal

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import (
    Browse,
    ListStorages,
    PutStorage,
    RemoveStorage,
    Shelf,
    StorageRow,
    Storages,
)
from aihub_desktop.domain.storage import Storage
from aihub_desktop.gui.engine_link import EngineLink, Refused
from aihub_desktop.gui.models.shelf import Folder
from aihub_desktop.gui.models.shelf_lines import ShelfModel
from aihub_desktop.system.words import Words

_BUCKETS: Final = "buckets"  # preferences: those opened by name, which the storage does not list


class Depot(QObject):
    """`rows` are in the engine's order. Answers about a storage that is no longer chosen are dropped."""

    changed = Signal()  # `rows`
    chosen_changed = Signal()

    def __init__(self, link: EngineLink, words: Words, preferences: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._preferences = link, preferences
        self.rows: list[StorageRow] = []
        self.problem: Problem | None = None  # why the list is not here
        self.known = self._loading = False
        self.chosen: Storage | None = None
        self.shelf = ShelfModel(words, self)
        self.shelf.page_wanted.connect(self._fetch)

    def load(self) -> None:
        """Asks for `rows`, unless that is under way."""
        if not self._loading:
            self._loading = True
            self._link.ask(ListStorages(0), Storages, self._listed, self._not_listed)

    def put(self, wish: PutStorage, answered: Callable[[], None], refused: Refused) -> None:
        """Enters a storage; then `rows` has it."""

        def entered(found: Storages) -> None:
            self._listed(found)
            answered()

        self._link.ask(wish, Storages, entered, refused)

    def remove(self, endpoint: str, refused: Refused) -> None:
        self._link.ask(RemoveStorage(0, endpoint), Storages, self._listed, refused)

    def test(self, endpoint: str, answered: Callable[[int], None], refused: Refused) -> None:
        """Asks the storage for its buckets; says how many it lists."""
        self._link.ask(Browse(0, endpoint), Shelf, lambda page: answered(len(page.folders)), refused)

    def row_of(self, endpoint: str) -> StorageRow | None:
        return next((row for row in self.rows if row.storage.endpoint == endpoint), None)

    def choose(self, storage: Storage | None) -> None:
        """Looks at another storage, or at the same one anew."""
        self.chosen = storage
        self.shelf.clear()
        if storage is not None:
            for name in self._kept(storage.endpoint):
                self.shelf.add_bucket(name)
            self.shelf.ask(self.shelf.tree.root)
        self.chosen_changed.emit()

    def open_bucket(self, name: str) -> None:
        """One that the storage may not list for this key; remembered."""
        if self.chosen is None:
            return
        kept = self._kept(self.chosen.endpoint)
        if name not in kept:
            self._preferences.setValue(f"{_BUCKETS}/{_plain(self.chosen.endpoint)}", " ".join([*kept, name]))
        bucket, root = self.shelf.add_bucket(name), self.shelf.tree.root
        if root.problem is not None and root.problem.code is Code.NO_ACCESS:
            # A key for single buckets: those that are opened by name are all there is to see.
            self.shelf.add_page(root, Shelf([], []))
        self.shelf.open_folder(bucket)

    # ---- inside ----

    def _kept(self, endpoint: str) -> list[str]:
        return str(self._preferences.value(f"{_BUCKETS}/{_plain(endpoint)}", "")).split()

    def _listed(self, found: Storages) -> None:
        self.rows, self.problem, self.known, self._loading = found.rows, None, True, False
        self.changed.emit()
        now = None if self.chosen is None else self.row_of(self.chosen.endpoint)
        if self.chosen is not None and now is None:
            self.choose(None)

    def _not_listed(self, problem: Problem) -> None:
        self.problem, self._loading = problem, False
        self.changed.emit()

    def _fetch(self, folder: Folder) -> None:
        storage = self.chosen
        if storage is None:
            return
        wish = Browse(0, storage.endpoint, folder.bucket, folder.prefix, folder.next or "")
        self._link.ask(
            wish,
            Shelf,
            lambda page: self.shelf.add_page(folder, self._without_known(folder, page)),
            lambda problem: self._not_fetched(folder, problem),
        )

    def _not_fetched(self, folder: Folder, problem: Problem) -> None:
        if folder.parent is None and folder.entries and problem.code is Code.NO_ACCESS:
            self.shelf.add_page(folder, Shelf([], []))
        else:
            self.shelf.fail(folder, problem)

    @staticmethod
    def _without_known(folder: Folder, page: Shelf) -> Shelf:
        """Buckets that were opened by name are there already."""
        if folder.parent is not None:
            return page
        names = {each.name for each in folder.folders}
        return Shelf([name for name in page.folders if name not in names], page.files, page.next)


def _plain(endpoint: str) -> str:
    """As a key of the preferences: a slash would make groups of it."""
    return endpoint.replace("/", "_")
