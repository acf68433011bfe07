"""What a run cost: time, processor, and bytes given to the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(slots=True)
class Spending:
    """Seconds on the clock, seconds of processor, bytes that the file system was given to write.

    What the system does not tell is None. Bytes are counted as the kernel does (`write_bytes` in /proc/PID/io): when
    a page becomes dirty, whether or not the file is deleted before it reaches the disk.
    """

    wall: float = 0.0
    cpu: float | None = None
    written: int | None = None
    facts: dict[str, float] = field(default_factory=dict)

    def figures(self, payload: int) -> dict[str, float]:
        """For a table: seconds, MB/s, CPU seconds a GB and the share of the payload that was written."""
        found = {"seconds": self.wall, "MB/s": payload / self.wall / 1e6}
        if self.cpu is not None:
            found["CPU s/GB"] = self.cpu / (payload / 1e9)
        if self.written is not None:
            found["written/payload"] = self.written / payload
        return {**found, **self.facts}


@contextmanager
def spending(pids: list[int] | None = None) -> Iterator[Spending]:
    """Of these processes; without any, of the children that are begun and waited for inside the block."""
    found = Spending()
    before, began = _account(pids), time.perf_counter()
    yield found
    found.wall = time.perf_counter() - began
    after = _account(pids)
    if before[0] is not None and after[0] is not None:
        found.cpu = after[0] - before[0]
    if before[1] is not None and after[1] is not None:
        found.written = after[1] - before[1]


def cpu_of(pid: int) -> float | None:
    """Seconds of processor of one process so far, all threads."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def written_by(pid: int | str) -> int | None:
    """Bytes given to the disk by one process and those of its children that it has waited for."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("write_bytes"))


def _account(pids: list[int] | None) -> tuple[float | None, int | None]:
    if pids is None:
        times = os.times()
        return times.children_user + times.children_system, written_by("self")
    cpu, written = [cpu_of(pid) for pid in pids], [written_by(pid) for pid in pids]
    return (
        None if None in cpu else sum(part for part in cpu if part is not None),
        None if None in written else sum(part for part in written if part is not None),
    )
