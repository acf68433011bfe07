"""A machine with a network, one without, and drives between them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import bagit
import msgspec
import pytest
from commandline import Aihub, Run
from engines import final_files, sha256

from aihub_desktop.batch.bundle_files import PREFIX
from aihub_desktop.cli.program import run
from aihub_desktop.domain.batchfile import BatchFile, DatasetWish
from aihub_desktop.transport.ledger import Entry, Ledger

DATASET: Final = "90001"
# Whoever opens a socket dies: before any module of the program is there.
_FENCE: Final = """
import os, socket
class Refused(socket.socket):
    def __init__(self, *given, **named):
        os.write(2, b"a socket was opened")
        os._exit(99)
socket.socket = Refused
def refuse(*given, **named):
    Refused()
socket.getaddrinfo = refuse
"""


class Offline:
    """`aihub` on a machine without a network: another state folder, and every socket refused."""

    def __init__(self, aihub: Aihub, folder: Path) -> None:
        self.home, self._aihub = folder / "offline-home", aihub
        fence = folder / "fence"
        fence.mkdir(exist_ok=True)
        (fence / "sitecustomize.py").write_text(_FENCE, encoding="utf-8")
        path = os.pathsep.join([str(fence), os.environ.get("PYTHONPATH", ""), str(Path(__file__).parent.parent)])
        self._variables = {"AIHUB_HOME": str(self.home), "PYTHONPATH": path, "AIHUB_APIKEY": "", "AIHUB_API_URL": ""}

    def __call__(self, *words: str | Path, **variables: str) -> Run:
        return self._aihub(*words, **(self._variables | variables))


def batch_file(path: Path, *wishes: DatasetWish, **more: Any) -> Path:
    batch = BatchFile(1, datasets=wishes or (DatasetWish(DATASET),), **more)
    path.write_text(json.dumps(msgspec.to_builtins(batch)), encoding="utf-8")
    return path


def bags(*drives: Path) -> list[Path]:
    return [folder for drive in drives for folder in sorted(drive.glob(f"{PREFIX}*"))]


def validate(*folders: Path) -> None:
    """The Library of Congress's own tool says that each is valid."""
    for folder in folders:
        bagit.Bag(str(folder)).validate(processes=1)


def payload(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in (folder / "data").rglob("*") if path.is_file())


def entries(folder: Path) -> dict[str, tuple[str, str, str, str, str, str]]:
    """What a ledger tells of each file, but for the file's own time."""
    return {
        place: (one.sha256, one.dataset, one.key, one.path, one.proof, one.at)
        for place, one in Ledger(folder).entries().items()
    }


def flip(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def drives(folder: Path, count: int) -> list[Path]:
    made = [folder / f"drive{number}" for number in range(1, count + 1)]
    for one in made:
        one.mkdir()
    return made


class Here:
    """`aihub` in this process, for what needs no hub: nothing is loaded anew, so a run takes milliseconds."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: str | Path, home: Path | None = None) -> Run:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
        kept = {name: signal.getsignal(getattr(signal, name)) for name in names}
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(["--home", str(home or self.home), "--lang", "en", *map(str, words)])
        finally:
            for name, handler in kept.items():
                signal.signal(getattr(signal, name), handler)
        found = [_written(stream) for stream in (out, err)]
        return Run(code, found[0], found[1].decode())

    def request(self, there: Path, path: Path, *wishes: DatasetWish) -> Path:
        """Of the other machine, whose state folder is its own."""
        batch, request = batch_file(path / "b.aihubbatch", *wishes), path / "r.aihubrequest"
        ended = self("batch", "request", batch, "--have", there, "-o", request, "--force", home=path / "other-home")
        assert ended.code == 0, ended.err
        return request

    def bundle(self, request: Path, library: Path, *to: Path, **more: str) -> Run:
        named = [word for drive in to for word in ("--to", str(drive))]
        options = [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", value) if word]
        return self("batch", "bundle", request, *named, "--from", library, "--offline", *options)

    def take(self, there: Path, *given: str | Path) -> Run:
        return self("batch", "import", *given, "--to", there, home=there.parent / "other-home")


def _written(stream: io.TextIOWrapper) -> bytes:
    raw = stream.detach()
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue()


def library(folder: Path, files: Mapping[str, bytes], *, at: str = "2026-01-02T03:04:05+00:00", key: int = 1) -> None:
    """A folder with these files of the hub, received and proved."""
    ledger, entries_ = Ledger(folder), []
    for number, (place, data) in enumerate(files.items(), key):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        modified = path.stat().st_mtime_ns
        entries_.append(
            Entry(place, sha256, len(data), "aihub", DATASET, False, str(number), place, "archive", at, "", modified)
        )
    ledger.record(entries_)


def holds(folder: Path, files: Mapping[str, bytes]) -> None:
    """Exactly these, whole, and in the ledger."""
    assert {name: sha256(data) for name, data in final_files(folder).items()} == {
        name: sha256(data) for name, data in files.items()
    }
    told = {place: entry.sha256 for place, entry in Ledger(folder).entries().items()}
    assert {name: sha256(data) for name, data in files.items()}.items() <= told.items()


def resealed(bag: Path) -> None:
    """After a hostile hand: the tag manifest is right again, so nothing but what is said can be refused."""
    lines = (bag / "tagmanifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("  ", 1)[1] for line in lines]
    made_ = "".join(f"{sha256((bag / name).read_bytes())}  {name}\n" for name in names)
    (bag / "tagmanifest-sha256.txt").write_text(made_, encoding="utf-8")


LINKS: Final = pytest.mark.skipif(sys.platform == "win32", reason="this system gives no links and pipes to anybody")
FEW: Final = {"a/one.txt": b"one" * 1000, "a/two.txt": b"two" * 1000, "three.bin": b"3" * 5_000_000}


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "home")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    made = tmp_path / "there"
    made.mkdir()
    return made


@pytest.fixture
def drive(here: Here, folder: Path, there: Path, tmp_path: Path) -> Path:
    """With a bundle of a few files for a machine that has none of them."""
    library(folder, FEW)
    (made,) = drives(tmp_path, 1)
    ended = here.bundle(here.request(there, tmp_path), folder, made)
    assert ended.code == 0, ended.err
    return made
