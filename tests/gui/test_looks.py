"""What the eye would notice first: heads above their cells, lines of even length, buttons that fit what is chosen."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QStandardItemModel
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QTreeView

from aihub_desktop.gui import heads, theme
from aihub_desktop.gui.delegates import NumberDelegate
from aihub_desktop.gui.flat_list import prepare
from aihub_desktop.gui.parts import BalancedLabel, EmptyPlace
from aihub_desktop.gui.storage_dialog import StorageDialog
from aihub_desktop.gui.theme import GRID
from gui.conftest import OpenStorage
from gui.stage import wait_until

LONG = "목록의 별을 누르거나 스페이스 키를 누르면 여기에 모입니다. 다른 컴퓨터로 받은 폴더도 추가할 수 있습니다."


def ink(picture: QImage, left: int, right: int) -> tuple[int, int]:
    """The first and the last column of pixels in which something is written, between two others."""
    rows = range(4, picture.height() - 4)
    ground = picture.pixelColor(left + 1, picture.height() // 2).lightness()
    written = [
        x for x in range(left + 2, right - 2)
        if any(abs(picture.pixelColor(x, y).lightness() - ground) > 90 for y in rows)
    ]  # fmt: skip
    return written[0], written[-1]


def test_a_head_begins_and_ends_where_its_cells_do(qapp: QApplication) -> None:
    view, model = QTreeView(), QStandardItemModel(1, 3)
    model.setHorizontalHeaderLabels(["HHH", "HHH", "HHH"])
    for column in range(3):
        model.setData(model.index(0, column), "HHH")
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    model.setHeaderData(1, Qt.Orientation.Horizontal, right, Qt.ItemDataRole.TextAlignmentRole)
    prepare(view, model, {1: NumberDelegate}, 0)
    view.resize(480, 120)
    view.show()
    header, port = view.header(), view.viewport()
    above, below = header.grab().toImage(), port.grab(view.visualRect(model.index(0, 0)) | port.rect()).toImage()
    below = below.copy(0, 0, below.width(), view.visualRect(model.index(0, 0)).height())
    for column in range(3):
        left, end = header.sectionPosition(column), header.sectionPosition(column) + header.sectionSize(column)
        there, here = ink(above, left, end), ink(below, left, end)
        assert max(abs(there[0] - here[0]), abs(there[1] - here[1])) <= 2, column
    # The room beside a number makes the head no higher.
    assert header.height() <= view.fontMetrics().height() + 2 * GRID


@pytest.mark.parametrize("width", [240, 320, 500, 640, 2000])
def test_lines_of_a_balanced_label_are_about_equally_long(qapp: QApplication, width: int) -> None:
    plain, label = QLabel(LONG, wordWrap=True), BalancedLabel()
    label.setText(LONG)
    label.resize(width, 200)
    label.show()
    assert label.heightForWidth(width) == plain.heightForWidth(width)
    # One line less wide, and there would be one line more.
    inside = label.contentsRect().width()
    assert plain.heightForWidth(width) == plain.heightForWidth(inside)
    assert plain.heightForWidth(inside - 2 * GRID) > plain.heightForWidth(inside)
    # What is left free beside the text is no room to ask for.
    assert label.minimumSizeHint().width() <= plain.minimumSizeHint().width()


def test_an_empty_place_has_the_picture_of_what_it_says(qapp: QApplication) -> None:
    place = EmptyPlace("search")
    place.resize(300, 300)
    first = place.grab().toImage()
    place.tell("", picture="star")
    assert place.grab().toImage() != first


def test_another_way_in_needs_no_keychain(open_storage: OpenStorage) -> None:
    stage = open_storage()
    stage.shelves.add.click()
    dialog = stage.window.findChildren(StorageDialog)[-1]
    dialog.name.setText("no keychain")
    dialog.access_key.setText("AKIDEXAMPLE")
    dialog.secret_key.setText("secret")
    dialog.save.click()
    wait_until(lambda: dialog.for_run.isVisible() and dialog.save.isEnabled(), "the other button")
    dialog.access.setCurrentIndex(1)
    assert (dialog.for_run.isVisible(), dialog.save.isDefault()) == (False, True)
    dialog.reject()


def test_the_search_that_found_nothing_is_cleared_from_there(open_storage: OpenStorage) -> None:
    stage = open_storage()
    stage.choose()
    stage.shelves.filter.setText("no such name")
    nothing = stage.shelves.shelf._no_hit
    wait_until(nothing.isVisible, "no hit")
    nothing.button.click()
    assert stage.shelves.filter.text() == ""
    wait_until(lambda: not nothing.isVisible(), "the list again")


@pytest.mark.parametrize("dark", [True, False])
def test_the_rule_of_a_menu_is_seen(qapp: QApplication, dark: bool) -> None:
    before = qapp.palette()
    theme.dress(qapp, dark=dark)
    menu = QMenu()
    menu.addAction("above")
    rule = menu.addSeparator()
    menu.addAction("below")
    menu.resize(menu.sizeHint())
    place, picture = menu.actionGeometry(rule), menu.grab().toImage()
    shades = {picture.pixelColor(place.center().x(), y).lightness() for y in range(place.top(), place.bottom() + 1)}
    menu.deleteLater()
    qapp.setPalette(before)
    assert max(shades) - min(shades) >= 10


def test_heads_of_a_systems_style_are_left_alone(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aihub_desktop.gui.theme.is_plain_style", lambda: False)
    view = QTreeView()
    before = view.header().style()
    heads.dress(view.header(), 1)
    assert view.header().style() is before
