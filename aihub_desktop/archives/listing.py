"""All entries of an archive in a form that a million of them fit: 90 bytes each and their names.

Pages of it are asked for in any order, by any words and in any encoding; the archive is read just once.
"""

from __future__ import annotations

import struct
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.inside import why_closed
from aihub_desktop.archives.naming import KOREAN, UTF8
from aihub_desktop.archives.opening import AnyArchive
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.inside import EntryRow, Order

_ROW: Final = struct.Struct("<IQQqqHB")
_KINDS: Final = tuple(Kind)
_ENCRYPTED, _OPENS, _SAYS = 8, 16, 32  # beside the kind, which takes the lower bits
_STOP_ASKED: Final = 0xFFF
_LONGEST_END: Final = 8  # of a name: "geojson" says what it is, "2024-01-02 in Seoul" does not


class View(NamedTuple):
    """Which entries are shown, and how."""

    find: str = ""
    order: Order = Order.ARCHIVE
    descending: bool = False
    encoding: str = ""


class Texts:
    """Many texts, one behind the other, with a line break between them."""

    def __init__(self) -> None:
        self._blob = bytearray()
        self._stops = array("Q")

    def __len__(self) -> int:
        return len(self._stops)

    def __getitem__(self, place: int) -> bytes:
        start = self._stops[place - 1] + 1 if place else 0
        return bytes(self._blob[start : self._stops[place]])

    def add(self, text: bytes) -> None:
        self._blob += text
        self._stops.append(len(self._blob))
        self._blob += b"\n"

    def lower(self) -> Texts:
        """With the same places; of signs beyond ASCII the case is left alone."""
        other = Texts()
        other._blob, other._stops = self._blob.lower(), self._stops
        return other

    def holding(self, words: Sequence[bytes]) -> array[int]:
        """The places of the texts that hold every word."""
        found, at = array("I"), 0
        first = max(words, key=len)
        while (at := self._blob.find(first, at)) >= 0:
            place = bisect_right(self._stops, at)
            text = self[place]
            if all(word in text for word in words):
                found.append(place)
            at = self._stops[place] + 1
        return found


class Listing:
    """`files`, `bytes`: of what is no folder. Made by `read`; then any thread may ask, one at a time."""

    def __init__(self, encoding: str) -> None:
        self.bytes = 0
        self.encoding = encoding  # that names seem to be in
        self._rows = bytearray()
        self._raws, self._names = Texts(), Texts()
        self._shown: tuple[str, Texts] | None = None  # the names in another encoding
        self._lower: tuple[str, Texts] | None = None
        self._view: tuple[View, array[int]] | None = None

    @property
    def files(self) -> int:
        return len(self._raws)

    def read(self, archive: AnyArchive, stopped: Callable[[], bool]) -> None:
        """Raises `ProblemError`: BAD_ARCHIVE, STOPPED, the disk's."""
        for item in archive.items():
            if not item.number & _STOP_ASKED and stopped():
                raise ProblemError(Code.STOPPED)
            if item.kind is not Kind.FOLDER:
                self._add(item)
        self.encoding = archive.encoding

    def _add(self, item: Item) -> None:
        about = _KINDS.index(item.kind) | _ENCRYPTED * item.encrypted | _OPENS * item.opens | _SAYS * item.says
        size, packed = min(item.size, (1 << 64) - 1), min(item.packed, (1 << 64) - 1)
        self._rows += _ROW.pack(item.number, size, packed, item.place, item.crc, item.method, about)
        # A name with line breaks would be two.
        self._names.add(_plain(item.name))
        self._raws.add(item.raw)
        self.bytes += item.size

    # ---- one entry ----

    def item(self, row: int) -> Item:
        """As the archive gave it. Raises BAD_COMMAND for a number that none has."""
        if not 0 <= row < self.files:
            raise ProblemError(Code.BAD_COMMAND, what="entry")
        number, size, packed, place, crc, method, about = _ROW.unpack_from(self._rows, row * _ROW.size)
        return Item(
            number, self._raws[row], self._names[row].decode(), _KINDS[about & 7], size, packed, place, crc,
            bool(about & _ENCRYPTED), method, bool(about & _OPENS), bool(about & _SAYS),
        )  # fmt: skip

    def name(self, row: int, encoding: str) -> str:
        item = self.item(row)
        return item.name if not encoding or item.says else _plain(_read(item.raw, encoding)).decode()

    # ---- many ----

    def page(self, view: View, offset: int, limit: int) -> tuple[list[EntryRow], int]:
        """(`limit` entries from `offset`, how many fit in all)."""
        rows, names = self._rows_of(view), self._names_in(view.encoding)
        found = []
        for row in rows[offset : offset + limit]:
            item = self.item(row)
            found.append(EntryRow(row, names[row].decode(), item.size, item.packed, why_closed(item)))
        return found, len(rows)

    def _rows_of(self, view: View) -> array[int]:
        if self._view is None or self._view[0] != view:
            rows = self._found(view)
            if view.order is not Order.ARCHIVE:
                rows = array("I", sorted(rows, key=self._key(view), reverse=view.descending))
            elif view.descending:
                rows.reverse()
            self._view = (view, rows)
        return self._view[1]

    def _found(self, view: View) -> array[int]:
        words = [word.encode("utf-8", "replace").lower() for word in _normal(view.find).split()]
        if not words:
            return array("I", range(self.files))
        if self._lower is None or self._lower[0] != view.encoding:
            self._lower = (view.encoding, self._names_in(view.encoding).lower())
        return self._lower[1].holding(words)

    def _key(self, view: View) -> Callable[[int], bytes | int]:
        names = self._names_in(view.encoding)
        match view.order:
            case Order.SIZE | Order.PACKED:
                at = 4 if view.order is Order.SIZE else 12
                return lambda row: struct.unpack_from("<Q", self._rows, row * _ROW.size + at)[0]
            case Order.KIND:
                return lambda row: _end_of(names[row])
            case _:
                return names.__getitem__

    def _names_in(self, encoding: str) -> Texts:
        if not encoding:
            return self._names
        if self._shown is None or self._shown[0] != encoding:
            texts = Texts()
            for row in range(self.files):
                says = self._rows[(row + 1) * _ROW.size - 1] & _SAYS
                texts.add(self._names[row] if says else _plain(_read(self._raws[row], encoding)))
            self._shown = (encoding, texts)
        return self._shown[1]


def _read(raw: bytes, encoding: str) -> str:
    return raw.decode(encoding, "replace")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _plain(name: str) -> bytes:
    return _normal(name).replace("\n", "�").encode("utf-8", "replace")


def _end_of(name: bytes) -> bytes:
    _, dot, end = name.rpartition(b"/")[2].rpartition(b".")
    return end.lower() if dot and len(end) <= _LONGEST_END else b""


ENCODINGS: Final = ("", UTF8, KOREAN)
