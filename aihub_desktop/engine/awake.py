"""Keeps the machine from falling asleep by itself while something is under way. A person's own wish to sleep holds.

Whoever is asked may hang, so it happens off the loop; whatever is held goes with this process, however it ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.settings import Awake
from aihub_desktop.engine.errands import Errands

_log = logging.getLogger(__name__)

_LINGER: Final = 60.0  # between two files, or two attempts, nothing is let go
_MAINS_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 5.0
_WHO, _WHY = "AI Hub Desktop", "Datasets are being downloaded"
_SUPPLIES: Final = Path("/sys/class/power_supply")

Release = Callable[[], None]


class Wakefulness:
    """Lives on the engine's loop. `take` and `has_mains`: how this system does it."""

    def __init__(
        self,
        errands: Errands,
        take: Callable[[], Release | None] | None = None,
        supply: Callable[[], bool] | None = None,
    ) -> None:
        self._errands = errands
        self._take, self._has_mains = take or hold_off, supply or has_mains
        self._until = self._asked_mains = float("-inf")
        self._mains = False  # until it is known
        self._release: Release | None = None
        self._held = self._busy = False

    def enforce(self, active: bool, mode: Awake) -> None:
        """Once a turn: `active` says whether something is under way now."""
        now = time.monotonic()
        if active:
            self._until = now + _LINGER
        wanted = mode is not Awake.NEVER and now < self._until
        if wanted and mode is Awake.MAINS:
            self._ask_mains(now)
            wanted = self._mains
        if wanted != self._held and not self._busy:
            self._held, self._busy = wanted, True
            self._errands.run_apart("awake", self._hold if wanted else self._let_go, self._done)

    def close(self) -> None:
        """At the end, when no errand runs any more."""
        self._let_go()

    def _ask_mains(self, now: float) -> None:
        if now - self._asked_mains >= _MAINS_SECONDS:
            self._asked_mains = now
            self._errands.run_apart("mains", self._has_mains, self._supplied)

    def _supplied(self, value: Any, problem: Problem | None) -> None:
        self._mains = problem is not None or bool(value)

    def _hold(self) -> bool:
        # Kept at once: at the end of everything nobody comes back to the loop.
        self._release = self._take()
        return self._release is not None

    def _let_go(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()

    def _done(self, value: Any, problem: Problem | None) -> None:
        self._busy = False
        if self._held and not value:
            _log.info("this system cannot be kept awake: %s", problem)


def hold_off() -> Release | None:
    """Holds sleep off; gives what ends that, or None where nobody can be asked."""
    if sys.platform == "win32":
        return _by_request()
    if sys.platform == "darwin":
        return _by_process(["/usr/bin/caffeinate", "-i", "-w", str(os.getpid())])
    return _by_desktop() or _by_process(
        ["systemd-inhibit", "--what=idle", f"--who={_WHO}", f"--why={_WHY}", "--mode=block", "cat"]
    )


def has_mains() -> bool:
    """Whether the machine runs on mains power; also where nothing is known of it."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "win32":
            return _windows_mains()
        if sys.platform == "darwin":
            told = subprocess.run(
                ["/usr/bin/pmset", "-g", "ps"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
            )
            return "Battery Power" not in told.stdout
        return _linux_mains(_SUPPLIES)
    return True


def _linux_mains(supplies: Path) -> bool:
    kinds = {path: _read(path / "type") for path in supplies.iterdir()}
    lines = [path for path, kind in kinds.items() if kind in ("Mains", "USB")]
    if any(_read(path / "online") == "1" for path in lines):
        return True
    # Batteries of mice and keyboards have the scope "Device".
    return not any(kind == "Battery" and _read(path / "scope") != "Device" for path, kind in kinds.items())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _by_process(words: list[str]) -> Release | None:
    """A child that holds it while it lives: until its input ends, which also happens when this process dies."""
    try:
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )  # fmt: skip
        child.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return lambda: _end(child)
    except OSError:
        return None
    _end(child)  # it did not stay: there is nobody whom it could ask
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    child.wait()


def _by_desktop() -> Release | None:
    """Asks the session (GNOME and its kin; else KDE, Xfce, MATE). It holds while the connection stands.

    Sources: org.gnome.SessionManager's Inhibit, flag 4 for sleep; org.freedesktop.PowerManagement.Inhibit.
    """
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - of one system only

    try:
        bus: Any = open_dbus_connection("SESSION")
    except Exception:  # no bus, whatever the reason
        return None
    try:
        if any(_is_granted(bus, *request) for request in _requests()):
            return partial(_close, bus)
    except Exception:
        _log.info("the session does not answer", exc_info=True)
    bus.close()
    return None


def _close(bus: Any) -> None:
    bus.close()


def _requests() -> Iterator[tuple[str, str, str, tuple[object, ...]]]:
    """Name, object, signature and words of each way to ask."""
    gnome = "org.gnome.SessionManager"
    yield gnome, "/org/gnome/SessionManager", "susu", ("aihub-desktop", 0, _WHY, 4)
    power = "org.freedesktop.PowerManagement.Inhibit"
    yield power, "/org/freedesktop/PowerManagement/Inhibit", "ss", (_WHO, _WHY)


def _is_granted(bus: Any, name: str, where: str, signature: str, words: tuple[object, ...]) -> bool:
    from jeepney import DBusAddress, MessageType, new_method_call  # noqa: PLC0415 - of one system only

    asked = new_method_call(DBusAddress(where, bus_name=name, interface=name), "Inhibit", signature, words)
    answer = bus.send_and_get_reply(asked, timeout=_ANSWER_SECONDS)
    return bool(answer.header.message_type is MessageType.method_return)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _SYSTEM_REQUIRED: Final = 1  # PowerRequestSystemRequired

    class _Reason(ctypes.Structure):
        """REASON_CONTEXT with a plain text."""

        _fields_ = (
            ("version", wintypes.ULONG), ("flags", wintypes.DWORD),
            ("text", wintypes.LPWSTR), ("spare", ctypes.c_void_p * 2),
        )  # fmt: skip

    class _PowerStatus(ctypes.Structure):
        """SYSTEM_POWER_STATUS."""

        _fields_ = (
            ("line", ctypes.c_ubyte), ("battery", ctypes.c_ubyte), ("percent", ctypes.c_ubyte),
            ("saver", ctypes.c_ubyte), ("seconds", wintypes.DWORD), ("full", wintypes.DWORD),
        )  # fmt: skip

    def _by_request() -> Release | None:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.PowerCreateRequest.restype = wintypes.HANDLE
        handle = kernel.PowerCreateRequest(ctypes.byref(_Reason(0, 1, _WHY)))
        request = wintypes.HANDLE(handle)
        if handle in (None, wintypes.HANDLE(-1).value) or not kernel.PowerSetRequest(request, _SYSTEM_REQUIRED):
            return None

        def release() -> None:
            kernel.PowerClearRequest(request, _SYSTEM_REQUIRED)
            kernel.CloseHandle(request)

        return release

    def _windows_mains() -> bool:
        status = _PowerStatus()
        known = ctypes.WinDLL("kernel32").GetSystemPowerStatus(ctypes.byref(status))
        return not known or status.line != 0
