"""An engine to be killed: started as a window starts it, ended by SIGKILL, watched by its system calls. Linux only."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from aihub_desktop.demo import tarball
from aihub_desktop.demo.catalogue import DemoFile
from aihub_desktop.domain.model import Piece

STRACE: Final = shutil.which("strace")
_WRITE: Final = re.compile(
    r"pwrite\w*\(\d+<(?P<path>[^>]*)>, .*, (?P<count>\d+), (?P<offset>\d+)(?:\) = | <unfinished \.\.\.>)"
)


def writes(log: str) -> dict[str, list[tuple[int, int]]]:
    """The ranges that `strace -y` saw written, or begun to be written, by the path of the file."""
    found: dict[str, list[tuple[int, int]]] = {}
    for match in _WRITE.finditer(log):
        path = match["path"].encode("latin-1").decode("unicode_escape").encode("latin-1").decode()
        start = int(match["offset"])
        found.setdefault(path, []).append((start, start + int(match["count"])))
    return found


def written_twice(log: str, before: Mapping[str, Sequence[Piece]]) -> list[tuple[str, int, int]]:
    """What `log` saw written of bytes that were durable before."""
    seen = writes(log)
    return [
        (path, start, stop)
        for path, pieces in before.items()
        for start, stop in seen.get(path, [])
        if any(piece.start < stop and start < piece.stop for piece in pieces)
    ]


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Looks at the world until it is so: nobody tells of another process's disk."""
    deadline, moment = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        moment.wait(0.002)


class Victim:
    """`aihub engine` and its workers, in a process group of their own. Under strace, if there is one, which writes to
    `log` what they write."""

    def __init__(self, environment: Mapping[str, str], log: Path, errors: Path, *, stdout: int | None = None) -> None:
        # Only the calls asked for are stopped at, so a run takes about as long as without.
        watch = (
            [STRACE, "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-e", "trace=pwrite64,pwritev,pwritev2",
             "-o", str(log)]
            if STRACE else []
        )  # fmt: skip
        self.log = log
        with errors.open("ab") as stderr:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [*watch, sys.executable, "-m", "aihub_desktop", "engine"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """The whole group at once; returns when nothing of it runs."""
        if sys.platform == "win32":
            raise OSError("no groups of processes here")
        os.killpg(self.process.pid, signal.SIGKILL)
        self._reap()

    def kill_workers(self) -> int:
        """All workers at once, under an engine that lives on; how many there were."""
        if sys.platform == "win32":
            raise OSError("no SIGKILL here")
        found = self.workers()
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not set(found) & set(_alive(self.process.pid)))
        return len(found)

    def workers(self) -> list[int]:
        alive = _alive(self.process.pid)
        return [pid for pid, words in alive.items() if words[-1:] == ["worker"] and "strace" not in words[0]]

    def end(self) -> None:
        """As when the window is closed."""
        self.process.communicate(timeout=60)

    def written(self) -> str:
        """What strace has written."""
        return self.log.read_text(encoding="latin-1") if self.log.exists() else ""

    @property
    def lines(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _reap(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        until(lambda: not _alive(self.process.pid))


def _alive(group: int) -> dict[int, list[str]]:
    """The command lines of the processes of a group that still run."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, pgrp = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(pgrp) == group and state not in "ZX":
                    found[int(folder.name)] = (folder / "cmdline").read_text().split("\0")[:-1]
            except (OSError, ValueError):
                continue  # it ended meanwhile
    return {pid: words for pid, words in found.items() if words}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the bytes of a file lie in the hub's tar of this one file."""

    spans: tuple[tuple[int, int, int], ...]  # (in the tar, in the file, length)

    @classmethod
    def of(cls, file: DemoFile, piece_size: int) -> Layout:
        spans, offset = [], 0
        for member in tarball.pieces([file], piece_size):
            size = member.stop - member.start
            offset += len(member.header())
            spans.append((offset, member.start, size))
            offset += size + -size % tarball.BLOCK
        return cls(tuple(spans))

    def offset(self, place: int) -> int | None:
        """Where the byte at `place` lies in the tar; None for one behind the end."""
        return next((tar + place - start for tar, start, size in self.spans if start <= place < start + size), None)

    def content(self, sent: int) -> int:
        """How many bytes of the file are in the first `sent` bytes of the tar."""
        return sum(max(0, min(size, sent - tar)) for tar, _, size in self.spans)


def covered(pieces: Iterable[Piece]) -> int:
    return sum(piece.stop - piece.start for piece in pieces)
