"""One search in a process of its own, which may hang or die: `python -m tests.fuzz.worker ORDER`, an object of JSON.

Says one line of JSON for each finding, and its tally at the end.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import msgspec

from .bounds import Clock, Fence, limit_memory
from .mutation import LONGEST
from .search import Finding, Search, Tally
from .targets import TARGETS


class Order(msgspec.Struct, frozen=True):
    """`room`: a folder for this process alone. `corpus`: inputs that are worth keeping."""

    target: str
    seed: int
    seconds: float
    inputs: int
    room: str
    corpus: str


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of what the process says."""

    finding: Finding | None = None
    tally: Tally | None = None


def main() -> None:
    order = msgspec.json.decode(sys.argv[1], type=Order)
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "invalid escape|.*codec failed")  # of a coding that nobody writes XML in
    limit_memory()
    target, room = TARGETS[order.target], Path(order.room)
    fence = Fence(room / "folder")
    clock = Clock(room / "record", LONGEST, sys.stderr)
    search = Search(target, fence, clock, Path(order.corpus), order.seed)
    tally = search.run(order.seconds, order.inputs, lambda finding: _say(Said(finding=finding)))
    _say(Said(tally=tally))


def _say(said: Said) -> None:
    print(msgspec.json.encode(said).decode(), flush=True)


if __name__ == "__main__":
    main()
