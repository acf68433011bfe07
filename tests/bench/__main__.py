"""`python -m tests.bench [NAME …] [--pairs N] [--small] [--json] [--folder DIR] [--check]`

Each benchmark compares the program with its peers in one run: peers take turns, and a ratio is the median of the
ratios of each round. Says whether the targets are met; the exit code is 0 either way, but 1 with `--check`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from . import (
    again,
    crowd,
    directories,
    durability,
    lanes,
    many,
    processes,
    pushing,
    ranges,
    servers,
    sharing,
    single,
    small,
    spread,
    start,
    throttled,
    unpacking,
    verifying,
    window,
)
from .figures import Report
from .ground import Ground

BENCHMARKS: Final[dict[str, Callable[[Ground], Report]]] = {
    "single": single.plain,
    "single-tls": single.tls,
    "throttled": throttled.run,
    "small": small.run,
    "dask": spread.run,
    "durability": durability.run,
    "window": window.run,
    "crowd": crowd.run,
    "start": start.run,
    "processes": processes.run,
    "servers": servers.run,
    "sharing": sharing.run,
    "ranges": ranges.plain,
    "ranges-tls": ranges.tls,
    "many": many.plain,
    "objects": many.objects,
    "push": pushing.large,
    "push-many": pushing.many,
    "lanes": lanes.run,
    "again": again.run,
    "unpack-stored": unpacking.stored,
    "unpack-deflated": unpacking.deflated,
    "unpack-small": unpacking.small,
    "unpack-directory": directories.run,
    "verify": verifying.again,
    "verify-receiving": verifying.receiving,
    "verify-receiving-line": verifying.receiving_from_a_line,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--pairs", type=int, default=5, help="rounds; 5 if not given")
    parser.add_argument("--small", action="store_true", help="small sizes: shows that it works, no more")
    parser.add_argument("--json", action="store_true", help="one object of JSON instead of tables")
    parser.add_argument("--folder", type=Path, help="on the file system to measure; what is made there once is kept")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"no benchmark: {', '.join(sorted(unknown))}")
    if chosen.pairs < 1:
        parser.error("--pairs: at least 1")
    if chosen.small and chosen.check:
        parser.error("--check: small sizes meet no target")
    with _folder(chosen.folder) as folder:
        ground = Ground(folder, chosen.small, chosen.pairs)
        facts = ground.facts()
        if not chosen.json:
            print("\n".join(f"{name}: {fact}" for name, fact in facts.items()), end="\n\n", flush=True)
        reports = {}
        for name in chosen.names or BENCHMARKS:
            reports[name] = BENCHMARKS[name](ground)
            if not chosen.json:
                print(reports[name].text(judged=not chosen.small), end="\n\n", flush=True)
    if chosen.json:
        plain = {name: report.plain() for name, report in reports.items()}
        print(json.dumps({"machine": facts, "benchmarks": plain}, indent=1, ensure_ascii=False))
    missed = [target for report in reports.values() for target in report.targets if not target.met]
    return 1 if chosen.check and missed else 0


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="aihub-bench-") as made:
        yield Path(made)


if __name__ == "__main__":
    sys.exit(main())
