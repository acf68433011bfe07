"""What a deep look remembers for quick ones: size and time of files that were found right.

    FOLDER/.aihub/times.jsonl    ["PLACE", "SHA256", size, nanoseconds since 1970] a line

The log has the times of what this program received. This is for the rest: files of logs that are older, of a manifest
by `sha256sum`, and copies, whose times are their own. Replaced whole, one writer or several; needed by nothing.
"""

from __future__ import annotations

import contextlib
import unicodedata
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import Finding
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.writing import replaced
from aihub_desktop.transport.ledger import Stamp, own_folder

TIMES: Final = "times.jsonl"


class _Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    place: str
    sha256: str
    size: int
    modified: int


class Times:
    """Gathers what is new while a deep look goes on."""

    def __init__(self, folder: Path | str) -> None:
        self._root = native(folder)
        self._known = read_times(self._root)
        self._new: dict[str, tuple[str, Stamp]] = {}

    def hear(self, seen: Seen) -> None:
        if seen.finding is not Finding.OK or seen.stamp is None:
            return
        if seen.entry is not None and seen.entry.stamp == seen.stamp:
            return
        place, value = _place(seen.path), (seen.sha256, seen.stamp)
        if self._known.get(place) != value:
            self._new[place] = value

    def keep(self) -> None:
        """Where nothing can be written nothing is remembered: the folder may well be read-only."""
        if not self._new:
            return
        lines = (_Line(place, sha256, *msgspec.structs.astuple(stamp)) for place, (sha256, stamp) in self._all())
        with contextlib.suppress(ProblemError), replaced(own_folder(self._root) / TIMES) as file:
            for line in lines:
                file.write(msgspec.json.encode(line) + b"\n")

    def _all(self) -> list[tuple[str, tuple[str, Stamp]]]:
        return list((self._known | self._new).items())


def read_times(root: Path) -> dict[str, tuple[str, Stamp]]:
    """SHA-256 and stamp by place, in NFC; nothing where nothing can be read. Lines that are none are passed over."""
    found: dict[str, tuple[str, Stamp]] = {}
    decoder = msgspec.json.Decoder(_Line)
    with contextlib.suppress(ProblemError, OSError):
        path = own_folder(root) / TIMES
        if plain_file(path) is None:
            return found
        with path.open("rb") as file:
            for text in file:
                with contextlib.suppress(msgspec.DecodeError):
                    line = decoder.decode(text)
                    found[_place(line.place)] = (line.sha256, Stamp(line.size, line.modified))
    return found


def _place(path: str) -> str:
    return unicodedata.normalize("NFC", path.removeprefix("./"))
