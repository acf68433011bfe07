"""The program's worker process, hired by the benchmark as the engine would: leases in, news out."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.domain import wire
from aihub_desktop.domain.leases import AnyNews, Check, Ended, Failed, Proved, Receive, Whole, WorkFile
from aihub_desktop.domain.model import RemoteFile, Secret
from aihub_desktop.domain.settings import Settings

from .ground import ROOT, environment

WORKER: Final = ("aihub_desktop", "worker")
_SETTINGS: Final = Settings()
_AGENT: Final = "aihub-desktop-bench"


class LeaseError(RuntimeError):
    """A lease did not end as it should."""


class Hired:
    """One worker process. Start-up is over once the first lease has ended: begin with one that does not count."""

    def __init__(self, hub: str, authority: str = "", module: tuple[str, ...] = WORKER) -> None:
        self._hub = hub
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[str, dict[int, WorkFile]]] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(authority),
            cwd=ROOT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def fetch(self, folder: Path, files: Iterable[RemoteFile]) -> None:
        """One lease for all files; returns once each stands proved under its final name. Raises `LeaseError`."""
        self.begin(folder, files)
        self.finish()

    def begin(self, folder: Path, files: Iterable[RemoteFile]) -> None:
        works = [WorkFile(place, file, file.path) for place, file in enumerate(files, 1)]
        use, lease = _SETTINGS, next(self._numbers)
        self._open[lease] = str(folder), {work.id: work for work in works}
        self._send(
            Receive(
                lease, self._hub, str(folder), works, Secret(DEMO_KEY), _AGENT, use.connect_timeout,
                use.stall_seconds, use.stall_rate, use.mark_bytes, use.mark_seconds,
                use.buffer_bytes // use.parallel,  # as the engine divides it
            )
        )  # fmt: skip

    def finish(self) -> None:
        """Waits for all that was begun."""
        assert self._process.stdout is not None
        while self._open:
            line = self._process.stdout.readline()
            if not line:
                raise LeaseError(f"the worker has ended: {self._process.wait()}")
            self._hear(wire.news(line))

    def stop(self) -> None:
        self._process.communicate(timeout=30)

    def _hear(self, news: AnyNews) -> None:
        match news:
            case Whole():
                folder, works = self._open[news.lease]
                work = works[news.file]
                lease = next(self._numbers)
                proved = WorkFile(work.id, work.file, work.place, news.proof, news.note)
                self._open[lease] = folder, {work.id: work}
                self._send(Check(lease, folder, [proved]))
            case Proved():
                # The engine removes it once the proof is in its manifest.
                folder, works = self._open[news.lease]
                Path(folder, works[news.file].place + ".part.journal").unlink(missing_ok=True)
            case Failed() | Ended() if news.problem is not None:
                raise LeaseError(str(news.problem))
            case Ended():
                del self._open[news.lease]

    def _send(self, work: Receive | Check) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(wire.line(work))
        self._process.stdin.flush()
