"""One file for every Linux with the C library of Debian 12 or a newer one.

Its start, which mounts the rest, is built from source by installer/linux/runtime.sh; AIHUB_APPIMAGE_RUNTIME names one
that was built before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from installer import freeze
from installer.common import BUILD, DIST, NAME, VERSION, BuildError, epoch, platform_name, run
from installer.linux.deb import HERE, lay_out

RUNTIME: Final = BUILD / "appimage-runtime"


def appimage() -> Path:
    """dist/aihub-desktop-VERSION-linux-MACHINE.AppImage, of the folder that `freeze` made. Raises `BuildError`."""
    if not (freeze.FOLDER / "aihub").is_file():
        raise BuildError("first: python installer/build.py freeze")
    tree = BUILD / "AppDir"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(tree / "usr", Path("/usr/lib") / NAME)
    shutil.copytree(freeze.FOLDER, tree / "usr" / "lib" / NAME, symlinks=True)
    shutil.copy2(HERE / "AppRun", tree / "AppRun")
    (tree / "AppRun").chmod(0o755)
    shutil.copy2(tree / "usr/share/applications" / f"{NAME}.desktop", tree / f"{NAME}.desktop")
    shutil.copy2(BUILD / "icons" / "256.png", tree / f"{NAME}.png")
    (tree / ".DirIcon").symlink_to(f"{NAME}.png")
    squashed = BUILD / "appimage.squashfs"
    squashed.unlink(missing_ok=True)
    times = ["-mkfs-time", str(epoch()), "-all-time", str(epoch())]
    run(
        [
            "mksquashfs",
            tree,
            squashed,
            "-root-owned",
            "-noappend",
            "-quiet",
            "-comp",
            "zstd",
            "-Xcompression-level",
            "19",
            *times,
        ]
    )
    made = DIST / f"{NAME}-{VERSION}-{platform_name()}.AppImage"
    made.write_bytes(runtime().read_bytes() + squashed.read_bytes())
    made.chmod(0o755)
    return made


def runtime() -> Path:
    if told := os.environ.get("AIHUB_APPIMAGE_RUNTIME"):
        return Path(told)
    if not RUNTIME.is_file():
        run([HERE / "runtime.sh", RUNTIME])
    return RUNTIME
