"""Work beside the window: done in a thread, its result told in the window's own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal


class Aside(QObject):
    """Belongs to no window: the thread may still be at work when that closes, and `came` is heard by nobody then."""

    came = Signal(object)

    def run(self, work: Callable[[], object]) -> None:
        """`work` may not touch anything of Qt. It must not fail, and nothing is lost if the program ends under it."""
        threading.Thread(target=lambda: self.came.emit(work()), name="aside", daemon=True).start()
