"""How late the window's event loop comes while the engine transfers: what a hand on the mouse feels."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .contents import stored_zip
from .figures import Figures, Report, Target, in_turn, percentile
from .ground import ROOT, Ground, Hub, environment
from .origin import Offer, Offered

IDLE, LINE, FULL = "nothing transfers", "125 MB/s", "full speed"


def run(ground: Ground) -> Report:
    seconds = 1.0 if ground.small else 15.0
    image = stored_zip(ground.images, (8 << 20) if ground.small else (1 << 30), 4 if ground.small else 64)
    offered = [Offered(f"bench/{number}.zip", image.size, str(image.path)) for number in range(8)]
    report = Report(
        f"the window's event loop, 8 files of {image.size >> 20} MiB, 4 at once",
        [
            "Milliseconds late, of a timer of 10 ms; offscreen, the table of running files in sight.",
            f"Watched for {seconds:.0f} s, or until everything is verified. own: without the waits for a core.",
            "125 MB/s: all streams together, a gigabit line. full speed: as fast as server, engine and disk can.",
        ],
    )
    line = 20_000_000 if ground.small else 125_000_000
    with ground.hub(Offer(offered, total=line)) as slow, ground.hub(Offer(offered)) as fast:
        tasks: dict[str, Callable[[], Figures]] = {
            IDLE: partial(_watched, ground, fast, seconds, "--idle"),
            LINE: partial(_watched, ground, slow, seconds),
            FULL: partial(_watched, ground, fast, seconds),
        }
        in_turn(report, tasks, ground.pairs)
    for peer, bound in ((LINE, 20.0), (FULL, 60.0)):
        report.targets.append(Target(f"p99 ms late, {peer}", statistics.median(report.values(peer, "p99")), bound))
    return report


def _watched(ground: Ground, hub: Hub, seconds: float, *more: str) -> Figures:
    command = [sys.executable, "-m", f"{__package__}.watched", hub.url]
    variables = environment(PYTHONUNBUFFERED="1")
    # The stage of the window's tests is of their folder.
    variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], str(ROOT / "tests")])
    with ground.empty() as folder:
        hub.seen()
        words = [*command, str(folder), str(seconds), *more]
        done = subprocess.run(words, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        seen = hub.seen()
    late = [1000 * each for each in found["late"]]
    return {
        "p99": percentile(late, 0.99),
        "p50": percentile(late, 0.50),
        "p95": percentile(late, 0.95),
        "worst": max(late),
        "own p99": 1000 * percentile(found["own"], 0.99),
        "turns": float(len(late)),
        "MB/s": speed(seen["samples"], found["began"], found["ended"]),
    }


def speed(samples: list[tuple[float, int]], began: float, ended: float) -> float:
    """MB/s between two moments; `samples` of (moment, bytes sent) as `Hub.seen` gives them."""
    inside = [sent for moment, sent in samples if began <= moment <= ended]
    return (inside[-1] - inside[0]) / (ended - began) / 1e6 if inside else 0.0
