"""Back from the hub's page: what was waiting for it is tried again by itself."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from aihub_desktop.domain.messages import Resume, TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.cures import page_of
from aihub_desktop.gui.desk import Desk


class Homecoming(QObject):
    """A person who was sent to a dataset's page applies there, or renews the approval, and comes back to the window."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._waiting: set[int] = set()
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._moved)

    def send_to_page(self, row: TransferRow) -> None:
        """Opens the page that can cure a transfer."""
        self._waiting.add(row.id)
        QDesktopServices.openUrl(QUrl(page_of(row.dataset)))

    def _moved(self, state: Qt.ApplicationState) -> None:
        if state is not Qt.ApplicationState.ApplicationActive or not self._waiting:
            return
        needy = {row.id for row in self._desk.queue.transfers() if row.state is TransferState.NEEDS_USER}
        if again := sorted(self._waiting & needy):
            self._desk.link.tell(Resume(0, again), refused=self._desk.refused.emit)
        self._waiting.clear()
