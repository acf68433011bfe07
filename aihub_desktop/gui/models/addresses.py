"""What was found at web addresses: files with ticks and names to edit, and addresses that gave none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.contents import grown
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Inspected
from aihub_desktop.domain.model import Algorithm, RemoteFile, SizeRange
from aihub_desktop.domain.names import UnsafeNameError, clash_key, safe_path
from aihub_desktop.gui import address_list
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.system.words import Words

NAME, SOURCE, CHECKSUM, SIZE = 0, 1, 2, 3
_HEADERS: Final = tuple(f"gui.web.column.{name}" for name in ("name", "source", "checksum", "size"))
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_SHORT: Final = {
    Algorithm.MD5: "MD5", Algorithm.SHA1: "SHA-1", Algorithm.SHA256: "SHA-256", Algorithm.SHA512: "SHA-512",
    Algorithm.CRC32: "CRC32", Algorithm.CRC32C: "CRC32C", Algorithm.CRC64NVME: "CRC64NVME",
    Algorithm.ETAG_PARTS: "ETag",
}  # fmt: skip
# The strongest is named; it is the one that proves most.
_STRENGTH: Final = tuple(
    Algorithm(name) for name in ("sha-512", "sha-256", "sha-1", "md5", "crc64nvme", "crc32c", "crc32", "etag-parts")
)

TROUBLE_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # bool: an address that gave no file

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


@dataclass(slots=True, eq=False)
class Found:
    """A file, or an address with its problem."""

    address: str
    file: RemoteFile | None
    problem: Problem | None
    ticked: bool = True


class AddressModel(QAbstractTableModel):
    """Files first seen come first. Names are what the files will be called on disk."""

    ticks_changed = Signal()
    name_refused = Signal(str)  # a name that no file can have, or that another has

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._rows: list[Found] = []

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    def clear(self) -> None:
        self.beginResetModel()
        self._rows = []
        self.endResetModel()
        self.ticks_changed.emit()

    def add(self, answer: Inspected) -> None:
        """What an inspection found. A file that stands here already is replaced, so are problems of before."""
        keys = {(file.source, file.dataset, file.key) for file in answer.files}
        kept = [
            row for row in self._rows
            if row.file is not None and (row.file.source, row.file.dataset, row.file.key) not in keys
        ]  # fmt: skip
        found = [Found(_address(file), file, None) for file in answer.files]
        failed = [Found(address, None, problem, ticked=False) for address, problem in answer.problems.items()]
        self.beginResetModel()
        self._rows = [*kept, *found, *failed]
        self.endResetModel()
        self.ticks_changed.emit()

    def remove(self, rows: set[int]) -> None:
        """Takes these off the table."""
        self.beginResetModel()
        self._rows = [row for place, row in enumerate(self._rows) if place not in rows]
        self.endResetModel()
        self.ticks_changed.emit()

    def drop_ticked(self) -> None:
        self.remove({place for place, row in enumerate(self._rows) if row.ticked})

    # ---- what is ticked ----

    def sum(self) -> Sum:
        files = self.files(ticked=True)
        low, high = sum(file.size.low for file in files), sum(file.size.high for file in files)
        unknown = sum(file.size.is_unknown for file in files)
        return Sum(len(files), SizeRange(low, high, ""), 0, unknown=unknown, unpacked=grown(files))

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        return [row.file for row in self._rows if row.file is not None and (row.ticked or not ticked)]

    def tick_all(self, on: bool) -> None:
        for row in self._rows:
            row.ticked = on and row.file is not None
        if self._rows:
            self.dataChanged.emit(self.index(0, NAME), self.index(len(self._rows) - 1, NAME))
        self.ticks_changed.emit()

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == NAME and self._rows[index.row()].file is not None:
            flags |= Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column == SIZE else None
        asked = _ROLES.get(role)
        return asked(self, row, column) if asked else None

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or index.column() != NAME:
            return False
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and row.file is not None:
            row.ticked = Qt.CheckState(value) == Qt.CheckState.Checked
            self.ticks_changed.emit()
        elif role != Qt.ItemDataRole.EditRole or not self._rename(row, str(value).strip()):
            return False
        self.dataChanged.emit(self.index(index.row(), NAME), self.index(index.row(), SIZE))
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section == SIZE else int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    # ---- inside ----

    def _rename(self, row: Found, name: str) -> bool:
        if row.file is None or name == row.file.path:
            return False
        try:
            place = str(safe_path(name))
        except UnsafeNameError:
            self.name_refused.emit(name)
            return False
        others = (each.file for each in self._rows if each is not row)
        if clash_key(place) in {clash_key(file.path.replace(" ", "_")) for file in others if file is not None}:
            self.name_refused.emit(name)
            return False
        row.file = msgspec.structs.replace(row.file, path=name)
        return True

    def ticked(self, row: Found, column: int) -> Qt.CheckState | None:
        if column != NAME or row.file is None:
            return None
        return Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked

    def text(self, row: Found, column: int) -> str:
        if row.file is None or row.problem is not None:
            if column == NAME and row.problem is not None:
                return self._words.problem(row.problem).title
            return address_list.shown(row.address) if column == SOURCE else ""
        if column == SIZE:
            unknown = row.file.size.is_unknown
            return self._words.say("gui.web.size-unknown") if unknown else self._words.size_range(row.file.size)
        if column == CHECKSUM:
            return self._checksum(row.file)
        return row.file.path if column == NAME else address_list.shown(row.address)

    def _checksum(self, file: RemoteFile) -> str:
        origin = file.origin
        given = {} if origin is None else {each.algorithm: each.value for each in origin.checksums}
        best = next((algorithm for algorithm in _STRENGTH if algorithm in given), None)
        if best is not None:
            return _SHORT[best]
        pieces = origin is not None and origin.pieces is not None
        return self._words.say("gui.web.checksum-pieces" if pieces else "gui.web.checksum-none")

    def tip(self, row: Found) -> str:
        if row.file is None or row.problem is not None:
            told = self._words.problem(row.problem) if row.problem is not None else ("", "")
            return "\n".join((*told, address_list.shown(row.address)))
        origin = row.file.origin
        sums = [f"{_SHORT[each.algorithm]} {each.value}" for each in origin.checksums] if origin is not None else []
        mirrors = [address_list.shown(address) for address in origin.addresses] if origin is not None else []
        return "\n".join((row.file.path, *mirrors, *sums))

    def spoken(self, row: Found, column: int) -> str:
        text = self.text(row, column)
        if column == NAME and row.file is None:
            return f"{address_list.shown(row.address)}: {text}"
        return self._words.say("gui.queue.spoken.cell", column=self._words.say(_HEADERS[column]), text=text)


_ROLES: Final[dict[int, Callable[[AddressModel, Found, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): AddressModel.text,
    int(Qt.ItemDataRole.EditRole): AddressModel.text,
    int(Qt.ItemDataRole.CheckStateRole): AddressModel.ticked,
    int(Qt.ItemDataRole.ToolTipRole): lambda model, row, _: model.tip(row),
    int(Qt.ItemDataRole.AccessibleTextRole): AddressModel.spoken,
    TROUBLE_ROLE: lambda _model, row, _column: row.file is None,
}


def _address(file: RemoteFile) -> str:
    if file.origin is not None and file.origin.addresses:
        return file.origin.addresses[0]
    return f"s3://{file.dataset.rpartition('/')[2]}/{file.key}" if file.source == "s3" else file.key
