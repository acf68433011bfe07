"""aihub-desktop-VERSION-windows-x64-portable.zip: the frozen folder, with a folder `data` for queue and settings.

Where `data` lies beside the program, `system/folders.py` takes it for the state folder: both travel on one drive.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from installer.common import DIST, NAME, VERSION
from installer.windows.contents import Contents, contents

# What zip can say at the earliest: the same bytes give the same zip.
MOMENT: Final = (1980, 1, 1, 0, 0, 0)


def portable() -> Path:
    """Builds it. Raises `BuildError`."""
    into = DIST / f"{NAME}-{VERSION}-windows-x64-portable.zip"
    zipped(contents(), into, VERSION)
    return into


def zipped(found: Contents, into: Path, version: str) -> None:
    top = f"{NAME}-{version}"
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo(f"{top}/data/", MOMENT), b"")
        for name in found.files:
            entry = zipfile.ZipInfo(f"{top}/{name}", MOMENT)
            archive.writestr(entry, (found.folder / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)
