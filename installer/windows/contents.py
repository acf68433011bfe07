"""What the packages for Windows hold: every file of the frozen folder, and nothing that was not built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from installer.common import DIST, NAME, BuildError


@dataclass(frozen=True)
class Contents:
    """`files`: paths below `folder`, with "/" between their parts. `folders`: those they lie in, outer ones first."""

    folder: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def kilobytes(self) -> int:
        return sum((self.folder / name).stat().st_size for name in self.files) // 1024


def contents(folder: Path = DIST / NAME) -> Contents:
    """Raises `BuildError` where nothing is frozen, and for a folder that holds what no installer should spread."""
    if not (folder / "aihub.exe").is_file() or not (folder / "aihub-desktop.exe").is_file():
        raise BuildError(f"{folder} holds no program for Windows: build freeze first")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if strange := [name for name in files if any(sign in name for sign in '$"`\n')]:
        raise BuildError(f"names that an installer would read otherwise: {', '.join(strange)}")
    folders = {parent.as_posix() for name in files for parent in Path(name).parents if parent.name}
    return Contents(folder, tuple(files), tuple(sorted(folders)))
