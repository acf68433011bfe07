"""Long work in a thread of its own, so that an interruption is heard here and stops it in the middle of a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from aihub_desktop.archives.ziparchive import StoppedError

T = TypeVar("T")


def apart(act: Callable[[threading.Event], T]) -> T:
    """What `act` gives; it looks often at the event that it is given, and raises `StoppedError` when that is set."""
    stop, ended = threading.Event(), threading.Event()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(act(stop))
        except BaseException as error:
            failure.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=run, name="apart")
    worker.start()
    try:
        while not ended.wait(0.2):  # no join: one that is interrupted takes a running thread for ended
            pass
    finally:
        stop.set()
        ended.wait()
        worker.join()
    if failure and not isinstance(failure[0], StoppedError):
        raise failure[0]
    return outcome[0]
