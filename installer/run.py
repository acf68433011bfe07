"""Set-up and start in one command: `demo`, `test`, `lint` or `build`, then words for the program behind it.

    python3 installer/run.py demo     the main job on the embedded demo hub
    python3 installer/run.py test     all tests
    python3 installer/run.py lint     ruff and mypy
    python3 installer/run.py build    what people install; `build all`, or targets of installer/build.py

Needs Python 3.11 and pip, nothing else: makes `.venv` beside this folder from the locked versions, and on Debian
and its kin installs the system packages of Qt and of the tests where they are missing. The second time it only
looks. The exit status is that of what was started; 3 where the user has to install something first.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this very check is why older Pythons may read this file
    sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0])

import hashlib
import json
import locale
import os
import shlex
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP: Final = VENV / "installed.json"
MUST_ACT: Final = 3  # the program's own status for "the user must act"

# What the wheels of Qt load and a minimal Debian lacks, the trust store, and a font with Hangul.
QT_PACKAGES: Final = [
    "ca-certificates", "fonts-nanum", "libbrotli1", "libdbus-1-3", "libegl1", "libfontconfig1", "libgl1",
    "libglib2.0-0", "libx11-xcb1", "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxcb-xkb1",
    "libxkbcommon-x11-0",
]  # fmt: skip
# What freezing and packing take: Python as a library, what looks into libraries, and into repositories.
BUILD_PACKAGES: Final = ["binutils", "git", "libpython3.11"]
# What the one file for every Linux takes besides, for its start is built from source.
APPIMAGE_PACKAGES: Final = [
    "autoconf", "automake", "gcc", "libc6-dev", "libfuse3-dev", "libtool", "libtool-bin", "libzstd-dev", "make",
    "pkg-config", "squashfs-tools", "zlib1g-dev",
]  # fmt: skip
# What judges the package, and the machine without anything that it is installed on.
PACKAGE_PACKAGES: Final = ["appstream", "debootstrap", "desktop-file-utils", "libxml2-utils", "lintian"]
# What the tests start: the official script's tools, a real keychain, disks that fill up, calls that fail.
TEST_PACKAGES: Final = [
    "aria2", "at-spi2-core", "curl", "dbus-daemon", "git", "gnome-keyring", "iproute2", "memcached", "msitools",
    "nftables", "nginx", "nsis", "openbox", "openssh-client", "openssl", "osslsigncode", "p7zip-full", "procps",
    "python3-pyatspi", "strace", "swift-account", "swift-container", "swift-object", "swift-proxy", "systemd", "tar",
    "trayer", "unzip", "util-linux", "wixl", "xauth", "xdotool", "xvfb", "zip",
]  # fmt: skip

DEVELOPMENT: Final = "requirements-dev.txt"  # which holds all of the others
REQUIREMENTS: Final = {"demo": "requirements.txt", "build": "installer/requirements-build.txt"}

# The types of each system are checked on every one: each hides from the checker what only the others have.
TYPES: Final = [
    ["-m", "mypy", "--platform", name, "--cache-dir", f".mypy_cache/{name}"] for name in ("linux", "win32", "darwin")
]
# Two tests at a time: some hold a deadline, and a crowd on few cores would make them miss it.
TASKS: Final = {
    "demo": [["-m", "aihub_desktop", "demo"]],
    "test": [["-m", "pytest", "-n", "2"]],
    "build": [["installer/build.py"]],
    "lint": [["-m", "ruff", "check"], ["-m", "ruff", "format", "--check"], *TYPES],
}


class SetupError(Exception):
    """The set-up cannot go on: a name of `words.toml`, its facts, and the exit status."""

    def __init__(self, name: str, status: int = 1, **facts: object) -> None:
        super().__init__(name)
        self.name, self.status, self.facts = name, status, facts


def say(name: str, **facts: object) -> None:
    """A sentence to stderr, so that the output of what is started stays its own."""
    variables = ("AIHUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    spoken = next(filter(None, map(os.environ.get, variables)), locale.setlocale(locale.LC_CTYPE))
    language = "ko" if spoken.lower().startswith("ko") else "en"
    words = tomllib.loads((ROOT / "installer/words.toml").read_text(encoding="utf-8"))
    print(words[language][name].format(**facts), file=sys.stderr, flush=True)


# Debian


def missing_packages(wanted: Iterable[str]) -> list[str]:
    """Those that neither an installed package nor what it provides gives. None where there is no apt."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-query")):
        return []
    form = "${db:Status-Status}\t${Package}\t${Provides}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    present: set[str] = set()
    for line in listed.splitlines():
        status, name, provided = line.split("\t")
        if status == "installed":
            present.update([name], (item.split()[0] for item in provided.split(",") if item.strip()))
    return [name for name in wanted if name not in present]


