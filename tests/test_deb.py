"""The package for Debian: installed where nothing is, used, upgraded under a running download, removed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from clean_root import USER, CleanRoot
from crashes import until
from engines import final_files, manifest, offered, sha256
from frozen import frozen, package
from gui.screen import complaints, screen
from piped import Engine

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.states import TransferState

__all__ = ["frozen", "package"]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: it is the package of Debian"),
    pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="the right to mount is root's"),
    pytest.mark.timeout(900),
]
ROOT: Final = Path(__file__).resolve().parents[1]
HOME: Final = f"/home/{USER}/state"
DATA: Final = f"/home/{USER}/받은 것"
# What apt, dpkg and the caches of others write when any package comes or goes.
OURS: Final = ("bin", "etc", "home", "lib", "opt", "root", "sbin", "srv", "usr")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[CleanRoot]:
    made = CleanRoot(tmp_path / "root")
    yield made
    made.close()
    shutil.rmtree(tmp_path / "root")


def grown(package: Path, folder: Path, version: str) -> Path:
    """The same program as a later version: what an upgrade does depends on names and numbers alone."""
    tree = folder / version
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    old = re.search(r"(?m)^Version: (.+)$", (tree / "DEBIAN/control").read_text())
    assert old is not None
    (tree / "usr/lib/aihub-desktop" / old[1]).rename(tree / "usr/lib/aihub-desktop" / version)
    for path in [*(tree / "DEBIAN").iterdir()]:
        path.write_text(path.read_text().replace(old[1], version))
    for name in ("aihub", "aihub-desktop"):
        (tree / "usr/bin" / name).unlink()
        (tree / "usr/bin" / name).symlink_to(f"../lib/aihub-desktop/{version}/{name}")
    made = folder / f"{version}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made], check=True, stdout=subprocess.DEVNULL
    )
    shutil.rmtree(tree)
    return made


class Lab:
    """A person's machine: the clean root with the package on it, and a hub that it reaches."""

    def __init__(self, root: CleanRoot, hub: DemoHub, environment: dict[str, str]) -> None:
        self.root, self.hub = root, hub
        self.begun: list[subprocess.Popen[bytes]] = []
        self.variables = {
            "AIHUB_HOME": HOME, "AIHUB_API_URL": hub.url, "AIHUB_APIKEY": DEMO_KEY, "DISPLAY": environment["DISPLAY"],
        }  # fmt: skip

    def start(self, *words: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        command = self.root.command(*words, user=USER, **self.variables)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)
        self.begun.append(process)
        return process

    def close(self) -> None:
        """Ends what a failed test left behind."""
        for process in self.begun:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def install(self, deb: Path) -> None:
        shutil.copy2(deb, self.root.folder / "tmp" / deb.name)
        self.root.run("apt-get", "install", "--yes", "--no-install-recommends", f"/tmp/{deb.name}")

    def queue(self, dataset: str) -> None:
        """A download that has begun, as a program that was closed leaves it."""
        engine = Engine(self.start("aihub", "engine", stdout=subprocess.PIPE))
        engine.first()
        listing = engine.ask(m.ListFiles(engine.number(), dataset), m.FileList)
        added = engine.ask(m.Add(engine.number(), listing.dataset, listing.files, DATA), m.Added)
        engine.row(lambda row: row.id == added.transfer and row.state is TransferState.RUNNING)
        engine.end()

    def states(self) -> list[TransferState]:
        engine = Engine(self.start("aihub", "engine", stdout=subprocess.PIPE))
        rows = engine.first().transfers
        engine.end()
        return [row.state for row in rows]

    def window(self) -> subprocess.Popen[bytes]:
        """Started, and on the screen."""
        process = self.start("aihub-desktop")
        found = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "AI Hub Desktop"]
        subprocess.run(
            found,
            env={**os.environ, "DISPLAY": self.variables["DISPLAY"]},
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        return process


def of_window(process: subprocess.Popen[bytes]) -> str:
    """The executable behind it; the name is another link to it after an upgrade."""
    return os.readlink(f"/proc/{process.pid}/exe").removesuffix(" (deleted)")


def ended(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert complaints(errors.decode()) == []


def test_the_life_of_the_package(
    root: CleanRoot, package: Path, hub: DemoHub, catalogue: Catalogue, tmp_path: Path
) -> None:  # fmt: skip
    root.run("apt-get", "update")
    depends = re.findall(r"[a-z0-9][a-z0-9.+-]+(?=[ ,]|$)", root_depends(package))
    root.run("apt-get", "install", "--yes", "--no-install-recommends", *depends)
    assert not root.finds("python3")
    before = root.files(*OURS)
    (tmp_path / "screen").mkdir()
    with screen(tmp_path / "screen") as environment, closing(Lab(root, hub, environment)) as lab:
        # Installed, it does its main job on the hub that it carries.
        lab.install(package)
        assert not root.finds("python3")
        told = root.run("aihub", "demo", "--cli", "--to", f"/home/{USER}/demo", user=USER)
        assert "verified" in told
        root.run("sh", "-c", "cd demo && sha256sum --check --quiet .aihub/manifest-sha256.txt", user=USER)
        assert root.run("aihub", "doctor", "--help", user=USER)

        # The window goes on with a queue, and an upgrade does not disturb it.
        hub.faults.add(Slow(rate=1_000_000))
        lab.queue("90001")
        window = lab.window()
        running = of_window(window)
        lab.install(grown(package, tmp_path, "9.9.8"))
        assert window.poll() is None
        assert of_window(window) == running
        assert Path(root.folder, running.removeprefix(str(root.folder)).lstrip("/")).exists()
        assert "/9.9.8/" in root.run("readlink", "-f", "/usr/bin/aihub")
        hub.faults.clear()
        data = root.folder / DATA.lstrip("/")
        wanted = {name: sha256(data) for name, data in offered(catalogue).items()}
        until(lambda: (data / ".aihub/manifest-sha256.txt").exists() and manifest(data) == wanted, 120)
        assert {name: sha256(content) for name, content in final_files(data).items()} == wanted
        window.terminate()
        ended(window)

        # The later version knows what the earlier one did, and takes its folder away with the next upgrade.
        assert lab.states() == [TransferState.DONE]
        lab.install(grown(package, tmp_path, "9.9.9"))
        assert os.listdir(root.folder / "usr/lib/aihub-desktop") == ["9.9.9"]

        # Removed while it is at work, it ends in good order, and leaves nothing but what is the user's.
        hub.faults.add(Slow(rate=1_000_000))
        lab.queue("90002")
        window = lab.window()
        root.run("apt-get", "purge", "--yes", "aihub-desktop")
        ended(window)
    left = root.files(*OURS) - before
    assert {name for name in left if not name.startswith(f"home/{USER}")} == set()
    assert manifest(root.folder / DATA.lstrip("/")) == wanted
    assert (root.folder / HOME.lstrip("/")).is_dir()


def root_depends(package: Path) -> str:
    told = subprocess.run(
        ["dpkg-deb", "--field", package, "Depends"], capture_output=True, text=True, check=True
    ).stdout
    return re.sub(r"\([^)]*\)", "", told)


def test_it_is_packed_as_debian_wants(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    share = tmp_path / "usr/share"
    for command in (
        ["lintian", "--fail-on", "error,warning", "--allow-root", str(package)],
        ["desktop-file-validate", str(share / "applications/aihub-desktop.desktop")],
        ["appstreamcli", "validate", "--no-net", str(share / "metainfo/aihub-desktop.metainfo.xml")],
        ["xmllint", "--noout", str(share / "mime/packages/aihub-desktop.xml")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_built_twice_and_elsewhere_it_is_the_same(frozen: Path, package: Path, tmp_path: Path) -> None:
    """Out of the same frozen folder, byte by byte, but for the compression."""
    for name in ("installer", "aihub_desktop", "resources", "build/icons"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(frozen, tmp_path / "dist/aihub-desktop", symlinks=True)
    for name in ("CHANGELOG.md", "LICENSE"):
        shutil.copy2(ROOT / name, tmp_path / name)
    first = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        moment = int(tar.getmembers()[0].mtime)
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(moment), "AIHUB_DEB_PACKING": "-Znone"}
    command = [sys.executable, "installer/build.py", "deb"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = subprocess.run(["dpkg-deb", "--fsys-tarfile", done.stdout.strip()], capture_output=True, check=True).stdout
    assert sha256(again) == sha256(first)
