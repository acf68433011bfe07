"""A real session bus of its own, and a desktop on it that grants what programs ask for and notes it."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest

NEEDS_BUS: Final = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="needs Linux with dbus-daemon"
)


@contextmanager
def session_bus(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[Desktop]:
    """The bus, whose address is in the environment, and a desktop that owns `names`."""
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"], stdout=subprocess.PIPE, text=True
    ) as daemon:
        assert daemon.stdout is not None
        try:
            address = daemon.stdout.readline().strip()
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            desktop = Desktop(address, names)
            yield desktop
        finally:
            daemon.terminate()
    desktop.close()


class Desktop:
    """Owns `names` and answers every call to them with a number. Signals are noted, too.

    Each note is (member, body); a peer that has left the bus is ("gone", its name).
    """

    def __init__(self, address: str, names: Sequence[str]) -> None:
        from jeepney import message_bus  # noqa: PLC0415 - of Linux only
        from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415

        self.notes: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.address = address
        self._bus = open_dbus_connection("SESSION")
        for name in names:
            assert self._bus.send_and_get_reply(message_bus.RequestName(name)).body == (1,)
        for rule in ("type='signal',member='NameOwnerChanged'", "type='signal',member='Update'"):
            self._bus.send_and_get_reply(message_bus.AddMatch(rule))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Once the bus is gone."""
        self._thread.join()
        self._bus.close()

    def _serve(self) -> None:
        from jeepney import HeaderFields, MessageType, new_method_return  # noqa: PLC0415 - of Linux only

        while True:
            try:
                message = self._bus.receive()
            except (OSError, ConnectionError):
                return
            member = message.header.fields.get(HeaderFields.member, "")
            if message.header.message_type is MessageType.method_call:
                self.notes.put((member, message.body))
                self._bus.send(new_method_return(message, "u", (7,)))
            elif member == "NameOwnerChanged" and not message.body[2]:
                self.notes.put(("gone", message.body[0]))
            elif member == "Update":
                self.notes.put((member, message.body))

    def next(self, *members: str, seconds: float = 20) -> tuple[str, Any]:
        """The next note of one of these kinds."""
        while True:
            note = self.notes.get(timeout=seconds)
            if note[0] in members:
                return note
