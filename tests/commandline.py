"""The real command line, run as people and scripts run it: a process with arguments, streams and an exit code."""

from __future__ import annotations

import json
import locale
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from engines import QUICK

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.domain.messages import Configure
from aihub_desktop.engine.serve import LocalEngine

LONGEST: Final = 60.0
# A frozen program's folder, or an installed one's: the same tests try it instead of the checkout.
PROGRAM: Final = os.environ.get("AIHUB_PROGRAM", "")
# Nothing of the machine that runs the tests: neither its keychain nor its language nor its keys.
_GONE: Final = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "LANG", "LC_ALL", "LC_MESSAGES")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left behind."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return decoded(self.raw)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw.splitlines()]

    @property
    def end(self) -> dict[str, Any]:
        """The last line of JSON, which every `get --json` ends with."""
        last = self.records[-1]
        assert last["event"] == "end"
        return last


def decoded(raw: bytes) -> str:
    """What was said to a pipe, with lines as they end elsewhere. A frozen program has no ear for PYTHONUTF8: on a
    Korean Windows its pipes are of code page 949.
    """
    if sys.platform != "win32":
        return raw.decode("utf-8")
    try:
        said = raw.decode("utf-8")
    except UnicodeDecodeError:
        said = raw.decode(locale.getpreferredencoding(False), "backslashreplace")
    return said.replace("\r\n", "\n")


def _error(raw: bytes) -> str:
    return decoded(raw) if PROGRAM and sys.platform == "win32" else raw.decode("utf-8", "backslashreplace")


def aihub_command() -> list[str]:
    """What starts the command line that is tried."""
    if PROGRAM:
        return [str(Path(PROGRAM, "aihub.exe" if sys.platform == "win32" else "aihub"))]
    return [sys.executable, "-m", "aihub_desktop"]


class Aihub:
    """`aihub` over one state folder and one hub, with the demo key unless another is named."""

    def __init__(self, home: Path, hub: str, **settings: int | float | str) -> None:
        self.home, self.hub = home, hub
        self._begun: list[subprocess.Popen[bytes]] = []
        engine = LocalEngine(home, hub, [])
        engine.start()
        try:
            engine.ask(Configure(engine.number(), {**QUICK, **settings}), object)
        finally:
            engine.close()

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _GONE}
        ours = {
            "AIHUB_HOME": str(self.home), "AIHUB_API_URL": self.hub, "AIHUB_APIKEY": DEMO_KEY, "AIHUB_LANG": "en",
            "PYTHONUTF8": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "PYTHONWARNINGS": "error",
        }  # fmt: skip
        return {name: value for name, value in {**kept, **ours, **more}.items() if value}

    def command(self, *words: str | Path) -> list[str]:
        return [*aihub_command(), *map(str, words)]

    def __call__(self, *words: str | Path, given: str | None = None, **variables: str) -> Run:
        """Runs `aihub WORDS…` to its end. An empty variable is one that is not set."""
        run = subprocess.run(
            self.command(*words),
            input=None if given is None else given.encode(),
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env=self.environment(**variables),
            timeout=LONGEST,
            check=False,
        )
        return Run(run.returncode, run.stdout, _error(run.stderr))

    def start(self, *words: str | Path, before: tuple[str, ...] = (), **variables: str) -> subprocess.Popen[bytes]:
        """Begins a run in a process group of its own."""
        process = subprocess.Popen(
            [*before, *self.command(*words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**variables),
            start_new_session=True,
        )
        self._begun.append(process)
        return process

    def close(self) -> None:
        """Ends the runs that a failed test left behind; their workers end with them."""
        for process in self._begun:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def written(self) -> bytes:
        """All that lies in the state folder."""
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


def ended(process: subprocess.Popen[bytes]) -> Run:
    """Waits for the end of a begun run."""
    try:
        out, err = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Run(process.returncode, out, _error(err))


def cut_power(process: subprocess.Popen[bytes]) -> None:
    """Ends a run with all its workers at once, as the loss of the machine would; nobody gets to tidy up."""
    if sys.platform == "win32":
        pytest.skip("Windows has no group of processes that ends at once")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
