"""The bar in a button of Windows' taskbar: ITaskbarList3, of which Qt 6 has no counterpart."""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final
from uuid import UUID

from PySide6.QtWidgets import QWidget

_TASKBAR_LIST: Final = UUID("56fdf344-fd6d-11d0-958a-006097c9a090").bytes_le
_ITASKBAR_LIST_3: Final = UUID("ea1afb91-9e28-4b86-90e9-9e9f8a5eefaf").bytes_le
_IN_PROCESS: Final = 1
# Places in the interface's table of functions.
_RELEASE, _INIT, _SET_VALUE, _SET_STATE = 2, 3, 9, 10
_NONE, _NORMAL, _PAUSED = 0, 2, 8  # TBPF_…; "paused" is yellow, which is how Windows asks for a person
_WHOLE: Final = 1000


if sys.platform == "win32":

    class Button:
        """Of one window. Raises `OSError` where the system has no such taskbar."""

        def __init__(self, window: QWidget) -> None:
            self._window = window
            self._list = ctypes.c_void_p()
            ole = ctypes.OleDLL("ole32")
            ole.CoInitialize(None)
            ole.CoCreateInstance(
                _TASKBAR_LIST, None, _IN_PROCESS, _ITASKBAR_LIST_3, ctypes.byref(self._list)
            )  # fmt: skip
            self._call(_INIT)

        def show(self, fraction: float | None, needs: int) -> None:
            handle = ctypes.c_void_p(int(self._window.winId()))
            if fraction is not None:
                value = ctypes.c_ulonglong(round(fraction * _WHOLE))
                self._call(_SET_VALUE, handle, value, ctypes.c_ulonglong(_WHOLE))
            state = _NONE if fraction is None and not needs else _PAUSED if needs else _NORMAL
            self._call(_SET_STATE, handle, ctypes.c_int(state))

        def _call(self, place: int, *words: Any) -> None:
            table = ctypes.cast(self._list, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
            function = ctypes.WINFUNCTYPE(ctypes.HRESULT, ctypes.c_void_p, *[type(word) for word in words])
            function(int(table[place] or 0))(self._list, *words)
