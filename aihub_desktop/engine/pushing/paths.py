"""The files of a folder, as its ledger names them, read for somebody else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import OpenFile, disk_error, plain_file
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import Depth
from aihub_desktop.holdings.looking import Look
from aihub_desktop.transport.ledger import Entry

_BLOCK: Final = 1 << 20


class Paths:
    """Safe from any thread. No link below the folder is followed. Raises `ProblemError`."""

    def __init__(self, folder: Path, stopped: Callable[[], bool]) -> None:
        self._look = Look(folder, Depth.DEEP, stopped)

    def find(self, entry: Entry) -> tuple[Path, int]:
        """Where it lies, and its size. Raises NOT_AS_RECORDED where it is missing, broken, or of another size."""
        if entry.broken is not None:
            raise unlike(entry, "broken")
        try:
            text = self._look.path(entry.place)
        except (FileNotFoundError, NotADirectoryError):
            raise unlike(entry, "missing") from None
        except OSError as error:
            raise disk_error(error) from error
        if text is None:
            raise ProblemError(Code.UNSAFE_NAME, name=entry.place[:300])
        path = Path(text)
        if (state := plain_file(path)) is None:
            raise unlike(entry, "missing")
        if entry.size is not None and state.st_size != entry.size:
            raise unlike(entry, "size")
        return path, state.st_size


@contextlib.contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """To be read. What the disk says meanwhile is a `ProblemError`."""
    try:
        file = OpenFile(path, write=False)
        try:
            yield file
        finally:
            file.close()
    except OSError as error:
        raise disk_error(error, path) from error


def whole(path: Path, size: int) -> bytearray:
    """All of a small file; a byte more than `size` where it has grown."""
    with opened(path) as file:
        body = bytearray(size + 1)
        count = _filled(file, 0, memoryview(body))
    del body[count:]
    return body


def blocks(path: Path, size: int) -> Iterator[memoryview]:
    """The first `size` bytes, one after the other; each is valid until the next is asked for."""
    view, at = memoryview(bytearray(_BLOCK)), 0
    with opened(path) as file:
        while at < size and (count := file.read_at(at, view[: size - at])):
            yield view[:count]
            at += count


def read_fully(file: OpenFile, start: int, view: memoryview) -> None:
    """Fills `view`. What a file that was cut lacks stays zero, and its hash will tell. Raises `OSError`."""
    _filled(file, start, view)


def must_be(entry: Entry, sha256: str) -> None:
    """Raises NOT_AS_RECORDED for other bytes than were proved."""
    if sha256 != entry.sha256:
        raise unlike(entry, "changed")


def unlike(entry: Entry, why: str) -> ProblemError:
    return ProblemError(Code.NOT_AS_RECORDED, name=entry.place[:300], why=why)


def _filled(file: OpenFile, start: int, view: memoryview) -> int:
    done = 0
    while done < len(view) and (count := file.read_at(start + done, view[done:])):
        done += count
    return done
