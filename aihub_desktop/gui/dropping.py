"""Folders that are dragged here from a file manager."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent


def dropped_folder(data: QMimeData) -> str:
    """The one folder that is dragged, "" for anything else."""
    urls = data.urls() if data.hasUrls() else []
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return str(path) if path is not None and path.is_dir() else ""


def welcome(event: QDragEnterEvent) -> None:
    """Takes what `dropped_folder` understands; all else is for whoever stands behind."""
    if dropped_folder(event.mimeData()):
        event.acceptProposedAction()
    else:
        event.ignore()
