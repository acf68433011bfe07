"""Where the files that ship with the program lie: inside the package once built, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def resource(*names: str) -> Path:
    """The path of resources/NAMES…"""
    package = Path(__file__).resolve().parents[1]
    inside = package / "resources"
    return (inside if inside.is_dir() else package.with_name("resources")).joinpath(*names)
