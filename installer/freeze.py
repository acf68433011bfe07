"""The frozen program: one folder, two executables, everything that they load.

    python installer/build.py freeze

runs PyInstaller on aihub.spec in this Python, which needs requirements-build.txt. The folder is
`dist/aihub-desktop/`, on macOS `dist/AI Hub Desktop.app` too. Raises `BuildError`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from aihub_desktop.system.licences import Component
from installer import licences
from installer.common import BUILD, DIST, ROOT, VERSION, BuildError, run

FOLDER: Final = DIST / "aihub-desktop"
ICON: Final = ROOT / "resources" / "icons" / "program.svg"
SIDE: Final = (164, 314)  # as NSIS wants it
SIDE_COLOUR: Final = "#e8eef7"
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
    if sys.platform == "linux":
        pack_tables(FOLDER / "_internal")
        prune(FOLDER / "_internal")
        share_modules(FOLDER)
        forget_origin(FOLDER)
    found = licences.of_folder(FOLDER)
    write_licences(found)
    for place in sorted(DIST.glob("**/aihub_desktop/resources/licences.json.gz")):
        shutil.copy2(BUILD / "licences.json.gz", place)
    licences.write_text(FOLDER / "LICENCES.txt", found)
    return FOLDER


# Of the system, not of the folder: what has to fit the system's own settings (trust store, fonts, X, D-Bus), or is
# mended by it when a hole is found, and is on every desktop that has this C library. The deb depends on them.
SYSTEMS: Final = re.compile(
    r"^lib(ssl|crypto|sqlite3|z|zstd|lzma|stdc\+\+|gcc_s|X11|X11-xcb|Xau|Xdmcp|bsd|md|fontconfig|freetype|expat|png16|brotli\w+|harfbuzz|graphite2|glib-2\.0"
    r"|gio-2\.0|gobject-2\.0|gmodule-2\.0|gthread-2\.0|pcre2-8|mount|blkid|selinux|uuid|dbus-1|systemd|gcrypt|gpg-error|lz4|cap"
    r"|gssapi_krb5|krb5|krb5support|k5crypto|keyutils|com_err)\.so"
)


def share_modules(folder: Path) -> None:
    """One file of modules for both programs, which look for one of their own name."""
    first, second = folder / "aihub.pkg", folder / "aihub-desktop.pkg"
    if first.read_bytes() != second.read_bytes():
        raise BuildError("the two programs hold different modules")
    second.unlink()
    second.symlink_to(first.name)


def forget_origin(folder: Path) -> None:
    """Libraries of Python may look for others where this Python lies here; at the user's that is anybody's folder."""
    for path in folder.rglob("*.so*"):
        if not path.is_symlink() and run(["patchelf", "--print-rpath", path]).startswith("/"):
            run(["patchelf", "--remove-rpath", path])


def prune(internal: Path) -> None:
    """Takes out what is the system's, and what nothing in the folder loads any more: plugins were left out before."""
    for path in list(internal.iterdir()):
        if SYSTEMS.match(path.name):
            path.unlink()
    while orphans := libraries(internal).keys() - names_loaded(internal):
        for name in orphans:
            for path in libraries(internal)[name]:
                path.unlink()


def libraries(internal: Path) -> dict[str, list[Path]]:
    """The shared libraries that only others load, by name: beside the packages, Qt's among Qt's with a link."""
    found: dict[str, list[Path]] = {}
    for path in (*internal.iterdir(), *(internal / "PySide6" / "Qt" / "lib").iterdir()):
        if re.match(r"lib[^/]*\.so", path.name):
            found.setdefault(path.name, []).append(path)
    return found


def pack_tables(internal: Path) -> None:
    """botocore reads its tables packed as well; one of them is more than a megabyte."""
    for path in (internal / "botocore" / "data").rglob("*.json"):
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()


def names_loaded(internal: Path) -> set[str]:
    """The names of all libraries that anything in the folder asks for, and Python's own, which the executables open."""
    found = {path.name for path in internal.glob("libpython*")}
    for path in internal.rglob("*.so*"):
        found |= needed_by(path)
    return found


def needed_by(path: Path) -> set[str]:
    """The shared libraries that `path` names."""
    return set(re.findall(r"^ *NEEDED +(\S+)$", run(["objdump", "-p", path]), re.MULTILINE))


def write_licences(found: list[Component]) -> None:
    rows = [{"name": one.name, "version": one.version, "licence": one.licence, "text": one.text} for one in found]
    text = json.dumps(rows, ensure_ascii=False).encode()
    (BUILD / "licences.json.gz").write_bytes(gzip.compress(text, mtime=0))


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
    """The icon of Windows and that of macOS, out of the PNGs; and the picture beside the installer's last page."""
    from PIL import Image  # noqa: PLC0415 - of the build alone

    pictures = {size: Image.open(io.BytesIO((drawn / f"{size}.png").read_bytes())) for size in SIZES}
    small = [size for size in SIZES if size <= 256]
    others = [pictures[size] for size in small[:-1]]
    pictures[256].save(BUILD / "aihub.ico", sizes=[(size, size) for size in small], append_images=others)
    beside = Image.new("RGB", SIDE, SIDE_COLOUR)
    beside.paste(pictures[64], ((SIDE[0] - 64) // 2, 48), pictures[64])
    beside.save(BUILD / "aihub.bmp")
    pictures[512].save(BUILD / "aihub.icns", append_images=[pictures[size] for size in (32, 64, 128, 256)])


def version_resource(version: str) -> str:
    """What the properties of the executables say on Windows, in PyInstaller's own form."""
    numbers = (*(int(part) for part in version.split(".")[:3]), 0)
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
