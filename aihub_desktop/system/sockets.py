"""How a connection ends at once: for who waits there in another thread, or for the other side."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Final

# For SO_LINGER: what is on its way is dropped, and the other side told so. struct linger is of two shorts on Windows.
RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32")
    _kernel.CancelIoEx.argtypes = (wintypes.HANDLE, ctypes.c_void_p)

    def _wake(sock: socket.socket) -> None:
        """There what waits already goes on waiting; what is asked later is refused."""
        if (handle := sock.fileno()) >= 0:
            _kernel.CancelIoEx(handle, None)

else:

    def _wake(sock: socket.socket) -> None:
        pass


def shut(sock: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """What waits or sends there ends, and nothing can be asked of it any more. It must not be closed meanwhile.

    Not SSLSocket.shutdown: that takes the TLS layer off first, and a read in another thread would be given bare
    ciphertext.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, how)
    if how != socket.SHUT_WR:
        _wake(sock)
