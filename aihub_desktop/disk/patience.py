"""Windows lets nobody rename, remove or open a file that another program holds: that is tried again for a while."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

# Virus scanners hold new files for seconds; thirty were enough in every report.
PATIENCE_SECONDS: Final = 30.0
# A file that is about to be gone is denied to everybody, until the last who looked at it has closed it.
_VANISHING_SECONDS: Final = 2.0
T = TypeVar("T")


def patiently_replace(source: Path, target: Path) -> None:
    """`os.replace`, tried for up to 30 s on Windows while another program holds one of the two."""
    _patiently(lambda: os.replace(source, target))


def patiently_rename(source: Path, target: Path) -> None:
    """`os.rename`, tried for up to 30 s on Windows while another program holds one of the two."""
    _patiently(lambda: os.rename(source, target))


def remove(path: Path | str) -> bool:
    """True if something was removed."""
    try:
        _patiently(lambda: os.unlink(path))
    except FileNotFoundError:
        return False
    return True


def patient_open(path: Path | str, flags: int) -> int:
    """`os.open`, tried for up to 30 s on Windows while another program holds the file.

    Also an `opener` of `open`.
    """
    return _patiently(lambda: os.open(path, flags, 0o666), lambda: _is_held(path))


def _patiently(act: Callable[[], T], is_held: Callable[[], bool] = lambda: True) -> T:
    began = time.monotonic()
    pause = 0.02
    while True:
        try:
            return act()
        except PermissionError:
            if sys.platform != "win32":
                raise
            waited = time.monotonic() - began
            if waited > PATIENCE_SECONDS or (waited > _VANISHING_SECONDS and not is_held()):
                raise
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateFileW.restype = wintypes.HANDLE
    _kernel.CreateFileW.argtypes = (
        *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD),
        wintypes.HANDLE,
    )
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _READ_AND_WRITE: Final = 0xC0000000
    _SHARED_WITH_ALL: Final = 7
    _THERE_ALREADY: Final = 3
    # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
    _HELD: Final = frozenset({32, 33})

    def _is_held(path: Path | str) -> bool:
        """Whether another program is the reason; what the C library says is the same for what nobody may open."""
        handle = _kernel.CreateFileW(str(path), _READ_AND_WRITE, _SHARED_WITH_ALL, None, _THERE_ALREADY, 0, None)
        if handle != wintypes.HANDLE(-1).value:
            _kernel.CloseHandle(handle)
            return True  # it was, a moment ago
        return ctypes.get_last_error() in _HELD

else:

    def _is_held(path: Path | str) -> bool:
        return False
