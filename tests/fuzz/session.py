"""Searches in processes of their own: starts them, hears them, and goes on where one hung or died."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from .bounds import HANG_SECONDS, recorded
from .search import Finding, Tally
from .worker import Order, Said

ROOT: Final = Path(__file__).resolve().parents[2]
_MOST_DEATHS: Final = 3
_MEMORY: Final = Path("/dev/shm")  # where there is one, folders are made and emptied a hundred times as fast


@dataclass(slots=True)
class Result:
    """Of one target; a search that died left no tally."""

    target: str
    tallies: list[Tally] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return sum(tally.inputs for tally in self.tallies)

    @property
    def seconds(self) -> float:
        return sum(tally.seconds for tally in self.tallies)

    def text(self) -> str:
        rate = self.inputs / self.seconds if self.seconds else 0
        paths = max((tally.paths for tally in self.tallies), default=0)
        kept = max((tally.kept for tally in self.tallies), default=0)
        found = f"{len(self.findings)} findings" if self.findings else "nothing found"
        return f"{self.target:12} {self.inputs:9,} inputs {rate:7,.0f}/s {paths:6,} paths {kept:5,} kept  {found}"


def fuzz(target: str, *, seconds: float, seed: int, inputs: int = 1 << 60, corpus: Path | None = None) -> Result:
    """Searches for `seconds` of processor time, in this thread. `corpus`: a folder that earlier searches left."""
    result = Result(target)
    with tempfile.TemporaryDirectory(prefix="aihub-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None) as made:
        kept = (corpus or Path(made)) / target
        kept.mkdir(parents=True, exist_ok=True)
        for turn in range(_MOST_DEATHS):
            room = Path(made) / f"room-{turn}"
            room.mkdir()
            order = Order(target, seed + turn, seconds, inputs, str(room), str(kept))
            if _searched(order, result):
                break
    return result


def fuzz_all(
    targets: Iterable[str], *, jobs: int, seconds: float, seed: int, corpus: Path | None = None
) -> Iterator[Result]:
    """In turn, `jobs` at once, each for `seconds`."""
    with ThreadPoolExecutor(jobs) as pool:
        run: Callable[[str], Result] = lambda target: fuzz(target, seconds=seconds, seed=seed, corpus=corpus)  # noqa: E731
        yield from pool.map(run, targets)


def _searched(order: Order, result: Result) -> bool:
    """False where the process did not come to its end."""
    command = [sys.executable, "-X", "utf8", "-m", "tests.fuzz.worker", msgspec.json.encode(order).decode()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    for line in done.stdout.splitlines():
        said = msgspec.json.decode(line, type=Said)
        if said.finding is not None:
            result.findings.append(said.finding)
        if said.tally is not None:
            result.tallies.append(said.tally)
            return True
    result.findings.append(_death(order, done))
    return False


def _death(order: Order, done: subprocess.CompletedProcess[str]) -> Finding:
    record = Path(order.room) / "record"
    data = recorded(record) if record.exists() else b""
    hung = "Timeout" in done.stderr
    what = f"more than {HANG_SECONDS:.0f} s" if hung else f"the process died: {done.returncode}"
    return Finding(order.target, "hang" if hung else "died", what, done.stderr[-4000:], data)
