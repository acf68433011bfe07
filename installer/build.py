"""Builds what people install: python installer/build.py TARGET…

    freeze      dist/aihub-desktop/, the frozen program, which all others hold
    deb         the package of Debian and its kin (Linux)
    appimage    one file for every other Linux
    setup       the installer of Windows (needs NSIS)
    portable    the zip of Windows that brings its state along
    msi         the package for administrators, on Linux from a folder that Windows froze (only where it is named)
    dmg         the disk image of macOS
    sbom        the bill of materials, CycloneDX
    all         all of these that this system can build, in this order
    sums        SHA256SUMS of what is in dist/, signed where there is a key
    notes       build/notes.md, what the changelog says of this version

`python3 installer/run.py build TARGET…` sets up first what that takes. The exit status is 0, 1 where a target failed,
2 for wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

if __name__ == "__main__":  # started by its path: what it imports lies beside its folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from installer import freeze, sbom, sums
from installer.common import BuildError
from installer.linux import appimage, deb
from installer.macos import dmg
from installer.windows import msi, portable, setup

# In the order in which they need each other.
TARGETS: Final[dict[str, tuple[str, Callable[[], Path]]]] = {
    "freeze": ("", freeze.freeze),
    "deb": ("linux", deb.deb),
    "appimage": ("linux", appimage.appimage),
    "dmg": ("darwin", dmg.dmg),
    "setup": ("win32", setup.setup),
    "msi": ("asked", msi.msi),
    "portable": ("win32", portable.portable),
    "sbom": ("", sbom.sbom),
    "sums": ("release", sums.sums),
    "notes": ("release", sums.notes),
}


def main(words: list[str]) -> int:
    here = [name for name, (system, _) in TARGETS.items() if system in ("", sys.platform)]
    names = here if words == ["all"] else words
    if not names or any(name not in TARGETS for name in names):
        print(__doc__, file=sys.stderr)
        return 2
    for name in names:
        try:
            print(TARGETS[name][1]())
        except BuildError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
