"""The package for Debian, Ubuntu and their kin.

A version lies in its own folder, /usr/lib/aihub-desktop/VERSION. A program at work reads its files as it needs them,
and its engine starts further runs of it: were they replaced under it, old and new would mix. So an upgrade leaves the
folder of a version that is at work, and the next one takes it away.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from installer import freeze, manpage
from installer.common import BUILD, DIST, NAME, ROOT, VERSION, BuildError, epoch, run

HERE: Final = ROOT / "installer" / "linux"
SCRIPTS: Final = ("preinst", "postinst", "prerm", "postrm")
# Opened by name, so that no library names them: OpenGL of Qt's libraries, the trust store, the fonts of Korean names.
OPENED: Final = ("libegl1", "libgl1", "ca-certificates", "libdbus-1-3")
MAINTAINER: Final = "AI Hub Desktop developers <noreply@localhost.localdomain>"
CONTROL: Final = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: fonts-nanum | fonts-noto-cjk | fonts-unfonts-core, xdg-utils
Suggests: gnome-keyring | kwalletmanager, openssh-client
Section: net
Priority: optional
Description: download manager for the datasets of AI Hub (aihub.or.kr)
 A window and a command line that download datasets of AI Hub, Korea's public
 hub of AI training data: with pause and resume, parallel transfers, and every
 byte verified. Object storage (S3) and web addresses are served as well.
 .
 It is not made by AI Hub; you use your own key and your own approvals.
"""

# A minute of a core, for which everybody's download is shorter; what is built to be looked at may do without.
PACKING: Final = os.environ.get("AIHUB_DEB_PACKING", "-Zxz -z9 -Sextreme").split()
CHANGES: Final = """\
{name} ({version}) unstable; urgency=medium

  * As CHANGELOG.md.gz beside this file tells.

 -- {maintainer}  {date}
"""
COPYRIGHT: Final = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: AI Hub Desktop

Files: *
Copyright: 2026 the AI Hub Desktop developers
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.

