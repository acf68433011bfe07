"""Where a benchmark runs: a folder on the file system that is measured, a hub in a process of its own, an authority."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import trustme

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.sources.aihub.listing import parse_tree

from .contents import Image
from .origin import DATASET
from .spending import cpu_of

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "tests.bench"  # as it is found from there; a test has imported it by a shorter name
# What machines export, and what would decide a comparison in secret.
_FOREIGN: Final = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "S3_ENDPOINT_URL"),
    *("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"),
)


class Hub:
    """A running hub, or another server that reads its offer and answers lines. `stop` ends its process."""

    def __init__(self, offer: msgspec.Struct, module: str = "origin") -> None:
        command = [sys.executable, "-m", f"{PACKAGE}.{module}"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), cwd=ROOT
        )
        self.url = str(self.ask(msgspec.json.encode(offer))["url"])

    def seen(self) -> dict[str, Any]:
        """{"streams": [[begun, ended] …], "samples": [[moment, bytes sent] …]} since the last time it was asked."""
        return self.ask(b"seen")

    @property
    def cpu(self) -> float:
        return cpu_of(self._process.pid) or 0.0

    def stop(self) -> None:
        self._process.communicate(timeout=20)

    def ask(self, line: bytes) -> dict[str, Any]:
        """One line of the server's own protocol, and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@dataclass(slots=True)
class Ground:
    """`small`: sizes that only show that everything works."""

    folder: Path
    small: bool
    pairs: int
    images: Path = field(init=False)

    def __post_init__(self) -> None:
        self.images = self.folder / "contents"

    @contextlib.contextmanager
    def hub(self, offer: msgspec.Struct, module: str = "origin") -> Iterator[Hub]:
        hub = Hub(offer, module)
        try:
            yield hub
        finally:
            hub.stop()

    @contextlib.contextmanager
    def empty(self) -> Iterator[Path]:
        """A folder for one run. What earlier runs left for the disk to do is done first; it is deleted afterwards."""
        place = self.folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if sys.platform != "win32":
            os.sync()
        yield place
        shutil.rmtree(place)

    def authority(self) -> tuple[str, str]:
        """(the certificate to trust, the server's key and chain), made once."""
        trusted, server = self.folder / "ca.pem", self.folder / "server.pem"
        if not trusted.exists():
            authority = trustme.CA()
            authority.cert_pem.write_to_path(trusted)
            authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
        return str(trusted), str(server)

    def facts(self) -> dict[str, str]:
        """The machine and the moment."""
        curl = shutil.which("curl")
        return {
            "cpu": _cpu(),
            "cores": str(os.cpu_count()),
            "kernel": platform.platform(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "curl": _first_line([curl, "--version"]) if curl else "none",
            **{name: _first_line([name, "--version"]) for name in ("aria2c",) if shutil.which(name)},
            "file system": _file_system(self.folder),
            "load": _load(),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": " ".join(["python", "-m", "tests.bench", *sys.argv[1:]]),
        }


def environment(authority: str = "", **more: str) -> dict[str, str]:
    """The variables for whoever is measured: they trust `authority`, and the machine's own settings are gone."""
    kept = {name: value for name, value in os.environ.items() if name.upper() not in _FOREIGN}
    ours = {"AIHUB_APIKEY": DEMO_KEY, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "AIHUB_LANG": "en"}
    ours["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    if authority:
        ours |= {"SSL_CERT_FILE": authority, "SSL_CERT_DIR": str(Path(authority).parent / "none")}
    return {**kept, **ours, **more}


def files_of(hub: Hub, authority: str = "") -> list[RemoteFile]:
    """What the hub's tree lists, read the way the program reads it."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    with urllib.request.urlopen(f"{hub.url}/info/{DATASET}.do", context=context) as answer:
        return parse_tree(answer.read().decode(), Dataset("aihub", DATASET, "Benchmark")).files


def prove(folder: Path, image: Image) -> None:
    """The one file with the image's ending below `folder` is what the hub offered. Raises `AssertionError`."""
    (found,) = folder.rglob("*.zip")
    with found.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == image.sha256, f"{found} is wrong"


def prove_all(folder: Path, sums: Mapping[str, str]) -> None:
    """The files below `folder` are just these, by their names and SHA-256; where in it they lie is left to whoever put
    them there. Raises `AssertionError`."""
    found: dict[str, str] = {}
    for path in folder.rglob("*"):
        if path.is_file() and ".aihub" not in path.relative_to(folder).parts:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    wrong = sorted(name for name in found.keys() | sums if found.get(name) != sums.get(name))
    assert not wrong, f"{len(wrong)} files are wrong, missing or too many: {', '.join(wrong[:5])}"


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _load() -> str:
    if sys.platform == "win32":
        return "unknown"
    loads = os.getloadavg()
    # Workers step back behind everybody else, so a busy machine slows ours more than its peers.
    busy = "" if loads[0] < 1 else ": others are at work here, which even ratios do not forgive"
    return " ".join(f"{load:.2f}" for load in loads) + busy


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]


def _file_system(folder: Path) -> str:
    """Kind and device of what is mounted there, where the system tells (Linux)."""
    best, kind = "", "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            device, point, form, options = line.split()[:4]
            if folder.resolve().is_relative_to(point) and len(point) >= len(best):
                best, kind = point, f"{form} on {device} ({options.split(',')[0]})"
    return kind
