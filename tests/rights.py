"""Root without its right to read and write whatever it likes, so that tests of rights run as root, too."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from typing import Final

import pytest

_VERSION: Final = 0x20080522  # of the structures, see capset(2)
_OVERRIDE, _READ_SEARCH = 1 << 1, 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


@contextlib.contextmanager
def as_anybody() -> Iterator[None]:
    """In this thread, and in those that it begins, the rights of a file hold for root. Of others they hold anyway."""
    if sys.platform == "win32":
        pytest.skip("Windows keeps rights in another way")
    if sys.platform != "linux":
        yield
        return
    header, before = _Header(_VERSION, 0), (_Data * 2)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(ctypes.byref(header), before) == 0
    without = (_Data * 2).from_buffer_copy(before)
    without[0].effective &= ~(_OVERRIDE | _READ_SEARCH)
    assert libc.capset(ctypes.byref(header), without) == 0
    try:
        yield
    finally:
        assert libc.capset(ctypes.byref(header), before) == 0
