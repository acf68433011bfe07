"""A console of Windows with a code page of its own, and what a program leaves on it.

    python console_of.py PAGE FILE PROGRAM WORD…

Has to be started with a console of its own (`CREATE_NO_WINDOW`). Writes the screen to FILE as UTF-8, and ends as the
program did.
"""

from __future__ import annotations

import ctypes
import msvcrt
import os
import subprocess
import sys
from ctypes import wintypes
from pathlib import Path
from typing import Final

assert sys.platform == "win32", "of Windows alone"

WIDTH: Final = 120
LINES: Final = 300

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.SetConsoleScreenBufferSize.argtypes = (wintypes.HANDLE, wintypes._COORD)
kernel.ReadConsoleOutputCharacterW.argtypes = (
    *(wintypes.HANDLE, wintypes.LPWSTR, wintypes.DWORD, wintypes._COORD),
    ctypes.POINTER(wintypes.DWORD),
)


def main(page: int, into: Path, words: list[str]) -> int:
    if not kernel.SetConsoleOutputCP(page) or not kernel.SetConsoleCP(page):
        raise ctypes.WinError(ctypes.get_last_error())
    given, screen = (os.open(name, os.O_RDWR) for name in ("CONIN$", "CONOUT$"))
    handle = msvcrt.get_osfhandle(screen)
    kernel.SetConsoleScreenBufferSize(handle, wintypes._COORD(WIDTH, LINES))
    done = subprocess.run(words, stdin=given, stdout=screen, stderr=screen, timeout=100, check=False)
    signs, count = ctypes.create_unicode_buffer(WIDTH * LINES), wintypes.DWORD()
    if not kernel.ReadConsoleOutputCharacterW(handle, signs, WIDTH * LINES, wintypes._COORD(0, 0), ctypes.byref(count)):
        raise ctypes.WinError(ctypes.get_last_error())
    shown = "".join(signs[: count.value])
    lines = [shown[start : start + WIDTH].rstrip() for start in range(0, len(shown), WIDTH)]
    into.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
