"""aihub-desktop-VERSION-windows-x64-setup.exe: setup.nsi and lists of the frozen folder's files. Needs makensis.

python installer/windows/setup.py VERSION FILE      the same with another number, for trial.py
"""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Final

from installer.common import BUILD, DIST, NAME, ROOT, VERSION, run
from installer.windows import signature
from installer.windows.contents import Contents, contents

HERE: Final = ROOT / "installer" / "windows"
LANGUAGES: Final = {"en": "LANG_ENGLISH", "ko": "LANG_KOREAN"}


def setup() -> Path:
    """Builds it. Raises `BuildError`."""
    found = contents()
    signature.sign(*(found.folder / name for name in ("aihub.exe", "aihub-desktop.exe")))
    into = DIST / f"{NAME}-{VERSION}-windows-x64-setup.exe"
    compiled(found, BUILD / "setup", into, icon=BUILD / "aihub.ico", version=VERSION)
    signature.sign(into)
    return into


def compiled(found: Contents, build: Path, into: Path, *, icon: Path, version: str) -> None:
    """Writes the lists to `build` and has them made into the installer `into`. Beside the icon lies `ICON.bmp`."""
    build.mkdir(parents=True, exist_ok=True)
    (build / "install.nsh").write_text(install_list(found), encoding="utf-8")
    (build / "uninstall.nsh").write_text(uninstall_list(found), encoding="utf-8")
    (build / "words.nsh").write_text(sentences(), encoding="utf-8")
    numbers = ".".join([*version.split("+", maxsplit=1)[0].split("."), "0", "0", "0"][:4])
    given = {
        "OUTPUT": into, "BUILD": build, "ICON": icon, "SIDE": icon.with_suffix(".bmp"), "VERSION": version,
        "VERSION_NUMBERS": numbers, "KILOBYTES": found.kilobytes,
    }  # fmt: skip
    defined = [f"-D{name}={value}" for name, value in given.items()]
    run([shutil.which("makensis") or _windows_makensis(), "-V2", "-INPUTCHARSET", "UTF8", *defined, HERE / "setup.nsi"])


def _windows_makensis() -> str:
    """Its own installer puts it on no PATH."""
    place = Path(os.environ.get("PROGRAMFILES(X86)", "")) / "NSIS" / "makensis.exe"
    return str(place) if place.is_file() else "makensis"


def install_list(found: Contents) -> str:
    """Instructions that bring each file to its folder."""
    lines: list[str] = []
    for folder in ("", *found.folders):
        lines.append(f'SetOutPath "{_installed(folder)}"')
        lines += [f'File "{found.folder / name}"' for name in found.files if name.rpartition("/")[0] == folder]
    return "\n".join(lines) + "\n"


def uninstall_list(found: Contents) -> str:
    """Instructions that take away the same files, and folders that are empty then, inner ones first."""
    files = [f'Delete "{_installed(name)}"' for name in found.files]
    return "\n".join([*files, *(f'RMDir "{_installed(folder)}"' for folder in reversed(found.folders))]) + "\n"


def _installed(name: str) -> str:
    return "\\".join(["$INSTDIR", *name.split("/")]) if name else "$INSTDIR"


def sentences() -> str:
    words = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    return "".join(
        f'LangString {name} ${{{LANGUAGES[language]}}} "{_quoted(text)}"\n'
        for language, told in words.items()
        for name, text in told.items()
    )


def _quoted(text: str) -> str:
    return text.replace('"', '$\\"').replace("\n", "$\\r$\\n")


if __name__ == "__main__":
    compiled(contents(), BUILD / "setup", Path(sys.argv[2]).absolute(), icon=BUILD / "aihub.ico", version=sys.argv[1])
