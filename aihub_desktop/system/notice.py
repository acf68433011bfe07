"""A notice of the desktop, on systems where programs ask for it over D-Bus."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Final

_log = logging.getLogger(__name__)

_SECONDS: Final = 5.0


def show(title: str, text: str, icon: str = "aihub-desktop") -> bool:
    """Asks for a notice and does not wait for it. False where there is nobody to ask.

    Source: the Desktop Notifications Specification 1.2, org.freedesktop.Notifications.
    """
    if sys.platform in ("win32", "darwin") or not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    # The bus may hang, and so may whoever shows notices.
    threading.Thread(target=_ask, args=(title, text, icon), name="notice", daemon=True).start()
    return True


def _ask(title: str, text: str, icon: str) -> None:
    from jeepney import DBusAddress, new_method_call  # noqa: PLC0415 - 30 ms, and only where a notice is shown
    from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415

    where = DBusAddress(
        "/org/freedesktop/Notifications", bus_name="org.freedesktop.Notifications",
        interface="org.freedesktop.Notifications",
    )  # fmt: skip
    words: tuple[object, ...] = (
        "AI Hub Desktop",
        0,
        icon,
        title,
        _plain(text),
        [],
        {"desktop-entry": ("s", "aihub-desktop")},
        -1,
    )
    try:
        with open_dbus_connection("SESSION") as bus:
            bus.send_and_get_reply(new_method_call(where, "Notify", "susssasa{sv}i", words), timeout=_SECONDS)
    except Exception:  # whatever it is: a notice that is not seen stops nothing
        _log.info("no notice", exc_info=True)


def _plain(text: str) -> str:
    """The body may hold markup, and the names of files do not."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
