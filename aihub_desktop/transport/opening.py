"""Waits for the hub's answer, and no longer than anybody wants it: on a line that is gone it might never come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.place import Body

_LOOK_SECONDS: Final = 0.1


class Opening:
    """One request on its way. What comes after it was given up is closed unread."""

    def __init__(self, open_stream: Callable[[], Body]) -> None:
        self._open_stream = open_stream
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._body: Body | None = None
        self._error: Exception | None = None
        self._given_up = False

    def wait(self, dropped: threading.Event) -> Body:
        """The answer, or what `open_stream` raised; CUT as soon as `dropped` is set."""
        threading.Thread(target=self._open, name="opening", daemon=True).start()
        while not self._over.wait(_LOOK_SECONDS) and not dropped.is_set():
            pass
        with self._lock:
            self._given_up = True
            if self._body is not None:
                return self._body
            raise self._error or ProblemError(Code.CUT)

    def _open(self) -> None:
        body, error = None, None
        try:
            body = self._open_stream()
        except Exception as problem:
            error = problem
        with self._lock:
            if self._given_up:
                if body is not None:
                    body.close()
            else:
                self._body, self._error = body, error
        self._over.set()
