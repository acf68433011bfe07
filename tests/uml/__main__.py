"""Cuts the power of a guest while it downloads, again and again, and looks at what is on its disk afterwards.

    python -m tests.uml [--cuts 10] [--seed N] [--longest 8]

Needs Debian's packages user-mode-linux and e2fsprogs, and no rights. The guest is a real Linux with an ext4 of its
own and sees the files of this machine read-only. Its power cut is SIGKILL for all its processes: what it had not
written to its disk is gone. Exit code 0 if nothing was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
BOOT_SECONDS: Final = 120.0
LAST_SECONDS: Final = 300.0
RATE: Final = 4_000_000  # bytes a second of each stream, so that a download takes some seconds
DISK_BYTES: Final = 1 << 30  # sparse


@dataclass(slots=True)
class Heard:
    """What one boot said. `named`, `done`: (folder, place)."""

    boot_seconds: float = 0.0
    named: set[tuple[str, str]] = field(default_factory=set)
    done: set[tuple[str, str]] = field(default_factory=set)
    claims: int = 0
    moving: bool = False
    ended: bool = False
    broken: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        match line.split(" ", 2):
            case ["named", folder, place]:
                self.named.add((folder, place))
            case ["done", folder, place]:
                self.done.add((folder, place))
            case ["claims", _, count]:
                self.claims += int(count)
            case ["moving", _]:
                self.moving = True
            case ["end"]:
                self.ended = True
            case _:
                self.broken.append(line)


class Guest:
    """One boot. Every process of it is in one group."""

    def __init__(self, image: Path, order: dict[str, int]) -> None:
        self.heard = Heard()
        self.began = time.monotonic()
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        environment = {"HOME": str(image.parent), "PATH": os.environ["PATH"], "TMPDIR": str(image.parent)}
        self._process = subprocess.Popen(
            [
                _program("linux.uml"), "mem=768M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
                f"ubda={image}", f"init={HERE / 'init.sh'}", "con=null", "con0=null,fd:1", f"uml_dir={image.parent}",
                f"UML_PYTHON={sys.executable}", f"UML_GUEST={HERE / 'guest.py'}", f"PYTHONPATH={ROOT}", "PYTHONUTF8=1",
                "HOME=/tmp", f"UML_ORDER={json.dumps(order, separators=(',', ':'))}",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def listen(self, until: float, *, moving: bool = False) -> None:
        """Takes what is said until then, until the guest has ended, or with `moving` until it downloads."""
        while time.monotonic() < until and not (moving and self.heard.moving):
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if self._reader.is_alive():
                    continue
                return
            if moving and line.startswith("moving"):
                self.heard.boot_seconds = time.monotonic() - self.began
            self.heard.take(line)

    def cut(self) -> None:
        """The power goes."""
        if sys.platform == "win32":
            sys.exit("User Mode Linux is a Linux in a Linux")
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # What had been said before is true all the same.
        self._reader.join()
        while not self._lines.empty():
            self.heard.take(self._lines.get())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            self.log.append(line)
            # A line that the power cut in two was not said.
            if line.startswith("AIHUB ") and raw.endswith(b"\n"):
                self._lines.put(line.removeprefix("AIHUB "))


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        sys.exit(f"{name} is missing: apt-get install user-mode-linux e2fsprogs")
    return found


def repaired(image: Path) -> str:
    """What e2fsck makes of the disk; "" where it could not make it whole by itself."""
    done = subprocess.run([_program("e2fsck"), "-p", str(image)], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        return ""
    return "journal replayed" if "recovering journal" in done.stdout + done.stderr else "clean"


def run(image: Path, arguments: argparse.Namespace) -> list[str]:
    """All cuts, then a boot that may finish; what was broken."""
    dice = random.Random(arguments.seed)
    broken: list[str] = []
    done: set[tuple[str, str]] = set()
    for number in range(1, arguments.cuts + 2):
        last = number > arguments.cuts
        guest = Guest(image, {"seed": arguments.seed, "rate": RATE, "last": int(last)})
        guest.listen(time.monotonic() + BOOT_SECONDS, moving=True)
        after = dice.uniform(0.2, arguments.longest)
        guest.listen(time.monotonic() + (LAST_SECONDS if last else after))
        guest.cut()
        heard = guest.heard
        found = [*heard.broken, *(f"{place} of {folder} is gone" for folder, place in sorted(done - heard.named))]
        if not (heard.ended if last else heard.moving):
            found += ["the guest did not come so far", *guest.log[-30:]]
        state = repaired(image)
        found += [] if state else ["e2fsck could not repair the disk"]
        what = "to the end" if last else f"cut {after:.1f} s after its first bytes"
        print(
            f"{number:3}  up in {heard.boot_seconds:.1f} s, found {len(heard.named)} files and claims of "
            f"{heard.claims / 1e6:.1f} MB; {what}: {len(heard.done)} more said to be done; e2fsck: {state}"
            + "".join(f"\n     BROKEN {one}" for one in found),
            flush=True,
        )
        done |= heard.done
        broken += found
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.uml", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(16))
    parser.add_argument("--longest", type=float, default=8.0, help="seconds of downloading before a cut, at most")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aihub-uml-") as folder:
        image = Path(folder, "disk")
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        subprocess.run([_program("mkfs.ext4"), "-q", str(image)], check=True)
        broken = run(image, arguments)
    print(f"{arguments.cuts} cuts in {time.monotonic() - began:.0f} s; broken: {len(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
