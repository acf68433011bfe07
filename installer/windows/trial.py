r"""Tries the installer on Windows, as a person's machine would meet it: silently installed, used, upgraded, removed.

    python installer\windows\trial.py OLDER-setup.exe NEWER-setup.exe [PACKAGE.msi]

Changes the PATH, the registry and the programs of whoever runs it: for a machine that is thrown away (a runner, a copy
of wine). Prints a line a check; the exit status is 1 where one failed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # started by its path: what it imports lies above
    _PROJECT: Final = Path(__file__).resolve().parent.parent.parent
    sys.path[:0] = [str(_PROJECT), str(_PROJECT / "tests")]

from piped import Engine

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.content import Bytes
from aihub_desktop.demo.faults import Fault, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import MAIN, standard
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.states import TransferState

ENTRY: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\AIHubDesktop"
# Longer than any string of NSIS: an installer that reads it into one cuts it.
LONG_PATH: Final = ";".join(rf"C:\tools\number{number:04d}" for number in range(400))
DATASET: Final = MAIN
FILES: Final = 13
PATIENCE: Final = 240


@dataclass(frozen=True, kw_only=True)
class Flow(Fault):
    """No fault: counts the bytes that leave."""

    passed: list[int] = field(default_factory=list, compare=False)

    @property
    def count(self) -> int:
        return sum(self.passed)

    def blocks(self, blocks: Iterator[Bytes]) -> Iterator[Bytes]:
        for block in blocks:
            yield block
            self.passed.append(len(block))


class Trial:
    """`checks`: what was looked at, and whether it was right."""

    def __init__(self, older: str, newer: str) -> None:
        self.older, self.newer = older, newer
        self.checks: list[tuple[str, bool]] = []
        self.place = Path(os.environ["LOCALAPPDATA"]) / "Programs" / "AI Hub Desktop"
        self.ground = Path(tempfile.mkdtemp(prefix="aihub-trial-"))
        self.home, self.data = self.ground / "home", self.ground / "받은 것"

    def check(self, name: str, right: bool) -> None:
        self.checks.append((name, right))
        print("ok    " if right else "FAILED", name, flush=True)

    def environ(self, hub: DemoHub) -> dict[str, str]:
        given = {"AIHUB_API_URL": hub.url, "AIHUB_APIKEY": DEMO_KEY, "AIHUB_HOME": str(self.home), "AIHUB_LANG": "ko"}
        return {**os.environ, **given}

    def program(self, name: str, *words: str) -> list[str]:
        return [str(self.place / f"{name}.exe"), *words]

    def ran(self, words: list[str], hub: DemoHub, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            words, env=self.environ(hub), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
            **options,
        )  # fmt: skip

    def all(self) -> None:
        set_path(LONG_PATH)
        with DemoHub(standard()) as hub:
            self.install(hub)
            self.use(hub)
            self.upgrade(hub)
            self.insist(hub)
            self.refuse(hub)
            self.remove(hub)
            self.everybody(hub)

    def install(self, hub: DemoHub) -> None:
        self.check("the older one is installed silently", self.ran([self.older, "/S"], hub).returncode == 0)
        self.check(
            "its two programs are there",
            all((self.place / name).is_file() for name in ("aihub.exe", "aihub-desktop.exe")),
        )
        self.check("a PATH of 8,000 signs is whole and has it", path() == rf"{LONG_PATH};{self.place}\bin")
        self.check("it is in the list of programs", value(ENTRY, "DisplayName") == "AI Hub Desktop")
        opened = f'"{self.place}\\aihub-desktop.exe" -- "%1"'
        self.check("links lead to it", value(r"Software\Classes\aihub\shell\open\command", "") == opened)
        self.check("batch files lead to it", value(r"Software\Classes\.aihubbatch", "") == "AIHubDesktop.Batch")

    def use(self, hub: DemoHub) -> None:
        said = self.ran(["cmd", "/c", str(self.place / "bin" / "aihub.cmd"), "--version"], hub)
        self.check("the command on the PATH answers", said.stdout.startswith(b"aihub "))
        got = self.ran(self.program("aihub", "get", DATASET, "--to", str(self.data)), hub)
        self.check("a dataset is downloaded", got.returncode == 0)
        self.check("a pipe gets Korean as it is, whatever the code page", "파일" in got.stderr.decode(errors="replace"))
        seen = self.ran(self.program("aihub", "verify", str(self.data)), hub)
        self.check("its files are right", seen.returncode == 0)

    def queue(self, hub: DemoHub, into: Path) -> None:
        """A download that has begun, as a window that was closed leaves it."""
        process = subprocess.Popen(
            self.program("aihub", "engine"), env=self.environ(hub), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        engine = Engine(process)
        engine.first()
        listing = engine.ask(m.ListFiles(engine.number(), DATASET), m.FileList)
        engine.ask(m.Add(engine.number(), listing.dataset, listing.files, str(into)), m.Added)
        engine.row(lambda row: row.state is TransferState.RUNNING)
        engine.end()

    def upgrade(self, hub: DemoHub) -> None:
        """Over a window that is downloading: it leaves in order, and the newer one's queue goes on to its end."""
        into = self.ground / "더"
        flow = hub.faults.add(Flow())
        slow = hub.faults.add(Slow(rate=100_000))
        self.queue(hub, into)
        window = subprocess.Popen(self.program("aihub-desktop"), env=self.environ(hub))
        before = flow.count
        self.check("the window goes on with the queue", waited(lambda: flow.count > before + 200_000))
        self.check("the newer one is installed over it", self.ran([self.newer, "/S"], hub).returncode == 0)
        self.check("the window ended in order", waited(lambda: window.poll() is not None) and window.returncode == 0)
        self.check("the version is the newer one", value(ENTRY, "DisplayVersion") != "0.0.1")
        self.check("the PATH has it once", path() == rf"{LONG_PATH};{self.place}\bin")
        self.check("the queue was in the middle of it", any(into.rglob("*.part")))
        hub.faults.remove(slow)
        window = subprocess.Popen(self.program("aihub-desktop"), env=self.environ(hub))
        self.check("the newer window ends the queue", waited(lambda: is_whole(into)))
        self.check("it is asked to leave", self.ran(self.program("aihub-desktop", "--quit"), hub).returncode == 0)
        self.check("and does", waited(lambda: window.poll() is not None) and window.returncode == 0)
        self.check("its files are right too", self.ran(self.program("aihub", "verify", str(into)), hub).returncode == 0)

    def insist(self, hub: DemoHub) -> None:
        """A command at work keeps its program; only /FORCE ends it, and loses nothing."""
        into = self.ground / "명령"
        words = self.program("aihub", "get", DATASET, "--to", str(into))
        slow = hub.faults.add(Slow(rate=100_000))
        begun = subprocess.Popen(words, env=self.environ(hub), stdin=subprocess.DEVNULL)
        self.check("a command is at work", waited(lambda: any(into.rglob("*.part"))))
        self.check("it is not ended for an upgrade", self.ran([self.newer, "/S"], hub).returncode == 5)
        self.check("and goes on", begun.poll() is None)
        with held(self.place / "aihub.exe"):
            done = self.ran([self.newer, "/S", "/FORCE"], hub)
        self.check("nothing is mixed with what cannot be ended", done.returncode == 5)
        self.check("but what can be is, if that is wished", waited(lambda: begun.poll() is not None))
        begun = subprocess.Popen(words, env=self.environ(hub), stdin=subprocess.DEVNULL)
        self.check("it goes on again", waited(lambda: begun.poll() is None and any(into.rglob("*.part"))))
        self.check("and is ended for an upgrade", self.ran([self.newer, "/S", "/FORCE"], hub).returncode == 0)
        self.check("then it ended", waited(lambda: begun.poll() is not None))
        hub.faults.remove(slow)
        self.check("the download goes on to its end", self.ran(words, hub).returncode == 0)
        self.check("with the right files", self.ran(self.program("aihub", "verify", str(into)), hub).returncode == 0)

    def refuse(self, hub: DemoHub) -> None:
        self.check("an older one is refused", self.ran([self.older, "/S"], hub).returncode == 3)
        full = self.ground / "full"
        full.mkdir()
        (full / "mine.txt").write_text("mine", encoding="utf-8")
        self.check(
            "a folder with other files is refused", self.ran([self.newer, "/S", f"/D={full}"], hub).returncode == 6
        )
        self.check("and they are untouched", [one.name for one in full.iterdir()] == ["mine.txt"])

    def remove(self, hub: DemoHub) -> None:
        mine = self.place / "_internal" / "mine.txt"
        mine.write_text("mine", encoding="utf-8")
        self.check("it is removed silently", self.ran([str(self.place / "uninstall.exe"), "/S"], hub).returncode == 0)
        self.check("its files are gone, another's stays", waited(lambda: files(self.place) == [mine]))
        mine.unlink()
        self.check("the PATH is as it was", waited(lambda: path() == LONG_PATH))
        self.check("it is gone from the list of programs", waited(lambda: value(ENTRY, "DisplayName") is None))
        self.check("links lead nowhere", value(r"Software\Classes\aihub\shell\open\command", "") is None)
        self.check(
            "the person's data and queue stay", any(self.data.rglob("*.zip")) and (self.home / "queue.sqlite").exists()
        )

    def everybody(self, hub: DemoHub) -> None:
        place = Path(os.environ["PROGRAMFILES"]) / "AI Hub Desktop"
        done = self.ran([self.newer, "/S", "/AllUsers"], hub)
        self.check("it is installed for everybody", done.returncode == 0 and (place / "aihub.exe").is_file())
        self.check("in everybody's list of programs", value(ENTRY, "DisplayName", machine=True) == "AI Hub Desktop")
        self.check("on everybody's PATH", rf"{place}\bin" in (machine_path() or ""))
        self.check("nothing of it is one person's", value(ENTRY, "DisplayName") is None and path() == LONG_PATH)
        done = self.ran([str(place / "uninstall.exe"), "/AllUsers", "/S"], hub)
        self.check("it is removed for everybody", done.returncode == 0 and waited(lambda: not files(place)))
        self.check("from everybody's PATH too", waited(lambda: "AI Hub" not in (machine_path() or "")))