Files: {folder}/_internal/*
Copyright: 2026 their authors, who are named in {folder}/LICENCES.txt
License: various
 All are in {folder}/LICENCES.txt. Qt, PySide6 and Shiboken
 are under the LGPL-3, see /usr/share/common-licenses/LGPL-3; they are shared
 libraries that may be replaced by other builds of the same version.
"""
# What lintian says, and why it may.
OVERRIDES: Final = """\
# There is no address to write to; questions are asked where the program is released.
{name}: bogus-mail-host *
{name}: bogus-mail-host-in-debian-changelog *
# The frozen program carries what it was built and tested with.
{name}: embedded-library *
# Of other people's builds: extensions of Python, and PyInstaller's starters.
{name}: library-not-linked-against-libc *
{name}: shared-library-lacks-prerequisites *
{name}: custom-library-search-path *
{name}: hardening-no-pie *
{name}: package-contains-timestamped-gzip *
# It changes with the whole program.
{name}: initial-upload-closes-no-bugs *
"""


def deb() -> Path:
    """dist/aihub-desktop_VERSION_ARCH.deb, of the folder that `freeze` made. Raises `BuildError`."""
    if not (freeze.FOLDER / "aihub").is_file():
        raise BuildError("first: python installer/build.py freeze")
    tree = BUILD / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(tree / "usr", Path("/usr/lib") / NAME / VERSION)
    shutil.copytree(freeze.FOLDER, tree / "usr" / "lib" / NAME / VERSION, symlinks=True)
    about(tree / "usr" / "share" / "doc" / NAME)
    architecture = run(["dpkg", "--print-architecture"]).strip()
    control(tree, architecture)
    settle(tree)
    made = DIST / f"{NAME}_{VERSION}_{architecture}.deb"
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run(["dpkg-deb", "--root-owner-group", *PACKING, "--build", tree, made], environ=environ)
    return made


def lay_out(usr: Path, program: Path) -> None:
    """Commands, menu entry, icons, kinds of files, manual pages, below `usr`; `program` is where the folder will be."""
    (usr / "bin").mkdir(parents=True)
    for name in ("aihub", "aihub-desktop"):
        (usr / "bin" / name).symlink_to(os.path.relpath(program / name, "/usr/bin"))
    share = usr / "share"
    put(share / "applications" / f"{NAME}.desktop", (HERE / f"{NAME}.desktop").read_text(encoding="utf-8"))
    put(share / "mime" / "packages" / f"{NAME}.xml", (HERE / f"{NAME}.mime.xml").read_text(encoding="utf-8"))
    date = datetime.fromtimestamp(epoch(), UTC).strftime("%Y-%m-%d")
    told = (HERE / f"{NAME}.metainfo.xml").read_text(encoding="utf-8")
    put(share / "metainfo" / f"{NAME}.metainfo.xml", told.replace("@VERSION@", VERSION).replace("@DATE@", date))
    for drawn in sorted((BUILD / "icons").glob("*.png")):
        folder = share / "icons" / "hicolor" / f"{drawn.stem}x{drawn.stem}" / "apps"
        folder.mkdir(parents=True)
        shutil.copy2(drawn, folder / f"{NAME}.png")
    put(share / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg", freeze.ICON.read_text(encoding="utf-8"))
    pack(share / "man" / "man1" / "aihub.1.gz", manpage.page("en"))
    pack(share / "man" / "ko" / "man1" / "aihub.1.gz", manpage.page("ko"))
    pack(share / "man" / "man1" / f"{NAME}.1.gz", manpage.window_page())


def about(folder: Path) -> None:
    """What Debian wants to know: licences and changes."""
    folder.mkdir(parents=True)
    put(folder / "copyright", COPYRIGHT.format(folder=f"/usr/lib/{NAME}/{VERSION}"))
    put(folder.parents[1] / "lintian" / "overrides" / NAME, OVERRIDES.format(name=NAME))
    date = datetime.fromtimestamp(epoch(), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    pack(folder / "changelog.gz", CHANGES.format(name=NAME, version=VERSION, maintainer=MAINTAINER, date=date))
    pack(folder / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def control(tree: Path, architecture: str) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir()
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    depends = ", ".join(depended(freeze.FOLDER / "_internal"))
    text = CONTROL.format(
        maintainer=MAINTAINER, name=NAME, version=VERSION, architecture=architecture, size=size, depends=depends
    )
    put(folder / "control", text)
    for name in SCRIPTS:
        put(folder / name, (HERE / name).read_text(encoding="utf-8").replace("@VERSION@", VERSION), mode=0o755)
    sums = [
        f"{run(['md5sum', path]).split()[0]}  {path.relative_to(tree)}\n"
        for path in sorted((tree / "usr").rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    put(folder / "md5sums", "".join(sums))


def depended(internal: Path) -> list[str]:
    """Packages that hold what the folder loads and does not hold, the C library with its version."""
    wanted = freeze.names_loaded(internal) - {path.name for path in internal.rglob("*.so*")}
    found = {package_of(name) for name in wanted} | set(OPENED)
    return sorted(f"libc6 (>= {c_library(internal)})" if name == "libc6" else name for name in found if name)


def package_of(library: str) -> str:
    """The package of this system that `library` lies in; newer systems provide the same name."""
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    place = re.search(rf"^\s*{re.escape(library)} .*=> (\S+)$", listed, re.MULTILINE)
    if place is None:
        raise BuildError(f"{library} is not on this system")
    for path in (place[1], os.path.realpath(place[1]), f"/usr{place[1]}"):
        done = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    raise BuildError(f"no package holds {place[1]}")


def c_library(internal: Path) -> str:
    """The lowest version of glibc that everything in the folder can do with."""
    texts = [run(["objdump", "-T", path]) for path in internal.rglob("*.so*") if path.is_file()]
    texts += [run(["objdump", "-T", internal.parent / name]) for name in ("aihub", "aihub-desktop")]
    versions = {
        tuple(int(part) for part in found.split(".")) for found in re.findall(r"GLIBC_([\d.]+)", "".join(texts))
    }
    return ".".join(str(part) for part in max(versions))


def settle(tree: Path) -> None:
    """Modes and times that say nothing of where and when it was built."""
    programs = {tree / "usr/lib" / NAME / VERSION / name for name in ("aihub", NAME)}
    programs |= {tree / "DEBIAN" / name for name in SCRIPTS}
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def put(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(mode)


def pack(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
