"""The window: a side bar, the pages, and above them the headline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from aihub_desktop.domain import links
from aihub_desktop.domain.model import Dataset
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.gui import arrivals, icons, keys, theme
from aihub_desktop.gui.arrivals import Arrivals
from aihub_desktop.gui.batches.entrance import Batches
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.farewell import Farewell
from aihub_desktop.gui.headline import Headline
from aihub_desktop.gui.inside.entrance import Entrance
from aihub_desktop.gui.pages.datasets import DatasetsPage
from aihub_desktop.gui.pages.downloads import DownloadsPage
from aihub_desktop.gui.pages.library import LibraryPage
from aihub_desktop.gui.pages.settings import SettingsPage, show_keys
from aihub_desktop.gui.pages.storage import StoragePage
from aihub_desktop.gui.presence import Presence
from aihub_desktop.gui.side_bar import Place, SideBar
from aihub_desktop.gui.welcome import Welcome
from aihub_desktop.system.words import Words

_GEOMETRY, _SPLITTER, _LANGUAGE = "window/geometry", "window/splitter", "language"


class Window(QWidget):
    """`gone` comes once the window is closed and no process of it is left."""

    gone = Signal()
    language_wanted = Signal(str)

    def __init__(self, desk: Desk, *, first: bool = False) -> None:
        """`first`: the first start's screen stands in place of the pages."""
        super().__init__()
        self.desk = desk
        self._closing = False
        self.farewell = Farewell(desk, self)
        self.entrance = Entrance(desk, self)
        self.presence = Presence(desk, self)
        self.setMinimumSize(900, 600)
        self.setAcceptDrops(True)
        self.side = SideBar()
        self.headline = Headline(desk)
        self.welcome = Welcome(desk) if first else None
        self._pages = QStackedWidget()
        self.datasets = DatasetsPage(desk)
        self.storage = StoragePage(desk)
        self.downloads = DownloadsPage(desk)
        self.library = LibraryPage(desk)
        self.settings = SettingsPage(desk, self.presence, str(desk.preferences.value(_LANGUAGE, "")))
        self.batches = Batches(desk, self, self._added, self.headline.tell)
        self.arrivals = Arrivals(desk, self.datasets, self.storage, self.batches, go=self.go, tell=self.headline.tell)
        for page in (self.datasets, self.storage, self.downloads, self.library, self.settings):
            self._pages.addWidget(page)
        self._lay_out()
        self._connect()
        self._shortcuts()
        self._restore()
        self._tint()
        self.speak()
        self.side.list.setCurrentRow(Place.DATASETS)
        if self.welcome is None:
            self.datasets.focus_search()
        else:
            self.welcome.key.setFocus()

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.headline)
        right.addWidget(self._pages, 1)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.side)
        box.addLayout(right, 1)
        if self.welcome is not None:
            right.addWidget(self.welcome, 1)
            self.side.hide()
            self._pages.hide()
            self.welcome.over.connect(self._begin)

    def _connect(self) -> None:
        self.side.list.currentRowChanged.connect(self._pages.setCurrentIndex)
        self.datasets.added.connect(self._added)
        self.storage.added.connect(self._added)
        self.library.added.connect(self._added)
        self.datasets.files.batch_wanted.connect(self.batches.save)
        self.storage.batch_wanted.connect(self.batches.save)
        self.storage.batch_dropped.connect(self.batches.open)
        self.downloads.batching.wanted.connect(self.batches.save_rows)
        self.side.batch.clicked.connect(self.batches.ask)
        self.library.panel.release_wanted.connect(lambda key: self.arrivals.open([f"{links.SCHEME}:{key}"]))
        self.library.door.adopt_wanted.connect(lambda folder: _adopt(self.desk, self, self._added, folder=folder))
        self.datasets.files.adopt_wanted.connect(lambda: _adopt(self.desk, self, self._added, dataset=self.desk.chosen))
        for page in (self.library, self.downloads):
            page.look_wanted.connect(self.entrance.look)
        self.library.unpack_wanted.connect(self.entrance.unpack)
        self.entrance.unpacking.connect(self.library.show_folder)
        self.entrance.unpacking.connect(lambda _: self.go(Place.LIBRARY))
        self.downloads.storage_wanted.connect(self.open_storage)
        self.downloads.find_wanted.connect(self._find_dataset)
        self.settings.language_wanted.connect(self.language_wanted)
        self.desk.queue.totals_changed.connect(self._show_totals)
        self.desk.link.closed.connect(self._closed)
        self.farewell.ready.connect(self.leave)
        self.farewell.waiting_changed.connect(self.downloads.strip.set_closing)
        self.downloads.strip.close_wanted.connect(self.leave)
        self.downloads.pace.hours_wanted.connect(self._choose_hours)
        tray, acts = self.presence.tray, self.downloads.actions_by_name
        tray.open_wanted.connect(self.come)
        tray.quit_wanted.connect(self.quit)
        tray.pause_wanted.connect(acts["pause-all"].trigger)
        tray.resume_wanted.connect(acts["resume-all"].trigger)

    def _shortcuts(self) -> None:
        acts: dict[str, Callable[[], object]] = {
            **{place.name.lower(): partial(self.go, place) for place in Place},
            "find": self._find, "batch": self.batches.ask, "refresh": self._refresh,
            "help": lambda: show_keys(self.desk, self), "close": self.close, "quit": self.quit,
        }  # fmt: skip
        for name, act in acts.items():
            shortcut = QShortcut(self)
            keys.bind(shortcut, "everywhere", name)
            shortcut.activated.connect(act)

    def speak(self) -> None:
        """All texts anew, in the desk's language."""
        say = self.desk.words.say
        self.setWindowTitle(say("gui.window.title"))
        self.headline.speak()
        self.side.speak(self.desk.words)
        self.presence.speak()
        if self.welcome is not None:
            self.welcome.speak()
        for page in (self.datasets, self.storage, self.downloads, self.library, self.settings):
            page.speak()
        self.entrance.speak()
        self._show_totals()

    def _begin(self) -> None:
        """The first start is over."""
        self.side.show()
        self._pages.show()
        self.datasets.focus_search()

    def change_language(self, wanted: str) -> None:
        """ "" follows the system."""
        self.desk.preferences.setValue(_LANGUAGE, wanted)
        self.desk.speak(Words(wanted or None))
        self.speak()

    def go(self, place: Place) -> None:
        """Shows a page. The first start's screen gives way: what it asks for is asked for where it is needed."""
        if self.welcome is not None:
            self.welcome.end()
        self.side.list.setCurrentRow(place)

    # ---- what concerns all pages ----

    def _added(self, transfer: int) -> None:
        self.go(Place.DOWNLOADS)
        # The row may come a moment after the answer.
        QTimer.singleShot(0, self, lambda: self.downloads.view.select(transfer))

    def open_storage(self, endpoint: str) -> None:
        """The page, with the dialog of a storage."""
        self.go(Place.STORAGE)
        self.storage.show_storage(endpoint)

    def _find(self) -> None:
        if self._pages.currentWidget() is self.storage:
            self.storage.focus_filter()
        elif self._pages.currentWidget() is self.downloads:
            self.downloads.focus_filter()
        else:
            self._find_dataset()

    def _find_dataset(self) -> None:
        self.go(Place.DATASETS)
        self.datasets.focus_search()

    def _choose_hours(self) -> None:
        self.go(Place.SETTINGS)
        self.settings.show_hours()

    def _refresh(self) -> None:
        if self._pages.currentWidget() is self.datasets:
            self.datasets.reload()
            self.datasets.files.reload()
        elif self._pages.currentWidget() is self.storage:
            self.storage.reload()
        elif self._pages.currentWidget() is self.library:
            self.desk.library.load()

    def _show_totals(self) -> None:
        queue, words = self.desk.queue, self.desk.words
        rows = [row for row in queue.transfers() if row.state not in TRANSFER_ENDED]
        needs = sum(row.state is TransferState.NEEDS_USER for row in rows)
        speed = words.say("gui.side.speed", speed=words.speed(queue.rate)) if queue.rate >= 1 else ""
        self.side.set_downloads(words, len(rows), needs, speed)

    # ---- coming and going ----

    def _restore(self) -> None:
        geometry = self.desk.preferences.value(_GEOMETRY)
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(1120, 740)
        splitter = self.desk.preferences.value(_SPLITTER)
        if not (isinstance(splitter, QByteArray) and self.datasets.splitter.restoreState(splitter)):
            self.datasets.splitter.setSizes([380, 560])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            # The window hears of it first; its buttons still have their old palettes.
            QTimer.singleShot(0, self, self._tint)

    def _tint(self) -> None:
        """Whatever took its colours from the palette by hand takes them again."""
        shelves, web = self.storage.shelves, self.storage.web
        for view in (
            self.datasets.view, self.datasets.files.view, self.downloads.view, shelves.list, shelves.view, web.view,
            self.library.view, self.library.panel.view,
        ):  # fmt: skip
            theme.calm(view)
        theme.retint(self)
        icons.redress(self)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if arrivals.is_welcome(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.arrivals.open_dropped(event.mimeData())

    def come(self) -> None:
        """To the front, from wherever it is."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        """While something is under way it only hides, where it can be found again; else it ends."""
        event.ignore()
        app = QGuiApplication.instance()
        ends = isinstance(app, QGuiApplication) and app.isSavingSession()
        if not self._closing and not ends and self.presence.may_hide():
            self.hide()
            self.presence.tell_hidden()
        else:
            self.quit()

    def quit(self) -> None:
        """Asks first where files under way would have to be received again."""
        if self._closing:
            return
        if self.farewell.may_close():
            self.leave()
        elif not self.isVisible() or self.isMinimized():
            self.come()  # the question stands in front of it

    def leave(self) -> None:
        """The window vanishes at once; what came is made durable before the program ends."""
        if self._closing:
            return
        self._closing = self.headline.is_over = True
        self.presence.end()
        self.settings.releases.end()
        self.desk.preferences.setValue(_GEOMETRY, self.saveGeometry())
        self.desk.preferences.setValue(_SPLITTER, self.datasets.splitter.saveState())
        self.desk.preferences.sync()
        # The engine may save for seconds yet, and nobody is left who would hear a dialog's answer.
        for dialog in filter(QDialog.isVisible, self.findChildren(QDialog)):
            dialog.reject()
        self.hide()
        self.desk.link.close()

    def _closed(self) -> None:
        if self._closing:
            self.desk.opened.clear()
            self.gone.emit()


def _adopt(
    desk: Desk, window: QWidget, added: Callable[[int], None], *, folder: str = "", dataset: Dataset | None = None
) -> None:
    """What other tools left is to be taken over: from `folder`, of `dataset`, as far as they are known."""
    from aihub_desktop.gui.adopt_dialog import adoption  # noqa: PLC0415 - the first picture needs no dialog

    adoption(desk, window, added, dataset).begin(folder)