def is_whole(folder: Path) -> bool:
    """Whether every file of the data set has its name and its line."""
    listed = folder / ".aihub" / "manifest-sha256.txt"
    return listed.exists() and len(listed.read_text(encoding="utf-8").splitlines()) == FILES


def msi(trial: Trial, package: str) -> None:
    """For everybody, so it needs an administrator."""
    place = Path(os.environ["PROGRAMFILES"]) / "AI Hub Desktop"
    done = subprocess.run(["msiexec", "/i", package, "/qn"], timeout=PATIENCE, check=False)
    trial.check("the MSI is installed", done.returncode == 0 and (place / "aihub.exe").is_file())
    said = subprocess.run([place / "aihub.exe", "--version"], capture_output=True, timeout=PATIENCE, check=False)
    trial.check("its command answers", said.stdout.startswith(b"aihub "))
    done = subprocess.run(["msiexec", "/x", package, "/qn"], timeout=PATIENCE, check=False)
    trial.check("the MSI is removed", done.returncode == 0 and not (place / "aihub.exe").exists())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def waited(met: Callable[[], bool]) -> bool:
    """Whether it came to be: an uninstaller goes on after its parent has ended."""
    end = time.monotonic() + 60
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


if sys.platform == "win32":
    import winreg

    def value(key: str, name: str, *, machine: bool = False) -> str | None:
        """Of this person's registry, or of the machine's; None where there is none."""
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE if machine else winreg.HKEY_CURRENT_USER, key) as opened:
                return str(winreg.QueryValueEx(opened, name)[0])
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def held(program: Path) -> Iterator[None]:
        """As somebody else holds it: nobody may write there."""
        handle = ctypes.WinDLL("kernel32").CreateFileW(str(program), 0x80000000, 1, None, 3, 0, None)
        try:
            yield
        finally:
            ctypes.WinDLL("kernel32").CloseHandle(handle)

    def set_path(text: str) -> None:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, "Environment") as opened:
            winreg.SetValueEx(opened, "Path", 0, winreg.REG_EXPAND_SZ, text)

else:

    @contextlib.contextmanager
    def held(program: Path) -> Iterator[None]:
        raise NotImplementedError("of Windows alone")

    def value(key: str, name: str, *, machine: bool = False) -> str | None:
        raise NotImplementedError("of Windows alone")

    def set_path(text: str) -> None:
        raise NotImplementedError("of Windows alone")


def path() -> str | None:
    return value("Environment", "Path")


def machine_path() -> str | None:
    return value(r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment", "Path", machine=True)


def main(words: list[str]) -> int:
    if len(words) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    trial = Trial(*words[:2])
    trial.all()
    if len(words) == 3:
        msi(trial, words[2])
    passed = sum(right for _, right in trial.checks)
    print(f"{passed} passed, {len(trial.checks) - passed} failed")
    return 0 if passed == len(trial.checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
