"""A real engine with real worker processes, for tests that ask what comes of a wish."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.engine.serve import LocalEngine

WORKER: Final = [sys.executable, "-m", "aihub_desktop", "worker"]
# So that nothing waits longer than a test needs: delays near zero, stalls noticed in half a second.
QUICK: Final[dict[str, int | float | str]] = {
    "spread": 0, "backoff_first": 0.02, "backoff_longest": 0.1, "connect_timeout": 3.0, "stall_seconds": 0.5,
    "stall_rate": 20_000, "mark_bytes": 1 << 16,
}  # fmt: skip
SURVEY_SECONDS: Final = 0.05  # between two looks at the volumes in use
# How long what fails is tried again. Where all is slow the second attempt comes later.
PATIENCE: Final = 8.0 if sys.platform == "win32" else 2.0
_LONGEST: Final = 60.0
T = TypeVar("T")


class RunningEngine:
    """An engine over `home` that talks to `hub`. `fetch` adds files and waits for what becomes of them."""

    def __init__(
        self, home: Path, hub: str, *, patience: float | None = PATIENCE, **settings: int | float | str
    ) -> None:
        self.engine = LocalEngine(home, hub, WORKER, patience=patience, survey_seconds=SURVEY_SECONDS)
        self._settings = {**QUICK, **settings}
        self.events: list[m.AnyEvent] = []

    def __enter__(self) -> RunningEngine:
        self.engine.start()
        self.ask(m.Configure(self.engine.number(), self._settings), type(None))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()

    def ask(self, command: m.AnyCommand, kind: type[T]) -> T:
        return self.engine.ask(command, kind, timeout=_LONGEST)

    def add(self, folder: Path, dataset: str = "90001", keys: list[str] | None = None) -> int:
        """Wishes for the dataset's files, or those of `keys`; the number of the transfer."""
        listing = self.ask(m.ListFiles(self.engine.number(), dataset), m.FileList)
        files = [file for file in listing.files if keys is None or file.key in keys]
        return self.ask(m.Add(self.engine.number(), listing.dataset, files, str(folder)), m.Added).transfer

    def fetch(self, folder: Path, dataset: str = "90001", keys: list[str] | None = None) -> m.TransferRow:
        """Adds and waits until the transfer has ended or waits for the user."""
        return self.wait_for(self.add(folder, dataset, keys), *TRANSFER_ENDED, TransferState.NEEDS_USER)

    def wait_for(self, transfer: int, *states: TransferState) -> m.TransferRow:
        """The transfer's row as soon as it is in one of these states."""
        deadline = time.monotonic() + _LONGEST
        while (left := deadline - time.monotonic()) > 0:
            event = self.engine.get(left)
            if event is None:
                break
            self.events.append(event)
            assert not (isinstance(event, m.Notice) and event.fatal), event
            rows = event.transfers if isinstance(event, m.Changed) else []
            for row in rows:
                if row.id == transfer and row.state in states:
                    return row
        raise AssertionError(f"transfer {transfer} never came to {states}; last: {self.events[-3:]}")

    def wait_for_problem(self, transfer: int, code: Code) -> m.FileRow:
        """The first row of a file of the transfer that tells this problem."""
        deadline = time.monotonic() + _LONGEST
        while (left := deadline - time.monotonic()) > 0 and (event := self.engine.get(left)) is not None:
            self.events.append(event)
            for row in event.files if isinstance(event, m.Changed) else []:
                if row.transfer == transfer and row.problem is not None and row.problem.code is code:
                    return row
        raise AssertionError(f"transfer {transfer} never told {code}; last: {self.events[-3:]}")

    def wait_for_progress(self, holds: Callable[[m.Progress], bool]) -> m.Progress:
        """The first word of progress from now on of which it holds."""
        deadline = time.monotonic() + _LONGEST
        while (left := deadline - time.monotonic()) > 0 and (event := self.engine.get(left)) is not None:
            self.events.append(event)
            if isinstance(event, m.Progress) and holds(event):
                return event
        raise AssertionError(f"nothing like it was told; last: {self.events[-3:]}")

    def files(self, transfer: int) -> list[m.FileRow]:
        return self.ask(m.Rows(self.engine.number(), transfer), m.FileRows).rows


def children(pid: int) -> list[int]:
    """Processes that a process has begun and that run still; on Linux."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def final_files(folder: Path) -> dict[str, bytes]:
    """What lies below `folder` under final names: neither our own folder, nor parts, nor journals."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        own = name.startswith(".aihub/") or name.endswith((".part", ".part.journal"))
        if path.is_file() and not path.is_symlink() and not own:
            found[name] = path.read_bytes()
    return found


def offered(catalogue: Catalogue, dataset: str = "90001") -> dict[str, bytes]:
    """What should lie on disk once everything of the dataset was received."""
    files = next(data for data in catalogue.datasets if data.key == dataset).files
    return {file.path.replace(" ", "_"): catalogue.bytes_of(file.key) for file in files}


def manifest(folder: Path) -> dict[str, str]:
    """The manifest's hashes by name, read as `sha256sum` would."""
    path = folder / ".aihub" / "manifest-sha256.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {line[66:]: line[:64] for line in lines}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
