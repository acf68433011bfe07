"""What a file of JSON lines tells of places, looked up line by line: a hundred thousand lines are not kept in memory.

A log, or what a look remembers. Kept are the hash of a name and where its line lies, about a hundred bytes for each.
The hashes are others in each run of the program, so nobody can choose two names with the same one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Generic, Protocol, TypeVar

import msgspec

from aihub_desktop.disk.files import disk_error, plain_file

# Not all that a decoder meets is a DecodeError.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Line(Protocol):
    """One of them."""

    @property
    def place(self) -> str: ...

    @property
    def sha256(self) -> str: ...


T = TypeVar("T", bound=Line)


class Told(Generic[T]):
    """The lines of a file by place and SHA-256; the last of each counts, one that is torn or cannot be read does not.

    A context manager. One caller at a time.
    """

    def __init__(self, path: Path | None, kind: type[T]) -> None:
        """None: nothing is told. Raises `ProblemError`: IN_THE_WAY for what is no plain file, what the disk says."""
        self._decoder = msgspec.json.Decoder(kind)
        self._lines: dict[int, int] = {}
        self._file: IO[bytes] | None = None
        self._at = 0
        if path is None or plain_file(path) is None:
            return
        try:
            self._file = path.open("rb")
            self._survey(self._file)
        except OSError as error:
            self.close()
            raise disk_error(error, path) from error

    def __enter__(self) -> Told[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __bool__(self) -> bool:
        """Whether anything is told at all."""
        return bool(self._lines)

    def close(self) -> None:
        """More than once does no harm. Nothing is told any more."""
        self._lines.clear()
        if self._file is not None:
            self._file.close()

    def of(self, place: str, sha256: str) -> T | None:
        """What is told of these bytes under this name; None also where the disk no longer gives it."""
        if self._file is None or (at := self._lines.get(hash((place, sha256)))) is None:
            return None
        with contextlib.suppress(OSError, *UNREADABLE):
            if at != self._at:  # most files are asked for in the order in which they were written down
                self._file.seek(at)
            text = self._file.readline()
            self._at = at + len(text)
            line = self._decoder.decode(text)
            if line.place == place and line.sha256 == sha256:
                return line
        return None

    def _survey(self, file: IO[bytes]) -> None:
        at = 0
        for text in file:
            with contextlib.suppress(*UNREADABLE):
                if text.endswith(b"\n"):
                    line = self._decoder.decode(text)
                    self._lines[hash((line.place, line.sha256))] = at
            at += len(text)
        self._at = at
