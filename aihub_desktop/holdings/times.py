"""What a deep look remembers for quick ones: size and time of files that were found right.

    FOLDER/.aihub/times.jsonl    ["PLACE", "SHA256", size, nanoseconds since 1970] a line

The log has the times of what this program received. This is for the rest: files of logs that are older, of a manifest
by `sha256sum`, and copies, whose times are their own. Replaced whole, one writer or several; needed by nothing.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import msgspec

from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import Finding
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.told import UNREADABLE, Told
from aihub_desktop.holdings.writing import replaced
from aihub_desktop.transport.ledger import Stamp, own_folder
from aihub_desktop.transport.manifest import all_in_nfc

TIMES: Final = "times.jsonl"
_BLOCK: Final = 1 << 17
_OK: Final = Finding.OK


class Remembered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file that was found right."""

    place: str
    sha256: str
    size: int
    modified: int


def stamp_of(line: Remembered | None) -> Stamp | None:
    return None if line is None else Stamp(line.size, line.modified)


def remembered(root: Path) -> Told[Remembered]:
    """By place, in NFC, and SHA-256; nothing where nothing can be read."""
    with contextlib.suppress(ProblemError):
        return Told(own_folder(root) / TIMES, Remembered)
    return Told(None, Remembered)


class Times:
    """Gathers what is new while a deep look goes on. A context manager.

    New lines wait in a file without a name; of those of before only a hash of each is in memory.
    """

    def __init__(self, folder: Path | str) -> None:
        self._root = native(folder)
        self._encode = msgspec.json.Encoder().encode
        self._places: set[int] = set()  # of which there is a new line, where there were others before
        self._new: IO[bytes] | None = None

    def __enter__(self) -> Times:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """What was not kept is forgotten. More than once does no harm."""
        new, self._new = self._new, None
        if new is not None:
            with contextlib.suppress(OSError):
                new.close()

    @cached_property
    def _known(self) -> set[int]:
        """Hashes of the lines of before. Read when the first file is heard of: a quick look tells of none."""
        return set(map(hash, self._before()))

    def hear(self, seen: Sequence[Seen]) -> None:
        facts = [
            (one.path, one.sha256, one.stamp)
            for one in seen
            if one.finding is _OK and one.stamp is not None and (one.entry is None or one.entry.stamp != one.stamp)
        ]
        places = all_in_nfc([path for path, _, _ in facts])
        lines = [
            self._encode((place, sha256, stamp.size, stamp.modified))
            for place, (_, sha256, stamp) in zip(places, facts, strict=True)
        ]
        if self._known.issuperset(map(hash, lines)):
            return
        new = [(place, line) for place, line in zip(places, lines, strict=True) if hash(line) not in self._known]
        if self._known:
            self._places.update(hash(place) for place, _ in new)
        self._note(b"".join([line + b"\n" for _, line in new]))

    def keep(self) -> None:
        """Where nothing can be written nothing is remembered: the folder may well be read-only."""
        if self._new is None:
            return
        with contextlib.suppress(ProblemError, OSError), replaced(own_folder(self._root) / TIMES) as file:
            file.writelines(self._others())
            self._new.seek(0)
            shutil.copyfileobj(self._new, file)
        self.close()

    def _note(self, lines: bytes) -> None:
        with contextlib.suppress(ProblemError, OSError):
            if self._new is None:
                self._new = tempfile.TemporaryFile(dir=own_folder(self._root))  # noqa: SIM115 - `close` does
            self._new.write(lines)

    def _others(self) -> Iterator[bytes]:
        """Lines of before that tell of other places."""
        decoder = msgspec.json.Decoder(Remembered)
        for text in self._before():
            with contextlib.suppress(*UNREADABLE):
                if hash(decoder.decode(text).place) not in self._places:
                    yield text + b"\n"

    def _before(self) -> Iterator[bytes]:
        with contextlib.suppress(ProblemError, OSError):
            path = own_folder(self._root) / TIMES
            if plain_file(path) is None:
                return
            with path.open("rb") as file:
                for block in iter(lambda: file.readlines(_BLOCK), []):
                    yield from b"".join(block).split(b"\n")[:-1]
