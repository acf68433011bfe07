"""Whether a person sits at a stream."""

from __future__ import annotations

import sys
from typing import IO, Any


def is_terminal(stream: IO[Any] | None) -> bool:
    """Of None, too, which a program without streams has in their place."""
    return stream is not None and stream.isatty() and _is_console(stream)


if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32")
    _kernel.GetConsoleMode.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))

    def _is_console(stream: IO[Any]) -> bool:
        """There `isatty` says yes of NUL, where nobody ever answers."""
        mode = wintypes.DWORD()
        return bool(_kernel.GetConsoleMode(msvcrt.get_osfhandle(stream.fileno()), ctypes.byref(mode)))

else:

    def _is_console(stream: IO[Any]) -> bool:
        return True
