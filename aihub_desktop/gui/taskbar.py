"""How far everything is, where the desktop shows it: the taskbar's button, the launcher, the Dock."""

from __future__ import annotations

import logging
import sys
from typing import Final, Protocol

from PySide6.QtDBus import QDBusConnection, QDBusMessage
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from aihub_desktop.gui import icons
from aihub_desktop.gui.standing import Standing
from aihub_desktop.gui.tray import badged

_log = logging.getLogger(__name__)

_STEPS: Final = 200
_DESKTOP_FILE: Final = "application://aihub-desktop.desktop"


class _Place(Protocol):
    def show(self, fraction: float | None, needs: int) -> None: ...


class Taskbar:
    """Tells the desktop at each change that anybody could see."""

    def __init__(self, window: QWidget) -> None:
        self._place = _place(window)
        self._shown: tuple[int | None, int] = (None, 0)

    def show(self, now: Standing) -> None:
        step = None if now.fraction is None else round(now.fraction * _STEPS)
        if self._place is not None and (step, now.needs) != self._shown:
            self._shown = (step, now.needs)
            self._place.show(None if step is None else step / _STEPS, now.needs)


def _place(window: QWidget) -> _Place | None:
    if sys.platform == "win32":
        from aihub_desktop.gui.windows_taskbar import Button  # noqa: PLC0415 - of one system only

        try:
            return Button(window)
        except OSError:
            _log.info("no taskbar that could show progress", exc_info=True)
            return None
    if sys.platform == "darwin":
        return _Dock()
    return _Launcher() if QDBusConnection.sessionBus().isConnected() else None


class _Launcher:
    """Docks of Linux desktops (Ubuntu's, KDE's) listen to this signal, first of Unity's launcher."""

    def show(self, fraction: float | None, needs: int) -> None:
        signal = QDBusMessage.createSignal("/aihub_desktop", "com.canonical.Unity.LauncherEntry", "Update")
        facts = {
            "progress": float(fraction or 0.0),
            "progress-visible": fraction is not None,
            "urgent": needs > 0,
        }
        signal.setArguments([_DESKTOP_FILE, facts])
        QDBusConnection.sessionBus().send(signal)


class _Dock:
    """The Dock shows the application's icon: it is drawn with the bar."""

    def show(self, fraction: float | None, needs: int) -> None:
        app = QGuiApplication.instance()
        if isinstance(app, QApplication):
            bare = fraction is None and not needs
            app.setWindowIcon(icons.program_icon() if bare else badged(fraction, needs=needs > 0))
            app.setBadgeNumber(needs)
