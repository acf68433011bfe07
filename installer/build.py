"""Builds what people install: python installer/build.py TARGET…

    freeze     dist/aihub-desktop/, the frozen program, which all others hold
    deb        dist/aihub-desktop_VERSION_ARCH.deb (Linux)
    setup      dist/aihub-desktop-VERSION-windows-x64-setup.exe (Windows; needs makensis)
    msi        dist/aihub-desktop-VERSION-windows-x64.msi (needs wixl, of Linux; from a folder that Windows froze)
    portable   dist/aihub-desktop-VERSION-windows-x64-portable.zip (Windows)
    all        everything that this system can build

Needs the packages of requirements-build.txt, and of the system what each target names when it misses it. The exit
status is 0, 1 where a target failed, 2 for wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

if __name__ == "__main__":  # started by its path: what it imports lies beside its folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from installer import freeze
from installer.common import BuildError
from installer.linux import deb
from installer.windows import msi, portable, setup

# In the order in which they need each other.
TARGETS: Final[dict[str, tuple[str, Callable[[], Path]]]] = {
    "freeze": ("", freeze.freeze),
    "deb": ("linux", deb.deb),
    "setup": ("win32", setup.setup),
    "msi": ("asked", msi.msi),
    "portable": ("win32", portable.portable),
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
