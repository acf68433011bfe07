"""The frozen program: one folder, two executables, everything that they load.

    python installer/build.py freeze

runs PyInstaller on aihub.spec in this Python, which needs requirements-build.txt. The folder is
`dist/aihub-desktop/`, on macOS `dist/AI Hub Desktop.app` too. Raises `BuildError`.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from installer import licences
from installer.common import BUILD, DIST, ROOT, VERSION, BuildError

FOLDER: Final = DIST / "aihub-desktop"
ICON: Final = ROOT / "resources" / "icons" / "program.svg"
SIZES: Final = (16, 24, 32, 48, 64, 128, 256, 512)


def freeze() -> Path:
    """Builds the folder anew. Returns it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    draw(BUILD / "icons")
    make_icon(BUILD / "icons")
    if sys.platform == "win32":
        (BUILD / "version.txt").write_text(version_resource(VERSION), encoding="utf-8")
    write_licences([])  # the spec takes the file; what it has to hold is known once all is collected
    environ = {**os.environ, "AIHUB_BUILD": str(BUILD), "AIHUB_VERSION": VERSION, "PYTHONHASHSEED": "0"}
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", str(DIST), "--workpath", str(BUILD / "work")]
    command = [sys.executable, "-m", "PyInstaller", *words, str(ROOT / "installer" / "aihub.spec")]
    if subprocess.run(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise BuildError("PyInstaller failed")
    found = licences.of_folder(FOLDER)
    write_licences(found)
    for place in sorted(DIST.glob("**/aihub_desktop/resources/licences.json")):
        shutil.copy2(BUILD / "licences.json", place)
    licences.write_text(FOLDER / "LICENCES.txt", found)
    return FOLDER


def write_licences(found: list[licences.Component]) -> None:
    rows = [{"name": one.name, "version": one.version, "licence": one.licence, "text": one.text} for one in found]
    (BUILD / "licences.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0), encoding="utf-8")


def draw(into: Path) -> None:
    """The program's icon as PNGs, `SIZE.png`."""
    from PySide6.QtCore import QByteArray, Qt  # noqa: PLC0415 - of the build alone
    from PySide6.QtGui import QImage, QPainter  # noqa: PLC0415
    from PySide6.QtSvg import QSvgRenderer  # noqa: PLC0415

    into.mkdir(parents=True, exist_ok=True)
    renderer = QSvgRenderer(QByteArray(ICON.read_bytes()))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        if not image.save(str(into / f"{size}.png")):
            raise BuildError(f"the icon of {size} pixels cannot be written")


def make_icon(drawn: Path) -> None:
    """The icon of Windows and that of macOS, out of the PNGs."""
    from PIL import Image  # noqa: PLC0415 - of the build alone

    pictures = {size: Image.open(io.BytesIO((drawn / f"{size}.png").read_bytes())) for size in SIZES}
    small = [size for size in SIZES if size <= 256]
    others = [pictures[size] for size in small[:-1]]
    pictures[256].save(BUILD / "aihub.ico", sizes=[(size, size) for size in small], append_images=others)
    pictures[512].save(BUILD / "aihub.icns", append_images=[pictures[size] for size in (32, 64, 128, 256)])


def version_resource(version: str) -> str:
    """What the properties of the executables say on Windows, in PyInstaller's own form."""
    numbers = tuple([*(int(part) for part in version.split(".")[:3]), 0])
    told = {
        "CompanyName": "AI Hub Desktop",
        "FileDescription": "AI Hub Desktop",
        "FileVersion": version,
        "LegalCopyright": "Apache-2.0",
        "ProductName": "AI Hub Desktop",
        "ProductVersion": version,
    }
    strings = ", ".join(f"StringStruct({name!r}, {value!r})" for name, value in told.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3f, flags=0, OS=0x40004, "
        "fileType=1, subtype=0, date=(0, 0)), kids=[StringFileInfo([StringTable('040904B0', "
        f"[{strings}])]), VarFileInfo([VarStruct('Translation', [0x0409, 1200])])])\n"
    )
