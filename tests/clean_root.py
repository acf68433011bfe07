"""A minimal Debian in a folder, without Python and without anything that this machine has; Linux and root only.

Its mounts live in a namespace that ends with the test's process: nothing of this machine is ever mounted where a
cleaning hand would find it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

APT: Final = Path("/etc/apt")
USER: Final = "lab"
_PLAIN: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


class CleanRoot:
    """The folder, and what runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        self._made("debootstrap", "--variant=minbase", told["VERSION_CODENAME"], folder, _mirror())
        shutil.copytree(APT / "sources.list.d", folder / "etc/apt/sources.list.d", dirs_exist_ok=True)
        shutil.copytree(APT / "apt.conf.d", folder / "etc/apt/apt.conf.d", dirs_exist_ok=True)
        if (APT / "sources.list").exists():
            shutil.copy2(APT / "sources.list", folder / "etc/apt/sources.list")
        shutil.copy2("/etc/resolv.conf", folder / "etc/resolv.conf")
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
        held = f"mount -t proc proc '{folder}/proc' && echo mounted; cat"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", held]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline(), "the root has no /proc"
        self.run("useradd", "--create-home", USER)

    def command(self, *words: str | Path, user: str = "root", **variables: str) -> list[str]:
        """What runs `words` in it, in an environment of its own."""
        home = "/root" if user == "root" else f"/home/{user}"
        environ = {**_PLAIN, "HOME": home, **variables}
        enter = ["nsenter", "--target", str(self._holder.pid), "--mount"]
        inside = ["chroot", f"--userspec={user}:{user}", str(self.folder)]
        return [*enter, *inside, "env", "-i", "-C", home, *(f"{k}={v}" for k, v in environ.items()), *map(str, words)]

    def run(self, *words: str | Path, user: str = "root", seconds: float = 120, **variables: str) -> str:
        """To its end, which must be a good one; what it printed."""
        return self._made(*self.command(*words, user=user, **variables), seconds=seconds)

    def finds(self, program: str) -> bool:
        """Whether there is such a command."""
        asked = self.command("sh", "-c", f"command -v {program}")
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def files(self, *folders: str) -> set[str]:
        """All that lies below `folders`, links and folders too, as the root names it."""
        found: set[str] = set()
        for folder in folders:
            for above, below, names in os.walk(self.folder / folder):
                shown = os.path.relpath(above, self.folder)
                found.update(f"{shown}/{name}" for name in [*below, *names])
        return found

    def close(self) -> None:
        self._holder.communicate(timeout=30)

    @staticmethod
    def _made(*words: str | Path, seconds: float = 300) -> str:
        done = subprocess.run(
            [str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=seconds,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _mirror() -> str:
    """Where this machine's own apt fetches from."""
    sources = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
    text = "\n".join(path.read_text() for path in sources if path.is_file())
    found = re.search(r"(?m)^URIs: *(\S+)|^deb (?:\[[^\]]*\] )?(\S+)", text)
    assert found is not None, "apt has no source"
    return found[1] or found[2]
