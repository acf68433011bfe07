"""A second pair of hands: a thread that does, in order, what its owner need not wait for yet.

Writing and hashing each take half a second for a GiB; beside each other, half of the time of both.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

LAG: Final = 2  # turns that the companion may be behind: enough that neither sleeps while the other works


class Companion:
    """Used by one thread. What is given to it should let go of the interpreter, else nothing is won."""

    def __init__(self) -> None:
        self._acts: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ends: SimpleQueue[Exception | None] = SimpleQueue()
        self._turns: deque[int] = deque()
        self._begun = 0
        self._ended = 0
        self._thread: threading.Thread | None = None

    def begin(self, act: Callable[[], None]) -> None:
        """`act` will be done, after all that was begun before it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="companion", daemon=True)
            self._thread.start()
        self._begun += 1
        self._acts.put(act)

    def turn(self) -> None:
        """All that was begun more than `LAG` turns ago is done when this returns. Raises what it raised."""
        self._turns.append(self._begun)
        if len(self._turns) > LAG:
            self._wait(self._turns.popleft())

    def join(self) -> None:
        """All that was begun is done when this returns. Raises what it raised."""
        self._wait(self._begun)

    def stop(self) -> None:
        """The thread ends once all is done."""
        if self._thread is not None:
            self._acts.put(None)
            self._thread.join()

    def _wait(self, begun: int) -> None:
        while self._ended < begun:
            error = self._ends.get()
            self._ended += 1
            if error is not None:
                raise error

    def _run(self) -> None:
        while (act := self._acts.get()) is not None:
            try:
                act()
            except Exception as error:
                self._ends.put(error)
            else:
                self._ends.put(None)
