"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own, without dashboards."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.demo.catalogue import DEMO_KEY

ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST: Final = 90.0
_GONE: Final = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "AIHUB_HOME", "AIHUB_API_URL")


class Cluster:
    """`address` of the scheduler; workers are known by their names. All of it ends with `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.names: list[str] = []  # of all that were ever begun
        self._begin("scheduler", "dask_scheduler", "--port", "0", "--no-show", "--scheduler-file", str(self._file))
        self.address = str(self._when_there()["address"])

    def hire(self, name: str, *, before: tuple[str, ...] = (), **variables: str) -> None:
        """Begins a worker with one thread; it comes in its own time. An empty variable is one that is not set."""
        words = ("--name", name, "--nworkers", "1", "--nthreads", "1", "--no-nanny")
        local = self._folder / name
        local.mkdir(exist_ok=True)
        place = ("--local-directory", str(local), "--scheduler-file", str(self._file))
        self._begin(name, "dask_worker", *words, *place, before=before, **variables)

    @property
    def workers(self) -> list[str]:
        return [name for name, process in self._processes.items() if name != "scheduler" and process.poll() is None]

    def wait(self) -> None:
        """Until every worker that was begun is there. Raises `AssertionError`."""
        deadline = time.monotonic() + _LONGEST
        while lacking := [name for name in self.workers if "Registered to" not in self.log(name)]:
            if time.monotonic() > deadline:
                raise AssertionError(self.log(lacking[0]))
            time.sleep(0.05)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self, name: str) -> None:
        """The worker stays connected, and answers nothing more."""
        if sys.platform != "win32":
            self._processes[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        if sys.platform != "win32":
            self._processes[name].send_signal(signal.SIGCONT)

    def dumped(self) -> bytes:
        """All that scheduler and workers know of their tasks, as Dask tells it itself."""
        from distributed import Client  # noqa: PLC0415 - slow to load

        with Client(self.address, timeout=20, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.dump_cluster_state(str(self._folder / "dump"))
        return gzip.decompress((self._folder / "dump.msgpack.gz").read_bytes())

    def kill(self, name: str) -> None:
        """The worker is gone, and nothing of it gets to tidy up."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self._processes):
            self.kill(name)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self, name: str, module: str, *words: str, before: tuple[str, ...] = (), **variables: str) -> None:
        kept = {key: value for key, value in os.environ.items() if key not in _GONE}
        ours = {
            "PYTHONPATH": str(ROOT), "AIHUB_APIKEY": DEMO_KEY, "PYTHONUTF8": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False",
        }  # fmt: skip
        environment = {key: value for key, value in {**kept, **ours, **variables}.items() if value}
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", "--no-dashboard", *words]
        self.names.append(name)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*before, *command], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )

    def _when_there(self) -> dict[str, object]:
        deadline = time.monotonic() + _LONGEST
        while time.monotonic() < deadline and self._processes["scheduler"].poll() is None:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                return msgspec.json.decode(self._file.read_bytes(), type=dict[str, object])
            time.sleep(0.05)
        raise AssertionError(self.log("scheduler"))


@contextlib.contextmanager
def cluster(folder: Path, *names: str) -> Iterator[Cluster]:
    made = Cluster(folder)
    try:
        for name in names:
            made.hire(name)
        yield made
    finally:
        made.close()
