"""Run in a network of its own: an engine downloads, the hub falls silent, and the way to it becomes another.

Prints what became of it. A changed route to the same hub is what a laptop meets between two networks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from engines import RunningEngine, final_files, offered

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.states import TransferState

MB = 1 << 20
FOUR = Catalogue.of({f"자료/{number}.bin": noise(4 * MB, number) for number in range(4)})


def main(ground: Path) -> None:
    os.environ["AIHUB_APIKEY"] = DEMO_KEY
    with DemoHub(FOUR, piece_size=MB) as hub:
        hub.faults.add(f.Stall(after=2 * MB, times=4))
        with RunningEngine(ground / "home", hub.url, stall_seconds=300, bundle_files=1, patience=None) as run:
            number = run.add(ground / "folder")
            hub.requests.wait(lambda seen: sum(one.sent >= 2 * MB for one in seen) == 4)
            time.sleep(6)  # longer than between two looks at the way: the old one has been seen
            other = ["ip", "route", "replace", "local", "127.0.0.1", "dev", "lo", "table", "local", "src", "127.0.0.2"]
            subprocess.run(other, check=True, timeout=10)
            row = run.wait_for(number, TransferState.DONE)
            print(row.state.value, row.done, "attempts", sum(file.attempts for file in run.files(number)))
    assert row.again > 0
    assert final_files(ground / "folder") == offered(FOUR)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
