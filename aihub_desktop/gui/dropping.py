"""Folders that are dragged here from a file manager."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent


def dropped_folder(data: QMimeData) -> str:
    """The one local path that is dragged, "" for anything else. Whether it is a folder, the engine finds out: its drive
    may hang.
    """
    urls = data.urls() if data.hasUrls() else []
    return str(Path(urls[0].toLocalFile())) if len(urls) == 1 and urls[0].isLocalFile() else ""


def welcome(event: QDragEnterEvent) -> None:
    """Takes what `dropped_folder` understands."""
    if dropped_folder(event.mimeData()):
        event.acceptProposedAction()
