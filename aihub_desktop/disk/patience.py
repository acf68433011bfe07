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
    """`os.open`, tried for up to 30 s on Windows while another program holds the file. Raises `OSError`.

    `flags`: how it is written to, O_CREAT, O_EXCL; there no others count. Who only reads there keeps nobody from
    renaming or removing it.
    """
    return _patiently(lambda: _open(path, flags), _is_held)


def contents(path: Path | str) -> bytes:
    """Of a small file that another process may be about to replace. Raises `OSError`."""
    with open(path, "rb", buffering=0, opener=patient_open) as file:
        return file.read()


def _patiently(act: Callable[[], T], is_held: Callable[[OSError], bool] = lambda error: True) -> T:
    began = time.monotonic()
    pause = 0.02
    while True:
        try:
            return act()
        except PermissionError as error:
            waited = time.monotonic() - began
            if sys.platform != "win32" or waited > (PATIENCE_SECONDS if is_held(error) else _VANISHING_SECONDS):
                raise
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateFileW.restype = wintypes.HANDLE
    _kernel.CreateFileW.argtypes = (
        *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD),
        wintypes.HANDLE,
    )
    _NONE: Final = wintypes.HANDLE(-1).value
    _READ: Final = 0x80000000
    _WRITE: Final = 0x40000000
    _SHARED_READING_AND_WRITING: Final = 3
    _SHARED_REMOVAL: Final = 4
    _NEW, _THERE_ALREADY, _EITHER = 1, 3, 4
    _NORMAL: Final = 0x80
    _HELD: Final = frozenset({32, 33})  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION

    def _open(path: Path | str, flags: int) -> int:
        # Not os.open: that says EACCES for what is held and for what is denied, and lets nobody remove what is read.
        reads = not flags & (os.O_RDWR | os.O_WRONLY)
        access = _READ if reads else _WRITE if flags & os.O_WRONLY else _READ | _WRITE
        shared = _SHARED_READING_AND_WRITING | (_SHARED_REMOVAL if reads else 0)
        how = (_NEW if flags & os.O_EXCL else _EITHER) if flags & os.O_CREAT else _THERE_ALREADY
        handle = _kernel.CreateFileW(os.fspath(path), access, shared, None, how, _NORMAL, None)
        if handle == _NONE:
            number = ctypes.get_last_error()
            raise OSError(None, ctypes.FormatError(number), os.fspath(path), number)
        return msvcrt.open_osfhandle(handle, (os.O_RDONLY if reads else os.O_RDWR) | os.O_BINARY | os.O_NOINHERIT)

    def _is_held(error: OSError) -> bool:
        return error.winerror in _HELD

else:

    def _open(path: Path | str, flags: int) -> int:
        return os.open(path, flags, 0o666)

    def _is_held(error: OSError) -> bool:
        return False
