"""The licences of everything that a frozen folder holds, found by asking of each file where it came from.

Packages of Python carry their texts; so does Python itself. Libraries of the system that were drawn in belong to
packages of Debian, which keep theirs in /usr/share/doc. Qt's wheels carry none: the texts of the LGPL and the GPL come
from a folder of common licences (Debian's; elsewhere the one that AIHUB_COMMON_LICENCES names).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Final

from aihub_desktop.system import licences as packages
from aihub_desktop.system.licences import Component
from installer.common import ROOT, VERSION, BuildError

COMMON: Final = Path(os.environ.get("AIHUB_COMMON_LICENCES", "/usr/share/common-licenses"))
PYTHON: Final = "Python"
OWN_FILES: Final = ("aihub_desktop/",)
# Of the interpreter itself, wherever the freezing puts it.
PYTHONS: Final = re.compile(
    r"(?i)^(base_library\.zip|(lib-dynload|python3\.\d+)/.*|Python(\.framework.*)?|(lib)?python3[\d.]*\.(so|dylib|dll)[\d.]*"
    r"|(vcruntime|msvcp|ucrtbase|api-ms-win|concrt|zlib)[^/]*\.dll|(libcrypto|libssl|libffi|sqlite3)[^/]*\.dll|[^/]*\.pyd)$"
)
QT_NOTICE: Final = """\
Qt, PySide6 and Shiboken are used under the GNU Lesser General Public License, version 3.

Their source code, of exactly this version, is at https://download.qt.io/official_releases/QtForPython/ and
https://download.qt.io/official_releases/qt/ . They are shared libraries in the folder {where}; you may replace them by
your own builds of the same version, changed as you like: the program loads whatever lies there. Nothing in the
program's terms forbids to take it apart in order to look for errors of such changes.
"""


def of_folder(folder: Path) -> list[Component]:
    """Of everything in `folder`, this program first, Python second. Raises `BuildError` for what belongs to nobody."""
    internal = folder / "_internal"
    if not internal.is_dir():
        internal = folder
    owners, strangers = owners_of(internal)
    if strangers:
        raise BuildError("no licence is known of: " + ", ".join(sorted(strangers)[:20]))
    own = Component(packages.OWN, VERSION, "Apache-2.0", (ROOT / "LICENSE").read_text(encoding="utf-8"))
    wheels = [packages.component(distribution(name)) for name in owners["wheel"] | set(needed(packages.OWN))]
    rest = [wheel(one, internal.name) for one in wheels] + [system(name) for name in owners["system"]] + [bootloader()]
    return [own, python(), *sorted(rest, key=lambda one: one.name.casefold())]


def owners_of(internal: Path) -> tuple[dict[str, set[str]], list[str]]:
    """Names of packages of Python ("wheel") and of the system ("system") that files came from, and files of nobody."""
    # Windows finds a library in whatever case; the wheel's list and the folder spell Microsoft's differently.
    known = {str(file).casefold(): one.metadata["Name"] for one in distributions() for file in one.files or ()}
    found: dict[str, set[str]] = {"wheel": set(), "system": set()}
    strangers: list[str] = []
    for path in sorted(internal.rglob("*")):
        name = path.relative_to(internal).as_posix()
        if not path.is_file() or name.startswith(OWN_FILES):
            continue
        if (
            wheel_name := known.get(name.casefold())
            or known.get(name.removesuffix(".gz").casefold())
            or of_metadata(name)
        ):
            found["wheel"].add(wheel_name)
        elif PYTHONS.match(name):
            continue
        elif package := debian_package(path.name):
            found["system"].add(package)
        elif not path.is_symlink():
            strangers.append(name)
    return found, strangers


def of_metadata(name: str) -> str:
    """The package of a file in NAME-VERSION.dist-info/; "" for every other."""
    found = re.match(r"([A-Za-z0-9_.]+)-[^/]+\.(dist|egg)-info/", name)
    return found[1].replace("_", "-") if found else ""


def needed(name: str) -> Iterator[str]:
    """All that it needs here, and what those need: they may be pure Python, packed into the executables."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other in packages.needed(distribution(waiting.pop())):
            if other not in seen and is_installed(other):
                seen.add(other)
                waiting.append(other)
                yield distribution(other).metadata["Name"]


def is_installed(name: str) -> bool:
    return any(Distribution.discover(name=name))


def debian_package(file: str) -> str:
    """The package that brought the library `file`; "" for none."""
    if sys.platform != "linux":
        return ""
    done = subprocess.run(["dpkg-query", "-S", f"*/{file}"], capture_output=True, text=True, check=False)
    return done.stdout.partition(":")[0].partition(",")[0] if done.returncode == 0 else ""


def system(package: str) -> Component:
    form = ["dpkg-query", "-W", "-f", "${Version}", package]
    version = subprocess.run(form, capture_output=True, text=True, check=False).stdout.split()
    text = (Path("/usr/share/doc") / package / "copyright").read_text(encoding="utf-8", errors="replace")
    kinds = dict.fromkeys(re.findall(r"(?m)^License: *(\S[^\n]*)", text))
    return Component(package, version[0] if version else "", ", ".join(kinds)[:200] or "as its text says", text)


def wheel(one: Component, folder: str) -> Component:
    if not one.name.lower().startswith(("pyside6", "shiboken6")):
        return one
    texts = [QT_NOTICE.format(where=folder), common("LGPL-3"), common("GPL-3")]
    return Component(one.name, one.version, "LGPL-3.0-only", "\n\n".join(texts))


def common(name: str) -> str:
    try:
        return (COMMON / name).read_text(encoding="utf-8")
    except OSError:
        raise BuildError(
            f"the text of {name} is not in {COMMON}; AIHUB_COMMON_LICENCES names a folder that has it"
        ) from None


def python() -> Component:
    places = [
        Path(sys.base_prefix, "LICENSE.txt"),
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path(f"/usr/share/doc/python{sys.version_info.major}.{sys.version_info.minor}/copyright"),
    ]
    texts = [place.read_text(encoding="utf-8", errors="replace") for place in places if place.is_file()]
    if not texts:
        raise BuildError("the licence of this Python is not to be found")
    return Component(PYTHON, sys.version.partition(" ")[0], "PSF-2.0", texts[0])


def bootloader() -> Component:
    one = packages.component(distribution("pyinstaller"))
    return Component("PyInstaller (bootloader)", one.version, "GPL-2.0-or-later WITH Bootloader-exception", one.text)


def write_text(place: Path, found: Iterable[Component]) -> None:
    """All of them in one file, for whoever looks without starting the program."""
    parts = [f"{one.name} {one.version}\n{one.licence}\n\n{one.text.strip()}\n" for one in found]
    place.write_text(f"\n{'=' * 100}\n\n".join(parts), encoding="utf-8", newline="\n")
