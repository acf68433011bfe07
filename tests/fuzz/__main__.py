"""`python -m tests.fuzz [TARGET …] [--minutes M] [--seed N] [--jobs 2] [--corpus DIR] [--keep DIR]`

Feeds what reads bytes from outside with bytes that were changed in every way, for M minutes of processor time in all.
Whatever raises more than its documented error, writes outside its folder, takes long or much memory, or is read
differently by two ways is a finding. Exit code 1 if there was one.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Final

from .search import Finding
from .session import fuzz_all
from .targets import TARGETS

_SHOWN_BYTES: Final = 800


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none is given")
    parser.add_argument("--minutes", type=float, default=10.0, help="of processor time, for all together; 10")
    parser.add_argument("--seed", type=int, help="the same seed makes the same changes; random if not given")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once; 1")
    parser.add_argument("--corpus", type=Path, help="a folder: inputs that went new ways are kept for the next run")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs of findings")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(TARGETS):
        parser.error(f"no target: {', '.join(sorted(unknown))}")
    if chosen.minutes <= 0 or chosen.jobs < 1:
        parser.error("--minutes and --jobs: more than 0")
    names = chosen.names or list(TARGETS)
    seed = random.SystemRandom().randrange(1 << 32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    findings: list[Finding] = []
    seconds = chosen.minutes * 60 / len(names)
    for result in fuzz_all(names, jobs=chosen.jobs, seconds=seconds, seed=seed, corpus=chosen.corpus):
        print(result.text(), flush=True)
        for finding in result.findings:
            findings.append(finding)
            print(told(finding), flush=True)
            if chosen.keep is not None:
                chosen.keep.mkdir(parents=True, exist_ok=True)
                (chosen.keep / f"{finding.target}-{len(findings)}").write_bytes(finding.data)
    return 1 if findings else 0


def told(finding: Finding) -> str:
    """A finding with its bytes as Python writes them, for a test of its own."""
    shown = finding.data[:_SHOWN_BYTES]
    more = f" … {len(finding.data)} bytes" if len(shown) < len(finding.data) else ""
    return f"\n{finding.target}: {finding.kind}: {finding.what}\n{finding.trace}{shown!r}{more}"


if __name__ == "__main__":
    sys.exit(main())
