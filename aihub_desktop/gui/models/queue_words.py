"""What the cells of the queue say, in words and for screen readers."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui.models.queue_rows import FileItem, TransferItem, in_trouble
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words


class Column(IntEnum):
    NAME = 0
    PROGRESS = 1
    STATE = 2
    SIZE = 3
    SPEED = 4
    LEFT = 5


HEADERS: Final = tuple(f"gui.queue.column.{column.name.lower()}" for column in Column)


class QueueWords:
    """The texts of one language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def header(self, column: int) -> str:
        return self._words.say(HEADERS[column])

    def text(self, item: TransferItem, column: int) -> str:
        row = item.row
        match column:
            case Column.NAME:
                return row.dataset.title
            case Column.PROGRESS:
                return percent(fraction(row))
            case Column.STATE:
                return self._state(row)
            case Column.SIZE:
                return self._amount(row.bytes, SizeRange(row.low, row.high, ""))
            case Column.SPEED:
                return self._words.speed(item.rate) if item.rate >= 1 else ""
            case _:
                return self._left(item)

    def _left(self, item: TransferItem) -> str:
        moves = item.row.state is TransferState.RUNNING or item.row.finishing
        return self._words.time_between(item.between) if moves and item.rate >= 1 else ""

    def _state(self, row: TransferRow) -> str:
        if row.finishing:
            return self._words.say("gui.queue.finishing", n=row.running)
        text = self._words.state(row.state)
        if row.state is TransferState.RUNNING or (row.failed and row.state is TransferState.DONE):
            return self._words.say("gui.queue.state-files", state=text, done=row.done, n=row.files - row.skipped)
        return text

    def detail(self, item: TransferItem) -> str:
        row, repeats = item.row, item.repeats
        if in_trouble(row) and row.problem:
            return self._words.problem(row.problem).title
        if repeats.repeat:
            return pace.again(self._words, repeats.passed, repeats.repeat, repeats.why)
        return row.folder

    def file_detail(self, file: FileItem) -> str:
        return pace.again(self._words, file.again, file.repeat, file.row.problem) if file.repeats else ""

    def file_text(self, file: FileItem, column: int) -> str:
        row = file.row
        match column:
            case Column.NAME:
                return row.place or row.file.path
            case Column.PROGRESS:
                return percent(file_fraction(row))
            case Column.STATE:
                return self._file_state(file)
            case Column.SIZE:
                return self._file_amount(row)
            case Column.SPEED:
                return self._words.speed(file.rate) if file.rate >= 1 else ""
            case _:
                return ""

    def _file_state(self, file: FileItem) -> str:
        row = file.row
        if row.problem is not None and row.state in (FileState.FAILED, FileState.WAITING):
            key = "gui.queue.again-at" if row.next_try is not None else "gui.queue.reason"
            moment = self._words.moment(row.next_try)[-5:] if row.next_try is not None else ""
            return self._words.say(key, problem=self._words.problem(row.problem).title, time=moment)
        if row.state is FileState.FETCHING and file.repeats:
            return self._words.say("gui.queue.repeating")
        return self._proved(row) or self._words.state(row.state)

    def _proved(self, row: FileRow) -> str:
        # How far files of other places are proved differs from one to the next: some servers say no checksum.
        other = row.state is FileState.DONE and row.file.origin is not None and row.proof
        return self._words.say(f"gui.queue.proved.{row.proof}") if other else ""

    def _file_amount(self, row: FileRow) -> str:
        exact = _size_of(row)
        if exact.is_unknown and row.state is not FileState.DONE:
            return self._words.size(row.bytes) if row.bytes else ""
        return self._words.size(exact.high) if row.state is FileState.DONE else self._amount(row.bytes, exact)

    def _amount(self, here: int, size: SizeRange) -> str:
        if 0 < size.low <= here or (here and not size.high):
            return self._words.size(here)
        # The range is in the tool tip: here it would leave no room for anything else.
        whole = self._words.size((size.low + size.high) // 2)
        if size.low < size.high:
            whole = self._words.say("gui.queue.near", value=whole)
        return self._words.say("gui.queue.amount", here=self._words.size(here), all=whole) if here > 0 else whole

    def tip(self, item: TransferItem) -> str:
        row = item.row
        size = self._words.size_range(SizeRange(row.low, row.high, ""))
        lines = [row.dataset.title, row.folder, self._words.say("gui.queue.tip.sum", n=row.files, size=size)]
        if row.priority is not Priority.NORMAL:
            lines.append(self._words.say(f"gui.order.is.{row.priority}"))
        if item.repeats.repeat:
            lines.append(self.detail(item))
        if row.again > 0:
            received, again = self._words.size(row.received), self._words.size(row.again)
            lines.append(self._words.say("gui.queue.tip.traffic", received=received, again=again))
        if item.row.problem is not None:
            lines.extend(self._words.problem(item.row.problem))
        return "\n".join(lines)

    def file_tip(self, file: FileItem) -> str:
        row = file.row
        exact = _size_of(row)
        size = self._words.say("gui.web.size-unknown") if exact.is_unknown else self._words.size_range(exact)
        lines = [row.place or row.file.path, size]
        lines.append(self.file_detail(file))
        if file.row.problem is not None:
            lines.extend(self._words.problem(file.row.problem))
        if file.row.sha256:
            lines.append(f"SHA-256 {file.row.sha256}")
            lines.append(self._words.proof(file.row.proof))
        return "\n".join(line for line in lines if line)

    def spoken(self, item: TransferItem, file: FileItem | None, column: int) -> str:
        text = self.file_text(file, column) if file else self.text(item, column)
        if column != Column.NAME:
            return self._words.say("gui.queue.spoken.cell", column=self.header(column), text=text)
        state = self.file_text(file, Column.STATE) if file else self.text(item, Column.STATE)
        if file is None and item.row.priority is not Priority.NORMAL:
            state = f"{state}, {self._words.say(f'gui.order.is.{item.row.priority}')}"
        share = self.file_text(file, Column.PROGRESS) if file else self.text(item, Column.PROGRESS)
        return self._words.say("gui.queue.spoken.name", name=text, state=state, percent=share)


def mark(row: TransferRow) -> str:
    """The picture before its title, "" for none."""
    return "" if row.priority is Priority.NORMAL else f"priority-{row.priority}"


def fraction(row: TransferRow) -> float | None:
    """How much of a transfer is here, 0 to 1. Only a transfer that is done is whole."""
    if row.state is TransferState.DONE and not row.failed:
        return 1.0
    return _share(row.bytes, row.low, row.high)


def file_fraction(row: FileRow) -> float | None:
    if row.state is FileState.DONE:
        return 1.0
    return _share(row.bytes, row.file.size.low if row.size is None else row.size, row.size or row.file.size.high)


def left_to_repeat(item: TransferItem) -> float:
    """How much of the bar stands for bytes that are here and come once more, 0 to 1."""
    middle = (item.row.low + item.row.high) / 2
    return min(1.0, (item.repeats.repeat - item.repeats.passed) / middle) if middle > 0 else 0.0


def file_left_to_repeat(file: FileItem) -> float:
    low, high = (file.row.file.size.low, file.row.file.size.high) if file.row.size is None else (file.row.size,) * 2
    return min(1.0, max(0, file.repeat - file.again) * 2 / (low + high)) if low + high > 0 else 0.0


def _size_of(row: FileRow) -> SizeRange:
    return row.file.size if row.size is None else SizeRange.exactly(row.size)


def _share(here: int, low: int, high: int) -> float | None:
    middle = (low + high) / 2
    return min(0.999, here / middle) if middle > 0 else None


def percent(share: float | None) -> str:
    """Rounded down: what is not whole never reads as 100%."""
    return "" if share is None else f"{int(share * 100)}%"