def apt_command(names: list[str]) -> list[str]:
    return ["apt-get", "install", "--yes", "--no-install-recommends", *names]


def as_root() -> list[str] | None:
    """What to put before a command to run it as root; None where that is not possible."""
    if sys.platform == "win32":
        return None
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin is not None and sys.stdin.isatty():
        return ["sudo"]
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else None


def install_packages(wanted: Iterable[str], *, optional: bool) -> None:
    """Installs what is missing. `optional`: without the right to do so, says what is missing and goes on."""
    names = missing_packages(wanted)
    if not names:
        return
    prefix = as_root()
    shown = shlex.join(["sudo", *apt_command(names)] if prefix is None else [*prefix, *apt_command(names)])
    if prefix is None:
        if not optional:
            raise SetupError("packages-asked", MUST_ACT, command=shown)
        say("packages-optional", command=shown)
        return
    say("packages", names=" ".join(names))
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    patient = ["-o", "DPkg::Lock::Timeout=120"]  # another apt may be at work, e.g. the daily one
    listed = silently([*quiet, "apt-get", *patient, "update"])
    done = silently([*quiet, *apt_command([*patient, *names])])
    if done.returncode != 0:
        print(listed.stdout, done.stdout, sep="", file=sys.stderr, flush=True)
        raise SetupError("packages-failed", status=done.returncode, command=shown)


def silently(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs it with its hundreds of lines kept back; who asks shows them if it failed."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# Python


def fingerprint() -> str:
    """Changes when something that is installed changes, or when the checkout has moved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project["project"], project["build-system"], project["tool"]["setuptools"], str(ROOT)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for name in (*REQUIREMENTS.values(), DEVELOPMENT):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_installed(wanted: str, mark: str) -> bool:
    """`wanted`: the name of a list of requirements."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return stamp["mark"] == mark and stamp["from"] in (wanted, DEVELOPMENT) and works()
    except (OSError, ValueError, KeyError):
        return False


def works() -> bool:
    """Whether the environment's Python is there, starts, and is new enough."""
    question = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
    try:
        return subprocess.run([PYTHON, "-c", question], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def finish(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SetupError("step-failed", command=shlex.join(command), status=done.returncode)


def pip_for_venv() -> list[str]:
    """A pip that installs into the environment: this Python's own, which even a Debian without venv has."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if find_spec("ensurepip"):
        finish([str(PYTHON), "-m", "ensurepip", "--default-pip"], dict(os.environ))
        return [str(PYTHON), "-m", "pip"]
    raise SetupError("no-pip", MUST_ACT)


def install_environment(wanted: str) -> None:
    """The locked versions, hash by hash, then the project itself as a link to the checkout."""
    mark = fingerprint()
    if is_installed(wanted, mark):
        return
    say("environment", folder=VENV)
    if not works():
        venv.EnvBuilder(clear=True, symlinks=os.name != "nt").create(VENV)
    STAMP.unlink(missing_ok=True)
    # a user's `user = true` would make pip refuse an environment
    environ = {**os.environ, "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    environ.update(PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    pip = [*pip_for_venv(), "install", *([] if sys.stderr.isatty() else ["--quiet"])]
    finish([*pip, "--require-hashes", "--requirement", str(ROOT / wanted)], environ)
    finish([*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], environ)
    STAMP.write_text(json.dumps({"mark": mark, "from": wanted}), encoding="utf-8")


def start(command: list[str], folder: Path | None) -> int:
    """Runs to the end. A Ctrl-C goes to the program as well; what it makes of it is its own affair."""
    with subprocess.Popen(command, cwd=folder) as process:
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                continue
    return status if status >= 0 else 128 - status


def set_up(task: str) -> None:
    if task == "demo":
        install_packages(QT_PACKAGES, optional=not has_display())
    elif task == "test":
        install_packages([*QT_PACKAGES, *TEST_PACKAGES, *BUILD_PACKAGES, *PACKAGE_PACKAGES], optional=False)
    elif task == "build":
        install_packages([*QT_PACKAGES, *BUILD_PACKAGES, *APPIMAGE_PACKAGES], optional=False)
    try:
        install_environment(REQUIREMENTS.get(task, DEVELOPMENT))
    except OSError as error:
        raise SetupError("not-writable", folder=VENV, reason=error.strerror or error) from error


def main(words: list[str]) -> int:
    if not words or words[0] not in TASKS:
        print(__doc__, file=sys.stderr)
        return 2
    task, *rest = words
    try:
        set_up(task)
    except SetupError as error:
        say(error.name, **{"status": error.status, **error.facts})
        return error.status
    except KeyboardInterrupt:
        return 130
    folder = None if task == "demo" else ROOT  # a folder that is given to the demo is meant from where the user stands
    statuses = [start([str(PYTHON), *command, *rest], folder) for command in TASKS[task]]
    return next((status for status in statuses if status != 0), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
