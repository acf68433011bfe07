"""Threads that look at the files of a manifest, a few at a time: a manifest may have a million lines."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Final

from aihub_desktop.holdings.looking import Expected, Look, Seen

# A turn of a thread: so many small files that asking for them costs nothing beside reading them, and no more bytes
# than are read in a moment, so that large files are spread evenly.
_TURN_FILES: Final = 256
_TURN_BYTES: Final = 4 << 20
_TURNS_AHEAD: Final = 4  # of each thread, that nobody has heard yet: findings must not pile up in memory
_LOOK_SECONDS: Final = 0.2


class _Turns:
    """Which files are whose turn. Safe from any thread.

    Where nothing tells how large a file is, those of the turn before are taken as an example. Whoever finds out that
    they were none gives the rest of his turn back.
    """

    def __init__(self, files: Iterator[Expected]) -> None:
        self._files = files
        self._back: deque[Expected] = deque()
        self._like = _TURN_BYTES  # bytes of a file of which nothing is told
        self._running = 0
        self._changed = threading.Condition()
        self._over = False

    def take(self) -> list[Expected]:
        """None when all files are taken, and no more will be given back. Raises what `files` raises."""
        with self._changed:
            while not self._over:
                if turn := [self._back.popleft()] if self._back else list(self._next()):
                    self._running += 1
                    return turn
                if not self._running:
                    break
                self._changed.wait()
            return []

    def end(self, count: int, size: int, rest: list[Expected]) -> None:
        """Of a turn: `count` files were looked at, in which `size` bytes were read."""
        with self._changed:
            self._running -= 1
            self._like = size // count
            self._back += rest
            if rest or not self._running:
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _next(self) -> Iterator[Expected]:
        size = 0
        for one in islice(self._files, _TURN_FILES):
            yield one
            size += self._like if one.entry is None or one.entry.size is None else one.entry.size
            if size >= _TURN_BYTES:
                return


class Crew:
    """The threads of one look."""

    def __init__(self, look: Look, files: Iterator[Expected], threads: int) -> None:
        self._threads = threads
        self._look = look
        self._turns = _Turns(files)
        self._room = threading.Semaphore(_TURNS_AHEAD * threads)
        self._found: SimpleQueue[list[Seen] | BaseException | None] = SimpleQueue()

    def seen(self, progress: Callable[[int], None]) -> Iterator[list[Seen]]:
        """Each file, as it comes. Raises what a thread met that was no finding."""
        hands = [threading.Thread(target=self._work, name=f"verify-{number}") for number in range(self._threads)]
        for hand in hands:
            hand.start()
        try:
            working = len(hands)
            while working:
                try:
                    found = self._found.get(timeout=_LOOK_SECONDS)
                except Empty:
                    progress(self._look.read)
                    continue
                if found is None:
                    working -= 1
                elif isinstance(found, BaseException):
                    raise found
                else:
                    self._room.release()
                    progress(self._look.read)
                    yield found
        finally:
            self._turns.stop()
            self._room.release(self._threads)  # nobody hears of what they still find
            for hand in hands:
                hand.join()

    def _work(self) -> None:
        try:
            while turn := self._turns.take():
                seen = self._looked(turn)
                self._room.acquire()
                self._found.put(seen)
        except BaseException as error:
            self._found.put(error)
        finally:
            self._found.put(None)

    def _looked(self, turn: list[Expected]) -> list[Seen]:
        seen: list[Seen] = []
        size = 0
        while len(seen) < len(turn) and size < _TURN_BYTES:
            found = self._look.some(turn, len(seen))
            seen += found
            size += sum([one.bytes for one in found])
        self._turns.end(len(seen), size, turn[len(seen) :])
        return seen
