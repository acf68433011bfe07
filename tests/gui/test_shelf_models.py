"""What is known of an object storage: under Qt's own tester while it changes, and against plain sums."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import Qt

from aihub_desktop.domain.contents import grown
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import S3, RemoteFile, SizeRange
from aihub_desktop.gui.collecting import plan_of
from aihub_desktop.gui.models.shelf import TAIL, Folder
from aihub_desktop.gui.models.shelf_lines import ShelfModel
from aihub_desktop.gui.models.shelf_table import DEPTH_ROLE, NAME, OPEN_ROLE, SIZE
from aihub_desktop.system.words import Words
from gui.stage import wait_until
from gui.test_models import watched

WORDS = Words("en")
ENDINGS = ("", ".zip", ".z01")
CHECKED, NOT, PARTLY = Qt.CheckState.Checked, Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked


def thing(key: str, size: int = 100) -> RemoteFile:
    return RemoteFile(S3, "https://x/b", key, key, SizeRange.exactly(size))


def filled() -> ShelfModel:
    """b/ a/ (one.txt, two.txt, and more to come) z/ (unknown), top.bin."""
    model = ShelfModel(WORDS)
    watched(model)
    model.ask(model.tree.root)
    model.add_page(model.tree.root, Shelf(["b", "c"], []))
    bucket = model.tree.root.folders[0]
    model.open_folder(bucket)
    model.add_page(bucket, Shelf(["a", "z"], [thing("top.bin", 7)]))
    model.open_folder(bucket.folders[0])
    model.add_page(bucket.folders[0], Shelf([], [thing("a/one.txt"), thing("a/two.txt")], "a/two.txt"))
    return model


@pytest.fixture
def shelf(qapp: object) -> ShelfModel:
    return filled()


def texts(model: ShelfModel) -> list[str]:
    return [model.text(line, NAME) for line in range(model.rowCount())]


def line(model: ShelfModel, text: str) -> int:
    return texts(model).index(text)


def state(model: ShelfModel, text: str) -> Qt.CheckState | None:
    return model.tick_state(line(model, text))


def test_lines_are_those_of_what_is_open(shelf: ShelfModel) -> None:
    assert texts(shelf) == ["b", "a", "one.txt", "two.txt", "Loading… (2 so far)", "z", "top.bin", "c"]
    assert [shelf.index(row, NAME).data(DEPTH_ROLE) for row in range(8)] == [0, 1, 2, 2, 2, 1, 1, 0]
    assert [shelf.index(row, NAME).data(OPEN_ROLE) for row in (0, 2, 5)] == [True, None, False]
    assert shelf.index(0, SIZE).data() == "at least 207 B"
    shelf.toggle(line(shelf, "a"))
    assert texts(shelf) == ["b", "a", "z", "top.bin", "c"]
    shelf.toggle(0)
    assert texts(shelf) == ["b", "c"]
    shelf.toggle(0)
    assert texts(shelf) == ["b", "a", "z", "top.bin", "c"]


def test_pages_are_asked_for_once_and_as_they_come_into_sight(shelf: ShelfModel) -> None:
    asked: list[Folder] = []
    shelf.page_wanted.connect(asked.append)
    shelf.ask_near(6, 7)
    assert asked == []
    shelf.ask_near(0, 1)
    shelf.ask_near(0, 1)
    assert [folder.prefix for folder in asked] == ["a/"]
    shelf.add_page(asked[0], Shelf([], [thing("a/zzz")]))
    assert texts(shelf)[1:6] == ["a", "one.txt", "two.txt", "zzz", "z"]
    shelf.toggle(line(shelf, "z"))
    assert asked[-1].prefix == "z/"
    shelf.fail(asked[-1], Problem(Code.SERVER_ERROR, {"status": 500}))
    tail = line(shelf, "z") + 1
    assert "double-click to retry" in texts(shelf)[tail]
    shelf.ask_near(0, 9)
    assert len(asked) == 2
    shelf.retry(tail)
    assert len(asked) == 3
    shelf.add_page(asked[-1], Shelf([], []))
    assert texts(shelf)[tail] == "Nothing here"


def test_answers_about_another_storage_are_dropped(shelf: ShelfModel) -> None:
    old = shelf.tree.root.folders[0]
    shelf.clear()
    shelf.add_page(old, Shelf(["late"], []))
    shelf.fail(old, Problem(Code.CUT))
    assert texts(shelf) == ["Loading…"]


def test_a_tick_on_a_folder_means_also_what_has_not_come(shelf: ShelfModel) -> None:
    shelf.tick(line(shelf, "a"), True)
    assert (shelf.sum().files, shelf.sum().size.low, shelf.sum().ends) == (2, 200, 1)
    assert [state(shelf, text) for text in ("b", "a", "one.txt", "z")] == [PARTLY, CHECKED, CHECKED, NOT]
    folder = shelf.tree.root.folders[0].folders[0]
    shelf.add_page(folder, Shelf(["deep"], [thing("a/y", 5)], "a/y"))
    assert (shelf.sum().files, shelf.sum().size.low, shelf.sum().ends) == (3, 205, 2)
    shelf.tick(line(shelf, "one.txt"), False)
    assert state(shelf, "a") is PARTLY
    shelf.add_page(folder, Shelf([], []))
    assert (shelf.sum().ends, state(shelf, "a")) == (1, PARTLY)
    shelf.tick(line(shelf, "one.txt"), True)
    assert state(shelf, "a") is CHECKED
    shelf.tick(line(shelf, "a"), False)
    assert (shelf.sum().files, shelf.sum().ends, state(shelf, "b")) == (0, 0, NOT)


def test_what_has_to_be_asked_for_before_a_download(shelf: ShelfModel) -> None:
    shelf.tick(line(shelf, "a"), True)
    shelf.tick(line(shelf, "two.txt"), False)
    shelf.tick(line(shelf, "top.bin"), True)
    plan = plan_of(shelf.tree.root)
    assert [(wish.bucket, wish.prefix) for wish in plan.wishes] == [("b", "a/")]
    assert [plan.wishes[0].wants(key) for key in ("a/one.txt", "a/two.txt", "a/more")] == [True, False, True]
    assert {bucket: [file.key for file in files] for bucket, files in plan.known.items()} == {"b": ["top.bin"]}
    shelf.tick(line(shelf, "c"), True)
    assert {(wish.bucket, wish.prefix) for wish in plan_of(shelf.tree.root).wishes} == {("b", "a/"), ("c", "")}


def test_a_folder_of_which_only_something_is_wanted_is_asked_for_by_itself(shelf: ShelfModel) -> None:
    folder = shelf.tree.root.folders[0].folders[0]
    shelf.tick(line(shelf, "a"), True)
    shelf.add_page(folder, Shelf(["deep"], [], "a/deep/"))
    shelf.open_folder(folder.folders[0])
    shelf.add_page(folder.folders[0], Shelf([], [thing("a/deep/1"), thing("a/deep/2")]))
    shelf.tick(line(shelf, "1"), False)
    plan = plan_of(shelf.tree.root)
    assert [(wish.prefix, wish.not_below) for wish in plan.wishes] == [("a/", ("a/deep/",))]
    assert [file.key for file in plan.known["b"]] == ["a/deep/2"]


def test_the_filter_shows_what_matches_and_ticks_only_that(shelf: ShelfModel) -> None:
    shelf.filter("two")
    wait_until(lambda: "top.bin" not in texts(shelf), "the filter")
    assert texts(shelf) == ["b", "a", "two.txt", "Loading… (2 so far)"]
    shelf.tick_all(True)
    assert [file.key for file in shelf.files(ticked=True)] == ["a/two.txt"]
    assert shelf.sum().ends == 0
    folder = shelf.tree.root.folders[0].folders[0]
    shelf.add_page(folder, Shelf(["other"], [thing("a/two-more"), thing("a/three")], "a/x"))
    assert texts(shelf) == ["b", "a", "two.txt", "two-more", "Loading… (5 so far)"]
    shelf.filter("top")
    wait_until(lambda: "top.bin" in texts(shelf), "the filter")
    assert (texts(shelf), shelf.sum().hidden) == (["b", "top.bin"], 1)
    shelf.untick_all()
    assert shelf.sum().files == 0
    shelf.filter("")
    wait_until(lambda: "c" in texts(shelf), "everything")


def test_a_bucket_that_is_not_listed(qapp: object) -> None:
    model = ShelfModel(WORDS)
    watched(model)
    model.ask(model.tree.root)
    model.add_bucket("mine")
    assert texts(model) == ["mine", "Loading… (1 so far)"]
    model.fail(model.tree.root, Problem(Code.NO_ACCESS))
    assert texts(model) == ["mine", "The buckets cannot be listed"]
    assert model.add_bucket("mine") is model.tree.root.folders[0]
    model.add_bucket("yours")
    assert texts(model) == ["mine", "yours", "The buckets cannot be listed"]


def test_screen_readers_hear_level_and_state(shelf: ShelfModel) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    assert shelf.index(1, NAME).data(role) == "Folder a, level 2, open, at least 200 B"
    assert shelf.index(5, NAME).data(role) == "Folder z, level 2, closed"
    assert shelf.index(2, NAME).data(role) == "File one.txt, 100 B"
    assert not shelf.index(4, NAME).flags() & Qt.ItemFlag.ItemIsUserCheckable


def test_random_deeds_leave_sums_and_lines_right(qapp: object) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    model = filled()
    for turn in range(400):
        folders = all_folders(model.tree.root)
        folder = chance.choice(folders)
        match chance.randrange(5):
            case 0 if not folder.complete:
                names = [f"d{turn}"] if chance.random() < 0.3 else []
                files = [
                    thing(f"{folder.prefix}{turn}-{at}{chance.choice(ENDINGS)}", chance.randrange(99))
                    for at in range(chance.randrange(4))
                ]
                model.add_page(folder, Shelf(names, files, chance.choice(["", "on", "on"])))
            case 1 if folder.parent is not None:
                model.close_folder(folder) if folder.is_open else model.open_folder(folder)
            case 2 if model.rowCount():
                model.tick(chance.randrange(model.rowCount()), chance.random() < 0.6)
            case 3 if chance.random() < 0.2:
                text = chance.choice(["", "1", "2", "top", "d"])
                model.filter(text)
                wait_until(lambda: not model.sifting, "the filter")
            case _:
                model.ask_near(0, 5)
        check(model)


def all_folders(folder: Folder) -> list[Folder]:
    return [folder, *(each for child in folder.folders for each in all_folders(child))]


def check(model: ShelfModel) -> None:
    """Against what plain walks find."""
    tree = model.tree
    ticked = model.files(ticked=True)
    assert tree.taken[:2] == (len(ticked), sum(file.size.low for file in ticked))
    assert tree.sum().unpacked == grown(ticked)
    folders = all_folders(tree.root)
    assert tree.ticked_ends == sum(folder.rest and not folder.complete for folder in folders)
    owners, at = tree.owners, tree.at
    assert (owners, at) == tree.lines_below(tree.root)
    assert tree.root.beneath == len(at)
    for place, (owner, entry) in enumerate(zip(owners, at, strict=True)):
        if entry != TAIL and isinstance(folder := owner.entries[entry], Folder):
            assert tree.line_of(folder) == place
            assert owner.ticks[entry] == folder.tick
