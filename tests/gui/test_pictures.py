"""The script that takes the pictures goes through every page, dialog and state without a complaint."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QImage

from gui import pictures


def test_one_kind_of_all_pictures(tmp_path: Path) -> None:
    assert pictures.run(tmp_path, "ko-dark-2")
    taken = sorted((tmp_path / "ko-dark-2").glob("*.png"))
    names = {path.stem.partition("-")[2] for path in taken}
    assert {"files-ticked", "key-no-keychain", "downloads-needs-you", "settings", "offline", "engine-lost"} <= names
    assert {"adopt-choice", "adopt-found", "adopt-over", "library-removed"} <= names
    assert {"library-empty", "library-damaged", "library-ask-discard"} <= names
    assert {"batch-save-labels", "batch-saved", "batch-compared", "batch-carry", "batch-bad"} <= names
    for path in taken:
        image = QImage(str(path))
        assert image.width() > 300, path
        # Twice as sharp, and not one flat colour.
        assert image.width() % 2 == 0
        assert len({image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}) > 10
