"""The worker with every sync taken away: what durability costs is the difference.

    python -m tests.bench.careless

Nothing else differs: marks are made, journals written, files renamed. After a power cut none of it would hold.
"""

from __future__ import annotations

import os
import sys


def _nothing(descriptor: int) -> None:
    """Says that the disk has it."""


def main() -> int:
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _nothing)
    from aihub_desktop.engine import worker  # noqa: PLC0415 - once the calls are gone

    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
