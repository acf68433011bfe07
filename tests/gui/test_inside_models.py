"""Tables whose rows come in pages, under Qt's own tester of models."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.inside import EntryRow, Order
from aihub_desktop.domain.unpacking import LeftOut, Refusal
from aihub_desktop.gui.models.entries import EntriesModel, EntryColumn
from aihub_desktop.gui.models.left_out import LeftOutColumn, LeftOutModel
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.paged import PAGE
from aihub_desktop.system.words import Words

MANY = 1_245  # the tester looks at each


def entries(offset: int, count: int) -> list[EntryRow]:
    return [EntryRow(at, f"폴더/{at:06}.json", at, at // 2) for at in range(offset, offset + count)]


def test_a_page_at_a_time(qtmodeltester: Any) -> None:
    model = EntriesModel(Words("en"))
    wanted: list[int] = []
    model.page_wanted.connect(wanted.append)
    qtmodeltester.check(model)
    model.begin()
    assert wanted == [0]
    model.put(0, entries(0, PAGE), MANY)
    assert model.rowCount() == MANY
    assert model.index(0, EntryColumn.NAME).data() == "폴더/000000.json"
    assert model.index(7, EntryColumn.KIND).data() == "JSON"
    last = model.index(MANY - 1, EntryColumn.NAME)
    assert last.data() == "…"
    assert wanted == [0, MANY - MANY % PAGE]
    model.put(wanted[-1], entries(wanted[-1], MANY % PAGE), MANY)
    assert last.data() == "폴더/001244.json"
    model.put(0, entries(0, 3), 3)
    assert model.rowCount() == 3
    model.clear()
    qtmodeltester.check(model)


def test_pages_of_long_ago_are_let_go() -> None:
    model = EntriesModel(Words("ko"))
    for page in range(60):
        model.put(page * PAGE, entries(page * PAGE, PAGE), 60 * PAGE)
    assert model.row_at(0) is None
    assert model.row_at(59 * PAGE) is not None


@pytest.mark.parametrize(
    ("column", "order", "wanted"),
    [
        (EntryColumn.SIZE, Qt.SortOrder.DescendingOrder, (Order.SIZE, True)),
        (EntryColumn.KIND, Qt.SortOrder.AscendingOrder, (Order.KIND, False)),
        (-1, Qt.SortOrder.DescendingOrder, (Order.ARCHIVE, False)),
    ],
)
def test_the_engine_is_asked_to_sort(column: int, order: Qt.SortOrder, wanted: tuple[Order, bool]) -> None:
    model = EntriesModel(Words("en"))
    asked: list[tuple[Order, bool]] = []
    model.order_wanted.connect(lambda *found: asked.append(found))
    model.sort(column, order)
    assert asked == [wanted]


def test_what_is_closed_says_why() -> None:
    model = EntriesModel(Words("en"))
    model.put(0, [EntryRow(0, "a/b.pdf", 5, 6, Refusal.ENCRYPTED)], 1)
    cell = model.index(0, EntryColumn.KIND)
    assert (cell.data(), cell.data(SIGN_ROLE)) == ("encrypted", "warning")
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "Type: encrypted"
    model.speak(Words("ko"))
    assert cell.data() == "암호가 걸려 있음"


def test_what_was_left_out(qtmodeltester: Any) -> None:
    model = LeftOutModel(Words("en"))
    qtmodeltester.check(model)
    rows = [
        LeftOut("a.zip", "x/link", Refusal.LINK), LeftOut("a.zip", "x/con", Refusal.RENAMED, "x/_con"),
        LeftOut("b.zip", problem=Problem(Code.BAD_ARCHIVE, {"why": "no end of directory"})),
    ]  # fmt: skip
    model.put(0, rows, 3)
    found = [[str(model.index(row, column).data()) for column in LeftOutColumn] for row in range(3)]
    assert found == [
        ["x/link", "a link", "a.zip"], ["x/con", "renamed: x/_con", "a.zip"],
        ["The whole archive", "The archive is damaged (its end is missing)", "b.zip"],
    ]  # fmt: skip
    assert [model.index(row, LeftOutColumn.WHY).data(SIGN_ROLE) for row in range(3)] == ["warning", "", "warning"]
    qtmodeltester.check(model)
