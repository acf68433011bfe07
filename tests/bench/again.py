"""What comes twice when the program is killed fifty times during one download. Linux only."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from . import peers
from .contents import Content, bare
from .figures import Figures, Report, Target
from .ground import ROOT, Ground, Hub, prove_all
from .ranged import Shelf

OURS: Final = "aihub fetch"
_LONGEST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """`kept_back`: bytes that no kill may let through, so that the download outlives all of them."""

    size: int
    kills: int
    connections: int
    piece: int
    pace: int  # bytes a second of all connections
    kept_back: int

    @property
    def bound(self) -> int:
        """What one kill may cost: a piece for each connection."""
        return self.piece * self.connections


_FULL: Final = Sizes(2 << 30, 50, 8, 4 << 20, 250_000_000, 192 << 20)
_SMALL: Final = Sizes(64 << 20, 5, 4, 1 << 20, 40_000_000, 24 << 20)


def run(ground: Ground) -> Report:
    sizes = _SMALL if ground.small else _FULL
    content = bare(ground.images, sizes.size)
    report = Report(
        f"{content.size >> 20} MiB, killed {sizes.kills} times",
        [
            f"kill -9 of all processes at once, at random moments; {sizes.connections} connections, pieces of"
            f" {sizes.piece / (1 << 20):.0f} MiB, {sizes.pace / 1e6:.0f} MB/s in all.",
            "again: bytes that the server sent more than once, whether or not they were read.",
        ],
    )
    if sys.platform != "linux":
        report.about.append("Not run: the processes of a group are found in /proc.")
        return report
    for _ in range(ground.pairs):
        seed = random.SystemRandom().getrandbits(32)
        report.about.append(f"seed {seed}")
        report.rounds.append({OURS: _measured(ground, content, sizes, seed)})
    worst = max(report.values(OURS, "again/allowed"))
    report.targets.append(Target("again / a piece for each connection and kill", worst, 1.0))
    return report


def _measured(ground: Ground, content: Content, sizes: Sizes, seed: int) -> Figures:
    with ground.hub(Shelf(str(content.path), total=sizes.pace), "ranged") as hub, ground.empty() as folder:
        peers.settings(folder, f"piece_bytes={sizes.piece}")
        words = (hub.url, "--checksum", f"sha-256:{content.sha256}", "--connections", str(sizes.connections))
        kills = Kills(
            hub, sizes, peers.fetch_words(folder, *words), peers.fetch_environment(folder), folder / "log", seed
        )
        began = time.perf_counter()
        kills.run()
        seconds = time.perf_counter() - began
        prove_all(folder / "to", {content.path.name: content.sha256})
    return {"seconds": seconds, **kills.figures()}


@dataclass(slots=True)
class Kills:
    """One download that is begun and killed, begun and killed, and at last left alone. `look` is called after each
    kill, when nothing of it runs. Raises `AssertionError` where it comes to its end early, or not at all."""

    hub: Hub
    sizes: Sizes
    command: list[str]
    environment: dict[str, str]
    log: Path
    seed: int
    look: Callable[[], object] = lambda: None
    again: list[int] = field(default_factory=list)  # bytes sent again before each kill, in all

    def run(self) -> None:
        dice = random.Random(self.seed)
        for left in range(self.sizes.kills, 0, -1):
            self._life(dice, left)
        process = self._begun()
        code = process.wait(10 * _LONGEST)
        assert code == 0, f"exit {code}: {self._said()}"
        self.again.append(self._quiet())
        self._judge()

    def figures(self) -> Figures:
        costs = [after - before for before, after in zip([0, *self.again], self.again, strict=False)]
        return {
            "kills": float(self.sizes.kills),
            "again, MB": self.again[-1] / 1e6,
            "allowed, MB": self.sizes.kills * self.sizes.bound / 1e6,
            "again/allowed": self.again[-1] / (self.sizes.kills * self.sizes.bound),
            "most after a kill, MB": max(costs) / 1e6,
            "again/size": self.again[-1] / self.sizes.size,
        }

    def _life(self, dice: random.Random, left: int) -> None:
        fresh = self.hub.ask(b"0")["fresh"]
        wanted = fresh + int(dice.uniform(0, 1.6) * max(0, self.sizes.size - self.sizes.kept_back - fresh) / left)
        at_start = dice.random() < 0.2
        process = self._begun()
        try:
            if at_start:  # any moment from the first instruction on
                threading.Event().wait(dice.uniform(0, 1.2))
            else:
                self._await_fresh(process, min(wanted, self.sizes.size - self.sizes.kept_back))
            assert process.poll() is None, f"over before its last kill, exit {process.poll()}: {self._said()}"
        finally:
            _kill(process)
        self.again.append(self._quiet())
        self._judge()
        self.look()

    def _begun(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=ROOT,
                start_new_session=True,
            )

    def _await_fresh(self, process: subprocess.Popen[bytes], wanted: int) -> None:
        """Returns once so much has been sent for the first time, or the process has ended."""
        deadline = time.monotonic() + _LONGEST
        while process.poll() is None and (seen := self.hub.ask(b"%d" % wanted))["fresh"] < wanted:
            assert time.monotonic() < deadline, f"no further than {seen} of {wanted} wanted: {self._said()}"

    def _quiet(self) -> int:
        """How much was sent more than once, when the server has noticed that nobody reads any more."""
        deadline = time.monotonic() + _LONGEST
        while (seen := self.hub.ask(b"0"))["sending"]:
            assert time.monotonic() < deadline, seen
        return int(seen["sent"] - seen["fresh"])

    def _judge(self) -> None:
        """Each kill so far may have cost its share."""
        allowed = min(len(self.again), self.sizes.kills) * self.sizes.bound
        costs = [f"{count / 1e6:.2f}" for count in self.again]
        assert self.again[-1] <= allowed, f"seed {self.seed}, MB again until each kill: {' '.join(costs)}"

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group at once; returns when nothing of it runs."""
    if sys.platform == "win32":
        raise OSError("no groups of processes here")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    moment, deadline = threading.Event(), time.monotonic() + _LONGEST
    while _alive(process.pid):
        assert time.monotonic() < deadline
        moment.wait(0.002)


def _alive(group: int) -> bool:
    """Whether a process of this group runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, theirs = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it ended meanwhile
        if int(theirs) == group and state not in "ZX":
            return True
    return False


def told(kills: Kills) -> list[str]:
    """Lines for whoever reads the record of a run."""
    figures: dict[str, Any] = kills.figures()
    return [f"seed {kills.seed}", ", ".join(f"{name} {value:.2f}" for name, value in figures.items())]
