"""Long work in a thread of its own, so that an interruption is heard here and stops it in the middle of a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
_SECONDS: Final = 0.2  # Windows hears Ctrl-C between two waits alone


def _nothing() -> None:
    pass


def apart(
    act: Callable[[threading.Event], T],
    *,
    stopping: Callable[[], None] = _nothing,
    meanwhile: Callable[[], None] = _nothing,
) -> T:
    """What `act` gives or raises; `meanwhile` is called now and then. Where that raises, or a person interrupts, the
    event that `act` was given is set, `stopping` called, and the end of `act` waited for before this raises it.
    """
    stop = threading.Event()
    over = threading.Event()  # an interrupted `join` would take the thread for ended (Python 3.11)
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(act(stop))
        except BaseException as error:
            failure.append(error)
        finally:
            over.set()

    worker = threading.Thread(target=run, name="apart")
    try:
        worker.start()
        while not over.wait(_SECONDS):
            meanwhile()
    except BaseException:
        stop.set()
        stopping()
        raise
    finally:
        if worker.ident is not None:  # the system may have no more threads to give
            over.wait()
    if failure:
        raise failure[0]
    return outcome[0]
